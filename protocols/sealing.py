"""Sealing to one reader: bytes that others relay and cannot read. spec/sealing.md 1 to 3.

* HPKE with the hybrid key of `keys.py`: it stays closed while X25519 or ML-KEM-768 holds.
* Sealing says nothing of who sealed: what must be believed is signed first, and then sealed.
* The context is a digest, made of framed parts: what was sealed under one opens under no other.
* The body is padded first, so that the length that others see says little of it.
"""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke

from protocols.errors import SealError
from protocols.ids import Digest
from protocols.keys import SealingKey, SealingSecret

SMALLEST_BYTES = 4096
"""What a shorter body is padded to: most answers, and every refusal."""

_LENGTH_BYTES = 8
_SUITE = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)


def seal_to(body: bytes, recipient: SealingKey, context: Digest) -> bytes:
    """Pad a body and seal it to a reader, for one context."""
    key = hpke.MLKEM768X25519PublicKey(recipient.mlkem768, recipient.x25519)
    return _SUITE.encrypt(_padded(body), key, info=context.octets)


def unsealed(octets: bytes, secret: SealingSecret, context: Digest) -> bytes:
    """Give the body that was sealed to this reader for this context. Raises SealError."""
    key = hpke.MLKEM768X25519PrivateKey(secret.mlkem768, secret.x25519)
    try:
        padded = _SUITE.decrypt(octets, key, info=context.octets)
    except InvalidTag:  # whatever is wrong, from the key to an empty text
        raise SealError("it was sealed to another key or for another use, or was changed since") from None
    return _body(padded)


def padded_length(length: int) -> int:
    """Give the length, in bytes, to which so many bytes are padded: at most a sixteenth more, or the least.

    Padmé: Nikitin et al. 2019, PoPETs 2019 (4), section 4.3. A length of E binary digits keeps only its
    first ones, as many as E itself has, so that log log of the length is all that it tells.
    """
    if length <= SMALLEST_BYTES:
        return SMALLEST_BYTES
    exponent = length.bit_length() - 1
    unit = 1 << exponent - exponent.bit_length()
    return -(-length // unit) * unit


def _padded(body: bytes) -> bytes:
    framed = len(body).to_bytes(_LENGTH_BYTES, "big") + body
    return framed.ljust(padded_length(len(framed)), b"\x00")


def _body(padded: bytes) -> bytes:
    body = padded[_LENGTH_BYTES:][: int.from_bytes(padded[:_LENGTH_BYTES], "big")]
    # One body has one padding: another one would be a second message, where somebody could write.
    if _padded(body) != padded:
        raise SealError("its padding is wrong")
    return body
