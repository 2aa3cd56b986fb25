"""What a ledger's file must be: WAL with synchronous=FULL, of our version, writable; sums of any size."""

import os
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from node.errors import LedgerBusyError, LedgerError
from node.ledger import schema
from node.ledger.audit import audit
from node.ledger.balances import Limits
from node.ledger.budget import budget_report
from node.ledger.charge import Charge
from node.ledger.ledger import Ledger
from node.ledger.sums import read_sums
from privacy.events import GaussianEvent
from privacy.loss import Loss
from protocols.ids import QueryId
from protocols.refusals import Refusal, RefusalCode
from protocols.releases import Granted
from tests.node.gate_desk import FEW, GateDesk, imported
from tests.node.ledger_desk import FREE, charged, ledger_at, release_of, released, spend

HUGE = 10**18
"""A query's largest loss, in nano-rho: ten of them do not fit into 64 bits."""


def test_sums_beyond_64_bits_are_exact(tmp_path: Path) -> None:
    ledger = ledger_at(tmp_path)
    cap = Limits(registry=Loss(25 * HUGE), study=None, analyst=None, rounds=1)
    for number in range(24):
        charged(ledger, spend(f"q{number}", Loss(HUGE)), cap)
    charged(ledger, spend("almost", Loss(HUGE - 1)), cap)
    assert ledger.spent()["registry", "registry"] == Loss(25 * HUGE - 1)
    refused = ledger.charge(spend("two", Loss(2)), cap)
    assert isinstance(refused, Refusal)
    assert refused.code is RefusalCode.REGISTRY_BUDGET
    charged(ledger, spend("one", Loss(1)), cap)
    assert ledger.spent()["registry", "registry"] == Loss(25 * HUGE)
    assert 25 * HUGE > 2**63
    assert audit(tmp_path / "ledger.sqlite").is_clean


def _with_pragma(name: str, value: str) -> Callable[..., sqlite3.Connection]:
    """A `sqlite3.connect` whose connections take another value for one pragma."""

    class Other(sqlite3.Connection):
        def execute(self, sql: str, *arguments: Any) -> sqlite3.Cursor:  # noqa: ANN401 -- as sqlite3's
            if sql.startswith(f"PRAGMA {name} ="):
                sql = f"PRAGMA {name} = {value}"
            return super().execute(sql, *arguments)

    def connect(*arguments: Any, **options: Any) -> sqlite3.Connection:  # noqa: ANN401 -- as sqlite3's
        return real(*arguments, factory=Other, **options)

    real = sqlite3.connect
    return connect


@pytest.mark.parametrize(
    ("name", "value"), [("synchronous", "NORMAL"), ("synchronous", "OFF"), ("journal_mode", "DELETE")]
)
def test_a_connection_that_could_lose_a_commit_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    released(ledger_at(tmp_path), spend("before"))
    monkeypatch.setattr(sqlite3, "connect", _with_pragma(name, value))
    if name == "journal_mode":
        (tmp_path / "other").mkdir()
        tmp_path = tmp_path / "other"
    with pytest.raises(LedgerError, match="WAL with synchronous=FULL"):
        ledger_at(tmp_path).spent()


def test_every_connection_has_wal_and_full_synchronisation(tmp_path: Path) -> None:
    for _ in range(2):
        db = schema.connect(tmp_path / "ledger.sqlite")
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert db.execute("PRAGMA synchronous").fetchone() == (2,)
        assert db.execute("PRAGMA foreign_keys").fetchone() == (1,)
        db.close()


def test_a_ledger_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    released(ledger_at(tmp_path), spend("before"))
    db = sqlite3.connect(tmp_path / "ledger.sqlite")
    db.execute(f"PRAGMA user_version = {schema.SCHEMA_VERSION + 1}")
    db.close()
    with pytest.raises(LedgerError, match="newer version"):
        ledger_at(tmp_path).spent()


