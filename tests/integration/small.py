"""A small registry for tests of the contract: every role of a field, an empty level, a missing level."""

import csv
import random
from pathlib import Path

DICTIONARY = """\
name: small
title: A small registry
resources:
  - name: people
    schema:
      primaryKey: id
      fields:
        - {name: id, skerry: {role: key}}
        - {name: name, skerry: {role: identifier}}
        - {name: note}
        - {name: sex, constraints: {enum: [M, F], required: true}, skerry: {labels: {M: men, F: women}}}
        - {name: stage, constraints: {enum: [I, II, III, IV]}}
        - {name: smoker, type: boolean}
        - name: age
          type: integer
          constraints: {minimum: 0, maximum: 120, required: true}
          skerry: {unit: years}
        - {name: change, type: number, constraints: {minimum: -10, maximum: 10}, skerry: {precision: 1}}
"""
SEED = 20260311
Patient = dict[str, str]


def patients(centre: str, count: int) -> list[Patient]:
    """Make patients: stage III never occurs, some have no stage and no change, each change ends in a half."""
    print(f"seed {SEED} {centre}")  # noqa: T201 -- shown when a test fails
    draw = random.Random(f"{SEED} {centre}")  # noqa: S311 -- test data
    return [
        {
            "id": f"{centre}-{number}",
            "name": f"Name{number}",
            "note": "seen twice",
            "sex": draw.choice("MF"),
            "stage": draw.choice(["I", "I", "II", "IV", ""]),
            "smoker": draw.choice(["true", "false", ""]),
            "age": str(draw.randint(18, 95)),
            "change": draw.choice(["-2.5", "-0.5", "0.5", "1.5", "4.5", ""]),
        }
        for number in range(count)
    ]


def write_patients(path: Path, rows: list[Patient]) -> Path:
    """Write patients as a centre would export them."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path


def written(folder: Path, **sizes: int) -> tuple[Path, dict[str, Path]]:
    """Write the dictionary and a file for each centre; give their places."""
    folder.mkdir(parents=True, exist_ok=True)
    dictionary = folder / "small.yaml"
    dictionary.write_text(DICTIONARY, encoding="utf-8")
    files = {
        name: write_patients(folder / f"{name}.csv", patients(name, count)) for name, count in sizes.items()
    }
    return dictionary, files
