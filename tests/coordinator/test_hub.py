"""The hub: one session a centre, and questions that never cost a centre its place on the link."""

import asyncio
from contextlib import aclosing

from coordinator.hub import Hub, Session
from coordinator.service import Service
from protocols.ids import CentreId, Digest, ExchangeId
from protocols.link import PROTOCOL, Ask, CentreState, FrameKind, Hello

BERLIN = CentreId("berlin")
HELLO = Hello(
    protocol=PROTOCOL, software="", dictionary=Digest(bytes(32)), dictionary_text=b"", snapshot_at=None
)
OPEN = 512


def _session() -> Session:
    return Session(centre=BERLIN, hello=HELLO)


async def _first_state(hub: Hub) -> CentreState:
    ask = Ask(envelope=b"x", audience=(BERLIN,), deadline_ms=60_000)
    async with aclosing(Service(hub, (BERLIN,)).ask(ask)) as steps:  # type: ignore[type-var]
        return (await anext(steps)).state


def _sent(session: Session) -> list[FrameKind | None]:
    kinds: list[FrameKind | None] = []
    while not session.outgoing.empty():
        message = session.outgoing.get_nowait()
        kinds.append(message.kind if message else None)
    return kinds


def test_a_flood_of_questions_does_not_cut_a_slow_centre_off() -> None:
    async def flood() -> None:
        hub, slow = Hub(), _session()
        hub.join(slow)
        open_ones = [hub.ask(BERLIN, ExchangeId.new(), b"x") for _ in range(OPEN)]
        assert await _first_state(hub) is CentreState.OFFLINE
        assert _sent(slow) == [FrameKind.QUERY] * OPEN
        again = _session()
        hub.join(again)
        assert _sent(again) == [FrameKind.QUERY] * OPEN
        assert _sent(slow) == [None]
        open_ones[0].cancel()
        await asyncio.sleep(0)
        assert await _first_state(hub) is CentreState.ASKED
        assert hub.session(BERLIN) is again

    asyncio.run(flood())


def test_a_centre_that_is_not_on_the_link_is_offline() -> None:
    assert asyncio.run(_first_state(Hub())) is CentreState.OFFLINE
