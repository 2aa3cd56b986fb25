"""A charge: proof that a loss is on disk. Only the ledger can make one.

The engine's read demands a `Charge`, so no path to patients' rows goes around the ledger.
"""

from typing import final

from protocols.ids import Digest, QueryId

_MINT = object()
"""Held by this module and by `node.ledger.ledger`; a test looks that nobody else names it."""


@final
class Charge:
    """One durable spend, for one answer: the repeat key says which."""

    __slots__ = ("key", "query_id", "seq")

    def __init__(self, mint: object, *, seq: int, key: Digest, query_id: QueryId) -> None:
        if mint is not _MINT:
            raise RuntimeError("only the ledger makes a charge")
        self.seq = seq
        self.key = key
        self.query_id = query_id

    def __repr__(self) -> str:
        """Show the event's number only."""
        return f"Charge(seq={self.seq})"
