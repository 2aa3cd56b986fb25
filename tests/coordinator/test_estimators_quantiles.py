"""Quantiles from trees: exact without noise to one bin, sound under any noise, honest when drowned.

The oracle for values sorts them and takes the one at place ⌈p n⌉; the oracle for intervals asks every
bin whether the answer contradicts it, with the dense covariance of least squares.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.estimators.rolled import rolled
from coordinator.estimators.table import Row, estimate_table
from protocols.dictionary import Dictionary
from protocols.errors import QueryError
from protocols.layout import MAX_NODES, Bins, layout_of
from protocols.queries import MAX_CELLS, Kind, Query
from protocols.releases import Release
from protocols.roll_up import roll_up
from tests.coordinator.reference import (
    RowOfData,
    coded,
    number,
    question,
    registry,
    release,
    scales,
    vector,
    with_noise,
)

SEED = 7
SCORE = number("score", "0", "27", "1")
SEX = coded("sex", "f", "m")
REGISTRY = registry(SEX, SCORE)
QUARTILES = ("0.25", "0.5", "0.75")
Z = 1.959963984540054


def quantile(values: Sequence[Decimal], probability: Decimal) -> Decimal:
    """The smallest value at which the share of values is at least p (type 1)."""
    return sorted(values)[math.ceil(Fraction(probability) * len(values)) - 1]


def bins_of(query: Query, dictionary: Dictionary) -> Bins:
    bins = layout_of(query, dictionary).bins
    assert bins is not None
    return bins


def exact(query: Query, dictionary: Dictionary, values: Sequence[Decimal | None]) -> tuple[Row, ...]:
    """The table of a centre with these scores, without noise."""
    rows = [{"score": value} for value in values]
    return estimate_table(query, dictionary, [release(query, dictionary, vector(query, dictionary, rows))])


@given(
    scores=st.lists(st.integers(0, 27).map(Decimal), min_size=2, max_size=60),
    places=st.sets(st.integers(1, 99), min_size=1, max_size=5),
)
def test_scores_without_noise_are_exact(scores: list[Decimal], places: set[int]) -> None:
    probabilities = [str(Decimal(place) / 100) for place in sorted(places)]

    rows = exact(question(Kind.QUANTILES, "score", probabilities=probabilities), REGISTRY, scores)

    for row, probability in zip(rows, probabilities, strict=True):
        assert row.probability == Decimal(probability)
        assert row.estimate == quantile(scores, Decimal(probability))
        assert row.n == len(scores)


@settings(max_examples=60, deadline=None)
@given(
    data=st.data(),
    ends=st.tuples(st.integers(-5000, 5000), st.integers(1, 9000)),
    step=st.sampled_from(("1/10", "1/1000", "1/3", "7/20")),
)
def test_any_number_without_noise_is_within_one_bin(
    data: st.DataObject, ends: tuple[int, int], step: str
) -> None:
    low, high = Decimal(ends[0]) / 100, Decimal(ends[0] + ends[1] + 500) / 100
    dictionary = registry(number("score", str(low), str(high), step))
    query = question(Kind.QUANTILES, "score", probabilities=QUARTILES)
    inside = st.decimals(low, high, places=3)
    values = data.draw(st.lists(inside, min_size=2, max_size=40))
    bins = bins_of(query, dictionary)
    width, half = float(bins.steps * bins.grid.step), float(bins.grid.step) / 2

    for row in exact(query, dictionary, values):
        truth = float(quantile(values, row.probability or Decimal(0)))
        assert row.estimate is not None
        # The greatest value of its bin, in whole steps; recorded values lie half a step around them.
        assert truth - half - 1e-9 <= row.estimate < truth + width + half + 1e-9


def test_the_grid_is_one_value_a_bin_up_to_256_and_then_the_fewest_steps() -> None:
    for values, steps, leaves in ((2, 1, 2), (28, 1, 28), (256, 1, 256), (257, 2, 129), (10_701, 42, 255)):
        dictionary = registry(number("score", "0", str(values - 1), "1"))
        bins = bins_of(question(Kind.QUANTILES, "score", probabilities=["0.5"]), dictionary)
        assert (bins.steps, bins.tree.leaves) == (steps, leaves)
        assert bins.first(0) == 0
        assert bins.last(leaves - 1) == values - 1
        for place, after in pairwise(range(leaves)):
            assert bins.first(place) <= bins.last(place) == bins.first(after) - 1


def test_missing_scores_are_in_no_bin_and_groups_stand_apart() -> None:
    query = question(Kind.QUANTILES, "score", by=["sex"], probabilities=["0.5"])
    rows: list[RowOfData] = [{"sex": "f", "score": Decimal(one)} for one in (3, 4, 5)]
    rows += [{"sex": "f", "score": None}, {"sex": None, "score": Decimal(27)}]
    rows += [{"sex": "m", "score": Decimal(one)} for one in (20, 21, 22, 23)]

    table = estimate_table(query, REGISTRY, [release(query, REGISTRY, vector(query, REGISTRY, rows))])

    assert [(row.groups[0][1], row.estimate, row.n) for row in table] == [
        ("f", 4, 3),
        ("m", 21, 4),
        (None, 27, 1),
    ]


def noisy(query: Query, dictionary: Dictionary, scores: Sequence[int], centres: int = 1) -> list[Release]:
    print(f"seed {SEED}")  # noqa: T201 -- shown when a test fails
    rng = np.random.default_rng(SEED)
    blocks = vector(query, dictionary, [{"sex": "f", "score": Decimal(one)} for one in scores])
    sigmas = scales(query, dictionary)
    return [
        release(query, dictionary, with_noise(blocks, sigmas, rng), centre=f"c{index}", sigmas=sigmas)
        for index in range(centres)
    ]


def test_noisy_trees_of_centres_add_up_before_they_are_made_consistent() -> None:
    query = question(Kind.QUANTILES, "score", probabilities=QUARTILES, rho="0.05")
    scores = [place % 28 for place in range(2800)]
    releases = noisy(query, REGISTRY, scores, centres=4)
    total = sum(one.blocks[0].values for one in releases)
    sigma = releases[0].blocks[0].event.sigma
    alone = release(query, REGISTRY, {"tree": np.asarray(total)}, sigmas={"tree": 2 * sigma})

    assert estimate_table(query, REGISTRY, releases) == estimate_table(query, REGISTRY, [alone])


def contradicts_nothing(one: Release, bins: Bins, share: float, cap: int) -> list[int]:
    """Every bin that the answer does not contradict, by the dense covariance."""
    tree, sigma = bins.tree, one.blocks[0].event.sigma
    matrix = tree.counted(np.eye(tree.leaves, dtype=np.int64)).T.astype(float)
    covariance = np.linalg.inv(matrix.T @ matrix) * sigma**2
    leaves, *_ = np.linalg.lstsq(matrix, one.blocks[0].values.astype(float), rcond=None)
    cumulative = np.cumsum(leaves)
    total = cumulative[-1]
    rising = [(max(cumulative[: k + 1]) + min(cumulative[k:])) / 2 for k in range(tree.leaves)]
    weights = np.tril(np.ones((tree.leaves, tree.leaves))) - share
    sampling = cap * total * share * (1 - share)
    doubt = Z * np.sqrt(sampling + np.einsum("ki,ij,kj->k", weights, covariance, weights))
    difference = np.clip(rising, 0, total) - share * total
    return [
        k
        for k in range(tree.leaves)
        if difference[k] >= -doubt[k] and (k == 0 or difference[k - 1] <= doubt[k - 1])
    ]


@pytest.mark.parametrize("cap", [1, 4])
@pytest.mark.parametrize("high", [27, 255])
def test_the_interval_is_what_the_answer_does_not_contradict(high: int, cap: int) -> None:
    dictionary = registry(SEX, number("score", "0", str(high), "1"), cap=cap)
    query = question(Kind.QUANTILES, "score", probabilities=QUARTILES, rho="0.2")
    scores = [place * 37 % (high + 1) for place in range(600)]
    (one,) = noisy(query, dictionary, scores)
    bins = bins_of(query, dictionary)

    for row in estimate_table(query, dictionary, [one]):
        left = contradicts_nothing(one, bins, float(row.probability or 0), cap)
        assert (row.ci_low, row.ci_high) == (left[0], left[-1])
        assert 0 < left[0] < left[-1] < high  # neither nothing nor everything


def test_ends_of_an_interval_are_ends_of_bins_and_lie_outwards() -> None:
    dictionary = registry(number("score", "1", "11.7", "1/1000"))
    query = question(Kind.QUANTILES, "score", probabilities=["0.5"])
    values = [Decimal(1) + Decimal(place) / 100 for place in range(1000)]
    (row,) = exact(query, dictionary, values)
    bins = bins_of(query, dictionary)

    firsts = [float(bins.first(place) * bins.grid.step) for place in range(bins.tree.leaves)]
    lasts = [float(bins.last(place) * bins.grid.step) for place in range(bins.tree.leaves)]
    assert row.ci_low in firsts
    assert row.ci_high in lasts
    assert row.estimate in lasts
    # Woodruff's own interval without noise: the quantiles at p -/+ z √(p (1 - p) / n).
    reach = Decimal(Z) * (Decimal("0.25") / 1000).sqrt()
    assert row.ci_low is not None
    assert row.ci_high is not None
    assert row.ci_low <= float(quantile(values, Decimal("0.5") - reach)) <= row.ci_low + 0.042
    assert row.ci_high - 0.084 <= float(quantile(values, Decimal("0.5") + reach)) <= row.ci_high


@pytest.mark.parametrize("n", [0, 1, 30])
def test_a_group_not_above_its_noise_has_no_estimate_and_the_whole_range(n: int) -> None:
    query = question(Kind.QUANTILES, "score", probabilities=QUARTILES, rho="0.01")

    for row in estimate_table(query, REGISTRY, noisy(query, REGISTRY, [5] * n)):
        assert (row.estimate, row.std_error, row.noise_sd) == (None, None, None)
        assert (row.ci_low, row.ci_high) == (0, 27)
        assert row.n is not None


@settings(max_examples=60, deadline=None)
@given(data=st.data(), sigma=st.sampled_from((1e-9, 1.0, 40.0)))
def test_quantiles_rise_with_their_probability_whatever_the_noise(data: st.DataObject, sigma: float) -> None:
    query = question(Kind.QUANTILES, "score", probabilities=("0.05", *QUARTILES, "0.95"))
    size = layout_of(query, REGISTRY).blocks[0].size
    integers = st.lists(st.integers(-100, 900), min_size=size, max_size=size)
    tree = {"tree": np.array(data.draw(integers), dtype=np.int64)}

    rows = estimate_table(query, REGISTRY, [release(query, REGISTRY, tree, sigmas={"tree": sigma})])

    for one, other in pairwise(row for row in rows if row.estimate is not None):
        assert (one.estimate or 0) <= (other.estimate or 0)
    for row in rows:
        assert row.ci_low is not None
        assert row.ci_high is not None
        assert row.estimate is None or row.ci_low <= row.estimate <= row.ci_high


def _grouped(groups: int) -> tuple[Query, Dictionary]:
    codes = tuple(f"g{index}" for index in range(groups))
    dictionary = registry(coded("group", *codes, required=True), number("score", "0", "255", "1"))
    return question(Kind.QUANTILES, "score", by=["group"], probabilities=["0.5"]), dictionary


def test_trees_have_as_many_nodes_as_the_largest_table_of_variances_has_integers() -> None:
    query, dictionary = _grouped(147)
    assert layout_of(query, dictionary).blocks[0].size == 147 * 340 <= MAX_NODES == 5 * MAX_CELLS
    with pytest.raises(QueryError, match="148 groups would have 50320 nodes, more than 50000") as caught:
        layout_of(*_grouped(148))
    assert caught.value.next_step == "group by fewer fields, or ask for a histogram with edges"


def test_rows_of_a_table_are_groups_and_probabilities() -> None:
    query, dictionary = _grouped(102)
    many = replace(query.statistic, probabilities=tuple(Decimal(one) / 100 for one in range(1, 100)))
    with pytest.raises(QueryError, match="10098 cells"):
        layout_of(replace(query, statistic=many), dictionary)


def test_other_probabilities_and_fewer_groups_follow_from_a_paid_tree() -> None:
    finer = question(Kind.QUANTILES, "score", by=["sex"], probabilities=["0.5"], rho="3")
    asked = question(Kind.QUANTILES, "score", probabilities=QUARTILES, rho="1")
    rows: list[RowOfData] = [
        {"sex": sex, "score": Decimal(one)} for one in range(28) for sex in ("f", "m", None)
    ]
    paid = release(finer, REGISTRY, vector(finer, REGISTRY, rows))

    rolling = roll_up(finer, asked, REGISTRY)

    assert rolling is not None
    assert (
        roll_up(finer, replace(asked, release=finer.release), REGISTRY) is None
    )  # three trees, three noises
    coarser = rolled(paid, rolling, layout_of(finer, REGISTRY), paid.question)
    own = release(asked, REGISTRY, vector(asked, REGISTRY, rows))
    assert estimate_table(asked, REGISTRY, [coarser]) == estimate_table(asked, REGISTRY, [own])


def test_rows_of_one_patient_widen_the_interval_by_the_root_of_the_cap() -> None:
    scores = [Decimal(place) for place in range(255)]
    widths = []
    for cap in (1, 9):
        dictionary = registry(number("score", "0", "255", "1/100"), cap=cap)
        (row,) = exact(question(Kind.QUANTILES, "score", probabilities=["0.5"]), dictionary, scores)
        assert row.ci_low is not None
        assert row.ci_high is not None
        widths.append(row.ci_high - row.ci_low)

    assert widths[1] == pytest.approx(3 * widths[0], abs=6)
