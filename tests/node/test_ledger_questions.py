"""Mode `suppressed` in the ledger: no loss, a number of questions, and a refusal that stays."""

from collections import Counter
from pathlib import Path

import pytest

from node.ledger.audit import audit
from node.ledger.balances import Limits
from privacy.loss import ZERO
from protocols.ids import QueryId
from protocols.refusals import Refusal, RefusalCode
from protocols.releases import Granted
from tests.node.ledger_desk import FREE, charged, ledger_at, race, release_of, released, spend
from tests.node.seeds import told


def capped(questions: int | None, of_study: int | None) -> Limits:
    return Limits(
        registry=ZERO, study=ZERO, analyst=ZERO, rounds=2, questions=questions, study_questions=of_study
    )


@pytest.mark.parametrize("who", ["ada", "bob"])
def test_what_was_withheld_stays_withheld_for_whoever_asks_again(tmp_path: Path, who: str) -> None:
    ledger, one = ledger_at(tmp_path), spend("table", ZERO)
    withheld = Refusal(code=RefusalCode.WITHHELD)
    assert ledger.withhold(charged(ledger, one)) == withheld
    assert ledger.charge(one, FREE) == withheld, "the same query id"
    for _ in range(3):
        assert ledger.charge(spend("table", ZERO, analyst=who), FREE) == withheld
    findings = audit(tmp_path / "ledger.sqlite")
    assert findings.faults == []
    assert findings.counts == {"charged": 1, "withheld": 1, "repeated": 3}
    assert findings.questions["registry", "registry"] == 1, "a repeat is no question"


def test_an_answer_that_failed_may_be_asked_again_and_counts_again(tmp_path: Path) -> None:
    ledger = ledger_at(tmp_path)
    ledger.fail(charged(ledger, spend("table", ZERO)))
    assert isinstance(released(ledger, spend("table", ZERO)), Granted)
    findings = audit(tmp_path / "ledger.sqlite")
    assert findings.faults == []
    assert findings.questions["registry", "registry"] == 2


def test_a_charge_that_was_withheld_takes_no_release(tmp_path: Path) -> None:
    ledger, one = ledger_at(tmp_path), spend("table", ZERO)
    charge = charged(ledger, one)
    ledger.withhold(charge)
    assert ledger.record(charge, release_of(one), one, FREE) == Refusal(code=RefusalCode.WITHHELD)
    assert ledger.fail(charge) == Refusal(code=RefusalCode.FAILED)
    assert audit(tmp_path / "ledger.sqlite").counts == {"charged": 1, "withheld": 1}


@pytest.mark.parametrize(("all_in_all", "of_study"), [(3, None), (None, 3), (3, 9), (9, 3)])
def test_a_question_too_many_is_refused_before_any_charge(
    tmp_path: Path, all_in_all: int | None, of_study: int | None
) -> None:
    ledger, limits = ledger_at(tmp_path), capped(all_in_all, of_study)
    left = []
    for number in range(3):
        one = spend(f"table {number}", ZERO)
        granted = ledger.record(charged(ledger, one, limits), release_of(one), one, limits)
        assert isinstance(granted, Granted)
        left.append(granted.receipt.questions_left)
    assert left == [2, 1, 0]
    refused = ledger.charge(spend("another", ZERO), limits)
    assert refused == Refusal(code=RefusalCode.QUESTIONS_USED_UP)
    again = ledger.charge(spend("table 0", ZERO), limits)
    assert isinstance(again, Granted), "a repeat is free"
    other = ledger.charge(spend("another", ZERO, study="other"), limits)
    is_refused = isinstance(other, Refusal)
    assert is_refused is (all_in_all == 3), "the cap of a study is that study's"


def test_questions_and_loss_do_not_pay_for_each_other(tmp_path: Path) -> None:
    ledger = ledger_at(tmp_path)
    released(ledger, spend("noisy"))
    granted = released(ledger, spend("noisy too"))
    assert granted.receipt.questions_left is None
    limits = Limits(registry=None, study=None, analyst=None, rounds=2, questions=0, study_questions=0)
    charged(ledger, spend("noisy three"), limits)
    assert ledger.charge(spend("table", ZERO), limits) == Refusal(code=RefusalCode.QUESTIONS_USED_UP)
    charged(ledger, spend("table", ZERO), capped(1, 1))
    assert audit(tmp_path / "ledger.sqlite").faults == []


def test_a_budget_of_40_questions_grants_exactly_40_of_128(tmp_path: Path) -> None:
    """Two processes of 64 threads: the number of questions is as exact as the loss."""
    outcomes = race(tmp_path / "ledger.sqlite", processes=2, threads=64, questions=40, is_same=False)
    told(dict(outcomes))
    assert outcomes == Counter(granted=40, questions_used_up=88)
    findings = audit(tmp_path / "ledger.sqlite")
    assert findings.faults == []
    assert findings.questions["study", "study"] == 40


def test_the_same_id_for_another_table_is_refused(tmp_path: Path) -> None:
    ledger, query_id = ledger_at(tmp_path), QueryId.new()
    released(ledger, spend("table", ZERO, query_id=query_id))
    other = ledger.charge(spend("other", ZERO, query_id=query_id), FREE)
    assert other == Refusal(code=RefusalCode.QUERY_ID_REUSED)
