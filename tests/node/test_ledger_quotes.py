"""Roll-ups are served for nothing; a quote writes nothing and says what the charge will say."""

import hashlib
import sqlite3
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from node.errors import LedgerError
from node.ledger.audit import audit
from node.ledger.balances import Limits
from node.ledger.charge import Charge
from node.ledger.ledger import Ledger
from node.ledger.paid import MOST_COMPARED, Contains, nothing
from privacy.events import GaussianEvent
from privacy.loss import ZERO, Loss
from protocols.dictionary import FieldName
from protocols.ids import SnapshotId
from protocols.queries import All, Cohort, OneOf, Query
from protocols.refusals import Refusal, RefusalCode
from protocols.releases import Granted, Quote
from tests.node.ledger_desk import FREE, NOW, ONE, asked, charged, ledger_at, release_of, released, spend

THREE = Loss(3 * ONE.nano_rho)
TIGHT = Limits(registry=THREE, study=THREE, analyst=THREE, rounds=2, questions=2, study_questions=2)
FINE = replace(asked("fine"), cohort=None)
"""A question of everybody, which may contain one of any cohort."""


def is_fine(finer: Query) -> bool:
    """Stands for roll_up: the answer to `fine` contains the one that is asked."""
    return finer == FINE


def noting(seen: list[Query]) -> Contains:
    """Notes which questions it is asked about, and finds none."""

    def contains(finer: Query) -> bool:
        seen.append(finer)
        return False

    return contains


def test_a_finer_paid_answer_is_served_with_its_question_and_costs_nothing(tmp_path: Path) -> None:
    ledger = ledger_at(tmp_path)
    first = released(ledger, spend(FINE))
    coarse = spend("coarse", analyst="bob")
    for one in (coarse, coarse, spend("coarse", analyst="eve")):
        served = ledger.charge(one, FREE, is_fine)
        assert isinstance(served, Granted)
        assert (served.release, served.finer) == (first.release, FINE)
        assert (served.receipt.charged, served.receipt.is_repeat) == (ZERO, True)
    own = ledger.charge(spend(FINE), FREE, is_fine)
    assert isinstance(own, Granted)
    assert own.finer is None, "one's own answer is no roll-up"
    findings = audit(tmp_path / "ledger.sqlite")
    assert findings.faults == []
    assert findings.counts == {"charged": 1, "released": 1, "repeated": 3}
    assert ledger.spent()["registry", "registry"] == ONE


def test_an_answer_that_was_not_released_contains_nothing(tmp_path: Path) -> None:
    ledger = ledger_at(tmp_path)
    charged(ledger, spend(FINE))
    assert isinstance(ledger.charge(spend("coarse"), FREE, is_fine), Charge)
    ledger.fail(charged(ledger, spend(FINE)))
    assert isinstance(ledger.charge(spend("coarser"), FREE, is_fine), Charge)


def test_an_answer_of_another_snapshot_contains_nothing_of_this_one(tmp_path: Path) -> None:
    ledger = ledger_at(tmp_path)
    released(ledger, spend(FINE))
    newer = replace(spend("coarse"), snapshot=SnapshotId(bytes([1] * 16)))
    assert isinstance(ledger.charge(newer, FREE, is_fine), Charge)


def test_an_answer_of_another_family_is_not_even_looked_at(tmp_path: Path) -> None:
    ledger = ledger_at(tmp_path)
    released(ledger, spend(replace(FINE, statistic=replace(FINE.statistic, table="visits"))))
    seen: list[Query] = []
    ledger.charge(spend("coarse"), FREE, noting(seen))
    assert seen == []


def test_only_the_latest_answers_are_looked_through(tmp_path: Path) -> None:
    ledger = ledger_at(tmp_path)
    losses = [Loss(number) for number in range(1, MOST_COMPARED + 6)]
    for loss in losses:
        released(ledger, spend("same cohort", loss))
    seen: list[Query] = []
    ledger.charge(spend("same cohort"), FREE, noting(seen))
    assert seen == [asked("same cohort", loss) for loss in losses[:4:-1]]


CONDITIONS = tuple(OneOf(field=FieldName("people", "code"), codes=(name,)) for name in "abcde")


def _where(parts: tuple[Cohort, ...]) -> Query:
    cohort = None if not parts else parts[0] if len(parts) == 1 else All(parts=parts)
    return replace(asked("x"), cohort=cohort)


@pytest.mark.parametrize("kept", range(6))
def test_a_wider_cohort_is_looked_at_and_a_narrower_or_another_one_is_not(tmp_path: Path, kept: int) -> None:
    """Up to three conditions may be added: as many as a question groups by."""
    ledger = ledger_at(tmp_path)
    wider = _where(CONDITIONS[:kept])
    other = _where((*CONDITIONS[:2], OneOf(field=FieldName("people", "code"), codes=("z",))))
    for query in (wider, other, replace(wider, statistic=replace(wider.statistic, table="visits"))):
        released(ledger, spend(query))
    seen: list[Query] = []
    ledger.charge(
        spend(replace(_where(CONDITIONS), statistic=replace(wider.statistic, by=())), ONE), FREE, noting(seen)
    )
    assert seen == ([] if kept in (0, 1, 5) else [wider])


