"""Which roster is believed: signatures, text, version, time, in that order. spec/roster.md 3."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.canonical import sha256
from protocols.errors import ProtocolError, RosterError, SignatureError, TextError
from protocols.roster import Roster, roster_text
from protocols.trust import Trusted, believe, remembered
from tests.members import root_of, signed_roster
from tests.protocols.test_roster import ADA, BERLIN, BOB, EVERYBODY, EXPIRES, PARIS, roster_of

ANNA, BEN, EVE = (Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32) for number in (41, 42, 44))
ROOT = root_of("hearts", ANNA, BEN)
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def signed(roster: Roster, *keys: Ed25519PrivateKey) -> bytes:
    """A roster, signed by the first key of the root or by these."""
    return signed_roster(roster_text(roster), *(keys or (ANNA,)))


def version(number: int) -> Roster:
    """The roster of a version."""
    return replace(EVERYBODY, version=number)


HELD = believe(signed(version(3)), ROOT, None, NOW)


def test_what_is_believed_keeps_its_bytes() -> None:
    octets = signed(version(3))
    assert HELD.roster == version(3)
    assert HELD.octets == octets
    assert HELD.digest == sha256("skerry/1 roster", octets)


@pytest.mark.parametrize("number", [4, 5, 1000, 2**62])
def test_a_greater_version_is_believed(number: int) -> None:
    assert believe(signed(version(number)), ROOT, HELD, NOW).roster == version(number)


@pytest.mark.parametrize("number", [1, 2])
def test_a_lesser_version_is_not(number: int) -> None:
    with pytest.raises(RosterError, match=f"version {number}, and version 3 is believed"):
        believe(signed(version(number)), ROOT, HELD, NOW)
    # The control: whoever remembers nothing believes what a restored coordinator brings.
    assert believe(signed(version(number)), ROOT, None, NOW).roster == version(number)


def test_who_was_removed_does_not_come_back() -> None:
    with_ada, without = roster_of(BERLIN, ADA, version=7), roster_of(BERLIN, version=8)
    before = believe(signed(with_ada), ROOT, None, NOW)
    after = believe(signed(without), ROOT, before, NOW)
    assert ADA.id not in after.roster.analysts
    with pytest.raises(RosterError):
        believe(before.octets, ROOT, after, NOW)
    assert ADA.id in believe(before.octets, ROOT, None, NOW).roster.analysts, "the control"


@pytest.mark.parametrize(
    "other",
    [
        roster_of(*EVERYBODY.centres.values(), version=3),
        replace(version(3), expires=EXPIRES + DAY),
        replace(version(3), analysts={BOB.id: replace(BOB, institution="Oslo"), ADA.id: ADA}),
        replace(version(3), centres={**EVERYBODY.centres, PARIS.id: replace(PARIS, institution="Elsewhere")}),
    ],
    ids=["fewer entries", "a later expiry", "another institution", "another centre's name"],
)
def test_another_roster_of_the_same_version_is_reported(other: Roster) -> None:
    with pytest.raises(RosterError, match="two different rosters of version 3"):
        believe(signed(other), ROOT, HELD, NOW)
    assert believe(signed(other), ROOT, None, NOW).roster == other, "the control"


def test_the_same_roster_with_more_signatures_changes_nothing() -> None:
    octets = signed(version(3), ANNA, BEN)
    assert octets != HELD.octets
    assert believe(octets, ROOT, HELD, NOW) is HELD


def test_the_same_roster_again_changes_nothing_also_when_it_has_expired() -> None:
    assert believe(HELD.octets, ROOT, HELD, NOW) is HELD
    assert believe(HELD.octets, ROOT, HELD, EXPIRES + DAY) is HELD


@pytest.mark.parametrize(
    ("now", "is_believed"),
    [
        (EXPIRES - DAY, True),
        (EXPIRES - timedelta(microseconds=1), True),
        (EXPIRES, False),
        (EXPIRES + timedelta(microseconds=1), False),
        (EXPIRES + timedelta(days=3650), False),
        (NOW - timedelta(days=3650), True),
    ],
)
@pytest.mark.parametrize("held", [None, HELD], ids=["nothing held", "one held"])
def test_an_expired_roster_is_not_believed(now: datetime, is_believed: bool, held: Trusted | None) -> None:
    octets = signed(version(4))
    if is_believed:
        assert believe(octets, ROOT, held, now).roster == version(4)
        return
    with pytest.raises(RosterError, match="has expired on 2027-01-01"):
        believe(octets, ROOT, held, now)
    assert remembered(octets, ROOT).roster == version(4), "the control: without a look at the clock"


WRONG: dict[str, tuple[bytes, type[ProtocolError]]] = {
    "no signature": (roster_text(version(2)).encode(), SignatureError),
    "a stranger's signature": (signed(version(2), EVE), SignatureError),
    "a wrong text": (
        signed_roster(roster_text(version(2)).replace("version = 2", "version = 0"), ANNA),
        TextError,
    ),
    "another consortium": (signed(replace(version(2), consortium="lungs")), TextError),
    "an older version that has expired": (signed(replace(version(2), expires=NOW - DAY)), RosterError),
}


@pytest.mark.parametrize("name", WRONG)
def test_the_steps_are_in_order(name: str) -> None:
    """Each of these is older than the one that is held as well; what is said is the first step that fails."""
    octets, error = WRONG[name]
    with pytest.raises(error) as caught:
        believe(octets, ROOT, HELD, NOW)
    assert type(caught.value) is error
    assert error is not RosterError or "is version 2" in str(caught.value)


@pytest.mark.parametrize("octets", [signed(version(9), EVE), b"", roster_text(version(9)).encode()])
def test_what_is_remembered_was_signed(octets: bytes) -> None:
    with pytest.raises(SignatureError):
        remembered(octets, ROOT)


@given(numbers=st.lists(st.integers(min_value=1, max_value=6), min_size=1, max_size=20))
@settings(deadline=None)
def test_in_whatever_order_rosters_come_the_greatest_is_held(numbers: list[int]) -> None:
    held: Trusted | None = None
    for place, number in enumerate(numbers):
        try:
            held = believe(_ROSTERS[number], ROOT, held, NOW)
        except RosterError:
            assert held is not None
            assert number < held.roster.version
        assert held.roster.version == max(numbers[: place + 1])


_ROSTERS = {number: signed(version(number)) for number in range(1, 7)}
