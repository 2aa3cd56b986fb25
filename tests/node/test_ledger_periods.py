"""The cap of a period: what all studies lose in so many days, today included, to the last unit."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.ledger.audit import audit
from node.ledger.balances import Limits, first_day
from node.ledger.charge import Charge
from node.ledger.ledger import Ledger
from node.ledger.paid import nothing
from privacy.loss import NANO, ZERO, Loss
from protocols.refusals import Refusal, RefusalCode
from protocols.releases import Quote
from tests.node.ledger_desk import NOW, spend

FOREVER = Limits(registry=None, study=None, analyst=None, rounds=2)
WEEK = replace(FOREVER, period=Loss(3 * NANO), period_days=7)


class Desk:
    """A ledger whose days pass as the test says."""

    def __init__(self, folder: Path) -> None:
        self.now = NOW
        self.path = folder / "ledger.sqlite"
        self.ledger = Ledger(self.path, lambda: self.now)
        self._asked = 0

    def ask(self, limits: Limits = WEEK, rho: int = 1, *, is_table: bool = False) -> str:
        self._asked += 1
        loss = ZERO if is_table else Loss(rho * NANO)
        one = spend(f"q{self._asked}", loss, study=f"s{self._asked % 2}")
        quote = self.ledger.quote(one, limits, nothing, NOW)
        outcome = self.ledger.charge(one, limits)
        if isinstance(outcome, Charge):
            assert isinstance(quote, Quote)
            return "charged"
        assert isinstance(outcome, Refusal)
        assert quote == outcome, "a plan says the same"
        return outcome.code.word


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_what_is_spent_comes_back_when_its_day_has_left_the_period(desk: Desk) -> None:
    for _ in range(3):
        assert desk.ask() == "charged"
        desk.now += timedelta(days=1)
    assert desk.ask() == "registry_budget"
    desk.now = NOW + timedelta(days=6)
    assert desk.ask() == "registry_budget", "the first day is the seventh, counted back"
    desk.now = NOW + timedelta(days=7)
    assert desk.ask() == "charged"
    assert desk.ask() == "registry_budget"
    assert audit(desk.path).is_clean


def test_without_the_cap_there_is_no_end_and_beside_it_the_cap_for_life_still_holds(desk: Desk) -> None:
    assert [desk.ask(FOREVER) for _ in range(5)] == ["charged"] * 5
    life = replace(WEEK, registry=Loss(6 * NANO))
    desk.now += timedelta(days=30)
    assert [desk.ask(life) for _ in range(2)] == ["charged", "registry_budget"]


def test_the_refusal_says_the_rule_and_what_is_left_in_public_words(desk: Desk) -> None:
    desk.ask(rho=2)
    outcome = desk.ledger.charge(spend("more", Loss(2 * NANO)), WEEK)
    assert outcome == Refusal(
        code=RefusalCode.REGISTRY_BUDGET,
        detail="the policy allows rho 3 in 7 days (UTC), 1 is left of it, and this costs 2",
    )


def test_a_question_without_loss_is_not_counted(desk: Desk) -> None:
    assert [desk.ask() for _ in range(4)] == ["charged"] * 3 + ["registry_budget"]
    assert desk.ask(is_table=True) == "charged"


def test_a_clock_that_is_set_back_opens_no_new_period(desk: Desk) -> None:
    assert [desk.ask() for _ in range(3)] == ["charged"] * 3
    desk.now -= timedelta(days=3650)
    assert desk.ask() == "registry_budget"


def test_the_day_is_utc_whatever_zone_the_clock_speaks(desk: Desk) -> None:
    one = replace(WEEK, period_days=1)
    desk.now = datetime.fromisoformat("2026-03-02T01:00:00+02:00")  # the evening before, UTC
    assert [desk.ask(one) for _ in range(3)] == ["charged"] * 3
    desk.now = datetime(2026, 3, 1, 23, 59, tzinfo=UTC)
    assert desk.ask(one) == "registry_budget"
    desk.now = datetime(2026, 3, 2, 0, 0, tzinfo=UTC)
    assert desk.ask(one) == "charged"


@given(days=st.integers(1, 3_660))
def test_the_first_day_of_a_period_has_the_others_after_it_and_the_calendar_has_a_beginning(
    days: int,
) -> None:
    assert date.fromisoformat(first_day(NOW, days)) + timedelta(days=days - 1) == NOW.date()
    assert first_day(datetime(1, 1, 1, tzinfo=UTC), days) == "0001-01-01"


@given(steps=st.lists(st.tuples(st.integers(0, 4), st.integers(1, 3)), min_size=1, max_size=12))
@settings(max_examples=25, deadline=None)
def test_no_window_of_days_ever_holds_more_than_the_cap(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, int]]
) -> None:
    """Counted by hand: the sum of any seven days that follow each other."""
    desk = Desk(tmp_path_factory.mktemp("ledger"))
    charged: list[tuple[datetime, int]] = []
    for days, rho in steps:
        desk.now += timedelta(days=days)
        there = sum(cost for when, cost in charged if (desk.now - when).days < 7)
        word = desk.ask(rho=rho)
        assert word == ("charged" if there + rho <= 3 else "registry_budget")
        if word == "charged":
            charged.append((desk.now, rho))
