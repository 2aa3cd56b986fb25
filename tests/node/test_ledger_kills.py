"""No uncharged release, wherever a process is killed. The full figures come with `make evidence`.

The same verdict must condemn a ledger that is used in a wrong order, or it would prove nothing.
"""

import os
from pathlib import Path

import pytest

from tests.node.kill_ledger import Order, kill_ledger
from tests.node.kill_node import kill_node
from tests.node.kill_verdict import is_clean
from tests.node.seeds import fresh_seed, told

FULL = os.environ.get("SKERRY_FULL_KILLS") == "1"
LEDGER_KILLS = 1_000 if FULL else 60
NODE_KILLS = 50 if FULL else 4


def test_a_ledger_that_is_killed_at_random_moments_released_nothing_uncharged(tmp_path: Path) -> None:
    seed = fresh_seed()
    figures = kill_ledger(LEDGER_KILLS, seed, tmp_path)
    told(figures)
    assert is_clean(figures), figures
    assert int(str(figures["releases"])) > LEDGER_KILLS
    # Some charges were met by the kill before their release: that is what the order is for.
    assert int(str(figures["charges"])) >= int(str(figures["recorded"]))


@pytest.mark.parametrize("order", [Order.RELEASE_CHARGE_RECORD, Order.NO_CHARGE])
def test_the_verdict_condemns_a_wrong_order(tmp_path: Path, order: Order) -> None:
    seed = fresh_seed()
    if order is Order.NO_CHARGE:
        kill_ledger(1, seed, tmp_path)
    figures = kill_ledger(12, seed, tmp_path, order)
    told(figures)
    assert int(str(figures["uncharged"])) > 0
    assert not is_clean(figures)


def test_a_node_that_is_killed_at_random_moments_released_nothing_uncharged(tmp_path: Path) -> None:
    seed = fresh_seed()
    figures = kill_node(NODE_KILLS, seed, tmp_path)
    told(figures)
    assert is_clean(figures), figures
    assert int(str(figures["releases"])) > NODE_KILLS
