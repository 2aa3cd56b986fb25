"""Mechanism events: the parameters of what was done, and nothing else.

Accounting reads events only, so a ledger of events can be recounted by any accountant, now or
later. Events are never removed or re-defined; a new mechanism adds an event.
"""

import math
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, localcontext
from fractions import Fraction

from privacy.errors import PrivacyError


@dataclass(frozen=True, slots=True, kw_only=True)
class GaussianEvent:
    """Discrete Gaussian noise of scale `sigma` on an integer vector of a bounded L2 norm.

    `l2_squared` is the square of the L2 sensitivity, `sigma` the parameter of the discrete
    Gaussian, both in the vector's integer units. proofs/discrete-gaussian.md.
    """

    l2_squared: int
    sigma: float

    def __post_init__(self) -> None:
        # Checked first: OpenDP accepts scale 0 and then returns the data itself.
        if not (math.isfinite(self.sigma) and self.sigma > 0):
            msg = "the noise scale is a finite number above zero"
            raise PrivacyError(msg)
        # Python integers only: NaN passes every comparison, and NumPy's integers wrap.
        if type(self.l2_squared) is not int or self.l2_squared < 1:
            msg = "the squared sensitivity is a whole number of at least 1"
            raise PrivacyError(msg)

    @property
    def rho(self) -> Fraction:
        """The exact zCDP loss, sensitivity squared over twice sigma squared.

        Canonne, Kamath and Steinke 2020 (arXiv 2004.00010), Theorem 14 for vectors. A float is a
        dyadic rational, so the value is exact.
        """
        return Fraction(self.l2_squared) / (2 * Fraction(self.sigma) ** 2)

    @property
    def multiplier_rounded_down(self) -> float:
        """The noise scale over the sensitivity, to twelve digits and never above the truth.

        Equal losses in different units have equal multipliers, so that other accountants, who know
        nothing else of a Gaussian, can compose thousands of events as a few.
        """
        with localcontext(prec=12, rounding=ROUND_FLOOR):
            return float(+(Decimal(self.sigma) / _root_rounded_up(self.l2_squared)))


def _root_rounded_up(whole: int) -> Decimal:
    with localcontext(prec=20, rounding=ROUND_CEILING):
        return Decimal(whole).sqrt().next_plus()
