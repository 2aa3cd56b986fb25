"""The layout of an answer: which integer of the vector means what. spec/queries.md 5 and 6.

A statistic's contribution is fixed here in public terms (levels, bins, blocks, bounds, scales), from
the query and the dictionary alone: the node fills it and the estimator reads it. A block's bound
is proved in privacy/proofs/contributions.md.

* Cells: the levels of the `by` fields, the last one fastest; a field that may be missing has a
  last level for that. Empty cells are there too. Histogram bins and the two cells of a proportion
  (in, not in) go fastest of all.
* Every row adds to one cell at most, and a patient has at most `cap` rows, so with a row adding at
  most b to its cell, a patient's vector has an L2 norm of at most cap * b (triangle inequality).
* Quantiles have a tree of counts over bins in each group, and a row adds 1 to one node on each level:
  with h levels its norm is the root of h, and a patient's at most cap times that.
"""

from dataclasses import dataclass
from decimal import Decimal
from math import prod

from privacy.quantile_tree import QuantileTree
from privacy.units import Block
from protocols.dictionary import Code, Dictionary, Grid
from protocols.errors import QueryError
from protocols.queries import MAX_CELLS, MAX_SUPPRESSED_CELLS, Kind, Mode, Query

TEMPLATE_VERSION = 1

_SQUARE_STEPS = 2**19
_FOURTH_STEPS = 2**8

MAX_BINS = 256
"""Quantiles are read from at most so many bins: more would not be told apart through the noise."""

