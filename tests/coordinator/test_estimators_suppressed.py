"""Figures of suppressed tables: what was shown is exact, and an interval holds the truth for certain."""

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import product

import numpy as np
import pytest
from statsmodels.stats.proportion import proportion_confint

from coordinator.errors import EstimateError
from coordinator.estimators.proportions import wilson
from coordinator.estimators.table import Row, Status, estimate_margins, estimate_table
from privacy.disclosure import RULES, SUPPRESSED, Rule
from privacy.loss import ZERO
from privacy.suppression import suppressed
from protocols.ids import CentreId, Digest
from protocols.layout import layout_of
from protocols.queries import Kind, Mode, Query
from protocols.releases import Release, SuppressedTable
from tests.coordinator import reference
from tests.coordinator.reference import coded, number, registry
from tests.node.seeds import fresh_seed

DICTIONARY = registry(
    coded("sex", "f", "m", required=True),
    coded("site", "n", "s", "w"),
    coded("ill", "yes", "no"),
    number("age", "0", "120", "1"),
)


def asked(kind: Kind = Kind.COUNT, variable: str | None = None, **parts: Sequence[str]) -> Query:
    query = reference.question(kind, variable, **parts)  # type: ignore[arg-type]
    return replace(query, release=replace(query.release, mode=Mode.SUPPRESSED, loss=ZERO, delta=Decimal(0)))


BY_SITE, BY_BOTH, ALL = asked(by=["site"]), asked(by=["sex", "site"]), asked()
SHARE = asked(Kind.PROPORTION, "ill", by=["sex"], codes=["yes"])
AGES = asked(Kind.HISTOGRAM, "age", by=["sex"], edges=["0", "40", "60", "120"])
QUERIES = {"count": ALL, "by site": BY_SITE, "by both": BY_BOTH, "share": SHARE, "ages": AGES}
FIVE, ROUNDED = RULES["five"], RULES["opensafely"]


def released(query: Query, cells: object, rule: Rule = FIVE, centre: str = "north") -> Release:
    """A release with these published numbers."""
    table = SuppressedTable(rule=rule, cells=np.array(cells, dtype=np.int64))
    layout = layout_of(query, DICTIONARY)
    empty = {block.name: np.zeros(block.size, dtype=np.int64) for block in layout.blocks}
    return replace(reference.release(query, DICTIONARY, empty, centre=centre), blocks=(), table=table)


def shown(query: Query, counts: np.ndarray, rule: Rule = FIVE, centre: str = "north") -> Release:
    """What a centre with these counts would show."""
    return released(query, suppressed(counts.astype(np.int64), rule).ravel(), rule, centre)


def rows(query: Query, *releases: Release, confidence: float = 0.95) -> tuple[Row, ...]:
    return estimate_table(query, DICTIONARY, releases, confidence=confidence)


def margins(query: Query, *releases: Release) -> tuple[Row, ...]:
    return estimate_margins(query, DICTIONARY, releases)


def _holds(row: Row, truth: float) -> bool:
    return (row.ci_low is None or row.ci_low <= truth) and (row.ci_high is None or truth <= row.ci_high)


# Counts.


def test_a_count_that_was_shown_is_exact() -> None:
    (row,) = rows(ALL, released(ALL, [37, 37]))
    assert (row.status, row.estimate, row.ci_low, row.ci_high) == (Status.OK, 37, 37, 37)
    assert (row.std_error, row.noise_sd, row.n) == (None, None, None)
    assert margins(ALL, released(ALL, [37, 37])) == ()


def test_zero_is_a_count_and_a_suppressed_cell_is_none() -> None:
    table = rows(BY_SITE, released(BY_SITE, [0, 20, SUPPRESSED, SUPPRESSED, 40]))
    assert [row.status.value for row in table] == ["ok", "ok", "suppressed", "suppressed"]
    assert [row.estimate for row in table] == [0, 20, None, None]
    assert [(row.ci_low, row.ci_high) for row in table] == [(0, 0), (20, 20), (1, 19), (1, 19)]
    assert [row.groups for row in table] == [(("site", code),) for code in ("n", "s", "w", None)]


