"""The one path to patients' data. Charge, commit, then read.

    open the envelope -> study and policy -> compile to a plan -> charge -> read -> noise -> record -> release

* Up to the charge, every refusal depends on the query, the roster, the study, the policy, the dictionary
  and the ledger, never on data. After it there is one code, `failed`, and the charge stays. Mode
  `suppressed` decides on the data after its charge, and has one more: `withheld`.
* What can fail for public reasons fails before the charge, in the compiler.
* A refusal's detail is made of public words only.
* A plan goes the same way up to the charge, and ends there.
* All that follows for one envelope goes by the rules under which it was opened.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from node.engines.duckdb_engine import DuckDBEngine
from node.errors import CohortsError, EngineError, LedgerBusyError, SnapshotError
from node.ledger.balances import Limits
from node.ledger.charge import Charge
from node.ledger.events import Spend
from node.ledger.ledger import Ledger
from node.ledger.limits import limits_of
from node.pause import Pause
from node.plan import Plan, compile_plan
from node.policy import has_expired, outside_hours, outside_policy
from node.rules import NoRules, Rules
from node.snapshots import Snapshot, Snapshots
from node.tables import Tables
from privacy.disclosure import Rule
from privacy.errors import PrivacyError
from protocols.clock import Clock
from protocols.codec.answers import encode_release
from protocols.dictionary import Dictionary
from protocols.envelope import Opened, Purpose, open_envelope
from protocols.errors import QueryError, SignatureError, UnknownAnalystError, WireError
from protocols.ids import CentreId
from protocols.layout import TEMPLATE_VERSION
from protocols.queries import Mode, Query, SignedTerms
from protocols.query_rules import canonical
from protocols.refusals import Refusal, RefusalCode
from protocols.releases import Answer, Granted, Planned, Quote, Release, ReleasedBlock, SuppressedTable
from protocols.roll_up import roll_up
from protocols.roster import Analyst
from protocols.studies import Study, outside_study


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """What the gate acts on. `tables` is mode `suppressed`, with its memory."""

    snapshots: Snapshots
    ledger: Ledger
    engine: DuckDBEngine
    tables: Tables
    pause: Pause


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question or a plan whose envelope is open, and the rules under which it was opened."""

    opened: Opened
    purpose: Purpose
    rules: Rules | NoRules

    @property
    def terms(self) -> SignedTerms:
        """What is asked, as it was signed."""
        return self.opened.terms

    @property
    def asker(self) -> Analyst:
        """Who asks, as the roster of these rules has them."""
        return self.rules.roster.analysts[self.terms.analyst]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Admitted:
    """A question that nothing public speaks against: what the ledger decides on."""

    centre: CentreId
    rule: Rule | None
    plan: Plan
    snapshot: Snapshot
    spend: Spend
    limits: Limits

    def is_in(self, finer: Query) -> bool:
        """Whether a paid question contains this one's answer."""
        return roll_up(finer, self.plan.query, self.plan.dictionary) is not None


