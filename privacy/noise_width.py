"""How far noise may lie from zero: half-widths that cover a sum of discrete Gaussians.

For small scales the discrete distribution is summed exactly (a normal quantile would cover too
little: at sigma 0.5 it says 0.98, and the noise is an integer); for large ones the normal quantile
is right to well below one unit and is rounded up.
"""

import math
from functools import lru_cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from privacy.errors import PrivacyError

_EXACT_BELOW_SIGMA = 40.0


def _probabilities(sigma: float) -> NDArray[np.float64]:
    """Probabilities of the discrete Gaussian on -m..m, m far in the tail."""
    reach = max(1, math.ceil(9 * sigma))
    steps = np.arange(-reach, reach + 1, dtype=np.float64)
    # A scale far below 1 overflows the square: the weight is then zero, as it should be.
    with np.errstate(under="ignore", over="ignore"):
        weights = np.exp(-0.5 * (steps / sigma) ** 2)
    return np.asarray(weights / weights.sum(), dtype=np.float64)


@lru_cache(maxsize=1024)
def covering_half_width(sigmas: tuple[float, ...], confidence: float) -> int:
    """Give the smallest integer w with P(|sum of noises| <= w) >= confidence, or one more.

    `sigmas` are the scales of independent discrete Gaussians in one integer unit. Raises
    PrivacyError unless each is finite and above zero, and 0 < confidence < 1.
    """
    if not (0 < confidence < 1 and all(math.isfinite(sigma) and sigma > 0 for sigma in sigmas)):
        msg = "a width needs finite scales above zero and a confidence between 0 and 1"
        raise PrivacyError(msg)
    total = math.sqrt(math.fsum(sigma * sigma for sigma in sigmas))
    if total >= _EXACT_BELOW_SIGMA:
        return math.ceil(NormalDist().inv_cdf(0.5 + confidence / 2) * total)
    distribution = np.ones(1)
    for sigma in sigmas:
        distribution = np.convolve(distribution, _probabilities(sigma))
    middle = len(distribution) // 2
    covered = distribution[middle]
    width = 0
    # 1e-12 absorbs rounding of the sum; without it the loop could run off the tail.
    while covered < confidence - 1e-12 and width < middle:
        width += 1
        covered += distribution[middle - width] + distribution[middle + width]
    return width
