"""What a breached coordinator can send to a node: it has seen everything, and holds nobody's key.

Each move makes one message out of what analysts have truly signed. `relays` alone is what an honest
coordinator would do.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocols.codec.queries import Envelope, decode_envelope, encode_envelope, encode_terms
from protocols.envelope import seal
from protocols.ids import AnalystId, CentreId, Digest, QueryId, StudyId
from protocols.queries import SignedTerms
from tests.node.gate_desk import KEYS, with_rho

MALLORY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What has passed through the coordinator: questions to this centre, to another one, and plans."""

    questions: tuple[tuple[SignedTerms, bytes], ...]
    elsewhere: tuple[bytes, ...]
    plans: tuple[bytes, ...]


Move = Callable[[Seen, random.Random], bytes]


def relays(seen: Seen, draw: random.Random) -> bytes:
    """An honest relay, and a replay when it is not the first time."""
    return draw.choice(seen.questions)[1]


def _edited(terms: SignedTerms, draw: random.Random) -> SignedTerms:
    """Other terms, in one respect that the coordinator would profit from."""
    paris = CentreId("paris")
    return draw.choice(
        [
            replace(terms, audience=(*terms.audience, paris)),
            replace(terms, audience=(CentreId("oslo"), *terms.audience)),
            replace(terms, query_id=QueryId.new()),
            replace(terms, not_after_ms=terms.not_after_ms + draw.randrange(1, 10**9)),
            replace(terms, study=StudyId("mood2")),
            replace(terms, analyst=AnalystId("bob" if terms.analyst.text == "ada" else "ada")),
            replace(terms, analyst=AnalystId("eve")),
            replace(terms, dictionary=Digest(draw.randbytes(32))),
            replace(terms, query=with_rho(terms.query, "2")),
            replace(terms, query=replace(terms.query, cohort=None), query_id=QueryId.new()),
        ]
    )


def rewrites(seen: Seen, draw: random.Random) -> bytes:
    """Edited terms under the signature of the true ones."""
    terms, octets = draw.choice(seen.questions)
    signature = decode_envelope(octets).signature
    return encode_envelope(Envelope(terms=encode_terms(_edited(terms, draw)), signature=signature))


def forges(seen: Seen, draw: random.Random) -> bytes:
    """New terms under a key of its own, or of somebody else."""
    terms = replace(draw.choice(seen.questions)[0], query_id=QueryId.new())
    others = [key for who, key in KEYS.items() if who != terms.analyst]
    return seal(terms, draw.choice([MALLORY, *others]))


def enrols_itself(seen: Seen, draw: random.Random) -> bytes:
    """Terms of an analyst whom the roster does not have, rightly signed by that one."""
    eve = AnalystId("eve")
    return seal(replace(draw.choice(seen.questions)[0], analyst=eve, query_id=QueryId.new()), KEYS[eve])


def splices(seen: Seen, draw: random.Random) -> bytes:
    """The terms of one question with the signature of another."""
    (_, one), (_, other) = draw.sample(seen.questions, 2)
    return encode_envelope(
        Envelope(terms=decode_envelope(one).terms, signature=decode_envelope(other).signature)
    )


def retargets(seen: Seen, draw: random.Random) -> bytes:
    """A question that was signed for another centre."""
    return draw.choice(seen.elsewhere)


def turns_a_plan_into_a_question(seen: Seen, draw: random.Random) -> bytes:
    """A plan's envelope, which costs nothing, sent as a question."""
    return draw.choice(seen.plans)


def flips(seen: Seen, draw: random.Random) -> bytes:
    """One bit, or one byte."""
    octets = bytearray(relays(seen, draw))
    place = draw.randrange(len(octets))
    octets[place] ^= draw.choice([1 << draw.randrange(8), draw.randrange(1, 256)])
    return bytes(octets)


def cuts(seen: Seen, draw: random.Random) -> bytes:
    """A part of the bytes, from either end; nothing at all too."""
    octets = relays(seen, draw)
    place = draw.randrange(len(octets))
    return draw.choice([octets[:place], octets[place + 1 :], b""])


def adds(seen: Seen, draw: random.Random) -> bytes:
    """The bytes twice, two questions in one, a field that nobody knows, or noise behind it."""
    octets, other = relays(seen, draw), relays(seen, draw)
    return octets + draw.choice([octets, other, b"\x1a\x01\x00", b"\x0a\x00", b"\x12\x00", draw.randbytes(9)])


def inserts(seen: Seen, draw: random.Random) -> bytes:
    """A field inside the signed terms, given twice or unknown, under the true signature."""
    envelope = decode_envelope(relays(seen, draw))
    tail = draw.choice([b"\x1a\x04mood", b"\x22\x03bob", b"\x2a\x05paris", b"\x50\x01", b"\x38\x01"])
    return encode_envelope(Envelope(terms=envelope.terms + tail, signature=envelope.signature))


def strips(seen: Seen, draw: random.Random) -> bytes:
    """No signature, an empty one, or one of zeros."""
    envelope = decode_envelope(relays(seen, draw))
    return encode_envelope(Envelope(terms=envelope.terms, signature=draw.choice([b"", bytes(64), bytes(63)])))


def babbles(seen: Seen, draw: random.Random) -> bytes:
    """Bytes that are no message."""
    return draw.randbytes(draw.randrange(200))


HOSTILE: tuple[Move, ...] = (
    rewrites,
    forges,
    enrols_itself,
    splices,
    retargets,
    turns_a_plan_into_a_question,
    flips,
    cuts,
    adds,
    inserts,
    strips,
    babbles,
)


def stream(seen: Seen, draw: random.Random, messages: int) -> Iterator[tuple[Move, bytes]]:
    """So many messages: one in eight is relayed as it was signed, among them all that go first."""
    for _ in range(messages):
        move = relays if draw.random() < 1 / 8 else draw.choice(HOSTILE)
        yield move, move(seen, draw)
