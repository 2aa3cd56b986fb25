"""The differencing guard of mode `suppressed`: whether one more table may be shown beside earlier ones.

A suppression that holds for each table alone fails for several together: two tables that differ by one
patient give that patient away. Two rules, both over all that a centre has shown:

* **Difference.** No cell that is shown differs from an earlier one by 1 to k - 1 patients, and none from
  what an earlier one left out of everybody in its table (the complement).
* **Derivation.** The patients fall into atoms: those who are in the same cells of every table. An attacker
  who adds and subtracts everything that was shown bounds the number in each atom by linear programs. No
  atom of 1 to k - 1 patients and no suppressed cell may be bounded more narrowly than k.

Cells are compared as sets of patients, across snapshots: the same question after one admission is a
difference of one. proofs/overlap.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, csr_array, eye_array, hstack, vstack

from privacy.disclosure import SUPPRESSED, Rule, bounds_of
from privacy.linear_program import Floats, solution

MAX_ATOMS = 4_000
"""With more atoms than this the linear programs would take minutes: the table is then withheld."""

_SLACK = 1e-6
_REACH = 1000.0
_PATIENCE = 3
_SOME = 0.3
_HELPS = 0.97
_GOLDEN = (5**0.5 - 1) / 2

Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Membership:
    """Which patient is in which cell: numbers of patients, rising, each once; and their cells."""

    patients: Numbers
    cells: Numbers

    def __repr__(self) -> str:
        """Show no patient."""
        return "Membership()"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shown:
    """A table that was shown: who was in it, its dimensions, and its cells and margins as published."""

    members: Membership
    dims: tuple[int, ...]
    published: Numbers
    rule: Rule

    def __repr__(self) -> str:
        """Show no patient."""
        return f"Shown(dims={self.dims})"


@lru_cache(maxsize=64)
def summing(dims: tuple[int, ...]) -> csr_array:
    """Give the 0/1 matrix from a table's cells (C order) to its cells and margins (C order, totals last)."""
    rows, columns = [], []
    places = np.arange(int(np.prod(dims))).reshape(dims)
    for row, index in enumerate(product(*(range(size + 1) for size in dims))):
        taken = tuple(slice(None) if at == size else at for at, size in zip(index, dims, strict=True))
        inner = np.atleast_1d(places[taken]).ravel()
        rows.extend([row] * len(inner))
        columns.extend(inner.tolist())
    shape = (int(np.prod([size + 1 for size in dims])), places.size)
    return csr_array((np.ones(len(rows)), (rows, columns)), shape=shape)


def is_withheld(new: Shown, earlier: Sequence[Shown]) -> bool:
    """Say whether a table must be withheld beside the earlier ones."""
    return any(_differs_too_little(new, one) for one in earlier) or (
        bool(earlier) and _is_derivable((*earlier, new))
    )


def _differs_too_little(new: Shown, old: Shown) -> bool:
    """Compare every shown cell of two tables as sets, and with the complements in each table's whole."""
    _both, at_new, at_old = np.intersect1d(
        new.members.patients, old.members.patients, assume_unique=True, return_indices=True
    )
    inner = np.zeros((int(np.prod(new.dims)), int(np.prod(old.dims))))
    np.add.at(inner, (new.members.cells[at_new], old.members.cells[at_old]), 1)
    shared = summing(new.dims) @ inner @ summing(old.dims).T.toarray()
    sizes_new, sizes_old = _sizes(new)[:, None], _sizes(old)[None, :]
    # |c ^ d|, and |c ^ (everybody in the other's table - d)|.
    apart = sizes_new + sizes_old - 2 * shared
    in_old, in_new = shared[:, -1][:, None], shared[-1, :][None, :]
    left_of_old = sizes_old[0, -1] - sizes_old
    left_of_new = sizes_new[-1, 0] - sizes_new
    from_rest_of_old = sizes_new + left_of_old - 2 * (in_old - shared)
    from_rest_of_new = sizes_old + left_of_new - 2 * (in_new - shared)
    limit = max(new.rule.minimum, old.rule.minimum)
    compared = _is_shown(new)[:, None] & _is_shown(old)[None, :]
    # An empty cell is the same set in every table, and says nothing of anybody.
    compared &= (sizes_new > 0) & (sizes_old > 0)
    return any(
        bool(np.any(compared & (difference > 0) & (difference < limit)))
        for difference in (apart, from_rest_of_old, from_rest_of_new)
    )


def _sizes(table: Shown) -> Floats:
    counts = np.bincount(table.members.cells, minlength=int(np.prod(table.dims)))
    return np.asarray(summing(table.dims) @ counts, dtype=np.float64)


def _is_shown(table: Shown) -> NDArray[np.bool_]:
    return np.asarray(table.published != SUPPRESSED, dtype=np.bool_)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Knowledge:
    """What an attacker knows of the atoms: `matrix` @ atoms lies between `low` and `high`."""

    matrix: csr_array
    low: Floats
    high: Floats
    suppressed: NDArray[np.bool_]
    minimum: NDArray[np.int64]


