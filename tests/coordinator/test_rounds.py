"""A question on its way: kept first, asked again, told once; whoever stops, returns or restarts."""

import asyncio
import random
from collections.abc import Coroutine
from contextlib import aclosing, suppress
from pathlib import Path

import pytest

from coordinator.errors import AskError, StoreError, TakenError, UnknownQuestionError
from coordinator.questions import LONGEST_OPEN, Arrived, question_of
from coordinator.store import Store
from protocols.envelope import Purpose, seal
from protocols.ids import CentreId, QueryId
from protocols.link import Ask, CentreState, Listing, Progress
from tests.coordinator.relay_desk import (
    ADA,
    BERLIN,
    BOB,
    CENTRES,
    HOUR,
    KEYS,
    OSLO,
    PARIS,
    ROSTER,
    Machine,
    Relay,
    order,
    sent,
    terms,
)
from tests.protocols.examples import NOW

ASKED, ANSWERED, OFFLINE, LATE, EXPIRED = (
    CentreState.ASKED,
    CentreState.ANSWERED,
    CentreState.OFFLINE,
    CentreState.LATE,
    CentreState.EXPIRED,
)
SEED = 20260729


async def steps_of(relay: Relay, ask: Ask) -> list[tuple[CentreId, CentreState]]:
    """Ask and wait for the end of the steps."""
    return [(step.centre, step.state) async for step in relay.service.ask(ADA, ask)]


class Watching:
    """Somebody who asks and listens on, while the test does other things."""

    def __init__(self, relay: Relay, ask: Ask) -> None:
        self.ask = ask
        self.steps: list[Progress] = []
        self._news = asyncio.Event()
        self._task = asyncio.create_task(self._listen(relay, ask))

    async def _listen(self, relay: Relay, ask: Ask) -> None:
        async with aclosing(relay.service.ask(ADA, ask)) as steps:
            async for step in steps:
                self.steps.append(step)
                self._news.set()

    async def until(self, centre: CentreId, state: CentreState) -> None:
        """Wait for a step."""
        async with asyncio.timeout(10):
            while (centre, state) not in [(step.centre, step.state) for step in self.steps]:
                self._news.clear()
                await self._news.wait()

    async def end(self) -> list[tuple[CentreId, CentreState]]:
        """Wait for the end; give the steps."""
        async with asyncio.timeout(10):
            await self._task
        return [(step.centre, step.state) for step in self.steps]

    async def go(self) -> None:
        """Break the connection."""
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task


def run(story: Coroutine[object, object, None]) -> None:
    asyncio.run(asyncio.wait_for(story, 30))


def test_everybody_answers_and_hears_it_once(tmp_path: Path) -> None:
    async def story() -> None:
        async with Machine(tmp_path).up() as relay:
            sessions = [await relay.join(centre) for centre in CENTRES]
            signed = terms()
            watching = Watching(relay, order(signed))
            await watching.until(PARIS, ASKED)
            assert [sent(session) for session in sessions] == [[signed.query_id]] * 3
            for centre in CENTRES:
                await relay.answer(centre, signed.query_id, centre.text.encode())
            steps = await watching.end()
            assert steps == [(one, ASKED) for one in CENTRES] + [(one, ANSWERED) for one in CENTRES]
            assert [one.answer for one in watching.steps[3:]] == [b"berlin", b"oslo", b"paris"]

    run(story())


def test_a_centre_that_is_not_on_the_link_is_offline_and_nobody_waits_for_it(tmp_path: Path) -> None:
    async def story() -> None:
        async with Machine(tmp_path).up() as relay:
            assert await steps_of(relay, order(terms(), 600_000)) == [(one, OFFLINE) for one in CENTRES]

    run(story())


def test_a_centre_that_is_silent_is_late_at_the_deadline(tmp_path: Path) -> None:
    async def story() -> None:
        async with Machine(tmp_path).up() as relay:
            await relay.join(OSLO)
            ask = order(terms(audience=(BERLIN, OSLO)), 50)
            assert await steps_of(relay, ask) == [(BERLIN, OFFLINE), (OSLO, ASKED), (OSLO, LATE)]

    run(story())


