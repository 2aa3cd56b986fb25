"""Privacy loss in zCDP: exact integers of nano-rho, of any size.

Spending rounds up and remaining rounds down; the names say which. A rho is written as a decimal
number with at most nine digits behind the point, so text and integer say the same.
Bun and Steinke 2016 (arXiv 1605.02065), Lemma 1.7: losses of a sequence of releases add up, also
when each is chosen after seeing the earlier ones.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from privacy.errors import LossError

_NUMBER = re.compile(r"[+-]?[0-9]{1,60}(\.[0-9]{0,60})?([eE][+-]?[0-9]{1,9})?")
NANO = 10**9
MAX_QUERY_NANO_RHO = 10**9 * NANO
"""One query loses at most rho 1e9: beyond that the noise is zero for every purpose."""


@dataclass(frozen=True, slots=True, order=True)
class Loss:
    """A loss or a budget, in nano-rho (zCDP)."""

    nano_rho: int

    def __post_init__(self) -> None:
        if not isinstance(self.nano_rho, int) or isinstance(self.nano_rho, bool):
            msg = f"a loss is a whole number of nano-rho, not {type(self.nano_rho).__name__}"
            raise LossError(msg)
        if self.nano_rho < 0:
            msg = "a loss is never negative"
            raise LossError(msg)

    @classmethod
    def parse(cls, text: str) -> "Loss":
        """Read a rho as people write it, such as `0.05`.

        Raises LossError when it is not a finite decimal number, is negative, or has more than
        nine digits behind the point.
        """
        # Decimal alone would read 1_000, digits of other scripts, and NaN.
        if not _NUMBER.fullmatch(text):
            msg = f"rho is a decimal number such as 0.05, not {text[:40]!r}"
            raise LossError(msg)
        rho = Decimal(text)
        if rho < 0:
            msg = "rho is zero or more"
            raise LossError(msg)
        # Exponents are checked before scaling, far above and below any budget: 1e999999999 and
        # 1e-999999999 would otherwise build an integer of a billion digits.
        if rho.adjusted() > 30:
            msg = "rho is too large"
            raise LossError(msg)
        too_fine = "rho has at most nine digits behind the point (its step is one nano-rho)"
        if int(rho.as_tuple().exponent) < -100:
            raise LossError(too_fine)
        exact = Fraction(rho) * NANO
        if exact.denominator != 1:
            raise LossError(too_fine)
        return cls(exact.numerator)

    @classmethod
    def rounded_up(cls, rho: Fraction) -> "Loss":
        """Give the smallest loss that covers an exact rho."""
        # Checked here: rounding up would repair a negative rho above minus one nano to zero.
        if rho < 0:
            msg = "a loss is never negative"
            raise LossError(msg)
        scaled = rho * NANO
        return cls(-(-scaled.numerator // scaled.denominator))

    def __add__(self, other: "Loss") -> "Loss":
        """Compose two losses: zCDP adds up."""
        return Loss(self.nano_rho + other.nano_rho)

    @property
    def rho(self) -> Fraction:
        """The loss as an exact rho."""
        return Fraction(self.nano_rho, NANO)

    def __str__(self) -> str:
        """Write the rho as the shortest exact decimal."""
        whole, part = divmod(self.nano_rho, NANO)
        return f"{whole}.{part:09d}".rstrip("0").rstrip(".") if part else str(whole)


ZERO = Loss(0)


def split(loss: Loss, weights: tuple[int, ...]) -> tuple[Loss, ...]:
    """Split a loss in proportion to whole weights; the parts add up to exactly the whole.

    Each part is rounded down, and the last one takes what is left over, so nothing is spent twice
    and nothing is lost. Raises LossError when a part would be zero: no noise scale has no loss.
    """
    if not weights or min(weights) < 1:
        msg = "weights are whole numbers of at least 1"
        raise RuntimeError(msg)
    total = sum(weights)
    parts = [loss.nano_rho * weight // total for weight in weights]
    parts[-1] += loss.nano_rho - sum(parts)
    if min(parts) < 1:
        msg = f"rho {loss} is too small to share among {len(weights)} parts of the answer"
        raise LossError(msg)
    return tuple(Loss(part) for part in parts)
