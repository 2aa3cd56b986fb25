"""From a wanted width of the combined table to the smallest loss that reaches it.

Searched among whole nano-rho, with the very functions that make the noise and its interval: what a
plan promises is what a result has. protocols/spec/plans.md 4.
"""

from collections.abc import Callable

from privacy.errors import CalibrationError, LossError
from privacy.loss import MAX_QUERY_NANO_RHO, Loss
from privacy.mechanisms import DiscreteGaussian
from privacy.noise_width import covering_half_width
from privacy.units import Block


def half_width_of(block: Block, loss: Loss, *, centres: int, confidence: float) -> int:
    """Give the half-width that covers the sum of the centres' noise in one cell of a block.

    In the block's integer units; each centre answers at `loss`. Raises PrivacyError where there is no
    such noise.
    """
    sigma = DiscreteGaussian.calibrated(block, loss).sigma
    return covering_half_width((sigma,) * centres, confidence)


def loss_for_half_width(block: Block, wanted: int, *, centres: int, confidence: float) -> Loss:
    """Give the smallest loss at each centre whose half-width is at most `wanted` integer units.

    Raises CalibrationError when no loss of one query reaches it.
    """
    return smallest_loss(
        lambda loss: half_width_of(block, loss, centres=centres, confidence=confidence) <= wanted
    )


def smallest_loss(is_enough: Callable[[Loss], bool]) -> Loss:
    """Give the smallest loss of one query that is enough, to the nano-rho.

    What is enough stays enough for every larger loss; a loss for which there is no noise is not.
    Raises CalibrationError when not even the largest loss is enough.
    """
    low, high = 0, MAX_QUERY_NANO_RHO
    if not _holds(is_enough, high):
        msg = "no loss of one query is enough"
        raise CalibrationError(msg)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _holds(is_enough, middle) else (middle, high)
    # The upper end was tried: whatever rounding does to the order, this loss is enough.
    return Loss(high)


def _holds(is_enough: Callable[[Loss], bool], nano_rho: int) -> bool:
    try:
        return is_enough(Loss(nano_rho))
    except (CalibrationError, LossError):
        return False
