"""The hub: one session a centre, and questions that never cost a centre its place on the link."""

import asyncio
from contextlib import aclosing
from datetime import timedelta
from pathlib import Path

from coordinator.hub import MOST_ON_THE_WAY, Hub, Session
from protocols.ids import QueryId
from protocols.link import CentreState, FrameKind
from tests.coordinator.relay_desk import ADA, BERLIN, HELLO, Machine, Relay, order, sent, terms

ONE_MORE = 2 * MOST_ON_THE_WAY + 1


def test_the_newest_session_of_a_centre_wins() -> None:
    hub, first, second = Hub(), Session(centre=BERLIN, hello=HELLO), Session(centre=BERLIN, hello=HELLO)
    hub.join(first)
    hub.join(second)
    assert (hub.session(BERLIN), sent(first), sent(second)) == (second, [None], [])
    hub.leave(first)
    assert hub.session(BERLIN) is second
    hub.leave(second)
    assert hub.session(BERLIN) is None


def test_who_comes_and_goes_is_told() -> None:
    told: list[bool] = []
    hub = Hub(on_change=lambda: told.append(hub.session(BERLIN) is not None))
    session = Session(centre=BERLIN, hello=HELLO)
    assert not hub.was_here(BERLIN)
    hub.join(session)
    hub.leave(session)
    hub.leave(session)
    assert (told, hub.was_here(BERLIN)) == ([True, False], True)


async def _ask_many(machine: Machine, relay: Relay, count: int) -> list[QueryId]:
    """Ask so many questions of one centre, one after the other, each by somebody who goes at once."""
    ids = []
    for _ in range(count):
        machine.now += timedelta(milliseconds=1)
        signed = terms(audience=(BERLIN,))
        ids.append(signed.query_id)
        async with aclosing(relay.service.ask(ADA, order(signed))) as steps:
            assert (await anext(steps)).state is CentreState.ASKED
    return ids


def test_a_flood_of_questions_does_not_cut_a_slow_centre_off(tmp_path: Path) -> None:
    """Two loads and one more: each is sent once, in the end all of them, and no session ends over it."""

    async def flood() -> None:
        machine = Machine(tmp_path)
        async with machine.up() as relay:
            slow = await relay.join(BERLIN)
            ids = await _ask_many(machine, relay, ONE_MORE)
            assert sent(slow) == ids[:MOST_ON_THE_WAY]
            again = await relay.join(BERLIN)
            assert sent(slow) == [None]
            got = sent(again)
            assert got == ids[:MOST_ON_THE_WAY]
            while got:
                for query_id in got:
                    assert query_id is not None
                    await relay.answer(BERLIN, query_id, b"a")
                    ids.remove(query_id)
                got = sent(again)
            assert ids == []
            assert relay.hub.session(BERLIN) is again

    asyncio.run(flood())


def test_plans_are_bounded_too_and_leave_no_trace() -> None:
    async def plans() -> None:
        hub, session = Hub(), Session(centre=BERLIN, hello=HELLO)
        assert hub.plan(BERLIN, b"x") is None
        hub.join(session)
        futures = [hub.plan(BERLIN, b"x") for _ in range(MOST_ON_THE_WAY)]
        assert hub.plan(BERLIN, b"x") is None
        first = session.outgoing.get_nowait()
        assert first is not None
        assert (first.kind, first.body) == (FrameKind.PLAN, b"x")
        hub.take_quote(BERLIN, first)
        assert futures[0] is not None
        assert await futures[0] == b"x"
        hub.take_quote(BERLIN, first)
        await asyncio.sleep(0)
        assert hub.plan(BERLIN, b"x") is not None

    asyncio.run(plans())
