"""Planning: it reads nothing and writes nothing, and says what asking then does."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from node.errors import LedgerBusyError
from node.ledger.balances import Limits
from node.ledger.events import Spend
from node.ledger.ledger import Ledger
from node.ledger.paid import Contains
from node.snapshots import Snapshot, Snapshots
from privacy.loss import ZERO, Loss
from protocols.codec.queries import decode_envelope, decode_terms
from protocols.envelope import Purpose, open_envelope, seal
from protocols.errors import ProtocolError
from protocols.ids import UNREAD
from protocols.queries import Kind, Query, Statistic
from protocols.refusals import Refusal
from protocols.refusals import RefusalCode as Code
from protocols.releases import Granted, Quote
from tests.node.gate_desk import (
    ADA,
    BOB,
    CENTRE,
    COUNT,
    KEYS,
    MANY,
    MEAN_AGE,
    GateDesk,
    imported,
    with_rho,
)
from tests.node.questions import SITE
from tests.node.shown_desk import BY_ARM, BY_SEX, EVERYBODY, Untouchable, desk_of, people, without
from tests.node.test_gate_refusals import CASES
from tests.node.worlds import question

COARSER = question(Statistic(kind=Kind.COUNT, table="visits", by=(SITE,)), rho="0.1")


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Snapshots:
    return imported(tmp_path_factory.mktemp("centre"), MANY)


@pytest.fixture
def desk(tmp_path: Path, shelf: Snapshots) -> GateDesk:
    return GateDesk(tmp_path, Snapshots(shelf.folder, shelf._key))  # noqa: SLF001 -- a fresh one


def _quote(desk: GateDesk, query: Query = COUNT) -> Quote:
    outcome = desk.planned(query).outcome
    assert isinstance(outcome, Quote), outcome
    return outcome


def _bytes_of(folder: Path) -> dict[str, str]:
    """What stands in a folder. A reader may touch SQLite's index of its log, which says nothing."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith("-shm")
    }


class Closed(Snapshots):
    """Snapshots whose files nobody may open."""

    def open_read_only(self, snapshot: Snapshot, *, memory: str = "1GB") -> duckdb.DuckDBPyConnection:
        raise AssertionError("a snapshot was opened")


def test_a_plan_touches_no_data_and_writes_nothing(desk: GateDesk) -> None:
    desk.granted()
    desk.granted(BY_SEX)
    desk.planned(), desk.planned(BY_ARM)
    desk.engine.close()
    desk.snapshots = Closed(desk.snapshots.folder, desk.snapshots._key)  # noqa: SLF001
    desk.engine = Untouchable(desk.snapshots)  # type: ignore[assignment]
    before = _bytes_of(desk.folder), _bytes_of(desk.snapshots.folder), desk.spent
    for query in (COUNT, with_rho(COUNT, "0.7"), COARSER, MEAN_AGE, BY_SEX, BY_ARM, EVERYBODY):
        assert isinstance(desk.planned(query).outcome, Quote)
    assert isinstance(desk.planned(with_rho(COUNT, "3")).outcome, Refusal)
    assert (_bytes_of(desk.folder), _bytes_of(desk.snapshots.folder), desk.spent) == before


@pytest.mark.parametrize(
    ("before", "query", "cost"),
    [
        ((), COUNT, "0.5"),
        ((COUNT,), COUNT, "0"),
        ((COUNT,), with_rho(COUNT, "0.6"), "0.6"),
        ((COUNT,), COARSER, "0"),
        ((with_rho(COUNT, "0.2"),), COARSER, "0.1"),
        ((), BY_SEX, "0"),
        ((BY_SEX,), BY_SEX, "0"),
        ((BY_SEX,), BY_ARM, "0"),
    ],
)
def test_asking_does_what_the_plan_said(
    desk: GateDesk, before: tuple[Query, ...], query: Query, cost: str
) -> None:
    for one in before:
        desk.granted(one)
    quote, granted = _quote(desk, query), desk.granted(query)
    receipt = granted.receipt
    assert quote.cost == receipt.charged == Loss.parse(cost)
    assert (quote.is_repeat, quote.finer) == (receipt.is_repeat, granted.finer)
    assert (quote.registry_left, quote.study_left, quote.analyst_left, quote.questions_left) == (
        receipt.registry_left,
        receipt.study_left,
        receipt.analyst_left,
        receipt.questions_left,
    )
    snapshot = desk.snapshots.current()
    assert snapshot is not None
    assert quote.snapshot_at == snapshot.committed_at


