"""The coordinator's memory, with real programs: killed at each step of a question, and late answers.

What must never happen: an answer lost, a centre that pays twice, a result that differs.
"""

import json
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from coordinator.analyst import Result, connect
from coordinator.errors import UnknownQuestionError, UnreachableError
from protocols.ids import QueryId
from protocols.link import CentreState
from tests.integration import small
from tests.integration.federation import Federation, eventually, federation, program, question
from tests.integration.kill_coordinator import STEPS

SIZES = {"a": 30, "b": 20, "c": 10}


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    folder = tmp_path_factory.mktemp("memory")
    dictionary, files = small.written(folder, **SIZES)
    with federation(folder / "sandbox", dictionary, files) as made:
        yield made


def everybody_is_back(made: Federation) -> None:
    eventually("every node is on the link", lambda: made.online() == set(made.centres))


def spent(made: Federation) -> dict[str, float]:
    """What each centre's ledger says was spent; whether it adds up is asked at the end of this module."""
    spent_rho = {}
    for centre in made.centres:
        budgets = made.node(centre, "budget", "--json").json["budgets"]
        spent_rho[centre] = sum(float(one["spent_rho"]) for one in budgets if one["scope"] == "registry")
    return spent_rho


def cost(before: dict[str, float], after: dict[str, float]) -> set[float]:
    """What a question cost at each centre; one number where it cost the same everywhere."""
    return {round(after[centre] - before[centre], 6) for centre in after}


@pytest.mark.parametrize("step", STEPS)
def test_a_coordinator_killed_at_any_step_loses_nothing(three: Federation, step: str) -> None:
    """The analyst's library goes on by itself; the result and the cost are those of a calm day."""
    before, loss = spent(three), f"1.{STEPS.index(step)}"
    three.kill("coordinator")
    settings = three.places.coordinator / "coordinator.toml"
    dying = [sys.executable, "-m", "tests.integration.kill_coordinator", step, str(settings)]
    three.start("coordinator", dying)
    everybody_is_back(three)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(three.ask, {"kind": "count", "by": ["sex"]}, rho=loss)
        eventually("the coordinator is dead", lambda: three.has_ended("coordinator"))
        assert not asked.done()
        three.start("coordinator")
        result = asked.result(timeout=60)
    assert [str(one) for one in result.answered] == ["a", "b", "c"]
    everybody_is_back(three)
    assert cost(before, spent(three)) == {float(loss)}
    with connect(three.profile) as registry:
        assert registry.result(result.query_id).to_json() == result.to_json()
        (newest, *_) = registry.questions(limit=5)
    assert newest.query_id == result.query_id


def test_a_coordinator_that_is_stopped_in_good_order_loses_nothing_either(three: Federation) -> None:
    before = spent(three)
    three.kill("coordinator")
    three.start("coordinator")
    everybody_is_back(three)
    node = three.process("centre-c")
    node.suspend()
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(three.ask, {"kind": "count", "by": ["sex"]}, rho="2")
        eventually("two have answered", lambda: states(three) == {"answered": 2, "asked": 1})
        three.process("coordinator").terminate()
        eventually("it has stopped", lambda: three.has_ended("coordinator"))
        three.start("coordinator")
        node.resume()
        result = asked.result(timeout=60)
    assert not result.missing
    everybody_is_back(three)
    assert cost(before, spent(three)) == {2.0}


def states(made: Federation) -> dict[str, int]:
    """How many centres are in which state with the newest question; empty while there is none."""
    with connect(made.profile) as registry:
        newest = registry.questions(limit=1)
        found = [one.state.name.lower() for asked in newest for one in getattr(asked, "standings", ())]
    return {one: found.count(one) for one in sorted(set(found))}


def late_answer(made: Federation, query_id: QueryId) -> None:
    def is_there() -> bool:
        with connect(made.profile) as registry:
            asked = registry.status(query_id)
        return all(one.state is CentreState.ANSWERED for one in asked.standings)

    eventually("the late answer is there", is_there)


