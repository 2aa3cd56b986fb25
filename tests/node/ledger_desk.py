"""Spends and ledgers for tests of the ledger alone: no data, no gate."""

import multiprocessing
import threading
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from node.ledger.charge import Charge
from node.ledger.events import Spend
from node.ledger.ledger import Ledger, Limits
from privacy.events import GaussianEvent
from privacy.loss import NANO, Loss
from protocols.canonical import sha256
from protocols.clock import system_clock
from protocols.ids import AnalystId, QueryId, SnapshotId, StudyId
from protocols.refusals import Refusal
from protocols.releases import Granted

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
FREE = Limits(registry=None, study=None, analyst=None, rounds=2)
ONE = Loss(NANO)


def spend(question: str, loss: Loss = ONE, *, analyst: str = "ada", query_id: QueryId | None = None) -> Spend:
    """A spend for the answer to a question that is named by any text."""
    query = query_id or QueryId.new()
    return Spend(
        registry="registry",
        study=StudyId("study"),
        analyst=AnalystId(analyst),
        query_id=query,
        content=sha256("test content", question.encode(), query.octets),
        key=sha256("test key", question.encode()),
        snapshot=SnapshotId(bytes(16)),
        loss=loss,
        # The loss of this event is 1 / (2 * 2^60): nothing beside any charge.
        noise=(GaussianEvent(l2_squared=1, sigma=2.0**30),),
    )


def ledger_at(folder: Path) -> Ledger:
    return Ledger(folder / "ledger.sqlite", lambda: NOW)


def charged(ledger: Ledger, one: Spend, limits: Limits = FREE) -> Charge:
    charge = ledger.charge(one, limits)
    assert isinstance(charge, Charge)
    return charge


def released(ledger: Ledger, one: Spend, release: bytes = b"release") -> Granted:
    granted = ledger.record(charged(ledger, one), release, one, FREE)
    assert isinstance(granted, Granted)
    return granted


def _race(path: str, name: str, threads: int, budget: int, *, is_same: bool) -> list[str]:
    ledger = Ledger(Path(path), system_clock)
    limits = Limits(registry=Loss(budget * NANO), study=None, analyst=None, rounds=2)
    start = threading.Barrier(threads)
    words: list[str] = []

    def run(number: int) -> None:
        one = spend("the same" if is_same else f"{name}-{number}")
        start.wait()
        outcome = ledger.charge(one, limits)
        if isinstance(outcome, Charge):
            recorded = ledger.record(outcome, f"{name}-{number}".encode(), one, limits)
            outcome = recorded
        if isinstance(outcome, Refusal):
            words.append(outcome.code.word)
        elif isinstance(outcome, Granted):
            words.append("repeat" if outcome.receipt.is_repeat else "granted")

    racers = [threading.Thread(target=run, args=(number,)) for number in range(threads)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    return words


def _racing_process(queue: "multiprocessing.Queue[list[str]]", *arguments: object) -> None:
    path, name, threads, budget, is_same = arguments
    queue.put(_race(str(path), str(name), int(str(threads)), int(str(budget)), is_same=bool(is_same)))


def race(path: Path, *, processes: int, threads: int, budget: int, is_same: bool) -> Counter[str]:
    """Let processes x threads charge and record at once; count what they were told."""
    context = multiprocessing.get_context("spawn")
    queue: multiprocessing.Queue[list[str]] = context.Queue()
    children = [
        context.Process(target=_racing_process, args=(queue, str(path), f"p{i}", threads, budget, is_same))
        for i in range(processes)
    ]
    for child in children:
        child.start()
    told = Counter(word for _ in children for word in queue.get(timeout=120))
    for child in children:
        child.join(timeout=30)
        assert child.exitcode == 0
    return told
