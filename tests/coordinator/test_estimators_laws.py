"""What holds of every table: shape, order, sums of centres, JSON, and what is refused."""

import json
import math
import re
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.errors import CoordinatorError, EstimateError
from coordinator.estimators.table import Row, Status, estimate_table
from privacy.noise_width import covering_half_width
from protocols.dictionary import Dictionary
from protocols.layout import layout_of
from protocols.queries import Kind, Query
from protocols.releases import Release
from tests.coordinator import populations
from tests.coordinator.reference import (
    coded,
    number,
    question,
    registry,
    release,
    scales,
    vector,
    with_noise,
)

SEED = 11
SEX = coded("sex", "f", "m")
ARM = coded("arm", Decimal(2), Decimal(1), Decimal("1.5"), required=True)
DONE = coded("done", True, False)
SCORE = number("score", "0", "52", "1/10")
REGISTRY = registry(SEX, ARM, DONE, SCORE, cap=3)
QUERIES = {
    "count": question(Kind.COUNT, by=["sex", "arm"]),
    "count of all": question(Kind.COUNT),
    "sum": question(Kind.SUM, "score", by=["arm"]),
    "mean": question(Kind.MEAN, "score", by=["sex", "done"]),
    "variance": question(Kind.VARIANCE, "score", by=["done"]),
    "proportion": question(Kind.PROPORTION, "sex", by=["arm", "done"], codes=["m"]),
    "histogram": question(Kind.HISTOGRAM, "score", by=["sex"], edges=["0", "7.5", "20", "52"]),
    "quantiles": question(
        Kind.QUANTILES, "score", by=["done"], probabilities=["0.25", "0.5", "0.9"], rho="10"
    ),
}
ROWS = [
    {"sex": sex, "arm": arm, "done": done, "score": score}
    for sex, arm, done, score in (
        ("f", Decimal(1), True, Decimal("12.3")),
        ("f", Decimal(1), False, Decimal(52)),
        ("m", Decimal(2), None, Decimal("7.5")),
        ("m", Decimal(1), True, None),
        (None, Decimal("1.5"), True, Decimal("0.1")),
        ("m", Decimal(2), True, Decimal(20)),
    )
]


def _releases(query: Query, centres: int = 3, *, cap: int = 3) -> list[Release]:
    print(f"seed {SEED}")  # noqa: T201 -- shown when a test fails
    rng = np.random.default_rng(SEED)
    dictionary = registry(*REGISTRY.tables[0].fields, cap=cap)
    sigmas = scales(query, dictionary)
    blocks = vector(query, dictionary, ROWS)
    return [
        release(query, dictionary, with_noise(blocks, sigmas, rng), centre=f"c{index}", sigmas=sigmas)
        for index in range(centres)
    ]


def _one(query: Query, dictionary: Dictionary, **blocks: list[int]) -> Row:
    """The only row, from these block values with the query's own noise scales."""
    arrays = {name: np.array(values, dtype=np.int64) for name, values in blocks.items()}
    made = release(query, dictionary, arrays, sigmas=scales(query, dictionary))
    (row,) = estimate_table(query, dictionary, [made])
    return row


@pytest.mark.parametrize("name", QUERIES)
def test_the_order_of_centres_does_not_matter(name: str) -> None:
    releases = _releases(QUERIES[name])

    forwards = estimate_table(QUERIES[name], REGISTRY, releases)

    assert forwards == estimate_table(QUERIES[name], REGISTRY, releases[::-1])


@pytest.mark.parametrize("name", QUERIES)
def test_centres_count_as_one_that_has_their_sum(name: str) -> None:
    query = QUERIES[name]
    blocks = vector(query, REGISTRY, ROWS)
    twice = vector(query, REGISTRY, ROWS + ROWS)
    pair = [release(query, REGISTRY, blocks, centre=centre) for centre in ("north", "south")]

    pooled = estimate_table(query, REGISTRY, pair)
    alone = estimate_table(query, REGISTRY, [release(query, REGISTRY, twice)])

    assert [row.estimate for row in pooled] == [row.estimate for row in alone]
    assert [row.n for row in pooled] == [row.n for row in alone]


@pytest.mark.parametrize("name", QUERIES)
def test_rows_are_the_layouts_cells(name: str) -> None:
    table = estimate_table(QUERIES[name], REGISTRY, _releases(QUERIES[name]))

    assert len(table) == layout_of(QUERIES[name], REGISTRY).cells
    assert len({(row.groups, row.bin_low, row.probability) for row in table}) == len(table)
    assert {row.status for row in table} == {Status.OK}


