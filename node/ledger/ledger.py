"""Durable charges and releases: the only maker of a `Charge`. spec/ledger.md.

The order, which every path keeps: charge and commit, read, noise, record and commit, release.

* One query id has one content; the same id with other content is refused.
* One answer (repeat key) has at most one release. Whoever asks again gets those bytes, for nothing.
* A charge is never given back. After a crash between charge and record the same charge is used again:
  nothing had left. Of two that compute at once, the first to record wins, and both send its bytes.
* A charge pays for the answer that it was made for, by the noise that it names. If that one can no
  longer be given (another snapshot or another version of the node since), the charge has failed; it
  never pays for another answer.
* A decision and its write are one `BEGIN IMMEDIATE` transaction, so budgets are exact under any number
  of threads and processes.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from node.errors import LedgerBusyError, LedgerError
from node.ledger import events
from node.ledger.charge import _MINT, Charge
from node.ledger.events import Spend
from node.ledger.schema import connect
from privacy.filters import Filter
from privacy.loss import ZERO, Loss
from protocols import transparency
from protocols.canonical import sha256
from protocols.clock import Clock
from protocols.ids import AnalystId, Digest, QueryId, StudyId
from protocols.refusals import Refusal, RefusalCode
from protocols.releases import Granted, Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The caps at this centre (None: no limit), and how often one question may be charged."""

    registry: Loss | None
    study: Loss | None
    analyst: Loss | None
    rounds: int


_BUDGETS = (
    ("registry", RefusalCode.REGISTRY_BUDGET),
    ("study", RefusalCode.STUDY_BUDGET),
    ("analyst", RefusalCode.ANALYST_BUDGET),
)


