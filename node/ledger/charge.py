"""A charge: proof that a loss is on disk. Only the ledger can make one.

The engine's read demands a `Charge`, so no path to patients' rows goes around the ledger.
"""

from dataclasses import InitVar, dataclass
from typing import final

from protocols.ids import Digest, QueryId

_MINT = object()
"""Held by this module and by `node.ledger.ledger`; a test looks that nobody else names it."""


@final
@dataclass(frozen=True, slots=True, eq=False)
class Charge:
    """One durable spend, for one answer: the repeat key says which."""

    mint: InitVar[object]
    seq: int
    key: Digest
    query_id: QueryId

    def __post_init__(self, mint: object) -> None:
        if mint is not _MINT:
            raise RuntimeError("only the ledger makes a charge")

    def __repr__(self) -> str:
        """Show the event's number only."""
        return f"Charge(seq={self.seq})"
