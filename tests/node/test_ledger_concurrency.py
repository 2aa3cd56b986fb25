"""Exact under concurrency: 4 processes of 64 threads, one file that does not exist yet."""

import time
from pathlib import Path

from node.ledger.audit import audit
from privacy.loss import NANO, Loss
from tests.node.ledger_desk import ledger_at, race
from tests.node.seeds import told


def test_a_budget_with_room_for_100_grants_exactly_100_of_256(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    began = time.monotonic()
    outcomes = race(path, processes=4, threads=64, budget=100, is_same=False)
    told(f"{time.monotonic() - began:.1f} s, {dict(outcomes)}")
    assert outcomes == {"granted": 100, "registry_budget": 156}
    assert ledger_at(tmp_path).spent()["registry", "registry"] == Loss(100 * NANO)
    findings = audit(path)
    assert findings.is_clean
    assert findings.counts == {"charged": 100, "released": 100}


def test_the_same_question_by_256_at_once_is_charged_exactly_once(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    outcomes = race(path, processes=4, threads=64, budget=100, is_same=True)
    assert outcomes == {"granted": 1, "repeat": 255}
    assert ledger_at(tmp_path).spent()["registry", "registry"] == Loss(NANO)
    findings = audit(path)
    assert findings.is_clean
    assert findings.counts == {"charged": 1, "released": 1, "repeated": 255}