def test_a_finer_answer_is_named(desk: GateDesk) -> None:
    desk.granted()
    assert (_quote(desk, COARSER).finer, _quote(desk, COARSER).is_repeat) == (COUNT, True)


def test_what_was_withheld_is_known_to_a_plan(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, people())
    desk.granted(EVERYBODY)
    assert isinstance(desk.planned(without(77)).outcome, Quote), "what is in the data a plan cannot know"
    assert desk.ask(without(77)).outcome == Refusal(code=Code.WITHHELD)
    assert desk.planned(without(77), BOB).outcome == Refusal(code=Code.WITHHELD)


def _as_plan(envelope: bytes, desk: GateDesk) -> bytes:
    """The same terms by the same hand, for a plan; what cannot be opened stays as it is."""
    try:
        opened = open_envelope(envelope, desk.roster.analysts)
    except ProtocolError:
        return envelope
    return seal(opened.terms, KEYS[opened.terms.analyst], Purpose.PLAN)


@pytest.mark.parametrize(
    "name", [name for name, one in CASES.items() if one.code is not Code.QUERY_ID_REUSED]
)
def test_a_plan_refuses_as_the_answer_does(desk: GateDesk, name: str) -> None:
    """All but the reuse of an id: a plan has an id of its own, which nothing is noted under."""
    case = CASES[name]
    envelope = case.prepare(desk)
    before = desk.spent, _bytes_of(desk.folder)
    planned = desk.gate.plan(_as_plan(envelope, desk))
    assert (desk.spent, _bytes_of(desk.folder)) == before
    answer = desk.gate.answer(envelope)
    assert planned.outcome == answer.outcome
    assert (planned.centre, planned.query_id) == (CENTRE, answer.query_id)


def test_a_busy_ledger_refuses_a_plan(desk: GateDesk) -> None:
    class Busy(Ledger):
        def quote(
            self, spend: Spend, limits: Limits, contains: Contains, snapshot_at: object
        ) -> Quote | Refusal:
            raise LedgerBusyError("busy")

    desk.ledger = Busy(desk.ledger_path, lambda: desk.now)
    assert desk.planned().outcome == Refusal(code=Code.BUSY)


def test_an_envelope_counts_for_its_own_purpose_only(desk: GateDesk) -> None:
    terms = desk.terms()
    for_query, for_plan = (seal(terms, KEYS[ADA], purpose) for purpose in (Purpose.QUERY, Purpose.PLAN))
    as_query: tuple[Callable[[bytes], object], bytes] = (desk.gate.answer, for_plan)
    as_plan: tuple[Callable[[bytes], object], bytes] = (desk.gate.plan, for_query)
    for ask, envelope in (as_query, as_plan):
        refused = ask(envelope)
        assert getattr(refused, "query_id") == UNREAD  # noqa: B009 -- of both types
        assert getattr(refused, "outcome") == Refusal(code=Code.BAD_SIGNATURE)  # noqa: B009
    assert desk.spent == {}
    assert isinstance(desk.gate.plan(for_plan).outcome, Quote)
    assert isinstance(desk.gate.answer(for_query).outcome, Granted)
    assert decode_terms(decode_envelope(for_plan).terms) == terms


def test_a_plan_leaves_its_id_free(desk: GateDesk) -> None:
    terms = desk.terms()
    desk.gate.plan(seal(terms, KEYS[ADA], Purpose.PLAN))
    other = replace(desk.terms(MEAN_AGE), query_id=terms.query_id)
    outcome = desk.gate.answer(seal(other, KEYS[ADA])).outcome
    assert isinstance(outcome, Granted)
    assert outcome.receipt.charged > ZERO
