"""A coordinator on paper: a roster of two analysts and three centres, signed envelopes, a real store.

Time is the test's own; a restart is a new hub and new rounds over the same store.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from coordinator.hub import Hub, Session
from coordinator.memory import Memory
from coordinator.questions import Question, question_of
from coordinator.rounds import Rounds
from coordinator.service import Service
from coordinator.store import open_store
from protocols.envelope import seal
from protocols.frames import Message
from protocols.ids import AnalystId, CentreId, Digest, ExchangeId, QueryId
from protocols.link import PROTOCOL, Ask, FrameKind, Hello
from protocols.queries import SignedTerms
from protocols.roster import Analyst, Centre, Roster
from tests.members import keys_of
from tests.protocols.examples import COUNT, NOW, terms_of

BERLIN, OSLO, PARIS = CENTRES = (CentreId("berlin"), CentreId("oslo"), CentreId("paris"))
ADA, BOB = AnalystId("ada"), AnalystId("bob")
KEYS = {who: Ed25519PrivateKey.from_private_bytes(who.text.encode().ljust(32)) for who in (ADA, BOB)}
HOUR = timedelta(hours=1)
ROSTER = Roster(
    consortium="test",
    version=1,
    expires=NOW + timedelta(days=60),
    centres={one: Centre(id=one, institution=one.text, keys=keys_of(KEYS[ADA])) for one in CENTRES},
    analysts={who: Analyst(id=who, institution="x", keys=keys_of(key)) for who, key in KEYS.items()},
    officers={},
)
HELLO = Hello(
    protocol=PROTOCOL,
    software="",
    dictionary=Digest(bytes(32)),
    dictionary_text=b"",
    snapshot_at=None,
    roster_version=1,
)


def terms(**changes: object) -> SignedTerms:
    """Fresh terms of Ada's, valid for an hour."""
    valid = {"not_after_ms": int((NOW + HOUR).timestamp() * 1000)}
    fresh = {"query_id": QueryId.new(), "analyst": ADA, "audience": CENTRES}
    return terms_of(COUNT, **{**valid, **fresh, **changes})


def order(signed: SignedTerms, deadline_ms: int = 1_000) -> Ask:
    """The order to relay terms, sealed by their analyst."""
    return Ask(envelope=seal(signed, KEYS[signed.analyst]), audience=signed.audience, deadline_ms=deadline_ms)


def asked(at: datetime = NOW, **changes: object) -> Question:
    """A question that was asked, of fresh terms."""
    signed = terms(**changes)
    return question_of(order(signed), signed.analyst, ROSTER, at)


@dataclass
class Relay:
    """A coordinator that is up."""

    hub: Hub
    memory: Memory
    rounds: Rounds
    service: Service
    sessions: dict[CentreId, Session] = field(default_factory=dict)

    async def join(self, centre: CentreId) -> Session:
        """Have a centre join the link; give its session."""
        session = self.sessions[centre] = Session(centre=centre, hello=HELLO)
        self.hub.join(session)
        await self.rounds.joined(session)
        return session

    def leave(self, centre: CentreId) -> None:
        """Have a centre leave the link."""
        self.hub.leave(self.sessions.pop(centre))

    async def answer(self, centre: CentreId, query_id: QueryId, body: bytes) -> None:
        """Have a centre answer."""
        message = Message(kind=FrameKind.ANSWER, exchange=ExchangeId(query_id.octets), body=body)
        await self.rounds.answered(self.sessions[centre], message)


@dataclass
class Machine:
    """Where the store lies, and the clock."""

    folder: Path
    now: datetime = NOW
    roster: Roster = ROSTER

    @asynccontextmanager
    async def up(self, return_within_s: float = 0.0) -> AsyncGenerator[Relay, None]:
        """Start a coordinator; it has ended when the block ends."""
        hub, memory = Hub(), Memory(open_store(self.folder / "coordinator.db"))
        rounds = Rounds(hub, memory, lambda: self.roster, lambda: self.now, return_within_s)
        service = Service(hub, memory, rounds, lambda: self.roster, lambda: self.now)
        try:
            yield Relay(hub=hub, memory=memory, rounds=rounds, service=service)
        finally:
            await memory.close()


def sent(session: Session) -> list[QueryId | None]:
    """Take what waits for a centre: the ids of questions; None for the end of its session."""
    ids: list[QueryId | None] = []
    while not session.outgoing.empty():
        message = session.outgoing.get_nowait()
        ids.append(QueryId(message.exchange.octets) if message else None)
    return ids
