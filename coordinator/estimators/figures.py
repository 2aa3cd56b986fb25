"""The figures of one cell, and the intervals that they are made of. protocols/spec/estimators.md 2.

An interval of a ratio is a set of values that the answer does not contradict (Fieller 1954; Wilson
1927 for proportions), not estimate plus and minus: it stays right when the denominator is noisy
too, and turns into everything exactly when the denominator is not clearly above its noise.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

from coordinator.errors import EstimateError


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a cell of a table says, in units of the result.

    None stands where the answer says nothing; no figure is ever NaN or infinite. `n` is the noisy
    number of rows used, for means, variances and proportions.
    """

    estimate: float | None
    std_error: float | None
    ci_low: float | None
    ci_high: float | None
    noise_sd: float | None
    n: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """Values from `low` to `high`, both included."""

    low: float
    high: float

    def clip(self, value: float) -> float:
        """Give the nearest value that lies in the interval."""
        return min(max(value, self.low), self.high)

    def scaled(self, unit: float) -> "Interval":
        """Give the interval in another unit; `unit` is above zero."""
        return Interval(low=self.low * unit, high=self.high * unit)


def normal_quantile(confidence: float) -> float:
    """Give z with P(|normal| <= z) = confidence. EstimateError unless 0 < confidence < 1."""
    if not 0 < confidence < 1:
        raise EstimateError("a confidence lies between 0 and 1, both excluded")
    return NormalDist().inv_cdf(0.5 + confidence / 2)


def ratio_interval(ratio: float, variance: float, doubt: float, z: float) -> Interval | None:
    """Give all m with (a - m b)² <= z² (V + m² σ²), for a ratio a/b. None when that is unbounded.

    `variance` is V / b² (of the numerator), `doubt` is σ / b, the relative noise of the
    denominator. Fieller 1954, "Some problems in interval estimation", independent parts.
    """
    spread = (z * doubt) ** 2
    if spread >= 1:
        return None
    half = math.sqrt(spread * ratio * ratio + (1 - spread) * z * z * variance)
    return Interval(low=(ratio - half) / (1 - spread), high=(ratio + half) / (1 - spread))


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimated:
    """An estimate with its two variances, in squared units of the result, and the noisy `n`."""

    value: float
    sampling: float
    noise: float
    n: int

    def within(self, limits: Interval, interval: Interval) -> Figures:
        """Make the figures of a cell: the part of the interval that lies within the limits."""
        return Figures(
            estimate=self.value,
            std_error=math.sqrt(self.sampling + self.noise),
            # The estimate comes from exact integers: a limit may differ from it in its last digit.
            ci_low=min(limits.clip(interval.low), self.value),
            ci_high=max(limits.clip(interval.high), self.value),
            noise_sd=math.sqrt(self.noise),
            n=self.n,
        )


def no_figures(limits: Interval, *, n: int) -> Figures:
    """Make the figures of a cell about which the answer says nothing: the interval is everything."""
    return Figures(
        estimate=None,
        std_error=None,
        ci_low=limits.low,
        ci_high=limits.high,
        noise_sd=None,
        n=n,
    )
