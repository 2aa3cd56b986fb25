"""The gRPC adapter of the analyst: the coordinator's desk over mutual TLS. spec/link.md."""

import os
from collections.abc import Iterator
from typing import cast

# See node/link.py: refuses TLS 1.2, and is read at import.
os.environ["GRPC_SSL_CIPHER_SUITES"] = "ECDHE-RSA-AES256-GCM-SHA384"

import grpc

from coordinator.analyst.profile import Profile
from coordinator.errors import UnreachableError
from protocols.codec.link import decode_description, decode_progress, encode_ask
from protocols.link import ASK_PATH, DESCRIBE_PATH, Ask, Description, Progress

_LOOPBACK = ("127.", "localhost:", "[::1]:")
_SETUP_S = 10.0
_OPTIONS: list[tuple[str, int]] = [("grpc.max_receive_message_length", 64 * 2**20)]


class Desk:
    """A channel to the coordinator; opened at the first call."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._channel: grpc.Channel | None = None

    def ask(self, ask: Ask) -> Iterator[Progress]:
        """Relay a question; give each centre's steps. Raises UnreachableError."""
        call = self._open().unary_stream(
            ASK_PATH, request_serializer=encode_ask, response_deserializer=decode_progress
        )
        # The coordinator ends the stream at the deadline; this bound is for one that does not.
        timeout_s = ask.deadline_ms / 1000 + _SETUP_S
        try:
            yield from call(ask, timeout=timeout_s)
        except grpc.RpcError as error:
            raise self._unreachable(error) from None

    def describe(self) -> Description:
        """Ask which centres are there. Raises UnreachableError."""
        call = self._open().unary_unary(
            DESCRIBE_PATH, request_serializer=bytes, response_deserializer=decode_description
        )
        try:
            description: Description = call(b"", timeout=_SETUP_S)
        except grpc.RpcError as error:
            raise self._unreachable(error) from None
        return description

    def close(self) -> None:
        """Close the channel."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    def _open(self) -> grpc.Channel:
        if self._channel is None:
            profile = self._profile
            credentials = grpc.ssl_channel_credentials(
                root_certificates=profile.tls_ca_pem,
                private_key=profile.tls_key_pem,
                certificate_chain=profile.tls_certificate_pem,
            )
            options = list(_OPTIONS)
            if profile.target.startswith(_LOOPBACK):
                options.append(("grpc.enable_http_proxy", 0))
            self._channel = grpc.secure_channel(profile.target, credentials, options=options)
        return self._channel

    def _unreachable(self, error: grpc.RpcError) -> UnreachableError:
        # Every error that a call raises is a call as well; the stubs do not say so.
        code = cast("grpc.Call", error).code().name
        return UnreachableError(f"the coordinator at {self._profile.target} does not answer ({code})")
