"""Sealing to one reader: what opens, what does not, and a second reading of the page. spec/sealing.md."""

import hashlib
import hmac
from collections.abc import Callable
from itertools import pairwise, product

import pytest
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from protocols.answers import (
    OPEN_CODES,
    Received,
    context_of,
    in_the_open,
    may_be_open,
    received,
    sealed_to,
    sign_answer,
)
from protocols.codec.answers import decode_relayed, encode_signed_answer
from protocols.envelope import Purpose
from protocols.errors import SealError, WireError
from protocols.ids import UNREAD, AnalystId, CentreId, Digest, QueryId
from protocols.keys import SealingKey, SealingSecret, keys_from_text, keys_to_text
from protocols.refusals import Refusal, RefusalCode
from protocols.releases import Answer, RelayedAnswer
from protocols.sealing import SMALLEST_BYTES, padded_length, seal_to, unsealed
from protocols.wire.v1 import answer_pb2
from tests.members import keys_of, sealing_of
from tests.protocols import examples

ADA = sealing_of(Ed25519PrivateKey.from_private_bytes(b"a" * 32))
BOB = sealing_of(Ed25519PrivateKey.from_private_bytes(b"b" * 32))
BERLIN, OSLO = CentreId("berlin"), CentreId("oslo")
QUERY = QueryId(b"0123456789abcdef")
CONTEXT = context_of(Purpose.QUERY, BERLIN, AnalystId("ada"), QUERY)
BODY = b"seven patients"
OVERHEAD = 1088 + 32 + 16


@given(st.binary(max_size=9_000))
def test_what_was_sealed_opens_for_its_reader(body: bytes) -> None:
    sealed = seal_to(body, ADA.public, CONTEXT)
    assert unsealed(sealed, ADA, CONTEXT) == body
    assert len(sealed) == padded_length(8 + len(body)) + OVERHEAD


def test_the_same_body_is_sealed_differently_each_time() -> None:
    assert seal_to(BODY, ADA.public, CONTEXT) != seal_to(BODY, ADA.public, CONTEXT)


