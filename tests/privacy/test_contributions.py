"""The lemmas of proofs/contributions.md and proofs/rounding.md, number by number."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from protocols.dictionary import MAX_STEPS, Grid, Range
from protocols.layout import MAX_BINS, Bins, Moments

widths = st.one_of(
    st.integers(min_value=1, max_value=40),
    st.integers(min_value=0, max_value=26).flatmap(lambda b: st.integers(2**b - 1 or 1, 2**b + 1)),
    st.integers(min_value=1, max_value=MAX_STEPS + 1),
)


@st.composite
def grids(draw: st.DrawFn) -> Grid:
    low = draw(st.integers(min_value=-(2**53), max_value=2**52))
    return Grid(step=Fraction(1), low=low, high=low + draw(widths))


def half_away(value: Fraction) -> int:
    rounded = int(abs(value) + Fraction(1, 2))
    return rounded if value >= 0 else -rounded


def half_away_of_a_float(value: float) -> int:
    """C's `round`, as the engine has it: exact on every binary64 number."""
    return half_away(Fraction(value))


def terms(moments: Moments, v: int) -> dict[str, int]:
    """What a row of `v` steps adds to each block, in exact arithmetic."""
    grid = moments.grid
    x = 2 * v - (grid.low + grid.high)
    y = half_away(Fraction(x, moments.square_divisor))
    z = half_away(Fraction(x, moments.fourth_divisor))
    return {
        "sum": v,
        "first": x,
        "second": 2 * y**2 - moments.square_bound**2,
        "third": z**3,
        "fourth": 2 * z**4 - moments.fourth_bound**4,
    }


def bounds(moments: Moments) -> dict[str, int]:
    """The bounds as protocols/layout.py states them."""
    grid = moments.grid
    return {
        "sum": max(abs(grid.low), abs(grid.high)),
        "first": moments.width,
        "second": moments.square_bound**2,
        "third": moments.fourth_bound**3,
        "fourth": moments.fourth_bound**4,
    }


@given(grids(), st.data())
def test_no_row_adds_more_than_its_bound(grid: Grid, data: st.DataObject) -> None:
    moments = Moments(grid=grid)
    v = data.draw(st.integers(min_value=grid.low, max_value=grid.high))
    stated = bounds(moments)
    for name, term in terms(moments, v).items():
        assert abs(term) <= stated[name], name


@given(grids())
def test_every_bound_is_attained_at_an_end_of_the_range(grid: Grid) -> None:
    moments = Moments(grid=grid)
    ends = [terms(moments, grid.low), terms(moments, grid.high)]
    for name, bound in bounds(moments).items():
        assert max(abs(end[name]) for end in ends) == bound >= 1, name


@given(grids())
def test_sums_of_16_million_rows_stay_within_62_bits(grid: Grid) -> None:
    stated = bounds(Moments(grid=grid))
    assert 2**24 * max(stated["first"], stated["second"], stated["third"], stated["fourth"]) <= 2**62


@given(grids())
def test_divisors_are_odd_so_that_no_quotient_is_half_way(grid: Grid) -> None:
    moments = Moments(grid=grid)
    assert moments.square_divisor % 2 == moments.fourth_divisor % 2 == 1
    assert moments.square_divisor <= 2**19
    assert moments.fourth_divisor <= 2**19


@given(grids(), st.data())
def test_the_binary64_quotient_rounds_like_the_exact_one(grid: Grid, data: st.DataObject) -> None:
    moments = Moments(grid=grid)
    x = data.draw(st.integers(min_value=-grid.width, max_value=grid.width))
    for divisor in (moments.square_divisor, moments.fourth_divisor):
        assert half_away_of_a_float(x / divisor) == half_away(Fraction(x, divisor))


@given(st.integers(min_value=0, max_value=2**18), st.integers(min_value=1, max_value=2**17))
def test_halves_of_quotients_too(k: int, divisor: int) -> None:
    # The points where rounding turns: (2k + 1)/2 divisors, and the whole numbers beside them.
    for x in {((2 * k + 1) * divisor) // 2 + shift for shift in (-1, 0, 1)}:
        if abs(x) <= MAX_STEPS:
            assert half_away_of_a_float(x / divisor) == half_away(Fraction(x, divisor))


def test_a_decimal_half_may_fall_to_the_neighbouring_step() -> None:
    assert half_away_of_a_float(0.15 / 0.1) == 1
    assert half_away(Fraction("0.15") / Fraction("0.1")) == 2
    assert int(0.49999999999999994 + 0.5) == 1  # why floor(|x| + 1/2) is not the rule


@given(grids(), st.data())
def test_a_value_is_in_one_bin_and_once_on_each_level_of_its_tree(grid: Grid, data: st.DataObject) -> None:
    bins = Bins(grid=grid)
    v = data.draw(st.integers(min_value=grid.low, max_value=grid.high))
    leaf = (v - grid.low) // bins.steps
    assert 0 <= leaf < bins.tree.leaves <= MAX_BINS
    assert bins.first(leaf) <= v <= bins.last(leaf)
    assert bins.last(bins.tree.leaves - 1) == grid.high
    one = np.zeros(bins.tree.leaves, dtype=np.int64)
    one[leaf] = 1
    added = bins.tree.counted(one).tolist()
    assert set(added) <= {0, 1}
    assert sum(added) == len(bins.tree.sizes)


@given(grids())
def test_no_fewer_steps_a_bin_would_do(grid: Grid) -> None:
    steps = Bins(grid=grid).steps
    assert steps == 1 or -(-(grid.width + 1) // (steps - 1)) > MAX_BINS


@given(st.decimals(-1000, 1000, places=3), st.decimals(-1000, 1000, places=3))
def test_a_grid_holds_its_bounds_to_half_a_step(one: Decimal, other: Decimal) -> None:
    low, high = sorted((one, other))
    step = Fraction(1, 7)
    if Fraction(high - low) >= step:
        grid = Range(minimum=low, maximum=high, step=step).grid
        assert abs(grid.low * step - Fraction(low)) <= step / 2
        assert abs(grid.high * step - Fraction(high)) <= step / 2
        assert grid.width >= 1
