"""What leaves a centre: releases, receipts, answers. spec/releases.md.

A release is stored once and sent as often as it is asked for; its bytes never change. The answer
around it is made for one query id: the receipt says what this asking cost and what is left.
"""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from privacy.events import GaussianEvent
from privacy.loss import Loss
from protocols.canonical import sha256
from protocols.ids import CentreId, Digest, QueryId, SnapshotId
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
class Release:
    """A centre's noisy vector and everything that its label says.

    `question` is the digest of the canonical query; `loss` the total charged for it.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What this asking cost at the centre, what is left, and where the ledger says so.

    `event` is the leaf that paid for the release (an earlier one for a repeat), `proof` its
    inclusion proof in the tree of `tree_size` leaves with `tree_root`. A remaining budget is None
    where there is no limit.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """A release, as stored bytes, with the receipt of this asking."""

    release: bytes
    receipt: Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a centre says to one query id, before it is signed."""

    centre: CentreId
    query_id: QueryId
    outcome: Granted | Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedAnswer:
    """An answer's exact bytes with the centre's signature over them. spec/releases.md 4."""

    payload: bytes
    signature: bytes