def test_a_late_answer_is_merged_and_costs_its_centre_once(three: Federation) -> None:
    """`c` is dead over the question and beyond its deadline; the coordinator restarts meanwhile as well."""
    before = spent(three)
    three.kill("centre-c")
    eventually("c is gone", lambda: three.online() == {"a", "b"})
    profile = three.profile_with(deadline_s=2.0)
    outcome = three.run(question({"kind": "count", "by": ["stage"]}, rho="3", quorum=2), profile=profile)
    assert (outcome.exit_code, outcome.json["centres"]["missing"]) == (0, ["c"])
    query_id = outcome.json["query_id"]
    assert f"skerry query result {query_id}" in outcome.stderr
    early = fetched(three, query_id)
    assert early["table"] == outcome.json["table"]
    status = skerry(three, "status", query_id)["centres"]
    assert {name: one["state"] for name, one in status.items()} == {
        "a": "answered",
        "b": "answered",
        "c": "offline",
    }
    three.kill("coordinator")
    three.start("coordinator")
    three.start("centre-c")
    everybody_is_back(three)
    late_answer(three, QueryId.parse(query_id))
    late = fetched(three, query_id)
    assert late["centres"] == {"answered": ["a", "b", "c"], "missing": [], "refused": {}}
    assert late["by_centre"] == early["by_centre"] | {"c": late["by_centre"]["c"]}
    assert estimates(late["table"]) == [
        sum(cells) for cells in zip(*map(estimates, late["by_centre"].values()), strict=True)
    ]
    assert [one["charged_rho"] for one in late["receipts"]] == ["3", "3", "3"]
    assert fetched(three, query_id) == late
    assert cost(before, spent(three)) == {3.0}
    # Asked anew, it is a repeat everywhere: nothing more is paid for the late one either.
    again = three.ask({"kind": "count", "by": ["stage"]}, rho="3")
    assert [one["charged_rho"] for one in again.receipts] == ["0", "0", "0"]


def skerry(made: Federation, *words: object) -> dict[str, Any]:
    """Run a command about questions; give its one object."""
    outcome = program("skerry", "--profile", made.profile, "query", *words, "--json")
    assert outcome.exit_code == 0, outcome.stderr
    return outcome.json


def fetched(made: Federation, query_id: str) -> dict[str, Any]:
    return skerry(made, "result", query_id)


def estimates(rows: list[dict[str, Any]]) -> list[int]:
    """The estimates of a table, cell by cell."""
    return [row["estimate"] for row in rows]


def test_nobody_has_answered_yet(three: Federation) -> None:
    """Exit 4 with who is missing; then, when they are back, the answers of a question that failed."""
    for centre in three.centres:
        three.kill(f"centre-{centre}")
    eventually("all are gone", lambda: three.online() == set())
    failed = three.run(question({"kind": "count", "by": ["smoker"]}, rho="4"))
    assert failed.exit_code == 4
    query_id = skerry(three, "list", "--limit", 1)["questions"][0]["query_id"]
    assert f"skerry query result {query_id}" in failed.stderr
    none = program("skerry", "--profile", three.profile, "query", "result", query_id, "--json")
    assert (none.exit_code, none.json["code"]) == (4, "no_answer")
    assert none.json["centres"]["missing"] == list(three.centres)
    for centre in three.centres:
        three.start(f"centre-{centre}")
    late_answer(three, QueryId.parse(query_id))
    assert fetched(three, query_id)["centres"]["answered"] == list(three.centres)


def test_a_list_leads_back_page_by_page(three: Federation) -> None:
    everybody_is_back(three)
    for number in range(3):
        three.ask({"kind": "count", "by": ["sex"]}, rho=f"0.00{number + 1}")
    whole = [one["query_id"] for one in skerry(three, "list")["questions"]]
    first = [one["query_id"] for one in skerry(three, "list", "--limit", 2)["questions"]]
    then = [
        one["query_id"] for one in skerry(three, "list", "--limit", 2, "--before", first[-1])["questions"]
    ]
    assert first + then == whole[:4]
    newest = skerry(three, "list")["questions"][0]
    assert newest["statistic"] == {"kind": "count", "table": "people", "variable": None, "by": ["people.sex"]}
    status = skerry(three, "status", whole[0])
    assert status == {"format": "skerry.status/1", **newest}