def test_where_the_total_is_hidden_nothing_bounds_a_cell_from_above() -> None:
    table = rows(BY_SITE, released(BY_SITE, [SUPPRESSED, 20, 0, 0, SUPPRESSED]))
    assert (table[0].ci_low, table[0].ci_high) == (1, None)


def test_rounded_counts_have_the_interval_of_their_rounding() -> None:
    counts = {8: (8, 12), 10: (8, 12), 12: (8, 12), 13: (13, 17), 22: (18, 22), 23: (23, 27)}
    for count, interval in counts.items():
        (row,) = rows(ALL, shown(ALL, np.array([count]), ROUNDED))
        assert [row.ci_low, row.ci_high] == list(interval)
        assert row.estimate == (count + 2) // 5 * 5


def test_margins_lack_the_columns_that_they_are_summed_over() -> None:
    counts = np.array([[10, 11, 12, 13], [20, 21, 22, 23]])
    release = shown(BY_BOTH, counts)
    cells = {row.groups: row.estimate for row in rows(BY_BOTH, release)}
    sums = {row.groups: row.estimate for row in margins(BY_BOTH, release)}
    assert len(cells) == 8
    assert sums == {
        (("sex", "f"),): 46,
        (("sex", "m"),): 86,
        (("site", "n"),): 30,
        (("site", "s"),): 32,
        (("site", "w"),): 34,
        (("site", None),): 36,
        (): 132,
    }


def test_a_histogram_has_bins_and_margins_over_them() -> None:
    release = shown(AGES, np.array([[10, 20, 30], [40, 50, 60]]))
    table = rows(AGES, release)
    assert [(row.groups[0][1], row.bin_low, row.bin_high, row.estimate) for row in table[:3]] == [
        ("f", Decimal(0), Decimal(40), 10),
        ("f", Decimal(40), Decimal(60), 20),
        ("f", Decimal(60), Decimal(120), 30),
    ]
    sums = {(row.groups, row.bin_low): row.estimate for row in margins(AGES, release)}
    assert sums[(("sex", "f"),), None] == 60
    assert sums[(), Decimal(0)] == 50
    assert sums[(), None] == 210
    assert len(sums) == 6


def test_tables_of_several_centres_are_added_cell_by_cell() -> None:
    north = released(BY_SITE, [10, 20, 0, 30, 60])
    south = released(BY_SITE, [SUPPRESSED, 20, SUPPRESSED, 5, 40], centre="south")
    table = rows(BY_SITE, north, south)
    assert [row.status.value for row in table] == ["suppressed", "ok", "suppressed", "ok"]
    assert [row.estimate for row in table] == [None, 40, None, 35]
    assert [(row.ci_low, row.ci_high) for row in table] == [(11, 24), (40, 40), (1, 14), (35, 35)]
    (total,) = margins(BY_SITE, north, south)
    assert (total.groups, total.estimate) == ((), 100)


def test_centres_may_have_different_rules() -> None:
    exact, rounded = shown(ALL, np.array([20])), shown(ALL, np.array([22]), ROUNDED, "south")
    (row,) = rows(ALL, exact, rounded)
    assert (row.estimate, row.ci_low, row.ci_high) == (40, 38, 42)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", [name for name in QUERIES if name != "share"])
def test_every_interval_holds_the_truth(name: str, rule: str) -> None:
    query, rng = QUERIES[name], np.random.default_rng(fresh_seed())
    dims = layout_of(query, DICTIONARY).dims
    hidden = 0
    for _ in range(40):
        centres = [rng.poisson(rng.choice([2, 6, 30]), dims) * rng.integers(0, 2, dims) for _ in range(2)]
        releases = [shown(query, one, RULES[rule], f"c{i}") for i, one in enumerate(centres)]
        total = centres[0] + centres[1]
        table = rows(query, *releases)
        for row, truth in zip(table, total.ravel().tolist(), strict=True):
            assert _holds(row, truth)
            hidden += row.status is Status.SUPPRESSED
            assert (row.estimate is None) is (row.status is Status.SUPPRESSED)
            if row.estimate is not None:
                assert _holds(row, row.estimate)
                assert RULES[rule].rounding > 1 or row.estimate == truth
        sums = margins(query, *releases)
        if name == "by both":
            (whole,) = [row for row in sums if row.groups == ()]
            assert _holds(whole, int(total.sum()))
    assert hidden > 0


