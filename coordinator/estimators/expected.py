"""How wide the intervals of an answer will probably be, before it is asked. protocols/spec/estimators.md 11.

The estimators themselves are fed the vector that is expected, with the scales of the noise that the
loss will pay for, so that no formula stands here a second time. What comes out is the *median* over
the noise: a half-width is a rising function of the one noisy figure that moves it much, and a
median passes through such a function unchanged. For counts, histograms and sums it is exact.
"""

import math
from dataclasses import dataclass
from fractions import Fraction

from coordinator.estimators.counts import counts, sums
from coordinator.estimators.figures import Figures
from coordinator.estimators.means import Number, means, variances
from coordinator.estimators.proportions import proportions
from coordinator.estimators.totals import BlockTotal
from privacy.loss import split
from privacy.mechanisms import DiscreteGaussian
from protocols.dictionary import Dictionary, Range
from protocols.layout import Layout, layout_of
from protocols.precision import Assumed
from protocols.queries import Kind, Query

_UNIFORM, _NORMAL = 1.8, 3.0
"""Fourth central moments of the two distributions, in units of the squared variance."""

EXACT = (Kind.COUNT, Kind.HISTOGRAM, Kind.SUM)
"""What has one width for every cell, whatever is in it."""

BY_ROWS = (Kind.MEAN, Kind.VARIANCE, Kind.PROPORTION)
"""What needs to know how many rows are expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """Half of the length of an interval, in the unit of the result; None where it would say nothing.

    `without_noise` is what would remain of it however large the loss: the sampling part.
    """

    half_width: float | None
    without_noise: float | None


def expected_width(
    query: Query, dictionary: Dictionary, assumed: Assumed, *, centres: int, confidence: float
) -> Expected:
    """Expect the half-width of the combined table of a canonical query, asked of so many centres.

    Of the kinds in EXACT and BY_ROWS; the latter need `assumed.n`, the rows of the cell's group at
    these centres together. Raises PrivacyError where the loss is too small for any noise.
    """
    layout = layout_of(query, dictionary)
    losses = split(query.release.loss, layout.weights)
    pairs = zip(layout.blocks, losses, strict=True)
    sigmas = {block.name: DiscreteGaussian.calibrated(block, loss).sigma for block, loss in pairs}
    noisy = {name: (sigma,) * centres for name, sigma in sigmas.items()}
    bounds = _range(query, dictionary)
    return Expected(
        half_width=_half(_figures(layout, bounds, assumed, noisy, confidence)),
        without_noise=_half(_figures(layout, bounds, assumed, dict.fromkeys(sigmas, ()), confidence)),
    )


def sampling_width(query: Query, dictionary: Dictionary, assumed: Assumed, confidence: float) -> float | None:
    """Give what remains of the half-width however large the loss; None where it would say nothing."""
    layout = layout_of(query, dictionary)
    silent: dict[str, tuple[float, ...]] = {block.name: () for block in layout.blocks}
    return _half(_figures(layout, _range(query, dictionary), assumed, silent, confidence))


def _half(figures: Figures) -> float | None:
    if figures.estimate is None or figures.ci_low is None or figures.ci_high is None:
        return None
    return (figures.ci_high - figures.ci_low) / 2


def _range(query: Query, dictionary: Dictionary) -> Range | None:
    variable = query.statistic.variable
    return None if variable is None else dictionary.field(variable).numeric_range


def _figures(
    layout: Layout,
    bounds: Range | None,
    assumed: Assumed,
    sigmas: dict[str, tuple[float, ...]],
    confidence: float,
) -> Figures:
    """Estimate one cell from the vector that is expected."""
    if layout.kind in (Kind.COUNT, Kind.HISTOGRAM):
        return counts(_total(layout, (0,), sigmas)[0], confidence)[0]
    if layout.kind is Kind.PROPORTION:
        inside = round(rows_of(assumed) * share_of(assumed))
        block = BlockTotal(name="in_out", values=(inside, rows_of(assumed) - inside), sigmas=sigmas["in_out"])
        return proportions(block, cap=layout.cap, confidence=confidence)[0]
    if bounds is None:
        raise RuntimeError("the width of this statistic cannot be expected")
    if layout.kind is Kind.SUM:
        return sums(_total(layout, (0,), sigmas)[0], bounds.step, confidence)[0]
    number = Number.of(bounds, layout.cap)
    blocks = _total(layout, _moments(number, assumed, bounds), sigmas)
    estimate = {Kind.MEAN: means, Kind.VARIANCE: variances}[layout.kind]
    return estimate(blocks, number, confidence)[0]


def _total(
    layout: Layout, values: tuple[int, ...], sigmas: dict[str, tuple[float, ...]]
) -> tuple[BlockTotal, ...]:
    """Make the blocks of one cell; of the moments, as many as the layout has."""
    pairs = zip(layout.blocks, values, strict=False)
    return tuple(BlockTotal(name=one.name, values=(value,), sigmas=sigmas[one.name]) for one, value in pairs)


def _moments(number: Number, assumed: Assumed, bounds: Range) -> tuple[int, ...]:
    """Give the five integers of a cell with this mean and standard deviation.

    It is `coordinator/estimators/moments.py` read backwards: the estimators undo it again.
    """
    n, powers, unit = rows_of(assumed), number.powers, float(number.unit)
    if n == 0:
        return (0,) * 5
    mean = mean_of(assumed, bounds) / unit - number.middle
    variance = (sd_of(assumed, bounds) / unit) ** 2
    first = round(n * mean)
    # Exact, because a narrow spread far from the middle is a small difference of large squares.
    squares = (n - 1) * Fraction(variance) + Fraction(first**2, n)
    second = 2 * squares / powers.square_divisor**2 - n * powers.square_bound**2
    divisor = powers.fourth_divisor
    rounded = 1.0 if divisor > 1 else 0.0
    m1, spread = mean / divisor, variance / divisor**2
    m2, m3 = spread + m1**2, 3 * m1 * spread + m1**3
    peak = _UNIFORM if assumed.sd is None else _NORMAL
    m4 = peak * spread**2 + 6 * m1**2 * spread + m1**4
    third = n * (m3 + rounded * m1 / 4)
    fourth = 2 * n * (m4 + rounded * (m2 / 2 + 1 / 80)) - n * powers.fourth_bound**4
    return n, first, round(second), round(third), round(fourth)


def rows_of(assumed: Assumed) -> int:
    """Give the rows that are expected."""
    if assumed.n is None:
        raise RuntimeError("a width without the rows")
    return assumed.n


def mean_of(assumed: Assumed, bounds: Range) -> float:
    """Give the mean that is expected: by default the middle of the range."""
    return float(bounds.minimum + bounds.maximum) / 2 if assumed.mean is None else float(assumed.mean)


def sd_of(assumed: Assumed, bounds: Range) -> float:
    """Give the standard deviation that is expected: by default that of an even spread over the range.

    At most what numbers of the range with the expected mean can have (Bhatia and Davis 2000).
    """
    if assumed.sd is not None:
        return float(assumed.sd)
    low, high, mean = float(bounds.minimum), float(bounds.maximum), mean_of(assumed, bounds)
    return min((high - low) / math.sqrt(12), math.sqrt((high - mean) * (mean - low)))


def share_of(assumed: Assumed) -> float:
    """Give the proportion that is expected: by default a half, where the interval is widest."""
    return 0.5 if assumed.proportion is None else float(assumed.proportion)
