"""Release ticks: when an answer may leave, so that how long it took tells nothing. spec/policy.md 5.

* An answer leaves at a multiple of the tick on the node's own monotonic clock, and nowhere between.
* Its work also begins at one, alone. Otherwise whoever asks could choose the moment, or queue other
  work before it, so that the end falls just before or just after a tick, and measure as finely as
  without ticks.
* So its time says only how many whole ticks the work took: one, where the tick is long enough.
* A plan reads no data, but it waits for the same worker as the questions before it, and goes by ticks too.

What is left: an answer that takes more than one tick, and work that a lost link left behind it.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

_NS_PER_MS = 1_000_000
_NS_PER_S = 1_000_000_000


def wait_ns(now_ns: int, tick_ms: int) -> int:
    """Say how long it is, in nanoseconds, to the next multiple of a tick; 0 at one, and without ticks."""
    return -now_ns % (tick_ms * _NS_PER_MS) if tick_ms else 0


async def _sleep(seconds: float) -> None:
    await asyncio.sleep(seconds)


class Ticks:
    """The slots in which one answer after the other is worked out. One event loop uses it."""

    def __init__(
        self,
        tick_ms: Callable[[], int],
        now_ns: Callable[[], int] = time.monotonic_ns,
        sleep: Callable[[float], Awaitable[None]] = _sleep,
    ) -> None:
        self._tick_ms = tick_ms
        self._now_ns = now_ns
        self._sleep = sleep
        self._lock = asyncio.Lock()
        self._is_on_tick = False

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Let a body begin at a tick, alone, and end at one; without ticks, at once beside others."""
        tick_ms = self._tick_ms()
        if not tick_ms:
            yield
            return
        has_waited = self._lock.locked()
        async with self._lock:
            # Who waited for the slot before begins at the tick at which that one ended.
            if not (has_waited and self._is_on_tick):
                await self._until_tick(tick_ms)
            self._is_on_tick = False
            yield
            await self._until_tick(tick_ms)
            self._is_on_tick = True

    async def _until_tick(self, tick_ms: int) -> None:
        """Wait for the next multiple, and never leave before it: a sleep may end early."""
        due_ns = (now_ns := self._now_ns()) + wait_ns(now_ns, tick_ms)
        while (left_ns := due_ns - self._now_ns()) > 0:
            await self._sleep(left_ns / _NS_PER_S)