def test_an_interval_is_not_wider_than_the_table_lets_it_be() -> None:
    """The control of the test above: intervals of everything would hold the truth too."""
    table = rows(BY_SITE, released(BY_SITE, [SUPPRESSED, SUPPRESSED, 20, 20, 47]))
    assert [(row.ci_low, row.ci_high) for row in table[:2]] == [(1, 6), (1, 6)]


# Proportions.


def test_a_shown_proportion_has_wilsons_interval() -> None:
    release = released(SHARE, [12, 28, 40, 30, 30, 60, 42, 58, 100])
    table = rows(SHARE, release)
    for row, (inside, n) in zip(table, [(12, 40), (30, 60)], strict=True):
        assert (row.status, row.estimate, row.n) == (Status.OK, inside / n, n)
        assert (row.ci_low, row.ci_high) == pytest.approx(proportion_confint(inside, n, method="wilson"))
        assert row.std_error == pytest.approx(math.sqrt(inside * (n - inside) / n**3))
    (whole,) = margins(SHARE, release)
    assert (whole.groups, whole.estimate, whole.n) == ((), 0.42, 100)


@pytest.mark.parametrize("rule", RULES)
def test_a_proportions_interval_holds_that_of_the_true_counts(rule: str) -> None:
    rng = np.random.default_rng(fresh_seed())
    for _ in range(60):
        counts = rng.poisson(rng.choice([2, 6, 40]), (2, 2))
        for row, (inside, out) in zip(rows(SHARE, shown(SHARE, counts, RULES[rule])), counts, strict=True):
            n = int(inside + out)
            if n:
                exact = wilson(inside / n, NORMAL**2 / n, 0.0)
                assert _holds(row, exact.low + 1e-12)
                assert _holds(row, exact.high - 1e-12)
                assert _holds(row, inside / n)
            assert row.ci_low is not None
            assert row.ci_high is not None
            assert 0 <= row.ci_low <= row.ci_high <= 1


NORMAL = 1.959963984540054


def test_wilsons_ends_rise_with_what_is_in_and_fall_with_what_is_out() -> None:
    """What the interval of a suppressed proportion rests on: its ends lie at extreme counts."""
    low = np.full((31, 31), np.nan)
    high = np.full((31, 31), np.nan)
    for inside, out in product(range(31), repeat=2):
        if inside + out:
            ends = wilson(inside / (inside + out), NORMAL**2 / (inside + out), 0.0)
            low[inside, out], high[inside, out] = ends.low, ends.high
    for grid in (low, high):
        assert np.nanmin(np.diff(grid, axis=0)) >= -1e-12
        assert np.nanmax(np.diff(grid, axis=1)) <= 1e-12


def test_nobody_has_no_proportion() -> None:
    first, second = rows(SHARE, released(SHARE, [0, 0, 0, 10, 10, 20, 10, 10, 20]))
    assert (first.estimate, first.ci_low, first.ci_high, first.n) == (None, 0, 1, 0)
    assert second.estimate == 0.5


def test_of_two_rounded_cells_the_proportion_stays_one() -> None:
    """8 of 8 and nobody else: 10 of 10; 12 and 0 is 10 of 10 too, and never more than all."""
    for count in range(8, 60):
        (first, _) = rows(SHARE, shown(SHARE, np.array([[count, 0], [20, 20]]), ROUNDED))
        assert first.estimate is not None
        assert 0 <= first.estimate <= 1
        assert _holds(first, 1.0)


# What leaves as JSON, and what is refused.


