"""The layout of an answer: which integer of the vector means what. spec/queries.md 5 and 6.

A statistic's contribution is fixed here in public terms (levels, bins, blocks, bounds, scales), from
the query and the dictionary alone: the node fills it and the estimator reads it. A block's bound
is proved in privacy/proofs/contributions.md.

* Cells: the levels of the `by` fields, the last one fastest; a field that may be missing has a
  last level for that. Empty cells are there too. Histogram bins and the two cells of a proportion
  (in, not in) go fastest of all.
* Every row adds to one cell at most, and a patient has at most `cap` rows, so with a row adding at
  most b to its cell, a patient's vector has an L2 norm of at most cap * b (triangle inequality).
"""

from dataclasses import dataclass
from decimal import Decimal
from math import prod
from typing import assert_never

from privacy.units import Block
from protocols.dictionary import Code, Dictionary, Grid
from protocols.errors import QueryError
from protocols.queries import MAX_CELLS, Kind, Query

TEMPLATE_VERSION = 1

_SQUARE_STEPS = 2**19
_FOURTH_STEPS = 2**8


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """How powers of a number are made into integers.

    A value of v steps becomes the centred integer x = 2v - (low + high) in [-width, width]. Its
    square is taken of y = x / square_divisor and its third and fourth powers of
    z = x / fourth_divisor, rounded to the nearest integer, so that the sums of 2^24 rows stay within
    62 bits. Even powers are centred once more (2y^2 - Y^2), which halves their bound.
    """

    grid: Grid

    @property
    def width(self) -> int:
        """The bound of x."""
        return self.grid.width

    @property
    def square_divisor(self) -> int:
        """The divisor of x before squaring; 1 for ranges of up to 2^19 steps."""
        return _odd_divisor(self.width, _SQUARE_STEPS)

    @property
    def fourth_divisor(self) -> int:
        """The divisor of x before the third and fourth power."""
        return _odd_divisor(self.width, _FOURTH_STEPS)

    @property
    def square_bound(self) -> int:
        """The bound of y."""
        return _divided(self.width, self.square_divisor)

    @property
    def fourth_bound(self) -> int:
        """The bound of z."""
        return _divided(self.width, self.fourth_divisor)


def _odd_divisor(width: int, steps: int) -> int:
    """Give the least odd divisor that leaves at most so many steps.

    An odd divisor of an integer has no ties to round: ties go outwards, and would widen the spread.
    """
    return -(-width // steps) | 1


def _divided(value: int, divisor: int) -> int:
    return (2 * value + divisor) // (2 * divisor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The public shape of an answer.

    `levels` has, for each `by` field, its codes and None where it may be missing; `blocks` are in
    vector order, with their weights in the split of the loss. `moments` is there for sums, means
    and variances.
    """

    kind: Kind
    levels: tuple[tuple[Code | None, ...], ...]
    edges: tuple[Decimal, ...]
    blocks: tuple[Block, ...]
    weights: tuple[int, ...]
    cap: int
    moments: Moments | None

    @property
    def groups(self) -> int:
        """The number of combinations of `by` levels."""
        return prod(len(levels) for levels in self.levels)

    @property
    def cells(self) -> int:
        """The number of rows of the result: groups, times bins for a histogram."""
        return self.groups * max(1, len(self.edges) - 1)


def layout_of(query: Query, dictionary: Dictionary) -> Layout:
    """Lay out the answer to a canonical query. Raises QueryError when it has too many cells."""
    statistic = query.statistic
    levels = tuple(dictionary.field(name).levels for name in statistic.by)
    cap = dictionary.table(statistic.table).cap
    moments = None
    if statistic.variable is not None and statistic.kind in (Kind.SUM, Kind.MEAN, Kind.VARIANCE):
        bounds = dictionary.field(statistic.variable).numeric_range
        if bounds is None:
            raise RuntimeError("the query is not canonical")
        moments = Moments(grid=bounds.grid)
    groups = prod(len(one) for one in levels)
    bins = max(1, len(statistic.edges) - 1)
    if groups * bins > MAX_CELLS:
        raise QueryError(
            f"statistic: the table would have {groups * bins} cells, more than {MAX_CELLS}",
            "group by fewer fields",
        )
    blocks, weights = _blocks(statistic.kind, groups, bins, cap, moments)
    return Layout(
        kind=statistic.kind,
        levels=levels,
        edges=statistic.edges,
        blocks=blocks,
        weights=weights,
        cap=cap,
        moments=moments,
    )


def _blocks(
    kind: Kind, groups: int, bins: int, cap: int, moments: Moments | None
) -> tuple[tuple[Block, ...], tuple[int, ...]]:
    def block(name: str, size: int, bound: int) -> Block:
        return Block(name=name, size=size, l2_squared=(cap * bound) ** 2)

    match kind:
        case Kind.COUNT:
            return (block("count", groups, 1),), (1,)
        case Kind.HISTOGRAM:
            return (block("bins", groups * bins, 1),), (1,)
        case Kind.PROPORTION:
            return (block("in_out", groups * 2, 1),), (1,)
        case Kind.SUM | Kind.MEAN | Kind.VARIANCE:
            if moments is None:
                raise RuntimeError("a moment needs a grid")
        case _:
            assert_never(kind)
    n = block("n", groups, 1)
    first = block("first", groups, moments.width)
    second = block("second", groups, moments.square_bound**2)
    if kind is Kind.SUM:
        largest = max(abs(moments.grid.low), abs(moments.grid.high))
        return (block("sum", groups, largest),), (1,)
    if kind is Kind.MEAN:
        return (n, first, second), (1, 2, 1)
    third = block("third", groups, moments.fourth_bound**3)
    fourth = block("fourth", groups, moments.fourth_bound**4)
    return (n, first, second, third, fourth), (1, 1, 2, 1, 1)
