"""Means and variances of a number with a public range. protocols/spec/estimators.md 4 and 5.

Both are ratios with a noisy denominator. Their intervals hold the noise and the sampling; rows of
one patient may depend on each other, and the sampling part is multiplied by the cap: with at most
k rows a patient, Var(sum of the rows) is at most k times that of independent rows.
"""

from dataclasses import dataclass
from fractions import Fraction
from statistics import NormalDist

from scipy.special import stdtrit

from coordinator.estimators.figures import (
    Estimated,
    Figures,
    Interval,
    no_figures,
    normal_quantile,
    ratio_interval,
)
from coordinator.estimators.moments import Scales, Spread, guarded_fourth
from coordinator.estimators.totals import BlockTotal
from protocols.dictionary import Range
from protocols.layout import Moments


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """What is public about the number: its range, its grid, and the cap on rows per patient."""

    limits: Interval
    powers: Moments
    cap: int

    @classmethod
    def of(cls, bounds: Range, cap: int) -> "Number":
        """Take it from the dictionary's range."""
        limits = Interval(low=float(bounds.minimum), high=float(bounds.maximum))
        return cls(limits=limits, powers=Moments(grid=bounds.grid), cap=cap)

    @property
    def unit(self) -> Fraction:
        """The length of one x in the number's unit: half a step."""
        return self.powers.grid.step / 2

    @property
    def middle(self) -> int:
        """The middle of the range, in units of x."""
        return self.powers.grid.low + self.powers.grid.high

    def values(self, interval: Interval) -> Interval:
        """Give an interval of the centred x as one of values."""
        low, high = interval.low + self.middle, interval.high + self.middle
        return Interval(low=low, high=high).scaled(float(self.unit))


def means(blocks: tuple[BlockTotal, ...], number: Number, confidence: float) -> tuple[Figures, ...]:
    """Give the figures of every group from the blocks `n`, `first` and `second`."""
    z = normal_quantile(confidence)
    scales = Scales(**{block.name: block.sigma for block in blocks})
    cells = zip(*(block.values for block in blocks), strict=True)
    return tuple(_mean(cell, scales, number, z) for cell in cells)


def _mean(cell: tuple[int, ...], scales: Scales, number: Number, z: float) -> Figures:
    n, first, second = cell
    if n < 1:
        return no_figures(number.limits, n=n)
    # For a true mean in the range, moving the estimate into the range only brings it nearer.
    width = number.powers.width
    x = Interval(low=-width, high=width).clip(first / n)
    sampling = number.cap * _variance_of_rows(n, first, second, scales, number.powers) / n
    noise = (scales.first / n) ** 2
    # The variance of few rows is itself a guess: Student 1908, with n - 1 degrees of freedom.
    interval = ratio_interval(x, sampling * _few(n, z) ** 2 + noise, scales.n / n, z)
    if interval is None:
        return no_figures(number.limits, n=n)
    unit = number.unit
    estimated = Estimated(
        value=number.limits.clip(unit.numerator * (first + n * number.middle) / (unit.denominator * n)),
        sampling=sampling * float(unit) ** 2,
        noise=(noise + (x * scales.n / n) ** 2) * float(unit) ** 2,
        n=n,
    )
    return estimated.within(number.limits, number.values(interval))


def _few(n: int, z: float) -> float:
    """Give Student's quantile over the normal one, z, at the same confidence."""
    # A confidence next to nothing has z = 0; the two then agree in the limit up to a factor below 1.6.
    return float(stdtrit(max(n - 1, 1), NormalDist().cdf(z))) / z if z > 0 else 1.6


def _variance_of_rows(n: int, first: int, second: int, scales: Scales, powers: Moments) -> float:
    if n < 2:
        return 2.0 * powers.width**2
    return Spread(n=n, first=first, second=second, scales=scales, powers=powers).guarded_variance


def variances(blocks: tuple[BlockTotal, ...], number: Number, confidence: float) -> tuple[Figures, ...]:
    """Give the figures of every group from the blocks `n`, `first` to `fourth`; by n - 1."""
    z = normal_quantile(confidence)
    scales = Scales(**{block.name: block.sigma for block in blocks})
    cells = zip(*(block.values for block in blocks), strict=True)
    return tuple(_variance(cell, scales, number, z) for cell in cells)


def _variance(cell: tuple[int, ...], scales: Scales, number: Number, z: float) -> Figures:
    n, first, second, third, fourth = cell
    unit, powers = number.unit, number.powers
    square = float(unit) ** 2
    if n < 2:
        return no_figures(Interval(low=0.0, high=2.0 * powers.width**2 * square), n=n)
    spread = Spread(n=n, first=first, second=second, scales=scales, powers=powers)
    limits = Interval(low=0.0, high=spread.largest * square)
    sampling = number.cap * _sampling(spread, guarded_fourth(spread, third, fourth))
    interval = _variance_interval(spread, sampling, z)
    if interval is None:
        return no_figures(limits, n=n)
    exact = unit.numerator**2 * spread.deviations / (2 * unit.denominator**2 * n * (n - 1))
    estimated = Estimated(
        value=limits.clip(exact),
        sampling=sampling * square**2,
        noise=spread.noise_variance * square**2,
        n=n,
    )
    return estimated.within(limits, interval.scaled(square))


def _sampling(spread: Spread, fourth: float) -> float:
    """Give the variance of s² over samples of n independent rows (Cramér 1946, 27.4)."""
    n, variance = spread.n, spread.guarded_variance
    return max(fourth - variance**2 * (n - 3) / (n - 1), 0.0) / n


def _variance_interval(spread: Spread, sampling: float, z: float) -> Interval | None:
    """Give all v that the answer does not contradict; None when that is unbounded.

    Noise e in n moves (s² - v) (n - 1) by (slope - v) e, so with w = v - slope this is an interval
    for a ratio w whose denominator n - 1 is noisy.
    """
    degrees, slope = spread.n - 1, spread.slope
    own = sampling + spread.noise_of_sum / degrees**2
    nearest = Interval(low=0.0, high=spread.largest).clip(spread.variance)
    interval = ratio_interval(nearest - slope, own, spread.scales.n / degrees, z)
    if interval is None:
        return None
    return Interval(low=interval.low + slope, high=interval.high + slope)
