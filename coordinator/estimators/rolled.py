"""A coarser answer out of a finer release: its cells added up. protocols/roll_up.py, estimators.md 10.

Independent noises of one scale add up to one of scale sqrt(m), m the number of cells. Where cells have
different numbers of parts the largest counts for all: intervals are then a little too wide, never too short.
"""

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from privacy.events import GaussianEvent
from protocols.ids import Digest
from protocols.layout import Layout
from protocols.releases import Release, ReleasedBlock
from protocols.roll_up import RollUp


def rolled(release: Release, roll: RollUp, finer: Layout, asked: Digest) -> Release:
    """Give what a release of the finer layout says to the asked question."""
    blocks = tuple(_block(one, roll, finer.groups) for one in release.blocks)
    return replace(release, question=asked, blocks=blocks)


def _block(block: ReleasedBlock, roll: RollUp, groups: int) -> ReleasedBlock:
    cells = block.values.reshape(groups, -1)
    if roll.bins:
        cells = np.stack([cells[:, list(parts)].sum(axis=1) for parts in roll.bins], axis=1)
    values: NDArray[np.int64] = np.concatenate([cells[list(parts)].sum(axis=0) for parts in roll.groups])
    # The event of the sum, for its width; what was paid for stays in the release itself.
    event = GaussianEvent(l2_squared=block.event.l2_squared, sigma=block.event.sigma * math.sqrt(roll.most))
    return ReleasedBlock(name=block.name, event=event, values=values)