def test_the_tables_of_people_show_ids_that_the_commands_take(three: Federation) -> None:
    words = ("--profile", three.profile, "query")
    listed = program("skerry", *words, "list", "--limit", 1, env={"COLUMNS": "200"})
    query_id = skerry(three, "list", "--limit", 1)["questions"][0]["query_id"]
    assert query_id in listed.stdout
    for command in ("status", "result"):
        shown = program("skerry", *words, command, query_id, env={"COLUMNS": "200"})
        assert (shown.exit_code, shown.stderr) == (0, "")
        assert "answered" in shown.stdout or "estimate" in shown.stdout


@pytest.mark.parametrize("command", ["status", "result"])
def test_an_id_that_is_not_there_is_said_so(three: Federation, command: str) -> None:
    words = ("--profile", three.profile, "query", command)
    unknown = program("skerry", *words, str(QueryId.new()), "--json")
    assert (unknown.exit_code, unknown.json["code"]) == (2, "unknown_query")
    none = program("skerry", *words, "yesterday's", "--json")
    assert (none.exit_code, none.json["code"]) == (2, "no_query_id")
    with connect(three.profile) as registry, pytest.raises(UnknownQuestionError):
        getattr(registry, command)(QueryId.new())


def test_a_coordinator_that_never_answered_is_not_waited_for(three: Federation) -> None:
    profile = three.profile_with(coordinator="127.0.0.1:9", deadline_s=60.0)
    with connect(profile) as registry, pytest.raises(UnreachableError) as error:
        registry.ask(question({"kind": "count"}))
    assert error.value.query_id is None
    outcome = three.run(question({"kind": "count"}), profile=profile)
    assert (outcome.exit_code, "skerry query result" in outcome.stderr) == (5, False)


def test_a_coordinator_that_stays_away_ends_the_wait_at_the_deadline(three: Federation) -> None:
    """What was answered is not lost: it is there under the id that the error names."""
    everybody_is_back(three)
    node = three.process("centre-c")
    node.suspend()
    with connect(three.profile_with(deadline_s=4.0)) as registry:
        with ThreadPoolExecutor(1) as pool:
            asked = pool.submit(registry.ask, question({"kind": "count", "by": ["sex"]}, rho="5"))
            eventually("two have answered", lambda: states(three) == {"answered": 2, "asked": 1})
            three.kill("coordinator")
            with pytest.raises(UnreachableError) as error:
                asked.result(timeout=40)
        three.start("coordinator")
        node.resume()
        everybody_is_back(three)
        assert error.value.query_id is not None
        late_answer(three, error.value.query_id)
        result: Result = registry.result(error.value.query_id)
    assert not result.missing


def test_a_second_coordinator_of_one_folder_is_refused(three: Federation) -> None:
    settings = three.places.coordinator / "coordinator.toml"
    other = settings.with_name("other.toml")
    text = settings.read_text(encoding="utf-8")
    other.write_text(text.replace(text.split('"')[1], "127.0.0.1:0"), encoding="utf-8")
    second = program("skerry-coordinator", "run", "--config", other)
    assert (second.exit_code, "is running already" in second.stderr) == (2, True)


def with_folder(made: Federation, data: Path) -> Path:
    """Write the coordinator's settings with another data folder."""
    settings = made.places.coordinator / "coordinator.toml"
    other = settings.with_name("other-folder.toml")
    lines = [
        f"data = {json.dumps(str(data))}" if line.startswith("data") else line
        for line in settings.read_text(encoding="utf-8").splitlines()
    ]
    other.write_text("\n".join(lines), encoding="utf-8")
    return other


def test_a_second_coordinator_at_one_address_is_refused(three: Federation, tmp_path: Path) -> None:
    second = program("skerry-coordinator", "run", "--config", with_folder(three, tmp_path))
    assert (second.exit_code, "cannot listen" in second.stderr) == (5, True)


def test_a_store_that_cannot_be_used_is_said_so(three: Federation, tmp_path: Path) -> None:
    (tmp_path / "coordinator.db").write_bytes(b"no database")
    outcome = program("skerry-coordinator", "run", "--config", with_folder(three, tmp_path))
    assert (outcome.exit_code, "the store cannot be opened" in outcome.stderr) == (6, True)


def test_after_all_this_every_ledger_adds_up(three: Federation) -> None:
    for centre in three.centres:
        audit = three.node(centre, "audit", "--json").json
        assert (audit["is_clean"], audit["faults"]) == (True, [])