def test_a_late_answer_is_kept_and_its_centre_is_asked_again_when_it_returns(tmp_path: Path) -> None:
    async def story() -> None:
        machine, signed = Machine(tmp_path), terms(audience=(BERLIN, OSLO))
        async with machine.up() as relay:
            await relay.join(OSLO)
            await steps_of(relay, order(signed, 0))
            assert sent(await relay.join(BERLIN)) == [signed.query_id]
            await relay.answer(BERLIN, signed.query_id, b"late")
            # The one that is on the link and silent is asked again in its next session, once.
            relay.leave(OSLO)
            assert sent(await relay.join(OSLO)) == [signed.query_id]
            await relay.answer(OSLO, signed.query_id, b"too")
            assert sent(await relay.join(OSLO)) == sent(await relay.join(BERLIN)) == []
            bodies = {one.centre: one.answer async for one in relay.service.result(ADA, signed.query_id)}
            assert bodies == {BERLIN: b"late", OSLO: b"too"}

    run(story())


def test_the_question_goes_on_when_who_asked_goes(tmp_path: Path) -> None:
    async def story() -> None:
        async with Machine(tmp_path).up() as relay:
            await relay.join(BERLIN)
            signed = terms(audience=(BERLIN,))
            watching = Watching(relay, order(signed))
            await watching.until(BERLIN, ASKED)
            await watching.go()
            await relay.answer(BERLIN, signed.query_id, b"a")
            assert await steps_of(relay, order(signed)) == [(BERLIN, ANSWERED)]

    run(story())


def test_a_connection_that_breaks_in_the_middle_of_a_write_stops_nothing(tmp_path: Path) -> None:
    """The analyst goes while the question is written, the node while its answer is: sent, kept and told."""

    async def story() -> None:
        async with Machine(tmp_path).up() as relay:
            session = await relay.join(BERLIN)
            signed = terms(audience=(BERLIN,))
            broken = Watching(relay, order(signed))
            await asyncio.sleep(0)
            await broken.go()
            assert (broken.steps, sent(session)) == ([], [])
            assert [await session.outgoing.get() is not None] == [True]
            watching = Watching(relay, order(signed, 60_000))
            await watching.until(BERLIN, ASKED)
            node = asyncio.create_task(relay.answer(BERLIN, signed.query_id, b"a"))
            await asyncio.sleep(0)
            node.cancel()
            assert (await watching.end())[-1] == (BERLIN, ANSWERED)

    run(story())


def test_asked_again_it_is_the_same_question_and_is_not_sent_twice(tmp_path: Path) -> None:
    async def story() -> None:
        async with Machine(tmp_path).up() as relay:
            session = await relay.join(BERLIN)
            signed = terms(audience=(BERLIN,))
            both = [Watching(relay, order(signed)), Watching(relay, order(signed))]
            for one in both:
                await one.until(BERLIN, ASKED)
            assert sent(session) == [signed.query_id]
            await relay.answer(BERLIN, signed.query_id, b"a")
            for one in both:
                assert (await one.end())[-1] == (BERLIN, ANSWERED)

    run(story())


def test_the_first_answer_counts_and_what_was_not_asked_is_dropped(tmp_path: Path) -> None:
    async def story() -> None:
        async with Machine(tmp_path).up() as relay:
            await relay.join(BERLIN)
            await relay.join(OSLO)
            signed = terms(audience=(BERLIN,))
            await relay.answer(BERLIN, signed.query_id, b"before it was asked")
            await steps_of(relay, order(signed, 0))
            await relay.answer(OSLO, signed.query_id, b"not addressed")
            await relay.answer(BERLIN, QueryId.new(), b"a guess")
            await relay.answer(BERLIN, signed.query_id, b"first")
            await relay.answer(BERLIN, signed.query_id, b"second")
            kept = [(one.centre, one.answer) async for one in relay.service.result(ADA, signed.query_id)]
            assert kept == [(BERLIN, b"first")]

    run(story())