class Ledger:
    """One ledger file; safe to share among threads and to open in many processes."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._local = threading.local()

    def charge(self, spend: Spend, limits: Limits) -> Charge | Granted | Refusal:
        """Decide and charge in one durable step.

        A `Charge` allows one read; `Granted` is the stored release of a repeat. Raises
        LedgerBusyError when nothing was written, LedgerError when the node must stop.
        """
        with self._transaction() as db:
            known = db.execute(
                "SELECT content, charge FROM asked WHERE query = ?", (spend.query_id.octets,)
            ).fetchone()
            if known is not None:
                if known[0] != spend.content.octets:
                    return Refusal(code=RefusalCode.QUERY_ID_REUSED)
                return self._served(db, known[1], spend, limits)
            earlier = db.execute(
                "SELECT seq FROM charge WHERE key = ? AND state <> 'failed'", (spend.key.octets,)
            ).fetchone()
            if earlier is not None:
                self._append(db, events.repeated_leaf(spend, earlier[0], self._clock()))
                self._remember(db, spend, earlier[0])
                return self._served(db, earlier[0], spend, limits)
            return self._refusal(db, spend, limits) or self._new_charge(db, spend)

    def record(self, charge: Charge, release: bytes, spend: Spend, limits: Limits) -> Granted | Refusal:
        """Store a release durably, and give what may be sent: these bytes, or those of who came first."""
        with self._transaction() as db:
            if self._state(db, charge.seq) == "charged":
                digest = sha256("skerry/1 release", release)
                self._append(db, events.released_leaf(charge.seq, digest, self._clock()))
                db.execute(
                    "UPDATE charge SET state = 'released', release = ? WHERE seq = ?", (release, charge.seq)
                )
            served = self._served(db, charge.seq, spend, limits)
            if isinstance(served, Charge):
                raise LedgerError("a recorded release is not there")
            return served

    def fail(self, charge: Charge) -> Refusal:
        """Note that an answer failed; the charge stays."""
        with self._transaction() as db:
            if self._state(db, charge.seq) == "charged":
                self._set_failed(db, charge.seq)
        return Refusal(code=RefusalCode.FAILED)

    def note_refusal(self, analyst: AnalystId, study: StudyId, query_id: QueryId, code: RefusalCode) -> None:
        """Record that a known analyst was refused before any charge."""
        with self._transaction() as db:
            self._append(db, events.refused_leaf(analyst, study, query_id, code.word, self._clock()))

    def spent(self) -> dict[tuple[str, str], Loss]:
        """Give what has been spent, by scope (registry, study, analyst) and name."""
        with self._transaction() as db:
            rows = db.execute("SELECT scope, name, nano_rho FROM spent ORDER BY scope, name")
            return {(scope, name): Loss(int(nano_rho)) for scope, name, nano_rho in rows}

    def _refusal(self, db: sqlite3.Connection, spend: Spend, limits: Limits) -> Refusal | None:
        rounds = db.execute("SELECT count(*) FROM charge WHERE key = ?", (spend.key.octets,)).fetchone()[0]
        if rounds >= limits.rounds:
            return Refusal(code=RefusalCode.ROUNDS_USED_UP)
        for (scope, code), one in zip(_BUDGETS, self._filters(db, spend, limits), strict=True):
            if not one.admits(spend.loss):
                left = one.remaining_rounded_down()
                return Refusal(
                    code=code, detail=f"the {scope} has rho {left} left, and this costs {spend.loss}"
                )
        return None

    def _new_charge(self, db: sqlite3.Connection, spend: Spend) -> Charge:
        seq = self._append(db, events.charged_leaf(spend, self._clock()))
        db.execute("INSERT INTO charge (seq, key, state) VALUES (?, ?, 'charged')", (seq, spend.key.octets))
        self._remember(db, spend, seq)
        for scope, name in _names(spend):
            total = self._spent(db, scope, name) + spend.loss
            db.execute(
                "INSERT INTO spent (scope, name, nano_rho) VALUES (?, ?, ?)"
                " ON CONFLICT (scope, name) DO UPDATE SET nano_rho = excluded.nano_rho",
                (scope, name, str(total.nano_rho)),
            )
        return Charge(_MINT, seq=seq, key=spend.key, query_id=spend.query_id)

    def _served(
        self, db: sqlite3.Connection, seq: int, spend: Spend, limits: Limits
    ) -> Charge | Granted | Refusal:
        """Give what a charge has come to: its release, its failure, or the right to compute it."""
        row = db.execute(
            "SELECT key, state, release, leaf FROM charge JOIN event USING (seq) WHERE seq = ?", (seq,)
        ).fetchone()
        if row is None:
            raise LedgerError("a charge is not in the ledger's index")
        key, state, release, leaf = row
        is_same = key == spend.key.octets and events.noise_of(events.read_leaf(leaf)) == spend.noise
        if state == "charged" and is_same:
            return Charge(_MINT, seq=seq, key=spend.key, query_id=spend.query_id)
        if state == "charged":
            self._set_failed(db, seq)
        if state != "released":
            return Refusal(code=RefusalCode.FAILED)
        return Granted(release=release, receipt=self._receipt(db, seq, leaf, spend, limits))

    def _receipt(
        self, db: sqlite3.Connection, seq: int, leaf: bytes, spend: Spend, limits: Limits
    ) -> Receipt:
        is_own = events.read_leaf(leaf)["query"] == str(spend.query_id)
        size = self._size(db)
        fetch = _fetcher(db)
        registry, study, analyst = (one.remaining_rounded_down() for one in self._filters(db, spend, limits))
        return Receipt(
            charged=spend.loss if is_own else ZERO,
            is_repeat=not is_own,
            registry_left=registry,
            study_left=study,
            analyst_left=analyst,
            event=leaf,
            index=seq,
            tree_size=size,
            tree_root=Digest(transparency.root(size, fetch)),
            proof=tuple(Digest(part) for part in transparency.inclusion_proof(seq, size, fetch)),
        )

    def _filters(self, db: sqlite3.Connection, spend: Spend, limits: Limits) -> tuple[Filter, Filter, Filter]:
        caps = (limits.registry, limits.study, limits.analyst)
        registry, study, analyst = (
            Filter(limit=cap, spent=self._spent(db, scope, name))
            for cap, (scope, name) in zip(caps, _names(spend), strict=True)
        )
        return registry, study, analyst

    @staticmethod
    def _spent(db: sqlite3.Connection, scope: str, name: str) -> Loss:
        row = db.execute("SELECT nano_rho FROM spent WHERE scope = ? AND name = ?", (scope, name)).fetchone()
        try:
            return Loss(int(row[0])) if row else ZERO
        except ValueError:
            raise LedgerError("what is noted as spent cannot be read") from None

    @staticmethod
    def _remember(db: sqlite3.Connection, spend: Spend, seq: int) -> None:
        row = (spend.query_id.octets, spend.content.octets, seq)
        db.execute("INSERT INTO asked (query, content, charge) VALUES (?, ?, ?)", row)

    def _set_failed(self, db: sqlite3.Connection, seq: int) -> None:
        self._append(db, events.failed_leaf(seq, self._clock()))
        db.execute("UPDATE charge SET state = 'failed' WHERE seq = ?", (seq,))

    @staticmethod
    def _state(db: sqlite3.Connection, seq: int) -> str:
        return str(db.execute("SELECT state FROM charge WHERE seq = ?", (seq,)).fetchone()[0])

    @staticmethod
    def _size(db: sqlite3.Connection) -> int:
        return int(db.execute("SELECT coalesce(max(seq) + 1, 0) FROM event").fetchone()[0])

    def _append(self, db: sqlite3.Connection, leaf: bytes) -> int:
        """Append an event and the tree's nodes that it completes; events are numbered from 0."""
        seq = self._size(db)
        db.execute("INSERT INTO event (seq, leaf) VALUES (?, ?)", (seq, leaf))
        nodes = transparency.appended(transparency.leaf_hash(leaf), seq, _fetcher(db))
        db.executemany("INSERT INTO node (level, idx, hash) VALUES (?, ?, ?)", nodes)
        return seq

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Run a body in one immediate transaction: all of it is durable at the end, or nothing is."""
        db = self._connection()
        try:
            db.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            # Nothing has been written; any other failure below may have reached the disk.
            # The low byte: an extended code says what it was busy with, such as another's recovery.
            if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
                raise LedgerBusyError("the ledger is busy") from None
            raise LedgerError(f"the ledger cannot be written ({error})") from None
        try:
            yield db
            db.execute("COMMIT")
        except sqlite3.Error as error:
            self._roll_back(db)
            raise LedgerError(f"the ledger cannot be written ({error})") from None
        except BaseException:
            self._roll_back(db)
            raise

    @staticmethod
    def _roll_back(db: sqlite3.Connection) -> None:
        if db.in_transaction:
            db.execute("ROLLBACK")

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = connect(self._path)
        return connection


def _names(spend: Spend) -> tuple[tuple[str, str], ...]:
    return (
        ("registry", spend.registry),
        ("study", spend.study.text),
        ("analyst", f"{spend.study}/{spend.analyst}"),
    )


def _fetcher(db: sqlite3.Connection) -> transparency.Fetch:
    def fetch(level: int, index: int) -> bytes:
        row = db.execute("SELECT hash FROM node WHERE level = ? AND idx = ?", (level, index)).fetchone()
        if row is None:
            raise LedgerError("the ledger's tree has a hole")
        return bytes(row[0])

    return fetch
