"""A study at this centre: what it would allow, what it may cost at most, what is refused anyway. Pure.

For the officer who decides (spec/study.md 4). What a study says is `protocols/study_words`; here stands
what this centre's policy, dictionary and roster make of it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from node.policy import Policy, caps_of, questions_of, stricter
from node.rules import Rules
from privacy.accountant import DEFAULT_DELTA, epsilon_of
from privacy.loss import ZERO, Loss
from protocols.errors import Problem
from protocols.ids import CentreId, Digest
from protocols.queries import Mode
from protocols.signed_text import SignedText
from protocols.studies import EVERY, NO_REVIEW, Review, Study
from protocols.study_check import problems_of
from protocols.study_reading import line_of
from protocols.study_signing import approvers, proposers, study_digest, without_worth
from protocols.study_words import Statement, queryable_of, shown_loss, shown_rule, statements


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """The most that a study can lose at this centre, zCDP; None: no limit. `per_person` is at r centres.

    `questions` are those of mode `suppressed`, whose answers have no loss that could be counted.
    """

    here: Loss | None
    per_person: Loss | None
    query: Loss | None
    analyst: Loss | None
    questions: int

    def to_json(self) -> dict[str, Any]:
        """Give the part of the `skerry.study-view/1` object."""
        losses = {
            "here": self.here,
            "per_person": self.per_person,
            "query": self.query,
            "analyst": self.analyst,
        }
        return {
            "delta": DEFAULT_DELTA,
            **{f"{name}_rho": None if one is None else str(one) for name, one in losses.items()},
            **{f"{name}_epsilon": None if one is None else epsilon_of(one) for name, one in losses.items()},
            "questions": self.questions,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyHere:
    """What an officer decides on: what the study says, what it costs here, what speaks against it."""

    study: Study
    body: Digest
    centre: CentreId
    proposed_by: tuple[str, ...]
    approved_by: tuple[str, ...]
    without_worth: tuple[str, ...]
    says: tuple[Statement, ...]
    cost: Cost
    costs: tuple[str, ...]
    refuses: tuple[str, ...]
    problems: tuple[Problem, ...]

    @property
    def sections(self) -> dict[str, list[str]]:
        """What the study says, by section."""
        sections: dict[str, list[str]] = {}
        for one in self.says:
            sections.setdefault(one.section, []).append(one.words)
        return sections

    def to_json(self) -> dict[str, Any]:
        """Give the `skerry.study-view/1` object."""
        return {
            "format": "skerry.study-view/1",
            "study": str(self.study.id),
            "body": str(self.body),
            "centre": str(self.centre),
            "proposed_by": list(self.proposed_by),
            "approved_by": list(self.approved_by),
            "without_worth": list(self.without_worth),
            "says": [{"section": one.section, "key": one.key, "words": one.words} for one in self.says],
            "cost": self.cost.to_json(),
            "refuses": list(self.refuses),
            "problems": [str(one) for one in self.problems],
        }


def study_here(text: SignedText, study: Study, rules: Rules, now: datetime) -> StudyHere:
    """Put a study beside what this centre obeys."""
    cost = cost_of(study, rules.policy)
    return StudyHere(
        study=study,
        body=study_digest(text),
        centre=rules.centre,
        proposed_by=tuple(map(str, proposers(text, rules.roster))),
        approved_by=tuple(map(str, approvers(text, rules.roster))),
        without_worth=without_worth(text, rules.roster),
        says=statements(study, rules.dictionary, rules.roster),
        cost=cost,
        costs=tuple(_cost_words(cost, study)),
        refuses=tuple(_refused(study, rules)),
        problems=_problems(text, study, rules, now),
    )


def cost_of(study: Study, policy: Policy) -> Cost:
    """Say the most that a study can lose here: the lowest of all caps that hold for it.

    What it has lost already is not taken off, and neither is what others have spent of the registry's. The
    cap of an institution's analysts bounds nothing here: a roster may move an analyst to another one.
    """
    registry, of_study, analyst = caps_of(policy, study)
    is_asked = Mode.DP in study.modes & policy.modes and bool(study.scopes & policy.scopes)
    here = stricter(registry, of_study) if is_asked else ZERO
    suppressed = Mode.SUPPRESSED in study.modes & policy.modes and bool(study.scopes & policy.scopes)
    return Cost(
        here=here,
        per_person=_times(here, study.centres_per_person),
        query=stricter(policy.query_cap, here),
        analyst=stricter(analyst, here),
        questions=min(questions_of(policy, study)) if suppressed else 0,
    )


def _times(loss: Loss | None, number: int) -> Loss | None:
    return None if loss is None else Loss(loss.nano_rho * number)


def _cost_words(cost: Cost, study: Study) -> list[str]:
    r = study.centres_per_person
    words = [
        f"All its questions together may lose at this centre: {shown_loss(cost.here)}.",
        f"The analysts of one institution may lose of that: {shown_loss(cost.analyst)}.",
        f"One question may lose: {shown_loss(cost.query)}.",
    ]
    if r > 1:
        words.append(
            f"A person seen at {r} centres, if all allow as much, may lose: {shown_loss(cost.per_person)}."
        )
    if cost.questions:
        words.append(
            f"Besides, {cost.questions} questions of mode suppressed, whose answers have no such number."
        )
    return words


def _refused(study: Study, rules: Rules) -> list[str]:
    """Say what of the study this centre's policy refuses all the same."""
    policy = rules.policy
    words = [
        f"Mode {one.value} is refused: the policy does not allow it."
        for one in sorted(study.modes - policy.modes, key=lambda mode: mode.value)
    ]
    words += [
        f"Scope {one.value} is refused: the policy does not allow it."
        for one in sorted(study.scopes - policy.scopes, key=lambda scope: scope.value)
    ]
    wanted = frozenset(queryable_of(rules.dictionary)) if study.fields == {EVERY} else study.fields
    words += [
        f"Every question that names {name} is refused: the policy forbids the field."
        for name in sorted(wanted & policy.forbidden_fields)
    ]
    words += _refused_suppressed(study, policy)
    if policy.hours is not None:
        words.append(f"Questions are refused outside the hours of the policy: {policy.hours}.")
    if policy.period_cap is not None:
        days, cap = policy.period_days, policy.period_cap
        words.append(f"All studies together: refused is what goes beyond rho {cap} in {days} days.")
    caps = (("in all", study.study_budget, policy.study_cap), ("", study.analyst_budget, policy.analyst_cap))
    for what, asked, allowed in caps:
        if allowed is not None and (asked is None or allowed < asked):
            who = "the study" if what else "the analysts of one institution"
            limit = "any amount" if asked is None else f"rho {asked}"
            words.append(
                f"It would let {who} lose {limit}; the policy refuses what goes beyond rho {allowed}."
            )
    return words


