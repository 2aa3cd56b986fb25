"""DataSHIELD's CNSIM through three real nodes: its own tests' literals and the pooled truth of R come back.

The data are GPL and are read where they lie. Their headers are padded with blanks, and the first
column has no name; both are taken as they are.
"""

import json
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest

from tests.integration.federation import Federation, federation
from tests.integration.figures import (
    PROBABILITIES,
    average,
    check,
    check_quantiles,
    counted,
    middle,
    releases,
)
from tests.shared_data import shared

STUDIES = {"sim1": "CNSIM1.csv", "sim2": "CNSIM2.csv", "sim3": "CNSIM3.csv"}
LOW, HIGH = 1, 11.7
DICTIONARY = f"""
name: cnsim
title: CNSIM, three studies
resources:
  - name: people
    path: people.csv
    schema:
      fields:
        - {{name: LAB_TSC, type: number, constraints: {{minimum: {LOW}, maximum: {HIGH}}},
           skerry: {{precision: 0.001, unit: mmol/l}}}}
        - {{name: LAB_TRIG, type: number, constraints: {{minimum: -8, maximum: 12}},
           skerry: {{precision: 0.000001}}}}
        - {{name: LAB_HDL, type: number, constraints: {{minimum: -1, maximum: 4}},
           skerry: {{precision: 0.000001}}}}
        - {{name: LAB_GLUC_ADJUSTED, type: number, constraints: {{minimum: 1, maximum: 16}},
           skerry: {{precision: 0.001}}}}
        - {{name: PM_BMI_CONTINUOUS, type: number, constraints: {{minimum: 5, maximum: 55}},
           skerry: {{precision: 0.001}}}}
        - {{name: DIS_CVA, type: integer, constraints: {{enum: [0, 1]}}}}
        - {{name: MEDI_LPD, type: integer, constraints: {{enum: [0, 1]}}}}
        - {{name: DIS_DIAB, type: integer, constraints: {{enum: [0, 1], required: true}}}}
        - {{name: DIS_AMI, type: integer, constraints: {{enum: [0, 1]}}}}
        - {{name: GENDER, type: integer, constraints: {{enum: [0, 1], required: true}}}}
        - {{name: PM_BMI_CATEGORICAL, type: integer, constraints: {{enum: [1, 2, 3]}}}}
"""
NUMBERS = ["LAB_TSC", "LAB_TRIG", "LAB_HDL", "LAB_GLUC_ADJUSTED", "PM_BMI_CONTINUOUS"]
Expected = dict[str, Any]


@pytest.fixture(scope="module")
def cnsim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    data = shared("cnsim")
    folder = tmp_path_factory.mktemp("cnsim")
    (folder / "cnsim.yaml").write_text(DICTIONARY, encoding="utf-8")
    centres = {name: data / file for name, file in STUDIES.items()}
    with federation(folder / "sandbox", folder / "cnsim.yaml", centres) as made:
        yield made


@pytest.fixture(scope="module")
def people() -> pd.DataFrame:
    data = shared("cnsim")
    frames = [pd.read_csv(data / file).assign(site=name) for name, file in STUDIES.items()]
    return pd.concat(frames, ignore_index=True).rename(columns=str.strip)


@pytest.fixture(scope="module")
def pooled() -> Expected:
    tree: Expected = json.loads((shared("cnsim") / "expected_pooled.json").read_text(encoding="utf-8"))
    return tree


def literals(test: str, prefix: str) -> dict[str, float]:
    """Collect the literals that DataSHIELD's own test expects of expressions with a prefix."""
    tree = json.loads((shared("cnsim") / "expected_datashield_tests.json").read_text(encoding="utf-8"))
    expected = [one for part in tree[test]["tests"] for one in part["expect"]]
    return {one[0]: one[1] for one in expected if prefix in one[0]}


def first(site: str | None, figure: str = "estimate") -> Any:  # noqa: ANN401 -- a figure of any kind
    """Pick the one row's figure, of a site or of all."""
    return lambda tree: (tree["by_centre"][site] if site else tree["table"])[0][figure]


def test_means_are_the_literals_of_ds_mean(cnsim: Federation, pooled: Expected) -> None:
    tables = releases(lambda rho: cnsim.ask({"kind": "mean", "variable": "LAB_TSC"}, rho=rho))
    expected = literals("test-smk-ds.mean.R", "Mean")
    got = middle(tables, first(None))
    assert got == pytest.approx(expected["as.numeric(stat.mean$Global.Mean[1])"], rel=1e-12)
    assert got == pytest.approx(pooled["cnsim_describe_pooled"]["LAB_TSC"]["mean"], rel=1e-12)
    assert first(None, "n")(tables[0]) == expected["as.integer(stat.mean$Global.Mean[3])"]
    for place, site in enumerate(STUDIES, start=1):
        truth = expected[f"as.numeric(stat.mean$Mean.by.Study[{place}])"]
        assert middle(tables, first(site)) == pytest.approx(truth, rel=1e-12)
        assert first(site, "n")(tables[0]) == expected[f"as.integer(stat.mean$Mean.by.Study[{place + 6}])"]


def test_variances_are_the_literals_of_ds_var(cnsim: Federation, pooled: Expected) -> None:
    tables = releases(lambda rho: cnsim.ask({"kind": "variance", "variable": "LAB_TSC"}, rho=rho))
    expected = literals("test-smk-ds.var.R", "Varia")
    assert average(tables, first(None)) == pytest.approx(expected["var.res$Global.Variance[1]"], abs=1e-6)
    truth = pooled["cnsim_describe_pooled"]["LAB_TSC"]["var"]
    check({**tables[0]["table"][0]}, truth, rel=1e-9, noise_below=3e-7)
    for place, site in enumerate(STUDIES, start=1):
        literal = expected[f"var.res$Variance.by.Study[{place}]"]
        assert average(tables, first(site)) == pytest.approx(literal, abs=1e-6)


