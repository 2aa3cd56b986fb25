"""The snapshots of a centre: immutable encrypted files, which of them is in use, their keys.

spec/snapshot.md. What this file decides:
* A snapshot counts from the moment its line is in the list (`snapshot_list`), and that line is
  written after the file is complete, on disk and under its name.
* Every key comes from the folder's one key by HKDF-SHA256, a file's also from the salt in its line;
  no key is ever stored here or put into the text of a statement.
* Only the snapshot that was committed last is ever used. When it is retired there is none: patients
  who were taken out of the newest must not come back with an older one.
* To erase is to wipe the salt, to empty the file and to take it away, in this order.
* Files are for this account only. Readers get a connection that can reach the snapshot and its own
  encrypted spill files, and nothing else.
"""

import base64
import fcntl
import hmac
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from pathlib import Path

import duckdb
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from node.encrypted_files import attach, connect, lock_down
from node.errors import SnapshotError
from node.snapshot_list import Line, SnapshotList
from protocols.ids import Digest, SnapshotId

FORMAT = 1
"""The version of the tables in a snapshot (spec/snapshot.md 2)."""

KEY_BYTES = 32


class State(Enum):
    """What may still be done with a snapshot."""

    CURRENT = "current"
    SUPERSEDED = "superseded"
    RETIRED = "retired"
    ERASED = "erased"


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One committed snapshot. Times are in UTC. `salt` is half of the file's key, and never shown."""

    id: SnapshotId
    dictionary: Digest
    committed_at: datetime
    path: Path
    salt: bytes = field(default=b"", repr=False)
    retired_at: datetime | None = None
    erased_at: datetime | None = None


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
        """Give the snapshot that was committed last; None before the first, and when it is retired."""
        line = self._list.current()
        return self._snapshot(line) if line is not None else None

    def all(self) -> tuple[Snapshot, ...]:
        """Give all snapshots and tombstones, oldest first. Raises SnapshotError for a broken list."""
        return tuple(self._snapshot(line) for line in self._list.lines())

    def states(self) -> tuple[tuple[Snapshot, State], ...]:
        """Give all snapshots, oldest first, each with what may still be done with it."""
        every = self.all()
        return tuple((one, _state(one, is_last=one is every[-1])) for one in every)

    def find(self, fingerprint: bytes) -> Snapshot | None:
        """Give the current snapshot if it was made from what this fingerprint stands for."""
        line = self._list.current()
        if line is None or not hmac.compare_digest(line.fingerprint, fingerprint):
            return None
        snapshot = self._snapshot(line)
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

    def fresh(self, dictionary: Digest, now: datetime) -> Snapshot:
        """Name a snapshot that is to be written: a random id and salt, and the place of its file."""
        new = SnapshotId.new()
        return Snapshot(
            id=new,
            dictionary=dictionary,
            committed_at=now,
            path=self.path(new),
            salt=secrets.token_bytes(KEY_BYTES),
        )

    def key(self, snapshot: Snapshot) -> str:
        """Derive the key of one snapshot's file, as base64 text for a bound parameter."""
        label = b"skerry/1 snapshot " + snapshot.id.octets
        return base64.b64encode(self._derived(label, salt=snapshot.salt)).decode()

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
        self._list.add(
            Line(
                id=snapshot.id,
                dictionary=snapshot.dictionary,
                committed_at=snapshot.committed_at,
                fingerprint=fingerprint,
                salt=snapshot.salt,
            )
        )

    def retire(self, snapshot: Snapshot, now: datetime) -> None:
        """Use a snapshot for no query any more; what is in its file stays. May be repeated."""
        self._list.retire(snapshot.id, now)

    def erase(self, snapshot: Snapshot, now: datetime) -> None:
        """Destroy a snapshot: its salt, so that its key cannot be made again, then its file. May be repeated.

        The line stays as a tombstone. What a crash leaves of the file, the next call or the next import
        removes. Raises SnapshotError when the disk refuses.
        """
        self._list.erase(snapshot.id, now)
        try:
            if snapshot.path.exists():
                # A reader that has it open would keep the bytes on the disk until it lets go.
                os.truncate(snapshot.path, 0)
                snapshot.path.unlink()
            _sync(self.folder)
        except OSError as error:
            what = f"the file {snapshot.path} cannot be removed ({error.strerror}); its key is gone already"
            raise SnapshotError(what, "remove the file, or erase the snapshot again") from None

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
            attach(con, snapshot.path, "s", self.key(snapshot), read_only=True)
        except duckdb.Error:
            con.close()
            what = f"snapshot {snapshot.id} cannot be opened: the file or its key is not the right one"
            raise SnapshotError(what, "check the node's key file, or import again") from None
        lock_down(con)
        return con

    def clear_spill(self) -> None:
        """Remove what killed readers have left; for the node's start, when nobody reads."""
        shutil.rmtree(self.folder / "spill", ignore_errors=True)

    @property
    def _list(self) -> SnapshotList:
        self._prepare()
        return SnapshotList(self.folder)

    def _derived(self, label: bytes, length: int = KEY_BYTES, *, salt: bytes = b"") -> bytes:
        return HKDF(algorithm=SHA256(), length=length, salt=salt or None, info=label).derive(self._key)

    def _prepare(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if stat.S_IMODE(self.folder.stat().st_mode) != stat.S_IRWXU:
            self.folder.chmod(stat.S_IRWXU)

    def _remove_leftovers(self) -> None:
        """Remove staging files, unfinished snapshots, and finished ones that are not in the list."""
        shutil.rmtree(self.folder / "staging", ignore_errors=True)
        known = {snapshot.path.name for snapshot in self.all() if snapshot.erased_at is None}
        for path in self.folder.glob("*.duckdb*"):
            if path.name.removesuffix(".wal") not in known:
                path.unlink(missing_ok=True)

    def _snapshot(self, line: Line) -> Snapshot:
        return Snapshot(
            id=line.id,
            dictionary=line.dictionary,
            committed_at=line.committed_at,
            path=self.path(line.id),
            salt=line.salt,
            retired_at=line.retired_at,
            erased_at=line.erased_at,
        )


def _state(snapshot: Snapshot, *, is_last: bool) -> State:
    if snapshot.erased_at is not None:
        return State.ERASED
    if snapshot.retired_at is not None:
        return State.RETIRED
    return State.CURRENT if is_last else State.SUPERSEDED


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
