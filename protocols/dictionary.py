"""The data dictionary as values: what a registry records, in which bounds, in which role.

Reading it from a Frictionless data package is `dictionary_text`; the meaning is spec/dictionary.md.
Ranges and code lists are the public bounds of differential privacy: they come from here, never
from data. A value of this module has been checked whole.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from typing import TypeAlias

from protocols.canonical import decimal_text
from protocols.documents import closest, nearest, shown
from protocols.errors import QueryError
from protocols.ids import Digest

Code: TypeAlias = str | Decimal | bool

RESERVED_NAMES = frozenset(
    ["status", "estimate", "std_error", "ci_low", "ci_high", "noise_sd", "n", "centre"]
) | {"bin_low", "bin_high", "probability"}
"""Column names of results: a field must not bear one."""

MAX_STEPS = 2**26
"""A range holds at most so many steps of precision."""

EXACT_INTEGERS = 2**53
"""Up to here engines compute with whole numbers exactly; no bound or numeric code lies beyond."""


def code_text(code: Code | None) -> str:
    """Write a code as a person would: `1`, `yes`, `true`; nothing for a missing one."""
    if code is None:
        return ""
    if isinstance(code, bool):
        return "true" if code else "false"
    return decimal_text(code) if isinstance(code, Decimal) else code


class Role(Enum):
    """What may happen to a field (spec/dictionary.md 3)."""

    KEY = "key"
    IDENTIFIER = "identifier"
    QUERYABLE = "queryable"
    LOCAL = "local"


class FieldType(Enum):
    """The types of Table Schema that are read; dates and the rest are kept as text."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"
    TIME = "time"
    YEAR = "year"
    ANY = "any"


class Outside(Enum):
    """What an import does with a value outside the range or the code list."""

    ERROR = "error"
    MISSING = "missing"


class Drafted(Enum):
    """What a program has read from patients and no person has confirmed (spec/dictionary.md 7)."""

    RANGE = "range"
    CODES = "codes"
    KEY = "key"
    CAP = "rows_per_patient"


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """The public bounds of a number, both included, and its smallest step."""

    minimum: Decimal
    maximum: Decimal
    step: Fraction

    @property
    def grid(self) -> "Grid":
        """The range in whole steps."""
        return Grid(
            step=self.step,
            low=_half_away(Fraction(self.minimum) / self.step),
            high=_half_away(Fraction(self.maximum) / self.step),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Fixed point: a value is a whole number of steps between `low` and `high`."""

    step: Fraction
    low: int
    high: int

    @property
    def width(self) -> int:
        """The length of the range in steps; at least 1."""
        return self.high - self.low


def _half_away(value: Fraction) -> int:
    """Round half away from zero, the rule of spec/queries.md 5."""
    doubled = abs(value) * 2 + 1
    rounded = doubled.numerator // (2 * doubled.denominator)
    return rounded if value >= 0 else -rounded


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a table. `drafted` names what of it no person has confirmed."""

    name: str
    type: FieldType
    role: Role
    codes: tuple[Code, ...] = ()
    range: Range | None = None
    required: bool = False
    outside: Outside = Outside.ERROR
    unit: str = ""
    title: str = ""
    description: str = ""
    labels: tuple[tuple[Code, str], ...] = ()
    decimal_char: str = "."
    true_values: tuple[str, ...] = ()
    false_values: tuple[str, ...] = ()
    drafted: tuple[Drafted, ...] = ()

    @property
    def is_queryable(self) -> bool:
        """Whether a question may name the field."""
        return self.role is Role.QUERYABLE

    @property
    def numeric_range(self) -> Range | None:
        """The bounds of the field as a number; those of a numeric code list when it has no range."""
        if self.range is not None or not self.codes or self.type not in NUMERIC:
            return self.range
        numbers = [code for code in self.codes if isinstance(code, Decimal)]
        width = Fraction(max(numbers)) - Fraction(min(numbers))
        is_exact = all(n == n.to_integral_value() and abs(n) <= EXACT_INTEGERS for n in numbers)
        if not (is_exact and 1 <= width <= MAX_STEPS):
            return None
        return Range(minimum=min(numbers), maximum=max(numbers), step=Fraction(1))

    @property
    def levels(self) -> tuple[Code | None, ...]:
        """The values of the field as a grouping: its codes in order, and None if it may be missing."""
        return self.codes if self.required else (*self.codes, None)


NUMERIC = (FieldType.INTEGER, FieldType.NUMBER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How a table's file is written."""

    delimiter: str = ","
    quote: str = '"'
    has_header: bool = True
    encoding: str = "utf-8"
    missing_values: tuple[str, ...] = ("",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table: its file, its fields, its patient key and its cap.

    `key` is None where no field says who the patient is: then each row is one, if the custodian
    confirms it. `cap` is the public number of rows that one patient may have in the analysis.
    `unique` names the fields of the primary key.
    """

    name: str
    path: str
    dialect: Dialect
    fields: tuple[Field, ...]
    key: str | None
    cap: int
    unique: tuple[str, ...] = ()
    title: str = ""
    description: str = ""
    drafted: tuple[Drafted, ...] = ()

    def field(self, name: str) -> Field | None:
        """Find a field by name."""
        return next((field for field in self.fields if field.name == name), None)


@dataclass(frozen=True, slots=True, order=True)
class FieldName:
    """A field of a table, by name."""

    table: str
    name: str

    def __str__(self) -> str:
        """Write as `table.field`."""
        return f"{self.table}.{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dictionary:
    """A registry's dictionary, checked whole. `digest` is its hash (spec/dictionary.md 6)."""

    name: str
    title: str
    version: str
    description: str
    tables: tuple[Table, ...]
    patient_table: str
    digest: Digest

    @property
    def unconfirmed(self) -> tuple[str, ...]:
        """What was drafted from patients and must be confirmed before any use, as `patients.age (range)`."""
        return tuple(
            f"{where} ({mark.value})"
            for table in self.tables
            for where, marks in [
                (table.name, table.drafted),
                *((str(FieldName(table.name, one.name)), one.drafted) for one in table.fields),
            ]
            for mark in marks
        )

    def table(self, name: str) -> Table:
        """Find a table; QueryError with the nearest name when there is none."""
        for table in self.tables:
            if table.name == name:
                return table
        what = f"the registry has no table {shown(name)}"
        raise QueryError(what, nearest(name, [table.name for table in self.tables]))

    def field(self, name: FieldName) -> Field:
        """Find a field; QueryError when there is none."""
        field = self.table(name.table).field(name.name)
        if field is None:
            raise QueryError(f"the registry has no field {shown(str(name))}", self.advice(name.name))
        return field

    def advice(self, name: str) -> str:
        """Say which queryable field was probably meant by a wrong name, or list them when they are few."""
        return nearest(name, self._queryable())

    def other_than(self, name: str) -> str:
        """Say which queryable field was probably meant by the name of one that is not; often none."""
        close = closest(name, self._queryable())
        return f"did you mean {close!r}?" if close is not None else ""

    def _queryable(self) -> list[str]:
        return [
            self.shown(FieldName(table.name, field.name))
            for table in self.tables
            for field in table.fields
            if field.is_queryable
        ]

    def shown(self, name: FieldName) -> str:
        """Write a field's name as results show it: bare where it is unique in the registry."""
        bearers = [table for table in self.tables if table.field(name.name) is not None]
        return name.name if len(bearers) == 1 else str(name)
