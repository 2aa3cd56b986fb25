"""The coordinator's use cases, one method each: relay a question, describe the federation.

It fans out, waits to a deadline, names who is missing, and relays signed bodies in the order in which
they come. It combines nothing and decides nothing about privacy.
"""

import asyncio
from collections.abc import AsyncIterator

from coordinator.hub import Hub
from protocols.ids import CentreId, ExchangeId
from protocols.link import Ask, CentreState, CentreStatus, Description, Progress

LONGEST_DEADLINE_MS = 600_000


class Service:
    """What analysts may ask of a coordinator."""

    def __init__(self, hub: Hub, centres: tuple[CentreId, ...]) -> None:
        self._hub = hub
        self._centres = centres

    async def ask(self, ask: Ask) -> AsyncIterator[Progress]:
        """Relay an envelope to its audience; give each centre's steps as they happen.

        Every centre ends in exactly one of ANSWERED, OFFLINE and LATE.
        """
        waiting: dict[asyncio.Future[bytes], CentreId] = {}
        for centre in ask.audience:
            if not self._hub.takes_questions(centre):
                yield Progress(centre=centre, state=CentreState.OFFLINE, answer=b"")
                continue
            waiting[self._hub.ask(centre, ExchangeId.new(), ask.envelope)] = centre
            yield Progress(centre=centre, state=CentreState.ASKED, answer=b"")
        deadline = asyncio.get_running_loop().time() + min(ask.deadline_ms, LONGEST_DEADLINE_MS) / 1000
        try:
            while waiting:
                left_s = deadline - asyncio.get_running_loop().time()
                done, _ = await asyncio.wait(
                    waiting, timeout=max(left_s, 0), return_when=asyncio.FIRST_COMPLETED
                )
                if not done:
                    break
                for future in done:
                    yield Progress(
                        centre=waiting.pop(future), state=CentreState.ANSWERED, answer=future.result()
                    )
            for centre in waiting.values():
                yield Progress(centre=centre, state=CentreState.LATE, answer=b"")
        finally:
            for future in waiting:
                future.cancel()

    def describe(self) -> Description:
        """Say which centres there are, which are on the link, and with which dictionaries."""
        texts: dict[bytes, None] = {}
        statuses = []
        for centre in self._centres:
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
