"""The contract of results, word by word: objects, keys, order of rows, what a repeat costs."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest

from coordinator.analyst import connect
from coordinator.errors import RefusedError
from protocols.link import CentreState, Progress
from tests.integration import small
from tests.integration.federation import Federation, federation, program, question
from tests.integration.figures import counted

SIZES = {"north": 60, "south": 41}
RESULT = {
    "format",
    "query_id",
    "statistic",
    "release",
    "centres",
    "table",
    "margins",
    "by_centre",
    "label",
    "receipts",
}
ROW = ["status", "estimate", "std_error", "ci_low", "ci_high", "noise_sd"]
GROWN = {"field": "age", "between": [18, 120]}
"""A cohort that no other question here has: without it, an answer to a finer question would serve."""

STATISTICS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "count": ({"kind": "count"}, []),
    "sum": ({"kind": "sum", "variable": "age"}, []),
    "mean": ({"kind": "mean", "variable": "age"}, ["n"]),
    "variance": ({"kind": "variance", "variable": "age"}, ["n"]),
    "proportion": ({"kind": "proportion", "variable": "smoker", "in": [True]}, ["n"]),
    "histogram": (
        {"kind": "histogram", "variable": "age", "edges": [0, 40, 65, 120]},
        ["bin_low", "bin_high"],
    ),
    "quantiles": (
        {"kind": "quantiles", "variable": "age", "probabilities": [0.25, 0.5, 0.75]},
        ["n", "probability"],
    ),
}


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    folder = tmp_path_factory.mktemp("results")
    dictionary, files = small.written(folder, **SIZES)
    with federation(folder / "sandbox", dictionary, files) as made:
        yield made


@pytest.fixture(scope="module")
def people() -> pd.DataFrame:
    whole = pd.DataFrame([one for name, count in SIZES.items() for one in small.patients(name, count)])
    return whole.replace("", None).astype({"age": int, "change": float})


@pytest.mark.parametrize("kind", STATISTICS)
def test_the_result_has_the_keys_of_the_contract(two: Federation, kind: str) -> None:
    statistic, more = STATISTICS[kind]
    outcome = two.run(question({**statistic, "by": ["sex"]}, rho="0.05"))
    result = outcome.json
    assert (outcome.exit_code, outcome.stdout.count("\n")) == (0, 1)
    assert set(result) == RESULT
    assert result["format"] == "skerry.result/1"
    assert result["statistic"]["kind"] == kind
    assert result["centres"] == {"answered": ["north", "south"], "missing": [], "refused": {}}
    assert set(result["by_centre"]) == {"north", "south"}
    for rows in (result["table"], *result["by_centre"].values()):
        assert [list(row) for row in rows] == [["sex", *ROW, *more]] * len(rows)
        assert {row["status"] for row in rows} == {"ok"}


@pytest.mark.parametrize("rho", ["0.0005", "0.02", "1000000000"])
@pytest.mark.parametrize("kind", STATISTICS)
def test_the_interval_holds_the_estimate_at_every_loss(two: Federation, kind: str, rho: str) -> None:
    result = two.ask({**STATISTICS[kind][0], "by": ["sex", "stage"]}, rho=rho).to_json()
    for row in [*result["table"], *(row for rows in result["by_centre"].values() for row in rows)]:
        if row["estimate"] is None:
            assert row["std_error"] is None
        else:
            assert row["ci_low"] <= row["estimate"] <= row["ci_high"]
        if kind == "quantiles":
            assert row["noise_sd"] is row["std_error"] is None  # the interval says it
        elif row["estimate"] is not None:
            assert 0 <= row["noise_sd"] <= row["std_error"] * (1 + 1e-12)


def test_rows_follow_the_code_lists_with_empty_cells_and_the_missing_level_last(
    two: Federation, people: pd.DataFrame
) -> None:
    result = two.ask({"kind": "count", "by": ["stage", "sex", "smoker"]}).to_json()
    keys = [(row["stage"], row["sex"], row["smoker"]) for row in result["table"]]
    stages, truths = ["I", "II", "III", "IV", None], [False, True, None]
    assert keys == [(stage, sex, smokes) for stage in stages for sex in "MF" for smokes in truths]
    counts = people.groupby(["stage", "sex", "smoker"], dropna=False).size()
    smokes = {"true": True, "false": False, None: None}
    truth = {(stage, sex, smokes[word]): n for (stage, sex, word), n in counted(counts).items()}
    assert [row["estimate"] for row in result["table"]] == [truth.get(key, 0) for key in keys]
    assert all(row["estimate"] == 0 for row in result["table"] if row["stage"] == "III")


def test_a_histogram_names_its_bins_in_order_within_each_group(two: Federation) -> None:
    rows = two.ask({**STATISTICS["histogram"][0], "by": ["sex"]}).to_json()["table"]
    assert [(row["sex"], row["bin_low"], row["bin_high"]) for row in rows] == [
        (sex, *edges) for sex in "MF" for edges in ((0, 40), (40, 65), (65, 120))
    ]


def test_variance_divides_by_one_less_than_n(two: Federation, people: pd.DataFrame) -> None:
    row = two.ask({"kind": "variance", "variable": "change"}).to_json()["table"][0]
    rounded = people["change"].dropna().map(lambda value: int(value + (0.5 if value > 0 else -0.5)))
    assert row["estimate"] == pytest.approx(rounded.var(ddof=1), abs=6 * row["noise_sd"])
    assert abs(rounded.var(ddof=1) - rounded.var(ddof=0)) > 100 * row["noise_sd"]


def test_rounding_is_half_away_from_zero_for_each_patient(two: Federation, people: pd.DataFrame) -> None:
    row = two.ask({"kind": "sum", "variable": "change"}).to_json()["table"][0]
    away = {"-2.5": -3, "-0.5": -1, "0.5": 1, "1.5": 2, "4.5": 5}
    assert row["estimate"] == sum(away[f"{value}"] for value in people["change"].dropna())


def test_the_release_says_rho_as_text_and_epsilon_only_where_it_is_finite(two: Federation) -> None:
    huge = two.run(question({"kind": "count"})).json["release"]
    assert huge == {
        "mode": "dp",
        "scope": "centre",
        "rho": "1000000000",
        "epsilon": None,
        "delta": 1e-6,
    }
    query = question({"kind": "count"})
    query["release"] = {"mode": "dp", "scope": "centre", "epsilon": 0.5, "delta": 1e-7}
    asked = two.run(query).json["release"]
    assert isinstance(asked["rho"], str)
    assert 0 < Decimal(asked["rho"]) < 1
    assert 0.49 < asked["epsilon"] <= 0.5
    assert asked["delta"] == 1e-7


def test_the_label_says_what_is_promised(two: Federation) -> None:
    query = question({"kind": "mean", "variable": "age"}, rho="0.05") | {"cohort": GROWN}
    result = two.run(query).json
    label = result["label"]
    wanted = "unit neighbours rho epsilon delta mechanism bounds rows_per_patient trusted mode scope"
    assert set(wanted.split()) <= set(label)
    assert (label["rho"], label["rows_per_patient"]) == ("0.05", 1)
    assert label["bounds"] == {"field": "age", "minimum": "0", "maximum": "120", "step": "1"}


def test_a_repeat_returns_the_same_release_and_costs_nothing(two: Federation) -> None:
    query = question({"kind": "count", "by": ["sex"]}, rho="0.031") | {"cohort": GROWN}
    first, again = (two.run(query).json for _ in range(2))
    assert first["query_id"] != again["query_id"]
    assert [first[key] for key in ("table", "by_centre")] == [again[key] for key in ("table", "by_centre")]
    for before, after in zip(first["receipts"], again["receipts"], strict=True):
        assert (before["is_repeat"], before["charged_rho"]) == (False, "0.031")
        assert (after["is_repeat"], after["charged_rho"]) == (True, "0")
        assert after["released_at"] == before["released_at"]
    assert [one["centre"] for one in first["receipts"]] == ["north", "south"]


def test_the_same_question_in_other_words_is_a_repeat(two: Federation) -> None:
    men, early = {"field": "sex", "equals": "M"}, {"field": "stage", "in": ["II", "I"]}
    first = two.ask({"kind": "count"}, rho="0.032", cohort={"and": [men, early]}).to_json()
    turned = {"field": "stage", "in": ["I", "II", "I"]}
    again = two.ask({"kind": "count"}, rho="0.0320", cohort={"and": [turned, {"and": [men]}]}).to_json()
    assert first["table"] == again["table"]
    assert all(one["is_repeat"] for one in again["receipts"])


def test_another_loss_is_another_release(two: Federation) -> None:
    losses = ("0.0331", "0.0332")  # the larger one second: it is not contained in the first
    results = [two.ask({"kind": "count"}, rho=rho, cohort=GROWN).to_json() for rho in losses]
    assert [one["is_repeat"] for result in results for one in result["receipts"]] == [False] * 4


def test_a_coarser_question_is_answered_from_a_finer_answer_for_nothing(two: Federation) -> None:
    cohort = {"field": "age", "between": [19, 120]}
    finer = two.ask({"kind": "count", "by": ["sex", "stage"]}, rho="0.5", cohort=cohort).to_json()
    coarser = two.ask({"kind": "count", "by": ["sex"]}, rho="0.1", cohort=cohort).to_json()
    exact = two.ask({"kind": "count", "by": ["sex"]}, rho="0.11", cohort=cohort).to_json()
    summed = [sum(row["estimate"] for row in finer["table"] if row["sex"] == sex) for sex in "MF"]
    assert [row["estimate"] for row in coarser["table"]] == summed
    assert [(one["charged_rho"], one["from_finer"]) for one in coarser["receipts"]] == [("0", True)] * 2
    # Five stages add up: a fifth of the loss is served, and more is not.
    assert [(one["charged_rho"], one["from_finer"]) for one in exact["receipts"]] == [("0.11", False)] * 2
    assert coarser["table"][0]["noise_sd"] == pytest.approx(5**0.5 * finer["table"][0]["noise_sd"])
    assert coarser["label"]["rho"] == "0.5"


def test_a_description_says_what_can_be_asked_and_who_has_it(two: Federation) -> None:
    outcome = program("skerry", "--profile", two.profile, "registry", "describe", "--json")
    assert outcome.exit_code == 0
    tree = outcome.json
    assert tree["format"] == "skerry.registry/1"
    fields = {one["field"]: one for one in tree["fields"]}
    roles = {name: one["role"] for name, one in fields.items()}
    assert (roles["id"], roles["name"], roles["note"], roles["sex"]) == (
        "key",
        "identifier",
        "local",
        "queryable",
    )
    assert fields["sex"]["codes"] == ["M", "F"]
    assert (fields["age"]["minimum"], fields["age"]["maximum"], fields["age"]["unit"]) == (0, 120, "years")
    assert fields["age"]["centres"] == ["north", "south"]
    assert [one["centre"] for one in tree["centres"] if one["is_online"]] == ["north", "south"]
    assert all(one["snapshot_at"] for one in tree["centres"])
    (table,) = tree["tables"]
    example = table["example"].replace("your-study", "sandbox")
    with connect(two.profile) as registry:
        assert len(registry.ask(example).answered) == 2


def test_the_node_shows_its_budget_and_its_audit(two: Federation) -> None:
    budget, audit = (two.node("north", word, "--json") for word in ("budget", "audit"))
    assert (budget.exit_code, audit.exit_code) == (0, 0)
    scopes = {one["scope"]: one for one in budget.json["budgets"]}
    assert set(scopes) == {"registry", "study", "institution"}
    assert scopes["registry"]["limit_rho"] is None
    assert scopes["registry"]["spent_epsilon"] is None
    assert (audit.json["is_clean"], audit.json["faults"]) == (True, [])
    spent = {one["scope"]: one["rho"] for one in audit.json["spent"]}
    assert spent == {scope: one["spent_rho"] for scope, one in scopes.items()}


def test_status_says_what_runs_and_who_is_on_the_link(two: Federation) -> None:
    tree = program("skerry-sandbox", "status", two.root, "--json").json
    assert tree["format"] == "skerry.sandbox/1"
    assert tree["is_up"] is True
    assert tree["centres"].keys() == {"north", "south"}
    assert all(one["is_running"] and one["is_online"] for one in tree["centres"].values())


def test_without_json_a_table_goes_to_standard_output_and_nothing_else(two: Federation) -> None:
    query = two.root / "plain.yaml"
    two.run(question({"kind": "count", "by": ["sex"]}, rho="0.05"))
    query.write_text((two.root / "question.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    outcome = program("skerry", "--profile", two.profile, "query", "run", query)
    assert outcome.exit_code == 0
    assert "women" in outcome.stdout
    assert outcome.stderr == ""


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("mean", "mean of age, years"),
        ("variance", "variance of age, (years)²"),
        ("proportion", "proportion of smoker in true"),
        ("count", "Over the rows of table people (one a patient) at 2 of 2 centres."),
    ],
)
def test_a_table_for_people_says_of_what(two: Federation, kind: str, says: str) -> None:
    statistic, _ = STATISTICS[kind]
    two.run(question({**statistic, "by": ["sex"]}, rho="0.05"))
    outcome = program("skerry", "--profile", two.profile, "query", "run", two.root / "question.yaml")
    assert says in outcome.stdout


def test_a_question_without_answer_names_each_reason_once(two: Federation) -> None:
    with pytest.raises(RefusedError, match=r"\(north, south: The centre's officer has not signed this study"):
        two.ask({"kind": "count"}, study="other")


def test_each_centre_is_asked_and_then_answers(two: Federation) -> None:
    steps: dict[str, list[CentreState]] = {}

    def watch(progress: Progress) -> None:
        steps.setdefault(str(progress.centre), []).append(progress.state)

    with connect(two.profile) as registry:
        registry.ask(question({"kind": "count"}, rho="0.05"), on_progress=watch)

    assert steps == {name: [CentreState.ASKED, CentreState.ANSWERED] for name in SIZES}
