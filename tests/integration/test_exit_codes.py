"""Every exit code provoked in a federation of three, and every error one object with a way out."""

import contextlib
import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest

from coordinator.analyst import connect
from coordinator.errors import RefusedError
from deploy.sandbox.papers import policy_text
from tests.integration import small
from tests.integration.federation import Federation, Outcome, eventually, federation, program, question

EPSILON = 2.0
RHO = "0.002"
ERROR = {"format", "code", "message", "next_step", "centres"}
Query = dict[str, Any]


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    """A federation whose policy is a file that forbids a field, with a budget."""
    folder = tmp_path_factory.mktemp("codes")
    dictionary, files = small.written(folder, a=30, b=20, c=10)
    policy = folder / "policy.toml"
    text = policy_text("permissive", None)
    policy.write_text(
        text.replace("forbidden_fields = []", 'forbidden_fields = ["people.smoker"]'), encoding="utf-8"
    )
    more = ("--policy", policy, "--budget-epsilon", EPSILON)
    with federation(folder / "sandbox", dictionary, files, *more) as made:
        yield made


@contextlib.contextmanager
def stopped(made: Federation, name: str) -> Iterator[None]:
    """Stop a process for a while; wait until it is back and all are on the link."""
    made.kill(name)
    eventually("the coordinator has noticed", lambda: name.removeprefix("centre-") not in made.online())
    try:
        yield
    finally:
        made.start(name)
        eventually("all are back", lambda: made.online() == set(made.centres))


def error(outcome: Outcome, exit_code: int, code: str) -> dict[str, Any]:
    """Check an error's shape; give the object."""
    tree = outcome.json
    assert (outcome.exit_code, tree["code"]) == (exit_code, code)
    assert set(tree) >= ERROR
    assert tree["format"] == "skerry.error/1"
    assert tree["message"]
    assert tree["next_step"]
    assert outcome.stdout.count("\n") == 1
    return tree


def test_an_answer_of_all_is_0(three: Federation) -> None:
    outcome = three.run(question({"kind": "count"}, rho=RHO))
    assert (outcome.exit_code, outcome.stderr) == (0, "")


def test_a_partial_answer_above_the_quorum_is_0_and_names_the_missing(three: Federation) -> None:
    with stopped(three, "centre-b"):
        outcome = three.run(question({"kind": "count", "by": ["sex"]}, rho=RHO, quorum=2))
    assert outcome.exit_code == 0
    assert outcome.json["centres"] == {"answered": ["a", "c"], "missing": ["b"], "refused": {}}
    assert outcome.json["by_centre"].keys() == {"a", "c"}


def test_a_wrong_query_is_2_and_spends_nothing(three: Federation) -> None:
    before = three.node("a", "budget", "--json").json
    tree = error(three.run(question({"kind": "mean", "variable": "agee"})), 2, "wrong_query")
    assert "agee" in tree["message"]
    assert "'age'" in tree["next_step"]
    assert three.node("a", "budget", "--json").json == before


def test_a_forbidden_field_is_3_with_each_centres_reason(three: Federation) -> None:
    before = three.node("a", "budget", "--json").json
    outcome = three.run(question({"kind": "proportion", "variable": "smoker", "in": [True]}, rho=RHO))
    tree = error(outcome, 3, "refused")
    assert {one["code"] for one in tree["centres"]["refused"].values()} == {"outside_policy"}
    assert tree["centres"]["refused"].keys() == {"a", "b", "c"}
    assert "people.smoker" in tree["message"]
    assert three.node("a", "budget", "--json").json == before


def test_too_few_centres_is_4_and_the_advice_works(three: Federation) -> None:
    query = question({"kind": "count", "by": ["stage"]}, rho=RHO)
    with stopped(three, "centre-c"):
        tree = error(three.run(query), 4, "below_quorum")
        assert tree["centres"]["answered"] == ["a", "b"]
        assert tree["centres"]["missing"] == ["c"]
        assert "quorum: 2" in tree["next_step"]
        again = three.run({**query, "quorum": 2})
    assert again.exit_code == 0
    assert [one["is_repeat"] for one in again.json["receipts"]] == [True, True]