@pytest.mark.parametrize(
    "content", [b"not a database, not at all" * 100, b"SQLite format 3\x00" + b"x" * 999]
)
def test_a_file_that_is_no_ledger_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "ledger.sqlite").write_bytes(content)
    with pytest.raises(LedgerError):
        ledger_at(tmp_path).spent()
    with pytest.raises(LedgerError):
        audit(tmp_path / "ledger.sqlite")


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LedgerError):
        ledger_at(tmp_path / "nowhere").spent()


def _full(ledger: Ledger) -> None:
    """Let the file grow no further, as on a full disk."""
    db = ledger._log.connection()  # noqa: SLF001 -- the limit belongs to a connection
    pages = db.execute("PRAGMA page_count").fetchone()[0]
    db.execute(f"PRAGMA max_page_count = {pages}")


def _charge_many(ledger: Ledger) -> None:
    for number in range(200):
        ledger.charge(spend(f"q{number}"), FREE)


def _read_only(ledger: Ledger) -> None:
    ledger._log.connection().execute("PRAGMA query_only = ON")  # noqa: SLF001


@pytest.mark.parametrize("break_disk", [_full, _read_only])
def test_on_a_disk_that_cannot_be_written_nothing_is_charged_and_nothing_said(
    tmp_path: Path, break_disk: Callable[[Ledger], None]
) -> None:
    ledger = ledger_at(tmp_path)
    released(ledger, spend("before"))
    break_disk(ledger)
    with pytest.raises(LedgerError, match="cannot be written"):
        _charge_many(ledger)
    fresh = ledger_at(tmp_path)
    findings = audit(tmp_path / "ledger.sqlite")
    assert findings.is_clean
    assert fresh.spent()["registry", "registry"] == findings.spent["registry", "registry"]


@pytest.mark.parametrize("break_disk", [_full, _read_only])
def test_a_release_that_cannot_be_recorded_does_not_leave(
    tmp_path: Path, break_disk: Callable[[Ledger], None]
) -> None:
    ledger, one = ledger_at(tmp_path), spend("question")
    charge = charged(ledger, one)
    break_disk(ledger)
    with pytest.raises(LedgerError, match="cannot be written"):
        ledger.record(charge, b"release" * 10_000, one, FREE)
    fresh = ledger_at(tmp_path)
    again = fresh.charge(one, FREE)
    assert isinstance(again, Charge)
    granted = fresh.record(again, release_of(one, b"another"), one, FREE)
    assert isinstance(granted, Granted)
    assert granted.release == release_of(one, b"another")
    assert audit(tmp_path / "ledger.sqlite").is_clean


def test_a_disk_that_turns_read_only_under_the_gate_stops_the_node_and_no_release_is_given(
    tmp_path: Path,
) -> None:
    desk = GateDesk(tmp_path / "node", imported(tmp_path, FEW))
    desk.engine.on_read = lambda *_: _read_only(desk.ledger)
    with pytest.raises(LedgerError):
        desk.ask()
    findings = audit(desk.ledger_path)
    assert findings.is_clean
    assert findings.counts == {"charged": 1}
    desk.engine.close()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write files that are read-only")
def test_a_file_without_the_right_to_write_is_refused(tmp_path: Path) -> None:
    ledger = ledger_at(tmp_path)
    released(ledger, spend("before"))
    path = tmp_path / "ledger.sqlite"
    path.chmod(stat.S_IRUSR)
    with pytest.raises(LedgerError):
        ledger_at(tmp_path).charge(spend("after"), FREE)


