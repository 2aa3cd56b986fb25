"""Charge, commit, then read: the order, and what is said when something fails after the charge."""

import ast
import logging
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

import node
from node.answering import Answering
from node.engines.duckdb_engine import DuckDBEngine
from node.errors import EngineError, LedgerBusyError, LedgerError, SnapshotError
from node.ledger.audit import audit
from node.ledger.charge import Charge
from node.plan import Plan
from node.snapshots import Snapshot, Snapshots
from privacy.errors import PrivacyError
from privacy.loss import Loss
from privacy.mechanisms import DiscreteGaussian
from protocols.codec.answers import decode_release
from protocols.ids import UNREAD, Digest, QueryId, SnapshotId
from protocols.refusals import Refusal, RefusalCode
from protocols.releases import Answer, Granted
from tests.node.gate_desk import CENTRE, COUNT, FEW, KEYS, MANY, MEAN_AGE, GateDesk, imported

CANARY = "canary 60.25 of p17"


@pytest.fixture(scope="module")
def snapshots(tmp_path_factory: pytest.TempPathFactory) -> Snapshots:
    return imported(tmp_path_factory.mktemp("centre"), MANY)


@pytest.fixture
def desk(tmp_path: Path, snapshots: Snapshots) -> GateDesk:
    return GateDesk(tmp_path, snapshots)


def _states(path: Path) -> list[tuple[str, str]]:
    """State and spent rho as another process would see them: committed, or not there."""
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return db.execute(
            "SELECT state, (SELECT nano_rho FROM spent WHERE scope = 'registry') FROM charge"
        ).fetchall()
    finally:
        db.close()


def test_the_charge_is_committed_before_the_engine_is_called(desk: GateDesk) -> None:
    seen: list[tuple[str, str]] = []
    desk.engine.on_read = lambda *_: seen.extend(_states(desk.ledger_path))
    desk.granted()
    assert seen == [("charged", "500000000")]
    assert _states(desk.ledger_path) == [("released", "500000000")]


def test_the_release_is_committed_before_it_leaves_the_gate(desk: GateDesk) -> None:
    granted = desk.granted()
    db = sqlite3.connect(f"file:{desk.ledger_path}?mode=ro", uri=True)
    assert db.execute("SELECT release FROM charge").fetchall() == [(granted.release,)]
    db.close()


def _raising(error: BaseException) -> Callable[[Plan, Snapshot, Charge], None]:
    def on_read(plan: Plan, snapshot: Snapshot, charge: Charge) -> None:
        raise error

    return on_read


def _failed(desk: GateDesk, answer: Answer) -> None:
    """The one answer after a charge: `failed`, without a word, and the charge stays."""
    assert answer.outcome == Refusal(code=RefusalCode.FAILED, detail="")
    assert answer.query_id != UNREAD
    assert desk.spent["registry", "worlds"] == Loss.parse("0.5")
    assert _states(desk.ledger_path) == [("failed", "500000000")]
    assert audit(desk.ledger_path).is_clean


def test_an_engine_that_fails_leaves_the_charge_and_says_nothing(desk: GateDesk) -> None:
    desk.engine.on_read = _raising(EngineError(CANARY))
    _failed(desk, desk.ask())


class _Connection:
    """A connection whose library quotes a value in its error."""

    def execute(self, *_: object) -> object:
        raise duckdb.ConversionException(CANARY)

    def close(self) -> None:
        """Nothing to close."""


@pytest.mark.parametrize("error", [SnapshotError(CANARY), None])
def test_what_the_library_says_stays_in_the_engine(
    desk: GateDesk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception | None
) -> None:
    def open_read_only(snapshot: Snapshot) -> _Connection:
        if error is not None:
            raise error
        return _Connection()

    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(desk.snapshots, "open_read_only", open_read_only)
    _failed(desk, desk.ask())
    assert CANARY not in caplog.text
    assert CANARY.encode() not in desk.ledger_path.read_bytes()
    # A broken connection is not kept: the next question gets a new one.
    monkeypatch.undo()
    desk.granted(MEAN_AGE)