def _refused_suppressed(study: Study, policy: Policy) -> list[str]:
    asked, allowed = study.suppressed, policy.suppressed
    if asked is None or allowed is None:
        return []
    words = []
    if allowed.rule.is_looser_than(asked.rule):
        words.append(
            f"Mode suppressed is refused: the study wants the rule {asked.rule.name}, and this centre's,"
            f" {shown_rule(allowed.rule)}, shows more."
        )
    if asked.tables is None and not allowed.unlisted_tables:
        words.append(
            "Mode suppressed is refused: the study lists no tables, and the policy wants them listed."
        )
    if allowed.study_questions < asked.questions:
        words.append(f"The policy refuses more than {allowed.study_questions} questions of mode suppressed.")
    return words


def _problems(text: SignedText, study: Study, rules: Rules, now: datetime) -> tuple[Problem, ...]:
    """Say why the study cannot be approved here: what is wrong with it, and what is not for this centre."""
    own = []
    if rules.centre not in study.centres:
        own.append(("centres", f"does not name this centre, {str(rules.centre)!r}"))
    if study.review is not Review.NONE:
        own.append(("review", NO_REVIEW))
    if not proposers(text, rules.roster):
        own.append(("", "nobody of the roster has proposed it: it bears no right signature of a proposer"))
    found = [
        Problem(line=line_of(text.body, key) if key else 0, where="study", what=what) for key, what in own
    ]
    return (*found, *problems_of(study, text.body, rules.dictionary, rules.roster, now))