MAX_NODES = 5 * MAX_CELLS
"""A vector of trees has at most as many integers as that of the largest table of variances."""


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
class Bins:
    """The public grid of quantiles: bins of `steps` whole steps each, from the range's lower end.

    A bin is one value where the range has at most 256, as a questionnaire's score does; else the
    fewest steps for which 256 bins are enough. The last bin may be shorter.
    """

    grid: Grid

    @property
    def steps(self) -> int:
        """The length of a bin in steps."""
        return -(-(self.grid.width + 1) // MAX_BINS)

    @property
    def tree(self) -> QuantileTree:
        """The tree over the bins of one group."""
        return QuantileTree(leaves=-(-(self.grid.width + 1) // self.steps))

    def first(self, place: int) -> int:
        """The least value in a bin, in steps."""
        return self.grid.low + place * self.steps

    def last(self, place: int) -> int:
        """The greatest value in a bin, in steps: the point of the grid that it stands for."""
        return min(self.first(place + 1) - 1, self.grid.high)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The public shape of an answer.

    `levels` has, for each `by` field, its codes and None where it may be missing; `blocks` are in
    vector order, with their weights in the split of the loss. `moments` is there for sums, means
    and variances, `bins` and `probabilities` for quantiles.
    """

    kind: Kind
    levels: tuple[tuple[Code | None, ...], ...]
    edges: tuple[Decimal, ...]
    blocks: tuple[Block, ...]
    weights: tuple[int, ...]
    cap: int
    moments: Moments | None
    bins: Bins | None = None
    probabilities: tuple[Decimal, ...] = ()

    @property
    def groups(self) -> int:
        """The number of combinations of `by` levels."""
        return prod(len(levels) for levels in self.levels)

    @property
    def dims(self) -> tuple[int, ...]:
        """The table of a count, proportion or histogram as an array: groups, then bins or in and out."""
        groups = tuple(len(levels) for levels in self.levels)
        match self.kind:
            case Kind.HISTOGRAM:
                return (*groups, len(self.edges) - 1)
            case Kind.PROPORTION:
                return (*groups, 2)
            case _:
                return groups or (1,)

    @property
    def cells(self) -> int:
        """The number of rows of the result: groups, times bins of a histogram, or probabilities."""
        return self.groups * max(1, len(self.edges) - 1, len(self.probabilities))


def layout_of(query: Query, dictionary: Dictionary) -> Layout:
    """Lay out the answer to a canonical query. Raises QueryError when it has too many cells."""
    statistic = query.statistic
    levels = tuple(dictionary.field(name).levels for name in statistic.by)
    cap = dictionary.table(statistic.table).cap
    number = _number_of(query, dictionary)
    groups = prod(len(one) for one in levels)
    bins = max(1, len(statistic.edges) - 1, len(statistic.probabilities))
    if groups * bins > MAX_CELLS:
        raise QueryError(
            f"statistic: the table would have {groups * bins} cells, more than {MAX_CELLS}",
            "group by fewer fields",
        )
    if query.release.mode is Mode.SUPPRESSED and groups * bins > MAX_SUPPRESSED_CELLS:
        raise QueryError(
            f"statistic: the table would have {groups * bins} cells; mode suppressed takes at most"
            f" {MAX_SUPPRESSED_CELLS}",
            "group by fewer fields",
        )
    if isinstance(number, Bins):
        _check_nodes(groups, number.tree)
    blocks, weights = _blocks(statistic.kind, groups, bins, cap, number)
    return Layout(
        kind=statistic.kind,
        levels=levels,
        edges=statistic.edges,
        blocks=blocks,
        weights=weights,
        cap=cap,
        moments=number if isinstance(number, Moments) else None,
        bins=number if isinstance(number, Bins) else None,
        probabilities=statistic.probabilities,
    )


def _number_of(query: Query, dictionary: Dictionary) -> Moments | Bins | None:
    """Say how the variable is made into integers; None for the statistics that do not count in steps."""
    statistic = query.statistic
    if statistic.variable is None or statistic.kind in (Kind.PROPORTION, Kind.HISTOGRAM):
        return None
    bounds = dictionary.field(statistic.variable).numeric_range
    if bounds is None:
        raise RuntimeError("the query is not canonical")
    is_quantile = statistic.kind is Kind.QUANTILES
    return Bins(grid=bounds.grid) if is_quantile else Moments(grid=bounds.grid)


def _check_nodes(groups: int, tree: QuantileTree) -> None:
    if groups * tree.nodes > MAX_NODES:
        what = f"the trees of {groups} groups would have {groups * tree.nodes} nodes, more than {MAX_NODES}"
        raise QueryError(f"statistic: {what}", "group by fewer fields, or ask for a histogram with edges")


def _blocks(
    kind: Kind, groups: int, bins: int, cap: int, number: Moments | Bins | None
) -> tuple[tuple[Block, ...], tuple[int, ...]]:
    def block(name: str, size: int, bound: int, cells: int = 1) -> Block:
        # A row adds at most `bound` to each of `cells` cells.
        return Block(name=name, size=size, l2_squared=cells * (cap * bound) ** 2)

    match kind, number:
        case Kind.COUNT, None:
            return (block("count", groups, 1),), (1,)
        case Kind.HISTOGRAM, None:
            return (block("bins", groups * bins, 1),), (1,)
        case Kind.PROPORTION, None:
            return (block("in_out", groups * 2, 1),), (1,)
        case Kind.QUANTILES, Bins(tree=tree):
            return (block("tree", groups * tree.nodes, 1, cells=len(tree.sizes)),), (1,)
        case Kind.SUM, Moments(grid=grid):
            return (block("sum", groups, max(abs(grid.low), abs(grid.high))),), (1,)
        case ((Kind.MEAN | Kind.VARIANCE), Moments()):
            moments = number
        case _:
            raise RuntimeError("a kind has the number that it counts in")
    n = block("n", groups, 1)
    first = block("first", groups, moments.width)
    second = block("second", groups, moments.square_bound**2)
    if kind is Kind.MEAN:
        return (n, first, second), (1, 2, 1)
    third = block("third", groups, moments.fourth_bound**3)
    fourth = block("fourth", groups, moments.fourth_bound**4)
    return (n, first, second, third, fourth), (1, 1, 2, 1, 1)
