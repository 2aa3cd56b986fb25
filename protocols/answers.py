"""From what a centre says to the bytes that are relayed, and back: signed, then sealed to who asked.

spec/releases.md 4, spec/sealing.md 4. The signature is inside: whoever relays cannot tell what was
answered, and whoever opens it can show that the centre said so.

* An answer is sealed to the analyst who asked, for this question and this centre alone.
* Only a refusal from before an analyst was known goes in the open: there is nobody to seal it to, and it
  is about an envelope that nobody could open. The reader takes nothing else in the open.
"""

from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from protocols.canonical import sha256
from protocols.codec.answers import (
    decode_answer,
    decode_planned,
    decode_relayed,
    decode_signed_answer,
    encode_answer,
    encode_planned,
    encode_relayed,
    encode_signed_answer,
)
from protocols.envelope import Purpose, verify
from protocols.ids import UNREAD, AnalystId, CentreId, Digest, QueryId
from protocols.keys import SealingKey, SealingSecret
from protocols.refusals import Refusal, RefusalCode
from protocols.releases import Answer, Planned, RelayedAnswer, SignedAnswer
from protocols.sealing import seal_to, unsealed

OPEN_CODES = frozenset({RefusalCode.UNREADABLE, RefusalCode.UNKNOWN_ANALYST, RefusalCode.BAD_SIGNATURE})
"""Refusals that may go in the open, under the id of what could not be read."""

_ANSWER_DOMAIN = b"skerry/1 answer\x00"
_PLANNED_DOMAIN = b"skerry/1 planned\x00"
_SEALED_DOMAIN = {Purpose.QUERY: "skerry/1 sealed answer", Purpose.PLAN: "skerry/1 sealed plan"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What a centre signed, and whether it came sealed."""

    signed: SignedAnswer
    was_sealed: bool


def sign_answer(answer: Answer, key: Ed25519PrivateKey) -> SignedAnswer:
    """Sign a centre's answer."""
    payload = encode_answer(answer)
    return SignedAnswer(payload=payload, signature=key.sign(_ANSWER_DOMAIN + payload))


def open_answer(signed: SignedAnswer, key: Ed25519PublicKey) -> Answer:
    """Check a centre's signature and give its answer. Raises SignatureError or WireError."""
    verify(key, signed.signature, _ANSWER_DOMAIN + signed.payload)
    return decode_answer(signed.payload)


def sign_planned(planned: Planned, key: Ed25519PrivateKey) -> SignedAnswer:
    """Sign what a centre says to a plan."""
    payload = encode_planned(planned)
    return SignedAnswer(payload=payload, signature=key.sign(_PLANNED_DOMAIN + payload))


def open_planned(signed: SignedAnswer, key: Ed25519PublicKey) -> Planned:
    """Check a centre's signature under a plan's answer. Raises SignatureError or WireError."""
    verify(key, signed.signature, _PLANNED_DOMAIN + signed.payload)
    return decode_planned(signed.payload)


def context_of(purpose: Purpose, centre: CentreId, analyst: AnalystId, query_id: QueryId) -> Digest:
    """Name what an answer is sealed for: another question's, centre's or analyst's does not open."""
    parts = centre.text.encode(), analyst.text.encode(), query_id.octets
    return sha256(_SEALED_DOMAIN[purpose], *parts)


def sealed_to(signed: SignedAnswer, recipient: SealingKey, context: Digest) -> bytes:
    """Give the bytes to relay: what a centre signed, sealed to who asked."""
    octets = seal_to(encode_signed_answer(signed), recipient, context)
    return encode_relayed(RelayedAnswer(octets=octets, is_sealed=True))


def in_the_open(signed: SignedAnswer) -> bytes:
    """Give the bytes to relay where nobody is known to have asked."""
    return encode_relayed(RelayedAnswer(octets=encode_signed_answer(signed), is_sealed=False))


def received(octets: bytes, secret: SealingSecret, context: Digest) -> Received:
    """Open what was relayed. Nothing of it is believed yet. Raises WireError or SealError."""
    relayed = decode_relayed(octets)
    plain = unsealed(relayed.octets, secret, context) if relayed.is_sealed else relayed.octets
    return Received(signed=decode_signed_answer(plain), was_sealed=relayed.is_sealed)


def may_be_open(said: Answer | Planned) -> bool:
    """Whether this may go in the open."""
    return isinstance(said.outcome, Refusal) and said.outcome.code in OPEN_CODES and said.query_id == UNREAD
