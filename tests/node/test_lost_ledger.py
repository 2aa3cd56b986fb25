"""A file that holds no ledger, where one was, is a loss: it must not become a new budget."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from node.ledger.schema import is_begun
from tests.node.custodian_desk import CustodianDesk, open_desk

COMMANDS = (
    ["budget"],
    ["audit"],
    ["releases"],
    ["releases", "show", "0"],
    ["report"],
    ["import", "people.csv"],
    ["run"],
)


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> CustodianDesk:
    made = open_desk(tmp_path, capsys)
    made.load()
    return made


def _away(desk: CustodianDesk) -> Path:
    path = desk.data / "ledger.db"
    for one in desk.data.glob("ledger.db*"):
        one.unlink()
    return path


def _another(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("CREATE TABLE recipes (cake TEXT)")


@pytest.mark.parametrize("make", [Path.touch, _another], ids=["empty", "another database"])
@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_file_without_a_ledger_is_a_loss(
    desk: CustodianDesk, words: list[str], make: Callable[[Path], None]
) -> None:
    path = _away(desk)
    make(path)
    before = path.read_bytes()
    said = desk.run(*words)
    assert said.exit_code == 6
    assert f"{path} holds no ledger, and snapshots are there" in said.stderr
    assert path.read_bytes() == before, "to look made a ledger"


def test_the_ledger_that_an_import_made_is_one(desk: CustodianDesk) -> None:
    """The control: nothing was asked yet, and it is begun all the same."""
    assert is_begun(desk.data / "ledger.db")
    assert desk.run("audit").exit_code == 0


def test_a_damaged_ledger_is_not_taken_for_none(desk: CustodianDesk) -> None:
    path = _away(desk)
    path.write_bytes(b"no ledger" * 1000)
    assert is_begun(path)
    assert "cannot be opened" in desk.run("budget").stderr


def test_a_node_that_imported_nothing_has_nothing_to_audit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fresh = open_desk(tmp_path, capsys)
    said = fresh.run("audit")
    assert (said.exit_code, "there is no ledger yet" in said.stderr) == (2, True)
    assert not (fresh.data / "ledger.db").exists()
