"""Which cells must be hidden besides the small ones, so that the others do not give them away.

A hidden cell is *wide* when two whole tables, that both agree with everything published, differ in
that cell by at least the minimum. Every hidden cell of a finished table is wide, and each pair of
tables was checked in exact arithmetic: nothing rests on the solver's last digits.

* A sweep is one linear program that moves many cells at once; its table widens many of them.
* A cell that stays narrow asks for company: the cheapest change of shown cells that would let it be
  wide, by one linear program over two tables. The shown cells that change are hidden.
* Prices and order depend on places in the table, not on counts: the choice among cells that serve
  must not tell what was hidden (`privacy/proofs/suppression.md`, the minimality attack).
* Hiding one cell more only adds tables that agree, so a wide cell stays wide.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import block_diag, csc_array, csr_array, hstack, vstack

from privacy.linear_program import Floats, solution
from privacy.margins import equations, of_cells

LEAST_HIDDEN = 1
"""A hidden cell holds somebody: a zero is shown."""

# Solutions are sought this many minima around the counts: a wide cell needs one.
_REACH: Final = 8
# Each move costs a little, so that a table differs where it must: corners are then mostly whole.
_LITTLE: Final = 1e-4
_PARTS: Final = 6
# A shown cell changes in a solution if it does by more than the solver's noise.
_NOISE: Final = 1e-6
_GOLDEN: Final = (5**0.5 - 1) / 2
_FIRST_PATIENCE: Final = 4
# With many dimensions and cells the slack of rounded cells makes programs of seconds; it is not used.
_MOST_CELLS_WITH_SLACK: Final = {1: 10_000, 2: 10_000, 3: 400, 4: 0}

Places = NDArray[np.intp]


def hidden_cells(exact: NDArray[np.int64], low: Floats, high: Floats, minimum: int) -> NDArray[np.bool_]:
    """Choose the hidden cells of an extended table; `low` to `high` is what is published of a shown one.

    All have the extended table's shape. Counts of 1 to minimum - 1 are hidden, zeros never.
    """
    cells = np.flatnonzero(exact)
    chosen = np.zeros(exact.size, dtype=np.bool_)
    if len(cells):
        search = _Search(exact, cells, (low.ravel()[cells], high.ravel()[cells]), minimum)
        search.run()
        chosen[cells] = search.hidden
    return chosen.reshape(exact.shape)


def _spread(count: int, turn: int) -> Floats:
    """Give numbers in [0, 1) that look unrelated: a Weyl sequence, the same on every machine."""
    return np.asarray((np.arange(1, count + 1) * _GOLDEN * (turn + 1)) % 1)


class _Search:
    """The state of one search, over the cells that are not zero.

    `least` and `most` of a cell are reached by whole tables that agree with what is published when
    the cells in `hidden` are hidden; the true table is the first of them.
    """

    def __init__(
        self, exact: NDArray[np.int64], cells: Places, bounds: tuple[Floats, Floats], minimum: int
    ) -> None:
        self._exact = exact.ravel()[cells].astype(np.float64)
        self._low, self._high = (bound.copy() for bound in bounds)
        self.minimum = minimum
        self.system = of_cells(equations(exact.shape), cells)
        self._price = _prices(exact.shape, cells)
        is_rounded = bool(np.any(self._low < self._high))
        self._has_slack = is_rounded and len(cells) <= _MOST_CELLS_WITH_SLACK[exact.ndim]
        self._turn = 0
        self.hidden = np.zeros(len(cells), dtype=np.bool_)
        self.least, self.most = self._exact.copy(), self._exact.copy()

    def run(self) -> None:
        """Hide the small cells, then others until every hidden cell is wide."""
        self._hide(np.flatnonzero(self._exact < self.minimum))
        self._sweep(_FIRST_PATIENCE)
        while np.any(narrow := self.hidden & ~self.is_wide()):
            before = int(self.hidden.sum())
            self._settle(int(np.flatnonzero(narrow)[0]))
            # The same pattern was swept before.
            if self.hidden.sum() > before:
                self._sweep(1)

    def _hide(self, cells: Places) -> None:
        self.hidden[cells] = True
        self._low[cells], self._high[cells] = LEAST_HIDDEN, np.inf

    def is_wide(self) -> NDArray[np.bool_]:
        """Say of each cell whether two of the tables met so far differ in it by the minimum."""
        return np.asarray(self.most - self.least >= self.minimum)

    def _reach(self, *, with_slack: bool) -> tuple[Floats, Floats]:
        """Give how far each cell may move from its count, downwards and upwards."""
        far = float(_REACH * self.minimum)
        low, high = np.maximum(self._low - self._exact, -far), np.minimum(self._high - self._exact, far)
        if not with_slack:
            low, high = np.where(self.hidden, low, 0.0), np.where(self.hidden, high, 0.0)
        return low, high

    def _accept(self, move: Floats) -> None:
        """Remember the table that is `move` away, if it is whole, adds up, and agrees."""
        table = self._exact + np.rint(move)
        adds_up = not np.any(self.system @ np.rint(move))
        if adds_up and not np.any((table < self._low) | (table > self._high)):
            self.least, self.most = np.minimum(self.least, table), np.maximum(self.most, table)

    def _solve(self, price: Floats, low: Floats, high: Floats, *, whole: bool = False) -> None:
        """Look for the best move within bounds, and remember its table."""
        free = np.flatnonzero(low < high)
        system = csc_array(hstack([self.system[:, free], -self.system[:, free]]))
        top = np.concatenate([high[free], -low[free]])
        both = np.concatenate([price[free], -price[free]]) + (0.0 if whole else _LITTLE)
        found = solution(both, system, np.zeros(system.shape[0]), np.zeros(len(top)), top, whole=whole)
        if found is not None:
            move = np.zeros(len(low))
            up, down = np.split(found, 2)
            move[free] = up - down
            self._accept(move)

    def _sweep(self, patience: int) -> None:
        """Move all narrow cells at once, each as far as it needs, until that no longer helps."""
        while np.any(narrow := self.hidden & ~self.is_wide()) and patience:
            # Every other time all go up; in between the halves change places.
            is_up = (_spread(len(narrow), self._turn) < 0.5) | (self._turn % 2 == 0)
            low, high = self._reach(with_slack=self._has_slack)
            up, down = narrow & is_up, narrow & ~is_up
            high[up] = np.minimum(high, self.minimum - (self._exact - self.least))[up]
            low[down] = np.maximum(low, (self.most - self._exact) - self.minimum)[down]
            weight = 1 + 0.5 * _spread(len(narrow), self._turn + 1)
            self._solve(weight * (down.astype(np.float64) - up), low, high)
            self._turn += 1
            patience -= int(np.sum(self.hidden & ~self.is_wide()) == np.sum(narrow))

    def _settle(self, cell: int) -> None:
        """Make a narrow cell wide, or hide at least one cell more."""
        before = int(self.hidden.sum())
        # Corners that are not whole mostly have halves and thirds: further apart they may be whole.
        further = -(-self.minimum // _PARTS) * _PARTS
        for with_slack, apart in ((True, self.minimum), (False, self.minimum), (False, further)):
            if self._has_slack or not with_slack:
                self._widen(cell, apart, with_slack=with_slack)
            if self.hidden.sum() > before or self.is_wide()[cell]:
                return
        self._look_for_whole_tables(cell)
        if not self.is_wide()[cell]:
            self._hide_near(cell)

    def _look_for_whole_tables(self, cell: int) -> None:
        """Try, by branching, to make a cell wide that is wide in real numbers."""
        for sign in (1.0, -1.0):
            low, high = self._reach(with_slack=False)
            # No further than it needs: the first table that gets there ends the branching.
            high[cell] = min(high[cell], self.minimum - (self._exact - self.least)[cell])
            low[cell] = max(low[cell], (self.most - self._exact)[cell] - self.minimum)
            price = np.zeros(len(low))
            price[cell] = sign
            self._solve(price, low, high, whole=True)

    def _widen(self, cell: int, apart: int, *, with_slack: bool) -> None:
        """Hide the cheapest shown cells that let two tables be `apart` in this cell.

        Columns, for each of the two tables: moves that are free; a shown cell's further way up; its
        further way down, to one patient.
        """
        low, high = self._reach(with_slack=with_slack)
        free, shown = np.flatnonzero(low < high), np.flatnonzero(~self.hidden)
        system = _of_two_tables(self.system, free, shown, int(np.searchsorted(free, cell)))
        sums = np.zeros(system.shape[0])
        sums[-1] = apart
        far = np.full(len(shown), float(_REACH * self.minimum))
        down = np.minimum(self._exact[shown] + low[shown] - LEAST_HIDDEN, far)
        top = np.tile(np.concatenate([high[free], far, -low[free], down]), 2)
        price = np.concatenate([np.full(len(free), _LITTLE), self._price[shown]])
        found = solution(np.tile(price, 4), system, sums, np.zeros(len(top)), top)
        if found is not None:
            # Two tables, up and down.
            moves = found.reshape(2, 2, len(price))
            self._hide(shown[moves[:, :, len(free) :].sum(axis=(0, 1)) > _NOISE])
            for up, down in moves:
                move = np.zeros(len(low))
                move[free] = (up - down)[: len(free)]
                move[shown] += (up - down)[len(free) :]
                self._accept(move)

    def _hide_near(self, cell: int) -> None:
        """Hide the cheapest shown cell on a line of this one; with none left, all are wide."""
        near = (abs(self.system).T @ abs(self.system[:, [cell]])).toarray().ravel() > 0
        shown = np.flatnonzero(~self.hidden & near)
        if not len(shown):
            shown = np.flatnonzero(~self.hidden)
        if len(shown):
            self._hide(shown[[np.argmin(self._price[shown])]])
        else:
            # Any one cell and its margins may then be greater by any number of patients.
            self.most = self._exact + self.minimum


def _of_two_tables(system: csc_array, free: Places, shown: Places, apart: int) -> csc_array:
    """Give the equations of two tables in the columns of `_widen`; the last: how far they are apart."""
    half = hstack([system[:, free], system[:, shown]])
    one, width = hstack([half, -half]), half.shape[1]
    at = [apart, width + apart, 2 * width + apart, 3 * width + apart]
    difference = csr_array(([1.0, -1.0, -1.0, 1.0], ([0] * 4, at)), shape=(1, 4 * width))
    return csc_array(vstack([block_diag([one, one]), difference]))


def _prices(shape: tuple[int, ...], cells: Places) -> Floats:
    """Price cells by their place: a margin more than a cell; a little apart, so that no two tie."""
    totals = np.zeros(len(cells))
    for axis, index in enumerate(np.unravel_index(cells, shape)):
        totals += index == shape[axis] - 1
    apart = _spread(int(np.prod(shape)), 0)[cells]
    return np.asarray(2.0**totals * (1 + 0.01 * apart))
