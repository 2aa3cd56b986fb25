"""Proportions: rows in the code list among rows with a value. protocols/spec/estimators.md 6.

The interval is Wilson's, with the noise in it: all p in [0, 1] with

    (in - p n)² <= z² (cap n p (1 - p) + σ² ((1 - p)² + p²)),    n = in + out

because in - p n = (1 - p) in - p out, and the two cells have independent noise of scale σ. Without
noise and with cap 1 it is Wilson's interval of 1927 to the last digit.
"""

import math

from coordinator.estimators.figures import (
    Estimated,
    Figures,
    Interval,
    no_figures,
    normal_quantile,
)
from coordinator.estimators.totals import BlockTotal

_LIMITS = Interval(low=0.0, high=1.0)


def proportions(block: BlockTotal, *, cap: int, confidence: float) -> tuple[Figures, ...]:
    """Give the figures of every group from the block `in_out` (in, not in, in turn)."""
    z = normal_quantile(confidence)
    pairs = zip(block.values[::2], block.values[1::2], strict=True)
    return tuple(_proportion(inside, out, block.sigma, cap, z) for inside, out in pairs)


def _proportion(inside: int, out: int, sigma: float, cap: int, z: float) -> Figures:
    n = inside + out
    if n < 1 or n <= z * math.sqrt(2) * sigma:
        return no_figures(_LIMITS, n=n)
    # For a true p in [0, 1], moving the estimate into [0, 1] only brings it nearer.
    p = _LIMITS.clip(inside / n)
    noise = (sigma / n) ** 2
    estimated = Estimated(
        value=p,
        sampling=cap * p * (1 - p) / n,
        noise=noise * ((1 - p) ** 2 + p * p),
        n=n,
    )
    return estimated.within(_LIMITS, wilson(p, z * z * cap / n, z * z * noise))


def wilson(p: float, sampling: float, noise: float) -> Interval:
    """Give Wilson's interval with noise.

    Solves (p - q)² <= sampling q (1 - q) + noise ((1 - q)² + q²) for q; noise below 1/2.
    """
    # The discriminant is written without the differences of large terms that cancel.
    bend = p * (1 - p) * sampling + sampling**2 / 4
    half = math.sqrt(bend + noise * ((1 - p) ** 2 + p * p - noise))
    middle = p + sampling / 2 - noise
    scale = 1 + sampling - 2 * noise
    return Interval(low=(middle - half) / scale, high=(middle + half) / scale)