def test_every_flipped_bit_is_refused() -> None:
    sealed = seal_to(BODY, ADA.public, CONTEXT)
    for place in range(len(sealed) * 8):
        flipped = bytearray(sealed)
        flipped[place // 8] ^= 1 << place % 8
        with pytest.raises(SealError):
            unsealed(bytes(flipped), ADA, CONTEXT)


# X25519 alone, or ML-KEM alone, opens nothing: both halves are needed.
_OTHERS = {
    "another reader": BOB,
    "the other half of the key is another's, ML-KEM": SealingSecret(x25519=ADA.x25519, mlkem768=BOB.mlkem768),
    "the other half of the key is another's, X25519": SealingSecret(x25519=BOB.x25519, mlkem768=ADA.mlkem768),
}


@pytest.mark.parametrize("name", _OTHERS)
def test_nobody_else_opens_it(name: str) -> None:
    with pytest.raises(SealError, match="another key"):
        unsealed(seal_to(BODY, ADA.public, CONTEXT), _OTHERS[name], CONTEXT)


_CONTEXTS = {
    "a plan": context_of(Purpose.PLAN, BERLIN, AnalystId("ada"), QUERY),
    "another centre": context_of(Purpose.QUERY, OSLO, AnalystId("ada"), QUERY),
    "another analyst": context_of(Purpose.QUERY, BERLIN, AnalystId("bob"), QUERY),
    "another query": context_of(Purpose.QUERY, BERLIN, AnalystId("ada"), QueryId(bytes(16))),
    "names that say the same together": context_of(
        Purpose.QUERY, CentreId("berli"), AnalystId("nada"), QUERY
    ),
    "centre and analyst the other way round": context_of(
        Purpose.QUERY, CentreId("ada"), AnalystId("berlin"), QUERY
    ),
    "nothing": Digest(bytes(32)),
}


@pytest.mark.parametrize("name", _CONTEXTS)
def test_it_opens_for_its_own_use_only(name: str) -> None:
    sealed = seal_to(BODY, ADA.public, CONTEXT)
    assert unsealed(sealed, ADA, CONTEXT) == BODY
    with pytest.raises(SealError, match="another use"):
        unsealed(sealed, ADA, _CONTEXTS[name])


def test_no_two_contexts_are_the_same() -> None:
    names = ("a", "b", "ab", "ba", "aa")
    queries = (QUERY, QueryId(bytes(16)))
    contexts = [
        context_of(purpose, CentreId(centre), AnalystId(analyst), query)
        for purpose, centre, analyst, query in product(Purpose, names, names, queries)
    ]
    assert len(set(contexts)) == len(contexts) == 100


_SEALED, _ANOTHER = (seal_to(body, ADA.public, CONTEXT) for body in (BODY, b"eight patients"))
_CHANGED = {
    "nothing": b"",
    "one byte": _SEALED[:1],
    "the encapsulation alone": _SEALED[:1120],
    "no tag": _SEALED[:-16],
    "a byte less": _SEALED[:-1],
    "a byte less before": _SEALED[1:],
    "a byte more": _SEALED + b"\x00",
    "a byte more before": b"\x00" + _SEALED,
    "twice": _SEALED * 2,
    "the halves of the encapsulation swapped": _SEALED[1088:1120] + _SEALED[:1088] + _SEALED[1120:],
    "the text before the encapsulation": _SEALED[1120:] + _SEALED[:1120],
    "another's encapsulation": _ANOTHER[:1120] + _SEALED[1120:],
    "another's X25519 half": _SEALED[:1088] + _ANOTHER[1088:1120] + _SEALED[1120:],
    "an X25519 half of small order": _SEALED[:1088] + bytes(32) + _SEALED[1120:],
    "another's text": _SEALED[:1120] + _ANOTHER[1120:],
    "only zeros": bytes(len(_SEALED)),
}


@pytest.mark.parametrize("name", _CHANGED)
def test_what_was_changed_does_not_open(name: str) -> None:
    with pytest.raises(SealError):
        unsealed(_CHANGED[name], ADA, CONTEXT)


# Padding.


@given(st.integers(0, 2**40))
def test_padding_adds_at_most_a_sixteenth_and_is_there_once(length: int) -> None:
    padded = padded_length(length)
    assert length <= padded <= max(SMALLEST_BYTES, length + length // 16)
    assert padded_length(padded) == padded


@given(st.integers(0, 2**40), st.integers(0, 2**40))
def test_more_is_never_padded_to_less(one: int, other: int) -> None:
    assert (one <= other) <= (padded_length(one) <= padded_length(other))


def test_few_lengths_are_seen() -> None:
    """What a length tells is log log of it: of a million bytes, one of 193 steps."""
    lengths = sorted({padded_length(length) for length in range(2**20 + 1)})
    assert (lengths[0], lengths[-1], len(lengths)) == (SMALLEST_BYTES, 2**20, 193)
    assert all(16 * (after - before) <= before for before, after in pairwise(lengths))
    assert [padded_length(length) for length in (0, 4096, 4097, 65_535, 65_537)] == [
        4096,
        4096,
        4352,
        65_536,
        67_584,
    ]


def _framed(body: bytes, size: int, *, said: int | None = None, fill: bytes = b"\x00") -> bytes:
    length = len(body) if said is None else said
    return (length.to_bytes(8, "big") + body).ljust(size, fill)


_PADDINGS = {
    "not zero": _framed(BODY, 4096, fill=b"\x01"),
    "not zero at the end": _framed(BODY, 4095) + b"\x01",
    "one block more": _framed(BODY, 4352),
    "one byte less": _framed(BODY, 4095),
    "one byte more": _framed(BODY, 4097),
    "none": _framed(BODY, 0),
    "a length that is too small": _framed(BODY, 4096, said=len(BODY) - 1),
    "a length beyond the end": _framed(BODY, 4096, said=4089),
    "a length without end": _framed(BODY, 4096, said=2**64 - 1),
    "no length": b"",
    "half a length": bytes(7),
    "a length alone": bytes(8),
    "a longer body padded as a short one": _framed(b"x" * 5000, 4096),
}


@pytest.mark.parametrize("name", _PADDINGS)
def test_a_wrong_padding_is_refused(name: str) -> None:
    """Rightly sealed: only the padding is wrong."""
    with pytest.raises(SealError, match="padding"):
        unsealed(_sealed_as_it_is(_PADDINGS[name]), ADA, CONTEXT)


def test_a_right_padding_is_taken() -> None:
    """The control: the same sealing, of a padding by the page."""
    for body, size in ((BODY, 4096), (b"", 4096), (b"x" * 4088, 4096), (b"x" * 4089, 4352)):
        assert unsealed(_sealed_as_it_is(_framed(body, size)), ADA, CONTEXT) == body


def _suite() -> hpke.Suite:
    return hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)


def _sealed_as_it_is(padded: bytes) -> bytes:
    public = ADA.public
    key = hpke.MLKEM768X25519PublicKey(public.mlkem768, public.x25519)
    return _suite().encrypt(padded, key, info=CONTEXT.octets)


# A second reading of the page: the suite, and X-Wing and RFC 9180 written out.


def test_the_context_is_that_of_the_page() -> None:
    parts = (b"skerry/1 sealed answer", b"berlin", b"ada", QUERY.octets)
    framed = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
    assert CONTEXT.octets == hashlib.sha256(framed).digest()
    plan = framed.replace(b"\x16skerry/1 sealed answer", b"\x14skerry/1 sealed plan")
    assert _CONTEXTS["a plan"].octets == hashlib.sha256(plan).digest()


@pytest.mark.parametrize("body", [BODY, b"", b"x" * 10_000])
def test_the_library_itself_opens_it(body: bytes) -> None:
    key = hpke.MLKEM768X25519PrivateKey(ADA.mlkem768, ADA.x25519)
    padded = _suite().decrypt(seal_to(body, ADA.public, CONTEXT), key, info=CONTEXT.octets)
    assert padded[:8] == len(body).to_bytes(8, "big")
    assert padded[8 : 8 + len(body)] == body
    assert set(padded[8 + len(body) :]) <= {0}


def test_it_opens_by_the_standards_alone() -> None:
    sealed = seal_to(BODY, ADA.public, CONTEXT)
    padded = _opened_by_hand(sealed, ADA, CONTEXT.octets)
    assert padded == _framed(BODY, 4096)


def _opened_by_hand(sealed: bytes, secret: SealingSecret, info: bytes) -> bytes:
    """X-Wing (draft-connolly-cfrg-xwing-kem), then the key schedule of RFC 9180 5.1 in base mode."""
    ciphertext, ephemeral, text = sealed[:1088], sealed[1088:1120], sealed[1120:]
    shared = hashlib.sha3_256(
        secret.mlkem768.decapsulate(ciphertext)
        + secret.x25519.exchange(X25519PublicKey.from_public_bytes(ephemeral))
        + ephemeral
        + secret.x25519.public_key().public_bytes_raw()
        + rb"\.//^"
        + b"\\"
    ).digest()
    suite = b"HPKE" + bytes.fromhex("647a 0001 0002")

    def extract(salt: bytes, label: bytes, given_: bytes) -> bytes:
        return hmac.digest(salt, b"HPKE-v1" + suite + label + given_, "sha256")

    def expand(key: bytes, label: bytes, context: bytes, size: int) -> bytes:
        # At most one block of HKDF, which is all that is asked for here.
        labelled = size.to_bytes(2, "big") + b"HPKE-v1" + suite + label + context
        return hmac.digest(key, labelled + b"\x01", "sha256")[:size]

    context = b"\x00" + extract(b"", b"psk_id_hash", b"") + extract(b"", b"info_hash", info)
    key = extract(shared, b"secret", b"")
    aead, nonce = expand(key, b"key", context, 32), expand(key, b"base_nonce", context, 12)
    return AESGCM(aead).decrypt(nonce, text, b"")


# Keys.

_SMALL_ORDER = [
    bytes(32),
    (1).to_bytes(32, "little"),
    (2**255 - 20).to_bytes(32, "little"),
    (2**255 - 19).to_bytes(32, "little"),
    (2**255 - 18).to_bytes(32, "little"),
    bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
    bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
]


@pytest.mark.parametrize("point", _SMALL_ORDER, ids=bytes.hex)
def test_a_key_to_which_nothing_can_be_sealed_is_no_key(point: bytes) -> None:
    x25519, mlkem768 = X25519PublicKey.from_public_bytes(point), ADA.public.mlkem768
    # The control: without the check, sealing would fail, and that after the charge.
    with pytest.raises(ValueError, match="shared key"):
        _suite().encrypt(b"", hpke.MLKEM768X25519PublicKey(mlkem768, x25519), info=b"")
    with pytest.raises(WireError, match="nothing can be sealed"):
        SealingKey(x25519=x25519, mlkem768=mlkem768)


def test_a_document_with_such_a_key_is_refused() -> None:
    texts = keys_to_text(keys_of(Ed25519PrivateKey.from_private_bytes(b"a" * 32)))
    assert keys_from_text(**texts).sealing.octets == ADA.public.octets
    with pytest.raises(WireError, match="nothing can be sealed"):
        keys_from_text(**{**texts, "x25519": "A" * 43 + "="})


def test_a_fresh_key_can_be_sealed_to_and_shows_nothing() -> None:
    secret = SealingSecret(x25519=X25519PrivateKey.generate(), mlkem768=MLKEM768PrivateKey.generate())
    assert unsealed(seal_to(BODY, secret.public, CONTEXT), secret, CONTEXT) == BODY
    assert repr(secret) == "SealingSecret(...)"


# What is relayed.

SIGNED = sign_answer(examples.GRANTED, examples.CENTRE_KEY)


def test_what_is_relayed_comes_back_and_says_how_it_came() -> None:
    sealed, plain = sealed_to(SIGNED, ADA.public, CONTEXT), in_the_open(SIGNED)
    assert received(sealed, ADA, CONTEXT) == Received(signed=SIGNED, was_sealed=True)
    assert received(plain, BOB, CONTEXT) == Received(signed=SIGNED, was_sealed=False)
    assert SIGNED.payload not in sealed
    assert SIGNED.payload in plain


_ON_THE_WAY: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "neither": lambda: answer_pb2.RelayedAnswer().SerializeToString(),
    "a signed answer as it is": lambda: encode_signed_answer(SIGNED),
    "both": lambda: _both(SIGNED.payload),
    "sealed twice": lambda: sealed_to(SIGNED, ADA.public, CONTEXT) * 2,
    "an empty refusal that is no signed answer": lambda: answer_pb2.RelayedAnswer(
        open_refusal=b"x"
    ).SerializeToString(),
    "an unknown field": lambda: in_the_open(SIGNED) + b"\x1a\x00",
}


def _both(octets: bytes) -> bytes:
    sealed = decode_relayed(sealed_to(SIGNED, ADA.public, CONTEXT))
    assert sealed == RelayedAnswer(octets=sealed.octets, is_sealed=True)
    one = answer_pb2.RelayedAnswer(sealed=sealed.octets).SerializeToString()
    return one + answer_pb2.RelayedAnswer(open_refusal=octets).SerializeToString()


@pytest.mark.parametrize("name", _ON_THE_WAY)
def test_what_is_no_relayed_answer_is_refused(name: str) -> None:
    with pytest.raises(WireError):
        received(_ON_THE_WAY[name](), ADA, CONTEXT)


def test_in_the_open_goes_only_what_was_said_before_anybody_was_known() -> None:
    assert {code.word for code in OPEN_CODES} == {"unreadable", "unknown_analyst", "bad_signature"}
    for code, query_id in product(RefusalCode, (UNREAD, QUERY)):
        said = Answer(centre=BERLIN, query_id=query_id, outcome=Refusal(code=code))
        assert may_be_open(said) == (code in OPEN_CODES and query_id == UNREAD)
    assert not may_be_open(Answer(centre=BERLIN, query_id=UNREAD, outcome=examples.GRANTED.outcome))
