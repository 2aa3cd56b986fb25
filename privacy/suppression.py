"""The centre's own disclosure control of a table of counts: what is shown, and what that gives away.

* A count of 1 to minimum - 1 patients is not shown (primary); `privacy/secondary.py` chooses what else
  is not (secondary). Both look the same. Zero is shown, and means nobody.
* Margins are cells like any other: they are published, rounded and suppressed with the rest.
* Every suppressed cell may be two whole numbers that are at least the minimum apart, for all that
  the table says to somebody who knows the rule: proofs/suppression.md.

Rules and their presets: `privacy/disclosure.py`. Several tables of the same patients are the business
of `privacy/overlap.py`.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from privacy.attacker import bounds
from privacy.disclosure import SUPPRESSED, Rule
from privacy.errors import PrivacyError
from privacy.linear_program import Floats
from privacy.margins import with_margins
from privacy.secondary import LEAST_HIDDEN, hidden_cells

# Sums of a line stay exact in binary64 with room to spare.
_MOST_PATIENTS: Final = 2**48
_MOST_DIMENSIONS: Final = 4


def suppressed(inner: NDArray[np.int64], rule: Rule) -> NDArray[np.int64]:
    """Give the extended table (each dimension's last index is its total) as it may be published.

    A cell is SUPPRESSED or its count rounded to the nearest multiple of `rule.rounding`, halves up.
    The same counts and rule give the same table. Raises RuntimeError unless `inner` holds int64
    counts, zero or more, 2^48 together at most, in one to four dimensions of at least one cell.
    """
    _check(inner, least=0)
    exact = with_margins(inner)
    rounded = (exact + rule.rounding // 2) // rule.rounding * rule.rounding
    low, high = _known(rounded, rule)
    return np.where(hidden_cells(exact, low, high, rule.minimum), SUPPRESSED, rounded)


def feasible(published: NDArray[np.int64], rule: Rule) -> tuple[Floats, Floats]:
    """Give the least and the most that each extended cell can be, from published numbers alone.

    Whole numbers, as floats; `inf` where nothing bounds a suppressed cell from above. Raises
    PrivacyError if no counts agree with the table under this rule, RuntimeError as `suppressed`.
    """
    _check(published, least=SUPPRESSED)
    low, high = _known(published, rule)
    if np.any(published % rule.rounding * (published != SUPPRESSED)) or np.any(low > high):
        raise PrivacyError(f"the table shows a count that the rule {rule.name!r} does not show")
    hidden = published.ravel() == SUPPRESSED
    flat_low, flat_high = bounds(low.ravel(), high.ravel(), hidden, published.shape)
    return flat_low.reshape(published.shape), flat_high.reshape(published.shape)


def _known(published: NDArray[np.int64], rule: Rule) -> tuple[Floats, Floats]:
    """Give the bounds of each cell by the rule alone; below 0 stands SUPPRESSED."""
    low = np.maximum(published - rule.rounding // 2, rule.minimum)
    high = published + (rule.rounding - 1) // 2
    low = np.where(published == 0, 0, np.where(published == SUPPRESSED, LEAST_HIDDEN, low))
    high = np.where(published == 0, 0, high).astype(np.float64)
    return low.astype(np.float64), np.where(published == SUPPRESSED, np.inf, high)


def _check(table: NDArray[np.int64], *, least: int) -> None:
    if table.dtype != np.int64 or not 1 <= table.ndim <= _MOST_DIMENSIONS or not table.size:
        raise RuntimeError("a table of counts is int64 and has one to four dimensions, none of them empty")
    if table.min() < least or table.sum(dtype=np.float64) > 2**_MOST_DIMENSIONS * _MOST_PATIENTS:
        raise RuntimeError("a table of counts has no negative counts, and at most 2^48 patients")