def _is_derivable(tables: Sequence[Shown]) -> bool:
    everybody = np.unique(np.concatenate([one.members.patients for one in tables]))
    cells = np.full((len(tables), len(everybody)), -1, dtype=np.int64)
    for row, one in enumerate(tables):
        cells[row, np.searchsorted(everybody, one.members.patients)] = one.members.cells
    atoms, counts = np.unique(cells, axis=1, return_counts=True)
    if atoms.shape[1] > MAX_ATOMS:
        return True
    known = _knowledge(tables, atoms)
    limit = max(one.rule.minimum for one in tables)
    small = eye_array(atoms.shape[1]).tocsr()[counts < limit]
    targets = vstack([known.matrix[known.suppressed], small]).tocsr()
    wanted = np.concatenate([known.minimum[known.suppressed], np.full(small.shape[0], limit)])
    return not _all_wide(targets, wanted, known, counts.astype(np.float64))


def _knowledge(tables: Sequence[Shown], atoms: Numbers) -> _Knowledge:
    matrices, bounds, minimum, suppressed = [], [], [], []
    for row, one in enumerate(tables):
        inside = np.flatnonzero(atoms[row] >= 0)
        shape = (int(np.prod(one.dims)), atoms.shape[1])
        of_cell = csr_array((np.ones(len(inside)), (atoms[row, inside], inside)), shape=shape)
        matrices.append(summing(one.dims) @ of_cell)
        bounds += [bounds_of(int(value), one.rule) for value in one.published]
        minimum += [one.rule.minimum] * len(one.published)
        suppressed.append(~_is_shown(one))
    return _Knowledge(
        matrix=vstack(matrices).tocsr(),
        low=np.array([low for low, _ in bounds], dtype=np.float64),
        high=np.array([np.inf if high is None else high for _, high in bounds], dtype=np.float64),
        suppressed=np.concatenate(suppressed),
        minimum=np.array(minimum),
    )


def _all_wide(targets: csr_array, wanted: Numbers, known: _Knowledge, truth: Floats) -> bool:
    """Say whether every target may lie in an interval of at least the wanted width.

    A program that fails leaves its target narrow.
    """
    search = _Search(targets, wanted.astype(np.float64), known, truth)
    search.sweep()
    return all(search.is_wide(place) for place in range(targets.shape[0]))


class _Search:
    """The least and the greatest that each target has in any solution; the truth is the first of them.

    * A sweep is one program that raises many narrow atoms at once, each as far as it needs. It spares most
      targets the two programs of their own that decide about the others.
    * Atoms are sought up to a thousand minima above the truth: a bound more for the attacker, so what is
      found wide is wide.
    """

    def __init__(self, targets: csr_array, wanted: Floats, known: _Knowledge, truth: Floats) -> None:
        self._targets, self._wanted, self._truth = targets, wanted, truth
        rows = known.matrix.shape[0]
        # One column more for each row: what it adds up to.
        self._system = csc_array(hstack([known.matrix, -eye_array(rows)]))
        self._low = np.concatenate([np.zeros(len(truth)), known.low])
        self._high = np.concatenate([truth + _REACH * wanted.max(initial=1), known.high])
        self._least, self._greatest = targets @ truth, targets @ truth

    def sweep(self) -> None:
        """Raise narrow atoms together, until that no longer helps."""
        atoms = np.flatnonzero(np.diff(self._targets.indptr) == 1)
        columns = self._targets.indices[self._targets.indptr[atoms]]
        turn, patience = 0, _PATIENCE
        while patience and np.any(narrow := self._is_narrow()[atoms]):
            # Every third time all of them, else some: what is one's gain is another's loss.
            narrow &= (_spread(len(atoms), turn) < _SOME) | (turn % 3 == 0)
            high = self._high.copy()
            enough = (self._least + self._wanted)[atoms[narrow]]
            high[columns[narrow]] = np.maximum(self._truth[columns[narrow]], enough)
            price = np.zeros(len(self._truth))
            price[columns[narrow]] = -1 - 0.5 * _spread(len(atoms), turn + 1)[narrow]
            before = int(self._is_narrow().sum())
            self._solve(price, high)
            patience = patience - 1 if self._is_narrow().sum() > _HELPS * before else _PATIENCE
            turn += 1

    def is_wide(self, place: int) -> bool:
        """Decide about one target."""
        for sign in (-1.0, 1.0):
            if self._is_narrow()[place]:
                self._solve(sign * self._targets[[place]].toarray().ravel(), self._high)
        return not bool(self._is_narrow()[place])

    def _is_narrow(self) -> NDArray[np.bool_]:
        return np.asarray(self._greatest - self._least < self._wanted - _SLACK)

    def _solve(self, price: Floats, high: Floats) -> None:
        rows = self._system.shape[0]
        whole = np.concatenate([price, np.zeros(rows)])
        found = solution(whole, self._system, np.zeros(rows), self._low, high)
        if found is not None:
            values = self._targets @ found[: len(price)]
            self._least = np.minimum(self._least, values)
            self._greatest = np.maximum(self._greatest, values)


def _spread(count: int, turn: int) -> Floats:
    """Give numbers in [0, 1) that look unrelated: a Weyl sequence, the same on every machine."""
    return np.asarray((np.arange(1, count + 1) * _GOLDEN * (turn + 1)) % 1)
