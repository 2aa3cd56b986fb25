"""A node that enters and renews: what it takes, what it refuses, and what is on its disk after a crash."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from coordinator.authority import Authority
from node.belief import FILE
from node.enrolling import Entered, enrol
from node.errors import NotEnrolledError, RulesError
from node.renewing import Renewing
from node.settings import Settings
from node.transport_pair import KEY, NEXT, next_key, settle, switch
from protocols.codec.enrolment import decode_answer, encode_answer
from protocols.enrolment import LEAF_LIFE, EnrolmentAnswer
from protocols.errors import EnrolmentError
from protocols.transport_papers import check_pair
from tests.coordinator.enrolment_desk import (
    BERLIN,
    EVERYBODY,
    MINUTE,
    OSLO,
    YEARS,
    World,
    node_settings,
    other_keys,
    roster_of,
    transport_key,
)
from tests.members import signed_roster
from tests.protocols.examples import NOW

Changed = Callable[[World, EnrolmentAnswer], EnrolmentAnswer]


@pytest.fixture
def world(tmp_path: Path) -> World:
    (tmp_path / "coordinator").mkdir()
    return World(tmp_path / "coordinator")


@pytest.fixture
def settings(world: World, tmp_path: Path) -> Settings:
    return node_settings(tmp_path / "node", world.authority.certificate_pem)


def entered(world: World, settings: Settings, changed: Changed = lambda _, answer: answer) -> Entered:
    """Enrol, with an answer that somebody may have changed on the way."""

    def ask(authority: bytes, request: bytes) -> bytes:
        assert authority == world.authority.certificate_pem
        try:
            answer = world.enrolment.enrol(request)
        except EnrolmentError:
            raise NotEnrolledError("refused") from None
        return encode_answer(changed(world, decode_answer(answer)))

    return enrol(settings, world.invitation(), ask, lambda: world.node_now)


def pair(settings: Settings) -> None:
    """Hold what a node would start with against each other."""
    key, certificate = (settings.keys / KEY).read_bytes(), settings.tls_certificate.read_bytes()
    check_pair(key, certificate, BERLIN.uri)


def files(folder: Path) -> dict[str, bytes]:
    return {str(one.relative_to(folder)): one.read_bytes() for one in folder.rglob("*") if one.is_file()}


def test_a_node_that_enters_has_a_pair_and_a_roster(world: World, settings: Settings) -> None:
    given = entered(world, settings)
    pair(settings)
    assert settings.roster.read_bytes() == world.roster.octets
    assert (given.trusted.roster.version, given.expires) == (1, NOW + LEAF_LIFE)
    assert not (settings.keys / NEXT).exists()
    assert (settings.keys / KEY).stat().st_mode & 0o777 == 0o600


def test_a_newer_roster_is_kept_beside_the_file_and_an_older_one_refused(
    world: World, settings: Settings
) -> None:
    settings.roster.write_bytes(roster_of(*EVERYBODY))
    world.believe(roster_of(*EVERYBODY, version=3))
    entered(world, settings)
    assert settings.roster.read_bytes() == roster_of(*EVERYBODY)
    assert (settings.data / FILE).read_bytes() == roster_of(*EVERYBODY, version=3)
    world.believe(roster_of(*EVERYBODY, version=2))
    with pytest.raises(NotEnrolledError, match="version 3 is believed"):
        entered(world, settings)


def foreign(world: World) -> Authority:
    return Authority.generate("test", NOW)


def by_another_authority(world: World, answer: EnrolmentAnswer) -> EnrolmentAnswer:
    other = foreign(world)
    certificate = other.issue(BERLIN, transport_key().public_key(), NOW)
    return replace(answer, certificate=certificate, authority=other.certificate_pem)


def signed_by_a_namesake(world: World, answer: EnrolmentAnswer) -> EnrolmentAnswer:
    return replace(answer, certificate=foreign(world).issue(BERLIN, transport_key().public_key(), NOW))


def of_another_key(world: World, answer: EnrolmentAnswer) -> EnrolmentAnswer:
    return replace(answer, certificate=world.authority.issue(BERLIN, transport_key().public_key(), NOW))


def with_roster(octets: bytes) -> Changed:
    return lambda _, answer: replace(answer, roster=octets)


def clock_moved(moved: timedelta) -> Changed:
    def change(world: World, answer: EnrolmentAnswer) -> EnrolmentAnswer:
        world.node_now += moved
        return answer

    return change


NOT_TAKEN: dict[str, tuple[Changed, str]] = {
    "of another authority": (by_another_authority, "of another authority"),
    "signed by an authority of the same name": (signed_by_a_namesake, "not signed by its authority"),
    "of another key": (of_another_key, "of another key"),
    "two certificates": (
        lambda _, answer: replace(answer, certificate=answer.certificate * 2),
        "exactly one certificate",
    ),
    "no certificate": (lambda _, answer: replace(answer, certificate=b""), "exactly one certificate"),
    "no authority": (lambda _, answer: replace(answer, authority=b""), "exactly one certificate"),
    "no roster": (with_roster(b""), "roster is not believed"),
    "a roster of another root": (
        with_roster(signed_roster('format = "skerry.roster/1"\n', other_keys())),
        "roster is not believed",
    ),
    "a roster that has expired": (with_roster(roster_of(*EVERYBODY, version=2, expires=NOW)), "has expired"),
    "a roster without this centre": (with_roster(roster_of(OSLO, version=2)), "another key, or none"),
    "a roster with another key for this centre": (
        with_roster(roster_of(BERLIN, version=2, keys={BERLIN: other_keys()})),
        "another key, or none",
    ),
    "a clock that goes 10 years ahead": (clock_moved(YEARS), "not good at this machine's time"),
    "a clock that goes 10 years back": (clock_moved(-YEARS), "not good at this machine's time"),
    "a certificate not yet good": (clock_moved(-6 * MINUTE), "not good at this machine's time"),
    "a certificate that has expired": (clock_moved(LEAF_LIFE), "not good at this machine's time"),
}


@pytest.mark.parametrize("name", NOT_TAKEN)
def test_an_answer_that_is_wrong_changes_nothing(world: World, settings: Settings, name: str) -> None:
    entered(world, settings)
    before = files(settings.root.parent)
    changed, why = NOT_TAKEN[name]
    with pytest.raises(NotEnrolledError, match=why):
        entered(world, settings, changed)
    pair(settings)
    after = files(settings.root.parent)
    after.pop(f"keys/{NEXT}")
    assert after == before


def test_a_certificate_in_anothers_name_is_not_taken(world: World, settings: Settings) -> None:
    """The coordinator signs the right key, under another name."""

    def ask(_: bytes, request: bytes) -> bytes:
        csr_key = _next_public(settings)
        world.enrolment.enrol(request)
        certificate = world.authority.issue(OSLO, csr_key, NOW)
        return encode_answer(
            EnrolmentAnswer(
                certificate=certificate, authority=world.authority.certificate_pem, roster=world.roster.octets
            )
        )

    with pytest.raises(NotEnrolledError, match="names somebody else"):
        enrol(settings, world.invitation(), ask, lambda: NOW)


def _next_public(settings: Settings) -> ec.EllipticCurvePublicKey:
    key = load_pem_private_key((settings.keys / NEXT).read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key.public_key()


def test_before_the_first_contact_the_token_names_the_authority(world: World, settings: Settings) -> None:
    """Not trust on first use: with another authority's certificate in place nobody is called."""
    settings.tls_ca.write_bytes(foreign(world).certificate_pem)
    with pytest.raises(RulesError, match="not that of the authority that the token names"):
        entered(world, settings)
    settings.tls_ca.unlink()
    with pytest.raises(RulesError, match="cannot be read"):
        entered(world, settings)
    assert not (settings.keys / NEXT).exists()


