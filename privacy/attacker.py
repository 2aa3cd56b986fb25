"""What a table gives away: the least and the most that each hidden cell can be.

The attacker knows bounds of every cell (from what is published of it, and from the rule) and that
lines add up; `privacy/proofs/suppression.md` says what he knows and why. Here he solves two linear
programs a cell, except where a line alone, in exact arithmetic, already gives what a table reaches.

* Bounds are whole numbers. A bound of the linear program is first moved outwards by more than the
  solver's tolerance, then inwards to a whole number: it may be too wide by one, never too narrow.
* Cells that are not hidden (rounded ones) are narrowed by lines only. These bounds hold; a linear
  program could make some of them narrower.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, eye_array, hstack, vstack

from privacy.errors import PrivacyError
from privacy.linear_program import Floats, solution
from privacy.margins import equations, narrowed, of_cells

_CONTRADICTION: Final = "no table of counts agrees with what is published: its lines cannot add up"
# HiGHS keeps bounds and equations to 1e-7; sums of large counts lose a little more.
_TOLERANCE: Final = 1e-6
_RELATIVE_TOLERANCE: Final = 1e-9


def bounds(
    low: Floats, high: Floats, hidden: NDArray[np.bool_], shape: tuple[int, ...]
) -> tuple[Floats, Floats]:
    """Narrow the bounds of flat cells to what the whole table says. `inf`: there is no upper bound.

    Raises PrivacyError if no table fits, or if the solver cannot tell.
    """
    low, high = narrowed(low, high, shape)
    if np.any(low > high):
        raise PrivacyError(_CONTRADICTION)
    unknown = np.flatnonzero(low < high)
    if len(unknown):
        fixed = np.where(low < high, 0.0, low)
        system = equations(shape)
        is_used = np.diff(system[:, unknown].indptr) > 0
        search = _Search(of_cells(system, unknown), -(system @ fixed)[is_used], low[unknown], high[unknown])
        low[unknown], high[unknown] = search.run(np.flatnonzero(hidden[unknown]))
    return low, high


class _Search:
    """Bounds of the unknown cells; `reached` are the extremes of all tables that were met."""

    def __init__(self, system: csc_array, sums: Floats, low: Floats, high: Floats) -> None:
        self._system, self._sums = system, sums
        self._low, self._high = low, high
        largest = max(np.abs(sums).max(initial=0), low.max(), high[np.isfinite(high)].max(initial=0))
        self._slack = _TOLERANCE + _RELATIVE_TOLERANCE * largest
        self._least, self._most = np.full(len(low), np.inf), np.full(len(low), -np.inf)

    def run(self, hidden: NDArray[np.intp]) -> tuple[Floats, Floats]:
        low, high = self._low.copy(), self._high.copy()
        price = np.zeros(len(low))
        price[hidden] = 1
        self._solve(price)
        is_unbounded = self._unbounded()
        for cell in hidden:
            low[cell] = max(low[cell], np.ceil(self._extreme(cell, 1) - self._slack))
            if not is_unbounded[cell]:
                high[cell] = min(high[cell], np.floor(self._extreme(cell, -1) + self._slack))
        return low, high

    def _solve(self, price: Floats) -> Floats:
        found = solution(price, self._system, self._sums, self._low, self._high)
        if found is None:
            raise PrivacyError(_CONTRADICTION)
        self._least, self._most = np.minimum(self._least, found), np.maximum(self._most, found)
        return found

    def _extreme(self, cell: np.intp, sign: int) -> float:
        """Give the least (sign 1) or the most (sign -1) of a cell."""
        bound, reached = (self._low, self._least) if sign > 0 else (self._high, self._most)
        if abs(bound[cell] - reached[cell]) <= self._slack:
            return float(bound[cell])
        price = np.zeros(len(self._low))
        price[cell] = sign
        return float(self._solve(price)[cell])

    def _unbounded(self) -> NDArray[np.bool_]:
        """Find the cells that can grow without end, in one linear program.

        Directions of growth are a cone: no cell shrinks, cells with a bound stay. Each cell earns
        what it grows, at most 1. Two directions add up to one, and any can be made long, so the
        best direction lets every cell earn its 1 that can grow at all.
        """
        is_unbounded = np.isinf(self._high)
        growing = np.flatnonzero(is_unbounded)
        count = len(growing)
        part, none = self._system[:, growing], csc_array((self._system.shape[0], count))
        same = csc_array(eye_array(count))
        # Growth adds up, and is what is earned and what is spare.
        system = csc_array(vstack([hstack([part, none, none]), hstack([same, -same, -same])]))
        high = np.concatenate([np.full(count, np.inf), np.ones(count), np.full(count, np.inf)])
        price = np.concatenate([np.zeros(count), -np.ones(count), np.zeros(count)])
        best = solution(price, system, np.zeros(system.shape[0]), np.zeros(3 * count), high)
        if best is None:
            raise PrivacyError(_CONTRADICTION)
        # Each earns nothing or all, so a half parts them with room for the solver's tolerance.
        is_unbounded[growing] = best[count : 2 * count] > 0.5
        return is_unbounded
