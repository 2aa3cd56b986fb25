"""Finds the file of each table and opens it as text: what it is, where it is, how it is encoded.

spec/importing.md 2. Nothing here parses a record, and nothing of a file's content enters a message.
"""

import codecs
import hashlib
import io
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, TYPE_CHECKING, TextIO

from node.errors import FileRefused
from node.importing.report import Reason, row_shown
from protocols.dictionary import Dictionary, Table

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_CHUNK_BYTES = 2**20
_CODECS = {"utf-8": "utf-8-sig", "utf-16": "utf-16", "latin-1": "latin-1"}
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_MAGIC = (
    (b"PK\x03\x04", "a zip archive or an Excel workbook"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook or another Office file"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"PAR1", "a Parquet file"),
    (b"%PDF", "a PDF"),
    (b"SQLite format 3\x00", "an SQLite database"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The file of one table. `shown` is its name in messages: no folder of the centre's disk."""

    table: Table
    path: Path
    shown: str

    def refuse(
        self, reason: Reason, what: str, next_step: str, row: int | None = None, field: str = ""
    ) -> FileRefused:
        """Make the refusal of this file."""
        has_header = self.table.dialect.has_header
        where = f"{row_shown(row, has_header=has_header)}: " if row is not None else ""
        return FileRefused(
            self.table.name,
            reason,
            f"{self.shown}: {where}{what}",
            next_step,
            row=row,
            field=field,
            file=self.shown,
        )


def find_sources(source: Path, dictionary: Dictionary) -> tuple[Source, ...]:
    """Find one file per table, in the order of the dictionary. Raises FileRefused."""
    if source.is_dir():
        return tuple(_in_folder(source, table) for table in dictionary.tables)
    first = dictionary.tables[0]
    if len(dictionary.tables) > 1:
        is_there = source.exists()
        why = f"the dictionary has {len(dictionary.tables)} tables, and this is no folder"
        raise FileRefused(
            first.name,
            Reason.NOT_A_FILE if is_there else Reason.NO_FILE,
            f"{source.name}: {why if is_there else 'there is no such folder'}",
            "give the folder that holds " + ", ".join(table.path for table in dictionary.tables),
        )
    return (_checked(Source(table=first, path=source, shown=source.name)),)


def _in_folder(folder: Path, table: Table) -> Source:
    shown = Source(table=table, path=folder, shown=table.path)
    pure = PurePosixPath(table.path)
    if (
        pure.is_absolute()
        or PureWindowsPath(table.path).is_absolute()
        or ".." in pure.parts
        or not pure.parts
    ):
        raise shown.refuse(
            Reason.OUTSIDE_FOLDER,
            "the table's path leaves the folder",
            "declare a path inside it, without '..'",
        )
    try:
        path = (folder / pure).resolve()
    except (OSError, RuntimeError, ValueError):
        raise shown.refuse(Reason.UNREADABLE, "the path cannot be followed", "check its links") from None
    if not path.is_relative_to(folder.resolve()):
        raise shown.refuse(
            Reason.OUTSIDE_FOLDER, "a link leads out of the folder", "put the file itself into the folder"
        )
    return _checked(Source(table=table, path=path, shown=table.path))


def _checked(source: Source) -> Source:
    try:
        mode = source.path.stat().st_mode
    except (OSError, ValueError):
        raise source.refuse(
            Reason.NO_FILE,
            "there is no such file, or it may not be looked at",
            "check its name and its permissions",
        ) from None
    if stat.S_ISDIR(mode):
        raise source.refuse(
            Reason.NOT_A_FILE, "this is a folder, not a file", "give the CSV file of the table"
        )
    if not stat.S_ISREG(mode):
        raise source.refuse(Reason.NOT_A_FILE, "this is no ordinary file", "save the table as a CSV file")
    with _opened(source) as file:
        _check_kind(source, file.read(16))
    return source


@contextmanager
def _opened(source: Source) -> Iterator[IO[bytes]]:
    try:
        file = source.path.open("rb", buffering=0)
    except OSError:
        raise source.refuse(
            Reason.UNREADABLE, "the file may not be read", "give this account the right to read it"
        ) from None
    with file:
        yield file


def _check_kind(source: Source, start: bytes) -> None:
    """Refuse what evidently is no text in the declared encoding (spec/importing.md 2.3)."""
    encoding = source.table.dialect.encoding
    if not start:
        raise source.refuse(Reason.EMPTY_FILE, "the file is empty", "export the table again")
    for magic, kind in _MAGIC:
        if start.startswith(magic):
            raise source.refuse(Reason.NOT_TEXT, f"this is {kind}, not text", "save the table as CSV")
    is_marked_16 = start.startswith(_UTF16_MARKS)
    if is_marked_16 and encoding != "utf-16":
        raise source.refuse(
            Reason.WRONG_ENCODING,
            f"the file is UTF-16, and the dictionary declares {encoding}",
            "declare encoding: utf-16, or save the file as UTF-8",
        )
    if encoding == "utf-16" and not is_marked_16:
        raise source.refuse(
            Reason.WRONG_ENCODING,
            "the dictionary declares utf-16, and the file does not begin with a byte-order mark",
            "declare the encoding it is in, or save it as UTF-8",
        )
    if encoding == "latin-1" and start.startswith(codecs.BOM_UTF8):
        raise source.refuse(
            Reason.WRONG_ENCODING,
            "the file is UTF-8, and the dictionary declares latin-1",
            "declare encoding: utf-8",
        )


def digest(source: Source) -> bytes:
    """Hash the bytes of a file."""
    state = hashlib.sha256()
    with _opened(source) as file:
        while chunk := file.read(_CHUNK_BYTES):
            state.update(chunk)
    return state.digest()


class _Hashed(io.RawIOBase):
    """Passes bytes on and hashes them, so that what was parsed is what was fingerprinted."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__()
        self._file = file
        self.state = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        view = memoryview(buffer).cast("B")
        chunk = self._file.read(len(view))
        self.state.update(chunk)
        view[: len(chunk)] = chunk
        return len(chunk)


@contextmanager
def opened_text(source: Source, expected: bytes) -> Iterator[TextIO]:
    """Open a file as text, to be read to its end.

    Raises FileRefused when its bytes are not text in the declared encoding, and when they are not
    the bytes whose digest is `expected`.
    """
    with _opened(source) as file:
        hashed = _Hashed(file)
        text = io.TextIOWrapper(
            io.BufferedReader(hashed, _CHUNK_BYTES), _CODECS[source.table.dialect.encoding], newline=""
        )
        try:
            yield text
        except (UnicodeDecodeError, UnicodeError):
            raise _not_encoded(source) from None
        if hashed.state.digest() != expected:
            raise source.refuse(
                Reason.CHANGED, "the file changed while it was read", "import it again when it is at rest"
            )


def first_line(source: Source) -> str:
    """Give the first line that is not blank, for a look at how it is written; at most 1 MiB of it."""
    with _opened(source) as file:
        chunk = file.read(_CHUNK_BYTES)
    text = chunk.decode(_CODECS[source.table.dialect.encoding], errors="replace")
    return next((line for line in text.splitlines() if line.strip()), "")


def _not_encoded(source: Source) -> FileRefused:
    encoding = source.table.dialect.encoding
    line = _first_bad_line(source)
    return source.refuse(
        Reason.WRONG_ENCODING,
        f"line {line} is not {encoding.upper()}, which the dictionary declares",
        "declare the encoding it is in (utf-8, utf-16 or latin-1), or save it as UTF-8",
    )


def _first_bad_line(source: Source) -> int:
    """Count the lines up to the first byte that the encoding does not have; from 1."""
    decoder = codecs.getincrementaldecoder(_CODECS[source.table.dialect.encoding])()
    lines = 1
    with _opened(source) as file:
        while chunk := file.read(_CHUNK_BYTES):
            for piece in chunk.splitlines(keepends=True):
                try:
                    decoder.decode(piece)
                except UnicodeError:
                    return lines
                lines += piece.endswith(b"\n")
    return lines
