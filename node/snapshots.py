"""The snapshots of a centre: immutable encrypted files, the list that names the current one, the keys.

spec/snapshot.md. What this file decides:
* A snapshot counts from the moment its line is in the list (SQLite, WAL, synchronous=FULL), and
  that line is written after the file is complete, on disk and under its name.
* Every key comes from the folder's one key by HKDF-SHA256; no key is ever stored here or put into
  the text of a statement.
* Files are for this account only. Readers get a connection that can reach the snapshot and its own
  encrypted spill files, and nothing else.
"""

import base64
import fcntl
import hmac
import os
import secrets
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import duckdb_extension_httpfs
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from node.errors import SnapshotError
from protocols.errors import WireError
from protocols.ids import Digest, SnapshotId

FORMAT = 1
"""The version of the tables in a snapshot (spec/snapshot.md 2)."""

KEY_BYTES = 32
_LIST = """
CREATE TABLE IF NOT EXISTS snapshots (
    place INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    dictionary TEXT NOT NULL,
    committed_at TEXT NOT NULL,
    fingerprint BLOB NOT NULL
) STRICT
"""
_COLUMNS = "id, dictionary, committed_at, fingerprint"


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One committed snapshot. `committed_at` is in UTC."""

    id: SnapshotId
    dictionary: Digest
    committed_at: datetime
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportSecrets:
    """What an import is keyed with; nothing of it is shown."""

    patients: str
    ranks: str

    def __repr__(self) -> str:
        """Show nothing."""
        return "ImportSecrets()"


class Snapshots:
    """The snapshots in one folder. Making this object touches nothing."""

    def __init__(self, folder: Path, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            msg = f"the key of the snapshots has {KEY_BYTES} bytes"
            raise RuntimeError(msg)
        self.folder = folder
        self._key = key

    def __repr__(self) -> str:
        """Show the folder, not the key."""
        return f"Snapshots({str(self.folder)!r})"

    def current(self) -> Snapshot | None:
        """Give the snapshot that was committed last; None before the first."""
        return next(iter(reversed(self.all())), None)

    def all(self) -> tuple[Snapshot, ...]:
        """Give all snapshots, oldest first. Raises SnapshotError when the list cannot be read."""
        return tuple(self._snapshot(row) for row in self._rows())

    def find(self, fingerprint: bytes) -> Snapshot | None:
        """Give the current snapshot if it was made from what this fingerprint stands for."""
        rows = self._rows()
        if not rows or not hmac.compare_digest(rows[-1][3], fingerprint):
            return None
        snapshot = self._snapshot(rows[-1])
        return snapshot if snapshot.path.is_file() else None

    def fingerprint(self, *parts: bytes) -> bytes:
        """Make the keyed code of an import's input. It never leaves the list of this folder."""
        mac = hmac.new(self._derived(b"skerry/1 import fingerprint"), digestmod="sha256")
        for part in parts:
            mac.update(len(part).to_bytes(8, "big") + part)
        return mac.digest()

    @property
    def secrets(self) -> ImportSecrets:
        """Give the secrets behind patient numbers and ranks: the same for every snapshot here."""
        return ImportSecrets(
            patients=self._derived(b"skerry/1 patient numbers", 16).hex(),
            ranks=self._derived(b"skerry/1 row ranks", 16).hex(),
        )

    def path(self, snapshot: SnapshotId) -> Path:
        """Say where the file of a snapshot is."""
        return self.folder / f"{snapshot}.duckdb"

    def key(self, snapshot: SnapshotId) -> str:
        """Derive the key of one snapshot's file, as base64 text for a bound parameter."""
        return base64.b64encode(self._derived(b"skerry/1 snapshot " + snapshot.octets)).decode()

    @contextmanager
    def importing(self) -> Iterator[Path]:
        """Hold the folder for one import and give it a private empty place for its staging files.

        What an import that died has left is removed first, and this one's at its end. Raises
        SnapshotError when another import holds the folder.
        """
        self._prepare()
        with open(self.folder / "import.lock", "wb", opener=_private) as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                what = "another import into this node is running"
                raise SnapshotError(what, "wait for its end") from None
            self._remove_leftovers()
            staging = self.folder / "staging"
            staging.mkdir(mode=0o700)
            try:
                yield staging
            finally:
                self._remove_leftovers()

    def commit(self, partial: Path, snapshot: Snapshot, fingerprint: bytes) -> None:
        """Take a closed, complete file in: to disk, under its name, then into the list.

        Raises SnapshotError when the file does not open under its key; then nothing is committed.
        """
        partial.chmod(0o600)
        _sync(partial)
        partial.rename(snapshot.path)
        _sync(self.folder)
        with closing(self.open_read_only(snapshot)) as con:
            if con.execute("SELECT snapshot FROM s.meta").fetchall() != [(str(snapshot.id),)]:
                what = "the snapshot that was just written is not what was meant"
                raise SnapshotError(what, "check the disk and import again")
        with closing(self._list()) as con_list, con_list:
            con_list.execute(
                f"INSERT INTO snapshots ({_COLUMNS}) VALUES (?, ?, ?, ?)",  # noqa: S608 -- a constant
                (str(snapshot.id), str(snapshot.dictionary), snapshot.committed_at.isoformat(), fingerprint),
            )

    def open_read_only(self, snapshot: Snapshot, *, memory: str = "1GB") -> duckdb.DuckDBPyConnection:
        """Open a snapshot as `s`, locked down. Raises SnapshotError.

        The connection reads this one file. Other files and the network are refused, the settings
        are locked, spill files are encrypted and in a private folder of the connection.
        """
        self._prepare()
        spill = self.folder / "spill"
        spill.mkdir(mode=0o700, exist_ok=True)
        con = connect(spill / secrets.token_hex(16), memory=memory)
        try:
            attach(con, snapshot.path, "s", self.key(snapshot.id), read_only=True)
        except duckdb.Error:
            con.close()
            what = f"snapshot {snapshot.id} cannot be opened: the file or its key is not the right one"
            raise SnapshotError(what, "check the node's key file, or import again") from None
        lock_down(con)
        return con

    def clear_spill(self) -> None:
        """Remove what killed readers have left; for the node's start, when nobody reads."""
        shutil.rmtree(self.folder / "spill", ignore_errors=True)

    def _derived(self, label: bytes, length: int = KEY_BYTES) -> bytes:
        return HKDF(algorithm=SHA256(), length=length, salt=None, info=label).derive(self._key)

    def _prepare(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if stat.S_IMODE(self.folder.stat().st_mode) != stat.S_IRWXU:
            self.folder.chmod(stat.S_IRWXU)

    def _remove_leftovers(self) -> None:
        """Remove staging files, unfinished snapshots, and finished ones that are not in the list."""
        shutil.rmtree(self.folder / "staging", ignore_errors=True)
        known = {snapshot.path.name for snapshot in self.all()}
        for path in self.folder.glob("*.duckdb*"):
            if path.name.removesuffix(".wal") not in known:
                path.unlink(missing_ok=True)

    def _rows(self) -> list[tuple[str, str, str, bytes]]:
        with closing(self._list()) as con:
            return con.execute(f"SELECT {_COLUMNS} FROM snapshots ORDER BY place").fetchall()  # noqa: S608 -- a constant

    def _snapshot(self, row: tuple[str, str, str, bytes]) -> Snapshot:
        try:
            snapshot = SnapshotId.parse(row[0])
            dictionary = Digest.parse(row[1])
            at = datetime.fromisoformat(row[2]).astimezone(UTC)
        except (WireError, ValueError):
            raise _broken_list() from None
        return Snapshot(id=snapshot, dictionary=dictionary, committed_at=at, path=self.path(snapshot))

    def _list(self) -> sqlite3.Connection:
        """Open the list; its settings are asserted on every connection."""
        self._prepare()
        path = self.folder / "snapshots.sqlite"
        if not path.exists():
            # Never where it is there: closing it would take away the locks of this process's other
            # connections (sqlite.org/howtocorrupt.html 2.2).
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        con = sqlite3.connect(path, timeout=30)
        try:
            is_safe = _is_durable(con)
            con.execute(_LIST)
        except sqlite3.Error:
            con.close()
            raise _broken_list() from None
        if not is_safe:
            con.close()
            what = "the list of snapshots cannot be kept safely on this disk"
            raise SnapshotError(what, "put the data folder on a local disk")
        return con


def _is_durable(con: sqlite3.Connection) -> bool:
    """Set the write-ahead log and full synchronisation, and say whether they hold."""
    mode = con.execute("PRAGMA journal_mode=WAL").fetchone()
    con.execute("PRAGMA synchronous=FULL")
    return bool(mode == ("wal",) and con.execute("PRAGMA synchronous").fetchone() == (2,))


def connect(spill: Path, *, memory: str) -> duckdb.DuckDBPyConnection:
    """Open an empty database in memory whose spill files are encrypted.

    DuckDB's default is plain spill files, also beside encrypted databases; encrypting them needs
    the packaged extension, which is loaded by its path, never looked for or downloaded.
    """
    con = duckdb.connect(
        ":memory:",
        config={
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "allow_community_extensions": "false",
            "python_enable_replacements": "false",
            "memory_limit": memory,
            "temp_directory": str(spill),
            "threads": 2,
        },
    )
    con.execute("SET temp_file_encryption=true")
    con.execute(f"LOAD {_quoted(_extension())}")
    return con


def attach(con: duckdb.DuckDBPyConnection, path: Path, name: str, key: str, *, read_only: bool) -> None:
    """Attach an encrypted file under a name of ours; the key is a bound parameter."""
    mode = "READ_ONLY, " if read_only else ""
    con.execute(f"ATTACH {_quoted(path)} AS {name} ({mode}ENCRYPTION_KEY ?)", [key])
    if not read_only:
        path.chmod(0o600)  # DuckDB makes files by the umask; the folder around is private already


def lock_down(con: duckdb.DuckDBPyConnection) -> None:
    """Refuse every other file, the network, extensions and changes of settings from here on."""
    con.execute("SET enable_external_access=false")
    con.execute("SET lock_configuration=true")


def _extension() -> Path:
    folder = Path(duckdb_extension_httpfs.__file__).parent / "extensions" / f"v{duckdb.__version__}"
    return folder / "httpfs.duckdb_extension"


def _quoted(path: Path) -> str:
    # ATTACH and LOAD take no parameter for a path. It comes from the node's settings, not from data.
    return "'" + str(path).replace("'", "''") + "'"


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _broken_list() -> SnapshotError:
    what = "the list of snapshots (snapshots.sqlite) cannot be read"
    return SnapshotError(what, "restore it from a backup, or move the folder away and import again")
