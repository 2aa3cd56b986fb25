"""The store as the event loop sees it: one thread that writes, and a wait that blocks nobody else.

Answers that come while a commit is under way are committed together by the next one: each costs a
write to the disk, and several centres answer at about the same moment.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TypeVar, TypeVarTuple

from coordinator.errors import StoreError
from coordinator.questions import Arrived, Kept, Question
from coordinator.store import Due, Store
from protocols.ids import AnalystId, CentreId, QueryId

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")


class Memory:
    """The named transactions of a store, each to be awaited. They raise what the store's raise."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._arrived: list[tuple[Arrived, asyncio.Future[bool]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def open_question(self, question: Question) -> Kept:
        """Keep a question, unless it is there; give what is kept under its id."""
        return await self._run(self._store.open_question, question)

    async def due_for(self, centre: CentreId, now: datetime, limit: int) -> tuple[Due, ...]:
        """Give what a centre has still to be asked, the oldest first."""
        return await self._run(self._store.due_for, centre, now, limit)

    async def kept(self, query_id: QueryId, analyst: AnalystId) -> Kept:
        """Give a question of an analyst."""
        return await self._run(self._store.kept, query_id, analyst)

    async def questions_of(self, analyst: AnalystId, limit: int, before: QueryId | None) -> tuple[Kept, ...]:
        """Give an analyst's questions, newest first."""
        return await self._run(self._store.questions_of, analyst, limit, before)

    async def body(self, query_id: QueryId, centre: CentreId) -> bytes | None:
        """Give a centre's answer as it came; None where there is none."""
        return await self._run(self._store.body, query_id, centre)

    async def record(self, arrived: Arrived) -> bool:
        """Keep an answer; durable on return. Say whether it is the first of its centre."""
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._arrived.append((arrived, future))
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())
        return await future

    async def close(self) -> None:
        """Wait for what is being written, and close the store."""
        if self._writer is not None:
            await self._writer
        await self._run(self._store.close)
        self._worker.shutdown()

    async def _write(self) -> None:
        try:
            while self._arrived:
                batch, self._arrived = self._arrived, []
                await self._commit(batch)
        finally:
            self._writer = None

    async def _commit(self, batch: list[tuple[Arrived, asyncio.Future[bool]]]) -> None:
        try:
            firsts = await self._run(self._store.record_answers, [arrived for arrived, _ in batch])
        except StoreError as error:
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), is_first in zip(batch, firsts, strict=True):
            if not future.done():
                future.set_result(is_first)

    async def _run(self, function: Callable[[*_Ts], _T], *arguments: *_Ts) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._worker, function, *arguments)
