"""Snapshots: the list, what is retired is not used, what is erased is gone, and nothing falls back."""

import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from node.encrypted_files import attach, connect
from node.errors import SnapshotError
from node.snapshot_list import SnapshotList
from node.snapshots import Snapshot, Snapshots, State
from protocols.refusals import Refusal, RefusalCode
from protocols.releases import Granted
from tests.node.custodian_desk import ROWS, CustodianDesk, open_desk
from tests.node.gate_desk import FEW, MANY, GateDesk, imported
from tests.node.importing_desk import NOW, SIMPLE, Desk

LATER = NOW + timedelta(days=1)
CONTENT = "id,age,sex,score,note\np,1,F,2,x\nq,2,M,3,y\n"
OLD_LIST = """
CREATE TABLE snapshots (
    place INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, dictionary TEXT NOT NULL,
    committed_at TEXT NOT NULL, fingerprint BLOB NOT NULL
) STRICT
"""


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Two snapshots."""
    desk = Desk(tmp_path)
    desk.load(desk.file("visits.csv", CONTENT), SIMPLE)
    desk.load(desk.file("visits.csv", CONTENT + "r,3,F,1,z\n"), SIMPLE)
    return desk


@pytest.fixture
def custodian(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> CustodianDesk:
    return open_desk(tmp_path, capsys)


def _both(snapshots: Snapshots) -> tuple[Snapshot, Snapshot]:
    first, second = snapshots.all()
    return first, second


def _list_bytes(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.glob("snapshots.sqlite*")))


def test_the_last_one_is_current_and_the_other_superseded(desk: Desk) -> None:
    first, second = _both(desk.snapshots)
    assert desk.snapshots.current() == second
    assert desk.snapshots.states() == ((first, State.SUPERSEDED), (second, State.CURRENT))


def test_a_retired_current_snapshot_leaves_none_and_never_an_older_one(desk: Desk) -> None:
    first, second = _both(desk.snapshots)
    desk.snapshots.retire(second, LATER)
    assert desk.snapshots.current() is None
    assert [state for _, state in desk.snapshots.states()] == [State.SUPERSEDED, State.RETIRED]
    assert second.path.is_file()
    assert first.path.is_file()

    desk.snapshots.retire(second, LATER + timedelta(days=1))
    assert desk.snapshots.all()[1].retired_at == LATER


def test_a_retired_older_snapshot_does_not_touch_the_current_one(desk: Desk) -> None:
    first, second = _both(desk.snapshots)
    desk.snapshots.retire(first, LATER)
    assert desk.snapshots.current() == second


def test_the_same_file_again_is_a_new_snapshot_after_the_current_one_was_retired(desk: Desk) -> None:
    path = desk.file("visits.csv", CONTENT)
    desk.load(path, SIMPLE)
    third = desk.snapshots.all()[2]
    desk.snapshots.retire(third, LATER)
    desk.load(path, SIMPLE)
    current = desk.snapshots.current()
    assert current is not None
    assert current.id != third.id


def test_an_erased_snapshot_is_gone_from_the_disk_and_from_the_list(desk: Desk) -> None:
    _, second = _both(desk.snapshots)
    fingerprint = SnapshotList(desk.folder).lines()[1].fingerprint
    before = _list_bytes(desk.folder)
    assert second.salt in before
    assert fingerprint in before

    desk.snapshots.erase(second, LATER)

    after = _list_bytes(desk.folder)
    assert second.salt not in after
    assert fingerprint not in after
    assert not second.path.exists()
    tombstone = desk.snapshots.all()[1]
    assert (tombstone.id, tombstone.salt, tombstone.erased_at) == (second.id, b"", LATER)
    assert tombstone.committed_at == second.committed_at
    assert desk.snapshots.current() is None
    desk.snapshots.erase(second, LATER + timedelta(days=1))
    assert desk.snapshots.all()[1].erased_at == LATER


def test_a_copy_of_the_file_does_not_open_after_its_snapshot_was_erased(desk: Desk, tmp_path: Path) -> None:
    """The folder's key is still there: it is the salt that is missing."""
    _, second = _both(desk.snapshots)
    copy = tmp_path / "copy.duckdb"
    shutil.copy(second.path, copy)
    desk.snapshots.erase(second, LATER)
    shutil.copy(copy, second.path)
    with pytest.raises(SnapshotError, match="its key"):
        desk.snapshots.open_read_only(desk.snapshots.all()[1])
    with closing(desk.snapshots.open_read_only(second)) as con:  # whoever had kept the salt
        assert con.execute("SELECT count(*) FROM s.t0").fetchall() == [(3,)]


def test_a_reader_that_has_the_file_open_does_not_keep_its_bytes_on_the_disk(desk: Desk) -> None:
    _, second = _both(desk.snapshots)
    with second.path.open("rb") as reader:
        desk.snapshots.erase(second, LATER)
        assert reader.read() == b""


def test_an_import_removes_what_a_crash_in_an_erasure_has_left(desk: Desk) -> None:
    _, second = _both(desk.snapshots)
    octets = second.path.read_bytes()
    desk.snapshots.erase(second, LATER)
    second.path.write_bytes(octets)  # as if the program had died before the file was removed
    desk.load(desk.file("visits.csv", CONTENT), SIMPLE)
    assert not second.path.exists()
    assert desk.is_clean()