@pytest.mark.parametrize("answered", [0, 1, 2])
def test_after_a_restart_the_same_order_goes_on_where_it_was(tmp_path: Path, answered: int) -> None:
    """The analyst is back before the nodes: it hears that they are away, and waits for them all the same."""

    async def story() -> None:
        machine, signed = Machine(tmp_path), terms(audience=(BERLIN, OSLO))
        bodies = {BERLIN: b"b", OSLO: b"o"}
        done = list(bodies)[:answered]
        async with machine.up() as relay:
            for centre in bodies:
                await relay.join(centre)
            watching = Watching(relay, order(signed, 60_000))
            await watching.until(OSLO, ASKED)
            for centre in done:
                await relay.answer(centre, signed.query_id, bodies[centre])
            await watching.go()
        async with machine.up(return_within_s=60) as relay:
            watching = Watching(relay, order(signed, 60_000))
            for centre in bodies:
                await watching.until(centre, ANSWERED if centre in done else OFFLINE)
            for centre in bodies:
                waits = sent(await relay.join(centre))
                assert waits == ([] if centre in done else [signed.query_id])
            for centre in set(bodies) - set(done):
                await relay.answer(centre, signed.query_id, bodies[centre])
            await watching.end()
            answers = {one.centre: one.answer for one in watching.steps if one.state is ANSWERED}
            assert answers == bodies

    run(story())


def test_a_centre_that_does_not_return_after_a_restart_is_not_waited_for_without_end(tmp_path: Path) -> None:
    async def story() -> None:
        async with Machine(tmp_path).up(return_within_s=0.05) as relay:
            ask = order(terms(audience=(BERLIN,)), 600_000)
            async with asyncio.timeout(10):
                assert await steps_of(relay, ask) == [(BERLIN, OFFLINE)]

    run(story())


def test_beyond_its_time_a_question_is_sent_to_nobody(tmp_path: Path) -> None:
    async def story() -> None:
        machine, signed = Machine(tmp_path), terms(audience=(BERLIN, OSLO))
        async with machine.up() as relay:
            await relay.join(OSLO)
            await steps_of(relay, order(signed, 0))
            machine.now += HOUR
            assert sent(await relay.join(BERLIN)) == []
            assert await steps_of(relay, order(signed, 0)) == [(BERLIN, EXPIRED), (OSLO, EXPIRED)]
            # It was asked in time and may have paid in time: its answer is not thrown away.
            await relay.answer(OSLO, signed.query_id, b"paid")
            assert await steps_of(relay, order(signed, 0)) == [(OSLO, ANSWERED), (BERLIN, EXPIRED)]

    run(story())


def test_the_standings_say_where_each_centre_is(tmp_path: Path) -> None:
    async def story() -> None:
        machine, signed = Machine(tmp_path), terms()
        async with machine.up() as relay:
            await relay.join(BERLIN)
            await relay.join(OSLO)
            await steps_of(relay, order(signed, 0))
            await relay.answer(BERLIN, signed.query_id, b"a")

            async def states() -> list[CentreState]:
                kept = await relay.service.status(ADA, signed.query_id)
                assert kept.standings[0].received_at == NOW
                return [one.state for one in kept.standings]

            assert await states() == [ANSWERED, LATE, OFFLINE]
            relay.leave(OSLO)
            assert await states() == [ANSWERED, OFFLINE, OFFLINE]
            machine.now += HOUR
            assert await states() == [ANSWERED, EXPIRED, EXPIRED]
        machine.now = NOW
        async with machine.up() as relay:
            longer = terms()
            await relay.join(BERLIN)
            await relay.service.ask(ADA, order(longer, 60_000)).__anext__()
            kept = await relay.service.status(ADA, longer.query_id)
            assert [one.state for one in kept.standings] == [ASKED, OFFLINE, OFFLINE]

    run(story())


