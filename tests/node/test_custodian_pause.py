"""The brake: durable, at once, closed when in doubt, and silent about its reason; and what status says."""

import fcntl
import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from node.errors import PauseError
from node.pause import FLAG, Pause
from node.presence import LOCK, LinkState, is_running, telling, told
from protocols.refusals import Refusal, RefusalCode
from protocols.releases import Granted
from tests.node.custodian_desk import CustodianDesk, open_desk
from tests.node.gate_desk import FEW, GateDesk, imported

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def flag(tmp_path: Path) -> Pause:
    return Pause(tmp_path / FLAG)


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> CustodianDesk:
    return open_desk(tmp_path, capsys)


def test_a_flag_is_set_once_and_taken_away_once(flag: Pause) -> None:
    assert not flag.is_on()
    assert flag.state() is None
    assert flag.end() is False

    first = flag.begin("an audit", NOW)
    assert flag.is_on()
    assert flag.state() == first
    assert (first.since, first.reason) == (NOW, "an audit")
    assert flag.begin("", NOW + timedelta(hours=1)) == first
    assert flag.begin("a fire", NOW + timedelta(hours=1)).reason == "a fire"

    assert flag.end() is True
    assert not flag.is_on()


def test_a_flag_is_seen_by_whoever_looks_next_and_is_for_this_account(flag: Pause) -> None:
    other = Pause(flag.path)
    flag.begin("", NOW)
    assert other.is_on()
    assert stat.S_IMODE(flag.path.stat().st_mode) == 0o600
    assert os.listdir(flag.path.parent) == [FLAG]  # noqa: PTH208 -- hidden files too


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"since": 1, "reason": 2}', b"\xff\xfe"])
def test_a_flag_that_cannot_be_read_is_a_pause(flag: Pause, content: bytes) -> None:
    flag.path.write_bytes(content)
    assert flag.is_on()
    state = flag.state()
    assert state is not None
    assert state.since is None
    assert flag.begin("", NOW).since == NOW


def test_what_is_no_file_is_a_pause(flag: Pause) -> None:
    flag.path.mkdir()
    assert flag.is_on()
    with pytest.raises(PauseError):
        flag.begin("", NOW)
    with pytest.raises(PauseError):
        flag.end()
    assert flag.is_on()


def test_a_link_to_nothing_is_a_pause(flag: Pause) -> None:
    flag.path.symlink_to("nowhere")
    assert flag.is_on()


def test_a_folder_that_is_gone_or_is_none_is_a_pause(tmp_path: Path) -> None:
    assert Pause(tmp_path / "gone" / FLAG).is_on()
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert Pause(tmp_path / "file" / FLAG).is_on()


@pytest.mark.parametrize("reason", ["two\nlines", "x" * 201, "\x1b[31m", "half \udc80"])
def test_a_reason_is_one_line(flag: Pause, reason: str) -> None:
    with pytest.raises(PauseError, match="one line"):
        flag.begin(reason, NOW)
    assert not flag.is_on()


def test_a_paused_node_charges_nothing_and_does_not_say_why(tmp_path: Path) -> None:
    desk = GateDesk(tmp_path / "node", imported(tmp_path, FEW))
    desk.pause.begin("Zqx the police", NOW)
    outcome = desk.ask().outcome
    assert isinstance(outcome, Refusal)
    assert outcome.code is RefusalCode.PAUSED
    assert "Zqx" not in outcome.detail
    assert desk.spent == {}
    assert desk.engine.reads == 0

    desk.pause.end()
    assert isinstance(desk.ask().outcome, Granted)


