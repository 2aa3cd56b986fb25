"""What the coordinator keeps of a question, and which envelopes it takes. Pure. spec/store.md 1.

* It reads the terms that it must know to relay: query id, analyst, audience, expiry. It verifies them
  first, with the analyst's key of the roster, so that nobody can have a question kept under another name.
* It judges nothing else: study, policy and budget are the nodes' business.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from coordinator.errors import AskError
from protocols.envelope import open_envelope
from protocols.errors import ProtocolError
from protocols.ids import AnalystId, CentreId, QueryId
from protocols.link import Ask, CentreState
from protocols.roster import Roster

LONGEST_DEADLINE = timedelta(seconds=600)
LONGEST_OPEN = timedelta(hours=168)
"""No question waits longer for a centre, whatever its terms say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """An envelope that was asked: whose, of whom, when, and until when a centre may still be asked."""

    query_id: QueryId
    analyst: AnalystId
    envelope: bytes
    audience: tuple[CentreId, ...]
    asked_at: datetime
    deadline_at: datetime
    open_until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """An answer as it came."""

    query_id: QueryId
    centre: CentreId
    body: bytes
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A question, and when which centre's answer came."""

    question: Question
    received: dict[CentreId, datetime]


def question_of(ask: Ask, analyst: AnalystId, roster: Roster, now: datetime) -> Question:
    """Verify an order and say what is to be kept of it. Raises AskError, with one public sentence."""
    try:
        terms = open_envelope(ask.envelope, roster.analysts).terms
    except ProtocolError as error:
        raise AskError(f"the envelope cannot be opened: {error}") from None
    if terms.analyst != analyst:
        raise AskError("the envelope is signed by another analyst than the one who sends it")
    if ask.audience != terms.audience:
        raise AskError("the centres are not those of the signed audience")
    wait = min(timedelta(milliseconds=ask.deadline_ms), LONGEST_DEADLINE)
    return Question(
        query_id=terms.query_id,
        analyst=analyst,
        envelope=ask.envelope,
        audience=terms.audience,
        asked_at=now,
        deadline_at=now + wait,
        open_until=_open_until(terms.not_after_ms, now),
    )


def _open_until(not_after_ms: int, now: datetime) -> datetime:
    longest = now + LONGEST_OPEN
    # Compared as a number first: the terms may name a year that no calendar has.
    if not_after_ms >= longest.timestamp() * 1000:
        return longest
    return datetime.fromtimestamp(not_after_ms / 1000, UTC)


def state_of(kept: Kept, centre: CentreId, now: datetime, *, is_online: bool) -> CentreState:
    """Say where a centre stands with a question."""
    if centre in kept.received:
        return CentreState.ANSWERED
    if now >= kept.question.open_until:
        return CentreState.EXPIRED
    if not is_online:
        return CentreState.OFFLINE
    return CentreState.LATE if now >= kept.question.deadline_at else CentreState.ASKED
