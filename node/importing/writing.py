"""Writes the tables of a snapshot from what is staged and clean (spec/snapshot.md 2 and 3)."""

# ruff: noqa: S608 -- statements are made of ordinals and of our own words; values are parameters

import duckdb

from node.importing.staging import StagedTable
from node.snapshots import FORMAT
from protocols.ids import Digest, SnapshotId


def write_snapshot(
    con: duckdb.DuckDBPyConnection, tables: tuple[StagedTable, ...], snapshot: SnapshotId, dictionary: Digest
) -> None:
    """Fill the attached file `out` and close it: after this it is whole, with no log beside it."""
    con.execute("BEGIN")
    con.execute(
        "CREATE TABLE out.meta"
        " (format INTEGER NOT NULL, snapshot VARCHAR NOT NULL, dictionary VARCHAR NOT NULL)"
    )
    con.execute("INSERT INTO out.meta VALUES (?, ?, ?)", [FORMAT, str(snapshot), str(dictionary)])
    for staged in tables:
        _write_table(con, staged)
    con.execute("COMMIT")
    con.execute("CHECKPOINT out")
    con.execute("DETACH out")


def _write_table(con: duckdb.DuckDBPyConnection, staged: StagedTable) -> None:
    typed = ["patient BIGINT NOT NULL", "rk INTEGER NOT NULL"]
    typed += [f"c{field.index} {field.column_type}" for field in staged.kept]
    con.execute(f"CREATE TABLE out.t{staged.number} ({', '.join(typed)})")
    values = ", ".join(f"c{field.index}" for field in staged.kept)
    names = f"patient, rk, {values}" if values else "patient, rk"
    con.execute(
        f"INSERT INTO out.t{staged.number} SELECT {names}"
        f" FROM ({_ranked(staged)}) WHERE rk <= {staged.table.cap}"
    )


def _ranked(staged: StagedTable) -> str:
    if not staged.needs_ranks:
        return f"SELECT *, 1 AS rk FROM {staged.name}"
    # Over one patient's rows only: what others have cannot move a row over or under the cap.
    rank = "row_number() OVER (PARTITION BY patient ORDER BY h, row)"
    return f"SELECT *, CAST({rank} AS INTEGER) AS rk FROM {staged.name}"
