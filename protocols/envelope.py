"""Signing and opening: what comes off the wire is sealed until a signature is checked. spec/envelope.md.

`Opened` can only be made by `open_envelope`, so whoever holds one holds verified terms. Nothing of
the terms is trusted before the signature is right, except the name of the analyst, which chooses
the key to check it with.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from protocols.canonical import sha256
from protocols.codec.queries import (
    Envelope,
    decode_envelope,
    decode_terms,
    encode_envelope,
    encode_terms,
)
from protocols.errors import SignatureError, UnknownAnalystError
from protocols.ids import AnalystId, Digest
from protocols.queries import SignedTerms
from protocols.roster import Analyst


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """Terms whose signature is right, and the digest of their exact bytes."""

    terms: SignedTerms
    content: Digest


class Purpose(Enum):
    """What an envelope is for: its signature is good for this, and for nothing else."""

    QUERY = b"skerry/1 query\x00"
    PLAN = b"skerry/1 plan\x00"


def seal(terms: SignedTerms, key: Ed25519PrivateKey, purpose: Purpose = Purpose.QUERY) -> bytes:
    """Sign terms for a purpose, and put them into an envelope."""
    octets = encode_terms(terms)
    return encode_envelope(Envelope(terms=octets, signature=key.sign(purpose.value + octets)))


def open_envelope(
    octets: bytes, analysts: Mapping[AnalystId, Analyst], purpose: Purpose = Purpose.QUERY
) -> Opened:
    """Check the signature and give the terms. Raises WireError, UnknownAnalystError or SignatureError."""
    envelope = decode_envelope(octets)
    terms = decode_terms(envelope.terms)
    analyst = analysts.get(terms.analyst)
    if analyst is None:
        raise UnknownAnalystError("the roster does not know the analyst")
    verify(analyst.keys.signing, envelope.signature, purpose.value + envelope.terms)
    return Opened(terms=terms, content=_content(envelope.terms))


def content_of(terms: SignedTerms) -> Digest:
    """Give the digest of what one query id may say, as a node's ledger notes it."""
    return _content(encode_terms(terms))


def _content(octets: bytes) -> Digest:
    return sha256("skerry/1 terms", octets)


def verify(key: Ed25519PublicKey, signature: bytes, message: bytes) -> None:
    """Check a signature. Raises SignatureError."""
    try:
        key.verify(signature, message)
    except InvalidSignature:
        raise SignatureError("the signature is wrong") from None