def test_nobody_reads_what_another_analyst_asked(tmp_path: Path) -> None:
    """A foreign id and an id that is not there are the same to whoever asks."""

    async def story() -> None:
        async with Machine(tmp_path).up() as relay:
            await relay.join(BERLIN)
            signed = terms(audience=(BERLIN,))
            await steps_of(relay, order(signed, 0))
            await relay.answer(BERLIN, signed.query_id, b"a")
            said = set()
            for wanted in (signed.query_id, QueryId.new()):
                with pytest.raises(UnknownQuestionError) as error:
                    await relay.service.status(BOB, wanted)
                said.add(str(error.value))
                with pytest.raises(UnknownQuestionError):
                    await anext(relay.service.result(BOB, wanted))
                with pytest.raises(UnknownQuestionError):
                    await relay.service.list_questions(BOB, Listing(limit=9, before=wanted))
            assert len(said) == 1
            assert await relay.service.list_questions(BOB, Listing(limit=9, before=None)) == ()
            (own,) = await relay.service.list_questions(ADA, Listing(limit=9, before=None))
            assert own.query_id == signed.query_id

    run(story())


def _flipped(ask: Ask) -> Ask:
    return Ask(envelope=ask.envelope[:-1] + bytes([ask.envelope[-1] ^ 1]), audience=CENTRES, deadline_ms=1)


def _plan() -> Ask:
    return Ask(envelope=seal(terms(), KEYS[ADA], Purpose.PLAN), audience=CENTRES, deadline_ms=1)