def test_a_ledger_that_another_process_holds_is_busy_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "BUSY_MS", 50)
    ledger = ledger_at(tmp_path)
    released(ledger, spend("before"))
    holder = sqlite3.connect(tmp_path / "ledger.sqlite", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(LedgerBusyError):
        ledger.charge(spend("after"), FREE)
    holder.execute("ROLLBACK")
    holder.close()
    assert isinstance(ledger.charge(spend("after"), FREE), Charge)


def test_an_index_with_a_hole_stops_the_node_instead_of_answering(tmp_path: Path) -> None:
    ledger, one = ledger_at(tmp_path), spend("question")
    released(ledger, one)
    db = sqlite3.connect(tmp_path / "ledger.sqlite")
    db.execute("DROP TRIGGER charge_remains")
    db.execute("DELETE FROM charge")
    db.commit()
    db.close()
    with pytest.raises(LedgerError, match="index"):
        ledger.charge(one, FREE)


def test_a_sum_that_cannot_be_read_stops_the_node_instead_of_counting_from_zero(tmp_path: Path) -> None:
    ledger = ledger_at(tmp_path)
    released(ledger, spend("before"))
    db = sqlite3.connect(tmp_path / "ledger.sqlite")
    db.execute("UPDATE spent SET nano_rho = 'none'")
    db.commit()
    db.close()
    with pytest.raises(LedgerError, match="spent"):
        ledger.charge(spend("after"), FREE)


def test_a_ledger_that_is_not_there_is_no_clean_ledger(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="no ledger"):
        audit(tmp_path / "ledger.sqlite")
    assert not (tmp_path / "ledger.sqlite").exists()


def test_an_open_charge_does_not_pay_for_other_noise_than_it_names(tmp_path: Path) -> None:
    ledger, one = ledger_at(tmp_path), spend("question")
    charged(ledger, one)
    other = replace(one, noise=(GaussianEvent(l2_squared=1, sigma=2.0**31),))
    assert ledger.charge(other, FREE) == Refusal(code=RefusalCode.FAILED)
    assert ledger.charge(one, FREE) == Refusal(code=RefusalCode.FAILED)
    assert audit(tmp_path / "ledger.sqlite").is_clean
    charged(ledger, replace(other, query_id=QueryId.new()))


def test_a_budget_that_was_lowered_below_what_is_spent_has_nothing_left(tmp_path: Path) -> None:
    desk = GateDesk(tmp_path / "node", imported(tmp_path, FEW))
    desk.granted()
    tiny = Loss(1)
    desk.policy = replace(desk.policy, registry_cap=tiny, study_cap=tiny, analyst_cap=tiny)
    tree = budget_report(desk.rules, read_sums(desk.ledger_path), desk.now.date())
    lines = {(one["scope"], one["name"]): one for one in tree["budgets"]}
    assert lines["registry", "worlds"]["left_rho"] == "0"
    assert lines["registry", "worlds"]["share_spent"] == 1.0
    assert lines["institution", "mood/bob"]["spent_rho"] == "0"
    desk.engine.close()


def test_the_file_and_its_log_are_for_their_owner_only_whatever_the_umask(tmp_path: Path) -> None:
    """A ledger says who asked what, and holds the releases."""
    before = os.umask(0)
    try:
        released(ledger_at(tmp_path), spend("q"))
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    finally:
        os.umask(before)
    assert modes == dict.fromkeys(("ledger.sqlite", "ledger.sqlite-wal", "ledger.sqlite-shm"), 0o600)


_COUNT = """
import sqlite3, sys
print(sqlite3.connect(sys.argv[1]).execute("SELECT count(*) FROM charge").fetchone()[0])
"""
_LOOK = """
import pathlib, sys
from node.ledger.audit import audit
print(len(audit(pathlib.Path(sys.argv[1])).faults))
"""


def _in_another_process(code: str, path: Path) -> int:
    done = subprocess.run([sys.executable, "-c", code, str(path)], check=True, capture_output=True)
    return int(done.stdout)


def test_what_is_charged_while_another_process_comes_and_goes_is_in_the_file(tmp_path: Path) -> None:
    """A file opened and closed by hand beside an open connection loses the connection's locks.

    The next process that looks at the ledger then takes the log away as it leaves, and every later
    charge of the first one is written into nothing.
    """
    ledger, path = ledger_at(tmp_path), tmp_path / "ledger.sqlite"
    released(ledger, spend("before"))
    thread = threading.Thread(target=ledger.spent)  # opens a connection of its own
    thread.start()
    thread.join()
    for count, question in enumerate(("after", "later"), start=2):
        assert _in_another_process(_LOOK, path) == 0
        released(ledger, spend(question))
        assert _in_another_process(_COUNT, path) == count
