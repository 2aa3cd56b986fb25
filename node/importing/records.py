"""Reads a table's file into batches of columns of text: delimiters, quotes, header, row lengths.

Python's own csv reader in strict mode does it, not the database's: DuckDB 1.5 takes a file whose
last quote is never closed for an empty one, and a trailing delimiter for nothing
(spec/importing.md 3). So every record is counted here, and what the database gets are values.
"""

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt

from node.errors import FileRefused
from node.importing.report import MAX_LISTED, Finding, Reason, Total, row_shown
from node.importing.sources import Source, first_line, opened_text
from protocols.dictionary import FieldType, Table

_SLICE_ROWS = 8_192
"""Records turned into columns at a time: they fit a processor's cache, which halves the time."""
_BATCH_CELLS = 1_500_000
"""Values handed to the database at a time, about 100 MB as Python's text."""
BLANKS = " \t\r\n\u00a0"
"""What is trimmed around a value: space, tab, line ends, no-break space."""
_MOST_CHARACTERS = 131_072
"""A value has at most so many; spec/importing.md 3."""
_DELIMITERS = {",": "','", ";": "';'", "\t": "a tab", "|": "'|'"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where the fields stand in the file: `positions[i]` is the column of field i."""

    width: int
    positions: tuple[int, ...]
    left_out: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Some records, by field; `rows` are their numbers from the first data line, from 1."""

    layout: Layout
    rows: npt.NDArray[np.int64]
    columns: list[npt.NDArray[np.object_]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Slice:
    """A few records, by field."""

    layout: Layout
    rows: Sequence[int]
    columns: list[Sequence[str]]


class RaggedRows(FileRefused):
    """Rows that are longer or shorter than the header."""

    def __init__(self, source: Source, findings: list[Finding], count: int) -> None:
        first = findings[0]
        super().__init__(
            source.table.name,
            Reason.ROW_LENGTH,
            f"{source.shown}: {row_shown(first.row or 0, has_header=source.table.dialect.has_header)}:"
            f" {first.sentence}" + (f"; so have {count - 1:,} more rows" if count > 1 else ""),
            "look for a delimiter inside a value that is not quoted",
            row=first.row,
            file=source.shown,
        )
        self.findings = findings
        self.total = Total(field="", reason=Reason.ROW_LENGTH, rows=count)


def read_batches(source: Source, expected: bytes) -> Iterator[Batch]:
    """Read a file to its end, in large batches. Raises FileRefused; see `_read_slices`."""
    room: _Room | None = None
    for piece in _read_slices(source, expected):
        room = room or _Room(piece.layout)
        room.take(piece)
        if room.is_full:
            yield room.batch()
            room = None
    if room is not None:
        yield room.batch()


class _Room:
    """Arrays that are filled slice by slice: each text is touched while the processor has it."""

    def __init__(self, layout: Layout) -> None:
        width = len(layout.positions)
        self._most = max(_SLICE_ROWS, _BATCH_CELLS // width)
        self._layout = layout
        self._rows = np.empty(self._most + _SLICE_ROWS, dtype=np.int64)
        self._columns = [np.empty(len(self._rows), dtype=np.object_) for _ in range(width)]
        self._filled = 0

    @property
    def is_full(self) -> bool:
        return self._filled >= self._most

    def take(self, piece: "_Slice") -> None:
        place = slice(self._filled, self._filled + len(piece.rows))
        self._rows[place] = piece.rows
        for column, values in zip(self._columns, piece.columns, strict=True):
            column[place] = values
        self._filled += len(piece.rows)

    def batch(self) -> Batch:
        end = self._filled
        return Batch(layout=self._layout, rows=self._rows[:end], columns=[c[:end] for c in self._columns])


def _read_slices(source: Source, expected: bytes) -> "Iterator[_Slice]":
    """Read a file to its end, record by record. Raises FileRefused.

    `expected` is the SHA-256 of the file's bytes. A blank line is no record, and is counted, so that
    where no value holds a line break, row n stands on line n + 1 below a header.
    """
    # The limit is the process's, and a library may have raised it.
    csv.field_size_limit(_MOST_CHARACTERS)
    with opened_text(source, expected) as text:
        records = csv.reader(
            text,
            delimiter=source.table.dialect.delimiter,
            quotechar=source.table.dialect.quote,
            doublequote=True,
            strict=True,
        )
        place = _Place()
        try:
            layout = _layout(source, _first(records, source)) if source.table.dialect.has_header else None
            yield from _batches(source, layout, records, place)
        except csv.Error:
            raise source.refuse(
                Reason.QUOTES,
                "a quoted value is not closed, goes on behind its closing quote,"
                f" or is longer than {_MOST_CHARACTERS:,} characters",
                "double each quote that belongs to a value, and close each that opens one",
                row=place.rows_read + 1,
            ) from None


@dataclass(slots=True)
class _Place:
    """How far the reading has come."""

    rows_read: int = 0
    rows_kept: int = 0


def _batches(
    source: Source, layout: Layout | None, records: Iterator[list[str]], place: _Place
) -> Iterator[_Slice]:
    ragged: list[Finding] = []
    count = 0
    keep = _kept_with_blanks(source.table)
    while batch := _next_records(records, place):
        rows: Sequence[int] = range(place.rows_read - len(batch) + 1, place.rows_read + 1)
        layout = layout or _headerless(source, next((record for record in batch if record), []))
        if set(map(len, batch)) != {layout.width}:
            rows, batch = _without_blank_lines(rows, batch)
            wrong = [(row, len(r)) for row, r in zip(rows, batch, strict=True) if len(r) != layout.width]
            count += len(wrong)
            ragged += [_ragged(source, layout, row, n) for row, n in wrong[: MAX_LISTED - len(ragged)]]
        place.rows_kept += len(batch)
        if batch and not ragged:
            yield _slice(source, layout, rows, batch, keep)
    if ragged:
        raise RaggedRows(source, ragged, count)
    if not place.rows_kept:
        raise source.refuse(Reason.NO_ROWS, "the table has no rows", "export it again, with the patients")


def _next_records(records: Iterator[list[str]], place: _Place) -> list[list[str]]:
    """Read the next slice and count it, also where the reader stops in the middle of it."""
    batch: list[list[str]] = []
    try:
        batch.extend(islice(records, _SLICE_ROWS))
    finally:
        place.rows_read += len(batch)
    return batch


def _without_blank_lines(
    rows: Sequence[int], batch: list[list[str]]
) -> tuple[Sequence[int], list[list[str]]]:
    kept = [(row, record) for row, record in zip(rows, batch, strict=True) if record]
    return [row for row, _ in kept], [record for _, record in kept]


def _ragged(source: Source, layout: Layout, row: int, values: int) -> Finding:
    return Finding(
        table=source.table.name,
        row=row,
        field="",
        reason=Reason.ROW_LENGTH,
        sentence=f"the row has {values} values instead of {layout.width}",
    )


def _slice(
    source: Source,
    layout: Layout,
    rows: Sequence[int],
    records: list[list[str]],
    keep: list[frozenset[str]],
) -> _Slice:
    whole = list(zip(*records, strict=True))
    columns: list[Sequence[str]] = []
    for index, position in enumerate(layout.positions):
        column = whole[position]
        joined = "".join(column)
        if "\0" in joined:
            row = next(row for row, value in zip(rows, column, strict=True) if "\0" in value)
            raise source.refuse(
                Reason.NUL,
                "a value holds a NUL character, which no text has",
                "check that the file is text in the declared encoding",
                row=row,
                field=source.table.fields[index].name,
            )
        columns.append(_trimmed(column, joined, keep[index]))
    return _Slice(layout=layout, rows=rows, columns=columns)


def _trimmed(column: tuple[str, ...], joined: str, keep: frozenset[str]) -> Sequence[str]:
    """Take the blanks off each value, except where the dictionary means the value with its blanks."""
    if not any(blank in joined for blank in BLANKS):
        return column
    return [value if value in keep else value.strip(BLANKS) for value in column]


def _kept_with_blanks(table: Table) -> list[frozenset[str]]:
    kept = []
    for field in table.fields:
        words = list(table.dialect.missing_values)
        words += [code for code in field.codes if isinstance(code, str)]
        words += [*field.true_values, *field.false_values] if field.type is FieldType.BOOLEAN else []
        kept.append(frozenset(word for word in words if word != word.strip(BLANKS)))
    return kept


def _first(records: Iterator[list[str]], source: Source) -> list[str]:
    """Give the first record that is no blank line."""
    for record in records:
        if record:
            return record
    raise source.refuse(Reason.EMPTY_FILE, "the file holds blank lines only", "export the table again")


def _layout(source: Source, header: list[str]) -> Layout:
    """Match the header with the fields; the order is free, names are trimmed."""
    names = [name.strip(BLANKS) for name in header]
    wanted = [field.name for field in source.table.fields]
    lacking = [name for name in wanted if name not in names]
    if lacking:
        raise _lacking(source, names, wanted, lacking[0])
    for name in wanted:
        if names.count(name) > 1:
            raise source.refuse(
                Reason.HEADER,
                f"the header has {name!r} twice",
                "rename or remove one of the columns",
                field=name,
            )
    return Layout(
        width=len(names),
        positions=tuple(names.index(name) for name in wanted),
        left_out=tuple(name[:64] for name in names if name not in wanted),
    )


def _lacking(source: Source, names: list[str], wanted: list[str], lacking: str) -> FileRefused:
    """Say why a declared field is not in the header. The header may hold patients: it is not quoted."""
    found = len(set(names) & set(wanted))
    other = _other_delimiter(source, lambda row: len({n.strip(BLANKS) for n in row} & set(wanted)) > found)
    if other:
        return _delimiter_differs(source, other)
    if not found and len(wanted) > 1:
        return source.refuse(
            Reason.HEADER,
            f"the first line names none of the fields, not even {lacking!r}",
            "check that this is the table's file; where it has no header, declare dialect: header: false",
            field=lacking,
        )
    in_case = lacking.casefold() in {name.casefold() for name in names}
    advice = (
        "it differs in capital letters only"
        if in_case
        else "add the column, or take the field out of the dictionary"
    )
    return source.refuse(Reason.HEADER, f"the header has no column {lacking!r}", advice, field=lacking)


def _headerless(source: Source, first: list[str]) -> Layout:
    wanted = [field.name for field in source.table.fields]
    if not first:
        raise source.refuse(Reason.NO_ROWS, "the table has no rows", "export it again, with the patients")
    if {name.strip(BLANKS) for name in first} >= set(wanted):
        raise source.refuse(
            Reason.HEADER, "the first line holds the names of the fields", "declare dialect: header: true"
        )
    if len(first) != len(wanted):
        other = _other_delimiter(source, lambda row: len(row) == len(wanted) > 1)
        if other:
            raise _delimiter_differs(source, other)
        raise source.refuse(
            Reason.COLUMN_COUNT,
            f"the file has {len(first)} columns, and the dictionary {len(wanted)} fields",
            "a file without header has exactly the fields of the dictionary, in their order",
        )
    return Layout(width=len(wanted), positions=tuple(range(len(wanted))), left_out=())


def _delimiter_differs(source: Source, other: str) -> FileRefused:
    declared = source.table.dialect.delimiter
    return source.refuse(
        Reason.WRONG_DELIMITER,
        f"the values are separated by {_DELIMITERS[other]},"
        f" and the dictionary declares {_DELIMITERS.get(declared, repr(declared))}",
        "declare dialect: delimiter as the file has it",
    )


def _other_delimiter(source: Source, fits: Callable[[list[str]], bool]) -> str:
    """Find a delimiter under which the first line fits better than under the declared one."""
    line = first_line(source)
    for delimiter in _DELIMITERS:
        if delimiter in (source.table.dialect.delimiter, source.table.dialect.quote):
            continue
        try:
            row = next(csv.reader([line], delimiter=delimiter, quotechar=source.table.dialect.quote), [])
        except csv.Error:
            continue
        if fits(row):
            return delimiter
    return ""
