"""17,689 real PHQ-9 questionnaires through three real nodes, a NHANES cycle each.

`7.0` and `9.0` are "refused" and "don't know" of an item, and declared missing; a sum of 7 or 9 is a
sum, so the test writes it as `7`.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.integration.federation import Federation, federation
from tests.integration.figures import PROBABILITIES, check, check_quantiles, counted
from tests.shared_data import shared

ITEMS = [f"DPQ0{number}0" for number in range(1, 10)]
CYCLES = ("D", "E", "F")
_ITEM = "        - {name: %s, type: number, constraints: {enum: [0, 1, 2, 3]}}\n"
DICTIONARY = f"""
name: nhanes-phq9
resources:
  - name: people
    schema:
      missingValues: ["", "7.0", "9.0"]
      fields:
{"".join(_ITEM % item for item in ITEMS)}\
        - {{name: RIAGENDR, type: number, constraints: {{enum: [1, 2], required: true}}}}
        - {{name: RIDAGEYR, type: number, constraints: {{minimum: 0, maximum: 120}},
           skerry: {{precision: 1}}}}
        - {{name: phq9, type: integer, constraints: {{minimum: 0, maximum: 27}}}}
        - {{name: dep, type: boolean}}
"""


def questionnaires() -> pd.DataFrame:
    """Read the file as its expectations were made: 7 and 9 are missing, the sum wants all nine items."""
    whole = pd.read_csv(shared("nhanes-phq9") / "nhanes_phq9_cycles_DEF.csv")
    items = whole[ITEMS].where(whole[ITEMS] <= 3)
    return whole.assign(phq9=items.sum(axis=1, skipna=False)).assign(**{name: items[name] for name in ITEMS})


@pytest.fixture(scope="module")
def people() -> pd.DataFrame:
    return questionnaires()


@pytest.fixture(scope="module")
def phq9(tmp_path_factory: pytest.TempPathFactory, people: pd.DataFrame) -> Iterator[Federation]:
    folder = tmp_path_factory.mktemp("phq9")
    (folder / "phq9.yaml").write_text(DICTIONARY, encoding="utf-8")
    centres = {cycle: _written(folder / f"{cycle}.csv", people[people["site"] == cycle]) for cycle in CYCLES}
    with federation(folder / "sandbox", folder / "phq9.yaml", centres) as made:
        yield made


def _written(path: Path, people: pd.DataFrame) -> Path:
    """Write one cycle as a centre would export it, refusals and all, with the sum as a column."""
    raw = pd.read_csv(shared("nhanes-phq9") / "nhanes_phq9_cycles_DEF.csv", dtype=str).loc[people.index]
    total = people["phq9"]
    sums = total.map(lambda value: "" if pd.isna(value) else f"{value:.0f}")
    depressed = total.map(lambda value: "" if pd.isna(value) else str(value >= 10).upper())
    raw.assign(phq9=sums, dep=depressed).to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    text = (shared("nhanes-phq9") / "expected.json").read_text(encoding="utf-8")
    tree: dict[str, Any] = json.loads(text)["by_site"]
    return tree


def test_rows_and_published_means_and_variances_come_back(phq9: Federation, expected: dict[str, Any]) -> None:
    rows = phq9.ask({"kind": "count"}).to_json()["by_centre"]
    means = phq9.ask({"kind": "mean", "variable": "phq9"}).to_json()["by_centre"]
    variances = phq9.ask({"kind": "variance", "variable": "phq9"}).to_json()["by_centre"]
    for cycle, truth in expected.items():
        assert rows[cycle][0]["estimate"] == truth["rows"]
        assert means[cycle][0]["n"] == truth["n"]
        check(means[cycle][0], truth["mean"], rel=1e-12)
        check(variances[cycle][0], truth["var"], rel=1e-12)


def test_the_published_number_of_the_depressed_comes_back_in_two_ways(
    phq9: Federation, expected: dict[str, Any]
) -> None:
    bins = phq9.ask({"kind": "histogram", "variable": "phq9", "edges": [0, 10, 27]}).to_json()["by_centre"]
    shares = phq9.ask({"kind": "proportion", "variable": "dep", "in": [True]}).to_json()["by_centre"]
    for cycle, truth in expected.items():
        assert [row["estimate"] for row in bins[cycle]] == [truth["n"] - truth["dep"], truth["dep"]]
        assert shares[cycle][0]["n"] == truth["n"]
        check(shares[cycle][0], truth["dep"] / truth["n"], rel=1e-12)


@pytest.mark.parametrize("variable", ["phq9", "RIDAGEYR"])
def test_quantiles_of_scores_and_ages_are_those_of_numpy(
    phq9: Federation, people: pd.DataFrame, variable: str
) -> None:
    statistic = {"kind": "quantiles", "variable": variable, "probabilities": PROBABILITIES}
    result = phq9.ask(statistic, rho="1000000").to_json()
    assert result["label"]["grid"]["bin_width"] == 1
    check_quantiles(result["table"], people[variable], 1)
    for cycle in CYCLES:
        check_quantiles(result["by_centre"][cycle], people.loc[people["site"] == cycle, variable], 1)


def test_quantiles_by_sex_are_those_of_numpy(phq9: Federation, people: pd.DataFrame) -> None:
    statistic = {"kind": "quantiles", "variable": "phq9", "by": "RIAGENDR", "probabilities": PROBABILITIES}
    result = phq9.ask(statistic, rho="1000000").to_json()
    for sex in (1, 2):
        rows = [row for row in result["table"] if row["RIAGENDR"] == sex]
        check_quantiles(rows, people.loc[people["RIAGENDR"] == sex, "phq9"], 1)


@pytest.mark.parametrize("item", ITEMS)
def test_item_counts_by_sex_are_pandas_own(phq9: Federation, people: pd.DataFrame, item: str) -> None:
    result = phq9.ask({"kind": "count", "by": [item, "RIAGENDR"]}).to_json()
    for cycle in CYCLES:
        part = people[people["site"] == cycle]
        truth = part.groupby([item, "RIAGENDR"], dropna=False).size()
        known = counted(truth)
        got = {(row[item], row["RIAGENDR"]): row["estimate"] for row in result["by_centre"][cycle]}
        assert list(dict.fromkeys(key[0] for key in got)) == [0, 1, 2, 3, None]
        assert {key: n for key, n in got.items() if n} == known


def test_item_proportions_and_ages_by_answer_are_pandas_own(phq9: Federation, people: pd.DataFrame) -> None:
    item = ITEMS[0]
    shares = phq9.ask({"kind": "proportion", "variable": item, "in": [2, 3]}).to_json()
    ages = phq9.ask({"kind": "mean", "variable": "RIDAGEYR", "by": item}).to_json()
    for cycle in CYCLES:
        part = people[people["site"] == cycle]
        check(shares["by_centre"][cycle][0], (part[item].dropna() >= 2).mean(), rel=1e-12)
        truth = part["RIDAGEYR"].groupby(part[item], dropna=False).mean()
        for row, mean in zip(ages["by_centre"][cycle], truth, strict=True):
            check(row, mean, rel=1e-12)


@pytest.mark.parametrize("item", ITEMS)
def test_item_means_follow_from_the_counts_of_their_codes(
    phq9: Federation, people: pd.DataFrame, item: str
) -> None:
    """A field with a code list has counts, and its mean is that of pandas."""
    result = phq9.ask({"kind": "count", "by": [item]}).to_json()
    for cycle in CYCLES:
        rows = [row for row in result["by_centre"][cycle] if row[item] is not None]
        n = sum(row["estimate"] for row in rows)
        mean = sum(row[item] * row["estimate"] for row in rows) / n
        assert mean == pytest.approx(people.loc[people["site"] == cycle, item].mean(), rel=1e-12)