@pytest.mark.parametrize("variable", NUMBERS)
def test_every_mean_and_variance_is_that_of_r(cnsim: Federation, pooled: Expected, variable: str) -> None:
    mean = cnsim.ask({"kind": "mean", "variable": variable}).to_json()
    variance = cnsim.ask({"kind": "variance", "variable": variable}).to_json()
    sites = {None: pooled["cnsim_describe_pooled"][variable]}
    sites |= pooled["cnsim_describe_by_site"][variable]
    for site, truth in sites.items():
        rows = [(one["by_centre"][site] if site else one["table"])[0] for one in (mean, variance)]
        assert [row["n"] for row in rows] == [truth["n"]] * 2
        check(rows[0], truth["mean"], rel=1e-12, noise_below=1e-6)
        check(rows[1], truth["var"], rel=1e-9, noise_below=1e-6 * truth["var"])


@pytest.mark.parametrize(("variable", "steps"), [("LAB_TSC", 42), ("PM_BMI_CONTINUOUS", 196)])
def test_quantiles_are_within_one_bin_of_numpy(
    cnsim: Federation, people: pd.DataFrame, variable: str, steps: int
) -> None:
    statistic = {"kind": "quantiles", "variable": variable, "probabilities": PROBABILITIES}
    result = cnsim.ask(statistic, rho="1000000").to_json()
    grid = result["label"]["grid"]
    assert grid == result["statistic"]["grid"]
    assert (grid["bin_width"], grid["tolerance"]) == (steps / 1000, "one bin")
    # Recorded numbers have three decimals, as the steps do: nothing is rounded.
    check_quantiles(result["table"], people[variable].round(3), grid["bin_width"])
    for site in STUDIES:
        values = people.loc[people["site"] == site, variable].round(3)
        check_quantiles(result["by_centre"][site], values, grid["bin_width"])


def test_means_by_group_are_the_literals_of_ds_tapply(cnsim: Federation) -> None:
    expected = literals("test-smk-ds.tapply.R", "$")
    result = cnsim.ask({"kind": "mean", "variable": "LAB_TSC", "by": ["GENDER"]}).to_json()
    for site in STUDIES:
        for place, row in enumerate(result["by_centre"][site], start=1):
            assert row["GENDER"] == place - 1
            assert row["estimate"] == pytest.approx(expected[f"list${site}$Mean[[{place}]]"], abs=1e-4)
            assert row["n"] == expected[f"list${site}$N[[{place}]]"]


def test_tables_are_the_literals_of_ds_table_1d(cnsim: Federation) -> None:
    expected = literals("test-smk-ds.table1D.R", "$counts")
    result = cnsim.ask({"kind": "count", "by": ["GENDER"]}).to_json()
    counts = {site: [row["estimate"] for row in rows] for site, rows in result["by_centre"].items()}
    assert result["table"][1]["estimate"] == expected["res$counts[2]"]
    assert sum(row["estimate"] for row in result["table"]) == expected["res$counts[3]"]
    assert counts["sim1"][0] == expected["res$counts$sim1[1]"]
    assert counts["sim2"][1] == expected["res$counts$sim2[2]"]
    assert counts["sim3"][0] == expected["res$counts$sim3[1]"]


def test_the_cross_tab_by_site_is_that_of_r(cnsim: Federation, pooled: Expected) -> None:
    result = cnsim.ask({"kind": "count", "by": ["DIS_DIAB", "GENDER"]}).to_json()
    for one in pooled["cnsim_tables"]["DIAB_GENDER_site"]:
        rows = result["by_centre"][one["site"]]
        wanted = (int(one["DIS_DIAB"]), int(one["GENDER"]))
        got = [row["estimate"] for row in rows if (row["DIS_DIAB"], row["GENDER"]) == wanted]
        assert got == [one["Freq"]]


def test_a_missing_category_is_the_last_row(cnsim: Federation, pooled: Expected) -> None:
    result = cnsim.ask({"kind": "count", "by": ["PM_BMI_CATEGORICAL"]}).to_json()
    for site in STUDIES:
        truth = {
            one["BMI"]: one["Freq"] for one in pooled["cnsim_tables"]["BMI_CAT_site"] if one["site"] == site
        }
        rows = result["by_centre"][site]
        assert [row["PM_BMI_CATEGORICAL"] for row in rows] == [1, 2, 3, None]
        assert [row["estimate"] for row in rows] == [truth["1"], truth["2"], truth["3"], truth[None]]


@pytest.mark.parametrize("pair", [("GENDER", "PM_BMI_CATEGORICAL"), ("MEDI_LPD", "DIS_AMI")])
def test_two_way_tables_are_pandas_own(
    cnsim: Federation, people: pd.DataFrame, pair: tuple[str, str]
) -> None:
    result = cnsim.ask({"kind": "count", "by": list(pair)}).to_json()
    truth = people.groupby(list(pair), dropna=False).size()
    known = counted(truth)
    got = {(row[pair[0]], row[pair[1]]): row["estimate"] for row in result["table"]}
    assert {key: n for key, n in got.items() if n} == known
    assert sum(got.values()) == len(people)
