"""The encrypted place where an import's rows stand between the file and the snapshot.

A staged table `st.a0` has, per row: `row` (from the first data line), `k` (the text of the patient
key), `patient`, `h` (what orders a patient's rows), `e_k` and `e0`, ... (verdicts of `rules`),
`c0`, ... (values), `u0`, ... (the primary key). The file's key exists in this process only
(spec/importing.md 4, spec/snapshot.md 4).
"""

# ruff: noqa: S608 -- statements are made of ordinals and of our own words; values are parameters

import base64
import gc
import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt

from node.encrypted_files import attach, connect, lock_down
from node.importing.records import Batch
from node.importing.rules import FINE, FieldSql, Parameter, field_sql, key_sql, missing_parameters
from node.snapshots import ImportSecrets
from protocols.dictionary import NUMERIC, Dictionary, FieldType, Table

MEMORY = "1GB"


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedTable:
    """A table of the dictionary with the statement parts of its fields; `key` is an ordinal."""

    number: int
    table: Table
    fields: tuple[FieldSql, ...]
    key: int | None
    unique: tuple[int, ...]

    @property
    def name(self) -> str:
        """The staged table in statements."""
        return f"st.a{self.number}"

    @property
    def kept(self) -> tuple[FieldSql, ...]:
        """The fields that the snapshot keeps."""
        return tuple(field for field in self.fields if field.is_kept)

    @property
    def needs_ranks(self) -> bool:
        """Whether a patient may have several rows."""
        return self.key is not None and self.table.cap > 1


def staged_tables(dictionary: Dictionary) -> tuple[StagedTable, ...]:
    """Describe the staging of each table of a dictionary."""
    return tuple(_staged(table, number) for number, table in enumerate(dictionary.tables))


def _staged(table: Table, number: int) -> StagedTable:
    names = [field.name for field in table.fields]
    key = None if table.key is None else names.index(table.key)
    return StagedTable(
        number=number,
        table=table,
        fields=tuple(field_sql(table, number, i) for i in range(len(names)) if i != key),
        key=key,
        unique=tuple(names.index(name) for name in table.unique),
    )


