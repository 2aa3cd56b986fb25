"""Tokens, requests, answers and renewal times: what is written comes back, what was changed is refused."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.admission import Purpose, csr_for, open_request, sign_request
from protocols.codec import enrolment as codec
from protocols.enrolment import (
    LEAF_LIFE,
    EnrolmentAnswer,
    EnrolmentRequest,
    Invitation,
    Token,
    Validity,
    is_renewal_due,
    renew_at,
    sort_of,
)
from protocols.errors import EnrolmentError, ProtocolError, WireError
from protocols.ids import AnalystId, CentreId, Digest
from protocols.roster import open_roster
from tests.coordinator.enrolment_desk import (
    ADA,
    BERLIN,
    EVERYBODY,
    KEYS,
    NAMESAKE,
    ROOT,
    YEARS,
    roster_of,
)
from tests.node.seeds import draws, fresh_seed
from tests.protocols.examples import NOW

ROSTER = open_roster(roster_of(*EVERYBODY), ROOT)
TOKEN = Token(octets=bytes(range(16)))
CSR = csr_for(ec.generate_private_key(ec.SECP256R1()))
REQUEST = EnrolmentRequest(who=BERLIN, token=TOKEN, csr=CSR, made_at=NOW)
_HALVES = st.binary(min_size=16, max_size=16), st.binary(min_size=32, max_size=32)


@given(token=_HALVES[0], authority=_HALVES[1], junk=st.sampled_from(["", " ", "\n", "-", " \t-\n"]))
def test_an_invitation_is_read_as_it_was_written(token: bytes, authority: bytes, junk: str) -> None:
    invitation = Invitation(token=Token(octets=token), authority=Digest(authority))
    text = invitation.text
    assert Invitation.parse(text) == invitation
    spread = "skerry-" + junk.join(text.removeprefix("skerry-").upper())
    assert Invitation.parse(spread) == invitation


def test_every_changed_character_of_an_invitation_is_another_one_or_none() -> None:
    invitation = Invitation(token=TOKEN, authority=Digest(bytes(range(32))))
    text = invitation.text
    for place in range(len(text)):
        for character in "abz27.-1 ":
            changed = text[:place] + character + text[place + 1 :]
            try:
                read = Invitation.parse(changed)
            except WireError:
                continue
            assert (read == invitation) == (read.text == text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "skerry-",
        "skerry-.",
        "skerry-aaaa",
        TOKEN.octets.hex(),
        "skerry-" + "a" * 26,
        "skerry-" + "a" * 26 + "." + "a" * 51,
        "skerry-" + "a" * 25 + "b." + "a" * 52,
        "skerry-" + "a" * 26 + "." + "a" * 52 + "." + "a" * 52,
        "a" * 26 + "." + "a" * 52,
        "skerry-" + "ä" * 26 + "." + "a" * 52,
    ],
)
def test_what_is_no_invitation_is_refused(text: str) -> None:
    with pytest.raises(WireError):
        Invitation.parse(text)


def test_a_token_is_bound_to_sort_and_name_and_never_shown() -> None:
    names = ("berlin", "berlin-2", "erlin", "b", "Berlin")
    digests = {TOKEN.digest_for(kind(name)) for name in names for kind in (CentreId, AnalystId)}
    assert len(digests) == 10
    assert TOKEN.digest_for(BERLIN) == Token(octets=bytes(range(16))).digest_for(CentreId("berlin"))
    shown = repr(Invitation(token=TOKEN, authority=Digest(bytes(32)))) + repr(REQUEST)
    assert str(TOKEN.octets)[2:-1] not in shown
    assert (sort_of(BERLIN), sort_of(ADA)) == ("centre", "analyst")


@given(
    who=st.sampled_from(EVERYBODY),
    token=st.none() | st.binary(min_size=16, max_size=16).map(lambda octets: Token(octets=octets)),
    csr=st.binary(min_size=1, max_size=4096),
    made_at=st.datetimes(datetime(1970, 1, 1), datetime(9998, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_requests_come_back_as_they_went(
    who: CentreId | AnalystId, token: Token | None, csr: bytes, made_at: datetime
) -> None:
    moment = made_at.replace(microsecond=made_at.microsecond // 1000 * 1000)
    request = EnrolmentRequest(who=who, token=token, csr=csr, made_at=moment)
    assert codec.decode_request(codec.encode_request(request)) == request


@given(certificate=st.binary(), authority=st.binary(), roster=st.binary())
def test_answers_come_back_as_they_went(certificate: bytes, authority: bytes, roster: bytes) -> None:
    answer = EnrolmentAnswer(certificate=certificate, authority=authority, roster=roster)
    assert codec.decode_answer(codec.encode_answer(answer)) == answer


@settings(max_examples=500, deadline=None)
@given(octets=st.binary(max_size=300))
def test_rubbish_is_refused_by_its_own_family(octets: bytes) -> None:
    for decode in (codec.decode_request, codec.decode_signed, codec.decode_answer):
        try:
            decode(octets)
        except ProtocolError:
            continue
    with pytest.raises(EnrolmentError):
        open_request(octets, Purpose.ENROL, ROSTER, NOW)


def test_every_flipped_bit_of_a_request_is_refused() -> None:
    octets = sign_request(REQUEST, KEYS[BERLIN])
    assert open_request(octets, Purpose.ENROL, ROSTER, NOW).token == TOKEN
    for place in range(len(octets)):
        for bit in range(8):
            flipped = octets[:place] + bytes([octets[place] ^ (1 << bit)]) + octets[place + 1 :]
            with pytest.raises(EnrolmentError):
                open_request(flipped, Purpose.ENROL, ROSTER, NOW)


def test_cuts_joins_and_swaps_of_requests_are_refused() -> None:
    """10,000 requests made of the parts of two valid ones."""
    random_ = draws(fresh_seed())
    valid = [
        sign_request(REQUEST, KEYS[BERLIN]),
        sign_request(replace(REQUEST, who=NAMESAKE, token=Token.new()), KEYS[NAMESAKE]),
    ]
    for _ in range(10_000):
        octets = _mixed(valid, random_)
        if octets in valid:
            continue
        with pytest.raises(EnrolmentError):
            open_request(octets, Purpose.ENROL, ROSTER, NOW)


def _mixed(valid: list[bytes], random_: random.Random) -> bytes:
    one, other = random_.sample(valid, 2)
    at, to = random_.randrange(len(one)), random_.randrange(len(other))
    match random_.randrange(4):
        case 0:
            return one[:at]
        case 1:
            return one[:at] + other[to:]
        case 2:
            return one + other[:to]
        case _:
            return one[:at] + random_.randbytes(3) + one[at + 3 :]


def test_a_request_too_large_is_not_read() -> None:
    with pytest.raises(EnrolmentError, match="too large"):
        open_request(bytes(8 * 2**10 + 1), Purpose.ENROL, ROSTER, NOW)


@given(jitter=st.floats(0, 1), start=st.integers(-(10**8), 10**8))
def test_a_renewal_is_due_about_two_thirds_into_a_certificates_life(jitter: float, start: int) -> None:
    begins = NOW + timedelta(seconds=start)
    validity = Validity(begins=begins, ends=begins + LEAF_LIFE)
    due = renew_at(validity, jitter)
    assert begins + LEAF_LIFE * 7 / 12 <= due <= begins + LEAF_LIFE * 2 / 3
    assert not is_renewal_due(validity, due - timedelta(seconds=1), jitter)
    assert is_renewal_due(validity, due, jitter)
    assert validity.holds(due)


@pytest.mark.parametrize("jitter", [-1.0, 0.0, 1.0, 2.0])
@pytest.mark.parametrize("moved", [-YEARS, YEARS, LEAF_LIFE, -timedelta(seconds=1)])
def test_a_renewal_is_due_whenever_the_certificate_is_not_good(moved: timedelta, jitter: float) -> None:
    validity = Validity(begins=NOW, ends=NOW + LEAF_LIFE)
    assert not validity.holds(NOW + moved)
    assert is_renewal_due(validity, NOW + moved, jitter)
    assert validity.begins < renew_at(validity, jitter) < validity.ends


def test_a_frozen_clock_asks_once_and_for_all() -> None:
    validity = Validity(begins=NOW, ends=NOW + LEAF_LIFE)
    assert [is_renewal_due(validity, NOW, 0.5) for _ in range(3)] == [False] * 3
