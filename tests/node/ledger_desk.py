"""Spends and ledgers for tests of the ledger alone: no data, no gate."""

import hashlib
import math
import multiprocessing
import threading
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np

from node.ledger.balances import Limits
from node.ledger.charge import Charge
from node.ledger.events import Spend
from node.ledger.ledger import Ledger
from privacy.disclosure import RULES, SUPPRESSED
from privacy.events import GaussianEvent
from privacy.loss import NANO, ZERO, Loss
from protocols.canonical import sha256
from protocols.clock import system_clock
from protocols.codec.answers import encode_release
from protocols.codec.queries import encode_query
from protocols.dictionary import FieldName
from protocols.ids import AnalystId, CentreId, QueryId, SnapshotId, StudyId
from protocols.layout import TEMPLATE_VERSION
from protocols.queries import Kind, Mode, OneOf, Query, ReleaseTerms, Scope, Statistic
from protocols.refusals import Refusal
from protocols.releases import Granted, Release, ReleasedBlock, SuppressedTable

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
FREE = Limits(registry=None, study=None, analyst=None, rounds=2)
ONE = Loss(NANO)
DICTIONARY = sha256("test dictionary")
SNAPSHOT = SnapshotId(bytes(16))


def asked(name: str, loss: Loss = ONE) -> Query:
    """A question that is named by any text: how many patients have this code. At no loss: suppressed."""
    mode = Mode.DP if loss.nano_rho else Mode.SUPPRESSED
    terms = ReleaseTerms(mode=mode, scope=Scope.CENTRE, loss=loss, delta=Decimal(0))
    cohort = OneOf(field=FieldName("people", "code"), codes=(name,))
    return Query(statistic=Statistic(kind=Kind.COUNT, table="people"), cohort=cohort, release=terms)


def noise_for(loss: Loss) -> tuple[GaussianEvent, ...]:
    """The noise of one block at this loss: as little as the loss allows, to a few parts in 1e15."""
    if not loss.nano_rho:
        return ()
    sigma = math.sqrt(1 / (2 * loss.rho))
    while (event := GaussianEvent(l2_squared=1, sigma=sigma)).rho > loss.rho:
        sigma = math.nextafter(sigma, math.inf)
    return (event,)


def spend(
    question: str | Query,
    loss: Loss = ONE,
    *,
    analyst: str = "ada",
    institution: str = "Charité",
    study: str = "study",
    registry: str = "registry",
    query_id: QueryId | None = None,
) -> Spend:
    """A spend for the answer to a question, which any text names."""
    query = asked(question, loss) if isinstance(question, str) else question
    nonce = query_id or QueryId.new()
    return Spend(
        registry=registry,
        study=StudyId(study),
        analyst=AnalystId(analyst),
        institution=institution,
        query_id=nonce,
        content=sha256("test content", encode_query(query), nonce.octets),
        query=query,
        dictionary=DICTIONARY,
        snapshot=SNAPSHOT,
        noise=noise_for(query.release.loss),
    )


def release_of(one: Spend, text: bytes = b"release") -> bytes:
    """A release of this answer; any text makes its numbers."""
    values = np.frombuffer(hashlib.sha256(text).digest(), dtype=np.int64)
    table = SuppressedTable(rule=RULES["five"], cells=np.array([0, 7, SUPPRESSED]))
    return encode_release(
        Release(
            centre=CentreId("berlin"),
            question=one.question,
            dictionary=one.dictionary,
            snapshot=one.snapshot,
            snapshot_at=NOW,
            released_at=NOW,
            template_version=TEMPLATE_VERSION,
            loss=one.loss,
            cap=1,
            blocks=tuple(ReleasedBlock(name="count", event=event, values=values) for event in one.noise),
            table=table if one.mode is Mode.SUPPRESSED else None,
        )
    )


def ledger_at(folder: Path) -> Ledger:
    return Ledger(folder / "ledger.sqlite", lambda: NOW)


def charged(ledger: Ledger, one: Spend, limits: Limits = FREE) -> Charge:
    charge = ledger.charge(one, limits)
    assert isinstance(charge, Charge)
    return charge


def released(ledger: Ledger, one: Spend, text: bytes = b"release") -> Granted:
    granted = ledger.record(charged(ledger, one), release_of(one, text), one, FREE)
    assert isinstance(granted, Granted)
    return granted


def _race(path: str, name: str, threads: int, limits: Limits, *, is_same: bool) -> list[str]:
    ledger = Ledger(Path(path), system_clock)
    loss = ONE if limits.questions is None else ZERO
    start = threading.Barrier(threads)
    words: list[str] = []

    def run(number: int) -> None:
        one = spend("the same" if is_same else f"{name}-{number}", loss)
        start.wait()
        outcome = ledger.charge(one, limits)
        if isinstance(outcome, Charge):
            outcome = ledger.record(outcome, release_of(one, f"{name}-{number}".encode()), one, limits)
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


def _racing_process(
    queue: "multiprocessing.Queue[list[str]]", path: str, name: str, threads: int, limits: Limits, *same: bool
) -> None:
    queue.put(_race(path, name, threads, limits, is_same=same[0]))


def race(
    path: Path,
    *,
    processes: int,
    threads: int,
    is_same: bool,
    budget: int | None = None,
    questions: int | None = None,
) -> Counter[str]:
    """Let processes x threads charge and record at once; count what they were told.

    With a cap on questions they ask in mode `suppressed`.
    """
    cap = None if budget is None else Loss(budget * NANO)
    limits = Limits(
        registry=cap, study=None, analyst=None, rounds=2, questions=questions, study_questions=questions
    )
    context = multiprocessing.get_context("spawn")
    queue: multiprocessing.Queue[list[str]] = context.Queue()
    children = [
        context.Process(
            target=_racing_process, args=(queue, str(path), f"p{number}", threads, limits, is_same)
        )
        for number in range(processes)
    ]
    for child in children:
        child.start()
    told = Counter(word for _ in children for word in queue.get(timeout=120))
    for child in children:
        child.join(timeout=30)
        assert child.exitcode == 0
    return told
