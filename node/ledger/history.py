"""What happened, newest first: releases, repeats, refusals, answers that failed or were withheld.

It is read from the events and from the stored questions and releases; nothing is recounted. Every entry
is public as the ledger's events are: it holds no result.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from itertools import islice
from pathlib import Path
from typing import Any

from node.errors import LedgerError
from node.ledger import events, log
from node.periods import ALWAYS, Period
from node.question_words import question_words
from privacy.loss import ZERO, Loss
from protocols.codec.answers import decode_release
from protocols.codec.queries import decode_query
from protocols.errors import ProtocolError
from protocols.queries import Query
from protocols.releases import Release


class Outcome(Enum):
    """What came of a question."""

    RELEASED = "released"
    REPEATED = "repeated"
    REFUSED = "refused"
    FAILED = "failed"
    WITHHELD = "withheld"
    OPEN = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One question that was asked. `seq` is its event; `of` that of the charge that answers it.

    Of a refusal nothing is known but who, when and why: it was never charged. `repeats` is how often a
    release was asked for again.
    """

    seq: int
    at: datetime
    outcome: Outcome
    study: str
    analyst: str
    query_id: str
    of: int | None = None
    mode: str = ""
    cost: Loss = ZERO
    question: str = ""
    code: str = ""
    repeats: int = 0

    def to_json(self) -> dict[str, Any]:
        """Give one entry of the `skerry.releases/1` object."""
        return {
            "event": self.seq,
            "at": self.at.isoformat(),
            "outcome": self.outcome.value,
            "study": self.study,
            "analyst": self.analyst,
            "query_id": self.query_id,
            "charge": self.of,
            "mode": self.mode or None,
            "rho": str(self.cost),
            "question": self.question or None,
            "code": self.code or None,
            "repeats": self.repeats,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which entries are looked for; None is all. Without `everything`, releases alone."""

    period: Period = ALWAYS
    study: str | None = None
    analyst: str | None = None
    everything: bool = False

    def holds(self, one: Entry) -> bool:
        """Whether an entry is looked for."""
        return (
            (self.everything or one.outcome is Outcome.RELEASED)
            and self.period.holds(one.at.astimezone(UTC).date())
            and self.study in (None, one.study)
            and self.analyst in (None, one.analyst)
        )


_EVENTS = """
SELECT event.seq, leaf, state, question FROM event LEFT JOIN charge USING (seq) ORDER BY event.seq DESC
"""


def history(path: Path, wanted: Wanted, limit: int | None) -> tuple[Entry, ...]:
    """Give the latest entries, newest first. Raises LedgerError when the ledger cannot be read."""
    with _reading(path) as db:
        found = (entry for entry in _entries(db) if wanted.holds(entry))
        return tuple(islice(found, limit))


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    try:
        with log.Log(path).reading() as db:
            yield db
    except sqlite3.Error as error:
        raise LedgerError(f"the ledger cannot be read ({error})") from None
    except (ProtocolError, KeyError, ValueError, TypeError):
        raise LedgerError("an event or a stored question cannot be read") from None


def _entries(db: sqlite3.Connection) -> Iterator[Entry]:
    repeats: dict[int, int] = {}
    for seq, leaf, state, question in db.execute(_EVENTS):
        event = events.read_leaf(leaf)
        match event["kind"]:
            case "charged":
                yield _charged(seq, event, state, decode_query(question), repeats.pop(seq, 0))
            case "repeated":
                charge = int(event["charge"])
                repeats[charge] = repeats.get(charge, 0) + 1
                yield _repeated(seq, event, charge, _question_of(db, charge))
            case "refused":
                yield _entry(seq, event, Outcome.REFUSED, code=event["code"])
            case _:
                pass  # the end of a charge: it is told at the charge


def _question_of(db: sqlite3.Connection, charge: int) -> Query:
    row = db.execute("SELECT question FROM charge WHERE seq = ?", (charge,)).fetchone()
    if row is None:
        raise LedgerError("a charge is not in the ledger's index")
    return decode_query(row[0])


def _charged(seq: int, event: dict[str, Any], state: str, query: Query, repeats: int) -> Entry:
    outcome = Outcome.OPEN if state == "charged" else Outcome(state)
    return _entry(
        seq,
        event,
        outcome,
        of=seq,
        mode=event["mode"],
        cost=Loss(int(event["nano_rho"])),
        question=question_words(query),
        repeats=repeats,
    )


def _repeated(seq: int, event: dict[str, Any], charge: int, query: Query) -> Entry:
    mode, words = query.release.mode.value, question_words(query)
    return _entry(seq, event, Outcome.REPEATED, of=charge, mode=mode, question=words)


def _entry(seq: int, event: dict[str, Any], outcome: Outcome, **fields: Any) -> Entry:  # noqa: ANN401 -- Entry's
    return Entry(
        seq=seq,
        at=datetime.fromisoformat(event["at"]).astimezone(UTC),
        outcome=outcome,
        study=event["study"],
        analyst=event["analyst"],
        query_id=event["query"],
        **fields,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A release as it is stored, with its entry and its question."""

    entry: Entry
    query: Query
    release: Release


def stored_release(path: Path, seq: int) -> Stored | None:
    """Give the release that a charge paid for; None where there is no such charge or no release.

    Raises LedgerError when it cannot be read.
    """
    with _reading(path) as db:
        row = db.execute(
            "SELECT leaf, state, question, release FROM charge JOIN event USING (seq) WHERE seq = ?", (seq,)
        ).fetchone()
        if row is None or row[1] != "released":
            return None
        (asked,) = db.execute("SELECT count(*) FROM asked WHERE charge = ?", (seq,)).fetchone()
        query = decode_query(row[2])
        entry = _charged(seq, events.read_leaf(row[0]), row[1], query, asked - 1)
        return Stored(entry=entry, query=query, release=decode_release(row[3]))
