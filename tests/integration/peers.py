"""Strangers at the coordinator's door: certificates of every wrong kind, and raw connections.

The certificates are signed with the sandbox's own authority, or with a foreign one, so that only what
a test means to be wrong is wrong.
"""

import ipaddress
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Self, cast

from coordinator.analyst import connect  # sets gRPC's cipher suites before gRPC is imported

# isort: split
import grpc
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from deploy.sandbox.authority import Authority
from protocols.codec.link import encode_frame, encode_hello
from protocols.frames import Message, cut
from protocols.ids import Digest, ExchangeId
from protocols.link import LINK_PATH, PROTOCOL, FrameKind, Hello

__all__ = ["Peer", "Stream", "authority_of", "connect", "hello", "refusal", "tls_versions"]

_WITHIN_S = 20.0
_HOUR = timedelta(hours=1)
_OPTIONS: list[tuple[str, int]] = [
    ("grpc.enable_http_proxy", 0),
    ("grpc.max_send_message_length", 64 * 2**20),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Signer:
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate


def authority_of(folder: Path) -> _Signer:
    """Load the transport authority that lies in a folder, or make one there."""
    folder.mkdir(parents=True, exist_ok=True)
    pem = Authority(folder).certificate
    key = load_pem_private_key((folder / "tls-authority.key").read_bytes(), password=None)
    return _Signer(
        key=cast("ec.EllipticCurvePrivateKey", key), certificate=x509.load_pem_x509_certificate(pem)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """Somebody with a key, a certificate, and the coordinator's address."""

    target: str
    ca_pem: bytes
    key_pem: bytes | None
    certificate_pem: bytes | None

    @classmethod
    def nobody(cls, target: str, ca_pem: bytes) -> Self:
        """Give a peer without a certificate."""
        return cls(target=target, ca_pem=ca_pem, key_pem=None, certificate_pem=None)

    @classmethod
    def named(
        cls, target: str, ca_pem: bytes, signer: _Signer, uris: Sequence[str], lasts: timedelta = _HOUR
    ) -> Self:
        """Give a peer with the URIs in its certificate."""
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC)
        names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(uri) for uri in uris]
        names.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
        common = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a peer")])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(common)
            .issuer_name(signer.certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=5))
            .not_valid_after(now + lasts)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .sign(signer.key, SHA256())
        )
        return cls(
            target=target,
            ca_pem=ca_pem,
            key_pem=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
            certificate_pem=certificate.public_bytes(Encoding.PEM),
        )

    @contextmanager
    def channel(self) -> Iterator[grpc.Channel]:
        """Open a channel."""
        credentials = grpc.ssl_channel_credentials(self.ca_pem, self.key_pem, self.certificate_pem)
        with grpc.secure_channel(self.target, credentials, options=_OPTIONS) as channel:
            yield channel

    def call(self, path: str, octets: bytes) -> list[bytes]:
        """Call a method of the desk with bytes as they are."""
        with self.channel() as channel:
            method = channel.unary_stream(path, request_serializer=bytes, response_deserializer=bytes)
            return list(method(octets, timeout=_WITHIN_S))

    @contextmanager
    def stream(self) -> Iterator["Stream"]:
        """Open the link's stream."""
        with self.channel() as channel:
            connect_ = channel.stream_stream(LINK_PATH, request_serializer=bytes, response_deserializer=bytes)
            stream = Stream(connect_)
            try:
                yield stream
            finally:
                stream.close()


class Stream:
    """A stream of the link on which a test writes bytes as they are."""

    def __init__(self, method: Any) -> None:  # noqa: ANN401 -- gRPC's own type has no public name
        self._sent: SimpleQueue[bytes | None] = SimpleQueue()
        self._received = method(iter(self._sent.get, None), timeout=_WITHIN_S)

    def send(self, octets: bytes) -> None:
        """Send one frame's bytes."""
        self._sent.put(octets)

    def receive(self) -> bytes:
        """Wait for the next frame's bytes. Raises grpc.RpcError or StopIteration."""
        octets: bytes = next(self._received)
        return octets

    def close(self) -> None:
        """End the stream."""
        self._sent.put(None)
        self._received.cancel()


def hello(kind: FrameKind = FrameKind.HELLO) -> bytes:
    """Write the first frame of a node."""
    body = encode_hello(
        Hello(
            protocol=PROTOCOL,
            software="test",
            dictionary=Digest(bytes(32)),
            dictionary_text=b"",
            snapshot_at=None,
            roster_version=1,
        )
    )
    (frame,) = cut(Message(kind=kind, exchange=ExchangeId.new(), body=body))
    return encode_frame(frame)


def refusal(error: grpc.RpcError) -> tuple[str, str]:
    """Give a failed call's status and sentence."""
    call = cast("grpc.Call", error)
    return call.code().name, call.details() or ""


def tls_versions(peer: Peer, folder: Path, newest: ssl.TLSVersion) -> str | None:
    """Shake hands with at most a TLS version; give the version agreed on, None when refused."""
    (folder / "peer.key").write_bytes(peer.key_pem or b"")
    (folder / "peer.pem").write_bytes(peer.certificate_pem or b"")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=peer.ca_pem.decode())
    context.load_cert_chain(folder / "peer.pem", folder / "peer.key")
    context.set_alpn_protocols(["h2"])
    context.maximum_version = newest
    host, port = peer.target.split(":")
    try:
        with (
            socket.create_connection((host, int(port)), timeout=_WITHIN_S) as raw,
            context.wrap_socket(raw, server_hostname=host) as tls,
        ):
            # In TLS 1.3 a refusal of the client comes after the handshake: wait for the server's settings.
            return tls.version() if tls.recv(9) else None
    except (ssl.SSLError, ConnectionError):
        return None
