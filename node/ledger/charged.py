"""What was charged, oldest first: each question with who asked it, for a replay. Nothing is recounted."""

import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from node.errors import LedgerError
from node.ledger import events, log
from protocols.codec.queries import decode_query
from protocols.errors import ProtocolError
from protocols.ids import AnalystId, QueryId, StudyId
from protocols.queries import Query

_CHARGED = "SELECT seq, leaf, question, state FROM charge JOIN event USING (seq) ORDER BY seq"


@dataclass(frozen=True, slots=True, kw_only=True)
class Charged:
    """A charge. `state` is what came of it; `key` names the answer; `account` is the institution's name."""

    seq: int
    at: datetime
    study: StudyId
    analyst: AnalystId
    account: str
    query_id: QueryId
    key: str
    query: Query
    state: str


def charged(path: Path) -> tuple[Charged, ...]:
    """Give all charges of a ledger, oldest first. Raises LedgerError when they cannot be read."""
    try:
        with log.Log(path).reading() as db:
            return tuple(_charged(*row) for row in db.execute(_CHARGED))
    except sqlite3.Error as error:
        raise LedgerError(f"the ledger cannot be read ({error})") from None
    except (ProtocolError, KeyError, ValueError, TypeError):
        raise LedgerError("an event or a stored question cannot be read") from None


def _charged(seq: int, leaf: bytes, question: bytes, state: str) -> Charged:
    event = events.read_leaf(leaf)
    return Charged(
        seq=seq,
        at=datetime.fromisoformat(event["at"]).astimezone(UTC),
        study=StudyId(event["study"]),
        analyst=AnalystId(event["analyst"]),
        account=event["institution"],
        query_id=QueryId.parse(event["query"]),
        key=event["key"],
        query=decode_query(question),
        state=state,
    )