def test_levels_are_in_dictionary_order_with_missing_last_and_the_last_field_fastest() -> None:
    query = QUERIES["count"]
    exact = release(query, REGISTRY, vector(query, REGISTRY, ROWS))

    table = estimate_table(query, REGISTRY, [exact])

    assert [tuple(code for _, code in row.groups) for row in table] == [
        (sex, arm) for sex in ("f", "m", None) for arm in (Decimal(2), Decimal(1), Decimal("1.5"))
    ]
    assert [row.estimate for row in table] == [0, 2, 0, 2, 1, 0, 0, 0, 1]


def test_json_has_the_contracts_keys_in_order() -> None:
    figures = ["estimate", "std_error", "ci_low", "ci_high", "noise_sd"]
    extra = {"mean": ["n"], "variance": ["n"], "proportion": ["n"], "histogram": ["bin_low", "bin_high"]}
    extra |= {"quantiles": ["n", "probability"]}

    for name, query in QUERIES.items():
        row = estimate_table(query, REGISTRY, _releases(query))[0].to_json()
        by = [field.name for field in query.statistic.by]
        assert list(row) == [*by, "status", *figures, *extra.get(name, [])]


def test_json_values_have_the_types_of_their_codes() -> None:
    means = estimate_table(QUERIES["mean"], REGISTRY, _releases(QUERIES["mean"]))
    counts = [r.to_json() for r in estimate_table(QUERIES["count"], REGISTRY, _releases(QUERIES["count"]))]
    bins = [
        r.to_json() for r in estimate_table(QUERIES["histogram"], REGISTRY, _releases(QUERIES["histogram"]))
    ]

    assert [row.to_json()["done"] for row in means[:3]] == [True, False, None]
    assert [json.dumps(row["arm"]) for row in counts[:3]] == ["2", "1", "1.5"]
    assert [json.dumps([row["bin_low"], row["bin_high"]]) for row in bins[:3]] == [
        "[0, 7.5]",
        "[7.5, 20]",
        "[20, 52]",
    ]
    assert all(isinstance(row[key], int) for row in counts for key in ("estimate", "ci_low", "ci_high"))
    assert all(isinstance(row.to_json()["n"], int) for row in means)


BLOCK = st.integers(-(2**40), 2**40) | st.integers(-5, 5) | st.integers(-(2**62), 2**62)


@given(data=st.data(), name=st.sampled_from(sorted(QUERIES)))
def test_whatever_the_noise_does_the_figures_are_sound(data: st.DataObject, name: str) -> None:
    query = replace(QUERIES[name], statistic=replace(QUERIES[name].statistic, by=()))
    values = {
        block.name: np.array(
            data.draw(st.lists(BLOCK, min_size=block.size, max_size=block.size)), dtype=np.int64
        )
        for block in layout_of(query, REGISTRY).blocks
    }
    sigma = data.draw(st.sampled_from([1e-9, 1.0, 1e4, 1e12]))
    made = release(query, REGISTRY, values, sigmas=dict.fromkeys(values, sigma))

    for row in estimate_table(query, REGISTRY, [made]):
        text = json.dumps(row.to_json(), allow_nan=False)
        assert json.loads(text)["status"] == "ok"
        assert row.ci_low is not None
        assert row.ci_high is not None
        assert row.ci_low <= row.ci_high
        assert row.estimate is None or row.ci_low <= row.estimate <= row.ci_high
        assert row.std_error is None or row.noise_sd is None or row.std_error >= row.noise_sd


@pytest.mark.parametrize("n", [-40, -1, 0])
def test_a_mean_of_nobody_says_nothing(n: int) -> None:
    row = _one(question(Kind.MEAN, "score"), REGISTRY, n=[n], first=[3], second=[4])

    assert (row.estimate, row.std_error, row.noise_sd) == (None, None, None)
    assert (row.ci_low, row.ci_high, row.n) == (0, 52, n)


@pytest.mark.parametrize("n", [-40, 0, 1])
def test_a_variance_of_one_row_says_nothing(n: int) -> None:
    query = question(Kind.VARIANCE, "score")

    row = _one(query, REGISTRY, n=[n], first=[3], second=[4], third=[5], fourth=[6])

    assert row.estimate is None
    assert row.ci_low == 0
    assert row.ci_high == pytest.approx(52**2 / 2)


def test_a_count_not_above_its_noise_leaves_the_whole_range() -> None:
    wide = question(Kind.MEAN, "score", rho="0.01")
    share = question(Kind.PROPORTION, "sex", codes=["m"], rho="0.01")

    mean = _one(wide, REGISTRY, n=[30], first=[100], second=[100])
    proportion = _one(share, REGISTRY, in_out=[20, 10])

    assert (mean.ci_low, mean.ci_high) == (0, 52)
    assert (proportion.ci_low, proportion.ci_high) == (0, 1)
    assert mean.estimate is None
    assert proportion.estimate is None


