"""From events to loss, and from loss to (epsilon, delta).

zCDP enforces; (epsilon, delta) is for people. The conversion is OpenDP's, by the bound of
Canonne, Kamath and Steinke 2020 (arXiv 2004.00010), Corollary 13, minimised over its order.
"""

import math
from collections.abc import Iterable
from decimal import ROUND_CEILING, Context, Decimal
from fractions import Fraction
from functools import lru_cache

from privacy import opendp_core
from privacy.errors import PrivacyError
from privacy.events import GaussianEvent
from privacy.loss import NANO, Loss

DEFAULT_DELTA = 1e-6


def loss_rounded_up(events: Iterable[GaussianEvent]) -> Loss:
    """Compose events: add their exact losses, and round the total up to nano-rho."""
    return Loss.rounded_up(sum((event.rho for event in events), start=Fraction(0)))


def check_delta(delta: float) -> None:
    """Raise PrivacyError unless delta lies between 0 and 1, both excluded."""
    if not (math.isfinite(delta) and 0 < delta < 1):
        msg = "delta lies between 0 and 1, both excluded"
        raise PrivacyError(msg)


@lru_cache(maxsize=4096)
def epsilon_of(loss: Loss, delta: float = DEFAULT_DELTA) -> float | None:
    """Give the epsilon of a loss at delta, rounded up; None where it has no finite value.

    None is what people see as "unbounded": above rho 7e4 the conversion overflows.
    """
    check_delta(delta)
    if loss.nano_rho == 0:
        return 0.0
    try:
        rho = float(loss.rho)
    except OverflowError:
        return None
    # The nearest float may lie below the loss.
    if Fraction(rho) < loss.rho:
        rho = math.nextafter(rho, math.inf)
    return opendp_core.epsilon_of_rho(rho, delta)


def shown_epsilon(epsilon: float | None) -> str:
    """Write an epsilon for people, with three digits and never below the truth."""
    if epsilon is None:
        return "unbounded"
    up = Context(prec=3, rounding=ROUND_CEILING).create_decimal(Decimal(epsilon))
    return format(up.normalize(), "f")


@lru_cache(maxsize=1024)
def loss_of_epsilon(epsilon: float, delta: float = DEFAULT_DELTA) -> Loss:
    """Give the largest loss whose epsilon at delta is at most `epsilon` (rounded down).

    A loss without a finite epsilon never fits, so beyond epsilon 7e4 the answer stays the same.
    Raises PrivacyError when epsilon is not a finite number above zero, or so small that not even
    one nano-rho fits.
    """
    check_delta(delta)
    if not (math.isfinite(epsilon) and epsilon > 0):
        msg = "epsilon is a finite number above zero"
        raise PrivacyError(msg)

    def fits(nano_rho: int) -> bool:
        value = epsilon_of(Loss(nano_rho), delta)
        return value is not None and value <= epsilon

    # No closed form bounds the answer for every delta, so the upper end is found by doubling, from
    # min(epsilon, 1e5), near which it lies or ends. Both ends are always tried, never assumed.
    low, high = 0, math.ceil(min(epsilon, 1e5) * NANO)
    while fits(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    if low == 0:
        msg = f"epsilon {epsilon:g} at delta {delta:g} is less than one nano-rho"
        raise PrivacyError(msg)
    return Loss(low)
