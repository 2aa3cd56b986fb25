"""UCI Heart Disease through four real nodes: every figure is the one that the files themselves give."""

import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pandas as pd
import pytest

from tests.integration.federation import (
    HEART,
    HEART_CENTRES,
    HEART_DICTIONARY,
    Federation,
    federation,
    heart_centres,
)
from tests.integration.figures import check
from tests.shared_data import shared

WORDS = "age sex cp trestbps chol fbs restecg thalach exang oldpeak slope ca thal num"
NAMES = WORDS.split()
COMPLETE = ["trestbps", "chol", "fbs", "restecg", "thalach", "exang", "oldpeak"]
RAW_ROWS = {"cleveland": 303, "hungarian": 294, "switzerland": 123, "va": 200}


@pytest.fixture(scope="module")
def heart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    root = tmp_path_factory.mktemp("heart") / "sandbox"
    with federation(root, HEART_DICTIONARY, heart_centres(*HEART_CENTRES)) as made:
        yield made


@pytest.fixture(scope="module")
def patients() -> pd.DataFrame:
    """The four files as pandas reads them, with the dictionary's rules for what is missing."""
    frames = [
        pd.read_csv(HEART / f"processed.{name}.data", header=None, names=NAMES, na_values="?").assign(
            centre=name
        )
        for name in HEART_CENTRES
    ]
    whole = pd.concat(frames, ignore_index=True)
    for name in ("trestbps", "chol"):
        whole[name] = whole[name].where(whole[name].between(50, 700))
    return whole


def test_the_count_of_every_centre_is_its_number_of_rows(heart: Federation) -> None:
    result = heart.ask({"kind": "count"})
    assert {name: rows["estimate"].tolist() for name, rows in result.by_centre.items()} == {
        name: [rows] for name, rows in RAW_ROWS.items()
    }
    assert result.table["estimate"].tolist() == [920]


def test_the_cross_tab_of_sex_and_diagnosis_is_pandas_own(heart: Federation, patients: pd.DataFrame) -> None:
    result = heart.ask({"kind": "count", "by": ["sex", "num"]})
    truth = patients.groupby(["sex", "num"]).size()
    got = {(row["sex"], row["num"]): row["estimate"] for row in result.to_json()["table"]}
    assert got == {(s, n): int(truth.get((s, n), 0)) for s in (0, 1) for n in range(5)}


def test_means_by_group_leave_missing_values_out(heart: Federation, patients: pd.DataFrame) -> None:
    result = heart.ask({"kind": "mean", "variable": "chol", "by": ["sex"]})
    truth = patients.groupby("sex")["chol"].agg(["mean", "count"])
    assert truth["count"].sum() < len(patients)
    for row in result.to_json()["table"]:
        assert row["estimate"] == pytest.approx(truth.loc[row["sex"], "mean"], rel=1e-12)
        assert row["n"] == truth.loc[row["sex"], "count"]


def test_a_group_of_missing_codes_is_a_group(heart: Federation, patients: pd.DataFrame) -> None:
    result = heart.ask({"kind": "mean", "variable": "age", "by": ["slope"]})
    rows = result.to_json()["table"]
    assert [row["slope"] for row in rows] == [1, 2, 3, None]
    truth = patients["age"].groupby(patients["slope"], dropna=False).agg(["mean", "count"])
    for row, (_, one) in zip(rows, truth.iterrows(), strict=True):
        assert row["n"] == one["count"]
        assert row["estimate"] == pytest.approx(one["mean"], rel=1e-12)


def test_the_histogram_of_age_closes_its_last_bin(heart: Federation, patients: pd.DataFrame) -> None:
    edges = [28, 40, 50, 60, 77]
    result = heart.ask({"kind": "histogram", "variable": "age", "edges": edges})
    rows = result.to_json()["table"]
    assert [(row["bin_low"], row["bin_high"]) for row in rows] == list(pairwise(edges))
    age = patients["age"]
    truth = [int(((age >= low) & (age < high)).sum()) for low, high in pairwise(edges)]
    truth[-1] += int((age == edges[-1]).sum())
    assert [row["estimate"] for row in rows] == truth
    assert sum(truth) == 920


def test_the_proportion_with_disease_is_the_share_of_rows(heart: Federation, patients: pd.DataFrame) -> None:
    result = heart.ask({"kind": "proportion", "variable": "num", "in": [1, 2, 3, 4], "by": ["sex"]})
    truth = (patients["num"] > 0).groupby(patients["sex"]).mean()
    for row in result.to_json()["table"]:
        assert row["estimate"] == pytest.approx(truth[row["sex"]], rel=1e-12)
    by_centre = heart.ask({"kind": "proportion", "variable": "num", "in": [1, 2, 3, 4]}).by_centre
    for name, one in (patients["num"] > 0).groupby(patients["centre"]).mean().items():
        assert by_centre[str(name)]["estimate"].item() == pytest.approx(one, rel=1e-12)


def test_a_cohort_selects_the_rows_that_pandas_selects(heart: Federation, patients: pd.DataFrame) -> None:
    cohort = {
        "or": [
            {"and": [{"field": "sex", "equals": 1}, {"field": "age", "between": [50, 60]}]},
            {"not": [{"field": "thal", "missing": True}]},
        ]
    }
    result = heart.ask({"kind": "count"}, cohort=cohort)
    chosen = ((patients["sex"] == 1) & patients["age"].between(50, 60)) | patients["thal"].notna()
    assert result.table["estimate"].item() == int(chosen.sum())


@pytest.mark.parametrize("kind", ["mean", "variance"])
@pytest.mark.parametrize("variable", ["age", "chol", "thalach", "oldpeak"])
def test_published_figures_of_complete_patients_come_back(
    heart: Federation, kind: str, variable: str
) -> None:
    expected: dict[str, Any] = json.loads((shared("uci-heart") / "expected.json").read_text(encoding="utf-8"))
    cohort = {"and": [{"not": [{"field": name, "missing": True}]} for name in COMPLETE]}
    result = heart.ask({"kind": kind, "variable": variable}, cohort=cohort)
    # At the other two, zeros stand for cholesterol that was not measured; the publication keeps them.
    for name in ("cleveland", "hungarian"):
        truth = expected["describe_by_site"][name][variable]
        row = result.to_json()["by_centre"][name][0]
        assert row["n"] == truth["n"]
        if kind == "mean":
            check(row, truth["mean"], rel=1e-12)
        else:
            check(row, truth["var"], rel=1e-9, noise_below=1e-4 * truth["var"])


def test_published_counts_of_complete_patients_come_back(heart: Federation) -> None:
    expected: dict[str, Any] = json.loads((shared("uci-heart") / "expected.json").read_text(encoding="utf-8"))
    assert {name: one["raw_rows"] for name, one in expected["sites"].items()} == RAW_ROWS
    cohort = {"and": [{"not": [{"field": name, "missing": True}]} for name in COMPLETE]}
    result = heart.ask({"kind": "count", "by": "cp"}, cohort=cohort).to_json()
    for name in ("cleveland", "hungarian"):
        got = {str(row["cp"]): row["estimate"] for row in result["by_centre"][name]}
        assert got == {code: one[name] for code, one in expected["cp_by_site"].items()}
