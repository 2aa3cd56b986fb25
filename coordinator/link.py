"""The gRPC adapter of the coordinator: the nodes' streams and the analysts' desk. spec/link.md.

Identity comes from the peer's certificate, from its one URI, and from nothing else; a peer whose URI
the roster does not know is refused. TLS below 1.3 is refused.
"""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, NoReturn, TypeAlias, TypeVar

# See node/link.py: the only way to refuse TLS 1.2, and read at import.
os.environ["GRPC_SSL_CIPHER_SUITES"] = "ECDHE-RSA-AES256-GCM-SHA384"

import grpc

from coordinator.enrolment import Enrolment
from coordinator.errors import (
    AskError,
    CoordinatorError,
    StoreError,
    TakenError,
    TooManyOpenError,
    UnknownQuestionError,
)
from coordinator.hub import Hub, Session
from coordinator.membership import Membership
from coordinator.presence import certificate_of, peer_uri, present, refuse
from coordinator.rounds import Rounds
from coordinator.service import Service
from protocols.belief import Shown
from protocols.clock import Clock
from protocols.codec.link import (
    decode_ask,
    decode_frame,
    decode_hello,
    decode_listing,
    decode_query_id,
    encode_description,
    encode_frame,
    encode_kept,
    encode_progress,
    encode_welcome,
)
from protocols.errors import EnrolmentError, WireError
from protocols.frames import Assembler, Message, cut
from protocols.ids import AnalystId, CentreId, ExchangeId
from protocols.link import PROTOCOL, Ask, Frame, FrameKind, KeptQuestion, Progress, Welcome

_log = logging.getLogger("skerry.coordinator")
_HELLO_WITHIN_S = 10.0
_MAX_MESSAGE_BYTES = 2**20
_OPTIONS: list[tuple[str, int]] = [
    ("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", 64 * 2**20),
    ("grpc.max_metadata_size", 8 * 2**10),
    ("grpc.max_concurrent_streams", 16),
    ("grpc.so_reuseport", 0),
    ("grpc.server_handshake_timeout_ms", 8_000),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
]

_Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
_Methods: TypeAlias = dict[str, "grpc.RpcMethodHandler[Any, Any]"]
_Method: TypeAlias = tuple[Callable[..., Any], Callable[[Any], bytes]]
_T = TypeVar("_T")
_STATUS: dict[type[CoordinatorError], grpc.StatusCode] = {
    AskError: grpc.StatusCode.INVALID_ARGUMENT,
    TakenError: grpc.StatusCode.ALREADY_EXISTS,
    TooManyOpenError: grpc.StatusCode.RESOURCE_EXHAUSTED,
    UnknownQuestionError: grpc.StatusCode.NOT_FOUND,
    StoreError: grpc.StatusCode.INTERNAL,
}
"""What an analyst hears of each error; its sentence is the detail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """What lies behind the server: hub and rounds for nodes, the service for analysts, who belongs."""

    hub: Hub
    rounds: Rounds
    service: Service
    membership: Membership
    heartbeat_s: float
    clock: Clock
    enrolment: Enrolment | None = None


def build_server(doors: Doors) -> grpc.aio.Server:
    """Make the server with its two services; it is not listening yet."""
    server = grpc.aio.server(options=_OPTIONS)
    methods = {"skerry.v1.Link": _link_methods(_Link(doors)), "skerry.v1.Desk": _desk_methods(_Desk(doors))}
    server.add_generic_rpc_handlers(
        tuple(grpc.method_handlers_generic_handler(name, calls) for name, calls in methods.items())
    )
    return server


def _link_methods(link: "_Link") -> _Methods:
    connect = grpc.stream_stream_rpc_method_handler(
        link.connect, request_deserializer=decode_frame, response_serializer=encode_frame
    )
    return {"Connect": connect}


def _desk_methods(desk: "_Desk") -> _Methods:
    """Give the desk's methods. Requests stay bytes: gRPC's deserializer logs a stack for what is none."""
    streams: dict[str, _Method] = {
        "Ask": (desk.ask, encode_progress),
        "Plan": (desk.plan, encode_progress),
        "Result": (desk.result, encode_progress),
        "List": (desk.list_questions, encode_kept),
    }
    singles: dict[str, _Method] = {
        "Status": (desk.status, encode_kept),
        "Describe": (desk.describe, encode_description),
    }
    methods: _Methods = {
        name: grpc.unary_stream_rpc_method_handler(
            method, request_deserializer=bytes, response_serializer=encode
        )
        for name, (method, encode) in streams.items()
    }
    for name, (method, encode) in singles.items():
        methods[name] = grpc.unary_unary_rpc_method_handler(
            method, request_deserializer=bytes, response_serializer=encode
        )
    return methods


def credentials_of(key_pem: bytes, certificate_pem: bytes, ca_pem: bytes) -> grpc.ServerCredentials:
    """Make server credentials that demand a certificate of the peer."""
    return grpc.ssl_server_credentials(
        [(key_pem, certificate_pem)], root_certificates=ca_pem, require_client_auth=True
    )


async def _read(decode: Callable[[bytes], _T], request: bytes, context: _Context) -> _T:
    try:
        return decode(request)
    except WireError:
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "unreadable")
        raise RuntimeError("abort raises") from None


async def _abort(error: CoordinatorError, context: _Context) -> NoReturn:
    await context.abort(_STATUS.get(type(error), grpc.StatusCode.INTERNAL), str(error))
    raise RuntimeError("abort raises")


class _Link:
    """Takes the nodes' streams."""

    def __init__(self, doors: Doors) -> None:
        self._doors = doors

    async def connect(self, frames: AsyncIterator[Frame], context: _Context) -> None:
        """Serve one node until its stream ends."""
        centre = self._doors.membership.centre(peer_uri(context))
        if centre is None:
            await refuse(context, "not_a_centre")
        async with present(self._doors.membership, self._doors.clock, centre, context, "not_a_centre"):
            await self._greet(centre, frames, context)

    async def _greet(self, centre: CentreId, frames: AsyncIterator[Frame], context: _Context) -> None:
        incoming = _Incoming(frames)
        try:
            async with asyncio.timeout(_HELLO_WITHIN_S):
                first = await incoming.next()
            hello = decode_hello(first.body) if first and first.kind is FrameKind.HELLO else None
        except (TimeoutError, WireError):
            hello = None
        if hello is None or hello.protocol != PROTOCOL:
            await refuse(context, "no_hello_of_this_protocol")
        await self._serve(Session(centre=centre, hello=hello), incoming, context)

    async def _serve(self, session: Session, incoming: "_Incoming", context: _Context) -> None:
        heartbeat_ms = int(self._doors.heartbeat_s * 1000)
        welcome = encode_welcome(Welcome(protocol=PROTOCOL, heartbeat_ms=heartbeat_ms))
        session.send(Message(kind=FrameKind.WELCOME, exchange=ExchangeId.new(), body=welcome))
        held = self._doors.membership.held
        if session.hello.roster_version != held.roster.version:
            # Before any question: the node decides by the newer one. An older one has it show its own.
            session.show(held.octets)
        self._doors.hub.join(session)
        _log.info("event=centre_joined centre=%s", session.centre)
        reader = asyncio.create_task(self._read(session, incoming, certificate_of(context)))
        try:
            while (message := await session.outgoing.get()) is not None:
                for frame in cut(message):
                    await context.write(frame)
        except (grpc.aio.AioRpcError, grpc.aio.InternalError):
            pass  # the peer has gone; the second is what a write in the middle of it raises
        finally:
            reader.cancel()
            self._doors.hub.leave(session)
            _log.info("event=centre_left centre=%s", session.centre)

    async def _read(self, session: Session, incoming: "_Incoming", certificate: bytes) -> None:
        """Ask the node what is due, and take its messages; silence for three heartbeats ends the session."""
        try:
            await self._doors.rounds.joined(session)
            while True:
                async with asyncio.timeout(3 * self._doors.heartbeat_s):
                    message = await incoming.next()
                if message is None:
                    break
                if message.kind is FrameKind.ANSWER:
                    await self._doors.rounds.answered(session, message)
                elif message.kind is FrameKind.PLANNED:
                    self._doors.hub.take_quote(session.centre, message)
                elif message.kind is FrameKind.ROSTER:
                    await self._shown(session, message.body)
                elif message.kind is FrameKind.RENEW:
                    await self._renew(session, message, certificate)
                elif message.kind is FrameKind.HEARTBEAT:
                    session.send(Message(kind=FrameKind.HEARTBEAT, exchange=message.exchange, body=b""))
        except (TimeoutError, WireError, StoreError) as error:
            # After a failure of the store, the node returns, is asked again, and sends the same answer.
            _log.warning("event=centre_cut centre=%s why=%s", session.centre, type(error).__name__)
        finally:
            session.send(None)

    async def _shown(self, session: Session, roster: bytes) -> None:
        """Decide on a roster that a node shows; answer an older one with the one that is believed."""
        membership = self._doors.membership
        if await membership.show(roster, f"centre:{session.centre}") is Shown.OLDER:
            session.show(membership.held.octets)

    async def _renew(self, session: Session, message: Message, certificate: bytes) -> None:
        """Sign a node's next key, or answer with nothing. spec/enrolment.md 6."""
        body, enrolment = b"", self._doors.enrolment
        if enrolment is not None:
            with suppress(EnrolmentError):  # its reason is in the log already
                body = await asyncio.to_thread(enrolment.renew, message.body, certificate)
        session.send(Message(kind=FrameKind.RENEWED, exchange=message.exchange, body=body))


