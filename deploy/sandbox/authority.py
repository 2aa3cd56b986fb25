"""Keys and transport certificates of a sandbox. Kept between runs, so that a ledger keeps its centre.

Leaves are P-256, because gRPC does not take Ed25519 ones; identity is the URI in the certificate.
"""

import ipaddress
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID

from deploy.sandbox.places import write_secret
from protocols.keys import SealingSecret

_VALID_FOR = timedelta(days=365)
_CLOCKS_MAY_DIFFER_BY = timedelta(minutes=5)


def signing_key(path: Path) -> Ed25519PrivateKey:
    """Load an Ed25519 key, or make it."""
    if not path.exists():
        write_secret(path, Ed25519PrivateKey.generate().private_bytes_raw())
    return Ed25519PrivateKey.from_private_bytes(path.read_bytes())


def sealing_key(path: Path) -> SealingSecret:
    """Load a sealing key, or make it."""
    if not path.exists():
        write_secret(path, SealingSecret.generate().to_octets())
    return SealingSecret.from_octets(path.read_bytes())


def random_key(path: Path) -> None:
    """Make a key of 32 random bytes, unless it is there."""
    if not path.exists():
        write_secret(path, os.urandom(32))


def _private_key(path: Path) -> ec.EllipticCurvePrivateKey:
    if not path.exists():
        key = ec.generate_private_key(ec.SECP256R1())
        write_secret(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return cast("ec.EllipticCurvePrivateKey", load_pem_private_key(path.read_bytes(), password=None))


class Authority:
    """The authority that signs the transport certificates of one sandbox."""

    def __init__(self, folder: Path) -> None:
        self._key = _private_key(folder / "tls-authority.key")
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Skerry sandbox")])
        path = folder / "tls-authority.pem"
        if not path.exists():
            extensions: list[tuple[x509.ExtensionType, bool]] = [
                (x509.BasicConstraints(ca=True, path_length=0), True),
                (_key_usage(signs_certificates=True), True),
            ]
            path.write_bytes(self._signed(self._name, self._key, extensions))
        self.certificate = path.read_bytes()

    def issue(self, key_path: Path, certificate_path: Path, uri: str, *, is_server: bool = False) -> None:
        """Make a key if need be, and a fresh certificate with the party's URI."""
        names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(uri)]
        usage = ExtendedKeyUsageOID.CLIENT_AUTH
        if is_server:
            usage = ExtendedKeyUsageOID.SERVER_AUTH
            names += [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        extensions: list[tuple[x509.ExtensionType, bool]] = [
            (x509.BasicConstraints(ca=False, path_length=None), True),
            (_key_usage(signs_certificates=False), True),
            (x509.ExtendedKeyUsage([usage]), False),
            (x509.SubjectAlternativeName(names), False),
        ]
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, uri[-64:])])
        certificate_path.parent.mkdir(parents=True, exist_ok=True)
        certificate_path.write_bytes(self._signed(subject, _private_key(key_path), extensions))

    def _signed(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        extensions: list[tuple[x509.ExtensionType, bool]],
    ) -> bytes:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _CLOCKS_MAY_DIFFER_BY)
            .not_valid_after(now + _VALID_FOR)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
            )
        )
        for extension, is_critical in extensions:
            builder = builder.add_extension(extension, critical=is_critical)
        return builder.sign(self._key, SHA256()).public_bytes(Encoding.PEM)


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
