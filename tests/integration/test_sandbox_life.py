"""The life of a sandbox: up, twice up, down, twice down; a bad file; a proxy; other people's processes."""

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.integration import small
from tests.integration.federation import Federation, federation, program, question, up_words

DEAD = "http://127.0.0.1:9"
PROXIES = dict.fromkeys(("https_proxy", "http_proxy", "grpc_proxy", "HTTPS_PROXY", "ALL_PROXY"), DEAD)
PROXIES |= {"no_proxy": "", "no_grpc_proxy": ""}


def processes_of(root: Path) -> list[int]:
    """Find every process that has the sandbox's folder in its command."""
    return [
        one.pid
        for one in psutil.process_iter(["cmdline"])
        if one.info["cmdline"] and any(str(root) in word for word in one.info["cmdline"])
    ]


def test_a_life_with_a_dead_proxy_all_around(tmp_path: Path) -> None:
    dictionary, files = small.written(tmp_path, alone=30)
    sleeper = [sys.executable, "-c", "import sys; sys.stdin.read()", str(tmp_path)]
    with subprocess.Popen(sleeper, stdin=subprocess.PIPE) as foreign:
        with federation(tmp_path / "box", dictionary, files, env=PROXIES) as made:
            profile, query = made.profile, made.root / "q.yaml"
            made.run(question({"kind": "count"}))
            query.write_text((made.root / "question.yaml").read_text(encoding="utf-8"), encoding="utf-8")
            asked = program("skerry", "--profile", profile, "query", "run", query, "--json", env=PROXIES)
            assert asked.exit_code == 0, asked.stderr
            assert asked.json["table"][0]["estimate"] == 30
            assert "*" in (made.root / ".gitignore").read_text(encoding="utf-8").splitlines()
            _is_refused_a_second_time(made, dictionary, files)
            _goes_down_twice(made)
        assert foreign.poll() is None, "a process that the sandbox did not start was ended"
        foreign.communicate()


def _is_refused_a_second_time(made: Federation, dictionary: Path, files: dict[str, Path]) -> None:
    before = sorted(processes_of(made.root))
    outcome = program("skerry-sandbox", *up_words(made.root, dictionary, files), "--json")
    assert outcome.exit_code == 2
    assert "is up" in outcome.json["message"]
    assert "skerry-sandbox down" in outcome.json["next_step"]
    assert sorted(processes_of(made.root)) == before
    assert made.run(question({"kind": "count"})).json["receipts"][0]["is_repeat"]


def _goes_down_twice(made: Federation) -> None:
    first, second = (program("skerry-sandbox", "down", made.root, "--json") for _ in range(2))
    assert (first.exit_code, first.json["ended"]) == (0, 2)
    assert (second.exit_code, second.json["ended"]) == (0, 0)
    assert processes_of(made.root) == []
    status = program("skerry-sandbox", "status", made.root, "--json")
    assert (status.exit_code, status.json["is_up"]) == (0, False)


def test_a_bad_file_fails_with_the_report_and_leaves_no_process(tmp_path: Path) -> None:
    dictionary, files = small.written(tmp_path, good=10)
    rows = small.patients("bad", 8)
    rows[3]["sex"], rows[5]["age"] = "X", "98765432"
    files["bad"] = small.write_patients(tmp_path / "bad.csv", rows)
    outcome = program("skerry-sandbox", *up_words(tmp_path / "box", dictionary, files), "--json")
    assert outcome.exit_code == 2
    tree = outcome.json
    assert tree["format"] == "skerry.error/1"
    assert tree["centres"].keys() == {"answered", "missing", "refused"}
    findings = tree["centres"]["refused"]["bad"]["report"]["tables"][0]["findings"]
    assert {(one["row"], one["field"]) for one in findings} == {(4, "sex"), (6, "age")}
    assert "98765432" not in outcome.stdout + outcome.stderr
    assert tree["next_step"]
    assert processes_of(tmp_path / "box") == []
    status = program("skerry-sandbox", "status", tmp_path / "box", "--json").json
    assert status["is_up"] is False


def test_a_sandbox_comes_up_again_with_its_ledger(tmp_path: Path) -> None:
    """Down and up keep what was spent: a repeat is still free after a second `up` of the same data."""
    dictionary, files = small.written(tmp_path, alone=30)
    spent = []
    for _ in range(2):
        with federation(tmp_path / "box", dictionary, files) as made:
            made.ask({"kind": "count"}, rho="0.25")
            spent.append(made.node("alone", "budget", "--json").json["budgets"][0]["spent_rho"])
    assert spent == ["0.25", "0.25"]


@pytest.mark.parametrize("word", ["down", "status", "logs"])
def test_a_folder_that_is_no_sandbox_is_said_so(tmp_path: Path, word: str) -> None:
    outcome = program("skerry-sandbox", word, tmp_path / "nothing")
    assert outcome.exit_code == 2
    assert "there is no sandbox in" in outcome.stderr
    assert not (tmp_path / "nothing").exists()
