"""Estimates of real data against independent tools: R's figures, pandas, statsmodels."""

import json
import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pandas as pd
import pytest
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.weightstats import DescrStatsW

from coordinator.estimators.table import Row, estimate_table
from protocols.dictionary import Code, Dictionary, Field
from protocols.queries import Kind, Query
from tests.coordinator.reference import coded, number, question, registry, release, vector
from tests.shared_data import shared

LABS = {
    "LAB_TSC": number("LAB_TSC", "0", "20", "1/1000"),
    "LAB_GLUC_ADJUSTED": number("LAB_GLUC_ADJUSTED", "0", "30", "1/1000"),
    "PM_BMI_CONTINUOUS": number("PM_BMI_CONTINUOUS", "0", "60", "1/1000"),
}
GENDER = coded("GENDER", "0", "1")
AMI = coded("DIS_AMI", "0", "1")
HEART_FIELDS = ["age", "sex", "cp", "trestbps", "chol", "fbs", "restecg", "thalach", "exang"]
HEART_FIELDS += ["oldpeak", "slope", "ca", "thal", "num"]
HEART = ("cleveland", "hungarian", "switzerland", "va")


def _table(
    dictionary: Dictionary, query: Query, centres: dict[str, list[dict[str, Code | None]]]
) -> tuple[Row, ...]:
    releases = [
        release(query, dictionary, vector(query, dictionary, rows), centre=name)
        for name, rows in centres.items()
    ]
    return estimate_table(query, dictionary, releases)


def _rows(frame: pd.DataFrame, *fields: Field) -> list[dict[str, Code | None]]:
    texts = [[None if text == "" else text for text in frame[field.name]] for field in fields]
    made = [
        [Decimal(text) if text and not field.codes else text for text in column]
        for field, column in zip(fields, texts, strict=True)
    ]
    return [dict(zip([f.name for f in fields], values, strict=True)) for values in zip(*made, strict=True)]


@pytest.fixture(scope="module")
def cnsim() -> dict[str, pd.DataFrame]:
    frames = {
        f"sim{index}": pd.read_csv(shared("cnsim") / f"CNSIM{index}.csv", dtype=str, keep_default_na=False)
        for index in (1, 2, 3)
    }
    return {name: frame.rename(columns=str.strip) for name, frame in frames.items()}


@pytest.fixture(scope="module")
def heart() -> dict[str, pd.DataFrame]:
    return {
        name: pd.read_csv(
            shared("uci-heart") / f"processed.{name}.data", names=HEART_FIELDS, dtype=str, na_values=["?"]
        )
        for name in HEART
    }


def _expected_of_r(part: str) -> dict[str, Any]:
    made: dict[str, Any] = json.loads((shared("cnsim") / "expected_pooled.json").read_text("utf-8"))[part]
    return made


@pytest.mark.parametrize("name", LABS)
def test_pooled_mean_and_variance_are_those_of_r(cnsim: dict[str, pd.DataFrame], name: str) -> None:
    dictionary = registry(LABS[name])
    centres = {key: _rows(frame, LABS[name]) for key, frame in cnsim.items()}
    expected = _expected_of_r("cnsim_describe_pooled")[name]

    (mean,) = _table(dictionary, question(Kind.MEAN, name), centres)
    (variance,) = _table(dictionary, question(Kind.VARIANCE, name), centres)

    assert mean.n == variance.n == expected["n"]
    assert mean.estimate == pytest.approx(expected["mean"], rel=1e-12)
    assert variance.estimate == pytest.approx(expected["var"], rel=1e-12)


@pytest.mark.parametrize("name", LABS)
def test_without_noise_the_estimate_is_exact(cnsim: dict[str, pd.DataFrame], name: str) -> None:
    dictionary = registry(LABS[name])
    centres = {key: _rows(frame, LABS[name]) for key, frame in cnsim.items()}
    found = [row[name] for rows in centres.values() for row in rows]
    values = [Fraction(value) for value in found if isinstance(value, Decimal)]
    true_mean = sum(values) / len(values)
    true_variance = sum((v - true_mean) ** 2 for v in values) / (len(values) - 1)

    (mean,) = _table(dictionary, question(Kind.MEAN, name), centres)
    (variance,) = _table(dictionary, question(Kind.VARIANCE, name), centres)
    (total,) = _table(dictionary, question(Kind.SUM, name), centres)

    assert mean.estimate == float(true_mean)
    assert variance.estimate == float(true_variance)
    assert total.estimate == total.ci_low == total.ci_high == float(sum(values))


def test_on_a_fine_grid_the_mean_is_exact_and_the_variance_nearly(cnsim: dict[str, pd.DataFrame]) -> None:
    hdl = number("LAB_HDL", "-1", "4", "1/1000000")
    centres = {key: _rows(frame, hdl) for key, frame in cnsim.items()}
    expected = _expected_of_r("cnsim_describe_pooled")["LAB_HDL"]

    (mean,) = _table(registry(hdl), question(Kind.MEAN, "LAB_HDL"), centres)
    (variance,) = _table(registry(hdl), question(Kind.VARIANCE, "LAB_HDL"), centres)

    assert mean.estimate == pytest.approx(expected["mean"], rel=1e-12)
    # Five million steps are more than the squares are taken of exactly.
    assert variance.estimate == pytest.approx(expected["var"], rel=1e-4)


