"""One answer, one release: repeats are free and the same bytes; what is another answer is charged."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from node.ledger.audit import audit
from node.ledger.charge import Charge
from node.plan import Plan
from node.snapshots import Snapshot, Snapshots
from privacy.loss import ZERO, Loss
from protocols.codec.answers import decode_release
from protocols.envelope import seal
from protocols.refusals import Refusal, RefusalCode
from protocols.releases import Granted
from tests.node.gate_desk import ADA, BOB, COUNT, FEW, KEYS, MANY, MEAN_AGE, GateDesk, imported, with_rho

HALF = Loss.parse("0.5")
REGISTRY = ("registry", "worlds")


class Killed(BaseException):
    """Stands for a kill: nothing in the node may catch it."""


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Snapshots:
    return imported(tmp_path_factory.mktemp("centre"), MANY)


@pytest.fixture
def desk(tmp_path: Path, shelf: Snapshots) -> GateDesk:
    return GateDesk(tmp_path, shelf)


def _kill(plan: Plan, snapshot: Snapshot, charge: Charge) -> None:
    raise Killed


def _nothing(plan: Plan, snapshot: Snapshot, charge: Charge) -> None:
    """Do not disturb."""


def test_the_same_question_by_anybody_in_the_study_is_the_same_release_for_nothing(desk: GateDesk) -> None:
    first = desk.granted(analyst=ADA)
    for again in (desk.granted(analyst=ADA), desk.granted(analyst=BOB)):
        assert again.release == first.release
        assert (again.receipt.charged, again.receipt.is_repeat) == (ZERO, True)
        assert again.receipt.event == first.receipt.event
    assert (first.receipt.charged, first.receipt.is_repeat) == (HALF, False)
    assert desk.spent == {
        REGISTRY: HALF,
        ("study", "mood"): HALF,
        ("institution", "mood/ada"): HALF,
    }
    assert desk.engine.reads == 1


def test_the_same_envelope_again_is_the_same_release_and_still_shows_its_own_charge(desk: GateDesk) -> None:
    envelope = desk.envelope()
    first, again = desk.gate.answer(envelope).outcome, desk.gate.answer(envelope).outcome
    assert isinstance(first, Granted)
    assert isinstance(again, Granted)
    assert again.release == first.release
    assert (again.receipt.charged, again.receipt.is_repeat) == (HALF, False)
    assert desk.spent[REGISTRY] == HALF
    assert desk.engine.reads == 1


def test_another_loss_is_another_answer_and_is_charged(desk: GateDesk) -> None:
    first, other = desk.granted(), desk.granted(with_rho(COUNT, "0.7"))
    assert other.release != first.release
    assert other.receipt.charged == Loss.parse("0.7")
    assert desk.spent[REGISTRY] == Loss.parse("1.2")


def test_a_new_snapshot_is_another_answer_and_is_charged(tmp_path: Path) -> None:
    desk = GateDesk(tmp_path / "node", imported(tmp_path, FEW))
    first = desk.granted()
    imported(tmp_path, MANY)
    second = desk.granted()
    one, other = decode_release(first.release), decode_release(second.release)
    assert (second.receipt.charged, second.receipt.is_repeat) == (HALF, False)
    assert one.snapshot != other.snapshot
    assert desk.spent[REGISTRY] == Loss.parse("1")


def test_a_repeat_is_served_when_the_budget_is_used_up(desk: GateDesk) -> None:
    desk.policy = replace(desk.policy, registry_cap=HALF)
    first = desk.granted()
    assert desk.granted(analyst=BOB).release == first.release
    refused = desk.ask(with_rho(MEAN_AGE, "0.001")).outcome
    assert isinstance(refused, Refusal)
    assert refused.code is RefusalCode.REGISTRY_BUDGET


@pytest.mark.parametrize("who", ["the same envelope", "another nonce", "another analyst"])
def test_a_charge_whose_release_a_crash_prevented_is_used_by_who_asks_next(desk: GateDesk, who: str) -> None:
    envelope = desk.envelope()
    desk.engine.on_read = _kill
    with pytest.raises(Killed):
        desk.gate.answer(envelope)
    assert desk.spent[REGISTRY] == HALF
    after = GateDesk(desk.folder, desk.snapshots)
    if who != "the same envelope":
        envelope = after.envelope(analyst=BOB if who == "another analyst" else ADA)
    outcome = after.gate.answer(envelope).outcome
    assert isinstance(outcome, Granted)
    assert after.spent[REGISTRY] == HALF
    assert ("institution", "mood/bob") not in after.spent
    findings = audit(after.ledger_path)
    assert findings.is_clean
    assert (findings.counts["charged"], findings.counts["released"]) == (1, 1)


def test_a_charge_never_pays_for_the_answer_of_another_snapshot(tmp_path: Path) -> None:
    """A crash after the charge, then an import, then the same envelope: that answer is gone."""
    desk = GateDesk(tmp_path / "node", imported(tmp_path, FEW))
    envelope = desk.envelope()
    desk.engine.on_read = _kill
    with pytest.raises(Killed):
        desk.gate.answer(envelope)
    imported(tmp_path, MANY)
    desk.engine.on_read = _nothing
    reads = desk.engine.reads
    for _ in range(2):
        assert desk.gate.answer(envelope).outcome == Refusal(code=RefusalCode.FAILED)
    assert desk.engine.reads == reads
    assert desk.spent[REGISTRY] == HALF
    assert desk.granted().receipt.charged == HALF
    assert desk.spent[REGISTRY] == Loss.parse("1")
    assert audit(desk.ledger_path).is_clean


def test_after_an_import_the_same_envelope_still_gets_the_release_that_it_was_given(tmp_path: Path) -> None:
    desk = GateDesk(tmp_path / "node", imported(tmp_path, FEW))
    envelope = desk.envelope()
    first = desk.gate.answer(envelope).outcome
    imported(tmp_path, MANY)
    again = desk.gate.answer(envelope).outcome
    assert isinstance(first, Granted)
    assert isinstance(again, Granted)
    assert again.release == first.release
    assert desk.spent[REGISTRY] == HALF


def test_of_many_that_compute_the_same_answer_at_once_the_first_to_record_wins(desk: GateDesk) -> None:
    count = 4
    together = threading.Barrier(count)

    def meet(plan: Plan, snapshot: Snapshot, charge: Charge) -> None:
        together.wait(timeout=20)

    outcomes: list[object] = []
    terms = [desk.terms() for _ in range(count)]

    def ask(number: int) -> None:
        one = GateDesk(desk.folder, desk.snapshots)
        one.engine.on_read = meet
        outcomes.append(one.gate.answer(seal(terms[number], KEYS[ADA])).outcome)
        one.engine.close()

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    granted = [one for one in outcomes if isinstance(one, Granted)]
    assert len(granted) == count
    assert len({one.release for one in granted}) == 1
    assert sum(not one.receipt.is_repeat for one in granted) == 1
    assert desk.spent[REGISTRY] == HALF
    assert audit(desk.ledger_path).is_clean