def test_noise_that_cannot_be_drawn_is_a_failure_after_the_charge(
    desk: GateDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def release(self: DiscreteGaussian, exact: object) -> object:
        raise PrivacyError(CANARY)

    monkeypatch.setattr(DiscreteGaussian, "release", release)
    _failed(desk, desk.ask())


def test_a_failure_is_final_for_its_query_id_and_another_one_is_charged_anew(desk: GateDesk) -> None:
    desk.engine.on_read = _raising(EngineError("once"))
    envelope = desk.envelope()
    _failed(desk, desk.gate.answer(envelope))
    desk.engine.on_read = lambda *_: None
    _failed(desk, desk.gate.answer(envelope))
    assert not desk.granted().receipt.is_repeat
    assert desk.spent["registry", "worlds"] == Loss.parse("1")


def test_a_busy_ledger_is_a_refusal_that_costs_nothing(
    desk: GateDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def charge(*_: object) -> object:
        raise LedgerBusyError("locked")

    monkeypatch.setattr(desk.ledger, "charge", charge)
    assert desk.ask().outcome == Refusal(code=RefusalCode.BUSY)
    assert desk.engine.reads == 0


@pytest.mark.parametrize("step", ["charge", "record", "note_refusal"])
def test_a_broken_ledger_stops_the_node_and_nothing_is_answered(
    desk: GateDesk, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def broken(*_: object) -> object:
        raise LedgerError("disk")

    monkeypatch.setattr(desk.ledger, step, broken)
    query = COUNT
    if step == "note_refusal":
        desk.study = replace(desk.study, analysts=frozenset())
    with pytest.raises(LedgerError):
        desk.ask(query)
    with pytest.raises(LedgerError):
        _answering(desk).answer(desk.envelope(query))


def _answering(desk: GateDesk) -> Answering:
    return Answering(desk.gate.gate, CENTRE, next(iter(KEYS.values())))


def test_an_error_that_nobody_foresaw_leaves_the_node_as_failed_and_the_charge_is_used_again(
    desk: GateDesk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.engine.on_read = _raising(ZeroDivisionError(CANARY))
    envelope = desk.envelope()
    octets = _answering(desk).answer(envelope)
    assert CANARY.encode() not in octets
    assert CANARY not in caplog.text
    assert _states(desk.ledger_path) == [("charged", "500000000")]
    desk.engine.on_read = lambda *_: None
    assert isinstance(desk.gate.answer(envelope).outcome, Granted)
    assert _states(desk.ledger_path) == [("released", "500000000")]


def test_only_the_ledger_makes_a_charge_and_none_can_be_changed() -> None:
    key, query = Digest(bytes(32)), QueryId.new()
    for mint in (None, object(), "mint"):
        with pytest.raises(RuntimeError, match="only the ledger"):
            Charge(mint, seq=0, key=key, query_id=query)


def test_a_charge_cannot_be_turned_into_another_one(desk: GateDesk) -> None:
    caught: list[Charge] = []
    desk.engine.on_read = lambda plan, snapshot, charge: caught.append(charge)
    desk.granted()
    with pytest.raises(AttributeError):
        caught[0].key = Digest(bytes(32))  # type: ignore[misc]


def test_the_engine_refuses_a_read_without_the_charge_that_was_made_for_it(desk: GateDesk) -> None:
    caught: list[tuple[Plan, Snapshot, Charge]] = []
    desk.engine.on_read = lambda *one: caught.append(one)
    desk.granted()
    desk.granted(MEAN_AGE)
    (count, snapshot, for_count), (mean, _, for_mean) = caught
    engine = DuckDBEngine(desk.snapshots)
    wrong = [(count, for_mean), (mean, for_count), (count, None), (count, object()), (count, "charge")]
    for plan, charge in wrong:
        with pytest.raises(RuntimeError, match="needs the charge"):
            engine.aggregate(plan, snapshot, charge)  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="needs the charge"):
        engine.aggregate(count, replace(snapshot, id=SnapshotId.new()), for_count)


def test_the_mint_of_charges_is_named_in_two_files_only() -> None:
    root = Path(node.__file__).parent
    naming = set()
    for path in sorted(root.rglob("*.py")):
        for one in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = {getattr(one, part, None) for part in ("id", "attr", "name", "asname", "value")}
            if "_MINT" in {name for name in names if isinstance(name, str)}:
                naming.add(str(path.relative_to(root)))
    assert naming == {"ledger/charge.py", "ledger/ledger.py"}


def test_an_answer_says_the_same_of_its_mechanism_at_centres_with_nothing_in_common(tmp_path: Path) -> None:
    said = []
    for name, files in (("few", FEW), ("many", MANY)):
        (tmp_path / name).mkdir()
        desk = GateDesk(tmp_path / name / "node", imported(tmp_path / name, files))
        answer = desk.ask(MEAN_AGE)
        assert isinstance(answer.outcome, Granted)
        release = decode_release(answer.outcome.release)
        said.append(
            (
                [(one.name, one.event, one.values.shape) for one in release.blocks],
                (release.question, release.loss, release.cap, release.template_version),
            )
        )
        desk.engine.close()
    assert said[0] == said[1]
