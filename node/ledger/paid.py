"""What has been paid for already: an answer's own charge, or a finer one that contains it.

* The repeat key names an answer. A charge that has not failed stands for it, whoever asks again.
* A released answer of the same family and snapshot, of the same cohort or a wider one, may contain the
  one that is asked for (`families`, `protocols/roll_up.py`); adding its cells is free.
"""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from node.errors import LedgerError
from node.ledger import events
from node.ledger.events import Spend
from protocols.codec.queries import decode_query
from protocols.errors import WireError
from protocols.queries import Query
from protocols.refusals import RefusalCode

Contains: TypeAlias = Callable[[Query], bool]
"""Says whether a paid question contains the answer to the one that is asked."""

MOST_COMPARED = 64
"""So many released questions are looked through, the latest first."""

ENDS = {"failed": RefusalCode.FAILED, "withheld": RefusalCode.WITHHELD}
"""How a charge can end without a release, and what whoever asks is told."""


def nothing(_: Query) -> bool:
    """Say that no paid question contains the one that is asked."""
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Paid:
    """A charge as the index has it. `question` is what it paid for, `leaf` its event."""

    seq: int
    key: bytes
    question: bytes
    state: str
    release: bytes
    leaf: bytes

    def pays_for(self, spend: Spend) -> bool:
        """Whether an open charge was made for this answer, by this noise."""
        event = events.read_leaf(self.leaf)
        return self.key == spend.key.octets and events.noise_of(event) == spend.noise

    def finer(self, spend: Spend) -> Query | None:
        """Give the question of this charge, where it is not the one that is asked."""
        return None if self.question == spend.encoded else _decoded(self.question)


def read(db: sqlite3.Connection, seq: int) -> Paid:
    """Read a charge. Raises LedgerError when it is not there."""
    row = db.execute(
        "SELECT key, question, state, release, leaf FROM charge JOIN event USING (seq) WHERE seq = ?", (seq,)
    ).fetchone()
    if row is None:
        raise LedgerError("a charge is not in the ledger's index")
    key, question, state, release, leaf = row
    return Paid(seq=seq, key=key, question=question, state=state, release=release or b"", leaf=leaf)


def earlier(db: sqlite3.Connection, spend: Spend, contains: Contains) -> tuple[int | None, int]:
    """Find the charge that answers a question for nothing, and count how often its key was charged."""
    own = db.execute("SELECT seq, state FROM charge WHERE key = ?", (spend.key.octets,)).fetchall()
    standing = next((seq for seq, state in own if state != "failed"), None)
    if standing is None and contains is not nothing:
        standing = _containing(db, spend, contains)
    return standing, len(own)


def _containing(db: sqlite3.Connection, spend: Spend, contains: Contains) -> int | None:
    names = [one.octets for one in spend.families]
    places = ", ".join("?" * len(names))
    rows = db.execute(
        f"SELECT seq, question FROM charge WHERE family IN ({places}) AND snapshot = ?"  # noqa: S608 -- question marks
        " AND state = 'released' ORDER BY seq DESC LIMIT ?",
        (*names, spend.snapshot.octets, MOST_COMPARED),
    )
    return next((seq for seq, question in rows if contains(_decoded(question))), None)


@lru_cache(maxsize=4 * MOST_COMPARED)
def _decoded(question: bytes) -> Query:
    try:
        return decode_query(question)
    except WireError:
        raise LedgerError("a paid question cannot be read") from None
