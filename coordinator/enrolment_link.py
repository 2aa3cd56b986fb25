"""The gRPC adapter of enrolment: a port of its own, for who has no certificate yet. spec/enrolment.md 4.

TLS shows the server alone. One method is served, one small request at a time; nothing else of the
coordinator can be reached from here. The ordinary port goes on to demand a certificate.
"""

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

# See node/link.py: the only way to refuse TLS 1.2, and read at import.
os.environ["GRPC_SSL_CIPHER_SUITES"] = "ECDHE-RSA-AES256-GCM-SHA384"

import grpc

from coordinator.enrolment import Enrolment
from coordinator.errors import ListenError, StoreError
from protocols.enrolment import ENROL_PATH, MAX_REQUEST_BYTES
from protocols.errors import EnrolmentError

_log = logging.getLogger("skerry.coordinator")
_MOST_AT_ONCE = 8
_OPTIONS: list[tuple[str, int]] = [
    ("grpc.max_receive_message_length", MAX_REQUEST_BYTES),
    ("grpc.max_send_message_length", 8 * 2**20),
    ("grpc.max_metadata_size", 4 * 2**10),
    ("grpc.max_concurrent_streams", 1),
    ("grpc.so_reuseport", 0),
    ("grpc.server_handshake_timeout_ms", 8_000),
    # Nobody has business here for longer, and a peer that sends nothing keeps no place.
    ("grpc.max_connection_age_ms", 20_000),
    ("grpc.max_connection_age_grace_ms", 5_000),
]
_REFUSED = "enrolment refused"
"""Whatever is wrong: whoever tries tokens or names learns nothing from the answer."""

_Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


def build_enrolment_server(enrolment: Enrolment) -> grpc.aio.Server:
    """Make the server with its one method; it is not listening yet."""

    async def enrol(request: bytes, context: _Context) -> bytes:
        """Answer one request; every refusal looks the same."""
        versions = list(context.auth_context().get("ssl_tls_version", []))
        try:
            if versions == [b"TLSv1.3"]:
                return await asyncio.to_thread(enrolment.enrol, request)
            _log.warning("event=enrolment_refused why=tls_version")
        except EnrolmentError:
            pass  # its reason is in the log already
        except StoreError as error:
            _log.error("event=enrolment_refused why=store error=%s", error)
        await context.abort(grpc.StatusCode.PERMISSION_DENIED, _REFUSED)
        raise RuntimeError("abort raises")

    service, method = ENROL_PATH.removeprefix("/").split("/")
    calls = {
        method: grpc.unary_unary_rpc_method_handler(
            enrol, request_deserializer=bytes, response_serializer=bytes
        )
    }
    server = grpc.aio.server(options=_OPTIONS, maximum_concurrent_rpcs=_MOST_AT_ONCE)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, calls),))
    return server


def open_credentials(key_pem: bytes, certificate_pem: bytes) -> grpc.ServerCredentials:
    """Make server credentials that ask the peer for none."""
    return grpc.ssl_server_credentials([(key_pem, certificate_pem)], None, require_client_auth=False)


@asynccontextmanager
async def door(
    address: str | None, enrolment: Enrolment | None, key_pem: bytes, certificate_pem: bytes
) -> AsyncIterator[None]:
    """Serve enrolments while the block runs; without an address, nobody. Raises ListenError."""
    if address is None or enrolment is None:
        yield
        return
    server = build_enrolment_server(enrolment)
    try:
        server.add_secure_port(address, open_credentials(key_pem, certificate_pem))
    except RuntimeError:
        await server.stop(grace=None)
        raise ListenError(f"cannot listen on {address}") from None
    await server.start()
    _log.info("event=enrolment_listening address=%s", address)
    try:
        yield
    finally:
        await server.stop(grace=0.5)
