"""Keys of people and centres in tests: each follows from one signing key, so that a test is repeatable."""

import hashlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocols.keys import KEY_BYTES, MLKEM768_SEED_BYTES, PublicKeys, SealingSecret
from protocols.root import Root
from protocols.signed_text import SignedText

ROOT_KEY = Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32)


def sealing_of(key: Ed25519PrivateKey) -> SealingSecret:
    """The sealing secret of whoever signs with a key."""
    octets = hashlib.shake_256(key.private_bytes_raw()).digest(KEY_BYTES + MLKEM768_SEED_BYTES)
    return SealingSecret.from_octets(octets)


def keys_of(key: Ed25519PrivateKey) -> PublicKeys:
    """The public keys of whoever signs with a key."""
    return PublicKeys(signing=key.public_key(), sealing=sealing_of(key).public)


def root_of(consortium: str, *keys: Ed25519PrivateKey, threshold: int = 1) -> Root:
    """A root whose keys are called `root-1`, `root-2`, and so on."""
    named = {f"root-{number}": key.public_key() for number, key in enumerate(keys or (ROOT_KEY,), start=1)}
    return Root(consortium=consortium, threshold=threshold, keys=named)


def signed_roster(body: str, *keys: Ed25519PrivateKey) -> bytes:
    """Sign a roster's body with root keys, in the order of their names."""
    text = SignedText(body=body.encode(), signatures=())
    for number, key in enumerate(keys or (ROOT_KEY,), start=1):
        text = text.signed_by(f"root-{number}", key, "roster")
    return text.to_bytes()
