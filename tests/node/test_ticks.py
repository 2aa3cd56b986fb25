"""Release ticks: an answer's time tells nothing below a tick, whoever chooses the moment of asking.

The clock is a fake one that a sleep moves, so nothing waits. The work of two neighbouring questions is
drawn from two distributions 2 ms apart; without ticks the Kolmogorov-Smirnov test tells them apart.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ks_2samp

import coordinator.analyst  # noqa: F401 -- sets gRPC's cipher suites before gRPC is imported
from node.agent import Agent, Introduction
from node.ticks import Ticks, wait_ns
from protocols.frames import Message
from protocols.ids import ExchangeId
from protocols.link import FrameKind
from tests.node.seeds import draws, fresh_seed, told

if TYPE_CHECKING:
    from node.answering import Answering
    from node.in_force import InForce
    from node.link import Stream
    from node.snapshots import Snapshots

MS = 1_000_000
TICK_MS = 1_000
RUNS = 2_000
times = st.integers(0, 2**62)
ticks = st.integers(1, 60_000)


@given(now_ns=times, tick_ms=ticks)
def test_the_wait_ends_at_the_next_multiple_and_is_shorter_than_a_tick(now_ns: int, tick_ms: int) -> None:
    wait = wait_ns(now_ns, tick_ms)
    assert 0 <= wait < tick_ms * MS
    assert (now_ns + wait) % (tick_ms * MS) == 0
    assert wait_ns(now_ns + wait, tick_ms) == 0


@given(now_ns=times)
def test_without_ticks_nothing_waits(now_ns: int) -> None:
    assert wait_ns(now_ns, 0) == 0


class FakeClock:
    """A clock that only sleeping moves. `early_ns`: so much too early every sleep ends."""

    def __init__(self, now_ns: int = 0, early_ns: int = 0) -> None:
        self.now_ns = now_ns
        self._early_ns = early_ns

    def __call__(self) -> int:
        return self.now_ns

    async def sleep(self, seconds: float) -> None:
        wanted = round(seconds * 1e9)
        self.now_ns += max(1, wanted - self._early_ns)
        await asyncio.sleep(0)


def _slots(clock: FakeClock, tick_ms: int = TICK_MS) -> Ticks:
    return Ticks(lambda: tick_ms, clock, clock.sleep)


async def _leaves_at(clock: FakeClock, ticks: Ticks, work_ns: int) -> int:
    async with ticks.slot():
        clock.now_ns += work_ns
    return clock.now_ns


@given(now_ns=times, tick_ms=ticks, works=st.lists(st.integers(0, 5_000 * MS), min_size=1, max_size=5))
def test_answers_leave_at_ticks_only_each_so_many_ticks_after_the_one_before_as_its_work_takes(
    now_ns: int, tick_ms: int, works: list[int]
) -> None:
    clock = FakeClock(now_ns)
    tick_ns = tick_ms * MS

    async def ask() -> list[int]:
        ticks = _slots(clock, tick_ms)
        return list(await asyncio.gather(*(_leaves_at(clock, ticks, work) for work in works)))

    left = asyncio.run(ask())
    began = now_ns + wait_ns(now_ns, tick_ms)
    for end, work in zip(left, works, strict=True):
        assert end % tick_ns == 0
        assert end == began + -(-work // tick_ns) * tick_ns
        began = end


def test_a_sleep_that_ends_early_lets_nothing_out_before_the_tick() -> None:
    clock = FakeClock(3 * MS, early_ns=7 * MS)
    assert asyncio.run(_leaves_at(clock, _slots(clock), 5 * MS)) == 2 * TICK_MS * MS


def test_after_a_failure_the_next_one_waits_for_a_tick_of_its_own() -> None:
    clock = FakeClock(1)

    async def fails(ticks: Ticks) -> None:
        async with ticks.slot():
            clock.now_ns += 300 * MS
            await asyncio.sleep(0)
            raise LookupError

    async def ask() -> int:
        ticks = _slots(clock)
        first = asyncio.create_task(fails(ticks))
        await asyncio.sleep(0)
        second = asyncio.create_task(_leaves_at(clock, ticks, 5 * MS))
        with pytest.raises(LookupError):
            await first
        return await second

    assert asyncio.run(ask()) == 3 * TICK_MS * MS


def test_without_ticks_one_does_not_wait_for_the_other() -> None:
    async def ask() -> list[str]:
        done = []
        ticks, gate = Ticks(lambda: 0), asyncio.Event()

        async def long() -> None:
            async with ticks.slot():
                await gate.wait()
            done.append("long")

        async def short() -> None:
            async with ticks.slot():
                done.append("short")
            gate.set()

        await asyncio.gather(long(), short())
        return done

    assert asyncio.run(ask()) == ["short", "long"]


# In the agent


class _Stream:
    """Notes when a message leaves."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.sent: list[tuple[FrameKind, int]] = []

    async def send(self, message: Message) -> None:
        self.sent.append((message.kind, self._clock.now_ns))


