"""The list of a folder's snapshots: one line each, in the order of their commits. spec/snapshot.md 1 and 7.

SQLite, WAL, synchronous=FULL, asserted on every connection. A line is never taken away: an erased
snapshot leaves a tombstone that says when it was there, and holds nothing that came from its file.
A list of an older version is brought to this one when it is opened; one of a newer version is refused.
"""

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

from node.errors import SnapshotError
from protocols.errors import WireError
from protocols.ids import Digest, SnapshotId

NAME = "snapshots.sqlite"
"""The name of the list in the folder of the snapshots."""

_VERSION = 2
_FIRST = """
CREATE TABLE IF NOT EXISTS snapshots (
    place INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    dictionary TEXT NOT NULL,
    committed_at TEXT NOT NULL,
    fingerprint BLOB NOT NULL
) STRICT
"""
_SECOND = (
    "ALTER TABLE snapshots ADD COLUMN salt BLOB NOT NULL DEFAULT X''",
    "ALTER TABLE snapshots ADD COLUMN retired_at TEXT",
    "ALTER TABLE snapshots ADD COLUMN erased_at TEXT",
)
_COLUMNS = "id, dictionary, committed_at, fingerprint, salt, retired_at, erased_at"
_Row: TypeAlias = tuple[str, str, str, bytes, bytes, str | None, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the list; times in UTC. A tombstone's fingerprint and salt are empty."""

    id: SnapshotId
    dictionary: Digest
    committed_at: datetime
    fingerprint: bytes
    salt: bytes
    retired_at: datetime | None = None
    erased_at: datetime | None = None

    def __repr__(self) -> str:
        """Show the id: the salt is half of a key."""
        return f"Line({self.id})"


class SnapshotList:
    """The list in one folder, which must be there. Making this object touches nothing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def lines(self) -> tuple[Line, ...]:
        """Give all lines, oldest first. Raises SnapshotError when the list cannot be read."""
        with closing(self._opened()) as con:
            rows = con.execute(f"SELECT {_COLUMNS} FROM snapshots ORDER BY place").fetchall()  # noqa: S608 -- a constant
        return tuple(_line(row) for row in rows)

    def current(self) -> Line | None:
        """Give the last line, unless it is retired: nothing falls back to an older one."""
        last = next(iter(reversed(self.lines())), None)
        return last if last is not None and last.retired_at is None else None

    def is_begun(self) -> bool:
        """Whether the list has a line; to look makes no list."""
        return (self._folder / NAME).exists() and bool(self.lines())

    def add(self, line: Line) -> None:
        """Write a line at the end, durably."""
        row = (str(line.id), str(line.dictionary), line.committed_at.isoformat(), line.fingerprint, line.salt)
        with closing(self._opened()) as con, con:
            con.execute(
                "INSERT INTO snapshots (id, dictionary, committed_at, fingerprint, salt)"
                " VALUES (?, ?, ?, ?, ?)",
                row,
            )

    def retire(self, snapshot: SnapshotId, now: datetime) -> None:
        """Note that a snapshot is not used any more; the first time stays."""
        with closing(self._opened()) as con, con:
            con.execute(
                "UPDATE snapshots SET retired_at = coalesce(retired_at, ?) WHERE id = ?",
                (_utc(now), str(snapshot)),
            )

    def erase(self, snapshot: SnapshotId, now: datetime) -> None:
        """Make a line a tombstone, and wipe its fingerprint and its salt from the list's own files."""
        with closing(self._opened()) as con:
            # What is deleted is overwritten with zeros, and the log with the old pages is emptied.
            con.execute("PRAGMA secure_delete=ON")
            with con:
                con.execute(
                    "UPDATE snapshots SET fingerprint = X'', salt = X'',"
                    " retired_at = coalesce(retired_at, ?), erased_at = coalesce(erased_at, ?) WHERE id = ?",
                    (_utc(now), _utc(now), str(snapshot)),
                )
            con.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _opened(self) -> sqlite3.Connection:
        path = self._folder / NAME
        if not path.exists():
            # Never where it is there: closing it would take away the locks of this process's other
            # connections (sqlite.org/howtocorrupt.html 2.2).
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        try:
            con = sqlite3.connect(path, timeout=30)
        except sqlite3.Error:
            raise _broken() from None
        try:
            is_safe = _is_durable(con)
            version = _updated(con)
        except sqlite3.Error:
            con.close()
            raise _broken() from None
        if not is_safe or version > _VERSION:
            con.close()
            raise _unsafe() if not is_safe else _newer()
        return con


def _is_durable(con: sqlite3.Connection) -> bool:
    """Set the write-ahead log and full synchronisation, and say whether they hold."""
    mode = con.execute("PRAGMA journal_mode=WAL").fetchone()
    con.execute("PRAGMA synchronous=FULL")
    return bool(mode == ("wal",) and con.execute("PRAGMA synchronous").fetchone() == (2,))


def _version(con: sqlite3.Connection) -> int:
    return int(con.execute("PRAGMA user_version").fetchone()[0])


def _updated(con: sqlite3.Connection) -> int:
    """Bring an older list to this version, whole or not at all; give the version."""
    if _version(con) >= _VERSION:
        return _version(con)
    con.isolation_level = None  # the transaction is opened here, so that it holds the table's changes too
    con.execute("BEGIN IMMEDIATE")
    try:
        if _version(con) < _VERSION:  # another process may have been faster
            con.execute(_FIRST)
            for statement in _SECOND:
                con.execute(statement)
            con.execute(f"PRAGMA user_version={_VERSION}")
        con.execute("COMMIT")
    except sqlite3.Error:
        con.execute("ROLLBACK")
        raise
    con.isolation_level = "DEFERRED"  # as a connection begins
    return _VERSION


def _line(row: _Row) -> Line:
    try:
        return Line(
            id=SnapshotId.parse(row[0]),
            dictionary=Digest.parse(row[1]),
            committed_at=datetime.fromisoformat(row[2]).astimezone(UTC),
            fingerprint=row[3],
            salt=row[4],
            retired_at=datetime.fromisoformat(row[5]).astimezone(UTC) if row[5] else None,
            erased_at=datetime.fromisoformat(row[6]).astimezone(UTC) if row[6] else None,
        )
    except (WireError, ValueError):
        raise _broken() from None


def _utc(now: datetime) -> str:
    return now.astimezone(UTC).isoformat()


def _broken() -> SnapshotError:
    what = "the list of snapshots (snapshots.sqlite) cannot be read"
    return SnapshotError(what, "restore it from a backup, or move the folder away and import again")


def _unsafe() -> SnapshotError:
    what = "the list of snapshots cannot be kept safely on this disk"
    return SnapshotError(what, "put the data folder on a local disk")


def _newer() -> SnapshotError:
    what = "the list of snapshots was made by a newer version of this program"
    return SnapshotError(what, "run that version; an older one would not know what was retired")
