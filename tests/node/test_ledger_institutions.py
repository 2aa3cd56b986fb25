"""All analysts of one institution share one cap within a study: several accounts buy nothing."""

import sqlite3
import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.errors import LedgerError
from node.ledger import events
from node.ledger.audit import audit
from node.ledger.balances import Limits
from node.ledger.charge import Charge
from node.ledger.events import account_of
from node.ledger.sums import read_sums
from privacy.loss import NANO, Loss
from protocols.ids import AnalystId
from protocols.refusals import Refusal, RefusalCode
from tests.node.gate_desk import ADA, BOB, COUNT, MEAN_AGE, GateDesk, imported, with_rho
from tests.node.gate_desk import FEW as ROWS
from tests.node.ledger_desk import NOW, ONE, ledger_at, released, spend

THREE = Limits(registry=None, study=None, analyst=Loss(3 * NANO), rounds=2)
ACCOUNTS = [f"account-{number}" for number in range(5)]


def _asked(folder: Path, institutions: list[str]) -> list[str]:
    """Each account asks its own question at rho 1, under a cap of 3 for each institution."""
    ledger, words = ledger_at(folder), []
    for account, institution in zip(ACCOUNTS, institutions, strict=True):
        outcome = ledger.charge(spend(f"q {account}", analyst=account, institution=institution), THREE)
        words.append("charged" if isinstance(outcome, Charge) else outcome.code.word)  # type: ignore[union-attr]
    assert audit(folder / "ledger.sqlite").is_clean
    read_sums(folder / "ledger.sqlite")
    return words


def test_five_accounts_of_one_institution_have_one_cap(tmp_path: Path) -> None:
    assert _asked(tmp_path, ["Charité"] * 5) == ["charged"] * 3 + ["analyst_budget"] * 2
    sums = read_sums(tmp_path / "ledger.sqlite")
    assert sums.by_scope["institution", "study/charité"].loss == Loss(3 * NANO)
    assert [one.analyst for one in sums.of(("institution", "study/charité"))] == ACCOUNTS[:3]


def test_five_institutions_have_a_cap_each(tmp_path: Path) -> None:
    """The control: what the accounts would get if each had its own."""
    assert _asked(tmp_path, [f"Hospital {number}" for number in range(5)]) == ["charged"] * 5


ALIKE = {
    "another case": "CHARITÉ Berlin",
    "composed of two characters": unicodedata.normalize("NFD", "Charité Berlin"),
    "double spaces": "Charité  Berlin",
    "a space that does not break": "Charité\u00a0Berlin",
    "full width": "\uff23harité Berlin",
}


@pytest.mark.parametrize("name", list(ALIKE))
def test_names_that_look_alike_are_one_institution(tmp_path: Path, name: str) -> None:
    other = ALIKE[name]
    words = _asked(tmp_path, ["Charité Berlin", other, "Charité Berlin", other, other])
    assert words == ["charged"] * 3 + ["analyst_budget"] * 2


@given(text=st.text(min_size=1, max_size=200))
def test_the_name_of_an_account_is_that_of_its_own_name_and_has_no_case(text: str) -> None:
    assert account_of(account_of(text)) == account_of(text)
    assert account_of(f" {text}  ") == account_of(text)


@settings(max_examples=30, deadline=None)
@given(name=st.text(min_size=1, max_size=200).filter(lambda text: text.strip() and text.isprintable()))
def test_any_name_an_institution_may_have_is_charged_and_counted_again(
    tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    folder = tmp_path_factory.mktemp("ledger")
    ledger = ledger_at(folder)
    released(ledger, spend("q", institution=name))
    released(ledger, spend("another q", institution=name, analyst="bob"))
    assert audit(folder / "ledger.sqlite").faults == []
    sums = read_sums(folder / "ledger.sqlite")
    account = f"study/{account_of(name)}"
    assert sums.by_scope["institution", account].loss == Loss(2 * NANO)
    assert {one.analyst for one in sums.of(("institution", account))} == {"ada", "bob"}


@pytest.mark.parametrize("name", ["a/b", "../study", "day/2026-01-01/x", '"', "%s", "[red]x[/]"])
def test_a_name_with_marks_in_it_is_no_other_s_sum(tmp_path: Path, name: str) -> None:
    ledger = ledger_at(tmp_path)
    released(ledger, spend("q", institution=name))
    released(ledger, spend("another q", institution="a", study="other"))
    spent = ledger.spent()
    assert spent["institution", f"study/{account_of(name)}"] == ONE
    assert spent["institution", "other/a"] == ONE


def test_an_analyst_who_changes_the_institution_leaves_what_was_spent_behind(tmp_path: Path) -> None:
    ledger = ledger_at(tmp_path)
    released(ledger, spend("q", institution="Here"))
    released(ledger, spend("another q", institution="There"))
    sums = read_sums(tmp_path / "ledger.sqlite")
    assert {one.institution: one.spent.loss for one in sums.days} == {"here": ONE, "there": ONE}
    assert audit(tmp_path / "ledger.sqlite").is_clean


def test_an_event_that_names_another_institution_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, one = ledger_at(tmp_path), spend("q")
    wrong = events.charged_leaf(replace(one, institution="Elsewhere"), ONE, 0, NOW)
    monkeypatch.setattr(events, "charged_leaf", lambda *_: wrong)
    ledger.charge(one, THREE)
    monkeypatch.undo()
    assert any("institution 'study/elsewhere'" in fault for fault in audit(tmp_path / "ledger.sqlite").faults)


def test_a_ledger_of_an_older_schema_is_refused(tmp_path: Path) -> None:
    for version in (1, 2):
        path = tmp_path / f"{version}.sqlite"
        db = sqlite3.connect(path)
        db.execute(f"PRAGMA user_version = {version}")
        db.close()
        with pytest.raises(LedgerError, match="before the first release"):
            audit(path)


# Through the gate: the institution is the roster's, not the analyst's to say.


def _desk(folder: Path, *, same: bool) -> GateDesk:
    desk = GateDesk(folder / "node", imported(folder, ROWS))
    desk.policy = replace(desk.policy, analyst_cap=Loss.parse("1"))
    names = {ADA: "Charité", BOB: "CHARITÉ" if same else "Rikshospitalet"}
    analysts = {who: replace(one, institution=names[who]) for who, one in desk.roster.analysts.items()}
    desk.roster = replace(desk.roster, analysts=analysts)
    return desk


def _last_outcome(desk: GateDesk, who: AnalystId) -> object:
    desk.granted(with_rho(COUNT, "0.75"), ADA)
    return desk.ask(MEAN_AGE, who).outcome


def test_a_colleague_finds_the_institution_s_budget_spent(tmp_path: Path) -> None:
    desk = _desk(tmp_path, same=True)
    refused = _last_outcome(desk, BOB)
    assert isinstance(refused, Refusal)
    assert refused.code is RefusalCode.ANALYST_BUDGET
    assert refused.detail == "the institution has rho 0.25 left, and this costs 0.5"
    desk.engine.close()


def test_an_analyst_of_another_institution_does_not(tmp_path: Path) -> None:
    desk = _desk(tmp_path, same=False)
    assert not isinstance(_last_outcome(desk, BOB), Refusal)
    desk.engine.close()