def test_a_list_of_the_first_version_is_read_and_its_snapshots_open(desk: Desk) -> None:
    """A folder that an earlier release made: no salt, no states."""
    _, second = _both(desk.snapshots)
    unsalted = Snapshot(id=second.id, dictionary=second.dictionary, committed_at=NOW, path=second.path)
    target = second.path.with_suffix(".old")
    with closing(connect(desk.root / "spill", memory="100MB")) as con:
        attach(con, second.path, "a", desk.snapshots.key(second), read_only=True)
        con.execute(f"ATTACH '{target}' AS b (ENCRYPTION_KEY ?)", [desk.snapshots.key(unsalted)])
        con.execute("COPY FROM DATABASE a TO b")
    target.replace(second.path)
    for path in desk.folder.glob("snapshots.sqlite*"):
        path.unlink()
    with closing(sqlite3.connect(desk.folder / "snapshots.sqlite")) as db, db:
        db.execute(OLD_LIST)
        row = (str(second.id), str(second.dictionary), NOW.isoformat(), b"f" * 32)
        db.execute(
            "INSERT INTO snapshots (id, dictionary, committed_at, fingerprint) VALUES (?, ?, ?, ?)", row
        )

    current = desk.snapshots.current()
    assert current is not None
    assert (current.id, current.salt, current.retired_at) == (second.id, b"", None)
    with closing(desk.snapshots.open_read_only(current)) as reader:
        assert reader.execute("SELECT count(*) FROM s.t0").fetchall() == [(3,)]
    desk.snapshots.retire(current, LATER)
    assert desk.snapshots.current() is None


def test_a_list_of_a_newer_version_is_refused(desk: Desk) -> None:
    with closing(sqlite3.connect(desk.folder / "snapshots.sqlite")) as con:
        con.execute("PRAGMA user_version=99")
    with pytest.raises(SnapshotError, match="newer version"):
        desk.snapshots.current()


def test_a_gate_answers_from_no_retired_snapshot_and_charges_nothing(tmp_path: Path) -> None:
    imported(tmp_path, FEW)
    desk = GateDesk(tmp_path / "node", imported(tmp_path, MANY))
    desk.granted()
    spent = desk.spent
    current = desk.snapshots.current()
    assert current is not None
    desk.snapshots.retire(current, datetime.now(UTC))

    outcome = desk.ask().outcome
    assert isinstance(outcome, Refusal)
    assert outcome.code is RefusalCode.NO_SNAPSHOT
    assert desk.spent == spent
    assert desk.engine.reads == 1

    imported(tmp_path, FEW)
    assert isinstance(desk.ask().outcome, Granted)


def test_an_engine_lets_go_of_what_is_no_longer_current(tmp_path: Path) -> None:
    desk = GateDesk(tmp_path / "node", imported(tmp_path, FEW))
    desk.granted()
    current = desk.snapshots.current()
    desk.engine.let_go(current)
    assert desk.engine._open is not None  # noqa: SLF001 -- what stays open is what this is about
    desk.engine.let_go(None)
    assert desk.engine._open is None  # noqa: SLF001 -- as above


def test_the_commands_list_retire_and_erase(custodian: CustodianDesk) -> None:
    first = custodian.load()
    second = custodian.load(ROWS + "p4,60,m,Zqxx\n")
    tree = custodian.run("snapshots", "--json").json
    assert tree["format"] == "skerry.snapshots/1"
    assert [(one["id"], one["state"]) for one in tree["snapshots"]] == [
        (first, "superseded"),
        (second, "current"),
    ]
    assert all(one["bytes"] > 0 for one in tree["snapshots"])
    text = custodian.run("snapshots").stdout
    assert first in text
    assert "superseded" in text

    tree = custodian.run("snapshots", "retire", second, "--json").json
    assert (tree["has_current"], tree["snapshots"][1]["state"]) == (False, "retired")
    assert "no snapshot is in use" in custodian.run("snapshots").stdout

    tree = custodian.run("snapshots", "erase", first, "--yes", "--json").json
    erased = tree["snapshots"][0]
    assert (erased["state"], erased["bytes"], erased["id"]) == ("erased", 0, first)
    assert custodian.run("audit").exit_code == 0


def test_nothing_is_erased_that_nobody_has_confirmed(custodian: CustodianDesk) -> None:
    first = custodian.load()
    for more in ((), ("--json",)):
        said = custodian.run("snapshots", "erase", first, *more)
        assert said.exit_code == 2
        assert "--yes" in said.stderr
    assert custodian.snapshots.current() is not None


@pytest.mark.parametrize("command", [("retire",), ("erase", "--yes")])
def test_an_id_that_is_not_there_is_refused_with_the_nearest(
    custodian: CustodianDesk, command: tuple[str, ...]
) -> None:
    assert custodian.run("snapshots", *command, "0" * 32).exit_code == 2
    first = custodian.load()
    said = custodian.run("snapshots", *command, first[:-1] + ("0" if first[-1] != "0" else "1"))
    assert said.exit_code == 2
    assert first in said.stderr
    assert custodian.run("snapshots", "--json").json["snapshots"][0]["state"] == "current"


def test_to_look_makes_no_list(custodian: CustodianDesk) -> None:
    assert custodian.run("snapshots", "--json").json["snapshots"] == []
    assert list(custodian.data.iterdir()) == []


def test_a_lost_ledger_is_noticed_also_when_every_snapshot_is_erased(custodian: CustodianDesk) -> None:
    first = custodian.load()
    assert custodian.run("snapshots", "erase", first, "--yes").exit_code == 0
    for path in custodian.data.glob("ledger.db*"):
        path.unlink()
    said = custodian.run("import", custodian.folder / "people.csv")
    assert said.exit_code == 6
    assert "ledger" in said.stderr