def contents(folder: Path) -> str:
    return hashlib.sha256(b"".join(p.read_bytes() for p in sorted(folder.glob("ledger.sqlite*")))).hexdigest()


def _open(ledger: Ledger) -> None:
    charged(ledger, spend("question"))


def _open_by_other_noise(ledger: Ledger) -> None:
    charged(ledger, replace(spend("question"), noise=(GaussianEvent(l2_squared=1, sigma=99.0),)))


def _failed(ledger: Ledger) -> None:
    ledger.fail(charged(ledger, spend("question")))


def _failed_twice(ledger: Ledger) -> None:
    _failed(ledger)
    _failed(ledger)


def _spent(ledger: Ledger) -> None:
    released(ledger, spend("other", Loss(2 * ONE.nano_rho + 1)))


def _tables(ledger: Ledger) -> None:
    for number in range(2):
        released(ledger, spend(f"table {number}", ZERO))


STATES = {
    "an empty ledger": lambda _: None,
    "paid and open": _open,
    "open, by other noise": _open_by_other_noise,
    "failed": _failed,
    "failed as often as allowed": _failed_twice,
    "released": lambda ledger: released(ledger, spend("question")),
    "a finer one released": lambda ledger: released(ledger, spend(FINE)),
    "withheld": lambda ledger: ledger.withhold(charged(ledger, spend("table", ZERO))),
    "no budget left": _spent,
    "no questions left": _tables,
}


@pytest.mark.parametrize("name", list(STATES))
@pytest.mark.parametrize("loss", [ONE, ZERO], ids=["dp", "suppressed"])
def test_a_quote_writes_nothing_and_the_charge_that_follows_agrees(
    tmp_path: Path, name: str, loss: Loss
) -> None:
    ledger = ledger_at(tmp_path)
    STATES[name](ledger)
    ledger.spent()
    contains = is_fine if loss == ONE else nothing
    question = "question" if loss == ONE else "table"
    at, before = NOW - timedelta(days=3), contents(tmp_path)
    quotes = [ledger.quote(spend(question, loss), TIGHT, contains, at) for _ in range(2)]
    assert contents(tmp_path) == before
    assert quotes[0] == quotes[1]
    one = spend(question, loss)
    outcome = ledger.charge(one, TIGHT, contains)
    if isinstance(outcome, Charge):
        outcome = ledger.record(outcome, release_of(one), one, TIGHT)
    if isinstance(quotes[0], Refusal):
        assert outcome == quotes[0]
        return
    assert isinstance(outcome, Granted)
    receipt = outcome.receipt
    assert quotes[0] == Quote(
        cost=receipt.charged,
        is_repeat=receipt.is_repeat,
        registry_left=receipt.registry_left,
        study_left=receipt.study_left,
        analyst_left=receipt.analyst_left,
        questions_left=receipt.questions_left,
        snapshot_at=at,
        finer=outcome.finer,
    )
    assert audit(tmp_path / "ledger.sqlite").faults == []


def test_the_states_above_lead_to_every_kind_of_quote(tmp_path: Path) -> None:
    """Or the test above would compare less than it says."""
    kinds = set()
    for number, name in enumerate(STATES):
        for loss, question in ((ONE, "question"), (ZERO, "table")):
            (folder := tmp_path / f"{number}-{loss}").mkdir()
            ledger = ledger_at(folder)
            STATES[name](ledger)
            quote = ledger.quote(spend(question, loss), TIGHT, is_fine, NOW)
            is_quote = isinstance(quote, Quote)
            kinds.add((quote.is_repeat, quote.finer is None) if is_quote else quote.code)  # type: ignore[union-attr]
    codes = ("FAILED", "WITHHELD", "ROUNDS_USED_UP", "REGISTRY_BUDGET", "QUESTIONS_USED_UP")
    assert kinds == {(False, True), (True, True), (True, False), *(RefusalCode[code] for code in codes)}


def test_a_paid_question_that_cannot_be_read_stops_the_node(tmp_path: Path) -> None:
    ledger = ledger_at(tmp_path)
    released(ledger, spend(FINE))
    db = sqlite3.connect(tmp_path / "ledger.sqlite")
    db.execute("DROP TRIGGER charge_moves_forward")
    db.execute("UPDATE charge SET question = X'00'")
    db.commit()
    db.close()
    with pytest.raises(LedgerError, match="question"):
        ledger.charge(spend("coarse"), FREE, is_fine)
    assert "its question" in str(audit(tmp_path / "ledger.sqlite").faults)
