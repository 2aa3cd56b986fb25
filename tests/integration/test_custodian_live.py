"""What a custodian does takes effect at a running node: pause, retire, erase; and status says so."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration import small
from tests.integration.federation import Federation, eventually, federation, question

COUNT = {"kind": "count"}


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    folder = tmp_path_factory.mktemp("custodian")
    dictionary, files = small.written(folder, a=20)
    with federation(folder / "box", dictionary, files) as made:
        yield made


def _ask(made: Federation, rho: str) -> tuple[int, dict[str, str]]:
    """Ask; give the exit code and the codes of those who refused."""
    outcome = made.run(question(COUNT, rho=rho))
    refused = outcome.json["centres"].get("refused", {})
    return outcome.exit_code, {name: one["code"] for name, one in refused.items()}


def _status(made: Federation) -> dict[str, object]:
    tree = made.node("a", "status", "--json").json
    assert isinstance(tree, dict)
    return tree


def _open_files(made: Federation) -> list[str]:
    return [one.path for one in made.process("centre-a").open_files()]


def test_a_running_node_obeys_its_custodian(alone: Federation) -> None:
    eventually("the node is on the link", lambda: _status(alone)["is_connected"] is True)
    assert _ask(alone, "0.001") == (0, {})

    assert alone.node("a", "pause", "--reason", "Zqxpolice").exit_code == 0
    spent = alone.node("a", "budget", "--json").json
    exit_code, refused = _ask(alone, "0.002")
    assert (exit_code, refused) == (3, {"a": "paused"})
    assert alone.node("a", "budget", "--json").json == spent
    status = _status(alone)
    assert (status["is_running"], status["is_connected"]) == (True, True)
    assert "Zqxpolice" in str(status["paused"])

    assert alone.node("a", "resume").exit_code == 0
    assert _ask(alone, "0.003") == (0, {})

    (current,) = alone.node("a", "snapshots", "--json").json["snapshots"]
    assert any(current["id"] in path for path in _open_files(alone))
    assert alone.node("a", "snapshots", "retire", current["id"]).exit_code == 0
    assert _ask(alone, "0.004") == (3, {"a": "no_snapshot"})
    assert alone.node("a", "snapshots", "erase", current["id"], "--yes").exit_code == 0
    eventually("the node lets go", lambda: not any(current["id"] in path for path in _open_files(alone)))

    alone.kill("centre-a")
    status = _status(alone)
    assert (status["is_running"], status["is_connected"]) == (False, None)


def test_the_reason_of_a_pause_is_in_nothing_that_the_coordinator_keeps(alone: Federation) -> None:
    folder = Path(alone.root) / "coordinator"
    contents = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    assert contents
    assert not any(b"Zqxpolice" in content for content in contents)
