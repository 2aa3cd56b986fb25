"""The second and fourth moments of one cell, from its integers. protocols/spec/estimators.md 4.

Everything here is in units of x, the centred integer of protocols/layout.py: a value is
step * (x + low + high) / 2. What the block holds is undone with the noisy number of rows:

    sum of y²  = (second + n Y²) / 2      y = x / square_divisor, rounded
    sum of z⁴  = (fourth + n Z⁴) / 2      z = x / fourth_divisor, rounded

Noise is followed by the delta method: squared derivatives times variances.
"""

import math
from dataclasses import dataclass

from protocols.layout import Moments


@dataclass(frozen=True, slots=True, kw_only=True)
class Scales:
    """Standard deviations of the noise in the blocks, in integer units."""

    n: float
    first: float
    second: float
    third: float = 0.0
    fourth: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """The mean and the variance of one cell of at least two rows (`n` is noisy, so are they)."""

    n: int
    first: int
    second: int
    scales: Scales
    powers: Moments

    def __post_init__(self) -> None:
        if self.n < 2:
            raise RuntimeError("a variance needs two rows")

    @property
    def mean(self) -> float:
        """The mean of x; the noise may carry it out of the range."""
        return self.first / self.n

    @property
    def doubled_squares(self) -> int:
        """Twice the sum of x², to within the rounding of y."""
        powers = self.powers
        return powers.square_divisor**2 * (self.second + self.n * powers.square_bound**2)

    @property
    def deviations(self) -> int:
        """2 n times the sum of squared deviations from the mean, exactly."""
        return self.n * self.doubled_squares - 2 * self.first**2

    @property
    def variance(self) -> float:
        """The variance of x, divided by n - 1; noise may make it negative."""
        return self.deviations / (2 * self.n * (self.n - 1))

    @property
    def largest(self) -> float:
        """The largest variance that numbers of the range can have (Popoviciu 1935)."""
        return self.powers.width**2 * self.n / (self.n - 1)

    @property
    def slope(self) -> float:
        """By how much the sum of squared deviations grows with the noise in n, per unit."""
        powers = self.powers
        return (powers.square_divisor * powers.square_bound) ** 2 / 2 + self.mean**2

    @property
    def noise_of_sum(self) -> float:
        """The noise variance of the sum of squared deviations, without that of n."""
        from_first = 2 * self.mean * self.scales.first
        from_second = self.powers.square_divisor**2 * self.scales.second / 2
        return from_first**2 + from_second**2

    @property
    def noise_variance(self) -> float:
        """The noise variance of `variance`."""
        from_n = (self.slope - self.variance) * self.scales.n
        return (self.noise_of_sum + from_n**2) / (self.n - 1) ** 2

    @property
    def guarded_variance(self) -> float:
        """A variance for intervals: no smaller than its own noise, no larger than is possible.

        The root of the sum of squares, not the larger of the two: a variance that noise has made
        a little too small would otherwise make the interval too short.
        """
        noise = math.sqrt(self.noise_variance)
        return min(math.hypot(max(self.variance, 0.0), noise), self.largest)


def guarded_fourth(spread: Spread, third: int, fourth: int) -> float:
    """Give a fourth central moment for intervals: from its estimate, between what is possible.

    It is at least its own uncertainty and the squared variance (Jensen), and at most the variance
    times the largest squared deviation; with a useless estimate the upper bound is what is left.
    """
    variance = spread.guarded_variance
    farthest = spread.powers.width + abs(spread.mean)
    estimate, uncertainty = _fourth(spread, third, fourth)
    unit = float(spread.powers.fourth_divisor) ** 4
    at_least = max(math.hypot(max(estimate, 0.0), uncertainty) * unit, variance**2)
    return min(at_least, max(variance * farthest**2, variance**2))


def _fourth(spread: Spread, third: int, fourth: int) -> tuple[float, float]:
    """Estimate the fourth central moment of z, and its uncertainty, in units of z⁴.

    m1 and m2 come from the finer blocks. Where z is rounded, m3 and m4 lose what rounding adds on
    average (Sheppard 1898): with u = x / divisor, E z³ = E u³ + E u / 4 and
    E z⁴ = E u⁴ + E u² / 2 + 1 / 80.
    """
    n, divisor = spread.n, spread.powers.fourth_divisor
    top = spread.powers.fourth_bound**4
    m1 = spread.first / (n * divisor)
    m2 = spread.doubled_squares / (2 * n * divisor**2)
    rounded = 1.0 if divisor > 1 else 0.0
    m3 = third / n - rounded * m1 / 4
    m4 = (fourth + n * top) / (2 * n) - rounded * (m2 / 2 + 1 / 80)
    estimate = m4 - 4 * m1 * m3 + 6 * m1**2 * m2 - 3 * m1**4
    noise = _noise_of_fourth(spread, (m1, m2, m3, m4))
    # The rounding's mean is taken as zero above; by chance it is about 1 / sqrt(12 n), and the
    # estimate moves by 8 m1³ times that.
    chance = rounded * 8 * abs(m1) ** 3 / math.sqrt(12 * n)
    return estimate, math.hypot(noise, chance)


def _noise_of_fourth(spread: Spread, raw: tuple[float, float, float, float]) -> float:
    """Give the noise's standard deviation in the fourth central moment of z (delta method)."""
    m1, m2, m3, m4 = raw
    n, scales, powers = spread.n, spread.scales, spread.powers
    divisor = powers.fourth_divisor
    by_m1 = -4 * m3 + 12 * m1 * m2 - 12 * m1**3
    by_m2 = 6 * m1**2
    by_m3 = -4 * m1
    squares = (powers.square_divisor * powers.square_bound / divisor) ** 2 / 2
    by_n = powers.fourth_bound**4 / 2 - m4 - by_m3 * m3 + by_m2 * (squares - m2) - by_m1 * m1
    parts = (
        by_n * scales.n,
        by_m1 * scales.first / divisor,
        by_m2 * (powers.square_divisor / divisor) ** 2 * scales.second / 2,
        by_m3 * scales.third,
        scales.fourth / 2,
    )
    return math.hypot(*parts) / n
