"""The one path to patients' data. Charge, commit, then read.

    open the envelope -> study and policy -> compile to a plan -> charge -> read -> noise -> record -> release

* Up to the charge, every refusal depends on the query, the roster, the study, the policy, the dictionary
  and the ledger, never on data. After it there is one code, `failed`, and the charge stays.
* What can fail for public reasons fails before the charge, in the compiler.
* A refusal's detail is made of public words only.
"""

from contextlib import suppress
from dataclasses import dataclass

from node.engines.duckdb_engine import DuckDBEngine
from node.errors import EngineError, LedgerBusyError, SnapshotError
from node.ledger.charge import Charge
from node.ledger.events import Spend
from node.ledger.ledger import Ledger, Limits
from node.plan import Plan, compile_plan
from node.policy import caps_of, has_expired, outside_policy
from node.rules import Rules
from node.snapshots import Snapshot, Snapshots
from privacy.errors import PrivacyError
from protocols.clock import Clock
from protocols.codec.answers import encode_release
from protocols.envelope import Opened, open_envelope
from protocols.errors import QueryError, SignatureError, UnknownAnalystError, WireError
from protocols.ids import UNREAD
from protocols.layout import TEMPLATE_VERSION
from protocols.queries import SignedTerms
from protocols.query_rules import canonical
from protocols.refusals import Refusal, RefusalCode
from protocols.releases import Answer, Granted, Release, ReleasedBlock
from protocols.studies import Study, outside_study


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """What the gate acts on."""

    snapshots: Snapshots
    ledger: Ledger
    engine: DuckDBEngine


class Gate:
    """Answers envelopes. One at a time: the loop above it has one worker for queries."""

    def __init__(self, rules: Rules, stores: Stores, clock: Clock) -> None:
        self._rules = rules
        self._stores = stores
        self._clock = clock

    def answer(self, envelope: bytes) -> Answer:
        """Answer one envelope with a release or a refusal.

        Raises LedgerError when the ledger failed: the node must then stop.
        """
        opened = self._opened(envelope)
        if isinstance(opened, Refusal):
            return Answer(centre=self._rules.centre, query_id=UNREAD, outcome=opened)
        terms = opened.terms
        outcome = self._outcome(opened)
        if isinstance(outcome, Refusal) and outcome.code is not RefusalCode.FAILED:
            # A ledger too busy to note a refusal has still refused.
            with suppress(LedgerBusyError):
                self._stores.ledger.note_refusal(terms.analyst, terms.study, terms.query_id, outcome.code)
        return Answer(centre=self._rules.centre, query_id=terms.query_id, outcome=outcome)

    def _opened(self, envelope: bytes) -> Opened | Refusal:
        try:
            return open_envelope(envelope, self._rules.roster.analysts)
        except UnknownAnalystError:
            return Refusal(code=RefusalCode.UNKNOWN_ANALYST)
        except SignatureError:
            return Refusal(code=RefusalCode.BAD_SIGNATURE)
        except WireError:
            return Refusal(code=RefusalCode.UNREADABLE)

    def _outcome(self, opened: Opened) -> Granted | Refusal:
        study = self._admitted(opened.terms)
        if isinstance(study, Refusal):
            return study
        plan = self._planned(opened.terms)
        if isinstance(plan, Refusal):
            return plan
        try:
            snapshot = self._stores.snapshots.current()
        except SnapshotError:
            return Refusal(code=RefusalCode.UNAVAILABLE)
        if snapshot is None or snapshot.dictionary != plan.dictionary.digest:
            return Refusal(code=RefusalCode.NO_SNAPSHOT)
        spend = self._spend(opened, plan, snapshot)
        limits = self._limits(study)
        try:
            charge = self._stores.ledger.charge(spend, limits)
        except LedgerBusyError:
            return Refusal(code=RefusalCode.BUSY)
        if isinstance(charge, Granted | Refusal):
            return charge
        try:
            release = self._release(plan, snapshot, charge)
            if release is None:
                return self._stores.ledger.fail(charge)
            return self._stores.ledger.record(charge, encode_release(release), spend, limits)
        except LedgerBusyError:
            # After a charge there is one code. The charge is open: asked again, it pays for this answer.
            return Refusal(code=RefusalCode.FAILED)

    def _admitted(self, terms: SignedTerms) -> Study | Refusal:
        """Decide by audience, time, study and policy; all public."""
        rules, now = self._rules, self._clock()
        if rules.centre not in terms.audience:
            return Refusal(code=RefusalCode.NOT_ADDRESSED)
        if now >= rules.roster.expires or has_expired(terms, rules.policy, now):
            return Refusal(code=RefusalCode.EXPIRED)
        study = rules.studies.get(terms.study)
        if study is None:
            return Refusal(code=RefusalCode.UNKNOWN_STUDY)
        if terms.dictionary != rules.dictionary.digest or study.dictionary != rules.dictionary.digest:
            return Refusal(code=RefusalCode.OTHER_DICTIONARY)
        if (why := outside_study(terms, study, now)) is not None:
            return Refusal(code=RefusalCode.OUTSIDE_STUDY, detail=why)
        if (why := outside_policy(terms, rules.policy)) is not None:
            return Refusal(code=RefusalCode.OUTSIDE_POLICY, detail=why)
        return study

    def _planned(self, terms: SignedTerms) -> Plan | Refusal:
        try:
            if canonical(terms.query, self._rules.dictionary) != terms.query:
                return Refusal(code=RefusalCode.INVALID_QUERY, detail="the query is not in canonical form")
            return compile_plan(terms.query, self._rules.dictionary)
        except QueryError as error:
            return Refusal(code=RefusalCode.INVALID_QUERY, detail=error.what)
        except PrivacyError as error:
            return Refusal(code=RefusalCode.TOO_LITTLE_LOSS, detail=str(error))

    def _spend(self, opened: Opened, plan: Plan, snapshot: Snapshot) -> Spend:
        terms = opened.terms
        return Spend(
            registry=plan.dictionary.name,
            study=terms.study,
            analyst=terms.analyst,
            query_id=terms.query_id,
            content=opened.content,
            key=plan.repeat_key(snapshot.id),
            snapshot=snapshot.id,
            loss=plan.loss,
            noise=tuple(one.event for one in plan.mechanisms),
        )

    def _limits(self, study: Study) -> Limits:
        registry, study_cap, analyst = caps_of(self._rules.policy, study)
        rounds = self._rules.policy.charged_rounds_per_question
        return Limits(registry=registry, study=study_cap, analyst=analyst, rounds=rounds)

    def _release(self, plan: Plan, snapshot: Snapshot, charge: Charge) -> Release | None:
        """Read and add noise. Whatever fails here has been paid for, and says nothing of why."""
        try:
            exact = self._stores.engine.aggregate(plan, snapshot, charge)
            pairs = zip(plan.mechanisms, exact, strict=True)
            blocks = tuple(
                ReleasedBlock(name=one.block.name, event=one.event, values=one.release(vector))
                for one, vector in pairs
            )
        except (EngineError, PrivacyError):
            return None
        return Release(
            centre=self._rules.centre,
            question=plan.question,
            dictionary=plan.dictionary.digest,
            snapshot=snapshot.id,
            snapshot_at=snapshot.committed_at,
            released_at=self._clock(),
            template_version=TEMPLATE_VERSION,
            loss=plan.loss,
            cap=plan.layout.cap,
            blocks=blocks,
        )
