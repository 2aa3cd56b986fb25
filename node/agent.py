"""The loop of a node: connect, say hello, answer queries, reconnect. Nothing about data is decided here.

* One thread runs the gate, so that queries are answered one after the other and the loop never blocks.
* A connection that falls silent for three heartbeats is given up; the next try waits a random time, so
  that many nodes do not return at once.
* A roster that the coordinator shows is decided on before the next message is read.
* A new certificate takes effect on the next stream: what is under way is answered on the old one first.
* A broken ledger stops the node.
"""

import asyncio
import logging
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TypeVar, TypeVarTuple

from node.answering import Answering
from node.errors import LedgerError
from node.in_force import InForce
from node.link import LinkLostError, Stream, Transport, stream_to
from node.policy import DEFAULT_TICK_MS
from node.presence import LinkState
from node.renewing import Pair, Renewing
from node.rules import Rules
from node.snapshots import Snapshots
from node.ticks import Ticks
from protocols.belief import Shown
from protocols.codec.link import decode_welcome, encode_hello
from protocols.errors import WireError
from protocols.frames import Message
from protocols.ids import CentreId, Digest, ExchangeId
from protocols.link import PROTOCOL, FrameKind, Hello

_log = logging.getLogger("skerry.node")
_FIRST_WAIT_S = 0.2
_LONGEST_WAIT_S = 15.0
_WELCOME_WITHIN_S = 10.0
_LOOK_AT_CERTIFICATE_S = 60.0
_MAX_WAITING = 128
_ANSWERED_BY = {FrameKind.QUERY: FrameKind.ANSWER, FrameKind.PLAN: FrameKind.PLANNED}
_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")


@dataclass(frozen=True, slots=True, kw_only=True)
class Introduction:
    """What a node says of itself at hello."""

    centre: CentreId
    software: str
    dictionary: Digest
    dictionary_text: bytes


