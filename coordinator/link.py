"""The gRPC adapter of the coordinator: the nodes' streams and the analysts' desk. spec/link.md.

Identity comes from the peer's certificate, from its one URI, and from nothing else; a peer whose URI
the roster does not know is refused. TLS below 1.3 is refused.
"""

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, NoReturn, TypeAlias

# See node/link.py: the only way to refuse TLS 1.2, and read at import.
os.environ["GRPC_SSL_CIPHER_SUITES"] = "ECDHE-RSA-AES256-GCM-SHA384"

import grpc

from coordinator.hub import Hub, Session
from coordinator.service import Service
from protocols.codec.link import (
    decode_ask,
    decode_frame,
    decode_hello,
    encode_description,
    encode_frame,
    encode_progress,
    encode_welcome,
)
from protocols.errors import WireError
from protocols.frames import Assembler, Message, cut
from protocols.ids import AnalystId, ExchangeId
from protocols.link import PROTOCOL, Ask, Frame, FrameKind, Progress, Welcome
from protocols.roster import Roster

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """What lies behind the server: the hub for nodes, the service for analysts, the roster for both."""

    hub: Hub
    service: Service
    roster: Roster
    heartbeat_s: float


def build_server(doors: Doors) -> grpc.aio.Server:
    """Make the server with its two services; it is not listening yet."""
    link, desk = _Link(doors), _Desk(doors)
    server = grpc.aio.server(options=_OPTIONS)
    methods: dict[str, dict[str, grpc.RpcMethodHandler[Any, Any]]] = {
        "skerry.v1.Link": {
            "Connect": grpc.stream_stream_rpc_method_handler(
                link.connect, request_deserializer=decode_frame, response_serializer=encode_frame
            )
        },
        "skerry.v1.Desk": {
            "Ask": grpc.unary_stream_rpc_method_handler(
                desk.ask, request_deserializer=bytes, response_serializer=encode_progress
            ),
            "Describe": grpc.unary_unary_rpc_method_handler(
                desk.describe, request_deserializer=bytes, response_serializer=encode_description
            ),
        },
    }
    server.add_generic_rpc_handlers(
        tuple(grpc.method_handlers_generic_handler(name, calls) for name, calls in methods.items())
    )
    return server


def credentials_of(key_pem: bytes, certificate_pem: bytes, ca_pem: bytes) -> grpc.ServerCredentials:
    """Make server credentials that demand a certificate of the peer."""
    return grpc.ssl_server_credentials(
        [(key_pem, certificate_pem)], root_certificates=ca_pem, require_client_auth=True
    )


async def _refuse(context: _Context, why: str) -> NoReturn:
    _log.warning("event=peer_refused why=%s", why)
    await context.abort(grpc.StatusCode.PERMISSION_DENIED, why)
    raise RuntimeError("abort raises")


def _peer_uri(context: _Context) -> str | None:
    """Give the one URI of the peer's certificate over TLS 1.3; None when it is not exactly so."""
    auth = context.auth_context()
    uris = list(auth.get("peer_uri", []))
    versions = list(auth.get("ssl_tls_version", []))
    if versions != [b"TLSv1.3"] or len(uris) != 1:
        return None
    return uris[0].decode("utf-8", "replace")


async def _read_ask(request: bytes, context: _Context) -> Ask:
    """Read an analyst's order. Not in gRPC's deserializer, which logs a stack for bytes that are none."""
    try:
        return decode_ask(request)
    except WireError:
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "unreadable")
        raise RuntimeError("abort raises") from None


class _Link:
    """Takes the nodes' streams."""

    def __init__(self, doors: Doors) -> None:
        self._doors = doors
        self._centres = {centre.uri: centre for centre in doors.roster.centres}

    async def connect(self, frames: AsyncIterator[Frame], context: _Context) -> None:
        """Serve one node until its stream ends."""
        centre = self._centres.get(_peer_uri(context) or "")
        if centre is None:
            await _refuse(context, "not_a_centre")
        incoming = _Incoming(frames)
        try:
            async with asyncio.timeout(_HELLO_WITHIN_S):
                first = await incoming.next()
            hello = decode_hello(first.body) if first and first.kind is FrameKind.HELLO else None
        except (TimeoutError, WireError):
            hello = None
        if hello is None or hello.protocol != PROTOCOL:
            await _refuse(context, "no_hello_of_this_protocol")
        await self._serve(Session(centre=centre, hello=hello), incoming, context)

    async def _serve(self, session: Session, incoming: "_Incoming", context: _Context) -> None:
        heartbeat_ms = int(self._doors.heartbeat_s * 1000)
        welcome = encode_welcome(Welcome(protocol=PROTOCOL, heartbeat_ms=heartbeat_ms))
        session.send(Message(kind=FrameKind.WELCOME, exchange=ExchangeId.new(), body=welcome))
        self._doors.hub.join(session)
        _log.info("event=centre_joined centre=%s", session.centre)
        reader = asyncio.create_task(self._read(session, incoming))
        try:
            while (message := await session.outgoing.get()) is not None:
                for frame in cut(message):
                    await context.write(frame)
        except grpc.aio.AioRpcError:
            pass
        finally:
            reader.cancel()
            self._doors.hub.leave(session)
            _log.info("event=centre_left centre=%s", session.centre)

    async def _read(self, session: Session, incoming: "_Incoming") -> None:
        """Take the node's messages; silence for three heartbeats ends the session."""
        try:
            while True:
                async with asyncio.timeout(3 * self._doors.heartbeat_s):
                    message = await incoming.next()
                if message is None:
                    break
                if message.kind is FrameKind.ANSWER:
                    self._doors.hub.take(session.centre, message)
                elif message.kind is FrameKind.HEARTBEAT:
                    session.send(Message(kind=FrameKind.HEARTBEAT, exchange=message.exchange, body=b""))
        except (TimeoutError, WireError) as error:
            _log.warning("event=centre_cut centre=%s why=%s", session.centre, type(error).__name__)
        finally:
            session.send(None)


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
        self._analysts = {analyst.uri: analyst for analyst in doors.roster.analysts}

    async def ask(self, request: bytes, context: _Context) -> AsyncIterator[Progress]:
        """Relay a question and stream what happens."""
        await self._check(context)
        ask = await _read_ask(request, context)
        unknown = [centre for centre in ask.audience if centre not in self._doors.roster.centres]
        if unknown:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "the audience names an unknown centre")
        async for progress in self._doors.service.ask(ask):
            yield progress

    async def describe(self, _request: bytes, context: _Context) -> object:
        """Describe the federation."""
        await self._check(context)
        return self._doors.service.describe()

    async def _check(self, context: _Context) -> AnalystId:
        analyst = self._analysts.get(_peer_uri(context) or "")
        if analyst is None:
            await _refuse(context, "not_an_analyst")
        return analyst
