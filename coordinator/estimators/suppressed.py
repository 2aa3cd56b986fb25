"""Tables of mode `suppressed`: counts as the centres showed them, and what can be said of the rest.

No noise is added, so an interval here is not a matter of chance: it holds the count for certain. For a
cell that was shown it is the rounding; for a suppressed one it is what follows from the margins, by the
attacker's own linear program (privacy/suppression.py): an analyst may know what anybody can know.
protocols/spec/estimators.md 9.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from coordinator.errors import EstimateError
from coordinator.estimators.figures import Figures, normal_quantile
from coordinator.estimators.proportions import wilson
from privacy.disclosure import SUPPRESSED
from privacy.errors import PrivacyError
from privacy.suppression import feasible
from protocols.layout import Layout
from protocols.queries import Kind
from protocols.releases import Release, SuppressedTable

_MOST_PATIENTS = 2**48
"""Beyond it a table is nonsense, and its sums would no longer be exact."""

Index = tuple[int, ...]
"""A place in a table: a level of each dimension, or its size for the total over it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A cell or margin of a suppressed table."""

    index: Index
    is_shown: bool
    figures: Figures


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Total:
    """The centres' tables added up: what was shown, and the least and the greatest that it can be."""

    value: NDArray[np.int64]
    is_shown: NDArray[np.bool_]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def check_table(layout: Layout, release: Release) -> SuppressedTable:
    """Give a release's table, if it has the layout's shape. Raises EstimateError."""
    table = release.table
    wanted = math.prod(size + 1 for size in layout.dims)
    if table is None or release.blocks:
        raise EstimateError(f"the release of {release.centre} is no table of mode suppressed")
    if table.cells.shape != (wanted,) or np.any(table.cells < SUPPRESSED):
        raise EstimateError(f"the table of {release.centre} has not {wanted} counts")
    if table.cells.sum(dtype=np.float64) > _MOST_PATIENTS:
        raise EstimateError(f"the table of {release.centre} has more patients than there are")
    return table


def suppressed_cells(layout: Layout, releases: Sequence[Release], confidence: float) -> tuple[Cell, ...]:
    """Give every cell and margin, in C order with totals last; a proportion's two cells are one.

    Raises EstimateError when a release does not fit the layout, or contradicts itself, or no confidence
    is given.
    """
    z = normal_quantile(confidence)
    total = _added([check_table(layout, one) for one in releases], layout)
    if layout.kind is Kind.PROPORTION:
        return tuple(_proportions(total, layout, z))
    return tuple(
        Cell(index=index, is_shown=bool(total.is_shown[index]), figures=_count(total, index))
        for index in product(*(range(size + 1) for size in layout.dims))
    )


def _added(tables: list[SuppressedTable], layout: Layout) -> _Total:
    shape = tuple(size + 1 for size in layout.dims)
    lows, highs = [], []
    for table in tables:
        try:
            low, high = feasible(table.cells.reshape(shape), table.rule)
        except PrivacyError:
            raise EstimateError("a centre's table contradicts itself") from None
        lows.append(low)
        highs.append(high)
    cells = np.array([table.cells.reshape(shape) for table in tables])
    return _Total(
        value=np.where(cells == SUPPRESSED, 0, cells).sum(axis=0),
        is_shown=np.all(cells != SUPPRESSED, axis=0),
        low=np.sum(lows, axis=0),
        high=np.sum(highs, axis=0),
    )


def _count(total: _Total, index: Index) -> Figures:
    estimate = int(total.value[index]) if total.is_shown[index] else None
    low, high = float(total.low[index]), float(total.high[index])
    if estimate is not None:
        # A rounded number may lie outside of what the rule and the table's lines leave of the count.
        low, high = min(low, estimate), max(high, estimate)
    return Figures(
        estimate=estimate,
        std_error=None,
        ci_low=round(low),
        ci_high=round(high) if math.isfinite(high) else None,
        noise_sd=None,
    )


def _proportions(total: _Total, layout: Layout, z: float) -> Iterator[Cell]:
    """Give in / (in + out) for each group and margin of groups: Wilson's interval at both bounds."""
    for group in product(*(range(size + 1) for size in layout.dims[:-1])):
        inside, out, both = (*group, 0), (*group, 1), (*group, 2)
        is_shown = bool(total.is_shown[inside] and total.is_shown[both])
        n = int(total.value[both]) if total.is_shown[both] else None
        low = _share(total.low[inside], total.high[out], z, end=0)
        high = _share(total.high[inside], total.low[out], z, end=1)
        estimate = int(total.value[inside]) / n if is_shown and n else None
        if estimate is not None:
            # Cells are rounded one by one: their quotient may lie a little outside.
            estimate = min(max(estimate, low), high)
        figures = Figures(
            estimate=estimate,
            std_error=math.sqrt(estimate * (1 - estimate) / n) if estimate is not None and n else None,
            ci_low=low,
            ci_high=high,
            noise_sd=None,
            n=n,
        )
        yield Cell(index=group, is_shown=is_shown, figures=figures)


def _share(inside: float, out: float, z: float, *, end: int) -> float:
    """Give one end of the interval of a proportion, at counts that are possible."""
    n = inside + out
    if not math.isfinite(n) or n < 1:
        return float(end)
    if n in (inside, out):
        # Wilson's ends at none and at all are exactly these; computed, they miss by the last digit.
        edge = float(inside > 0)
        if edge == end:
            return edge
    interval = wilson(inside / n, z * z / n, 0.0)
    return float(min(max((interval.low, interval.high)[end], 0.0), 1.0))
