"""What leaves a centre: releases, receipts, answers. spec/releases.md.

A release is stored once and sent as often as it is asked for; its bytes never change. The answer
around it is made for one query id: the receipt says what this asking cost and what is left.
"""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from privacy.disclosure import Rule
from privacy.events import GaussianEvent
from privacy.loss import Loss
from protocols.canonical import sha256
from protocols.ids import CentreId, Digest, QueryId, SnapshotId
from protocols.queries import Query
from protocols.refusals import Refusal


def repeat_key(question: Digest, dictionary: Digest, snapshot: SnapshotId, template_version: int) -> Digest:
    """Name an answer: the same question on the same snapshot by the same template. spec/documents.md 3.

    Neither the nonce nor the analyst is in it, so a repeat by anybody costs nothing.
    """
    version = template_version.to_bytes(4, "big")
    return sha256("skerry/1 repeat", question.octets, dictionary.octets, snapshot.octets, version)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReleasedBlock:
    """One block of noisy integers with the event that made it; layout in protocols/layout.py."""

    name: str
    event: GaussianEvent
    values: NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SuppressedTable:
    """Counts after the centre's disclosure control: cells and margins as in spec/suppressed.md 2.

    `cells` is the extended table, flat in C order, SUPPRESSED where a count is not shown.
    """

    rule: Rule
    cells: NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Release:
    """What leaves a centre, and everything that its label says.

    `question` is the digest of the canonical query; `loss` the total charged for it. Mode `dp` has
    noisy `blocks` and no `table`; mode `suppressed` has a `table`, no blocks and no loss.
    """

    centre: CentreId
    question: Digest
    dictionary: Digest
    snapshot: SnapshotId
    snapshot_at: datetime
    released_at: datetime
    template_version: int
    loss: Loss
    cap: int
    blocks: tuple[ReleasedBlock, ...]
    table: SuppressedTable | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What this asking cost at the centre, what is left, and where the ledger says so.

    `event` is the leaf that paid for the release (an earlier one for a repeat), `proof` its
    inclusion proof in the tree of `tree_size` leaves with `tree_root`. A remaining budget is None
    where there is no limit; `questions_left` is that of mode `suppressed`, and None in mode `dp`.
    """

    charged: Loss
    is_repeat: bool
    registry_left: Loss | None
    study_left: Loss | None
    analyst_left: Loss | None
    event: bytes
    index: int
    tree_size: int
    tree_root: Digest
    proof: tuple[Digest, ...]
    questions_left: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """A release, as stored bytes, with the receipt of this asking.

    `finer` is the query that was paid for, when its release contains the answer to this one
    (protocols/roll_up.py); None when the release is this question's own.
    """

    release: bytes
    receipt: Receipt
    finer: Query | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a centre says to one query id, before it is signed."""

    centre: CentreId
    query_id: QueryId
    outcome: Granted | Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What a question would cost now and leave afterwards; None is no limit. `finer` as in Granted."""

    cost: Loss
    is_repeat: bool
    registry_left: Loss | None
    study_left: Loss | None
    analyst_left: Loss | None
    questions_left: int | None
    snapshot_at: datetime
    finer: Query | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What a centre says to a plan, before it is signed: a quote, or how it would refuse."""

    centre: CentreId
    query_id: QueryId
    outcome: Quote | Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedAnswer:
    """An answer's exact bytes, or a plan's, with the centre's signature over them. spec/releases.md 4."""

    payload: bytes
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayedAnswer:
    """A signed answer as it travels: sealed to who asked, or in the open. spec/sealing.md 4."""

    octets: bytes
    is_sealed: bool
