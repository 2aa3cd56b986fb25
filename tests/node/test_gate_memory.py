"""The memory of what was shown: lost, cut or edited it answers nothing, and it tells nobody anything."""

import os
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from node.cohorts import Cohorts, Remembered
from node.errors import CohortsError, LedgerBusyError
from node.ledger.ledger import Ledger
from privacy.disclosure import RULES, SUPPRESSED
from privacy.overlap import Membership, Shown
from protocols.ids import SnapshotId
from protocols.refusals import Refusal
from protocols.refusals import RefusalCode as Code
from tests.node.gate_desk import GateDesk
from tests.node.importing_desk import KEY
from tests.node.shown_desk import BY_ARM, BY_SEX, EVERYBODY, asked_of, desk_of, people


@pytest.fixture
def desk(tmp_path: Path) -> GateDesk:
    """A desk that has shown two tables, and whose memory's file is closed and whole."""
    desk = desk_of(tmp_path, people())
    desk.granted(BY_SEX)
    desk.granted(EVERYBODY)
    with closing(sqlite3.connect(_file(desk))) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return desk


def _file(desk: GateDesk) -> Path:
    return desk.folder / "cohorts.db"


def _edited(statement: str) -> Callable[[GateDesk], None]:
    def edit(desk: GateDesk) -> None:
        with closing(sqlite3.connect(_file(desk))) as db, db:
            assert db.execute(statement).rowcount >= 1

    return edit


def _lost(desk: GateDesk) -> None:
    for path in desk.folder.glob("cohorts.db*"):
        path.unlink()


def _cut(desk: GateDesk) -> None:
    os.truncate(_file(desk), _file(desk).stat().st_size // 2)


def _emptied(desk: GateDesk) -> None:
    _lost(desk)
    _file(desk).touch()


def _rubbish(desk: GateDesk) -> None:
    _lost(desk)
    _file(desk).write_bytes(b"rubbish" * 1000)


def _a_folder(desk: GateDesk) -> None:
    _lost(desk)
    _file(desk).mkdir()


def _under_another_key(desk: GateDesk) -> None:
    desk.cohorts = Cohorts(_file(desk), bytes(32))


HARM: dict[str, Callable[[GateDesk], None]] = {
    "lost": _lost,
    "emptied": _emptied,
    "cut": _cut,
    "rubbish": _rubbish,
    "a folder": _a_folder,
    "another key": _under_another_key,
    "one table gone": _edited("DELETE FROM shown WHERE charge = (SELECT max(charge) FROM shown)"),
    "one bit": _edited(
        "UPDATE shown SET body = CAST(substr(body, 1, 40) || x'00' || substr(body, 42) AS BLOB)"
    ),
    "a body cut": _edited("UPDATE shown SET body = substr(body, 1, 20)"),
    "no body": _edited("UPDATE shown SET body = x''"),
    "bodies exchanged": _edited(
        "UPDATE shown SET body = (SELECT o.body FROM shown AS o WHERE o.charge != shown.charge)"
    ),
    "another snapshot": _edited("UPDATE shown SET snapshot = randomblob(16)"),
    "no snapshot": _edited("UPDATE shown SET snapshot = x'00'"),
    "another charge": _edited("UPDATE shown SET charge = charge + 1000"),
    "a charge below zero": _edited(
        "UPDATE shown SET charge = -1 WHERE charge = (SELECT min(charge) FROM shown)"
    ),
}


@pytest.mark.parametrize("name", HARM)
def test_a_harmed_memory_is_found_before_anything_is_paid_or_read(desk: GateDesk, name: str) -> None:
    HARM[name](desk)
    reads = desk.engine.reads
    assert desk.ask(BY_ARM).outcome == Refusal(code=Code.UNAVAILABLE)
    assert desk.planned(BY_ARM).outcome == Refusal(code=Code.UNAVAILABLE)
    assert (desk.engine.reads, asked_of(desk)) == (reads, 2)
    assert isinstance(desk.ask().outcome, Refusal) is False, "mode dp has nothing to do with it"


def test_a_whole_memory_answers(desk: GateDesk) -> None:
    """The control of the test above."""
    desk.granted(BY_ARM)


def test_a_busy_ledger_is_no_reason_to_stop(desk: GateDesk) -> None:
    class Busy(Ledger):
        def tables_shown(self) -> frozenset[int]:
            raise LedgerBusyError("busy")

    desk.ledger = Busy(desk.ledger_path, lambda: desk.now)
    assert desk.ask(BY_ARM).outcome == Refusal(code=Code.BUSY)
    assert desk.planned(BY_ARM).outcome == Refusal(code=Code.BUSY)


def test_the_file_tells_nobody_who_was_counted(desk: GateDesk) -> None:
    """No patient's number, no cell and no count stands in it, in any byte order that a program writes."""
    shown = desk.cohorts.all()
    octets = b"".join(path.read_bytes() for path in desk.folder.glob("cohorts.db*"))
    numbers = np.concatenate([one.table.members.patients for one in shown])
    assert len(numbers) == 108
    for number in numbers.tolist():
        for order in ("little", "big"):
            assert int(number).to_bytes(8, order, signed=True) not in octets
        assert str(number).encode() not in octets
    for one in shown:
        assert one.table.published.astype("<i8").tobytes() not in octets
        assert b"dims" not in octets
    assert stat.S_IMODE(_file(desk).stat().st_mode) == 0o600


def test_nothing_of_it_is_shown_by_mistake(desk: GateDesk) -> None:
    (one, _) = desk.cohorts.all()
    told = repr(one) + repr(desk.cohorts) + repr(one.table.members)
    assert all(str(number) not in told for number in one.table.members.patients.tolist())
    assert str(one.table.published.tolist()[0]) not in repr(one.table)


def _table(patients: int) -> Shown:
    numbers = np.arange(patients, dtype=np.int64)
    members = Membership(patients=numbers, cells=numbers % 3)
    counts = np.array([1, 2, 3, SUPPRESSED], dtype=np.int64)
    return Shown(members=members, dims=(3,), published=counts, rule=RULES["cms"])


@pytest.mark.parametrize("patients", [0, 1, 1000])
def test_a_table_comes_back_as_it_went(tmp_path: Path, patients: int) -> None:
    cohorts = Cohorts(tmp_path / "cohorts.db", KEY)
    one = Remembered(charge=7, snapshot=SnapshotId.new(), table=_table(patients))
    cohorts.remember(Remembered(charge=7, snapshot=one.snapshot, table=_table(5)))
    cohorts.remember(one)
    (again,) = Cohorts(tmp_path / "cohorts.db", KEY).all()
    assert (again.charge, again.snapshot) == (7, one.snapshot)
    assert (again.table.dims, again.table.rule) == ((3,), RULES["cms"])
    for name in ("patients", "cells"):
        assert np.array_equal(getattr(again.table.members, name), getattr(one.table.members, name))
    assert np.array_equal(again.table.published, one.table.published)


def test_before_anything_was_shown_there_is_no_file_and_reading_makes_none(tmp_path: Path) -> None:
    cohorts = Cohorts(tmp_path / "cohorts.db", KEY)
    assert cohorts.all() == ()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_an_error_of_the_room(tmp_path: Path) -> None:
    cohorts = Cohorts(tmp_path / "nowhere" / "cohorts.db", KEY)
    with pytest.raises(CohortsError):
        cohorts.remember(Remembered(charge=1, snapshot=SnapshotId.new(), table=_table(1)))