@contextmanager
def staging(folder: Path, out: tuple[Path, str] | None) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a staging database `st` in an empty private folder and, where given, the snapshot `out`.

    `out` is the path and the key of the file to write. From here on the connection reaches nothing
    else: it never opens a centre's file itself.
    """
    with closing(connect(folder / "spill", memory=MEMORY)) as con:
        attach(
            con,
            folder / "stage.duckdb",
            "st",
            base64.b64encode(secrets.token_bytes(32)).decode(),
            read_only=False,
        )
        if out is not None:
            attach(con, out[0], "out", out[1], read_only=False)
        con.execute("SET preserve_insertion_order=false")
        lock_down(con)
        yield con


def stage(
    con: duckdb.DuckDBPyConnection, staged: StagedTable, batches: Iterator[Batch], keyed: ImportSecrets
) -> tuple[str, ...]:
    """Judge and stage all rows of a table. Gives the columns that the dictionary does not know.

    Raises what `batches` raises. Parsing does not run beside the database: both need Python's lock
    for each value, and two threads that fight for it take longer than one.
    """
    _make(con, staged)
    statement, parameters = _insert(staged, keyed)
    left_out: tuple[str, ...] = ()
    with _without_cycle_search():
        for batch in batches:
            left_out = batch.layout.left_out
            _insert_batch(con, batch, statement, parameters)
    return left_out


@contextmanager
def _without_cycle_search() -> Iterator[None]:
    # A million short lists hold no cycles; looking for some doubles the time of reading them.
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _insert_batch(
    con: duckdb.DuckDBPyConnection, batch: Batch, statement: str, parameters: dict[str, Parameter]
) -> None:
    columns: dict[str, npt.NDArray[np.object_] | npt.NDArray[np.int64]] = {"row": batch.rows}
    columns |= {f"f{index}": column for index, column in enumerate(batch.columns)}
    con.register("batch", columns)
    con.execute(statement, parameters)
    con.unregister("batch")


def _make(con: duckdb.DuckDBPyConnection, staged: StagedTable) -> None:
    columns = ["row BIGINT", "patient BIGINT", "k VARCHAR", "h UBIGINT", "e_k UTINYINT"]
    columns += [f"e{field.index} UTINYINT" for field in staged.fields]
    columns += [f"c{field.index} {field.column_type}" for field in staged.kept]
    columns += [f"u{index} VARCHAR" for index in staged.unique]
    con.execute(f"CREATE TABLE {staged.name} ({', '.join(columns)})")
    for field in staged.fields:
        if field.enum:
            _make_enum(con, field, is_real=field.index in _reals(staged.table))


def _make_enum(con: duckdb.DuckDBPyConnection, field: FieldSql, *, is_real: bool) -> None:
    """Fill an ENUM type with the codes; those of real numbers as the database writes them."""
    word = "CAST(CAST(w AS DOUBLE) + 0.0::DOUBLE AS VARCHAR)" if is_real else "w"
    con.execute("CREATE TEMP TABLE words (i INTEGER, w VARCHAR)")
    con.execute(
        "INSERT INTO words SELECT unnest(range(len($words))), unnest($words)", {"words": list(field.words)}
    )
    con.execute(f"CREATE TYPE {field.enum} AS ENUM (SELECT {word} FROM words ORDER BY i)")
    con.execute("DROP TABLE words")


def _reals(table: Table) -> frozenset[int]:
    return frozenset(i for i, field in enumerate(table.fields) if field.type is FieldType.NUMBER)


def _insert(staged: StagedTable, keyed: ImportSecrets) -> tuple[str, dict[str, Parameter]]:
    """Make the statement that judges a batch, with its parameters: text, then values, then verdicts."""
    parameters = missing_parameters(staged.table)
    for field in staged.fields:
        parameters |= field.parameters
    if staged.key is not None:
        parameters["patients"] = keyed.patients
    if staged.needs_ranks:
        parameters["ranks"] = keyed.ranks
    texts = ["*", *(f"{f.missing} AS m{f.index}, {f.form} AS g{f.index}" for f in staged.fields)]
    values = ["*", *(f"CASE WHEN g{f.index} THEN {f.value} END AS v{f.index}" for f in staged.fields)]
    verdicts = ["*", *(f"{f.verdict} AS e{f.index}" for f in staged.fields)]
    statement = (
        f"INSERT INTO {staged.name} SELECT {', '.join(_result(staged))} FROM"
        f" (SELECT {', '.join(verdicts)} FROM (SELECT {', '.join(values)} FROM"
        f" (SELECT {', '.join(texts)} FROM batch)))"
    )
    return statement, parameters


def _result(staged: StagedTable) -> list[str]:
    key = staged.key
    columns = ["row"]
    columns += (
        ["row", "NULL", "NULL", "0"]
        if key is None
        else [
            # The first 63 bits of the keyed hash.
            f"CAST({_hash64(f'$patients || f{key}')} >> 1 AS BIGINT)",
            f"f{key}",
            _hash64(_row_text(staged)) if staged.needs_ranks else "NULL",
            key_sql(key, staged.table),
        ]
    )
    columns += [f"e{field.index}" for field in staged.fields]
    columns += [field.stored for field in staged.kept]
    return columns + [_unique_text(staged, index) for index in staged.unique]


def _hash64(text: str) -> str:
    """The first 8 bytes of SHA-256, big-endian."""
    return f"CAST('0x' || left(sha256({text}), 16) AS UBIGINT)"


def _row_text(staged: StagedTable) -> str:
    # Not injective where a value holds the separator: two such rows may tie, and a tie is broken by
    # the order of the patient's own rows in the file (spec/snapshot.md 3).
    return (
        f"concat_ws(chr(31), $ranks, f{staged.key}, {', '.join(f'f{f.index}' for f in staged.kept) or '0'})"
    )


def _unique_text(staged: StagedTable, index: int) -> str:
    """One value, one text: numbers in one form, everything else as it stands; NULL when missing."""
    field = staged.table.fields[index]
    if index == staged.key:
        return f"CASE WHEN ({key_sql(index, staged.table)}) = {FINE} THEN f{index} END"
    value = f"CAST(v{index} AS VARCHAR)" if field.codes or field.type in NUMERIC else f"f{index}"
    return f"CASE WHEN e{index} = 0 THEN {value} END"
