"""What is spent, what is left, and what a charge adds: the registry, the study, the analyst in it.

* Each has a running sum of loss, and a number of questions of mode `suppressed`.
* A sum is decimal text: losses add up beyond 64 bits.
* What an analyst spends within a study is noted by the day (UTC) too, for reports and forecasts. No
  decision reads it.
"""

import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime

from node.errors import LedgerError
from node.ledger.events import Spend
from privacy.filters import Filter
from privacy.loss import ZERO, Loss
from protocols.refusals import Refusal, RefusalCode

_BUDGETS = (
    ("registry", RefusalCode.REGISTRY_BUDGET),
    ("study", RefusalCode.STUDY_BUDGET),
    ("analyst", RefusalCode.ANALYST_BUDGET),
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

    `questions` and `study_questions` cap the questions of mode `suppressed`.
    """

    registry: Loss | None
    study: Loss | None
    analyst: Loss | None
    rounds: int
    questions: int | None = None
    study_questions: int | None = None


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
    analyst: Sum

    def filters(self, limits: Limits) -> tuple[Filter, Filter, Filter]:
        """Give the three filters of the loss, in the order in which they are asked."""
        return (
            Filter(limit=limits.registry, spent=self.registry.loss),
            Filter(limit=limits.study, spent=self.study.loss),
            Filter(limit=limits.analyst, spent=self.analyst.loss),
        )

    def questions_left(self, limits: Limits) -> int | None:
        """Give how many questions of mode `suppressed` are left; None without a limit."""
        caps = ((limits.questions, self.registry), (limits.study_questions, self.study))
        left = [max(0, cap - one.questions) for cap, one in caps if cap is not None]
        return min(left, default=None)

    def after(self, spend: Spend) -> "Balance":
        """Give the sums as a charge leaves them."""
        cost = _cost(spend)
        return Balance(registry=self.registry + cost, study=self.study + cost, analyst=self.analyst + cost)


def balance_of(db: sqlite3.Connection, spend: Spend) -> Balance:
    """Read the sums that a spend belongs to. Raises LedgerError when one cannot be read."""
    registry, study, analyst = _sums(db, _names(spend))
    return Balance(registry=registry, study=study, analyst=analyst)


def beyond(balance: Balance, spend: Spend, limits: Limits) -> Refusal | None:
    """Refuse what the caps leave no room for; None when there is room."""
    if spend.questions:
        # It has no loss, which also fits into a budget that was lowered below what is spent.
        is_used_up = balance.questions_left(limits) == 0
        return Refusal(code=RefusalCode.QUESTIONS_USED_UP) if is_used_up else None
    for (scope, code), one in zip(_BUDGETS, balance.filters(limits), strict=True):
        if not one.admits(spend.loss):
            left = one.remaining_rounded_down()
            return Refusal(code=code, detail=f"the {scope} has rho {left} left, and this costs {spend.loss}")
    return None


def note(db: sqlite3.Connection, spend: Spend, after: Balance, at: datetime) -> None:
    """Write the sums that a spend leaves: all three, and that of its day."""
    names, day = _names(spend), ("day", f"{day_of(at)}/{spend.study}/{spend.analyst}")
    (of_day,) = _sums(db, (day,))
    sums = (after.registry, after.study, after.analyst, of_day + _cost(spend))
    rows = [
        (*name, str(one.loss.nano_rho), one.questions) for name, one in zip((*names, day), sums, strict=True)
    ]
    db.execute(_ADDED, [value for row in rows for value in row])


def day_of(at: datetime) -> str:
    """Give the day, UTC, that a moment's spending is noted under."""
    return at.astimezone(UTC).date().isoformat()


def _cost(spend: Spend) -> Sum:
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
        ("analyst", f"{spend.study}/{spend.analyst}"),
    )
