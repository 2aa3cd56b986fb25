"""What is spent, what is left, and what a charge adds: the registry, the study, the institution in it.

* Each has a running sum of loss, and a number of questions of mode `suppressed`.
* All analysts of one institution share one sum within a study: a second account buys nothing.
* A sum is decimal text: losses add up beyond 64 bits.
* What an analyst spends within a study is noted by the day (UTC) too. A cap for each period reads the
  days of it; a day that lies ahead, of a clock that was set back since, belongs to every period.
"""

import sqlite3
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from node.errors import LedgerError
from node.ledger.events import Spend
from privacy.filters import Filter
from privacy.loss import ZERO, Loss
from protocols.refusals import Refusal, RefusalCode

_BUDGETS = (
    ("registry", RefusalCode.REGISTRY_BUDGET),
    ("study", RefusalCode.STUDY_BUDGET),
    ("institution", RefusalCode.ANALYST_BUDGET),
)
_SPENT = "SELECT nano_rho, questions FROM spent WHERE scope = ? AND name = ?"
_ADDED = """
INSERT INTO spent (scope, name, nano_rho, questions)
VALUES (?, ?, ?, ?), (?, ?, ?, ?), (?, ?, ?, ?), (?, ?, ?, ?)
ON CONFLICT DO UPDATE SET nano_rho = excluded.nano_rho, questions = excluded.questions
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The caps at this centre (None: no limit), and how often one question may be charged.

    `analyst` caps all analysts of one institution within a study together; `period` what all studies lose
    in `period_days` days, today included; `questions` and `study_questions` cap mode `suppressed`.
    """

    registry: Loss | None
    study: Loss | None
    analyst: Loss | None
    rounds: int
    questions: int | None = None
    study_questions: int | None = None
    period: Loss | None = None
    period_days: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """What was spent, and how many questions of mode `suppressed` were asked."""

    loss: Loss = ZERO
    questions: int = 0

    def __add__(self, other: "Sum") -> "Sum":
        """Add two sums."""
        return Sum(loss=self.loss + other.loss, questions=self.questions + other.questions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """The three sums that a spend belongs to."""

    registry: Sum
    study: Sum
    institution: Sum

    def filters(self, limits: Limits) -> tuple[Filter, Filter, Filter]:
        """Give the three filters of the loss, in the order in which they are asked."""
        return (
            Filter(limit=limits.registry, spent=self.registry.loss),
            Filter(limit=limits.study, spent=self.study.loss),
            Filter(limit=limits.analyst, spent=self.institution.loss),
        )

    def questions_left(self, limits: Limits) -> int | None:
        """Give how many questions of mode `suppressed` are left; None without a limit."""
        caps = ((limits.questions, self.registry), (limits.study_questions, self.study))
        left = [max(0, cap - one.questions) for cap, one in caps if cap is not None]
        return min(left, default=None)

    def after(self, cost: Sum) -> "Balance":
        """Give the sums as a charge leaves them."""
        return Balance(
            registry=self.registry + cost, study=self.study + cost, institution=self.institution + cost
        )


def balance_of(db: sqlite3.Connection, spend: Spend) -> Balance:
    """Read the sums that a spend belongs to. Raises LedgerError when one cannot be read."""
    registry, study, institution = _sums(db, _names(spend))
    return Balance(registry=registry, study=study, institution=institution)


def refusal_of(
    db: sqlite3.Connection, balance: Balance, spend: Spend, limits: Limits, at: datetime
) -> Refusal | None:
    """Refuse what the caps leave no room for at a moment; None when there is room."""
    cost = cost_of(spend)
    refusal = beyond(balance, cost, limits)
    if refusal is not None or limits.period is None:
        return refusal
    return beyond_period(_spent_since(db, first_day(at, limits.period_days)), cost, limits)


def beyond(balance: Balance, cost: Sum, limits: Limits) -> Refusal | None:
    """Refuse what the caps for life leave no room for; None when there is room."""
    if cost.questions:
        # It has no loss, which also fits into a budget that was lowered below what is spent.
        is_used_up = balance.questions_left(limits) == 0
        return Refusal(code=RefusalCode.QUESTIONS_USED_UP) if is_used_up else None
    for (scope, code), one in zip(_BUDGETS, balance.filters(limits), strict=True):
        if not one.admits(cost.loss):
            left = one.remaining_rounded_down()
            return Refusal(code=code, detail=f"the {scope} has rho {left} left, and this costs {cost.loss}")
    return None


def beyond_period(spent: Loss, cost: Sum, limits: Limits) -> Refusal | None:
    """Refuse what the cap of a period leaves no room for; None when there is room."""
    one = Filter(limit=limits.period, spent=spent)
    if cost.questions or one.admits(cost.loss):
        return None
    most = f"the policy allows rho {limits.period} in {limits.period_days} days (UTC)"
    detail = f"{most}, {one.remaining_rounded_down()} is left of it, and this costs {cost.loss}"
    return Refusal(code=RefusalCode.REGISTRY_BUDGET, detail=detail)


def first_day(at: datetime, days: int) -> str:
    """Give the first day of the period that a moment ends; today is the last."""
    today = at.astimezone(UTC).date()
    return (today - min(timedelta(days=days - 1), today - date.min)).isoformat()


def _spent_since(db: sqlite3.Connection, day: str) -> Loss:
    """Sum the days from one on."""
    rows = db.execute("SELECT nano_rho, questions FROM spent WHERE scope = 'day' AND name >= ?", (day,))
    return sum((_sum(*row) for row in rows), start=Sum()).loss


def note(db: sqlite3.Connection, spend: Spend, after: Balance, at: datetime) -> None:
    """Write the sums that a spend leaves: all three, and that of its day."""
    names, day = _names(spend), ("day", day_name(at, spend.study.text, spend.analyst.text, spend.account))
    (of_day,) = _sums(db, (day,))
    sums = (after.registry, after.study, after.institution, of_day + cost_of(spend))
    rows = [
        (*name, str(one.loss.nano_rho), one.questions) for name, one in zip((*names, day), sums, strict=True)
    ]
    db.execute(_ADDED, [value for row in rows for value in row])


def day_of(at: datetime) -> str:
    """Give the day, UTC, that a moment's spending is noted under."""
    return at.astimezone(UTC).date().isoformat()


def day_name(at: datetime, study: str, analyst: str, account: str) -> str:
    """Name the sum of a day. An institution's name may hold a slash, and comes last."""
    return f"{day_of(at)}/{study}/{analyst}/{account}"


def cost_of(spend: Spend) -> Sum:
    """Give what a charge adds to each of its sums."""
    return Sum(loss=spend.loss, questions=spend.questions)


def _sums(db: sqlite3.Connection, names: tuple[tuple[str, str], ...]) -> list[Sum]:
    """Read sums by scope and name, zero where nothing was spent."""
    rows = (db.execute(_SPENT, name).fetchone() for name in names)
    return [Sum() if row is None else _sum(*row) for row in rows]


def _sum(nano_rho: str, questions: int) -> Sum:
    try:
        return Sum(loss=Loss(int(nano_rho)), questions=questions)
    except ValueError:
        raise LedgerError("what is noted as spent cannot be read") from None


def _names(spend: Spend) -> tuple[tuple[str, str], ...]:
    return (
        ("registry", spend.registry),
        ("study", spend.study.text),
        ("institution", f"{spend.study}/{spend.account}"),
    )
