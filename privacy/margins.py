"""An extended table: the cells of a cross-table with all their margins, and what adds up in it.

The extended table of a table of shape (d1, ..., dm) has the shape (d1+1, ..., dm+1); the last index
of a dimension is its total. Every line along every dimension, lines of totals too, ends in the sum
of its other cells. Those equations are all that is known beforehand: m-way tables with all margins,
in which each published total is the total of one group.
"""

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, csr_array

from privacy.linear_program import Floats

_MOST_ROUNDS: Final = 20


def with_margins(inner: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give the extended table of a table of counts: each dimension one longer, its total last."""
    table = inner
    for axis in range(inner.ndim):
        table = np.concatenate([table, table.sum(axis=axis, keepdims=True)], axis=axis)
    return table


@lru_cache(maxsize=64)
def lines(shape: tuple[int, ...]) -> tuple[NDArray[np.int64], ...]:
    """Give, for each dimension, its lines as flat indices, a row a line, the total last."""
    places = np.arange(np.prod(shape), dtype=np.int64).reshape(shape)
    return tuple(np.moveaxis(places, axis, -1).reshape(-1, size) for axis, size in enumerate(shape))


@lru_cache(maxsize=64)
def equations(shape: tuple[int, ...]) -> csr_array:
    """Give independent equations that say all that adds up: 1 for a part, -1 for the total, sum 0.

    Along a dimension, lines are left out that lie in the total of a later one: they are sums of
    others. What stays has as many rows as there are margins, and so no row too many.
    """
    places = np.arange(np.prod(shape), dtype=np.int64).reshape(shape)
    rows: list[NDArray[np.int64]] = []
    for axis, size in enumerate(shape):
        inside = places[tuple(slice(None) if at <= axis else slice(-1) for at in range(len(shape)))]
        rows.extend(np.moveaxis(inside, axis, -1).reshape(-1, size))
    starts = np.cumsum([0, *(len(row) for row in rows)])
    signs = np.ones(starts[-1])
    signs[starts[1:] - 1] = -1
    return csr_array((signs, np.concatenate(rows), starts), shape=(len(rows), places.size))


def of_cells(system: csr_array, cells: NDArray[np.intp]) -> csc_array:
    """Give the equations in these cells alone, without the rows that hold none of them."""
    part = csr_array(system[:, cells])
    return csc_array(part[np.diff(part.indptr) > 0])


def narrowed(low: Floats, high: Floats, shape: tuple[int, ...]) -> tuple[Floats, Floats]:
    """Narrow bounds of flat cells by what each line says alone, in exact arithmetic.

    Bounds are whole numbers below 2^50 or infinite, so binary64 is exact. Where low ends above high no
    table fits; it stops there, because such bounds would grow apart for ever.
    """
    low, high = low.copy(), high.copy()
    for _ in range(_MOST_ROUNDS):
        before = low.copy(), high.copy()
        for along in lines(shape):
            _narrow(low, high, along)
        if np.any(low > high) or (np.array_equal(before[0], low) and np.array_equal(before[1], high)):
            break
    return low, high


def _narrow(low: Floats, high: Floats, along: NDArray[np.int64]) -> None:
    """Narrow, in place, each part by its total less the other parts, and each total by its parts."""
    parts, total = along[:, :-1], along[:, -1]
    others_low = low[parts].sum(axis=1, keepdims=True) - low[parts]
    others_high = _sum_of_others(high[parts])
    least, most = low[parts].sum(axis=1), high[parts].sum(axis=1)
    new_low = np.maximum(low[parts], low[total][:, None] - others_high)
    new_high = np.minimum(high[parts], high[total][:, None] - others_low)
    low[parts], high[parts] = new_low, new_high
    low[total] = np.maximum(low[total], least)
    high[total] = np.minimum(high[total], most)


def _sum_of_others(values: Floats) -> Floats:
    """Sum each row without the value itself; plain subtraction would make NaN of infinities."""
    is_infinite = np.isinf(values)
    finite = np.where(is_infinite, 0.0, values)
    infinite_others = is_infinite.sum(axis=1, keepdims=True) - is_infinite
    return np.where(infinite_others > 0, np.inf, finite.sum(axis=1, keepdims=True) - finite)
