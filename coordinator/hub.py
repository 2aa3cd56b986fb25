"""The hub: which centres are on the link, and what waits for them. In memory, no sockets.

* One session a centre; the newest wins, because a node that reconnects is right about its old stream.
* A query that was sent to a centre which then reconnects is sent again: the query id makes that safe.
* Bodies are relayed as they come. Nothing here reads one.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from protocols.frames import Message
from protocols.ids import CentreId, ExchangeId
from protocols.link import FrameKind, Hello

_MAX_QUEUED = 1_024
_MAX_OPEN = 512
"""Questions open for one centre: half its queue, so that all of them can be sent again when it returns.
Without it one analyst's questions would cut a slow centre off, again at each return."""


@dataclass(slots=True, kw_only=True, eq=False)
class Session:
    """One centre's open stream: messages to send wait in the queue; None ends it."""

    centre: CentreId
    hello: Hello
    outgoing: "asyncio.Queue[Message | None]" = field(default_factory=lambda: asyncio.Queue(_MAX_QUEUED))

    def send(self, message: Message | None) -> None:
        """Queue a message; a peer that does not take its messages is cut off."""
        try:
            self.outgoing.put_nowait(message)
        except asyncio.QueueFull:
            while not self.outgoing.empty():
                self.outgoing.get_nowait()
            self.outgoing.put_nowait(None)


class Hub:
    """Sessions by centre, and the questions that are open. `on_change` hears of who comes and goes."""

    def __init__(self, on_change: Callable[[], None] = lambda: None) -> None:
        self._sessions: dict[CentreId, Session] = {}
        self._open: dict[tuple[CentreId, ExchangeId], tuple[bytes, asyncio.Future[bytes]]] = {}
        self._on_change = on_change

    def session(self, centre: CentreId) -> Session | None:
        """Give a centre's session, if it is on the link."""
        return self._sessions.get(centre)

    def takes_questions(self, centre: CentreId) -> bool:
        """Whether a centre is on the link and has room for one more question."""
        return centre in self._sessions and sum(one == centre for one, _ in self._open) < _MAX_OPEN

    def join(self, session: Session) -> None:
        """Take a session in, end an older one of the same centre, and send what is open for it."""
        older = self._sessions.get(session.centre)
        if older is not None:
            older.send(None)
        self._sessions[session.centre] = session
        for (centre, exchange), (envelope, _) in self._open.items():
            if centre == session.centre:
                session.send(Message(kind=FrameKind.QUERY, exchange=exchange, body=envelope))
        self._on_change()

    def leave(self, session: Session) -> None:
        """Take a session out, unless a newer one has its place."""
        if self._sessions.get(session.centre) is session:
            del self._sessions[session.centre]
            self._on_change()

    def ask(self, centre: CentreId, exchange: ExchangeId, envelope: bytes) -> asyncio.Future[bytes]:
        """Send an envelope to a centre that is on the link; the future gives the answer's bytes."""
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        key = (centre, exchange)
        self._open[key] = (envelope, future)
        future.add_done_callback(lambda _: self._open.pop(key, None))
        self._sessions[centre].send(Message(kind=FrameKind.QUERY, exchange=exchange, body=envelope))
        return future

    def take(self, centre: CentreId, message: Message) -> None:
        """Take an answer in; one that nobody waits for is dropped."""
        _, future = self._open.get((centre, message.exchange), (b"", None))
        if future is not None and not future.done():
            future.set_result(message.body)
