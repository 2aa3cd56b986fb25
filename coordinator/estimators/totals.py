"""Adds up the centres' vectors, block by block, after checking that they fit the question.

Sums are Python integers: every centre's int64 values fit, the sum of many need not.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from coordinator.errors import EstimateError
from privacy.units import Block
from protocols.layout import TEMPLATE_VERSION, Layout
from protocols.releases import Release


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockTotal:
    """One block of the federation's vector: an integer per cell, and what noise is in each.

    `sigmas` are the scales of the independent discrete Gaussians that were added to every cell,
    one per centre, in the block's integer units; rising, so that the centres' order is lost.
    """

    name: str
    values: tuple[int, ...]
    sigmas: tuple[float, ...]

    @property
    def sigma(self) -> float:
        """The standard deviation of the noise in one cell (an upper bound for small scales)."""
        return math.hypot(*self.sigmas)


def add_up(layout: Layout, releases: Sequence[Release]) -> tuple[BlockTotal, ...]:
    """Add the releases' vectors; one total per block, in the layout's order.

    Raises EstimateError when there is no release, when two are from one centre or answer different
    questions, and when one does not have the layout's blocks, bounds, cap and template version.
    """
    check_together(layout, releases)
    for release in releases:
        _check(layout, release)
    return tuple(_total(block, index, releases) for index, block in enumerate(layout.blocks))


def check_together(layout: Layout, releases: Sequence[Release]) -> None:
    """Check what holds for the releases of any mode: that they answer one question, each centre once.

    Raises EstimateError.
    """
    if not releases:
        raise EstimateError("no centre's release: there is nothing to estimate from")
    if len({release.centre for release in releases}) < len(releases):
        raise EstimateError("a centre's release stands twice and would be counted twice")
    if len({(release.question, release.dictionary) for release in releases}) > 1:
        raise EstimateError("the releases answer different questions")
    for release in releases:
        _check_version(layout, release)


def _check_version(layout: Layout, release: Release) -> None:
    who = f"the release of {release.centre}"
    if release.template_version != TEMPLATE_VERSION:
        what = f"has template version {release.template_version}, and {TEMPLATE_VERSION} is known"
        raise EstimateError(f"{who} {what}")
    if release.cap != layout.cap:
        what = f"allows {release.cap} rows per patient, the dictionary {layout.cap}"
        raise EstimateError(f"{who} {what}")


def _check(layout: Layout, release: Release) -> None:
    who = f"the release of {release.centre}"
    if release.table is not None:
        raise EstimateError(f"{who} is a table of mode suppressed")
    names = [block.name for block in release.blocks]
    wanted = [block.name for block in layout.blocks]
    if names != wanted:
        raise EstimateError(f"{who} has the blocks {names}, not {wanted}")
    for block, released in zip(layout.blocks, release.blocks, strict=True):
        if released.values.shape != (block.size,) or released.values.dtype != np.int64:
            what = f"has {released.values.dtype} values of shape {released.values.shape}"
            raise EstimateError(f"{who} {what} in {block.name!r}, not {block.size} int64 values")
        if released.event.l2_squared != block.l2_squared:
            # Its noise would have been made for another bound than the one that the label states.
            raise EstimateError(f"{who} has another bound in {block.name!r} than the layout")


def _total(block: Block, index: int, releases: Sequence[Release]) -> BlockTotal:
    columns = [release.blocks[index].values.tolist() for release in releases]
    return BlockTotal(
        name=block.name,
        values=tuple(sum(cell) for cell in zip(*columns, strict=True)),
        sigmas=tuple(sorted(release.blocks[index].event.sigma for release in releases)),
    )
