"""vantage6's cross-tab data through two real nodes: true and false, a missing level, names that stay."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.federation import Federation, federation
from tests.integration.figures import check
from tests.shared_data import shared

FILES = {"north": "test_data.csv", "south": "test_data2.csv"}
DICTIONARY = """
name: crosstab
resources:
  - name: people
    schema:
      fields:
        - {name: Name, skerry: {role: identifier}}
        - {name: Gender, constraints: {enum: [M, F], required: true}}
        - {name: Age, type: integer, constraints: {minimum: 0, maximum: 120}}
        - {name: Height(in), type: integer, constraints: {minimum: 20, maximum: 110}}
        - {name: Weight(lbs), type: integer, constraints: {minimum: 5, maximum: 900}}
        - {name: AgeGroup, constraints: {enum: ["20-29", "30-39", "40-49", "50-59"]}}
        - {name: isOverweight, type: boolean, constraints: {required: true}}
"""


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    data = shared("vantage6-crosstab")
    folder = tmp_path_factory.mktemp("crosstab")
    (folder / "people.yaml").write_text(DICTIONARY, encoding="utf-8")
    centres = {name: data / file for name, file in FILES.items()}
    with federation(folder / "sandbox", folder / "people.yaml", centres) as made:
        yield made


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    text = (shared("vantage6-crosstab") / "expected.json").read_text(encoding="utf-8")
    tree: dict[str, Any] = json.loads(text)
    return tree


def test_without_a_key_each_row_is_a_patient(people: Federation, expected: dict[str, Any]) -> None:
    by_centre = people.ask({"kind": "count"}).to_json()["by_centre"]
    assert [by_centre[name][0]["estimate"] for name in FILES] == expected["rows"]


def test_gender_by_overweight_is_the_published_table(people: Federation, expected: dict[str, Any]) -> None:
    rows = people.ask({"kind": "count", "by": ["isOverweight", "Gender"]}).to_json()["table"]
    assert [(row["isOverweight"], row["Gender"]) for row in rows] == [
        (False, "M"),
        (False, "F"),
        (True, "M"),
        (True, "F"),
    ]
    truth = expected["Gender_x_isOverweight"]["table"]
    for row in rows:
        assert row["estimate"] == truth[str(row["isOverweight"])][row["Gender"]]


def test_age_group_by_gender_is_the_published_table_with_its_missing_level(
    people: Federation, expected: dict[str, Any]
) -> None:
    rows = people.ask({"kind": "count", "by": ["AgeGroup", "Gender"]}).to_json()["table"]
    truth = expected["AgeGroup_x_Gender"]["table"]
    assert list(dict.fromkeys(row["AgeGroup"] for row in rows)) == ["20-29", "30-39", "40-49", "50-59", None]
    for row in rows:
        assert row["estimate"] == truth[row["AgeGroup"] or "nan"][row["Gender"]]


def test_age_has_the_published_mean_and_variance(people: Federation, expected: dict[str, Any]) -> None:
    mean = people.ask({"kind": "mean", "variable": "Age"}).to_json()["table"][0]
    variance = people.ask({"kind": "variance", "variable": "Age"}).to_json()["table"][0]
    check(mean, expected["Age"]["mean"], rel=1e-12)
    check(variance, expected["Age"]["var"], rel=1e-9, noise_below=0.02)


def test_a_name_cannot_be_asked_about(people: Federation) -> None:
    outcome = people.run(
        {
            "study": "sandbox",
            "statistic": {"kind": "count", "by": ["Name"]},
            "release": {"mode": "dp", "scope": "centre", "rho": 1},
        }
    )
    assert outcome.exit_code == 2
    assert "'Name'" in outcome.json["message"]
