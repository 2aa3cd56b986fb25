"""Draws of the mechanism against the exact discrete Gaussian, with controls that must be rejected."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chisquare

from privacy.mechanisms import DiscreteGaussian
from privacy.units import Block

_DRAWS = 200_000
_SIGMAS = (0.3, 1.0, 3.7, 50.0)
_LEAST_EXPECTED = 20.0
_REJECT_BELOW = 1e-9


def _p_value(draws: NDArray[np.int64], sigma: float) -> float:
    """Give the chi-squared p-value of draws against the exact distribution of scale sigma."""
    reach = max(2, math.ceil(12 * sigma))
    steps = np.arange(-reach, reach + 1)
    with np.errstate(under="ignore"):
        weights = np.exp(-0.5 * (steps / sigma) ** 2)
    expected = weights / weights.sum() * len(draws)
    observed = np.bincount(np.clip(draws, -reach, reach) + reach, minlength=len(steps))
    inside = expected >= _LEAST_EXPECTED
    # Everything rare is one class, so that no expected count is too small for the test.
    pairs = [
        np.append(counts[inside], counts[~inside].sum()).astype(np.float64) for counts in (observed, expected)
    ]
    pairs = [pair[[*([True] * inside.sum()), pairs[1][-1] >= 1]] for pair in pairs]
    return float(chisquare(pairs[0], pairs[1] * pairs[0].sum() / pairs[1].sum()).pvalue)


def prove_noise() -> list[dict[str, Any]]:
    """Test each scale, and that the same test rejects it as a scale 30 % off."""
    block = Block(name="evidence", size=_DRAWS, l2_squared=1)
    proofs = []
    for sigma in _SIGMAS:
        draws = DiscreteGaussian(block, sigma).release(np.zeros(_DRAWS, dtype=np.int64))
        own, wider, narrower = (_p_value(draws, sigma * factor) for factor in (1.0, 1.3, 1 / 1.3))
        proofs.append(
            {
                "sigma": sigma,
                "draws": _DRAWS,
                "p_value": own,
                "p_value_if_30_percent_wider": wider,
                "p_value_if_30_percent_narrower": narrower,
                "holds": own > _REJECT_BELOW and max(wider, narrower) < _REJECT_BELOW,
            }
        )
    return proofs
