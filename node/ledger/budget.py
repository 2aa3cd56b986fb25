"""The budget as people look at it: limit, spent, left and until when; by scope, and by the month.

Scopes are the registry, each study, and in it each institution, whose analysts share one cap. Mode
`suppressed` has a number of questions in place of a loss, for the registry and each study.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

from node.ledger.balances import Sum
from node.ledger.events import account_of
from node.ledger.forecast import Forecast, forecasts
from node.ledger.sums import Day, Sums
from node.periods import ALWAYS, Period
from node.policy import caps_of, questions_of, stricter
from node.rules import Rules
from privacy.accountant import DEFAULT_DELTA, epsilon_of
from privacy.filters import Filter
from privacy.loss import Loss
from protocols.studies import Study

_Scope = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """The caps of one scope; None is no limit. Without mode `suppressed` the questions are 0."""

    loss: Loss | None
    questions: int | None


def caps_by_scope(rules: Rules, sums: Sums) -> dict[_Scope, Caps]:
    """Give every budget that exists or was spent from, the registry's first."""
    policy = rules.policy
    most = policy.suppressed.questions if policy.suppressed else 0
    caps = {("registry", rules.dictionary.name): Caps(loss=policy.registry_cap, questions=most)}
    for study in rules.studies.values():
        _, study_cap, analyst_cap = caps_of(policy, study)
        caps["study", study.id.text] = Caps(loss=study_cap, questions=questions_of(policy, study)[1])
        for account in _accounts(rules, study):
            caps["institution", f"{study.id}/{account}"] = Caps(loss=analyst_cap, questions=None)
    for scope in sorted(sums.by_scope):
        # Spent under a study or institution that is gone: the policy's own cap still stands.
        loss = policy.study_cap if scope[0] == "study" else policy.analyst_cap
        fallback = Caps(loss=stricter(None, loss), questions=0 if scope[0] == "study" else None)
        caps.setdefault(scope, fallback)
    return caps


def _accounts(rules: Rules, study: Study) -> list[str]:
    """Give the institutions whose analysts a study names; who is not in the roster cannot ask."""
    known = (rules.roster.analysts.get(one) for one in study.analysts)
    return sorted({account_of(one.institution) for one in known if one is not None})


def budget_report(
    rules: Rules, sums: Sums, today: date, *, period: Period = ALWAYS, by_month: bool = False
) -> dict[str, Any]:
    """Give the `skerry.budget/1` object: one line for each budget, and what its period's months saw."""
    days = [one for one in sums.days if period.holds(one.day)]
    in_period = _by_scope(days, rules.dictionary.name)
    lines = [
        _line(scope, cap, sums, in_period.get(scope, Sum()), today)
        for scope, cap in caps_by_scope(rules, sums).items()
    ]
    return {
        "format": "skerry.budget/1",
        "centre": str(rules.centre),
        "delta": DEFAULT_DELTA,
        "as_of": today.isoformat(),
        "since": period.since.isoformat() if period.since else None,
        "until": period.until.isoformat() if period.until else None,
        "budgets": lines,
        "months": _months(days, rules.dictionary.name) if by_month else [],
    }


def _line(scope: _Scope, caps: Caps, sums: Sums, in_period: Sum, today: date) -> dict[str, Any]:
    spent, days = sums.by_scope.get(scope, Sum()), sums.of(scope)
    left = Filter(limit=caps.loss, spent=spent.loss).remaining_rounded_down()
    ahead = forecasts(
        ((one.day, one.spent.loss.nano_rho) for one in days), None if left is None else left.nano_rho, today
    )
    return {
        "scope": scope[0],
        "name": scope[1],
        "limit_rho": None if caps.loss is None else str(caps.loss),
        "spent_rho": str(spent.loss),
        "left_rho": None if left is None else str(left),
        "share_spent": _share(spent.loss.nano_rho, None if caps.loss is None else caps.loss.nano_rho),
        "spent_epsilon": epsilon_of(spent.loss),
        "limit_epsilon": None if caps.loss is None else epsilon_of(caps.loss),
        "period_rho": str(in_period.loss),
        "forecast": [{"days": one.days, "rho": str(Loss(one.spent)), "until": _text(one)} for one in ahead],
        "questions": _questions(caps.questions, spent, in_period, days, today),
    }


def _questions(
    limit: int | None, spent: Sum, in_period: Sum, days: Iterable[Day], today: date
) -> dict[str, Any] | None:
    """Give the questions of mode `suppressed`; None for an institution, which has no such cap."""
    if limit is None:
        return None
    left = max(0, limit - spent.questions)
    ahead = forecasts(((one.day, one.spent.questions) for one in days), left, today)
    return {
        "limit": limit,
        "asked": spent.questions,
        "left": left,
        "share_asked": _share(spent.questions, limit) if limit or spent.questions else None,
        "period": in_period.questions,
        "forecast": [{"days": one.days, "questions": one.spent, "until": _text(one)} for one in ahead],
    }


def _text(one: Forecast) -> str | None:
    return one.until.isoformat() if one.until else None


def _share(spent: int, limit: int | None) -> float | None:
    """Give the share of a budget that is spent, at most 1: a cap may be lowered below what is spent."""
    if limit is None:
        return None
    return 1.0 if spent >= limit else float(Fraction(spent, limit))


def _by_scope(days: Iterable[Day], registry: str) -> dict[_Scope, Sum]:
    sums: defaultdict[_Scope, Sum] = defaultdict(Sum)
    for one in days:
        for scope in (
            ("registry", registry),
            ("study", one.study),
            ("institution", f"{one.study}/{one.institution}"),
        ):
            sums[scope] += one.spent
    return dict(sums)


def _months(days: Iterable[Day], registry: str) -> list[dict[str, Any]]:
    by_month: defaultdict[str, list[Day]] = defaultdict(list)
    for one in days:
        by_month[f"{one.day:%Y-%m}"].append(one)
    return [
        {
            "month": month,
            "scope": scope,
            "name": name,
            "rho": str(spent.loss),
            "questions": spent.questions,
        }
        for month, those in sorted(by_month.items())
        for (scope, name), spent in _by_scope(those, registry).items()
    ]
