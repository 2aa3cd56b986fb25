"""Keys in documents: public ones as base64, a person's or a centre's three together. spec/signed-text.md 3.

Who belongs has two uses for keys: to sign (Ed25519), and to be written to. What is sealed to somebody is
sealed under two key agreements at once, X25519 and ML-KEM-768: it stays closed while either holds.
"""

import base64
import binascii
from dataclasses import dataclass
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from protocols.errors import WireError

KEY_BYTES = 32
MLKEM768_BYTES = 1184
MLKEM768_SEED_BYTES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class SealingKey:
    """To seal to somebody: the public halves of a hybrid key. Raises WireError for one that seals nothing."""

    x25519: X25519PublicKey
    mlkem768: MLKEM768PublicKey

    def __post_init__(self) -> None:
        # RFC 7748 6.1: with a point of small order every agreement is zero, and a node that tried to seal
        # to it would fail after the charge. It shows with any private key, so with one that is no secret.
        try:
            X25519PrivateKey.from_private_bytes(bytes(KEY_BYTES)).exchange(self.x25519)
        except ValueError:
            raise WireError("an X25519 key is wrong: nothing can be sealed to it") from None

    @property
    def octets(self) -> bytes:
        """Both halves, in one fixed order."""
        return self.x25519.public_bytes_raw() + self.mlkem768.public_bytes_raw()


@dataclass(frozen=True, slots=True, kw_only=True)
class SealingSecret:
    """To open what was sealed: the private halves, never shown."""

    x25519: X25519PrivateKey
    mlkem768: MLKEM768PrivateKey

    SIZE = KEY_BYTES + MLKEM768_SEED_BYTES

    @classmethod
    def generate(cls) -> Self:
        """Make a new key from the operating system's randomness."""
        return cls(x25519=X25519PrivateKey.generate(), mlkem768=MLKEM768PrivateKey.generate())

    @classmethod
    def from_octets(cls, octets: bytes) -> Self:
        """Read a key file: X25519's 32 bytes, then ML-KEM's seed of 64. Raises WireError."""
        if len(octets) != KEY_BYTES + MLKEM768_SEED_BYTES:
            msg = f"a sealing key has {KEY_BYTES + MLKEM768_SEED_BYTES} bytes"
            raise WireError(msg)
        return cls(
            x25519=X25519PrivateKey.from_private_bytes(octets[:KEY_BYTES]),
            mlkem768=MLKEM768PrivateKey.from_seed_bytes(octets[KEY_BYTES:]),
        )

    def to_octets(self) -> bytes:
        """Write a key file."""
        return self.x25519.private_bytes_raw() + self.mlkem768.private_bytes_raw()

    @property
    def public(self) -> SealingKey:
        """The public halves."""
        return SealingKey(x25519=self.x25519.public_key(), mlkem768=self.mlkem768.public_key())

    def __repr__(self) -> str:
        """Show nothing of the key."""
        return "SealingSecret(...)"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKeys:
    """What a roster says of somebody: how to know their signature, and how to seal to them."""

    signing: Ed25519PublicKey
    sealing: SealingKey

    @property
    def octets(self) -> bytes:
        """All three, in one fixed order: what a fingerprint is made of."""
        return self.signing.public_bytes_raw() + self.sealing.octets


def key_from_text(text: str) -> Ed25519PublicKey:
    """Read a signing key. Raises WireError."""
    return Ed25519PublicKey.from_public_bytes(_octets(text, KEY_BYTES))


def key_to_text(key: Ed25519PublicKey) -> str:
    """Write a signing key."""
    return _text(key.public_bytes_raw())


def keys_from_text(key: str, x25519: str, mlkem768: str) -> PublicKeys:
    """Read the three keys of an entry. Raises WireError."""
    return PublicKeys(
        signing=key_from_text(key),
        sealing=SealingKey(
            x25519=X25519PublicKey.from_public_bytes(_octets(x25519, KEY_BYTES)),
            mlkem768=_mlkem768(_octets(mlkem768, MLKEM768_BYTES)),
        ),
    )


def keys_to_text(keys: PublicKeys) -> dict[str, str]:
    """Write the three keys of an entry, by their names in documents."""
    return {
        "key": key_to_text(keys.signing),
        "x25519": _text(keys.sealing.x25519.public_bytes_raw()),
        "mlkem768": _text(keys.sealing.mlkem768.public_bytes_raw()),
    }


def _mlkem768(octets: bytes) -> MLKEM768PublicKey:
    try:
        return MLKEM768PublicKey.from_public_bytes(octets)
    except ValueError:  # FIPS 203 7.2: each coefficient is below the modulus
        raise WireError("an ML-KEM-768 key is wrong") from None


def _octets(text: str, size: int) -> bytes:
    try:
        octets = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        octets = b""
    # The last character may hold bits that no byte takes: one key has one text only if they are zero.
    if len(octets) != size or _text(octets) != text:
        raise WireError(
            f"a public key here is {size} bytes in base64, which is {-(-size // 3) * 4} characters"
        )
    return octets


def _text(octets: bytes) -> str:
    return base64.b64encode(octets).decode()
