"""The log: one file's connection, its transactions, and the tree that grows with each event.

* One connection for all threads of a process, behind a lock: they wait for each other here, in turn,
  and not in SQLite's back-off, which sleeps. Other processes wait at `BEGIN IMMEDIATE`.
* A transaction is durable at its end, or nothing of it is there.
* The tree is RFC 6962's. The hashes of the subtrees that an event completes stand beside it, lowest
  first.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from node.errors import LedgerBusyError, LedgerError
from node.ledger import schema
from protocols import transparency
from protocols.ids import Digest

HASH_BYTES = 32


class Log:
    """One ledger file, as one process uses it. Making this object touches nothing."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._db: sqlite3.Connection | None = None

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Run a body in one immediate transaction.

        Raises LedgerBusyError when nothing was begun, LedgerError when the node must stop.
        """
        with self._turn() as db:
            self._begin(db, "BEGIN IMMEDIATE")
            with _ended(db):
                yield db

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Run a body that sees one moment of the file and writes nothing. Raises as `writing` does."""
        with self._turn() as db:
            self._begin(db, "BEGIN")
            with _ended(db):
                yield db

    @contextmanager
    def _turn(self) -> Iterator[sqlite3.Connection]:
        if not self._lock.acquire(timeout=schema.BUSY_MS / 1000):
            raise LedgerBusyError("the ledger is busy")
        try:
            yield self.connection()
        finally:
            self._lock.release()

    def connection(self) -> sqlite3.Connection:
        """Give the process's one connection, opening it if need be. Raises LedgerError."""
        if self._db is None:
            self._db = schema.connect(self._path)
        return self._db

    @staticmethod
    def _begin(db: sqlite3.Connection, statement: str) -> None:
        try:
            db.execute(statement)
        except sqlite3.OperationalError as error:
            # Nothing has been written; any other failure below may have reached the disk.
            # The low byte: an extended code says what it was busy with, such as another's recovery.
            if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
                raise LedgerBusyError("the ledger is busy") from None
            raise LedgerError(f"the ledger cannot be written ({error})") from None


@contextmanager
def _ended(db: sqlite3.Connection) -> Iterator[None]:
    """Commit what a body did, or take all of it back."""
    try:
        yield
        db.execute("COMMIT")
    except sqlite3.Error as error:
        _roll_back(db)
        raise LedgerError(f"the ledger cannot be written ({error})") from None
    except BaseException:
        _roll_back(db)
        raise


def _roll_back(db: sqlite3.Connection) -> None:
    if db.in_transaction:
        db.execute("ROLLBACK")


def size_of(db: sqlite3.Connection) -> int:
    """Give the number of events; they are numbered from 0."""
    return int(db.execute("SELECT coalesce(max(seq) + 1, 0) FROM event").fetchone()[0])


def append(db: sqlite3.Connection, leaf: bytes) -> int:
    """Append an event with the subtrees that it completes; give its number."""
    # Before anything else: events that were cut off are missed by their number.
    row = db.execute("UPDATE head SET size = size + 1 RETURNING size - 1").fetchone()
    if row is None:
        raise LedgerError("the ledger does not say how many events it has")
    seq = int(row[0])
    nodes = transparency.appended(transparency.leaf_hash(leaf), seq, nodes_of(db))
    hashes = b"".join(value for _, _, value in nodes)
    db.execute("INSERT INTO event (seq, leaf, nodes) VALUES (?, ?, ?)", (seq, leaf, hashes))
    return seq


def nodes_of(db: sqlite3.Connection) -> transparency.Fetch:
    """Give the reader of the tree's nodes. It raises LedgerError where one is not there.

    A subtree is completed by its last leaf, which completes one on each lower level too.
    """

    def fetch(level: int, index: int) -> bytes:
        last = ((index + 1) << level) - 1
        row = db.execute(
            "SELECT substr(nodes, ?, ?) FROM event WHERE seq = ?", (level * HASH_BYTES + 1, HASH_BYTES, last)
        ).fetchone()
        if row is None or len(row[0]) != HASH_BYTES:
            raise LedgerError("the ledger's tree has a hole")
        return bytes(row[0])

    return fetch


def root_of(db: sqlite3.Connection, size: int) -> Digest:
    """Give the root of the first `size` events."""
    return Digest(transparency.root(size, nodes_of(db)))
