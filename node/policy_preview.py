"""What a policy would have allowed: charged questions replayed in their order, and made-up ones. Pure.

* Each question goes by the same functions as at the gate and in the ledger, at the moment at which it was
  asked. What is refused spends nothing, so that the budgets are those that the policy would have left.
* Only the policy decides here, with the caps of a study that is still there. What the old policy refused
  was never charged and is not known; nor is until when a query was signed to be valid.
* A made-up question is asked now, after all others, by an institution that has asked nothing yet.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from node.ledger.balances import Balance, Limits, Sum, beyond, beyond_period, first_day
from node.ledger.charged import Charged
from node.ledger.limits import limits_of
from node.policy import Policy, outside_hours, outside_policy
from node.question_words import question_words
from privacy.filters import Filter
from privacy.loss import ZERO, Loss
from protocols.ids import UNREAD, AnalystId, CentreId, Digest, StudyId
from protocols.queries import Mode, Query, SignedTerms
from protocols.refusals import Refusal, RefusalCode
from protocols.studies import Study

_UNKNOWN = "the study is not there any more, and mode suppressed goes by it"
_NOBODY = AnalystId("nobody")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question to be judged: `seq` and `state` are None for one that was never asked."""

    at: datetime
    study: StudyId
    query: Query
    seq: int | None = None
    analyst: AnalystId = _NOBODY
    account: str = ""
    key: str = ""
    state: str | None = None

    @classmethod
    def of(cls, one: Charged) -> "Question":
        """Give a charged one."""
        return cls(
            at=one.at,
            study=one.study,
            query=one.query,
            seq=one.seq,
            analyst=one.analyst,
            account=one.account,
            key=one.key,
            state=one.state,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A question, what the policy says to it (None: allowed), and what would be left of each budget then."""

    question: Question
    refusal: Refusal | None
    left: dict[str, Loss | None]

    def to_json(self) -> dict[str, Any]:
        """Give one entry of the `skerry.policy-preview/1` object."""
        one = self.question
        return {
            "event": one.seq,
            "at": one.at.isoformat(),
            "study": one.study.text,
            "analyst": None if one.seq is None else one.analyst.text,
            "institution": one.account or None,
            "question": question_words(one.query),
            "mode": one.query.release.mode.value,
            "rho": str(one.query.release.loss),
            "outcome": one.state,
            "is_allowed": self.refusal is None,
            "code": self.refusal.code.word if self.refusal else None,
            "why": (self.refusal.detail or self.refusal.code.sentence) if self.refusal else None,
            "left_rho": {name: None if loss is None else str(loss) for name, loss in self.left.items()},
        }


class Replay:
    """Takes questions in the order in which they are asked, and keeps the sums that the policy would keep."""

    def __init__(self, policy: Policy, studies: Mapping[StudyId, Study], centre: CentreId) -> None:
        self._policy = policy
        self._studies = studies
        self._centre = centre
        self._sums: defaultdict[tuple[str, ...], Sum] = defaultdict(Sum)
        self._days: defaultdict[str, Loss] = defaultdict(lambda: ZERO)
        self._rounds: Counter[str] = Counter()

    def take(self, one: Question) -> Judged:
        """Judge the next question."""
        study = self._studies.get(one.study)
        limits = self._limits(study)
        release = one.query.release
        cost = Sum(loss=release.loss, questions=int(release.mode is Mode.SUPPRESSED))
        balance, in_period = self._balance(one), self._in_period(one, limits)
        refusal = self._outside(one, study, limits)
        refusal = refusal or beyond(balance, cost, limits) or beyond_period(in_period, cost, limits)
        if refusal is None:
            balance, in_period = balance.after(cost), in_period + cost.loss
            self._note(one, balance, cost)
        return Judged(question=one, refusal=refusal, left=_left(balance, in_period, limits))

    def _outside(self, one: Question, study: Study | None, limits: Limits) -> Refusal | None:
        is_table = one.query.release.mode is Mode.SUPPRESSED and Mode.SUPPRESSED in self._policy.modes
        if is_table and (study is None or study.suppressed is None):
            return Refusal(code=RefusalCode.UNKNOWN_STUDY, detail=_UNKNOWN)
        why = outside_policy(self._terms(one), study, self._policy) or outside_hours(self._policy, one.at)
        if why is not None:
            return Refusal(code=RefusalCode.OUTSIDE_POLICY, detail=why)
        if one.key and self._rounds[one.key] >= limits.rounds:
            return Refusal(code=RefusalCode.ROUNDS_USED_UP)
        return None

    def _terms(self, one: Question) -> SignedTerms:
        """Give terms of which the policy looks at the query alone."""
        return SignedTerms(
            query=one.query,
            query_id=UNREAD,
            study=one.study,
            analyst=one.analyst,
            audience=(self._centre,),
            dictionary=Digest(bytes(32)),
            not_after_ms=0,
        )

    def _limits(self, study: Study | None) -> Limits:
        if study is not None:
            return limits_of(self._policy, study)
        policy = self._policy
        return Limits(
            registry=policy.registry_cap,
            study=policy.study_cap,
            analyst=policy.analyst_cap,
            rounds=policy.charged_rounds_per_question,
            period=policy.period_cap,
            period_days=policy.period_days,
        )

    def _balance(self, one: Question) -> Balance:
        study = one.study.text
        return Balance(
            registry=self._sums["registry",],
            study=self._sums["study", study],
            institution=self._sums["institution", study, one.account] if one.account else Sum(),
        )

    def _note(self, one: Question, after: Balance, cost: Sum) -> None:
        if one.seq is None:
            return  # made up: it leaves nothing behind for the next one
        study = one.study.text
        self._sums["registry",] = after.registry
        self._sums["study", study] = after.study
        self._sums["institution", study, one.account] = after.institution
        self._days[one.at.date().isoformat()] += cost.loss
        self._rounds[one.key] += 1

    def _in_period(self, one: Question, limits: Limits) -> Loss:
        first = first_day(one.at, limits.period_days)
        return sum((loss for day, loss in self._days.items() if day >= first), start=ZERO)


def _left(balance: Balance, in_period: Loss, limits: Limits) -> dict[str, Loss | None]:
    registry, study, institution = balance.filters(limits)
    period = Filter(limit=limits.period, spent=in_period)
    filters = {"registry": registry, "study": study, "institution": institution, "period": period}
    return {name: one.remaining_rounded_down() for name, one in filters.items()}


def preview(replay: Replay, past: Iterable[Charged], made_up: Iterable[Question]) -> list[Judged]:
    """Judge the past in its order, then each made-up question."""
    return [replay.take(one) for one in (*map(Question.of, past), *made_up)]
