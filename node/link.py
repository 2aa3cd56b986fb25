"""The gRPC adapter of a node: one outbound stream to the coordinator, TLS 1.3 both ways. spec/link.md.

It moves messages and decides nothing. The stream is opened from the inside, so a hospital's firewall
needs no hole.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

# With P-256 certificates no TLS 1.2 suite fits this one, so TLS 1.2 is refused; the suites of TLS 1.3
# are not affected. gRPC reads it at import and has no setting for the least version.
os.environ["GRPC_SSL_CIPHER_SUITES"] = "ECDHE-RSA-AES256-GCM-SHA384"

import grpc

from protocols.codec.link import decode_frame, encode_frame
from protocols.errors import WireError
from protocols.frames import Assembler, Message, cut
from protocols.link import LINK_PATH, Frame

_MAX_FRAME_BYTES = 2**20
_OPTIONS: list[tuple[str, int]] = [
    ("grpc.max_receive_message_length", _MAX_FRAME_BYTES),
    ("grpc.max_send_message_length", _MAX_FRAME_BYTES),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
]
_LOOPBACK = ("127.", "localhost:", "[::1]:")


class LinkLostError(Exception):
    """The stream ended; `code` is gRPC's word for why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Transport:
    """Where the coordinator is, and what the node shows and trusts."""

    target: str
    ca_pem: bytes
    certificate_pem: bytes
    key_pem: bytes

    def __repr__(self) -> str:
        """Show the address only."""
        return f"Transport({self.target})"


class Stream:
    """An open stream: whole messages in both directions."""

    def __init__(self, call: "grpc.aio.StreamStreamCall[Frame, Frame]") -> None:
        self._call = call
        self._assembler = Assembler()
        # Frames of two messages may alternate, but not those of one message: its sender is alone.
        self._sending = asyncio.Lock()

    async def send(self, message: Message) -> None:
        """Send a message. Raises LinkLostError."""
        try:
            async with self._sending:
                for frame in cut(message):
                    await self._call.write(frame)
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError) as error:
            raise LinkLostError(_why(error)) from None

    async def receive(self) -> Message:
        """Wait for the next message. Raises LinkLostError."""
        while True:
            try:
                frame = await self._call.read()
                if not isinstance(frame, Frame):  # grpc.aio.EOF
                    raise LinkLostError("closed")
                message = self._assembler.take(frame)
            except grpc.aio.AioRpcError as error:
                raise LinkLostError(_why(error)) from None
            except WireError:
                raise LinkLostError("unreadable") from None
            if message is not None:
                return message


def _why(error: Exception) -> str:
    return error.code().name if isinstance(error, grpc.aio.AioRpcError) else "closed"


@asynccontextmanager
async def stream_to(transport: Transport) -> AsyncIterator[Stream]:
    """Open a channel and its one stream; both are closed at the end."""
    credentials = grpc.ssl_channel_credentials(
        root_certificates=transport.ca_pem,
        private_key=transport.key_pem,
        certificate_chain=transport.certificate_pem,
    )
    options = list(_OPTIONS)
    if transport.target.startswith(_LOOPBACK):
        # A developer's https_proxy would otherwise capture loopback too.
        options.append(("grpc.enable_http_proxy", 0))
    async with grpc.aio.secure_channel(transport.target, credentials, options=options) as channel:
        connect = channel.stream_stream(
            LINK_PATH, request_serializer=encode_frame, response_deserializer=decode_frame
        )
        call = connect()
        try:
            yield Stream(call)
        finally:
            call.cancel()
