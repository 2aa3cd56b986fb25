"""Rounds: a question on its way to the centres of its audience, and their answers on the way back.

spec/link.md 6, spec/store.md 3.

* Kept first, then sent; an answer is kept first, then told. So a restart at any moment loses nothing.
* Whoever asks watches; when they go, the question goes on. A centre that was away or late is asked again
  whenever it joins, until the question's time is over.
* The deadline bounds the watching alone.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Collection, Coroutine, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias, TypeVar

from coordinator.errors import StoreError
from coordinator.hub import MOST_ON_THE_WAY, Hub, Session
from coordinator.memory import Memory
from coordinator.questions import Arrived, Kept, Question
from protocols.clock import Clock
from protocols.frames import Message
from protocols.ids import CentreId, QueryId
from protocols.link import CentreState, Progress
from protocols.roster import Roster

_log = logging.getLogger("skerry.coordinator")
_T = TypeVar("_T")
RosterNow: TypeAlias = Callable[[], Roster]
"""Gives the roster that is believed at this moment."""
RETURN_WITHIN_S = 20.0
"""How long a coordinator that has just started waits for a centre that it has not seen yet: a node's
longest pause between two tries (spec/link.md 5), and the time to connect."""


class Rounds:
    """What is open between analysts and centres. `clock` is for what is kept, the loop's for waiting.

    Made on the event loop: `return_within_s` begins there and then.
    """

    def __init__(
        self, hub: Hub, memory: Memory, roster: RosterNow, clock: Clock, return_within_s: float
    ) -> None:
        self._hub = hub
        self._memory = memory
        self._roster = roster
        self._clock = clock
        self._all_back_s = _now_s() + return_within_s
        self._under_way: set[asyncio.Task[Any]] = set()
        self._watchers: dict[QueryId, list[asyncio.Queue[Progress]]] = defaultdict(list)

    async def ask(self, question: Question, wait_s: float) -> AsyncGenerator[Progress, None]:
        """Keep a question, send it, and give each centre's steps as they happen.

        The steps end when every centre has answered or need not be waited for, or after `wait_s`.
        Raises TakenError, TooManyOpenError or StoreError.
        """
        deadline_s = _now_s() + wait_s
        with self._watching(question.query_id) as steps:
            kept = await self._to_its_end(self._open(question))
            watch = _Watch(question.audience)
            async for step in self._first_steps(kept):
                watch.take(step)
                yield step
            while (until_s := self._until_s(watch, deadline_s)) > _now_s():
                try:
                    async with asyncio.timeout_at(until_s):
                        step = await steps.get()
                except TimeoutError:
                    continue
                if watch.take(step):
                    yield step
            for centre in watch.asked:
                yield _step(centre, CentreState.LATE)

    def removed(self, centres: Collection[CentreId]) -> None:
        """Tell who watches that centres have left the roster, and are not waited for."""
        for query_id in self._watchers:
            for centre in centres:
                self._tell(query_id, _step(centre, CentreState.EXPIRED))

    async def joined(self, session: Session) -> None:
        """Send a centre that has joined what is due for it. Raises StoreError."""
        await self._send_due(session)

    async def answered(self, session: Session, message: Message) -> None:
        """Keep an answer, then tell who watches. Raises StoreError.

        One that was not asked for is dropped, and one of a centre that has left the roster.
        """
        query_id, centre = QueryId(message.exchange.octets), session.centre
        if query_id not in session.on_the_way or centre not in self._roster().centres:
            return
        arrived = Arrived(query_id=query_id, centre=centre, body=message.body, received_at=self._clock())
        await self._to_its_end(self._keep(arrived))
        session.on_the_way.discard(query_id)
        if session.has_more_due and len(session.on_the_way) <= MOST_ON_THE_WAY // 2:
            await self._send_due(session)

    async def _open(self, question: Question) -> Kept:
        """Keep a question, then send it to who is on the link and has not answered."""
        kept = await self._memory.open_question(question)
        for centre in question.audience:
            session = self._hub.session(centre)
            is_due = centre not in kept.received and self._clock() < kept.question.open_until
            if is_due and session is not None:
                session.ask(question.query_id, question.envelope)
        return kept

    async def _keep(self, arrived: Arrived) -> None:
        """Keep an answer, then tell who watches."""
        if await self._memory.record(arrived):
            step = _step(arrived.centre, CentreState.ANSWERED, arrived.body)
            self._tell(arrived.query_id, step)

    async def _to_its_end(self, work: Coroutine[object, object, _T]) -> _T:
        """Do something whole, also when whoever waits for it goes in the middle.

        What was written and not told, or kept and not sent, would wait for the next restart.
        """
        task = asyncio.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._done)
        return await asyncio.shield(task)

    def _done(self, task: "asyncio.Task[Any]") -> None:
        self._under_way.discard(task)
        # Looked at here, in case nobody waits any more; who does gets it too.
        if not task.cancelled() and isinstance(error := task.exception(), StoreError):
            _log.error("event=store_failed why=%s", error)

    async def _first_steps(self, kept: Kept) -> AsyncGenerator[Progress, None]:
        """Give what is there already, and where the others stand."""
        question = kept.question
        for centre in kept.received:
            body = await self._memory.body(question.query_id, centre)
            yield _step(centre, CentreState.ANSWERED, body or b"")
        for centre in question.audience:
            is_online = self._hub.session(centre) is not None
            if centre in kept.received:
                continue
            if self._clock() >= question.open_until:
                yield _step(centre, CentreState.EXPIRED)
            else:
                yield _step(centre, CentreState.ASKED if is_online else CentreState.OFFLINE)

    async def _send_due(self, session: Session) -> None:
        limit = MOST_ON_THE_WAY + len(session.on_the_way)
        # Cleared first: what is asked while the store is read sets it again.
        session.has_more_due = False
        due = await self._memory.due_for(session.centre, self._clock(), limit)
        for one in due:
            if session.ask(one.query_id, one.envelope):
                self._tell(one.query_id, _step(session.centre, CentreState.ASKED))
        session.has_more_due |= len(due) == limit

    def _until_s(self, watch: "_Watch", deadline_s: float) -> float:
        """Say until when, on the loop's clock, there is something to wait for."""
        if watch.asked or any(self._hub.session(centre) for centre in watch.open):
            return deadline_s
        if any(not self._hub.was_here(centre) for centre in watch.open):
            return min(deadline_s, self._all_back_s)
        return 0.0

    @contextmanager
    def _watching(self, query_id: QueryId) -> Iterator["asyncio.Queue[Progress]"]:
        steps: asyncio.Queue[Progress] = asyncio.Queue()
        self._watchers[query_id].append(steps)
        try:
            yield steps
        finally:
            self._watchers[query_id].remove(steps)
            if not self._watchers[query_id]:
                del self._watchers[query_id]

    def _tell(self, query_id: QueryId, step: Progress) -> None:
        for steps in self._watchers.get(query_id, ()):
            steps.put_nowait(step)


class _Watch:
    """Which centres have not answered, and which of those were asked while somebody watched."""

    __slots__ = ("asked", "open")

    def __init__(self, audience: Iterable[CentreId]) -> None:
        self.open = dict.fromkeys(audience)
        self.asked: dict[CentreId, None] = {}

    def take(self, step: Progress) -> bool:
        """Take a step in; say whether it is news: an answer may be both stored and told."""
        if step.centre not in self.open:
            return False
        if step.state in (CentreState.ANSWERED, CentreState.EXPIRED):
            del self.open[step.centre]
            self.asked.pop(step.centre, None)
        elif step.state is CentreState.ASKED:
            self.asked[step.centre] = None
        return True


def _step(centre: CentreId, state: CentreState, answer: bytes = b"") -> Progress:
    return Progress(centre=centre, state=state, answer=answer)


def _now_s() -> float:
    return asyncio.get_running_loop().time()