def test_a_node_with_another_identity_is_refused(world: World, settings: Settings) -> None:
    (settings.keys / "identity.key").write_bytes(other_keys().private_bytes_raw())
    with pytest.raises(NotEnrolledError, match="refused"):
        entered(world, settings)
    assert not settings.tls_certificate.exists()


# Renewal.


def renewing(world: World, settings: Settings) -> Renewing:
    return Renewing(settings, lambda: world.node_now, lambda: 0.5)


def shown(settings: Settings) -> x509.Certificate:
    return x509.load_pem_x509_certificate(settings.tls_certificate.read_bytes())


def test_a_year_of_renewals(world: World, settings: Settings) -> None:
    """Once an hour the node looks; every certificate is used, and none is ever used up."""
    entered(world, settings)
    renewal, renewed = renewing(world, settings), 0
    for _ in range(365 * 24):
        world.pass_time(timedelta(hours=1))
        request = renewal.request()
        if request is not None:
            assert (
                renewal.take(world.enrolment.renew(request, settings.tls_certificate.read_bytes()))
                is not None
            )
            pair(settings)
            renewed += 1
        assert shown(settings).not_valid_after_utc > world.node_now
    assert 365 / 7 * 12 / 8 - 1 <= renewed <= 365 / 7 * 12 / 7 + 1


def test_a_renewal_gives_a_new_pair_at_once(world: World, settings: Settings) -> None:
    entered(world, settings)
    old = (settings.keys / KEY).read_bytes()
    renewal = renewing(world, settings)
    assert renewal.request() is None
    world.pass_time(timedelta(days=6))
    request = renewal.request()
    assert request is not None
    assert renewal.request() is None  # one is on its way
    given = renewal.take(world.enrolment.renew(request, settings.tls_certificate.read_bytes()))
    assert given is not None
    assert given.key_pem == (settings.keys / KEY).read_bytes() != old
    assert given.certificate_pem == settings.tls_certificate.read_bytes()
    assert "PRIVATE" not in repr(given)
    pair(settings)
    assert renewal.request() is None