def test_no_coordinator_is_5_for_questions_and_for_descriptions(three: Federation) -> None:
    with stopped(three, "coordinator"):
        error(three.run(question({"kind": "count"}, rho=RHO)), 5, "unreachable")
        describe = ("registry", "describe", "--json")
        error(program("skerry", "--profile", three.profile, *describe), 5, "unreachable")


def test_a_damaged_ledger_is_6_and_says_what_does_not_fit(three: Federation) -> None:
    with stopped(three, "centre-c"):
        ledger = three.places.centre("c") / "data" / "ledger.db"
        files = {path: path.read_bytes() for path in ledger.parent.glob("ledger.db*")}
        try:
            for path in files:
                path.write_bytes(b"no ledger" * 1000)
            outcome = three.node("c", "audit", "--json")
            assert outcome.exit_code == 6
            assert outcome.json["format"] in ("skerry.error/1", "skerry.audit/1")
            assert "Traceback" not in outcome.stderr
            error(three.node("c", "budget", "--json"), 6, "ledger")
            for path in files:
                path.unlink(missing_ok=True)
            # A lost ledger is no new budget: nothing is shown, nothing is made, the node does not start.
            for words in (["budget", "--json"], ["import", "nothing.csv", "--json"]):
                assert "is gone" in error(three.node("c", *words), 6, "ledger")["message"]
            refused = three.node("c", "run")
            assert (refused.exit_code, "is gone" in refused.stderr) == (6, True)
            assert not ledger.exists(), "to look at the budget made a ledger"
        finally:
            for path, octets in files.items():
                path.write_bytes(octets)


def test_no_budget_is_shown_of_a_ledger_that_does_not_add_up(three: Federation) -> None:
    """The sum that it would show is the one that somebody changed."""
    three.run(question({"kind": "count"}, rho=RHO))
    with stopped(three, "centre-c"):
        ledger = sqlite3.connect(three.places.centre("c") / "data" / "ledger.db", isolation_level=None)
        before = ledger.execute("SELECT scope, name, nano_rho FROM spent").fetchall()
        try:
            ledger.execute("UPDATE spent SET nano_rho = '1'")
            error(three.node("c", "budget", "--json"), 6, "ledger")
        finally:
            for scope, name, nano_rho in before:
                ledger.execute(
                    "UPDATE spent SET nano_rho = ? WHERE (scope, name) = (?, ?)", (nano_rho, scope, name)
                )
            ledger.close()


def test_a_budget_is_never_overspent_and_a_repeat_outlives_it(three: Federation) -> None:
    """Runs last: afterwards nothing is left to spend."""
    first = question({"kind": "count"}, rho=RHO)
    limits = [one["limit_epsilon"] for one in three.node("a", "budget", "--json").json["budgets"][:1]]
    assert limits[0] <= EPSILON
    with pytest.raises(RefusedError):
        _spend_without_end(three)
    tree = error(three.run(question({"kind": "count"}, rho="0.011", cohort=_up_to(119))), 3, "refused")
    assert {one["code"] for one in tree["centres"]["refused"].values()} == {"registry_budget"}
    for centre in three.centres:
        registry = three.node(centre, "budget", "--json").json["budgets"][0]
        assert EPSILON / 2 < registry["spent_epsilon"] <= EPSILON
        assert three.node(centre, "audit", "--json").json["is_clean"]
    again = three.run(first)
    assert again.exit_code == 0
    assert all(one["is_repeat"] for one in again.json["receipts"])


def _spend_without_end(made: Federation) -> None:
    with connect(made.profile) as registry:
        for age in range(119):
            registry.ask(question({"kind": "count"}, rho="0.011", cohort=_up_to(age)))


def _up_to(age: int) -> dict[str, Any]:
    return {"field": "age", "between": [0, age]}
