"""Whoever stops is named missing, and whoever returns answers: killed, restarted, frozen.

Nothing here waits a fixed time: what should happen is looked for until a deadline.
"""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.integration import small
from tests.integration.federation import Federation, eventually, federation, program, question

HEARTBEAT_S = 0.6


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    """A federation whose coordinator wants a sign of life every 0.6 s."""
    folder = tmp_path_factory.mktemp("stop")
    dictionary, files = small.written(folder, a=30, b=20, c=10)
    with federation(folder / "sandbox", dictionary, files) as made:
        settings = made.places.coordinator / "coordinator.toml"
        text = settings.read_text(encoding="utf-8")
        settings.write_text(f"{text}heartbeat_s = {HEARTBEAT_S}\n", encoding="utf-8")
        restart_coordinator(made)
        yield made


def restart_coordinator(made: Federation) -> None:
    made.kill("coordinator")
    made.start("coordinator")
    eventually("every node is back at the new coordinator", lambda: made.online() == set(made.centres))


def counts(made: Federation, quorum: int | None = None) -> dict[str, object]:
    """Ask for the count; give who answered what, and who is missing."""
    result = made.ask({"kind": "count"}, quorum=quorum).to_json()
    answered = {name: rows[0]["estimate"] for name, rows in result["by_centre"].items()}
    return {**answered, "missing": result["centres"]["missing"]}


ALL = {"a": 30, "b": 20, "c": 10, "missing": []}


def test_a_killed_centre_is_missing_and_returns(three: Federation) -> None:
    three.kill("centre-b")
    eventually("the coordinator has noticed", lambda: three.online() == {"a", "c"})
    assert counts(three, quorum=2) == {"a": 30, "c": 10, "missing": ["b"]}
    status = program("skerry-sandbox", "status", three.root, "--json").json["centres"]
    assert (status["b"]["is_running"], status["b"]["is_online"], status["a"]["is_online"]) == (
        False,
        False,
        True,
    )
    three.start("centre-b")
    eventually("b is back", lambda: three.online() == set(three.centres))
    assert counts(three) == ALL
    assert three.node("b", "audit", "--json").json["is_clean"]


def test_a_killed_coordinator_returns_and_every_node_finds_it(three: Federation) -> None:
    restart_coordinator(three)
    assert counts(three) == ALL


def test_a_coordinator_that_stays_away_is_found_again(three: Federation) -> None:
    """The nodes try and fail for a while first; a restart of the same node meanwhile changes nothing."""
    three.kill("coordinator")
    three.kill("centre-a")
    three.start("centre-a")
    log = three.places.logs / "centre-a.log"
    failed = log.read_text(encoding="utf-8").count("event=disconnected")
    eventually(
        "the new node has failed twice",
        lambda: log.read_text(encoding="utf-8").count("event=disconnected") >= failed + 2,
    )
    three.start("coordinator")
    eventually("every node is back", lambda: three.online() == set(three.centres))
    assert counts(three) == ALL


def test_a_frozen_node_is_dropped_named_missing_and_comes_back(three: Federation) -> None:
    node = three.process("centre-c")
    node.suspend()
    began = time.monotonic()
    eventually("heartbeats have told", lambda: three.online() == {"a", "b"}, within_s=20)
    assert time.monotonic() - began >= HEARTBEAT_S
    assert counts(three, quorum=2) == {"a": 30, "b": 20, "missing": ["c"]}
    node.resume()
    eventually("c is back", lambda: three.online() == set(three.centres))
    assert counts(three) == ALL


def test_a_node_that_freezes_over_a_question_is_missing_at_the_deadline(three: Federation) -> None:
    profile = three.profile_with(deadline_s=2.0)
    node = three.process("centre-c")
    node.suspend()
    began = time.monotonic()
    outcome = three.run(question({"kind": "count", "by": ["sex"]}, quorum=2), profile=profile)
    took_s = time.monotonic() - began
    node.resume()
    assert outcome.exit_code == 0
    assert outcome.json["centres"]["missing"] == ["c"]
    assert took_s < 10
    eventually("c is back", lambda: three.online() == set(three.centres))


def test_a_question_that_is_open_is_sent_again_to_who_returns(three: Federation) -> None:
    """The node is frozen before the question and dropped over it; it answers when it is back, once."""
    before = three.node("c", "budget", "--json").json["budgets"][0]["spent_rho"]
    node = three.process("centre-c")
    node.suspend()
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(three.ask, {"kind": "count", "by": ["stage"]}, rho="1")
        eventually("c is dropped", lambda: "c" not in three.online())
        assert not asked.done()
        node.resume()
        result = asked.result(timeout=40).to_json()
    assert result["centres"]["answered"] == ["a", "b", "c"]
    after = three.node("c", "budget", "--json").json["budgets"][0]["spent_rho"]
    assert float(after) - float(before) == 1


def test_a_second_node_of_the_same_folder_is_refused(three: Federation) -> None:
    """Two would end each other's stream without end, and the second would clear the first one's spill."""
    second = three.node("a", "run")
    assert second.exit_code == 2
    assert "is running already" in second.stderr
    assert counts(three) == ALL
