"""A tree of counts over the bins of a public grid: its shape, its consistency, its inversion. Pure.

* Bins are leaves; a node counts the rows of up to four nodes below it. There is no root: it would cost
  a level of noise, and the nodes of the highest level add up to the total.
* `consistent` gives the leaves that agree best with all noisy levels at once, by least squares.
* `noise_variance` is exact: what least squares makes of independent noise of variance 1 in each node.

Source: Hay, Rastogi, Miklau and Suciu 2010, PVLDB 3(1), section 4, here for nodes with any number of
children. Why the branching is four, and how large the errors are: privacy/proofs/quantile-tree.md.
"""

from bisect import bisect_left
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

BRANCHING = 4

Integers: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]
_Number = TypeVar("_Number", np.int64, np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantileTree:
    """The shape of a tree over so many leaves; its nodes stand from the highest level to the leaves."""

    leaves: int

    def __post_init__(self) -> None:
        if self.leaves < 1:
            msg = "a tree needs at least one leaf"
            raise RuntimeError(msg)

    @property
    def sizes(self) -> tuple[int, ...]:
        """The number of nodes on each level: at most four on the highest, the leaves on the last."""
        sizes = [self.leaves]
        while sizes[0] > BRANCHING:
            sizes.insert(0, -(-sizes[0] // BRANCHING))
        return tuple(sizes)

    @property
    def nodes(self) -> int:
        """The number of nodes on all levels."""
        return sum(self.sizes)

    def counted(self, leaves: Integers) -> Integers:
        """Sum exact counts of leaves up the tree: shape (..., leaves) to shape (..., nodes)."""
        levels = [leaves]
        for _ in self.sizes[1:]:
            levels.insert(0, _families(levels[0]))
        return np.concatenate(levels, axis=-1)


def _families(level: NDArray[_Number]) -> NDArray[_Number]:
    """Sum over the children of each node of the level above; its last one may have fewer than four."""
    starts = np.arange(0, level.shape[-1], BRANCHING)
    return np.add.reduceat(level, starts, axis=-1)


def _to_children(level: Floats, size: int) -> Floats:
    """Give each of `size` children what its parent has."""
    return np.repeat(level, BRANCHING, axis=-1)[..., :size]


@lru_cache(maxsize=256)
def _variances(tree: QuantileTree) -> tuple[Floats, ...]:
    """Give the noise variance of each node's best estimate from itself and what lies below it, by level.

    Two estimates of one count, the node's own (variance 1) and the sum of its children (S), are best
    joined with weights in inverse proportion, which leaves S / (1 + S): also the weight of its own.
    """
    levels = [np.ones(tree.leaves)]
    for _ in tree.sizes[1:]:
        below = _families(levels[0])
        levels.insert(0, below / (1 + below))
    return tuple(_kept(level) for level in levels)


def _kept(array: Floats) -> Floats:
    """Make an array that nobody can change: it is given to every caller."""
    array.setflags(write=False)
    return array


def consistent(tree: QuantileTree, nodes: Floats) -> Floats:
    """Give the counts of leaves that fit noisy nodes best: shape (..., nodes) to shape (..., leaves).

    The weighted least squares of all nodes, whose noise has one scale; the counts of inner nodes are
    then sums of leaves. Nodes that agree already come back unchanged, to the last bit.
    """
    measured = np.split(nodes, np.cumsum(tree.sizes)[:-1], axis=-1)
    variances = _variances(tree)
    upward = [measured[-1]]
    for own, weight in zip(measured[-2::-1], variances[-2::-1], strict=True):
        below = _families(upward[0])
        upward.insert(0, below + weight * (own - below))
    settled = upward[0]
    for level, variance in zip(upward[1:], variances[1:], strict=True):
        size = level.shape[-1]
        share = variance / _to_children(_families(variance), size)
        settled = level + share * _to_children(settled - _families(level), size)
    return settled


def monotone(leaves: Floats) -> Floats:
    """Give cumulative counts that never fall: the middle of the highest before and the lowest after.

    They lie between zero and the total, where that is above zero. Of counts that never fall the
    cumulative ones come back unchanged, and from no others is any true one further than from noise.
    """
    cumulative = np.cumsum(leaves, axis=-1)
    before = np.maximum.accumulate(cumulative, axis=-1)
    after = np.minimum.accumulate(cumulative[..., ::-1], axis=-1)[..., ::-1]
    return np.clip((before + after) / 2, 0, cumulative[..., -1:])


def first_reaching(cumulative: Floats, count: Fraction) -> int:
    """Give the first leaf whose cumulative count, shape (leaves,), reaches `count`; the last if none.

    Compared exactly: in floats 0.07 * 100 is above 7, and a quantile that is reached would be passed by.
    """
    return min(bisect_left(cumulative.tolist(), count), len(cumulative) - 1)


@lru_cache(maxsize=1024)
def noise_variance(tree: QuantileTree, probability: float) -> Floats:
    """Give, for each leaf k, the noise variance of (rows up to k) - probability * (all rows).

    In units of the variance of one node's noise, after `consistent`; shape (leaves,). Upwards, a weighted
    sum of siblings is a weight for their parent and a part that does not depend on the parent.
    """
    weights = np.tril(np.ones((tree.leaves, tree.leaves))) - probability
    variances = _variances(tree)
    apart = np.zeros(tree.leaves)
    for variance in variances[:0:-1]:
        together = _families(weights * variance)
        family = _families(variance)
        apart += (_families(weights**2 * variance) - together**2 / family).sum(axis=-1)
        weights = together / family
    return _kept(np.asarray(apart + (weights**2 * variances[0]).sum(axis=-1), dtype=np.float64))


def total_variance(tree: QuantileTree) -> float:
    """Give the noise variance of the number of all rows, in the units of `noise_variance`."""
    return float(_variances(tree)[0].sum())
