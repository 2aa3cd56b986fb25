"""Public keys in documents: Ed25519, 32 bytes as base64. spec/signed-text.md 3."""

import base64
import binascii

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from protocols.errors import WireError

_SIZE = 32


def key_from_text(text: str) -> Ed25519PublicKey:
    """Read a public key. Raises WireError."""
    try:
        octets = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        octets = b""
    # The last character holds bits that no byte takes: one key has one text only if they are zero.
    if len(octets) != _SIZE or base64.b64encode(octets).decode() != text:
        raise WireError("a public key is 32 bytes in base64, which is 44 characters")
    return Ed25519PublicKey.from_public_bytes(octets)


def key_to_text(key: Ed25519PublicKey) -> str:
    """Write a public key."""
    return base64.b64encode(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()
