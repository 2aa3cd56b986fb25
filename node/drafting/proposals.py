"""What a column is proposed to be: its type, its role, its bounds, and why. Pure. spec/dictionary.md 8.

Rules, the first that fits:
* What a name or the values give away as an identifier is one, and no centre stores it.
* Dates, running numbers, long and rare words are local: stored, never asked about, and not quoted here.
* A value is quoted only as a code, and only where at least three rows have it.
* A number has a round range. Codes, ranges and the patient key are marked: patients decided them.
"""

import math
from dataclasses import dataclass
from decimal import Decimal

from node.drafting.bounds import round_precision, round_range
from node.drafting.columns import Column
from node.drafting.names import mentions_name, names_identity, rank_as_key
from node.drafting.values import Kind
from protocols.dictionary import EXACT_INTEGERS, Code, Drafted, FieldType, Role

MOST_CODES = 20
"""A column with more different values is no code list."""

FEWEST_ROWS = 3
"""A value that fewer rows have is not quoted: it may name a patient."""

LONGEST_CODE = 40
_LONG_NUMBER = 10_000
_MANY_ROWS = 30
_MOST_ROWS_PER_PATIENT = 10_000
_FEW_PATIENTS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """One field as it is proposed. `range` and `codes` were read from patients, as `drafted` says."""

    name: str
    type: FieldType
    role: Role
    why: str
    codes: tuple[Code, ...] = ()
    range: tuple[Decimal, Decimal] | None = None
    precision: int | None = None
    decimal_char: str = "."

    @property
    def drafted(self) -> tuple[Drafted, ...]:
        """What a person must confirm."""
        marks = {
            Drafted.KEY: self.role is Role.KEY,
            Drafted.RANGE: self.range is not None,
            Drafted.CODES: bool(self.codes),
        }
        return tuple(mark for mark, is_there in marks.items() if is_there)


def key_among(columns: list[Column]) -> Column | None:
    """Find the column that numbers the patients: by its name, on every row, one or many rows of each."""
    fitting = [
        (rank, not column.is_unique, place)
        for place, column in enumerate(columns)
        if (rank := rank_as_key(column.name)) is not None and _can_be_key(column, rank)
    ]
    return columns[min(fitting)[-1]] if fitting else None


def _can_be_key(column: Column, rank: int) -> bool:
    if not column.counts or column.present != column.rows or column.doubtful:
        return False
    if column.is_unique:
        return True
    # The number of a hospital or of an arm repeats too, and has few values.
    is_few = len(column.counts) < _FEW_PATIENTS
    return rank < 2 and not is_few and max(column.counts.values()) < _MOST_ROWS_PER_PATIENT


def proposed(column: Column, *, is_key: bool) -> Proposal:
    """Propose what a column is."""
    if is_key:
        return _kept(column, Role.KEY, "its name and its values fit the number of a patient")
    if column.present == 0:
        return _kept(column, Role.LOCAL, "it holds no value in this file")
    if names_identity(column.name):
        return _kept(column, Role.IDENTIFIER, "its name says that it identifies a person")
    if not column.counts:
        return _words(column)
    if column.kinds & Kind.ADDRESS or (column.is_words and column.some_kinds & Kind.ADDRESS):
        return _kept(column, Role.IDENTIFIER, "it holds addresses or telephone numbers")
    if column.kinds & Kind.DATE:
        kind = FieldType.DATE if column.kinds & Kind.ISO_DATE else FieldType.STRING
        return _kept(column, Role.LOCAL, "it holds dates", kind)
    if column.kinds & Kind.TRUTH:
        return _with_codes(column, FieldType.BOOLEAN, (False, True))
    return _number(column) if column.is_number else _words(column)


def _kept(column: Column, role: Role, why: str, kind: FieldType = FieldType.STRING) -> Proposal:
    return Proposal(name=column.name, type=kind, role=role, why=why)


def _with_codes(column: Column, kind: FieldType, codes: tuple[Code, ...]) -> Proposal:
    why = "it has few values"
    char = _decimal_char(column) if kind is FieldType.NUMBER else "."
    return Proposal(name=column.name, type=kind, role=Role.QUERYABLE, why=why, codes=codes, decimal_char=char)


def _decimal_char(column: Column) -> str:
    return "." if column.kinds & Kind.POINT else ","


def _is_quotable(column: Column) -> bool:
    """Whether each value is on so many rows that to quote it points at nobody."""
    counts = column.words if column.is_words else column.counts
    return not column.is_cut and len(counts) <= MOST_CODES and min(counts.values()) >= FEWEST_ROWS


def _number(column: Column) -> Proposal:
    if column.low is None or column.high is None:
        raise RuntimeError("a column of numbers has a least one")
    kind = FieldType.INTEGER if column.kinds & Kind.WHOLE else FieldType.NUMBER
    is_exact = column.is_whole and -EXACT_INTEGERS < column.low <= column.high < EXACT_INTEGERS
    if is_exact and _is_quotable(column):
        codes = sorted({Decimal(int(float(value.replace(",", ".")))) for value in column.counts})
        return _with_codes(column, kind, tuple(codes))
    is_long = column.rows >= _MANY_ROWS or min(abs(column.low), abs(column.high)) >= _LONG_NUMBER
    if column.is_whole and column.is_unique and column.present == column.rows and is_long:
        return _kept(column, Role.LOCAL, "each row has a whole number of its own: perhaps an identifier")
    bounds = _bounds(column.low, column.high, is_whole=column.is_whole)
    if bounds is None:
        return _kept(column, Role.LOCAL, "its numbers are beyond what can be computed with exactly")
    return Proposal(
        name=column.name,
        type=kind,
        role=Role.QUERYABLE,
        why="it holds numbers; the range is rounded outward",
        range=bounds,
        precision=round_precision(*bounds) if kind is FieldType.INTEGER else None,
        decimal_char="." if kind is FieldType.INTEGER else _decimal_char(column),
    )


def _bounds(low: float, high: float, *, is_whole: bool) -> tuple[Decimal, Decimal] | None:
    if not math.isfinite(low) or not math.isfinite(high):
        return None
    return round_range(Decimal(repr(low)), Decimal(repr(high)), is_whole=is_whole)


def _words(column: Column) -> Proposal:
    counts = column.words
    is_short = all(len(value) <= LONGEST_CODE and value.isprintable() for value in counts)
    if _is_quotable(column) and is_short and not column.has_sentences:
        return _with_codes(column, FieldType.STRING, tuple(sorted(counts)))
    if column.has_sentences or mentions_name(column.name):
        return _kept(column, Role.IDENTIFIER, "it holds names or free text, which may say who a patient is")
    return _kept(column, Role.LOCAL, "it holds many or rare words, which are not quoted here")
