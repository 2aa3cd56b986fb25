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
from datetime import datetime
from pathlib import Path

from node.errors import LedgerError
from node.ledger import balances, events, log, paid, policies
from node.ledger.balances import Limits
from node.ledger.charge import _MINT, Charge
from node.ledger.events import Spend
from node.ledger.log import Log
from node.ledger.paid import ENDS, Contains, nothing
from node.ledger.policies import PolicyInForce
from node.ledger.quotes import quoted
from privacy.loss import ZERO, Loss
from protocols import transparency
from protocols.canonical import sha256
from protocols.clock import Clock
from protocols.ids import AnalystId, Digest, QueryId, StudyId
from protocols.refusals import Refusal, RefusalCode
from protocols.releases import Granted, Quote, Receipt


class Ledger:
    """One ledger file; safe to share among threads and to open in many processes."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._log = Log(path)
        self._clock = clock

    def charge(
        self, spend: Spend, limits: Limits, contains: Contains = nothing
    ) -> Charge | Granted | Refusal:
        """Decide and charge in one durable step.

        A `Charge` allows one read; `Granted` is the stored release of a repeat, or of a finer question
        that contains this one's answer. Raises LedgerBusyError when nothing was written, LedgerError when
        the node must stop.
        """
        with self._log.writing() as db:
            known = db.execute(
                "SELECT content, charge FROM asked WHERE query = ?", (spend.query_id.octets,)
            ).fetchone()
            if known is not None:
                if known[0] != spend.content.octets:
                    return Refusal(code=RefusalCode.QUERY_ID_REUSED)
                return self._served(db, known[1], spend, limits)
            earlier, rounds = paid.earlier(db, spend, contains)
            if earlier is not None:
                log.append(db, events.repeated_leaf(spend, earlier, self._clock()))
                _remember(db, spend, earlier)
                return self._served(db, earlier, spend, limits)
            if rounds >= limits.rounds:
                return Refusal(code=RefusalCode.ROUNDS_USED_UP)
            balance, at = balances.balance_of(db, spend), self._clock()
            refusal = balances.refusal_of(db, balance, spend, limits, at)
            return refusal or self._new_charge(db, spend, balance, at)

    def record(self, charge: Charge, release: bytes, spend: Spend, limits: Limits) -> Granted | Refusal:
        """Store a release durably, and give what may be sent: these bytes, or those of who came first."""
        with self._log.writing() as db:
            if paid.read(db, charge.seq).state == "charged":
                digest = sha256("skerry/1 release", release)
                log.append(db, events.released_leaf(charge.seq, digest, self._clock()))
                db.execute(
                    "UPDATE charge SET state = 'released', release = ? WHERE seq = ?", (release, charge.seq)
                )
            served = self._served(db, charge.seq, spend, limits)
            if isinstance(served, Charge):
                raise LedgerError("a recorded release is not there")
            return served

    def fail(self, charge: Charge) -> Refusal:
        """Note that an answer failed; the charge stays."""
        return self._ended(charge, "failed")

    def withhold(self, charge: Charge) -> Refusal:
        """Note that an answer was withheld for what is in the data; whoever asks again hears the same."""
        return self._ended(charge, "withheld")

    def note_refusal(self, analyst: AnalystId, study: StudyId, query_id: QueryId, code: RefusalCode) -> None:
        """Record that a known analyst was refused before any charge."""
        with self._log.writing() as db:
            log.append(db, events.refused_leaf(analyst, study, query_id, code.word, self._clock()))

    def policy(self) -> PolicyInForce | None:
        """Give the policy that came into force last; None where none ever did."""
        with self._log.reading() as db:
            return policies.latest(db)

    def put_in_force(self, octets: bytes, signers: frozenset[str]) -> None:
        """Note durably that a policy file is in force from now on, and keep its bytes."""
        with self._log.writing() as db:
            policies.note(db, octets, signers, self._clock())

    def spent(self) -> dict[tuple[str, str], Loss]:
        """Give what has been spent, by scope (registry, study, institution) and name."""
        with self._log.reading() as db:
            rows = db.execute(
                "SELECT scope, name, nano_rho FROM spent WHERE scope <> 'day' ORDER BY scope, name"
            )
            return {(scope, name): Loss(int(nano_rho)) for scope, name, nano_rho in rows}

    def tables_shown(self) -> frozenset[int]:
        """Give the charges of mode `suppressed` whose table was released."""
        with self._log.reading() as db:
            rows = db.execute("SELECT seq FROM charge WHERE mode = 'suppressed' AND state = 'released'")
            return frozenset(seq for (seq,) in rows)

    def quote(
        self, spend: Spend, limits: Limits, contains: Contains, snapshot_at: datetime
    ) -> Quote | Refusal:
        """Say what a charge would decide now, and what it would leave. Writes nothing."""
        with self._log.reading() as db:
            return quoted(db, spend, limits, contains, snapshot_at=snapshot_at, now=self._clock())

    def _ended(self, charge: Charge, state: str) -> Refusal:
        with self._log.writing() as db:
            if paid.read(db, charge.seq).state == "charged":
                self._end(db, charge.seq, state)
        return Refusal(code=ENDS[state])

    @staticmethod
    def _new_charge(db: sqlite3.Connection, spend: Spend, balance: balances.Balance, at: datetime) -> Charge:
        after = balance.after(balances.cost_of(spend))
        leaf = events.charged_leaf(spend, after.registry.loss, after.registry.questions, at)
        seq = log.append(db, leaf)
        keys = (spend.key.octets, spend.snapshot.octets, spend.families[0].octets)
        db.execute(
            "INSERT INTO charge (seq, key, snapshot, family, question, mode, state)"
            " VALUES (?, ?, ?, ?, ?, ?, 'charged')",
            (seq, *keys, spend.encoded, spend.mode.value),
        )
        _remember(db, spend, seq)
        balances.note(db, spend, after, at)
        return Charge(_MINT, seq=seq, key=spend.key, query_id=spend.query_id)

    def _served(
        self, db: sqlite3.Connection, seq: int, spend: Spend, limits: Limits
    ) -> Charge | Granted | Refusal:
        """Give what a charge has come to: its release, its failure, or the right to compute it."""
        one = paid.read(db, seq)
        if one.state == "charged":
            if one.pays_for(spend):
                return Charge(_MINT, seq=seq, key=spend.key, query_id=spend.query_id)
            self._end(db, seq, "failed")
            return Refusal(code=RefusalCode.FAILED)
        if one.state in ENDS:
            return Refusal(code=ENDS[one.state])
        return Granted(release=one.release, receipt=_receipt(db, one, spend, limits), finer=one.finer(spend))

    def _end(self, db: sqlite3.Connection, seq: int, state: str) -> None:
        log.append(db, events.ended_leaf(state, seq, self._clock()))
        db.execute("UPDATE charge SET state = ? WHERE seq = ?", (state, seq))


def _remember(db: sqlite3.Connection, spend: Spend, seq: int) -> None:
    row = (spend.query_id.octets, spend.content.octets, seq)
    db.execute("INSERT INTO asked (query, content, charge) VALUES (?, ?, ?)", row)


def _receipt(db: sqlite3.Connection, one: paid.Paid, spend: Spend, limits: Limits) -> Receipt:
    """Say what this asking cost and what is left, and prove that the charge is in the log."""
    is_own = events.read_leaf(one.leaf).get("query") == str(spend.query_id)
    size, balance = log.size_of(db), balances.balance_of(db, spend)
    registry, study, institution = (one.remaining_rounded_down() for one in balance.filters(limits))
    proof = transparency.inclusion_proof(one.seq, size, log.nodes_of(db))
    return Receipt(
        charged=spend.loss if is_own else ZERO,
        is_repeat=not is_own,
        registry_left=registry,
        study_left=study,
        analyst_left=institution,
        questions_left=balance.questions_left(limits) if spend.questions else None,
        event=one.leaf,
        index=one.seq,
        tree_size=size,
        tree_root=log.root_of(db, size),
        proof=tuple(Digest(part) for part in proof),
    )
