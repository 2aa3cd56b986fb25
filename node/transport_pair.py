"""The node's transport key and its certificate on disk, and the switch to the next pair. spec/enrolment.md 6.

Two files cannot be replaced at one moment. So the next key waits as `tls.key.next`; then the certificate is
replaced, which is the switch; then the key takes its place. `settle` finishes a switch that a crash broke
off: whichever key the certificate is of counts, so that at every moment there is a pair that works.
"""

import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from node.errors import RulesError
from node.keys import read_secret
from protocols.errors import WireError
from protocols.transport_papers import check_pair

KEY, NEXT = "tls.key", "tls.key.next"


def settle(keys: Path, certificate: Path, uri: str) -> None:
    """Finish a switch that was broken off; otherwise change nothing. Raises RulesError.

    For the one program that holds the node's folder, before it reads the pair.
    """
    waiting = keys / NEXT
    if not (waiting.exists() and certificate.exists()):
        return
    try:
        check_pair(read_secret(waiting), certificate.read_bytes(), uri)
    except (WireError, OSError):
        return  # asked for, and never certified: the pair in place is whole
    _take_place(keys)


def next_key(keys: Path, certificate: Path, uri: str) -> ec.EllipticCurvePrivateKey:
    """Make the key of the next pair; it waits on the disk until `switch`. Raises RulesError."""
    settle(keys, certificate, uri)  # else the key in use might be the one that waits
    key = ec.generate_private_key(ec.SECP256R1())
    path = keys / NEXT
    try:
        keys.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.unlink(missing_ok=True)  # one that was never certified
        octets = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        _write_new(path, octets, 0o600)
        _sync(keys)
    except OSError as error:
        raise RulesError(f"the key {path} cannot be written ({error.strerror})") from None
    return key


def switch(keys: Path, certificate: Path, pem: bytes) -> None:
    """Use the key that waits, and its certificate, from now on. Raises RulesError.

    The certificate is replaced whole and durably before the key moves.
    """
    partial = certificate.with_name(f"{certificate.name}.partial")
    try:
        certificate.parent.mkdir(parents=True, exist_ok=True)
        partial.unlink(missing_ok=True)
        _write_new(partial, pem, 0o644)
        partial.replace(certificate)
        _sync(certificate.parent)
    except OSError as error:
        raise RulesError(f"the certificate {certificate} cannot be written ({error.strerror})") from None
    _take_place(keys)


def _take_place(keys: Path) -> None:
    try:
        (keys / NEXT).replace(keys / KEY)
        _sync(keys)
    except OSError as error:
        raise RulesError(f"the key {keys / KEY} cannot be replaced ({error.strerror})") from None


def _write_new(path: Path, octets: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(octets)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