def test_a_mean_has_the_standard_error_of_statsmodels(cnsim: dict[str, pd.DataFrame]) -> None:
    field = LABS["LAB_TSC"]
    centres = {key: _rows(frame, field) for key, frame in cnsim.items()}
    values = pd.to_numeric(pd.concat(cnsim.values())["LAB_TSC"]).dropna()
    oracle = DescrStatsW(values)

    (mean,) = _table(registry(field), question(Kind.MEAN, "LAB_TSC"), centres)

    assert mean.std_error == pytest.approx(oracle.std_mean, rel=1e-9)
    assert (mean.ci_low, mean.ci_high) == pytest.approx(oracle.tconfint_mean(), rel=1e-9)
    assert mean.noise_sd == pytest.approx(0, abs=1e-9)


def test_a_variance_has_the_standard_error_of_its_fourth_moment(cnsim: dict[str, pd.DataFrame]) -> None:
    field = LABS["LAB_TSC"]
    values = pd.to_numeric(pd.concat(cnsim.values())["LAB_TSC"]).dropna()
    n, fourth = len(values), ((values - values.mean()) ** 4).mean()
    oracle = math.sqrt((fourth - values.var() ** 2 * (n - 3) / (n - 1)) / n)

    centres = {key: _rows(frame, field) for key, frame in cnsim.items()}
    (variance,) = _table(registry(field), question(Kind.VARIANCE, "LAB_TSC"), centres)

    # The fourth moment is taken of 256 classes on each half of the range, so it is not exact.
    assert variance.std_error == pytest.approx(oracle, rel=0.02)


def test_a_proportion_is_wilsons(cnsim: dict[str, pd.DataFrame]) -> None:
    query = question(Kind.PROPORTION, "DIS_AMI", by=["GENDER"], codes=["1"])
    centres = {key: _rows(frame, GENDER, AMI) for key, frame in cnsim.items()}
    pooled = pd.concat(cnsim.values())

    table = _table(registry(GENDER, AMI), query, centres)

    for row in table[:2]:
        group = pooled[(pooled["GENDER"] == row.groups[0][1]) & (pooled["DIS_AMI"] != "")]
        inside, n = int((group["DIS_AMI"] == "1").sum()), len(group)
        assert (row.estimate, row.n) == (inside / n, n)
        assert (row.ci_low, row.ci_high) == pytest.approx(
            proportion_confint(inside, n, method="wilson"), rel=1e-9
        )
        assert row.std_error == pytest.approx(math.sqrt(inside * (n - inside) / n**3), rel=1e-9)


def test_a_cross_tab_of_four_hospitals_is_that_of_pandas(heart: dict[str, pd.DataFrame]) -> None:
    sex, pain = coded("sex", "0", "1", required=True), coded("cp", "1", "2", "3", "4")
    whole = {key: frame.map(_whole) for key, frame in heart.items()}
    centres = {key: _rows(frame, sex, pain) for key, frame in whole.items()}
    pooled = pd.concat(whole.values())

    table = _table(registry(sex, pain), question(Kind.COUNT, by=["sex", "cp"]), centres)

    cross = pooled.groupby(["sex", "cp"]).size().to_dict()
    counted = {(row.groups[0][1], row.groups[1][1]): row.estimate for row in table}
    assert {key: value for key, value in counted.items() if key[1] is not None} == cross
    assert len(table) == 10
    assert sum(row.estimate or 0 for row in table) == 920


def test_means_by_group_of_four_hospitals_are_those_of_pandas(heart: dict[str, pd.DataFrame]) -> None:
    sex, pressure = coded("sex", "0", "1"), number("trestbps", "0", "220", "1")
    whole = {key: frame.map(_whole) for key, frame in heart.items()}
    centres = {key: _rows(frame, sex, pressure) for key, frame in whole.items()}
    pooled = pd.concat(whole.values())

    table = _table(registry(sex, pressure), question(Kind.MEAN, "trestbps", by=["sex"]), centres)

    groups = pd.to_numeric(pooled["trestbps"]).groupby(pooled["sex"])
    assert [row.estimate for row in table[:2]] == pytest.approx(
        groups.mean().loc[["0", "1"]].tolist(), rel=1e-14
    )
    assert [row.n for row in table] == [*groups.count().loc[["0", "1"]], 0]
    assert table[2].estimate is None


def test_a_histogram_closes_its_last_bin(heart: dict[str, pd.DataFrame]) -> None:
    age = number("age", "20", "80", "1")
    centres = {key: _rows(frame.map(_whole), age) for key, frame in heart.items()}
    query = question(Kind.HISTOGRAM, "age", edges=["20", "40", "60", "77"])

    table = _table(registry(age), query, centres)

    ages = pd.to_numeric(pd.concat(heart.values())["age"])
    assert ages.max() == 77
    assert [row.estimate for row in table] == [
        int(((ages >= low) & ((ages < high) | ((high == 77) & (ages == 77)))).sum())
        for low, high in ((20, 40), (40, 60), (60, 77))
    ]
    assert [row.bin_high for row in table] == [Decimal(edge) for edge in (40, 60, 77)]


def _whole(text: object) -> str:
    return "" if not isinstance(text, str) else text.removesuffix(".0")
