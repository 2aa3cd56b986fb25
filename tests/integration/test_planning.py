"""`skerry query plan` in a real federation: what it says comes true, and asking it changes nothing."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from coordinator.analyst import connect
from protocols.refusals import RefusalCode
from tests.integration import small
from tests.integration.federation import Federation, Outcome, eventually, federation, program, question

CENTRES = ("north", "south")
MEAN = {"kind": "mean", "variable": "age", "by": ["sex"]}


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    folder = tmp_path_factory.mktemp("planning")
    dictionary, files = small.written(folder, north=300, south=200)
    with federation(folder / "sandbox", dictionary, files, "--budget-epsilon", "10") as made:
        yield made


def plan(made: Federation, asked: Mapping[str, Any], *words: str) -> Outcome:
    file: Path = made.root / "plan.yaml"
    file.write_text(yaml.safe_dump(dict(asked)), encoding="utf-8")
    return program("skerry", "--profile", made.profile, "query", "plan", file, *words)


def ledgers(made: Federation) -> dict[str, Any]:
    found = {centre: made.node(centre, "audit", "--json").json for centre in CENTRES}
    return {centre: (tree["is_clean"], tree["size"], tree["root"]) for centre, tree in found.items()}


def test_what_a_plan_says_comes_true_and_asking_it_changes_nothing(two: Federation) -> None:
    asked = question({"kind": "count", "by": ["sex"]}, rho="0.1")
    before = ledgers(two)
    first, again = plan(two, asked, "--json"), plan(two, asked, "--json")
    assert ledgers(two) == before
    assert (first.exit_code, first.json) == (0, again.json)
    result = two.run(asked).json
    for receipt in result["receipts"]:
        said = first.json["centres"][receipt["centre"]]
        assert (said["cost_rho"], said["is_repeat"]) == (receipt["charged_rho"], receipt["is_repeat"])
        for budget in ("registry_left_rho", "study_left_rho", "analyst_left_rho"):
            assert said[budget] == receipt[budget]
    (expected,) = first.json["expected"]["rows"]
    assert [(row["ci_high"] - row["ci_low"]) / 2 for row in result["table"]] == [expected["half_width"]] * 2
    repeated = plan(two, asked, "--json").json["centres"]
    assert all(one["is_repeat"] and one["cost_rho"] == "0" for one in repeated.values())


def test_a_coarser_question_is_planned_as_free(two: Federation) -> None:
    two.ask({"kind": "count", "by": ["sex", "smoker"]}, rho="0.9")
    coarser = question({"kind": "count", "by": ["smoker"]}, rho="0.02")
    said = plan(two, coarser, "--json").json["centres"]
    assert all(one["cost_rho"] == "0" and one["finer"]["by"] == ["sex", "smoker"] for one in said.values())
    assert [one["charged_rho"] for one in two.run(coarser).json["receipts"]] == ["0", "0"]


def test_a_wanted_half_width_is_reached(two: Federation) -> None:
    asked = question({"kind": "count", "by": ["stage"]})
    asked["release"] = {"mode": "dp", "scope": "centre", "half_width": 8}
    said, result = plan(two, asked, "--json").json, two.run(asked).json
    assert said["release"]["rho"] == result["release"]["rho"]
    assert all((row["ci_high"] - row["ci_low"]) / 2 <= 8 for row in result["table"])
    assert said["expected"]["rows"][0]["half_width"] == 8


def test_the_rows_of_a_paid_count_foretell_the_width_of_a_mean(two: Federation) -> None:
    count = two.ask({"kind": "count", "by": ["sex"]}, rho="0.1")
    asked = question(MEAN, rho="0.05")
    asked["release"] |= {"expected_sd": 22}
    outcome = plan(two, asked, "--json", "--from-count", str(count.query_id))
    rows = outcome.json["expected"]["rows"]
    assert [row["n"] for row in rows] == [row.estimate for row in count.rows]
    table = two.run(asked).json["table"]
    for told, row in zip(rows, table, strict=True):
        assert told["half_width"] == pytest.approx((row["ci_high"] - row["ci_low"]) / 2, rel=0.25)
    with connect(two.profile) as registry:
        assert registry.plan(asked, count).to_json()["expected"] == outcome.json["expected"]


def test_a_refusal_ends_with_three_and_says_what_to_do(two: Federation) -> None:
    outcome = plan(two, question({"kind": "count"}, rho="1000"))
    assert outcome.exit_code == 3
    assert RefusalCode.REGISTRY_BUDGET.next_step in " ".join(outcome.stdout.split())
    sentence, step = outcome.stderr.splitlines()
    assert sentence == "skerry: 0 of 2 centres would answer, and the quorum is 2"
    assert step.startswith("  ")
    tree = plan(two, question({"kind": "count"}, rho="1000"), "--json").json
    assert {one["code"] for one in tree["centres"].values()} == {"registry_budget"}
    # Asked after all, it is refused with the same words.
    refused = two.run(question({"kind": "count"}, rho="1000"))
    assert (refused.exit_code, refused.json["next_step"]) == (3, RefusalCode.REGISTRY_BUDGET.next_step)


WRONG: dict[str, tuple[dict[str, Any], tuple[str, ...], str]] = {
    "an id that is none": (question(MEAN), ("--from-count", "x"), "--from-count"),
    "an id that nobody knows": (question(MEAN), ("--from-count", "0" * 32), "no question"),
    "a mean that wants a width without rows": (
        {**question(MEAN), "release": {"mode": "dp", "scope": "centre", "half_width": 2}},
        (),
        "expected_n",
    ),
    "a wrong field": (question({"kind": "mean", "variable": "agee"}), (), "agee"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_use_is_told_in_one_sentence(two: Federation, name: str) -> None:
    asked, words, says = WRONG[name]
    before = ledgers(two)
    outcome = plan(two, asked, "--json", *words)
    assert outcome.exit_code == 2
    assert outcome.json["format"] == "skerry.error/1"
    assert says in outcome.json["message"] + outcome.json["next_step"]
    assert ledgers(two) == before


def test_a_centre_that_is_away_ends_with_four(two: Federation) -> None:
    two.kill("centre-south")
    eventually("south has left", lambda: two.online() == {"north"})
    outcome = plan(two, question({"kind": "count"}, rho="0.01"), "--json")
    assert outcome.exit_code == 4
    assert outcome.json["centres"]["south"] == {"would": "offline"}
    assert outcome.json["would_answer"] == 1
    assert plan(two, question({"kind": "count"}, rho="0.01", quorum=1)).exit_code == 0
