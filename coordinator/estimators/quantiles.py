"""Quantiles: the inverse distribution function on a public grid. protocols/spec/estimators.md 12.

The estimate for p is the last value of the first bin at which the noisy share of rows reaches p. The
interval holds every bin that the answer does not contradict, outward to the bins' ends: k is
contradicted where the rows up to k are clearly fewer than p n, or those before k clearly more,

    rows up to k - p n  <  -z √(cap n p (1 - p) + σ² v_k)      or the same before k, above +z √(...)

with v_k the exact noise variance of the difference in a consistent tree. That is Woodruff's interval
(1952, J. Am. Stat. Assoc. 47, 635), with the noise at every bin its own. Rows are counted in the tree
made consistent and then made to rise, which takes away noise that v_k still holds.
"""

import math
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import numpy as np

from coordinator.estimators.figures import Figures, Interval, no_figures, normal_quantile
from coordinator.estimators.totals import BlockTotal
from privacy.quantile_tree import (
    Floats,
    QuantileTree,
    consistent,
    first_reaching,
    monotone,
    noise_variance,
    total_variance,
)
from protocols.dictionary import Range
from protocols.layout import Bins


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicGrid:
    """What is public about the variable: its range, the bins over it, and the cap on rows per patient."""

    limits: Interval
    bins: Bins
    cap: int

    @classmethod
    def of(cls, bounds: Range, cap: int) -> "PublicGrid":
        """Take it from the dictionary's range."""
        limits = Interval(low=float(bounds.minimum), high=float(bounds.maximum))
        return cls(limits=limits, bins=Bins(grid=bounds.grid), cap=cap)

    def first(self, place: int) -> float:
        """The least value of a bin."""
        return self._value(self.bins.first(place))

    def last(self, place: int) -> float:
        """The greatest value of a bin."""
        return self._value(self.bins.last(place))

    def _value(self, steps: int) -> float:
        step = self.bins.grid.step
        # One division of whole numbers is rounded once; an end of the range may lie within a step.
        return self.limits.clip(steps * step.numerator / step.denominator)


def quantiles(
    block: BlockTotal, grid: PublicGrid, probabilities: tuple[Decimal, ...], confidence: float
) -> tuple[Figures, ...]:
    """Give the figures of every group and probability from the block `tree`, the probability fastest.

    They have no standard error: how far noise moves a quantile depends on the distribution around it,
    and the interval says it. A group not above its noise has no estimate and the whole range.
    """
    z = normal_quantile(confidence)
    tree = grid.bins.tree
    doubt = _Doubt(z=z, sigma=block.sigma, cap=grid.cap, tree=tree)
    leaves = consistent(tree, np.array(block.values, dtype=np.float64).reshape(-1, tree.nodes))
    return tuple(
        _quantile(rising, grid, probability, doubt)
        if doubt.is_above_noise(total)
        else no_figures(grid.limits, n=round(total))
        for rising, total in zip(monotone(leaves), np.cumsum(leaves, axis=-1)[:, -1].tolist(), strict=True)
        for probability in probabilities
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Doubt:
    """How far a difference of rows may lie from its true value: by sampling and by noise."""

    z: float
    sigma: float
    cap: int
    tree: QuantileTree

    def is_above_noise(self, total: float) -> bool:
        """Say whether a noisy number of rows is clearly above zero; at least one row is."""
        return total >= 1 and total > self.z * self.sigma * math.sqrt(total_variance(self.tree))

    def of(self, total: float, p: float) -> Floats:
        """Give z standard deviations of (rows up to k) - p n, for each bin k."""
        sampling = self.cap * total * p * (1 - p)
        return np.asarray(self.z * np.sqrt(sampling + self.sigma**2 * noise_variance(self.tree, p)))


def _quantile(rising: Floats, grid: PublicGrid, probability: Decimal, doubt: _Doubt) -> Figures:
    total = float(rising[-1])
    place = first_reaching(rising, Fraction(probability) * Fraction(total))
    p = float(probability)
    differences, spread = rising - p * total, doubt.of(total, p)
    # The last difference is above zero; where none is passed the interval begins at the first bin.
    lowest = int(np.argmax(differences >= -spread))
    not_passed = np.flatnonzero(differences <= spread)
    highest = int(not_passed[-1]) + 1 if not_passed.size else 0
    return Figures(
        estimate=grid.last(place),
        std_error=None,
        # Floats of enormous counts may round the ends past the estimate, which was compared exactly.
        ci_low=grid.first(min(lowest, place)),
        ci_high=grid.last(max(min(highest, doubt.tree.leaves - 1), place)),
        noise_sd=None,
        n=round(total),
    )