def test_counts_keep_their_sign_and_means_stay_in_range() -> None:
    count = _one(question(Kind.COUNT), REGISTRY, count=[-3])
    mean = _one(question(Kind.MEAN, "score", rho="10"), REGISTRY, n=[500], first=[300_000], second=[0])

    assert count.estimate == -3
    assert mean.estimate == mean.ci_high == 52
    assert mean.ci_low is not None
    assert 0 < mean.ci_low < 52


def test_a_count_is_as_wide_as_the_noise_of_all_centres() -> None:
    query = QUERIES["count of all"]
    releases = _releases(query, centres=4)
    sigma = releases[0].blocks[0].event.sigma

    (row,) = estimate_table(query, REGISTRY, releases, confidence=0.9)

    width = covering_half_width((sigma,) * 4, 0.9)
    assert row.estimate is not None
    assert (row.ci_low, row.ci_high) == (row.estimate - width, row.estimate + width)
    assert row.noise_sd == row.std_error == pytest.approx(2 * sigma)


def test_sums_of_many_centres_do_not_overflow() -> None:
    query = QUERIES["count of all"]
    huge = {"count": np.array([2**62], dtype=np.int64)}
    releases = [release(query, REGISTRY, huge, centre=f"c{index}") for index in range(9)]

    (row,) = estimate_table(query, REGISTRY, releases)

    assert row.estimate == 9 * 2**62


def test_rows_of_one_patient_widen_the_interval_by_the_root_of_the_cap() -> None:
    exact = {"in_out": np.array([4000, 6000], dtype=np.int64)}
    query = question(Kind.PROPORTION, "sex", codes=["m"])
    errors = []
    for cap in (1, 9):
        dictionary = registry(SEX, cap=cap)
        (row,) = estimate_table(query, dictionary, [release(query, dictionary, exact)])
        errors.append(row.std_error)

    assert errors[1] == pytest.approx(3 * (errors[0] or math.nan))


def _misfits() -> dict[str, list[Release]]:
    good = _releases(QUERIES["mean"])
    first = good[0]
    short = replace(first.blocks[0], values=first.blocks[0].values[:-1])
    floats = replace(first.blocks[0], values=first.blocks[0].values.astype(np.float64))
    return {
        "no release": [],
        "another question": _releases(QUERIES["variance"]),
        "blocks in another order": [replace(first, blocks=first.blocks[::-1])],
        "a block too few": [replace(first, blocks=first.blocks[:-1])],
        "a cell too few": [replace(first, blocks=(short, *first.blocks[1:]))],
        "not integers": [replace(first, blocks=(floats, *first.blocks[1:]))],
        "another cap": _releases(QUERIES["mean"], cap=4),
        "another template": [replace(first, template_version=first.template_version + 1)],
        "a centre twice": [first, first],
        "two questions": [first, replace(good[1], question=type(first.question)(b"x" * 32))],
    }


@pytest.mark.parametrize("name", _misfits())
def test_releases_that_do_not_fit_are_refused(name: str) -> None:
    with pytest.raises(EstimateError) as caught:
        estimate_table(QUERIES["mean"], REGISTRY, _misfits()[name])

    assert isinstance(caught.value, CoordinatorError)


@pytest.mark.parametrize("confidence", [0.0, 1.0, -1.0, math.nan, 95.0])
@pytest.mark.parametrize("name", QUERIES)
def test_a_confidence_that_is_none_is_refused(name: str, confidence: float) -> None:
    with pytest.raises(EstimateError, match="confidence"):
        estimate_table(QUERIES[name], REGISTRY, _releases(QUERIES[name]), confidence=confidence)


# A histogram's vector is made of a given list; a tree's by test_estimators_quantiles.
@pytest.mark.parametrize("kind", [kind for kind in Kind if kind not in (Kind.HISTOGRAM, Kind.QUANTILES)])
def test_the_simulations_vectors_are_the_plain_loops(kind: Kind) -> None:
    asked = populations.study(kind, rho="1", width=80_000, step="1/100")
    sample = np.random.default_rng(SEED).integers(0, 2 if kind is Kind.PROPORTION else 80_001, (4, 5))
    rows = [
        {
            "repetition": f"r{index}",
            "score": Decimal(int(value)) / 100,
            "answer": "yes" if value == 1 else "no",
        }
        for index, values in enumerate(sample)
        for value in values
    ]

    by_loop = vector(asked.query, asked.dictionary, rows)

    for name, values in populations.blocks_of(asked, sample).items():
        assert by_loop[name][: len(values)].tolist() == values.tolist()


def test_the_example_of_the_readme_runs() -> None:
    root = Path(__file__).resolve().parents[2]
    text = (root / "coordinator" / "estimators" / "README.md").read_text("utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)

    subprocess.run([sys.executable, "-c", example], cwd=root, check=True)
