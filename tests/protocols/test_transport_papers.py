"""Keys and certificates that no connection could use are refused before a program starts."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from deploy.sandbox.authority import Authority
from protocols.errors import WireError
from protocols.transport_papers import check_certificate, check_pair

URI = "skerry://centre/berlin"


def _pair(folder: Path, name: str = "berlin", uri: str = URI) -> tuple[bytes, bytes]:
    key, certificate = folder / f"{name}.key", folder / f"{name}.pem"
    Authority(folder).issue(key, certificate, uri)
    return key.read_bytes(), certificate.read_bytes()


def test_a_pair_that_belongs_together_is_taken(tmp_path: Path) -> None:
    key, certificate = _pair(tmp_path)
    check_pair(key, certificate, URI)
    check_pair(key, certificate + Authority(tmp_path).certificate, URI)  # a chain: the first counts


@pytest.mark.parametrize("octets", [b"", b"a certificate\n", b"\xff\0", b"-----BEGIN CERTIFICATE-----\n"])
def test_what_is_no_certificate_is_refused(octets: bytes) -> None:
    with pytest.raises(WireError, match="no certificate in PEM"):
        check_certificate(octets)


def test_another_partys_certificate_is_refused(tmp_path: Path) -> None:
    key, certificate = _pair(tmp_path)
    with pytest.raises(
        WireError, match="it names skerry://centre/berlin, and must name skerry://centre/oslo"
    ):
        check_pair(key, certificate, "skerry://centre/oslo")
    with pytest.raises(WireError, match="it belongs to another private key"):
        check_pair(_pair(tmp_path, "oslo")[0], certificate, URI)
    with pytest.raises(WireError, match="it names nobody"):
        check_pair(*_authority(tmp_path), URI)


def _authority(folder: Path) -> tuple[bytes, bytes]:
    return (folder / "tls-authority.key").read_bytes(), (folder / "tls-authority.pem").read_bytes()


def test_a_key_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    key, certificate = _pair(tmp_path)
    locked = load_pem_private_key(key, password=None).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"a password")
    )
    for wrong in (b"", b"a key", certificate, locked):
        with pytest.raises(WireError, match="its private key is none in PEM without a password"):
            check_pair(wrong, certificate, URI)