@pytest.mark.parametrize(("kind", "leaves"), [("QUERY", "ANSWER"), ("PLAN", "PLANNED")])
@pytest.mark.parametrize(("tick_ms", "left_ns"), [(TICK_MS, 2 * TICK_MS * MS), (0, 312 * MS)])
def test_an_answer_and_a_plan_leave_the_agent_by_ticks(
    kind: str, leaves: str, tick_ms: int, left_ns: int
) -> None:
    """Asked at 300 ms, 12 ms of work: with ticks it leaves at the end of the next one, else at once."""
    clock = FakeClock(300 * MS)

    def work(_: bytes) -> bytes:
        clock.now_ns += 12 * MS
        return b"answer"

    agent = Agent(
        cast("Introduction", None),
        cast("Answering", SimpleNamespace(answer=work, plan=work)),
        cast("InForce", None),
        cast("Snapshots", None),
        lambda _: None,
    )
    agent._ticks = Ticks(lambda: tick_ms, clock, clock.sleep)  # noqa: SLF001 -- its real clock would wait
    stream = _Stream(clock)
    message = Message(kind=FrameKind[kind], exchange=ExchangeId.new(), body=b"")
    asyncio.run(agent._answer(cast("Stream", stream), message))  # noqa: SLF001 -- without a link
    assert stream.sent == [(FrameKind[leaves], left_ns)]


# Neighbouring questions: 2,000 times each, 10 ms and 12 ms of work.


def _works(draw: random.Random, mean_ms: float) -> list[int]:
    return [max(MS, round(draw.gauss(mean_ms, 1.5) * MS)) for _ in range(RUNS)]


def _anywhen(draw: random.Random) -> int:
    return draw.randrange(TICK_MS * MS)


def _just_before_a_tick(_: random.Random) -> int:
    """Chosen by who asks: 11 ms before a tick, between the two means."""
    return (TICK_MS - 11) * MS


async def _taken(clock: FakeClock, tick_ms: int, work_ns: int) -> int:
    asked = clock.now_ns
    return await _leaves_at(clock, _slots(clock, tick_ms), work_ns) - asked


async def _taken_with_a_tick_at_the_end_alone(clock: FakeClock, tick_ms: int, work_ns: int) -> int:
    end = clock.now_ns + work_ns
    return end + wait_ns(end, tick_ms) - clock.now_ns


_Taken = Callable[[FakeClock, int, int], Awaitable[int]]
_Moment = Callable[[random.Random], int]


def _p_value(seed: int, moment: _Moment, tick_ms: int, taken: _Taken = _taken) -> float:
    """How likely times as different as these are, if they tell nothing."""
    draw = draws(seed)

    async def sample(mean_ms: float) -> list[int]:
        works = _works(draw, mean_ms)
        starts = [moment(draw) for _ in works]
        return [
            await taken(FakeClock(start), tick_ms, work) for start, work in zip(starts, works, strict=True)
        ]

    found = ks_2samp(asyncio.run(sample(10)), asyncio.run(sample(12)))
    told("p", found.pvalue, "statistic", found.statistic)
    return float(found.pvalue)


# A fresh seed may show a difference by chance: once in 10 million runs at this bound.
CHANCE = 1e-7


@pytest.mark.parametrize("moment", [_anywhen, _just_before_a_tick])
def test_neighbouring_questions_cannot_be_told_apart_by_time(moment: _Moment) -> None:
    assert _p_value(fresh_seed(), moment, TICK_MS) > CHANCE


@pytest.mark.parametrize("moment", [_anywhen, _just_before_a_tick])
def test_without_ticks_they_can(moment: _Moment) -> None:
    assert _p_value(fresh_seed(), moment, 0) < CHANCE


def test_with_a_tick_at_the_end_alone_they_can_where_the_moment_is_chosen() -> None:
    """The reason why work begins at a tick too."""
    seed = fresh_seed()
    alone = _taken_with_a_tick_at_the_end_alone
    assert _p_value(seed, _just_before_a_tick, TICK_MS, alone) < CHANCE


def test_the_same_seed_gives_the_same_times() -> None:
    seed = fresh_seed()
    assert _p_value(seed, _anywhen, TICK_MS) == _p_value(seed, _anywhen, TICK_MS)
