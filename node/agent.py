"""The loop of a node: connect, say hello, answer queries, reconnect. Nothing about data is decided here.

* One thread runs the gate, so that queries are answered one after the other and the loop never blocks.
* A connection that falls silent for three heartbeats is given up; the next try waits a random time, so
  that many nodes do not return at once.
* A broken ledger stops the node.
"""

import asyncio
import logging
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar, TypeVarTuple

from node.answering import Answering
from node.errors import LedgerError
from node.link import LinkLostError, Stream, Transport, stream_to
from node.presence import LinkState
from node.snapshots import Snapshots
from protocols.codec.link import decode_welcome, encode_hello
from protocols.errors import WireError
from protocols.frames import Message
from protocols.ids import CentreId, Digest, ExchangeId
from protocols.link import PROTOCOL, FrameKind, Hello

_log = logging.getLogger("skerry.node")
_FIRST_WAIT_S = 0.2
_LONGEST_WAIT_S = 15.0
_WELCOME_WITHIN_S = 10.0
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
    roster_version: int


class Agent:
    """Keeps the link up and hands queries to the answering."""

    def __init__(
        self,
        who: Introduction,
        answering: Answering,
        snapshots: Snapshots,
        on_link: Callable[[LinkState], None],
    ) -> None:
        self._who = who
        self._answering = answering
        self._snapshots = snapshots
        self._on_link = on_link
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="gate")
        self._places = asyncio.Semaphore(_MAX_WAITING)

    async def run(self, transport: Transport) -> None:
        """Serve until cancelled. Raises LedgerError when the ledger failed."""
        wait_s = _FIRST_WAIT_S
        while True:
            try:
                async with stream_to(transport) as stream:
                    heartbeat_s = await self._introduce(stream)
                    _log.info("event=connected coordinator=%s", transport.target)
                    began_s = asyncio.get_running_loop().time()
                    self._on_link(LinkState.UP)
                    try:
                        await self._serve(stream, heartbeat_s)
                    finally:
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
            await asyncio.sleep(random.uniform(wait_s / 2, wait_s))  # noqa: S311 -- jitter, not a secret
            wait_s = min(wait_s * 2, _LONGEST_WAIT_S)

    async def _introduce(self, stream: Stream) -> float:
        snapshot = await self._in_worker(self._snapshots.current)
        hello = Hello(
            protocol=PROTOCOL,
            software=self._who.software,
            dictionary=self._who.dictionary,
            dictionary_text=self._who.dictionary_text,
            snapshot_at=snapshot.committed_at if snapshot else None,
            roster_version=self._who.roster_version,
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

    async def _serve(self, stream: Stream, heartbeat_s: float) -> None:
        """Read and answer until the stream ends or falls silent; a broken ledger ends it too."""
        async with asyncio.TaskGroup() as group:
            beat = group.create_task(self._beat(stream, heartbeat_s))
            try:
                while True:
                    async with asyncio.timeout(3 * heartbeat_s):
                        message = await stream.receive()
                    if message.kind in _ANSWERED_BY:
                        await self._places.acquire()
                        group.create_task(self._answer(stream, message))
            except (LinkLostError, TimeoutError) as error:
                _log.warning("event=disconnected why=%s", getattr(error, "code", "silent"))
            beat.cancel()

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
            body = await self._in_worker(work, query.body)
            await stream.send(Message(kind=kind, exchange=query.exchange, body=body))
        except LinkLostError:
            # The release is recorded: whoever asks again gets the same bytes, for nothing.
            _log.warning("event=answer_not_sent")
        finally:
            self._places.release()

    async def _in_worker(self, function: Callable[[*_Ts], _T], *arguments: *_Ts) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._worker, function, *arguments)