WRONG = {
    "no envelope": Ask(envelope=b"x", audience=CENTRES, deadline_ms=1),
    "a flipped bit": _flipped(order(terms())),
    "another analyst's": order(terms(analyst=BOB)),
    "the envelope of a plan": _plan(),
    "an analyst whom nobody knows": Ask(
        envelope=seal(terms(analyst=type(ADA)("eve")), KEYS[ADA]), audience=CENTRES, deadline_ms=1
    ),
    "a centre less": Ask(envelope=order(terms()).envelope, audience=CENTRES[:2], deadline_ms=1),
    "a centre more": Ask(
        envelope=order(terms(audience=CENTRES[:2])).envelope, audience=CENTRES, deadline_ms=1
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_fit_is_neither_kept_nor_sent(tmp_path: Path, name: str) -> None:
    async def story() -> None:
        async with Machine(tmp_path).up() as relay:
            session = await relay.join(BERLIN)
            with pytest.raises(AskError):
                await steps_of(relay, WRONG[name])
            for analyst in (ADA, BOB):
                assert await relay.service.list_questions(analyst, Listing(limit=9, before=None)) == ()
            assert sent(session) == []
            assert (await steps_of(relay, order(terms(), 0)))[0] == (BERLIN, ASKED)

    run(story())


def test_one_id_with_other_bytes_is_refused_and_the_first_stays(tmp_path: Path) -> None:
    async def story() -> None:
        async with Machine(tmp_path).up() as relay:
            first = terms()
            await steps_of(relay, order(first, 0))
            for analyst in (ADA, BOB):
                other = order(terms(query_id=first.query_id, analyst=analyst, audience=(OSLO,)), 0)
                with pytest.raises(TakenError):
                    await anext(relay.service.ask(analyst, other))
            kept = await relay.service.status(ADA, first.query_id)
            assert kept.envelope == order(first).envelope

    run(story())


@pytest.mark.parametrize("not_after_ms", [0, 2**64 - 1])
def test_no_time_in_the_terms_is_too_strange(not_after_ms: int) -> None:
    question = question_of(order(terms(not_after_ms=not_after_ms)), ADA, ROSTER, NOW)
    assert question.open_until <= NOW + LONGEST_OPEN


def test_an_answer_that_cannot_be_written_is_told_to_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full for a while; the node's next session brings the same answer."""

    def full(*_: object) -> list[bool]:
        raise StoreError("full")

    async def story() -> None:
        async with Machine(tmp_path).up() as relay:
            await relay.join(BERLIN)
            signed = terms(audience=(BERLIN,))
            watching = Watching(relay, order(signed, 60_000))
            await watching.until(BERLIN, ASKED)
            with monkeypatch.context() as broken:
                broken.setattr(Store, "record_answers", full)
                with pytest.raises(StoreError):
                    await relay.answer(BERLIN, signed.query_id, b"a")
            assert not any(step.state is ANSWERED for step in watching.steps)
            assert sent(await relay.join(BERLIN)) == [signed.query_id]
            await relay.answer(BERLIN, signed.query_id, b"a")
            assert (await watching.end())[-1] == (BERLIN, ANSWERED)

    run(story())


def test_answers_that_come_together_are_written_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[int] = []
    real = Store.record_answers

    def counted(self: Store, arrived: list[Arrived]) -> list[bool]:
        batches.append(len(arrived))
        return real(self, arrived)

    monkeypatch.setattr(Store, "record_answers", counted)

    async def story() -> None:
        async with Machine(tmp_path).up() as relay:
            for centre in CENTRES:
                await relay.join(centre)
            signed = terms()
            await steps_of(relay, order(signed, 0))
            await asyncio.gather(*(relay.answer(one, signed.query_id, b"a") for one in CENTRES))
            assert sum(batches) == 3
            assert len(batches) < 3

    run(story())


@pytest.mark.parametrize("seed", range(SEED, SEED + 12))
def test_whatever_happens_in_whatever_order_every_answer_arrives_once(tmp_path: Path, seed: int) -> None:
    """A random life: questions, comings and goings, restarts; then everybody returns.

    Never: an answer that was told and is not kept, a second content of an answer, a question that a
    returned centre is not asked. Allowed: the same question sent in several sessions.
    """
    draw = random.Random(seed)  # noqa: S311 -- the order of a test's operations
    print(f"seed {seed}")  # noqa: T201 -- shown when the test fails

    async def story() -> None:
        machine, asked = Machine(tmp_path), [terms() for _ in range(6)]
        told: list[tuple[Ask, Progress]] = []
        for is_last in (False, False, False, True):
            async with machine.up() as relay:
                orders = [order(one, 60_000) for one in (asked if is_last else draw.sample(asked, 3))]
                watchings = [Watching(relay, one) for one in orders]
                for _ in range(25):
                    await _something(relay, draw)
                if is_last:
                    await _everybody_returns(relay)
                for watching in watchings:
                    await watching.go()
                    told += [(watching.ask, one) for one in watching.steps if one.state is ANSWERED]
        truth = {
            (order(one).envelope, centre): _true(centre, one.query_id) for one in asked for centre in CENTRES
        }
        assert told
        assert all(truth[ask.envelope, one.centre] == one.answer for ask, one in told)
        async with machine.up() as relay:
            again = [
                (ask.envelope, step.centre, step.answer)
                for ask in map(order, asked)
                async for step in relay.service.ask(ADA, ask)
            ]
        assert len(again) == len(truth)
        assert {(envelope, centre): answer for envelope, centre, answer in again} == truth

    run(story())


def _true(centre: CentreId, query_id: QueryId) -> bytes:
    return centre.text.encode() + query_id.octets


async def _something(relay: Relay, draw: random.Random) -> None:
    """Let one thing happen: a centre comes, goes, or answers what it was sent."""
    centre = draw.choice(CENTRES)
    session = relay.sessions.get(centre)
    if session is None:
        await relay.join(centre)
    elif draw.random() < 0.3:
        relay.leave(centre)
    else:
        for query_id in sent(session):
            if query_id is not None and draw.random() < 0.7:
                await relay.answer(centre, query_id, _true(centre, query_id))
    await asyncio.sleep(0)


async def _everybody_returns(relay: Relay) -> None:
    """Have every centre join anew and answer until nothing is due."""
    for centre in CENTRES:
        session = await relay.join(centre)
        async with asyncio.timeout(10):
            while not await _is_done(relay, centre):
                for query_id in sent(session):
                    if query_id is not None:
                        await relay.answer(centre, query_id, _true(centre, query_id))
                await asyncio.sleep(0)


async def _is_done(relay: Relay, centre: CentreId) -> bool:
    return not await relay.memory.due_for(centre, NOW, 9)
