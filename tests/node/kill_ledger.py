"""Kills a process that charges, records and releases, at random moments; then judges its ledger.

`kill_ledger(1000, seed, folder)` is the full run, for `make evidence`. The releases are lines of a
file: a line that was written survives the kill of its writer, and stands for what left the node.
"""

import hashlib
import multiprocessing
import os
import random
import time
from enum import Enum
from multiprocessing.synchronize import Event
from pathlib import Path

from node.ledger.charge import Charge
from node.ledger.events import Spend
from node.ledger.ledger import Ledger
from protocols.ids import QueryId
from protocols.releases import Granted
from tests.node.kill_verdict import Seen, digest, verdict
from tests.node.ledger_desk import FREE, NOW, release_of, spend
from tests.node.seeds import draws

_LONGEST_S = 0.06


class Order(Enum):
    """The right order, and two wrong ones that the verdict must condemn."""

    CHARGE_RECORD_RELEASE = "right"
    RELEASE_CHARGE_RECORD = "release before charge"
    NO_CHARGE = "no charge"


def _live(folder: Path, order: Order, draw: random.Random, questions: int, began: Event) -> None:
    """Ask and answer until killed. A bounded number of questions makes repeats and resumed charges."""
    # Half of them may be killed while they open the file, the others only from their first answer on:
    # on a busy machine nothing but openings would be met.
    if draw.random() < 0.5:
        began.set()
    ledger = Ledger(folder / "ledger.sqlite", lambda: NOW)
    out = os.open(folder / "released", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    while True:
        # In a wrong order each question is another one, so that only a kill can tell the orders apart.
        is_right = order is Order.CHARGE_RECORD_RELEASE
        name = f"q{draw.randrange(questions)}" if is_right else os.urandom(8).hex()
        fixed = hashlib.sha256(name.encode()).digest()[:16]
        _answer(ledger, out, order, spend(name, query_id=QueryId(fixed) if draw.random() < 0.5 else None))
        if not began.is_set():
            began.set()


def _answer(ledger: Ledger, out: int, order: Order, one: Spend) -> None:
    # Fresh "noise" at each computation: two different releases of one answer would show.
    release = release_of(one, os.urandom(24))
    if order is Order.CHARGE_RECORD_RELEASE:
        outcome = ledger.charge(one, FREE)
        if isinstance(outcome, Charge):
            outcome = ledger.record(outcome, release, one, FREE)
        if isinstance(outcome, Granted):
            _release(out, one.query_id, outcome.release)
        return
    _release(out, one.query_id, release)
    if order is Order.RELEASE_CHARGE_RECORD:
        outcome = ledger.charge(one, FREE)
        if isinstance(outcome, Charge):
            ledger.record(outcome, release, one, FREE)


def _release(out: int, query_id: QueryId, release: bytes) -> None:
    os.write(out, f"{query_id} {digest(release)}\n".encode())


def released(folder: Path) -> list[Seen]:
    """The releases that left: whole lines only."""
    path = folder / "released"
    text = path.read_text(encoding="ascii") if path.exists() else ""
    lines = text[: text.rfind("\n") + 1].splitlines()
    return [(query, release) for query, _, release in (line.partition(" ") for line in lines)]


def kill_ledger(
    kills: int, seed: int, folder: Path, order: Order = Order.CHARGE_RECORD_RELEASE
) -> dict[str, object]:
    """Start and kill a ledger's process so many times; give the figures of kill_verdict.py."""
    draw = draws(seed)
    folder.mkdir(parents=True, exist_ok=True)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["__main__", __name__])
    for number in range(kills):
        began = context.Event()
        arguments = (folder, order, draws(draw.getrandbits(32)), 40 * number + 40, began)
        child = context.Process(target=_live, args=arguments, daemon=True)
        child.start()
        if not began.wait(timeout=60):
            raise RuntimeError("the process did not start")
        time.sleep(draw.uniform(0, _LONGEST_S))
        child.kill()
        child.join()
        if child.exitcode != -9:
            raise RuntimeError(f"the process ended by itself ({child.exitcode})")
        child.close()
    return {"kills": kills, "seed": seed, **verdict(folder / "ledger.sqlite", released(folder))}
