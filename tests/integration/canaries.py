"""Canaries: values that occur nowhere else, in every column of a centre's data, and a search for them.

A canary is looked for as UTF-8, as UTF-16, as hexadecimal and base64 text (whatever its alignment),
and a number also as the bytes of a double and of an integer of its fixed-point steps.
"""

import base64
import random
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

SEED = 8675309
NUMBER = "8675309.25"

DICTIONARY = """\
name: canaries
resources:
  - name: people
    schema:
      primaryKey: pid
      fields:
        - {name: pid, skerry: {role: key}}
        - {name: surname, skerry: {role: identifier}}
        - {name: comment}
        - {name: reading, type: number, skerry: {role: local}}
        - {name: dose, type: number, constraints: {minimum: 0, maximum: 10000000}, skerry: {precision: 0.25}}
        - {name: sex, constraints: {enum: [M, F], required: true}}
        - {name: age, type: integer, constraints: {minimum: 0, maximum: 120}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cage:
    """One centre's rows, and the canaries in them."""

    text: str
    canaries: tuple[str, ...]


def cage(centre: str, patients: int = 24, *, bad_code: str = "") -> Cage:
    """Fill every text column with canaries and every number column with the odd number, now and then."""
    print(f"seed {SEED} {centre}")  # noqa: T201 -- shown when a test fails
    draw = random.Random(f"{SEED} {centre}")  # noqa: S311 -- test data
    rows, canaries = ["pid,surname,comment,reading,dose,sex,age"], [NUMBER]
    for number in range(patients):
        words = [f"{kind}canary{draw.getrandbits(64):016x}" for kind in ("pid", "name", "note")]
        canaries += words
        dose = NUMBER if number % 6 == 0 else str(draw.randint(0, 90) / 4)
        sex = bad_code if bad_code and number == 3 else "MF"[number % 2]
        rows.append(",".join([*words, NUMBER, dose, sex, str(draw.randint(18, 90))]))
    return Cage(text="\n".join(rows) + "\n", canaries=(*canaries, *([bad_code] if bad_code else [])))


def forms(canary: str) -> Iterator[bytes]:
    """Give the bytes as which a canary may stand somewhere."""
    yield canary.encode()
    yield canary.encode("utf-16-le")
    yield canary.encode().hex().encode()
    for shift in range(3):
        # The ends of a base64 text depend on its neighbours; the middle does not.
        yield base64.b64encode(bytes(shift) + canary.encode())[4:-4]
    if canary == NUMBER:
        yield struct.pack("<d", float(canary))
        yield struct.pack(">d", float(canary))


def found(canaries: Iterable[str], octets: bytes) -> set[str]:
    """Find canaries in bytes, in any form."""
    return {canary for canary in canaries if any(form in octets for form in forms(canary))}


def found_below(canaries: Iterable[str], folder: Path) -> dict[str, set[str]]:
    """Find canaries in the files of a folder and below, and in their names; by file."""
    wanted = tuple(canaries)
    hits = {}
    for path in sorted(folder.rglob("*")):
        octets = str(path.name).encode() + (path.read_bytes() if path.is_file() else b"")
        if hit := found(wanted, octets):
            hits[str(path.relative_to(folder))] = hit
    return hits
