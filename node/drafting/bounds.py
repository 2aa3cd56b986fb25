"""Ranges and caps that are near what was seen, and not it. Pure.

The least and the greatest value of a column belong to two patients. What is drafted is rounded outward to a
round number, and moved on where a round number was the extreme itself; nought stays, as the natural end of
what is never negative. It is still made from patients, and marked so.
"""

from decimal import Decimal
from fractions import Fraction

from protocols.dictionary import EXACT_INTEGERS, MAX_STEPS

_PARTS = 4
"""The unit of rounding is at most a quarter of the width seen."""

_FINEST = Fraction(1, 10**30)
"""A dictionary writes numbers with at most 40 digits behind the point."""

_STEPS = 2**20
"""The default step of a number's range (spec/dictionary.md 2)."""


def round_range(low: Decimal, high: Decimal, *, is_whole: bool) -> tuple[Decimal, Decimal] | None:
    """Give a round range that holds `low` to `high`; None where no dictionary could hold it."""
    if max(abs(low), abs(high)) >= EXACT_INTEGERS // 4:
        return None
    width = Fraction(high) - Fraction(low) or abs(Fraction(low)) or Fraction(1)
    if width < _FINEST:
        return None
    unit = _round_down(width / _PARTS)
    if is_whole:
        unit = max(unit, Fraction(1))
    floor, ceiling = Fraction(low) // unit, -(-Fraction(high) // unit)
    if floor * unit == low and low != 0:
        floor -= 1
    if ceiling * unit == high and high != 0:
        ceiling += 1
    minimum, maximum = floor * unit, ceiling * unit
    if minimum == maximum:  # nought alone was seen
        maximum += unit
    if max(abs(minimum), abs(maximum)) / ((maximum - minimum) / _STEPS) > EXACT_INTEGERS:
        return None
    return _decimal(minimum), _decimal(maximum)


def round_precision(minimum: Decimal, maximum: Decimal) -> int | None:
    """Give the step that a whole number's range needs to be held; None where 1 does."""
    step = 1
    while (maximum - minimum) / step > MAX_STEPS:
        step *= 10
    return step if step > 1 else None


def round_cap(most: int) -> int:
    """Give a round number of rows above the most that one patient has."""
    cap = 1
    while cap <= most:
        cap = _next(cap)
    return cap


def _next(number: int) -> int:
    """Give the next of 1, 2, 5, 10, 20, 50, ..."""
    first = int(str(number)[0])
    return number * 5 // 2 if first == 2 else number * 2


def _round_down(width: Fraction) -> Fraction:
    """Give the greatest of ..., 0.1, 0.2, 0.5, 1, 2, 5, ... that is not above `width`."""
    power = Fraction(1)
    while power > width:
        power /= 10
    while power * 10 <= width:
        power *= 10
    return power * max(times for times in (1, 2, 5) if power * times <= width)


def _decimal(value: Fraction) -> Decimal:
    # A whole number of units, and a unit is 1, 2 or 5 times a power of ten: it has an end in decimals.
    places = 0
    while value * 10**places != int(value * 10**places):
        places += 1
    return Decimal(int(value * 10**places)).scaleb(-places)
