"""How a CSV file is written: encoding, delimiter, header. spec/dictionary.md 8.

The form is found by looking, because a draft begins where nobody has declared anything. The first line
may be a patient: it is taken for a header only if nothing in it looks like a value, and no sentence here
quotes it.
"""

import csv
from collections import Counter
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from node.drafting.values import Kind, kinds_of
from node.errors import DraftRefused
from node.importing.records import BLANKS
from protocols.dictionary import RESERVED_NAMES

MAX_COLUMNS = 2_000
"""A dictionary is read by people; wider files are cut into tables first."""

_CHUNK_BYTES = 2**20
_SAMPLE_CHARACTERS = 2**18
_SAMPLE_RECORDS = 200
_DELIMITERS = ",;\t|"
_MARKS_16 = (b"\xff\xfe", b"\xfe\xff")
_TEXT_CONTROLS = frozenset("\t\r\n\f\x1a")
_LONGEST_NAME = 64
"""As protocols/dictionary_fields.py has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A column that no dictionary can name, by its place from 1."""

    column: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How the file is written. `names` are those of the columns that a dictionary can name."""

    encoding: str
    delimiter: str
    has_header: bool
    names: tuple[str, ...]
    left_out: tuple[LeftOut, ...]


def is_marked_16(path: Path) -> bool:
    """Whether a file begins with the byte-order mark of UTF-16. Raises OSError."""
    with path.open("rb") as file:
        return file.read(2) in _MARKS_16


def encoding_of(path: Path) -> str:
    """Find the encoding among those that an import reads. Raises DraftRefused for what is no text."""
    try:
        with path.open("rb") as file:
            start = file.read(_CHUNK_BYTES)
    except OSError as error:
        what = f"{path} cannot be read ({error.strerror})"
        raise DraftRefused(what, "name an existing CSV file") from None
    if not start:
        raise DraftRefused(f"{path.name} is empty", "export the table again")
    encoding = "utf-16" if start.startswith(_MARKS_16) else "utf-8" if _is_utf_8(path) else "latin-1"
    text = start.decode(encoding, errors="ignore")
    if any(character < " " and character not in _TEXT_CONTROLS for character in set(text)):
        raise DraftRefused(f"{path.name} is not text", "save the table as CSV, in UTF-8")
    return encoding


def form_of(path: Path, encoding: str, *, no_header: bool) -> Form:
    """Find out how a text file is written. Raises DraftRefused."""
    with path.open(encoding="utf-8-sig" if encoding == "utf-8" else encoding, newline="") as file:
        sample = file.read(_SAMPLE_CHARACTERS)
    if len(sample) == _SAMPLE_CHARACTERS and "\n" in sample:
        sample = sample[: sample.rindex("\n")]
    delimiter = _delimiter(path, sample)
    records = _records(sample, delimiter)
    width = len(records[0])
    if width > MAX_COLUMNS:
        what = f"{path.name} has {width:,} columns, and a draft is made of at most {MAX_COLUMNS:,}"
        raise DraftRefused(what, "export the columns that the registry needs")
    if no_header or not _is_header(records):
        names = tuple(f"field_{place}" for place in range(1, width + 1))
        return Form(encoding=encoding, delimiter=delimiter, has_header=False, names=names, left_out=())
    header = [name.strip(BLANKS) for name in records[0]]
    _check_twice(path, header)
    reasons = [_why_left_out(name) for name in header]
    return Form(
        encoding=encoding,
        delimiter=delimiter,
        has_header=True,
        names=tuple(name for name, why in zip(header, reasons, strict=True) if not why),
        left_out=tuple(LeftOut(column=i, why=why) for i, why in enumerate(reasons, start=1) if why),
    )


def _is_utf_8(path: Path) -> bool:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            while file.read(_CHUNK_BYTES):
                pass
    except UnicodeDecodeError:
        return False
    return True


def _records(sample: str, delimiter: str) -> list[list[str]]:
    """Split the sample; a record that cannot be split ends it, and the reading of the file says why."""
    records: list[list[str]] = []
    try:
        reader = csv.reader(sample.splitlines(keepends=True), delimiter=delimiter, strict=True)
        records.extend(islice((record for record in reader if record), _SAMPLE_RECORDS))
    except csv.Error:
        pass
    return records


def _delimiter(path: Path, sample: str) -> str:
    """Take the delimiter under which most records have one width; of equals, the widest."""
    best, best_score = "", (0.0, 0)
    for delimiter in _DELIMITERS:
        widths = Counter(len(record) for record in _records(sample, delimiter))
        if not widths:
            continue
        width, number = max(widths.items(), key=lambda pair: (pair[1], pair[0]))
        score = (number / widths.total(), width)
        if width > 1 and score > best_score:
            best, best_score = delimiter, score
    if not best:
        what = f"{path.name} has a single column, or no delimiter that is known here"
        raise DraftRefused(what, "separate the columns by ',', ';', '|' or a tab, and quote with '\"'")
    return best


def _is_header(records: list[list[str]]) -> bool:
    """Whether the first line names the columns.

    It does not if a value stands in it. It does if there are words over a column of values. Else it is one
    patient's line like the others if what stands in it stands below it too, in a third of the columns.
    """
    first = [cell.strip(BLANKS) for cell in records[0]]
    below = [_below(records, place) for place in range(len(first))]
    if any(kinds_of(cell) & Kind.EVIDENT for cell in first):
        return False
    if any(cell and _are_values(cells) for cell, cells in zip(first, below, strict=True)):
        return True
    repeated = sum(bool(cell) and cell in cells for cell, cells in zip(first, below, strict=True))
    return any(first) and 3 * repeated < len(first)


def _below(records: list[list[str]], place: int) -> set[str]:
    cells = {record[place].strip(BLANKS) for record in records[1:] if place < len(record)}
    return {cell for cell in cells if cell and not kinds_of(cell) & Kind.MARK}


def _are_values(cells: set[str]) -> bool:
    return bool(cells) and all(kinds_of(cell) & Kind.EVIDENT for cell in cells)


def _check_twice(path: Path, header: list[str]) -> None:
    places: dict[str, int] = {}
    for place, name in enumerate(header, start=1):
        first = places.setdefault(name.casefold(), place)
        if name and first != place:
            what = f"columns {first} and {place} of {path.name} have the same name, capitals apart"
            raise DraftRefused(what, "rename one of them in the file")


def _why_left_out(name: str) -> str:
    """Say why a dictionary cannot name this column; nothing where it can (spec/dictionary.md 2)."""
    if not name:
        return "it has no name"
    if len(name) > _LONGEST_NAME or not name.isprintable():
        return f"its name is not 1 to {_LONGEST_NAME} printable characters"
    if "." in name:
        return "its name has a '.', which separates table and field; rename it, say with '_'"
    if name in RESERVED_NAMES:
        return f"results have a column {name} of their own; rename it, say {name}_value"
    return ""