class Gate:
    """Answers envelopes. One at a time: the loop above it has one worker for queries."""

    def __init__(self, rules: Callable[[], Rules | NoRules], stores: Stores, clock: Clock) -> None:
        self._rules = rules
        self._stores = stores
        self._clock = clock

    def opened(self, envelope: bytes, purpose: Purpose) -> Asked | Refusal:
        """Open an envelope under the rules of this moment; a refusal where nobody is known to have asked."""
        rules = self._rules()
        try:
            opened = open_envelope(envelope, rules.roster.analysts, purpose)
        except UnknownAnalystError:
            return Refusal(code=RefusalCode.UNKNOWN_ANALYST)
        except SignatureError:
            return Refusal(code=RefusalCode.BAD_SIGNATURE)
        except WireError:
            return Refusal(code=RefusalCode.UNREADABLE)
        return Asked(opened=opened, purpose=purpose, rules=rules)

    def answer(self, asked: Asked) -> Answer:
        """Answer a question with a release or a refusal.

        Raises LedgerError when the ledger failed: the node must then stop.
        """
        if asked.purpose is not Purpose.QUERY:
            raise RuntimeError("only what was signed as a question is answered")
        terms = asked.terms
        admitted = self._admitted(asked)
        outcome = admitted if isinstance(admitted, Refusal) else self._outcome(admitted)
        if isinstance(outcome, Refusal) and outcome.code not in _AFTER_THE_CHARGE:
            # A ledger too busy to note a refusal has still refused.
            with suppress(LedgerBusyError):
                self._stores.ledger.note_refusal(terms.analyst, terms.study, terms.query_id, outcome.code)
        return Answer(centre=asked.rules.centre, query_id=terms.query_id, outcome=outcome)

    def plan(self, asked: Asked) -> Planned:
        """Say what a question would cost and leave, or how it would be refused.

        No row is read, nothing is charged and nothing is noted. Raises LedgerError as `answer` does.
        """
        if asked.purpose is not Purpose.PLAN:
            raise RuntimeError("only what was signed as a plan is planned")
        admitted = self._admitted(asked)
        outcome = admitted if isinstance(admitted, Refusal) else self._quote(admitted)
        return Planned(centre=asked.rules.centre, query_id=asked.terms.query_id, outcome=outcome)

    def _admitted(self, asked: Asked) -> _Admitted | Refusal:
        """Decide all that is public: by pause, audience, time, study, policy and dictionary."""
        terms, rules = asked.terms, asked.rules
        if self._stores.pause.is_on():
            return Refusal(code=RefusalCode.PAUSED)
        if isinstance(rules, NoRules):
            detail = "the centre has no papers in force under the present roster"
            return Refusal(code=RefusalCode.UNAVAILABLE, detail=detail)
        study = self._allowed(terms, rules)
        if isinstance(study, Refusal):
            return study
        plan = self._planned(terms, rules.dictionary)
        if isinstance(plan, Refusal):
            return plan
        try:
            snapshot = self._stores.snapshots.current()
        except SnapshotError:
            return Refusal(code=RefusalCode.UNAVAILABLE)
        if snapshot is None or snapshot.dictionary != plan.dictionary.digest:
            return Refusal(code=RefusalCode.NO_SNAPSHOT)
        if plan.query.release.mode is Mode.SUPPRESSED:
            refusal = self._unguarded(plan, snapshot)
            if refusal is not None:
                return refusal
        spend, limits = self._spend(asked, plan, snapshot), limits_of(rules.policy, study)
        suppressed = rules.policy.suppressed
        return _Admitted(
            centre=rules.centre,
            rule=suppressed.rule if suppressed else None,
            plan=plan,
            snapshot=snapshot,
            spend=spend,
            limits=limits,
        )

    def _unguarded(self, plan: Plan, snapshot: Snapshot) -> Refusal | None:
        try:
            released = self._stores.ledger.tables_shown()
        except LedgerBusyError:
            return Refusal(code=RefusalCode.BUSY)
        return self._stores.tables.refusal(plan, snapshot, released)

    def _allowed(self, terms: SignedTerms, rules: Rules) -> Study | Refusal:
        now = self._clock()
        if rules.centre not in terms.audience:
            return Refusal(code=RefusalCode.NOT_ADDRESSED)
        if now >= rules.roster.expires or has_expired(terms, rules.policy, now):
            return Refusal(code=RefusalCode.EXPIRED)
        study = rules.studies.get(terms.study)
        if study is None:
            return Refusal(code=RefusalCode.UNKNOWN_STUDY)
        if terms.dictionary != rules.dictionary.digest or study.dictionary != rules.dictionary.digest:
            return Refusal(code=RefusalCode.OTHER_DICTIONARY)
        if (why := outside_study(terms, study, now, rules.tables.get(study.id))) is not None:
            return Refusal(code=RefusalCode.OUTSIDE_STUDY, detail=why)
        why = outside_policy(terms, study, rules.policy) or outside_hours(rules.policy, now)
        if why is not None:
            return Refusal(code=RefusalCode.OUTSIDE_POLICY, detail=why)
        return study

    def _planned(self, terms: SignedTerms, dictionary: Dictionary) -> Plan | Refusal:
        try:
            if canonical(terms.query, dictionary) != terms.query:
                return Refusal(code=RefusalCode.INVALID_QUERY, detail="the query is not in canonical form")
            return compile_plan(terms.query, dictionary)
        except QueryError as error:
            return Refusal(code=RefusalCode.INVALID_QUERY, detail=error.what)
        except PrivacyError as error:
            return Refusal(code=RefusalCode.TOO_LITTLE_LOSS, detail=str(error))

    def _spend(self, asked: Asked, plan: Plan, snapshot: Snapshot) -> Spend:
        terms = asked.terms
        return Spend(
            registry=plan.dictionary.name,
            study=terms.study,
            analyst=terms.analyst,
            institution=asked.asker.institution,
            query_id=terms.query_id,
            content=asked.opened.content,
            query=plan.query,
            dictionary=plan.dictionary.digest,
            snapshot=snapshot.id,
            noise=tuple(one.event for one in plan.mechanisms),
        )

    def _quote(self, one: _Admitted) -> Quote | Refusal:
        try:
            return self._stores.ledger.quote(one.spend, one.limits, one.is_in, one.snapshot.committed_at)
        except LedgerBusyError:
            return Refusal(code=RefusalCode.BUSY)

    def _outcome(self, one: _Admitted) -> Granted | Refusal:
        try:
            charge = self._stores.ledger.charge(one.spend, one.limits, one.is_in)
        except LedgerBusyError:
            return Refusal(code=RefusalCode.BUSY)
        if isinstance(charge, Granted | Refusal):
            return charge
        try:
            return self._paid(one, charge)
        except LedgerBusyError:
            # After a charge there is one code. The charge is open: asked again, it pays for this answer.
            return Refusal(code=RefusalCode.FAILED)

    def _paid(self, one: _Admitted, charge: Charge) -> Granted | Refusal:
        """Read and release. Whatever fails here has been paid for, and says nothing of why."""
        ledger = self._stores.ledger
        try:
            if one.plan.query.release.mode is Mode.SUPPRESSED:
                table = self._stores.tables.shown(one.plan, one.snapshot, charge, one.rule)
                if table is None:
                    return ledger.withhold(charge)
                release = self._release(one, table=table)
            else:
                release = self._release(one, blocks=self._noisy(one, charge))
        except (EngineError, PrivacyError, CohortsError):
            return ledger.fail(charge)
        return ledger.record(charge, encode_release(release), one.spend, one.limits)

    def _noisy(self, one: _Admitted, charge: Charge) -> tuple[ReleasedBlock, ...]:
        exact = self._stores.engine.aggregate(one.plan, one.snapshot, charge)
        pairs = zip(one.plan.mechanisms, exact, strict=True)
        return tuple(
            ReleasedBlock(name=noise.block.name, event=noise.event, values=noise.release(vector))
            for noise, vector in pairs
        )

    def _release(
        self, one: _Admitted, blocks: tuple[ReleasedBlock, ...] = (), table: SuppressedTable | None = None
    ) -> Release:
        return Release(
            centre=one.centre,
            question=one.spend.question,
            dictionary=one.plan.dictionary.digest,
            snapshot=one.snapshot.id,
            snapshot_at=one.snapshot.committed_at,
            released_at=self._clock(),
            template_version=TEMPLATE_VERSION,
            loss=one.plan.loss,
            cap=one.plan.layout.cap,
            blocks=blocks,
            table=table,
        )


_AFTER_THE_CHARGE = (RefusalCode.FAILED, RefusalCode.WITHHELD)
