"""What mode `suppressed` has shown: the memory of the differencing guard. spec/suppressed.md 5.

* For each table that was shown: which patients were in which cell, and what was published. It is kept
  before the release is recorded, so nothing can be shown that is not remembered.
* It says who is in a cell, so it is encrypted (AES-256-GCM under a key of its own, from the folder's
  key by HKDF-SHA256), bound to its place and its snapshot, and never leaves the node.
* A memory that lacks a table that the ledger released cannot guard: the mode then answers nothing.
"""

import json
import os
import sqlite3
import stat
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from node.errors import CohortsError
from privacy.disclosure import rule_of
from privacy.overlap import Membership, Shown
from protocols.errors import WireError
from protocols.ids import SnapshotId

_NONCE_BYTES = 12
_UNREADABLE = (
    sqlite3.Error,
    OSError,
    InvalidTag,
    WireError,
    ValueError,
    OverflowError,
    KeyError,
    TypeError,
)
_TABLE = """
CREATE TABLE IF NOT EXISTS shown (
    charge INTEGER PRIMARY KEY,
    snapshot BLOB NOT NULL,
    body BLOB NOT NULL
) STRICT
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """A table that was shown, the charge that paid for it, and the snapshot that it is of."""

    charge: int
    snapshot: SnapshotId
    table: Shown


class Cohorts:
    """The memory in one file. Making this object touches nothing."""

    def __init__(self, path: Path, key: bytes) -> None:
        self._path = path
        info = b"skerry/1 shown cohorts"
        self._cipher = AESGCM(HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(key))

    def __repr__(self) -> str:
        """Show the path, not the key."""
        return f"Cohorts({str(self._path)!r})"

    def all(self) -> tuple[Remembered, ...]:
        """Give all tables, oldest first. Raises CohortsError when one cannot be read.

        Where nothing was shown yet there is no file, and none is made: a plan must leave no trace.
        """
        try:
            if not self._path.exists():
                return ()
            with closing(self._connection()) as db:
                rows = db.execute("SELECT charge, snapshot, body FROM shown ORDER BY charge").fetchall()
            return tuple(self._opened(*row) for row in rows)
        except _UNREADABLE:
            raise CohortsError("the memory of what was shown cannot be read") from None

    def remember(self, one: Remembered) -> None:
        """Keep a table durably. Raises CohortsError.

        The same charge again, after a crash before its record, is the same table, unless the rule has
        changed since: what leaves now is what must be remembered.
        """
        body = self._sealed(one)
        try:
            with closing(self._connection()) as db, db:
                db.execute(
                    "INSERT OR REPLACE INTO shown (charge, snapshot, body) VALUES (?, ?, ?)",
                    (one.charge, one.snapshot.octets, body),
                )
        except sqlite3.Error:
            raise CohortsError("the memory of what was shown cannot be written") from None

    def _connection(self) -> sqlite3.Connection:
        try:
            db = sqlite3.connect(self._path, timeout=30)
            if stat.S_IMODE(self._path.stat().st_mode) & 0o077:
                self._path.chmod(0o600)
        except (sqlite3.Error, OSError):
            raise CohortsError("the memory of what was shown cannot be opened") from None
        try:
            is_safe = _is_durable(db)
            db.execute(_TABLE)
        except BaseException:
            db.close()
            raise
        if not is_safe:
            db.close()
            raise CohortsError("the memory of what was shown cannot be kept safely on this disk")
        return db

    def _sealed(self, one: Remembered) -> bytes:
        table = one.table
        header = {
            "dims": list(table.dims),
            "minimum": table.rule.minimum,
            "rounding": table.rule.rounding,
            "cells": len(table.published),
            "patients": len(table.members.patients),
        }
        numbers = (table.published, table.members.patients, table.members.cells)
        plain = json.dumps(header).encode() + b"\n" + b"".join(one.astype("<i8").tobytes() for one in numbers)
        # A random nonce: a file has far fewer tables than the 2^32 up to which they do not meet.
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plain, _place(one.charge, one.snapshot.octets))

    def _opened(self, charge: int, snapshot: bytes, body: bytes) -> Remembered:
        nonce, sealed = body[:_NONCE_BYTES], body[_NONCE_BYTES:]
        plain = self._cipher.decrypt(nonce, sealed, _place(charge, snapshot))
        header, _, rest = plain.partition(b"\n")
        tree = json.loads(header)
        numbers = np.frombuffer(rest, dtype="<i8").astype(np.int64)
        cells, patients = int(tree["cells"]), int(tree["patients"])
        rule = rule_of(tree["minimum"], tree["rounding"])
        if rule is None or len(numbers) != cells + 2 * patients:
            raise CohortsError("the memory of what was shown is of another version")
        members = Membership(patients=numbers[cells : cells + patients], cells=numbers[cells + patients :])
        table = Shown(members=members, dims=tuple(tree["dims"]), published=numbers[:cells], rule=rule)
        return Remembered(charge=charge, snapshot=SnapshotId(snapshot), table=table)


def _is_durable(db: sqlite3.Connection) -> bool:
    """Set the write-ahead log and full synchronisation, and say whether they hold."""
    mode = db.execute("PRAGMA journal_mode = WAL").fetchone()
    db.execute("PRAGMA synchronous = FULL")
    return bool(mode == ("wal",) and db.execute("PRAGMA synchronous").fetchone() == (2,))


def _place(charge: int, snapshot: bytes) -> bytes:
    return charge.to_bytes(8, "big") + snapshot
