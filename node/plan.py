"""Query and dictionary to a plan: all that an answer needs, decided before the charge. Pure.

What can fail for public reasons (a query that the dictionary does not admit, too many cells, a loss
too small for any noise) fails here, so that after the charge only the machine can.
"""

from dataclasses import dataclass

from privacy.loss import Loss, split
from privacy.mechanisms import DiscreteGaussian
from protocols.codec.queries import question_digest
from protocols.dictionary import Dictionary
from protocols.ids import Digest, SnapshotId
from protocols.layout import TEMPLATE_VERSION, Layout, layout_of
from protocols.queries import Mode, Query
from protocols.releases import repeat_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A canonical query, its layout, and one calibrated mechanism for each block.

    Mode `suppressed` adds no noise and has no mechanism.
    """

    query: Query
    dictionary: Dictionary
    question: Digest
    layout: Layout
    mechanisms: tuple[DiscreteGaussian, ...]

    @property
    def loss(self) -> Loss:
        """What the whole release costs: the loss that was asked for."""
        return self.query.release.loss

    def repeat_key(self, snapshot: SnapshotId) -> Digest:
        """Name the answer that this plan gives on a snapshot."""
        return repeat_key(self.question, self.dictionary.digest, snapshot, TEMPLATE_VERSION)


def compile_plan(query: Query, dictionary: Dictionary) -> Plan:
    """Compile a canonical query. Raises QueryError (too many cells) or PrivacyError (loss too small)."""
    layout = layout_of(query, dictionary)
    if query.release.mode is Mode.SUPPRESSED:
        return Plan(
            query=query,
            dictionary=dictionary,
            question=question_digest(query),
            layout=layout,
            mechanisms=(),
        )
    losses = split(query.release.loss, layout.weights)
    pairs = zip(layout.blocks, losses, strict=True)
    return Plan(
        query=query,
        dictionary=dictionary,
        question=question_digest(query),
        layout=layout,
        mechanisms=tuple(DiscreteGaussian.calibrated(block, loss) for block, loss in pairs),
    )
