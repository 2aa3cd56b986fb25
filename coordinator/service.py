"""The coordinator's use cases, one method each: relay a question or a plan, say what became of it, describe.

It names who is missing and relays signed bodies in the order in which they come. It combines nothing
and decides nothing about privacy. Who asks is an argument: the link has it from the certificate.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from coordinator.hub import Hub
from coordinator.memory import Memory
from coordinator.questions import LONGEST_DEADLINE, Kept, question_of, state_of
from coordinator.rounds import RosterNow, Rounds
from protocols.clock import Clock
from protocols.ids import AnalystId, CentreId, QueryId
from protocols.link import (
    MOST_LISTED,
    Ask,
    CentreState,
    CentreStatus,
    Description,
    KeptQuestion,
    Listing,
    Progress,
    Standing,
)


class Service:
    """What analysts may ask of a coordinator."""

    def __init__(self, hub: Hub, memory: Memory, rounds: Rounds, roster: RosterNow, clock: Clock) -> None:
        self._hub = hub
        self._memory = memory
        self._rounds = rounds
        self._roster = roster
        self._clock = clock

    async def ask(self, analyst: AnalystId, ask: Ask) -> AsyncGenerator[Progress, None]:
        """Keep an envelope, relay it to its audience, give each centre's steps as they happen.

        Asked again with the same bytes, it is the same question. Raises AskError or StoreError.
        """
        question = question_of(ask, analyst, self._roster(), self._clock())
        steps = self._rounds.ask(question, _wait_s(ask))
        async with aclosing(steps):
            async for step in steps:
                yield step

    async def plan(self, ask: Ask) -> AsyncGenerator[Progress, None]:
        """Relay a plan to its audience; give each centre's steps as they happen.

        Nothing is kept and nothing is sent again: a plan costs nothing. Every centre ends in exactly one
        of ANSWERED (with its quote), OFFLINE and LATE.
        """
        waiting: dict[asyncio.Future[bytes], CentreId] = {}
        for centre in ask.audience:
            future = self._hub.plan(centre, ask.envelope)
            state = CentreState.OFFLINE if future is None else CentreState.ASKED
            if future is not None:
                waiting[future] = centre
            yield Progress(centre=centre, state=state, answer=b"")
        deadline_s = asyncio.get_running_loop().time() + _wait_s(ask)
        try:
            while waiting:
                left_s = max(deadline_s - asyncio.get_running_loop().time(), 0)
                done, _ = await asyncio.wait(waiting, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
                if not done:
                    break
                for future in done:
                    centre = waiting.pop(future)
                    yield Progress(centre=centre, state=CentreState.ANSWERED, answer=future.result())
            for centre in waiting.values():
                yield Progress(centre=centre, state=CentreState.LATE, answer=b"")
        finally:
            for future in waiting:
                future.cancel()

    async def status(self, analyst: AnalystId, query_id: QueryId) -> KeptQuestion:
        """Say what became of a question. Raises UnknownQuestionError, also where it is another's."""
        return self._told(await self._memory.kept(query_id, analyst))

    async def result(self, analyst: AnalystId, query_id: QueryId) -> AsyncGenerator[Progress, None]:
        """Give the answers that are there, as they came. Raises UnknownQuestionError."""
        kept = await self._memory.kept(query_id, analyst)
        for centre in kept.received:
            body = await self._memory.body(query_id, centre)
            yield Progress(centre=centre, state=CentreState.ANSWERED, answer=body or b"")

    async def list_questions(self, analyst: AnalystId, listing: Listing) -> tuple[KeptQuestion, ...]:
        """Give an analyst's questions, newest first. Raises UnknownQuestionError for a foreign `before`."""
        limit = min(listing.limit, MOST_LISTED)
        return tuple(
            self._told(one) for one in await self._memory.questions_of(analyst, limit, listing.before)
        )

    def describe(self) -> Description:
        """Say which centres there are, which are on the link, and with which dictionaries."""
        texts: dict[bytes, None] = {}
        statuses = []
        for centre in sorted(self._roster().centres):
            session = self._hub.session(centre)
            if session is not None:
                texts[session.hello.dictionary_text] = None
            statuses.append(
                CentreStatus(
                    centre=centre,
                    is_online=session is not None,
                    dictionary=session.hello.dictionary if session else None,
                    snapshot_at=session.hello.snapshot_at if session else None,
                    software=session.hello.software if session else "",
                )
            )
        return Description(centres=tuple(statuses), dictionary_texts=tuple(texts))

    def _told(self, kept: Kept) -> KeptQuestion:
        now, question = self._clock(), kept.question
        standings = (
            Standing(
                centre=centre,
                state=state_of(kept, centre, now, is_online=self._hub.session(centre) is not None),
                received_at=kept.received.get(centre),
            )
            for centre in question.audience
        )
        return KeptQuestion(
            query_id=question.query_id,
            envelope=question.envelope,
            asked_at=question.asked_at,
            deadline_at=question.deadline_at,
            standings=tuple(standings),
        )


def _wait_s(ask: Ask) -> float:
    return min(ask.deadline_ms / 1000, LONGEST_DEADLINE.total_seconds())