@pytest.mark.parametrize("name", QUERIES)
def test_no_figure_is_nan_or_infinite(name: str) -> None:
    query = QUERIES[name]
    dims = layout_of(query, DICTIONARY).dims
    size = math.prod(one + 1 for one in dims)
    worlds = [np.full(size, SUPPRESSED), np.zeros(size), suppressed(np.full(dims, 7), FIVE).ravel()]
    for cells in worlds:
        made = (*rows(query, released(query, cells)), *margins(query, released(query, cells)))
        for row in made:
            text = json.dumps(row.to_json(), allow_nan=False)
            assert json.loads(text)["status"] in ("ok", "suppressed")
            figures = [row.estimate, row.std_error, row.ci_low, row.ci_high]
            assert all(math.isfinite(one) for one in figures if one is not None)


def _with_table(release: Release, **changes: object) -> Release:
    assert release.table is not None
    return replace(release, table=replace(release.table, **changes))  # type: ignore[arg-type]


GOOD = released(BY_SITE, [10, 20, 0, 30, 60])
WRONG: dict[str, Release] = {
    "no table": replace(GOOD, table=None),
    "a cell less": _with_table(GOOD, cells=np.array([10, 20, 0, 30])),
    "a cell more": _with_table(GOOD, cells=np.array([10, 20, 0, 30, 60, 0])),
    "not flat": _with_table(GOOD, cells=np.array([[10, 20, 0, 30, 60]])),
    "below suppressed": _with_table(GOOD, cells=np.array([10, 20, 0, -2, 60])),
    "sums that do not add up": _with_table(GOOD, cells=np.array([10, 20, 0, 30, 61])),
    "more than the total": _with_table(GOOD, cells=np.array([10, 20, SUPPRESSED, SUPPRESSED, 20])),
    "a count that the rule hides": _with_table(GOOD, cells=np.array([4, 20, 0, 30, 54])),
    "a count that is not rounded": _with_table(GOOD, rule=ROUNDED, cells=np.array([11, 20, 0, 30, 60])),
    "counts beyond all patients": _with_table(GOOD, cells=np.array([2**62, 2**62, 0, 0, 2**62])),
    "another cap": replace(GOOD, cap=2),
    "another version": replace(GOOD, template_version=2),
    "blocks": replace(
        reference.release(
            reference.question(Kind.COUNT, by=["site"]), DICTIONARY, {"count": np.zeros(4, dtype=np.int64)}
        ),
        table=GOOD.table,
    ),
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("estimate", [rows, margins])
def test_a_table_that_does_not_fit_is_refused(name: str, estimate: object) -> None:
    with pytest.raises(EstimateError):
        estimate(BY_SITE, WRONG[name])  # type: ignore[operator]


def test_a_centre_twice_or_two_questions_or_none_are_refused() -> None:
    other = replace(GOOD, centre=CentreId("b"), question=Digest(b"q" * 32))
    nothing: tuple[Release, ...] = ()
    for releases in (nothing, (GOOD, GOOD), (GOOD, other)):
        with pytest.raises(EstimateError):
            rows(BY_SITE, *releases)


@pytest.mark.parametrize("query", [ALL, SHARE])
@pytest.mark.parametrize("confidence", [0.0, 1.0, -1.0, 2.0, math.nan])
def test_no_confidence_is_refused(query: Query, confidence: float) -> None:
    cells = [20, 20] if query is ALL else [10, 10, 20] * 2 + [20, 20, 40]
    with pytest.raises(EstimateError):
        rows(query, released(query, cells), confidence=confidence)


def test_noisy_answers_have_no_margins_and_no_tables() -> None:
    noisy = reference.question(Kind.COUNT, by=["site"])
    release = reference.release(noisy, DICTIONARY, {"count": np.zeros(4, dtype=np.int64)})
    assert estimate_margins(noisy, DICTIONARY, [release]) == ()
    with pytest.raises(EstimateError):
        estimate_table(noisy, DICTIONARY, [GOOD])
    with pytest.raises(EstimateError):
        rows(BY_SITE, release)
