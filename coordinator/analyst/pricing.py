"""From a wanted half-width to the loss that reaches it at every asked centre. protocols/spec/plans.md 4.

Counts, histograms and sums reach it always, because their width is known beforehand; means and
proportions in half of the answers, if the rows are as expected.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

from coordinator.estimators.expected import EXACT, expected_width, rows_of, sampling_width
from privacy.calibration import half_width_of, loss_for_half_width, smallest_loss
from privacy.errors import CalibrationError
from privacy.loss import MAX_QUERY_NANO_RHO, Loss
from protocols.canonical import decimal_text
from protocols.dictionary import Dictionary
from protocols.errors import QueryError
from protocols.layout import layout_of
from protocols.precision import MOST_ROWS, Assumed, HalfWidth, Pricing
from protocols.queries import Query

_LARGEST = Loss(MAX_QUERY_NANO_RHO)


def pricing_for(centres: int) -> Pricing:
    """Make the pricing of questions that are asked of so many centres."""

    def price(query: Query, dictionary: Dictionary, wanted: HalfWidth, assumed: Assumed) -> Loss:
        if query.statistic.kind in EXACT:
            return _by_noise(query, dictionary, wanted, centres)
        return _by_rows(query, dictionary, wanted, assumed, centres)

    return price


def _by_noise(query: Query, dictionary: Dictionary, wanted: HalfWidth, centres: int) -> Loss:
    layout = layout_of(query, dictionary)
    (block,) = layout.blocks
    step = layout.moments.grid.step if layout.moments else Fraction(1)
    confidence = float(wanted.confidence)
    try:
        most = math.floor(Fraction(wanted.value) / step)
        return loss_for_half_width(block, most, centres=centres, confidence=confidence)
    except CalibrationError:
        least = half_width_of(block, _LARGEST, centres=centres, confidence=confidence) * step
        raise _unreachable(wanted, float(least)) from None


def _by_rows(query: Query, dictionary: Dictionary, wanted: HalfWidth, assumed: Assumed, centres: int) -> Loss:
    confidence, width = float(wanted.confidence), float(wanted.value)
    least = sampling_width(query, dictionary, assumed, confidence)
    if least is None or least > width:
        rows = _rows_for(
            lambda n: sampling_width(query, dictionary, replace(assumed, n=n), confidence), width
        )
        raise _too_few_rows(wanted, rows_of(assumed), least, rows)

    def is_enough(loss: Loss) -> bool:
        asked = replace(query, release=replace(query.release, loss=loss))
        found = expected_width(asked, dictionary, assumed, centres=centres, confidence=confidence)
        return found.half_width is not None and found.half_width <= width

    try:
        return smallest_loss(is_enough)
    except CalibrationError:
        raise _unreachable(wanted, least) from None


def _rows_for(width_at: Callable[[int], float | None], wanted: float) -> int | None:
    """Give the smallest number of rows whose sampling part leaves room; None when no number does."""

    def is_enough(rows: int) -> bool:
        width = width_at(rows)
        return width is not None and width <= wanted

    if not is_enough(MOST_ROWS):
        return None
    low, high = 0, MOST_ROWS
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high


def _unreachable(wanted: HalfWidth, least: float) -> QueryError:
    what = f"release: half_width: {decimal_text(wanted.value)} is reached by no loss up to rho {_LARGEST}"
    return QueryError(what, f"ask for more than {least:.4g}")


def _too_few_rows(wanted: HalfWidth, rows: int, least: float | None, enough: int | None) -> QueryError:
    bare = "it says nothing" if least is None else f"it is {least:.3g}"
    what = (
        f"release: half_width: {decimal_text(wanted.value)} cannot be reached with {rows:,} rows: even"
        f" without noise {bare}, because the rows are a sample"
    )
    needed = "no number of rows would do" if enough is None else f"it takes {enough:,} rows or more"
    return QueryError(what, f"{needed}; or ask for a wider interval")
