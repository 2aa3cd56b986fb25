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
    # Steps too rare for the test are one class together, if that is not too rare itself.
    common = expected >= _LEAST_EXPECTED
    classes = [np.append(one[common], one[~common].sum()).astype(np.float64) for one in (observed, expected)]
    kept = classes[1] >= 1
    share = classes[0][kept].sum() / classes[1][kept].sum()
    return float(chisquare(classes[0][kept], classes[1][kept] * share).pvalue)


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