class _Incoming:
    """Whole messages out of a stream of frames."""

    def __init__(self, frames: AsyncIterator[Frame]) -> None:
        self._frames = aiter(frames)
        self._assembler = Assembler()

    async def next(self) -> Message | None:
        """Wait for the next message; None at the end. Raises WireError."""
        async for frame in self._frames:
            message = self._assembler.take(frame)
            if message is not None:
                return message
        return None


class _Desk:
    """Serves the analysts."""

    def __init__(self, doors: Doors) -> None:
        self._doors = doors

    async def ask(self, request: bytes, context: _Context) -> AsyncIterator[Progress]:
        """Relay a question and stream what happens."""
        async with self._entered(context) as analyst:
            ask = await self._readable(request, context)
            try:
                async with aclosing(self._doors.service.ask(analyst, ask)) as steps:
                    async for step in steps:
                        yield step
            except CoordinatorError as error:
                await _abort(error, context)

    async def plan(self, request: bytes, context: _Context) -> AsyncIterator[Progress]:
        """Relay a plan and stream what happens."""
        async with self._entered(context):
            ask = await self._readable(request, context)
            async with aclosing(self._doors.service.plan(ask)) as steps:
                async for step in steps:
                    yield step

    async def status(self, request: bytes, context: _Context) -> KeptQuestion:
        """Say what became of a question."""
        async with self._entered(context) as analyst:
            query_id = await _read(decode_query_id, request, context)
            try:
                return await self._doors.service.status(analyst, query_id)
            except CoordinatorError as error:
                await _abort(error, context)

    async def result(self, request: bytes, context: _Context) -> AsyncIterator[Progress]:
        """Stream the answers that are there."""
        async with self._entered(context) as analyst:
            query_id = await _read(decode_query_id, request, context)
            try:
                async for step in self._doors.service.result(analyst, query_id):
                    yield step
            except CoordinatorError as error:
                await _abort(error, context)

    async def list_questions(self, request: bytes, context: _Context) -> AsyncIterator[KeptQuestion]:
        """Stream the analyst's questions, newest first."""
        async with self._entered(context) as analyst:
            listing = await _read(decode_listing, request, context)
            try:
                for kept in await self._doors.service.list_questions(analyst, listing):
                    yield kept
            except CoordinatorError as error:
                await _abort(error, context)

    async def describe(self, _request: bytes, context: _Context) -> object:
        """Describe the federation."""
        async with self._entered(context):
            return self._doors.service.describe()

    async def _readable(self, request: bytes, context: _Context) -> Ask:
        ask = await _read(decode_ask, request, context)
        if any(centre not in self._doors.membership.roster().centres for centre in ask.audience):
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "the audience names an unknown centre")
        return ask

    @asynccontextmanager
    async def _entered(self, context: _Context) -> AsyncIterator[AnalystId]:
        """Let an analyst in for one call; who is none is refused."""
        analyst = self._doors.membership.analyst(peer_uri(context))
        if analyst is None:
            await refuse(context, "not_an_analyst")
        async with present(self._doors.membership, self._doors.clock, analyst, context, "not_an_analyst"):
            yield analyst
