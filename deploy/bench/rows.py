"""Synthetic rows for the benchmarks: 20 a patient, ten arms, a dose; drawn from a seed."""

from pathlib import Path

import numpy as np

DICTIONARY = b"""
name: bench
resources:
  - name: sessions
    path: sessions.csv
    schema:
      fields:
        - {name: patient, type: integer, skerry: {role: key}}
        - {name: arm, type: string, constraints: {enum: [A, B, C, D, E, F, G, H, I, J], required: true}}
        - name: dose
          type: number
          constraints: {minimum: 0, maximum: 100}
          skerry: {unit: mg, precision: 0.01}
        - name: weight
          type: number
          constraints: {minimum: 30, maximum: 250}
          skerry: {unit: kg, precision: 0.1}
        - {name: visit, type: integer, constraints: {minimum: 0, maximum: 1000}}
        - {name: note, type: string}
    skerry: {rows_per_patient: 20}
"""
ROWS_PER_PATIENT = 20
_CHUNK = 500_000


def write_rows(path: Path, rows: int, seed: int) -> None:
    """Write a CSV of so many rows, a part at a time."""
    draw = np.random.default_rng(seed)
    arms = np.array(list("ABCDEFGHIJ"))
    with path.open("w", encoding="ascii") as file:
        file.write("patient,arm,dose,weight,visit,note\n")
        for start in range(0, rows, _CHUNK):
            count = min(_CHUNK, rows - start)
            patients = (np.arange(start, start + count) // ROWS_PER_PATIENT).tolist()
            columns = (
                patients,
                arms[draw.integers(0, 10, count)].tolist(),
                np.round(draw.gamma(4, 9, count).clip(0, 100), 2).tolist(),
                np.round(draw.normal(75, 14, count).clip(30, 250), 1).tolist(),
                draw.integers(0, 60, count).tolist(),
            )
            file.writelines(f"{a},{b},{c},{d},{e},seen\n" for a, b, c, d, e in zip(*columns, strict=True))