def test_the_commands_say_what_is_and_may_be_repeated(desk: CustodianDesk) -> None:
    first = desk.run("pause", "--reason", "an audit", "--json").json
    again = desk.run("pause", "--json").json
    assert (first["is_paused"], first["reason"], first["has_changed"]) == (True, "an audit", True)
    assert again == first | {"has_changed": False}
    assert desk.run("status", "--json").json["paused"] == {"since": first["since"], "reason": "an audit"}
    assert "an audit" in desk.run("status").stdout

    assert desk.run("resume", "--json").json["has_changed"] is True
    assert desk.run("resume", "--json").json["has_changed"] is False
    assert desk.run("status", "--json").json["paused"] is None


def test_a_pause_needs_the_settings_and_nothing_else(desk: CustodianDesk) -> None:
    for name in ("policy.toml", "keys/snapshots.key", "tls.pem"):
        (desk.folder / name).unlink()
    assert desk.run("pause").exit_code == 0
    assert Pause(desk.data / FLAG).is_on()


def test_a_wrong_reason_is_one_sentence_and_pauses_nothing(desk: CustodianDesk) -> None:
    said = desk.run("pause", "--reason", "a\nb", "--json")
    assert said.exit_code == 2
    assert said.json["code"] == "pause"
    assert not Pause(desk.data / FLAG).is_on()


def test_a_running_node_is_known_by_its_lock_and_not_by_what_it_told(tmp_path: Path) -> None:
    tell = telling(tmp_path, lambda: NOW)
    tell(LinkState.UP)
    last = told(tmp_path)
    assert last is not None
    assert (last.link, last.since, last.pid) == (LinkState.UP, NOW, os.getpid())
    assert not is_running(tmp_path)

    with (tmp_path / LOCK).open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert is_running(tmp_path)
    assert not is_running(tmp_path)


def test_what_a_node_told_may_be_nonsense(tmp_path: Path) -> None:
    (tmp_path / "running.json").write_text('{"pid": 1, "link": "perhaps"}', encoding="utf-8")
    assert told(tmp_path) is None


def test_status_shows_a_node_that_holds_nothing_yet_and_makes_nothing(desk: CustodianDesk) -> None:
    tree = desk.run("status", "--json").json
    assert tree["format"] == "skerry.node-status/1"
    assert (tree["is_running"], tree["is_connected"], tree["snapshot"], tree["ledger"]) == (
        False,
        *[None] * 3,
    )
    assert tree["policy"]["modes"]
    assert tree["problems"] == []
    assert list(desk.data.iterdir()) == []


def test_status_shows_what_the_node_holds_and_what_expires(desk: CustodianDesk) -> None:
    snapshot = desk.load()
    tree = desk.run("status", "--json").json
    assert tree["snapshot"]["id"] == snapshot
    assert tree["snapshot"]["has_this_dictionary"] is True
    assert tree["ledger"]["size"] == 0
    assert tree["registry"] == "small"
    for part in (*tree["studies"], tree["roster"], tree["certificate"]):
        assert 300 < part["days_left"] <= 365
    text = desk.run("status").stdout
    for word in (snapshot, tree["dictionary"][:60], "sandbox", "days left"):
        assert word in text


def test_one_broken_paper_does_not_hide_the_rest(desk: CustodianDesk) -> None:
    snapshot = desk.load()
    (desk.folder / "policy.toml").write_text("nothing", encoding="utf-8")
    (desk.folder / "tls.pem").write_text("nothing", encoding="utf-8")
    tree = desk.run("status", "--json").json
    assert len(tree["problems"]) == 2
    assert tree["policy"] is None
    assert tree["certificate"] is None
    assert tree["snapshot"]["id"] == snapshot
    assert "cannot be read" in desk.run("status").stdout


def test_a_snapshot_of_another_dictionary_is_shown_as_such(desk: CustodianDesk) -> None:
    desk.load()
    path = desk.folder / ".." / ".." / "shared" / "dictionary"
    path.write_text(path.read_text(encoding="utf-8") + "version: '2'\n", encoding="utf-8")
    tree = desk.run("status", "--json").json
    assert tree["snapshot"]["has_this_dictionary"] is False
    assert [one["has_this_dictionary"] for one in tree["studies"]] == [False]
