"""Means of few rows: the interval is Student's, and the normal one, as control, covers too little."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from coordinator.estimators.means import Number, means
from coordinator.estimators.totals import BlockTotal
from protocols.dictionary import Range

SEED = 20261123
REPEATS = 2_000
NUMBER = Number.of(Range(minimum=Decimal(0), maximum=Decimal(100), step=Fraction(1, 10)), 1)
TRUTH, SPREAD = 50.0, 12.0
QUIET = 0.01
"""A noise scale that is as good as none."""


def _totals(steps: np.ndarray[tuple[int], np.dtype[np.int64]]) -> tuple[BlockTotal, ...]:
    powers = NUMBER.powers
    x = 2 * steps - (powers.grid.low + powers.grid.high)
    values = {"n": len(steps), "first": x.sum(), "second": (2 * x * x - powers.square_bound**2).sum()}
    return tuple(BlockTotal(name=n, values=(int(v),), sigmas=(QUIET,)) for n, v in values.items())


@pytest.mark.parametrize("rows", [3, 5, 10, 40])
def test_the_interval_covers_and_a_normal_one_would_not(rows: int) -> None:
    draw = np.random.default_rng(SEED)
    covered = normal = 0
    for _ in range(REPEATS):
        steps = np.clip(np.rint(draw.normal(TRUTH, SPREAD, rows) * 10), 0, 1000).astype(np.int64)
        figures = means(_totals(steps), NUMBER, 0.95)[0]
        assert figures.ci_low is not None
        assert figures.ci_high is not None
        covered += figures.ci_low <= TRUTH <= figures.ci_high
        half = 1.96 * steps.std(ddof=1) / 10 / np.sqrt(rows)
        normal += abs(steps.mean() / 10 - TRUTH) <= half
    assert 0.935 <= covered / REPEATS <= 0.975
    if rows <= 10:
        assert normal / REPEATS < 0.93
