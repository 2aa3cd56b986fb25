"""What an import found: totals per table, reasons per row, and never a patient's value.

The report stays at the node. It may hold names from the dictionary, row numbers, counts, and column
names of a header that holds every declared field. It never holds what stands in a cell
(spec/importing.md 6).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from protocols.ids import Digest, SnapshotId

MAX_LISTED = 1000
"""Rows listed one by one, per table; the totals count all of them."""


class Reason(Enum):
    """Why a file or a row was refused (spec/importing.md 5)."""

    NO_FILE = "no_file"
    NOT_A_FILE = "not_a_file"
    OUTSIDE_FOLDER = "outside_folder"
    UNREADABLE = "unreadable"
    NOT_TEXT = "not_text"
    WRONG_ENCODING = "wrong_encoding"
    WRONG_DELIMITER = "wrong_delimiter"
    EMPTY_FILE = "empty_file"
    NO_ROWS = "no_rows"
    HEADER = "header"
    COLUMN_COUNT = "column_count"
    QUOTES = "quotes"
    NUL = "nul"
    CHANGED = "changed"
    PATIENTS_NOT_CONFIRMED = "patients_not_confirmed"
    CODES = "codes"

    ROW_LENGTH = "row_length"
    KEY_MISSING = "key_missing"
    KEY_REPEATED = "key_repeated"
    KEY_COLLISION = "key_collision"
    REQUIRED = "required"
    NOT_A_NUMBER = "not_a_number"
    DECIMAL_SIGN = "decimal_sign"
    NOT_AN_INTEGER = "not_an_integer"
    NOT_A_BOOLEAN = "not_a_boolean"
    UNKNOWN_CODE = "unknown_code"
    OUTSIDE_RANGE = "outside_range"
    PRIMARY_KEY_MISSING = "primary_key_missing"
    PRIMARY_KEY_REPEATED = "primary_key_repeated"
    UNKNOWN_PATIENT = "unknown_patient"


class Status(Enum):
    """How an import ended."""

    COMMITTED = "committed"
    UNCHANGED = "unchanged"
    VALID = "valid"
    REFUSED = "refused"


def row_shown(row: int, *, has_header: bool) -> str:
    """Write a row as people find it in the file: rows count from the first line of data."""
    return f"row {row} below the header" if has_header else f"row {row}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing wrong. `row` counts from the first data line; None where it is the whole file."""

    table: str
    row: int | None
    field: str
    reason: Reason
    sentence: str

    @property
    def place(self) -> str:
        """Write where it is: the table, the row, the field."""
        parts = [f"table {self.table!r}"] if self.table else []
        parts += [f"row {self.row}"] if self.row is not None else []
        parts += [f"field {self.field!r}"] if self.field else []
        return ", ".join(parts)

    def __str__(self) -> str:
        """Write the finding as one sentence."""
        return f"{self.place}: {self.sentence}" if self.place else self.sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """How many rows have one reason in one field."""

    field: str
    reason: Reason
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldReport:
    """Missing values of a field; `outside` of them were outside the bounds and declared missing."""

    name: str
    missing: int
    outside: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TableReport:
    """What one file held. `stored` of its rows are in the snapshot, `over_cap` were dropped."""

    table: str
    file: str
    has_header: bool = True
    rows: int = 0
    patients: int = 0
    stored: int = 0
    left_out: tuple[str, ...] = ()
    fields: tuple[FieldReport, ...] = ()
    totals: tuple[Total, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def over_cap(self) -> int:
        """The rows dropped because their patient has more than the public cap."""
        return self.rows - self.stored if self.stored else 0

    @property
    def wrong(self) -> int:
        """The number of findings, listed or not."""
        return sum(total.rows for total in self.totals)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What an import did, or why it did nothing."""

    status: Status
    registry: str
    dictionary: Digest
    at: datetime
    snapshot: SnapshotId | None
    tables: tuple[TableReport, ...]
    what: str = ""
    next_step: str = ""

    @property
    def summary(self) -> str:
        """Say in one line how it ended."""
        rows = ", ".join(f"{t.table} {t.rows:,} rows of {t.patients:,} patients" for t in self.tables)
        dropped = sum(table.over_cap for table in self.tables)
        tail = f"; {dropped:,} rows over the cap were dropped" if dropped else ""
        match self.status:
            case Status.COMMITTED:
                return f"committed snapshot {self.snapshot}: {rows}{tail}"
            case Status.UNCHANGED:
                return f"unchanged: snapshot {self.snapshot} holds these files under this dictionary already"
            case Status.VALID:
                return f"valid, nothing committed: {rows}{tail}"
            case Status.REFUSED:
                return f"refused, nothing committed: {self.what}"

    def to_json(self) -> dict[str, object]:
        """Give the report as a tree of JSON's own types."""
        return {
            "format": "skerry.import/1",
            "status": self.status.value,
            "registry": self.registry,
            "dictionary": str(self.dictionary),
            "at": self.at.isoformat(),
            "snapshot": None if self.snapshot is None else str(self.snapshot),
            "what": self.what,
            "next_step": self.next_step,
            "tables": [_table_json(table) for table in self.tables],
        }


def _table_json(table: TableReport) -> dict[str, object]:
    return {
        "table": table.table,
        "file": table.file,
        "has_header": table.has_header,
        "rows": table.rows,
        "patients": table.patients,
        "stored": table.stored,
        "over_cap": table.over_cap,
        "left_out": list(table.left_out),
        "fields": [{"field": f.name, "missing": f.missing, "outside": f.outside} for f in table.fields],
        "totals": [{"field": t.field, "reason": t.reason.value, "rows": t.rows} for t in table.totals],
        "findings": [
            {"row": f.row, "field": f.field, "reason": f.reason.value, "sentence": f.sentence}
            for f in table.findings
        ],
    }


def listed(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Put findings in the order of the file and keep the first MAX_LISTED."""
    return tuple(sorted(findings, key=lambda f: (f.row or 0, f.field, f.reason.value))[:MAX_LISTED])
