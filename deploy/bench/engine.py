"""The engine and the importer on many rows, against DuckDB and pandas written by hand."""

import resource
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

import pandas as pd

from deploy.bench.figures import Figure, paired_seconds
from deploy.bench.rows import DICTIONARY, write_rows
from node.engines.templates import statement_of
from node.importing.importer import import_snapshot
from node.plan import Plan, compile_plan
from node.snapshots import Snapshot, Snapshots
from protocols.dictionary_text import read_dictionary
from protocols.query_text import request_from_tree

_QUESTION = {
    "study": "bench",
    "statistic": {"kind": "mean", "variable": "dose", "by": ["arm"]},
    "release": {"mode": "dp", "scope": "centre", "rho": "0.1"},
}
# What a careful person writes: each patient's sum and count in an arm, clamped, then summed.
_BY_HAND = """
SELECT arm, sum(c), sum(s) FROM (
    SELECT patient, c1 AS arm, least(count(c2), 20) AS c,
           greatest(-2000, least(2000, sum(greatest(0, least(100, c2))))) AS s
    FROM s.t0 WHERE c2 IS NOT NULL GROUP BY patient, c1
) GROUP BY arm
"""


def _plan() -> Plan:
    dictionary = read_dictionary(DICTIONARY)
    return compile_plan(request_from_tree(_QUESTION, dictionary).query, dictionary)


def _imported(csv: Path, snapshots: Snapshots) -> None:
    import_snapshot(
        csv,
        dictionary=read_dictionary(DICTIONARY),
        snapshots=snapshots,
        rows_are_patients=False,
        progress=lambda _: None,
        now=datetime.now(UTC),
    )


def _current(snapshots: Snapshots) -> Snapshot:
    current = snapshots.current()
    if current is None:
        raise RuntimeError("nothing was imported")
    return current


def measure(rows: int, seed: int, say: Any) -> list[Figure]:  # noqa: ANN401 -- a printer
    """Measure import and grouped bounded mean over so many rows."""
    with tempfile.TemporaryDirectory() as name:
        csv = Path(name) / "sessions.csv"
        say(f"writing {rows:,} rows")
        write_rows(csv, rows, seed)
        snapshots = Snapshots(Path(name) / "snapshots", bytes(32))
        say("importing them")
        began = perf_counter()
        _imported(csv, snapshots)
        import_s = perf_counter() - began
        began = perf_counter()
        pd.read_csv(csv)
        pandas_s = perf_counter() - began
        say("asking for a mean by arm")
        statement = statement_of(_plan())
        connection = snapshots.open_read_only(_current(snapshots))
        ours, by_hand = paired_seconds(
            lambda: connection.execute(statement.text, statement.parameters).fetchall(),
            lambda: connection.execute(_BY_HAND).fetchall(),
            runs=9,
        )
        connection.close()
    return [
        Figure(
            name=f"import of {rows:,} rows with validation",
            value=import_s,
            unit="s",
            peer="pandas.read_csv of the same file, without validation",
            peer_value=pandas_s,
            wanted="at most 5 s",
            is_reached=import_s <= 5,
        ),
        Figure(
            name=f"grouped bounded mean over {rows:,} rows",
            value=ours,
            unit="s",
            peer="per-patient clamp and sum by hand in DuckDB, same snapshot",
            peer_value=by_hand,
            wanted="at most 2 times by hand",
            is_reached=ours <= 2 * by_hand,
        ),
    ]


def peak_memory(rows: int, seed: int) -> Figure:
    """Measure the peak memory of a process that imports so many rows and asks once."""
    with tempfile.TemporaryDirectory() as name:
        csv = Path(name) / "sessions.csv"
        write_rows(csv, rows, seed)
        command = [sys.executable, "-m", "deploy.bench.engine", str(csv), name]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        size_gb = csv.stat().st_size / 2**30
    peak_gb = float(output.split()[0])
    return Figure(
        name=f"peak memory of import and mean over {rows:,} rows",
        value=peak_gb,
        unit="GiB",
        peer="size of the file",
        peer_value=size_gb,
        wanted="at most 2 GiB",
        is_reached=peak_gb <= 2,
    )


def _main(csv: Path, folder: Path) -> None:
    """Import and ask once in a process of its own; print the peak memory in GiB."""
    snapshots = Snapshots(folder / "snapshots", bytes(32))
    _imported(csv, snapshots)
    statement = statement_of(_plan())
    snapshots.open_read_only(_current(snapshots)).execute(statement.text, statement.parameters).fetchall()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)


if __name__ == "__main__":
    _main(Path(sys.argv[1]), Path(sys.argv[2]))
