"""The hub: which centres are on the link, and what is on its way to them. In memory, no sockets.

* One session a centre; the newest wins, because a node that reconnects is right about its old stream.
* A question is sent once in a session, and again in the next one: the query id makes that safe. Its id
  is its exchange, so that an answer finds its question after a restart too.
* At most `MOST_ON_THE_WAY` questions are on their way to a centre: more would only wait at the node, and
  one analyst's questions would cut a slow centre off. The others wait in the store.
* Bodies are relayed as they come. Nothing here reads one.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from protocols.frames import Message
from protocols.ids import CentreId, ExchangeId, QueryId
from protocols.link import FrameKind, Hello
from protocols.trust import Trusted

MOST_ON_THE_WAY = 128
_MAX_QUEUED = 1_024


@dataclass(slots=True, kw_only=True, eq=False)
class Session:
    """One centre's open stream: messages to send wait in the queue; None ends it."""

    centre: CentreId
    hello: Hello
    outgoing: "asyncio.Queue[Message | None]" = field(default_factory=lambda: asyncio.Queue(_MAX_QUEUED))
    on_the_way: set[QueryId] = field(default_factory=set)
    has_more_due: bool = False
    """Whether the store may have more for this centre than was sent."""

    def send(self, message: Message | None) -> None:
        """Queue a message; a peer that does not take its messages is cut off."""
        try:
            self.outgoing.put_nowait(message)
        except asyncio.QueueFull:
            while not self.outgoing.empty():
                self.outgoing.get_nowait()
            self.outgoing.put_nowait(None)

    def show(self, roster: bytes) -> None:
        """Send a roster; the node decides whether it believes it."""
        self.send(Message(kind=FrameKind.ROSTER, exchange=ExchangeId.new(), body=roster))

    def ask(self, query_id: QueryId, envelope: bytes) -> bool:
        """Send a question, unless it is on its way already or too many are; say whether it was sent."""
        if query_id in self.on_the_way:
            return False
        if len(self.on_the_way) >= MOST_ON_THE_WAY:
            self.has_more_due = True
            return False
        self.on_the_way.add(query_id)
        self.send(Message(kind=FrameKind.QUERY, exchange=ExchangeId(query_id.octets), body=envelope))
        return True


class Hub:
    """Sessions by centre, and the plans that are open. `on_change` hears of who comes and goes."""

    def __init__(self, on_change: Callable[[], None] = lambda: None) -> None:
        self._sessions: dict[CentreId, Session] = {}
        self._seen: set[CentreId] = set()
        self._plans: dict[tuple[CentreId, ExchangeId], asyncio.Future[bytes]] = {}
        self._on_change = on_change

    def session(self, centre: CentreId) -> Session | None:
        """Give a centre's session, if it is on the link."""
        return self._sessions.get(centre)

    def was_here(self, centre: CentreId) -> bool:
        """Whether a centre has been on the link since this coordinator started."""
        return centre in self._seen

    def join(self, session: Session) -> None:
        """Take a session in, and end an older one of the same centre."""
        older = self._sessions.get(session.centre)
        if older is not None:
            older.send(None)
        self._sessions[session.centre] = session
        self._seen.add(session.centre)
        self._on_change()

    def leave(self, session: Session) -> None:
        """Take a session out, unless a newer one has its place."""
        if self._sessions.get(session.centre) is session:
            del self._sessions[session.centre]
            self._on_change()

    def spread(self, newer: Trusted) -> None:
        """Show a roster to every centre on the link that is in it."""
        for centre, session in self._sessions.items():
            if centre in newer.roster.centres:
                session.show(newer.octets)

    def plan(self, centre: CentreId, envelope: bytes) -> "asyncio.Future[bytes] | None":
        """Send a plan to a centre; the future gives the quote's bytes. None where it cannot take one now.

        A plan is not sent again: it costs nothing, and whoever wants it asks again.
        """
        session = self._sessions.get(centre)
        if session is None or sum(one == centre for one, _ in self._plans) >= MOST_ON_THE_WAY:
            return None
        key = (centre, ExchangeId.new())
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._plans[key] = future
        future.add_done_callback(lambda _: self._plans.pop(key, None))
        session.send(Message(kind=FrameKind.PLAN, exchange=key[1], body=envelope))
        return future

    def take_quote(self, centre: CentreId, message: Message) -> None:
        """Take a quote in; one that nobody waits for is dropped."""
        future = self._plans.get((centre, message.exchange))
        if future is not None and not future.done():
            future.set_result(message.body)
