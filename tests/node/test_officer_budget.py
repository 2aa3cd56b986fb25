"""`skerry-node budget`: what it shows adds up, forecasts say no more than is known, edits are not shown."""

import sqlite3
from datetime import date, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from node.errors import LedgerError
from node.ledger.audit import audit
from node.ledger.budget_table import show_budget
from node.ledger.forecast import HORIZON_DAYS, WINDOWS, Forecast, forecasts
from node.ledger.sums import read_sums
from privacy.loss import Loss
from tests.node.officer_desk import OfficerDesk, officer_desk, with_history

TODAY = date(2026, 11, 22)


@pytest.fixture
def office(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> OfficerDesk:
    return officer_desk(tmp_path, capfd)


def lines(tree: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(one["scope"], one["name"]): one for one in tree["budgets"]}


def every(days: int, spent: int, count: int) -> list[tuple[date, int]]:
    return [(TODAY - timedelta(days=days * number), spent) for number in range(count)]


# Forecasts


@given(spent=st.integers(1, 10**18), left=st.integers(0, 10**21), days=st.integers(90, 400))
def test_at_a_steady_rate_a_budget_lasts_as_many_days_as_are_left_in_it(
    spent: int, left: int, days: int
) -> None:
    found = forecasts(every(1, spent, days), left, TODAY)
    assert [one.days for one in found] == list(WINDOWS)
    lasts = left // spent
    until = TODAY + timedelta(days=lasts) if lasts <= HORIZON_DAYS else None
    assert all(one == Forecast(days=one.days, spent=spent * one.days, until=until) for one in found)


@pytest.mark.parametrize(("history", "windows"), [(0, []), (29, []), (30, [30]), (89, [30]), (90, [30, 90])])
def test_a_rate_over_more_days_than_there_are_is_not_known(history: int, windows: list[int]) -> None:
    assert [one.days for one in forecasts(every(1, 5, history), 100, TODAY)] == windows


def test_old_spending_is_in_the_long_rate_and_not_in_the_short_one() -> None:
    old = [(TODAY - timedelta(days=89), 90), (TODAY - timedelta(days=400), 10**9)]
    short, long = forecasts(old, 90, TODAY)
    assert short == Forecast(days=30, spent=0, until=None)
    assert long == Forecast(days=90, spent=90, until=TODAY + timedelta(days=90))


def test_without_a_limit_there_is_a_rate_and_no_end() -> None:
    assert all(one.spent and one.until is None for one in forecasts(every(1, 5, 100), None, TODAY))


def test_what_is_dated_ahead_of_today_is_in_no_rate() -> None:
    ahead = [(TODAY + timedelta(days=1), 10**6), (TODAY - timedelta(days=50), 1)]
    assert forecasts(ahead, 10, TODAY) == (Forecast(days=30, spent=0, until=None),)


# The command


def test_a_node_that_has_imported_nothing_has_spent_nothing_and_gets_no_ledger(office: OfficerDesk) -> None:
    said = office.desk.run("budget", "--json")
    assert said.exit_code == 0
    assert {one["spent_rho"] for one in said.json["budgets"]} == {"0"}
    assert not office.path.exists()


def test_every_line_is_what_the_audit_counts(office: OfficerDesk) -> None:
    with_history(office)
    tree = office.desk.run("budget", "--json").json
    spent = {scope: one["spent_rho"] for scope, one in lines(tree).items() if one["spent_rho"] != "0"}
    findings = audit(office.path)
    assert spent == {scope: str(loss) for scope, loss in findings.spent.items() if loss != Loss(0)}
    registry = lines(tree)["registry", "small"]
    assert registry["questions"]["asked"] == findings.questions["registry", "small"] == 2
    assert lines(tree)["institution", "sandbox/charité"]["questions"] is None


def test_a_period_and_the_months_in_it_add_up(office: OfficerDesk) -> None:
    with_history(office)
    first = office.now.date().replace(day=1)
    tree = office.desk.run("budget", "--by", "month", "--json").json
    by_month = {(one["month"], one["scope"], one["name"]): one["rho"] for one in tree["months"]}
    for (scope, name), line in lines(tree).items():
        parts = [
            Loss.parse(rho) for (_, kind, other), rho in by_month.items() if (kind, other) == (scope, name)
        ]
        assert sum(parts, start=Loss(0)) == Loss.parse(line["spent_rho"])
    since = office.desk.run("budget", "--since", first, "--json").json
    until = office.desk.run("budget", "--until", first - timedelta(days=1), "--json").json
    this, before = f"{first:%Y-%m}", f"{first - timedelta(days=1):%Y-%m}"
    assert lines(since)["registry", "small"]["period_rho"] == by_month[this, "registry", "small"] == "0.3"
    assert lines(until)["registry", "small"]["period_rho"] == by_month[before, "registry", "small"] == "0.3"
    assert (since["since"], since["until"]) == (first.isoformat(), None)
    nothing = office.desk.run("budget", "--since", "2001-01-01", "--until", "2001-01-31", "--json").json
    assert {one["period_rho"] for one in nothing["budgets"]} == {"0"}


def test_the_table_says_where_its_figures_come_from(
    office: OfficerDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "240")
    with_history(office)
    said = office.desk.run("budget", "--by", "month")
    assert said.exit_code == 0
    for word in ("skerry-node audit", "too early to say", "questions of mode suppressed", "by the month"):
        assert word in " ".join(said.stdout.split())
    assert "█" not in said.stdout


@pytest.mark.parametrize("is_terminal", [True, False])
def test_bars_are_for_terminals(office: OfficerDesk, is_terminal: bool) -> None:
    office.release("q")
    tree = office.desk.run("budget", "--json").json
    tree["budgets"][0] |= {"limit_rho": "1", "left_rho": "0.5", "share_spent": 0.5}
    out = StringIO()
    show_budget(tree, Console(file=out, force_terminal=is_terminal, width=200))
    assert ("█████\x1b" in out.getvalue()) is is_terminal
    assert "50 %" in out.getvalue()


# What is not shown


_CHANGE = "UPDATE spent SET nano_rho = ?, questions = ? WHERE (scope, name) = (?, ?)"


def _rows(path: Path) -> list[tuple[str, str, str, int]]:
    db = sqlite3.connect(path)
    rows = db.execute("SELECT scope, name, nano_rho, questions FROM spent").fetchall()
    db.close()
    return rows


def test_no_sum_that_somebody_changed_alone_is_shown(office: OfficerDesk) -> None:
    with_history(office)
    rows = _rows(office.path)
    assert {scope for scope, *_ in rows} == {"registry", "study", "institution", "day"}
    for scope, name, nano_rho, questions in rows:
        for loss, number in (("1", questions), ("many", questions), (nano_rho, 7)):
            office.edit(_CHANGE, loss, number, scope, name)
            with pytest.raises(LedgerError):
                read_sums(office.path)
        office.edit(_CHANGE, nano_rho, questions, scope, name)
    read_sums(office.path)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE spent SET nano_rho = '1'",
        "DELETE FROM spent WHERE scope = 'day'",
        "DELETE FROM spent WHERE scope = 'registry'",
        "UPDATE spent SET name = 'nobody/at/all/x' WHERE scope = 'day'",
        "DELETE FROM event WHERE seq = (SELECT max(seq) FROM event)",
        "DELETE FROM head",
    ],
)
def test_a_ledger_that_does_not_add_up_shows_no_budget(office: OfficerDesk, statement: str) -> None:
    office.release("q")
    office.refuse()
    office.edit(statement)
    said = office.desk.run("budget", "--json")
    assert (said.exit_code, said.json["code"]) == (6, "ledger")
    assert "skerry-node audit" in said.json["next_step"]


def test_control_what_only_a_recount_shows_is_left_to_the_audit(office: OfficerDesk) -> None:
    """Or the budget would read every event, and take as long."""
    office.release("q")
    office.release("another")
    office.edit("UPDATE event SET leaf = X'00' WHERE seq = 0")
    assert office.desk.run("budget").exit_code == 0
    assert office.desk.run("audit").exit_code == 6


WRONG = {
    "a day that is none": (("--since", "yesterday"), "'yesterday' is no day"),
    "a day of no month": (("--until", "2026-02-30"), "'2026-02-30' is no day"),
    "an end before its beginning": (("--since", "2026-02-01", "--until", "2026-01-01"), "lies before"),
    "by the week": (("--by", "week"), "week"),
    "an argument": (("sandbox",), "sandbox"),
    "an unknown option": (("--study", "x"), "--study"),
}


@pytest.mark.parametrize("name", list(WRONG))
def test_a_wrong_use_is_one_sentence_and_changes_nothing(office: OfficerDesk, name: str) -> None:
    words, says = WRONG[name]
    said = office.desk.run("budget", *words, "--json")
    assert said.exit_code == 2
    assert says in said.json["message"]
    assert not office.path.exists()
