"""The audit finds accounting bugs that are planted in the node itself, and a second accountant agrees.

Edits behind the ledger's back are test_ledger_tampering's. Here the ledger is whole and says something
wrong, in a tree and in sums that all fit.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from node.ledger import events
from node.ledger.audit import Findings, audit
from node.ledger.events import Spend
from node.ledger.ledger import Ledger
from node.ledger.second_opinion import second_opinion
from node.ledger.tree_check import TreeCheck
from privacy.events import GaussianEvent
from privacy.loss import NANO, ZERO, Loss
from protocols import transparency
from tests.node.ledger_desk import FREE, NOW, ONE, charged, ledger_at, noise_for, release_of, released, spend
from tests.node.seeds import draws, fresh_seed

HALF = Loss(NANO // 2)


def findings(folder: Path) -> Findings:
    return audit(folder / "ledger.sqlite")


def _release(ledger: Ledger, charge_for: Spend, bears: tuple[GaussianEvent, ...]) -> None:
    """Charge for one noise, and store a release that bears another."""
    release = release_of(replace(charge_for, noise=bears))
    ledger.record(charged(ledger, charge_for), release, charge_for, FREE)


def _scaled(noise: tuple[GaussianEvent, ...], factor: float) -> tuple[GaussianEvent, ...]:
    return tuple(replace(one, sigma=one.sigma * factor) for one in noise)


def _sigma_doubled(ledger: Ledger) -> None:
    _release(ledger, spend("bug"), _scaled(noise_for(ONE), 2))


def _sigma_halved(ledger: Ledger) -> None:
    _release(ledger, spend("bug"), _scaled(noise_for(ONE), 0.5))


def _forgotten_block(ledger: Ledger) -> None:
    """Two blocks of half the loss each are released, and the charge names one."""
    half = noise_for(HALF)
    _release(ledger, replace(spend("bug"), noise=half), half + half)


def _sensitivity_forgotten(ledger: Ledger) -> None:
    """A patient may have nine rows, and the charge counts one."""
    (one,) = noise_for(ONE)
    _release(ledger, spend("bug"), (replace(one, l2_squared=9),))


def _other_question(ledger: Ledger) -> None:
    one, other = spend("bug"), spend("other")
    ledger.record(charged(ledger, one), release_of(other), one, FREE)


def _no_noise(ledger: Ledger) -> None:
    released(ledger, replace(spend("bug"), noise=()))


def _too_much_noise_named(ledger: Ledger) -> None:
    """The loss that is charged is that of the question, and the noise costs four times as much."""
    released(ledger, replace(spend("bug"), noise=_scaled(noise_for(ONE), 0.5)))


def _unreadable(ledger: Ledger) -> None:
    one = spend("bug")
    ledger.record(charged(ledger, one), b"no release", one, FREE)


BUGS: dict[str, tuple[Callable[[Ledger], None], str]] = {
    "sigma doubled in the release": (_sigma_doubled, "the noise of the release is not that of the charge"),
    "sigma halved in the release": (_sigma_halved, "the noise of the release is not that of the charge"),
    "a block that no charge names": (_forgotten_block, "the noise of the release is not that of the charge"),
    "a cap forgotten": (_sensitivity_forgotten, "the noise of the release is not that of the charge"),
    "the answer to another question": (_other_question, "the question of the release is not that"),
    "no noise at all": (_no_noise, "it names no noise"),
    "more noise than is charged": (_too_much_noise_named, "its noise costs rho 4"),
    "bytes that are no release": (_unreadable, "the stored release cannot be read"),
}


@pytest.mark.parametrize("name", list(BUGS))
def test_a_planted_accounting_bug_is_found(tmp_path: Path, name: str) -> None:
    bug, what = BUGS[name]
    ledger = ledger_at(tmp_path)
    for number in range(5):
        released(ledger, spend(f"q{number}"))
    assert findings(tmp_path).faults == []
    bug(ledger)
    found = findings(tmp_path).faults
    assert len(found) == 1
    assert what in found[0]


@pytest.mark.parametrize(
    ("field", "value", "what"),
    [
        ("nano_rho", str(NANO // 10), "its loss is not that of its question"),
        ("template", "7", "its key is not that of its question"),
        ("dictionary", "00" * 32, "its key is not that of its question"),
        ("snapshot", "11" * 16, "its snapshot in the index"),
        ("question", "22" * 32, "its question in the index"),
        ("mode", "suppressed", "its mode is not that of its question"),
        ("at", "2026-03-01T12:00:00", "cannot be read"),
        ("total_nano_rho", "1", "its total is not what the events before it say"),
        ("total_questions", "1", "its total is not what the events before it say"),
    ],
)
def test_a_charge_whose_event_says_something_else_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, field: str, value: str, what: str
) -> None:
    """The event is hashed into the tree, and the tree fits: what is wrong is what it says."""
    real = events.read_leaf
    ledger, one = ledger_at(tmp_path), spend("bug")
    leaf = events.charged_leaf(one, ONE, 0, NOW)  # the leaf that the ledger would write
    old = f'"{field}":"{real(leaf)[field]}"'.encode()
    assert leaf.count(old) == 1
    wrong = leaf.replace(old, f'"{field}":"{value}"'.encode())
    monkeypatch.setattr(events, "charged_leaf", lambda *_: wrong)
    charged(ledger, one)
    monkeypatch.undo()
    assert any(what in fault for fault in findings(tmp_path).faults)


def test_both_accountants_find_the_same_in_a_ledger_of_many_losses(tmp_path: Path) -> None:
    draw, ledger = draws(fresh_seed()), ledger_at(tmp_path)
    for number in range(60):
        loss = Loss(draw.choice([1, 7, 1_000, 10**6, 10**8]) * draw.randint(1, 9))
        one = spend(f"q{number}", loss)
        released(ledger, one) if number % 3 else ledger.fail(charged(ledger, one))
    released(ledger, spend("table", ZERO))
    found = findings(tmp_path)
    assert found.faults == []
    assert found.charged == ledger.spent()["registry", "registry"]
    opinion = second_opinion(found)
    assert opinion.fault == ""
    assert opinion.ours is not None
    assert opinion.theirs == pytest.approx(opinion.ours, rel=0.005)


@pytest.mark.parametrize(
    "name", ["sigma halved in the release", "a cap forgotten", "more noise than is charged"]
)
def test_the_second_accountant_finds_by_itself_what_costs_more_than_was_charged(
    tmp_path: Path, name: str
) -> None:
    ledger = ledger_at(tmp_path)
    for number in range(5):
        released(ledger, spend(f"q{number}"))
    assert second_opinion(findings(tmp_path)).fault == ""
    BUGS[name][0](ledger)
    assert "a second accountant finds" in second_opinion(findings(tmp_path)).fault


def test_a_charge_beyond_all_measure_is_not_put_to_the_second_accountant(tmp_path: Path) -> None:
    released(ledger_at(tmp_path), spend("q", Loss(10**18)))
    opinion = second_opinion(findings(tmp_path))
    assert (opinion.ours, opinion.theirs, opinion.fault) == (None, None, "")


def test_a_ledger_of_tables_alone_has_no_loss_for_either(tmp_path: Path) -> None:
    released(ledger_at(tmp_path), spend("table", ZERO))
    opinion = second_opinion(findings(tmp_path))
    assert (opinion.ours, opinion.theirs, opinion.fault) == (0.0, 0.0, "")


def test_an_audit_without_a_second_opinion_does_not_load_the_second_accountant(tmp_path: Path) -> None:
    """It takes a second, and a node audits itself whenever it starts."""
    released(ledger_at(tmp_path), spend("q"))
    code = (
        "import sys, pathlib; from node.ledger.audit import audit;"
        "audit(pathlib.Path(sys.argv[1])); sys.exit('dp_accounting' in sys.modules)"
    )
    subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "ledger.sqlite")], check=True, env=dict(os.environ)
    )


def test_the_tree_of_an_audit_is_the_tree_of_the_specification() -> None:
    check = TreeCheck()
    leaves: list[bytes] = []
    for number in range(70):
        leaf = number.to_bytes(4, "big")
        leaves.append(transparency.leaf_hash(leaf))
        root, fetch = transparency.tree_of(leaves)
        nodes = transparency.appended(leaves[-1], number, fetch)
        check.take(leaf, b"".join(value for _, _, value in nodes))
        assert check.root == root
    assert check.faults() == []
    check.take(b"another", b"not its hash")
    assert check.faults() == ["the tree does not belong to the events (wrong at 1 event)"]


def test_an_audit_tells_how_far_it_is(tmp_path: Path) -> None:
    ledger, told = ledger_at(tmp_path), []
    for number in range(5):
        released(ledger, spend(f"q{number}"))

    def progress(done: int, total: int) -> None:
        told.append((done, total))

    audit(tmp_path / "ledger.sqlite", progress)
    assert told[-1] == (10, 10)
    assert all(done <= total == 10 for done, total in told)
