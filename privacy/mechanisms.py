"""The mechanisms: each knows its bound, its sampler and the event it emits.

A mechanism is built before the data is read, so that everything that can fail has failed by then.
`privacy/proofs/discrete-gaussian.md` says why the loss is right.
"""

import math
from fractions import Fraction

import numpy as np

from privacy import opendp_core
from privacy.errors import CalibrationError
from privacy.events import GaussianEvent
from privacy.loss import MAX_QUERY_NANO_RHO, Loss
from privacy.opendp_core import Vector
from privacy.units import Block

MAX_SIGMA = 2.0**55
"""Beyond this the noise itself would meet the limits of int64, where it saturates."""


def norm_rounded_up(squared: int) -> float:
    """Give a float at or just above the square root of a whole number; inf beyond all floats."""
    try:
        norm = math.sqrt(squared)
    except OverflowError:
        return math.inf
    # Converting and taking the root each round to the nearest, which may lie below.
    while Fraction(norm) ** 2 < squared:
        norm = math.nextafter(norm, math.inf)
    return norm


class DiscreteGaussian:
    """Discrete Gaussian noise on one block, at most as lossy as asked."""

    __slots__ = ("_measurement", "block", "event")

    def __init__(self, block: Block, sigma: float) -> None:
        self.block = block
        self.event = GaussianEvent(l2_squared=block.l2_squared, sigma=sigma)
        self._measurement = opendp_core.gaussian_measurement(sigma)

    @classmethod
    def calibrated(cls, block: Block, loss: Loss) -> "DiscreteGaussian":
        """Take the smallest noise scale, to a few parts in 1e15, whose loss is at most `loss`.

        Both the exact rational of the event and OpenDP's own map must agree that it is. Raises
        CalibrationError when no scale in 64-bit integers does, or the loss is not that of a query.
        """
        if not 1 <= loss.nano_rho <= MAX_QUERY_NANO_RHO:
            msg = "a release has a loss of at least one nano-rho and at most rho 1000000000"
            raise CalibrationError(msg)
        wanted = float(loss.rho)
        # The nearest float may lie above what was asked.
        if Fraction(wanted) > loss.rho:
            wanted = math.nextafter(wanted, 0)
        sigma = norm_rounded_up(block.l2_squared) / math.sqrt(2 * wanted)
        for _ in range(64):
            if sigma > MAX_SIGMA:
                break
            mechanism = cls(block, sigma)
            if mechanism.event.rho <= loss.rho and mechanism.rho_by_opendp() <= wanted:
                return mechanism
            # One unit in the last place, or a little more: the map rounds outwards.
            sigma = math.nextafter(sigma, math.inf) * (1 + 2.0**-50)
        msg = f"rho {loss} is too small for the range of this variable; ask for more"
        raise CalibrationError(msg)

    @property
    def sigma(self) -> float:
        """The scale of the noise, in the block's integer units."""
        return self.event.sigma

    def rho_by_opendp(self) -> float:
        """Give the loss by OpenDP's privacy map, at the bound rounded outwards."""
        return opendp_core.rho_of(self._measurement, norm_rounded_up(self.block.l2_squared))

    def release(self, exact: Vector) -> Vector:
        """Add fresh noise to the block's exact integers, shape (block.size,)."""
        if exact.shape != (self.block.size,) or exact.dtype != np.int64:
            msg = f"block {self.block.name!r} takes int64 of shape ({self.block.size},)"
            raise RuntimeError(msg)
        return opendp_core.draw(self._measurement, exact)
