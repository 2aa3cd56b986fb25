"""The policies that came into force: their events, and their exact bytes. spec/ledger.md 2 and 3.

The event, which the tree holds, names the SHA-256 of the file. So a ledger whose kept bytes are gone, or
are others, is not taken for one in which no policy ever was.
"""

import hashlib
import sqlite3
from dataclasses import dataclass
from datetime import datetime

from node.errors import LedgerError
from node.ledger import events, log

_LATEST = """
SELECT leaf, octets FROM event LEFT JOIN policy USING (seq)
WHERE json_extract(CAST(leaf AS TEXT), '$.kind') = 'policy' ORDER BY seq DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyInForce:
    """The policy that came into force last: the exact bytes of its file, and when that was."""

    octets: bytes
    at: datetime


def sha256_of(octets: bytes) -> str:
    """Name a policy file, as `sha256sum` prints it."""
    return hashlib.sha256(octets).hexdigest()


def latest(db: sqlite3.Connection) -> PolicyInForce | None:
    """Give the policy in force; None where none ever was. Raises LedgerError when its bytes are not kept."""
    row = db.execute(_LATEST).fetchone()
    if row is None:
        return None
    event, octets = events.read_leaf(row[0]), row[1]
    if octets is None or sha256_of(octets) != event.get("policy"):
        raise LedgerError("the policy in force is not the one that the ledger's events name")
    try:
        return PolicyInForce(octets=octets, at=datetime.fromisoformat(event["at"]))
    except (KeyError, ValueError, TypeError):
        raise LedgerError("the event of the policy in force cannot be read") from None


def note(db: sqlite3.Connection, octets: bytes, signers: frozenset[str], at: datetime) -> None:
    """Note that a policy file is in force from now on, and keep its bytes."""
    seq = log.append(db, events.policy_leaf(sha256_of(octets), signers, at))
    db.execute("INSERT INTO policy (seq, octets) VALUES (?, ?)", (seq, octets))