@pytest.mark.parametrize("body", [b"", b"\xff" * 50])
def test_a_refused_renewal_leaves_the_pair_and_is_tried_again(
    world: World, settings: Settings, body: bytes
) -> None:
    entered(world, settings)
    before = (settings.keys / KEY).read_bytes(), settings.tls_certificate.read_bytes()
    renewal = renewing(world, settings)
    world.pass_time(timedelta(days=6))
    assert renewal.request() is not None
    assert renewal.take(body) is None
    assert ((settings.keys / KEY).read_bytes(), settings.tls_certificate.read_bytes()) == before
    assert renewal.request() is None
    world.pass_time(10 * MINUTE)
    assert renewal.request() is not None
    world.node_now -= MINUTE  # a clock that is set back silences nobody
    assert renewal.request() is not None


def test_an_answer_that_nobody_asked_for_is_not_taken(world: World, settings: Settings) -> None:
    entered(world, settings)
    before = files(settings.keys)
    answer = world.enrolment.renew(world.renewal(), world.shown())
    assert renewing(world, settings).take(answer) is None
    assert files(settings.keys) == before


# Crashes.

SCRIPT = """
import os, sys
from pathlib import Path
from node.transport_pair import switch
folder, stop, seen = Path(sys.argv[1]), int(sys.argv[2]), 0
def hook(event, arguments):
    global seen
    if event in ("open", "os.rename", "os.remove", "os.mkdir") and str(folder) in str(arguments[0]):
        seen += 1
        if seen == stop:
            os._exit(99)
sys.addaudithook(hook)
switch(folder / "keys", folder / "tls.pem", (folder / "new.pem").read_bytes())
"""


def test_a_crash_at_any_moment_of_the_switch_leaves_a_pair_that_works(
    world: World, settings: Settings, tmp_path: Path
) -> None:
    entered(world, settings)
    key = next_key(settings.keys, settings.tls_certificate, BERLIN.uri)
    new = world.authority.issue(BERLIN, key.public_key(), NOW)
    (settings.root.parent / "new.pem").write_bytes(new)
    found, codes = set(), [99]
    while codes[-1]:
        stop = len(codes)
        folder = tmp_path / f"crash-{stop}"
        shutil.copytree(settings.root.parent, folder)
        ended = subprocess.run([sys.executable, "-c", SCRIPT, str(folder), str(stop)], check=False)
        settle(folder / "keys", folder / "tls.pem", BERLIN.uri)
        check_pair((folder / "keys" / KEY).read_bytes(), (folder / "tls.pem").read_bytes(), BERLIN.uri)
        found.add((folder / "tls.pem").read_bytes() == new)
        codes.append(ended.returncode)
    assert codes[:-1] == [99] * (len(codes) - 1)
    assert len(codes) > 6
    assert found == {True, False}


def test_without_settling_a_crash_between_certificate_and_key_would_break_the_pair(
    world: World, settings: Settings
) -> None:
    """The control: the state that `settle` mends is one in which the two files do not fit."""
    entered(world, settings)
    key = next_key(settings.keys, settings.tls_certificate, BERLIN.uri)
    settings.tls_certificate.write_bytes(world.authority.issue(BERLIN, key.public_key(), NOW))
    with pytest.raises(Exception, match="another private key"):
        pair(settings)
    settle(settings.keys, settings.tls_certificate, BERLIN.uri)
    pair(settings)


def test_a_new_key_never_displaces_one_that_is_in_use(world: World, settings: Settings) -> None:
    """A crash before the key took its place, and then another renewal."""
    entered(world, settings)
    key = next_key(settings.keys, settings.tls_certificate, BERLIN.uri)
    settings.tls_certificate.write_bytes(world.authority.issue(BERLIN, key.public_key(), NOW))
    next_key(settings.keys, settings.tls_certificate, BERLIN.uri)
    pair(settings)


def test_a_key_that_was_never_certified_is_left_alone_and_replaced(world: World, settings: Settings) -> None:
    entered(world, settings)
    first = next_key(settings.keys, settings.tls_certificate, BERLIN.uri)
    settle(settings.keys, settings.tls_certificate, BERLIN.uri)
    pair(settings)
    second = next_key(settings.keys, settings.tls_certificate, BERLIN.uri)
    assert first.public_key() != second.public_key()
    switch(
        settings.keys,
        settings.tls_certificate,
        world.authority.issue(BERLIN, second.public_key(), NOW),
    )
    pair(settings)