class Agent:
    """Keeps the link up and hands queries to the answering."""

    def __init__(
        self,
        who: Introduction,
        answering: Answering,
        in_force: InForce,
        snapshots: Snapshots,
        on_link: Callable[[LinkState], None],
    ) -> None:
        self._who = who
        self._answering = answering
        self._in_force = in_force
        self._snapshots = snapshots
        self._on_link = on_link
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="gate")
        self._places = asyncio.Semaphore(_MAX_WAITING)
        self._ticks = Ticks(self._tick_ms)
        self._stream: Stream | None = None

    async def run(self, transport: Transport, renewing: Renewing | None = None) -> None:
        """Serve until cancelled. Raises LedgerError when the ledger failed."""
        wait_s = _FIRST_WAIT_S
        while True:
            pair: Pair | None = None
            try:
                async with stream_to(transport) as stream:
                    heartbeat_s = await self._introduce(stream)
                    _log.info("event=connected coordinator=%s", transport.target)
                    began_s = asyncio.get_running_loop().time()
                    self._on_link(LinkState.UP)
                    self._stream = stream
                    try:
                        pair = await self._serve(stream, heartbeat_s, renewing)
                    finally:
                        self._stream = None
                        self._on_link(LinkState.DOWN)
                    # A stream that ended at once, as when two nodes bear one name, is not a success.
                    if asyncio.get_running_loop().time() - began_s > _LONGEST_WAIT_S:
                        wait_s = _FIRST_WAIT_S
            except BaseExceptionGroup as group:
                if group.subgroup(LedgerError) is not None:
                    raise LedgerError("the ledger failed; the node stops rather than go without it") from None
                raise
            except (LinkLostError, TimeoutError, WireError) as error:
                _log.warning("event=disconnected why=%s", getattr(error, "code", type(error).__name__))
            if pair is not None:
                transport = replace(transport, key_pem=pair.key_pem, certificate_pem=pair.certificate_pem)
                continue
            await asyncio.sleep(random.uniform(wait_s / 2, wait_s))  # noqa: S311 -- jitter, not a secret
            wait_s = min(wait_s * 2, _LONGEST_WAIT_S)

    async def _introduce(self, stream: Stream) -> float:
        # Not in the gate's thread: a hello that waits for an answer there would tell how long it takes.
        snapshot = await asyncio.to_thread(self._snapshots.current)
        hello = Hello(
            protocol=PROTOCOL,
            software=self._who.software,
            dictionary=self._who.dictionary,
            dictionary_text=self._who.dictionary_text,
            snapshot_at=snapshot.committed_at if snapshot else None,
            roster_version=self._in_force.roster_version,
        )
        exchange = ExchangeId.new()
        await stream.send(Message(kind=FrameKind.HELLO, exchange=exchange, body=encode_hello(hello)))
        async with asyncio.timeout(_WELCOME_WITHIN_S):
            message = await stream.receive()
        if message.kind is not FrameKind.WELCOME:
            raise LinkLostError("no_welcome")
        welcome = decode_welcome(message.body)
        if welcome.protocol != PROTOCOL or not welcome.heartbeat_ms:
            raise LinkLostError("other_protocol")
        return welcome.heartbeat_ms / 1000

    async def _serve(self, stream: Stream, heartbeat_s: float, renewing: Renewing | None) -> Pair | None:
        """Read and answer until the stream ends or falls silent; a broken ledger ends it too.

        Give the pair for the next stream where there is a new one; then all that was asked is answered.
        """
        pair = None
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._beat(stream, heartbeat_s))]
            if renewing is not None:
                tasks.append(group.create_task(self._renew(stream, renewing)))
            try:
                while pair is None:
                    async with asyncio.timeout(3 * heartbeat_s):
                        message = await stream.receive()
                    if message.kind in _ANSWERED_BY:
                        await self._places.acquire()
                        group.create_task(self._answer(stream, message))
                    elif message.kind is FrameKind.ROSTER:
                        await self._shown(stream, message)
                    elif message.kind is FrameKind.RENEWED and renewing is not None:
                        pair = await asyncio.to_thread(renewing.take, message.body)
            except (LinkLostError, TimeoutError) as error:
                _log.warning("event=disconnected why=%s", getattr(error, "code", "silent"))
            for task in tasks:
                task.cancel()
        return pair

    async def _renew(self, stream: Stream, renewing: Renewing) -> None:
        """Ask for the next certificate when it is time."""
        while True:
            body = await asyncio.to_thread(renewing.request)
            if body is not None:
                message = Message(kind=FrameKind.RENEW, exchange=ExchangeId.new(), body=body)
                try:
                    await stream.send(message)
                except LinkLostError:
                    return
            await asyncio.sleep(_LOOK_AT_CERTIFICATE_S)

    async def _shown(self, stream: Stream, message: Message) -> None:
        """Decide on a roster before the next message is read; answer an older one with the believed one.

        Not in the gate's thread: who was removed is refused as soon as it is stored, whoever waits there.
        """
        if await asyncio.to_thread(self._in_force.show, message.body, "link") is Shown.OLDER:
            await self._spread(stream)

    async def spread(self) -> None:
        """Show the coordinator the roster that is believed; without a link, the next hello says which."""
        if self._stream is not None:
            with suppress(LinkLostError):
                await self._spread(self._stream)

    async def _spread(self, stream: Stream) -> None:
        body = self._in_force.roster_octets
        await stream.send(Message(kind=FrameKind.ROSTER, exchange=ExchangeId.new(), body=body))

    async def _beat(self, stream: Stream, heartbeat_s: float) -> None:
        while True:
            await asyncio.sleep(heartbeat_s)
            try:
                await stream.send(Message(kind=FrameKind.HEARTBEAT, exchange=ExchangeId.new(), body=b""))
            except LinkLostError:
                return

    async def _answer(self, stream: Stream, query: Message) -> None:
        try:
            kind = _ANSWERED_BY[query.kind]
            work = self._answering.answer if kind is FrameKind.ANSWER else self._answering.plan
            async with self._ticks.slot():
                body = await self._in_worker(work, query.body)
            await stream.send(Message(kind=kind, exchange=query.exchange, body=body))
        except LinkLostError:
            # The release is recorded: whoever asks again gets the same bytes, for nothing.
            _log.warning("event=answer_not_sent")
        finally:
            self._places.release()

    def _tick_ms(self) -> int:
        rules = self._in_force.rules()
        # Without papers nothing is read, but what was begun under them may still be worked out.
        return rules.policy.release_tick_ms if isinstance(rules, Rules) else DEFAULT_TICK_MS

    async def _in_worker(self, function: Callable[[*_Ts], _T], *arguments: *_Ts) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._worker, function, *arguments)
