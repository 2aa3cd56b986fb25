"""The life of tokens, keys and certificates: each case by name, and what must happen in it.

spec/enrolment.md. The control at the end shows that each fault is of the one thing that a case changed.
"""

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from coordinator.authority import AUTHORITY_LIFE
from protocols.admission import Purpose, csr_for
from protocols.codec.enrolment import decode_answer, encode_request
from protocols.enrolment import EnrolmentRequest, Token
from protocols.errors import EnrolmentError, EnrolmentFault
from protocols.transport_papers import uris_of
from protocols.wire.v1 import enrolment_pb2 as pb
from tests.coordinator.enrolment_desk import (
    ADA,
    BERLIN,
    BERLIN_2,
    ERLIN,
    EVERYBODY,
    KEYS,
    MINUTE,
    NAMESAKE,
    OSLO,
    YEARS,
    World,
    other_keys,
    roster_of,
    sealed,
    transport_key,
)
from tests.protocols.examples import NOW

Asked = Callable[[World], bytes]
Case = tuple[Asked, EnrolmentFault | None]
"""What is done, and the fault that it must end in; None: a certificate."""


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def enrol(world: World, token: Token | None, **changes: object) -> bytes:
    return world.enrolment.enrol(world.request(token, **changes))  # type: ignore[arg-type]


def after(*steps: Callable[[World], object]) -> Asked:
    """A token is made; then these steps; then an honest request."""

    def run(world: World) -> bytes:
        token = world.token()
        for step in steps:
            step(world)
        return enrol(world, token)

    return run


def with_csr(csr: Callable[[], bytes]) -> Asked:
    return lambda world: enrol(world, world.token(), csr=csr())


def csr_of(key: object, *extensions: x509.ExtensionType, name: str = "") -> bytes:
    attributes = [x509.NameAttribute(x509.NameOID.COMMON_NAME, name)] if name else []
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(attributes))
    for extension in extensions:
        builder = builder.add_extension(extension, critical=True)
    algorithm = None if isinstance(key, Ed25519PrivateKey) else SHA256()
    return builder.sign(key, algorithm).public_bytes(Encoding.DER)  # type: ignore[arg-type]


def flipped(octets: bytes) -> bytes:
    return octets[:-1] + bytes([octets[-1] ^ 1])


def foreign_names() -> bytes:
    uris = ("skerry://centre/oslo", "skerry://coordinator")
    names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(one) for one in uris])
    return csr_of(transport_key(), names, name="oslo")


def as_authority() -> bytes:
    return csr_of(transport_key(), x509.BasicConstraints(ca=True, path_length=None))


def raw(world: World, **fields: object) -> bytes:
    """A request with fields that the codec would not write."""
    message = pb.EnrolmentRequest(
        sort=pb.MEMBER_SORT_CENTRE, name="berlin", token=world.token().octets, csr=csr_for(world.key)
    )
    message.made_at_ms = int(NOW.timestamp() * 1000)
    for name, value in fields.items():
        setattr(message, name, value)
    return world.enrolment.enrol(sealed(message.SerializeToString(deterministic=True), KEYS[BERLIN]))


def token_field_twice(world: World) -> bytes:
    request = EnrolmentRequest(who=BERLIN, token=world.token(), csr=csr_for(world.key), made_at=NOW)
    octets = encode_request(request) + b"\x1a\x10" + world.token().octets
    return world.enrolment.enrol(sealed(octets, KEYS[BERLIN]))


def wrong_tries(number: int) -> Callable[[World], None]:
    def run(world: World) -> None:
        for _ in range(number):
            with pytest.raises(EnrolmentError):
                enrol(world, Token.new())

    return run


def strangers_tries(world: World) -> None:
    """Whoever lacks the centre's key cannot burn its token."""
    for _ in range(50):
        with pytest.raises(EnrolmentError):
            enrol(world, Token.new(), signer=other_keys())


def clock(attribute: str, moved: timedelta) -> Callable[[World], None]:
    return lambda world: setattr(world, attribute, getattr(world, attribute) + moved)


def passing(passed: timedelta) -> Callable[[World], None]:
    return lambda world: world.pass_time(passed)


def believing(octets: bytes) -> Callable[[World], None]:
    return lambda world: world.believe(octets)


def used(world: World) -> Token:
    token = world.token()
    enrol(world, token)
    return token


def used_again_after_a_restart(world: World) -> bytes:
    token = used(world)
    world.restart()
    return enrol(world, token, csr=csr_for(transport_key()))


EVERYBODY_ELSE = [one for one in EVERYBODY if one != BERLIN]

ENROLMENTS: dict[str, Case] = {
    "an honest one": (after(), None),
    "an analyst's": (lambda w: enrol(w, w.token(ADA), who=ADA), None),
    "a token reused": (lambda w: enrol(w, used(w)), EnrolmentFault.TOKEN_USED),
    "a token a second before its end": (after(passing(15 * MINUTE - timedelta(seconds=1))), None),
    "a token late": (after(passing(15 * MINUTE)), EnrolmentFault.TOKEN_LATE),
    "another centre's token": (lambda w: enrol(w, w.token(OSLO)), EnrolmentFault.TOKEN_UNKNOWN),
    "a token of the name's prefix": (
        lambda w: enrol(w, w.token(BERLIN), who=BERLIN_2),
        EnrolmentFault.TOKEN_UNKNOWN,
    ),
    "a token of a longer name": (lambda w: enrol(w, w.token(BERLIN_2)), EnrolmentFault.TOKEN_UNKNOWN),
    "a token of the name's suffix": (lambda w: enrol(w, w.token(ERLIN)), EnrolmentFault.TOKEN_UNKNOWN),
    "a token of another sort": (
        lambda w: enrol(w, w.token(BERLIN), who=NAMESAKE),
        EnrolmentFault.TOKEN_UNKNOWN,
    ),
    "no token": (lambda w: enrol(w, None), EnrolmentFault.TOKEN_MISSING),
    "a token cut": (lambda w: raw(w, token=bytes(15)), EnrolmentFault.UNREADABLE),
    "a token doubled": (lambda w: raw(w, token=bytes(32)), EnrolmentFault.UNREADABLE),
    "a token twice in one message": (token_field_twice, EnrolmentFault.UNREADABLE),
    "no sort": (lambda w: raw(w, sort=0), EnrolmentFault.UNREADABLE),
    "no CSR": (lambda w: raw(w, csr=b""), EnrolmentFault.UNREADABLE),
    "a CSR of 5 KiB": (lambda w: raw(w, csr=bytes(5000)), EnrolmentFault.UNREADABLE),
    "nothing": (lambda w: w.enrolment.enrol(b""), EnrolmentFault.UNREADABLE),
    "a CSR that is none": (with_csr(lambda: b"a request"), EnrolmentFault.CSR),
    "a CSR of RSA": (with_csr(lambda: csr_of(rsa.generate_private_key(65537, 2048))), EnrolmentFault.CSR),
    "a CSR of Ed25519": (with_csr(lambda: csr_of(Ed25519PrivateKey.generate())), EnrolmentFault.CSR),
    "a CSR of P-384": (
        with_csr(lambda: csr_of(ec.generate_private_key(ec.SECP384R1()))),
        EnrolmentFault.CSR,
    ),
    "a CSR whose signature is broken": (
        with_csr(lambda: flipped(csr_for(transport_key()))),
        EnrolmentFault.CSR,
    ),
    "a CSR for other names": (with_csr(foreign_names), None),
    "a CSR for an authority": (with_csr(as_authority), None),
    "another's identity key": (
        lambda w: enrol(w, w.token(), signer=KEYS[OSLO]),
        EnrolmentFault.SIGNATURE,
    ),
    "a key of nobody": (lambda w: enrol(w, w.token(), signer=other_keys()), EnrolmentFault.SIGNATURE),
    "a signature for a renewal": (
        lambda w: enrol(w, w.token(), purpose=Purpose.RENEW),
        EnrolmentFault.SIGNATURE,
    ),
    "an id that was never there": (
        after(believing(roster_of(OSLO))),
        EnrolmentFault.NOT_IN_ROSTER,
    ),
    "removed meanwhile": (
        after(believing(roster_of(*EVERYBODY_ELSE, version=2))),
        EnrolmentFault.NOT_IN_ROSTER,
    ),
    "an expired roster": (
        after(believing(roster_of(*EVERYBODY, expires=NOW))),
        EnrolmentFault.ROSTER_EXPIRED,
    ),
    "the coordinator's clock 10 years ahead": (after(clock("now", YEARS)), EnrolmentFault.TIME),
    "the coordinator's clock 10 years behind": (after(clock("now", -YEARS)), EnrolmentFault.TIME),
    "the member's clock 10 years ahead": (after(clock("node_now", YEARS)), EnrolmentFault.TIME),
    "the member's clock 10 years behind": (after(clock("node_now", -YEARS)), EnrolmentFault.TIME),
    "clocks 5 minutes apart": (after(clock("node_now", 5 * MINUTE)), None),
    "clocks a little more apart": (
        after(clock("node_now", -5 * MINUTE - timedelta(seconds=1))),
        EnrolmentFault.TIME,
    ),
    "both clocks stepped back": (after(passing(-60 * MINUTE)), EnrolmentFault.AUTHORITY),
    "both clocks stepped back a little": (after(passing(-MINUTE)), EnrolmentFault.TOKEN_LATE),
    "a frozen clock, and the token again": (
        lambda w: enrol(w, used(w), csr=csr_for(transport_key())),
        EnrolmentFault.TOKEN_USED,
    ),
    "an authority that has expired": (after(passing(AUTHORITY_LIFE)), EnrolmentFault.AUTHORITY),
    "nine wrong tokens before": (after(wrong_tries(9)), None),
    "ten wrong tokens before": (after(wrong_tries(10)), EnrolmentFault.TOKEN_BURNT),
    "fifty wrong tokens of a stranger before": (after(strangers_tries), None),
    "a restart of the coordinator before": (after(World.restart), None),
    "a restart of the coordinator after its use": (used_again_after_a_restart, EnrolmentFault.TOKEN_USED),
}


def outcome(asked: Asked, world: World) -> tuple[EnrolmentFault | None, bytes]:
    try:
        return None, asked(world)
    except EnrolmentError as error:
        return error.fault, b""


@pytest.mark.parametrize("name", ENROLMENTS)
def test_an_enrolment(world: World, name: str) -> None:
    asked, expected = ENROLMENTS[name]
    fault, answer = outcome(asked, world)
    assert fault == expected
    if answer:
        certificate = certificate_in(answer)
        who = ADA if "analyst" in name else BERLIN
        assert uris_of(certificate) == [who.uri]
        assert only_a_leaf(certificate)


def certificate_in(answer: bytes) -> x509.Certificate:
    return x509.load_pem_x509_certificate(decode_answer(answer).certificate)


def only_a_leaf(certificate: x509.Certificate) -> bool:
    """Whether it signs nothing, names one URI alone, and holds for a week."""
    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    life = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    return not constraints.ca and len(list(names)) == 1 and life == timedelta(days=7, minutes=5)


def test_there_are_thirty_cases_and_more() -> None:
    assert len(ENROLMENTS) + len(RENEWALS) >= 30


@pytest.mark.parametrize(
    "name", [name for name, (_, fault) in ENROLMENTS.items() if fault and not fault.value.startswith("token")]
)
def test_what_is_wrong_in_anything_else_leaves_the_token_good(world: World, name: str) -> None:
    """The control, too: the same request, without what the case changed, gets a certificate."""
    token = world.token()
    roster = world.roster
    assert outcome(ENROLMENTS[name][0], world)[0] == ENROLMENTS[name][1]
    world.now = world.node_now = NOW
    world.roster = roster
    assert uris_of(certificate_in(enrol(world, token))) == [BERLIN.uri]


def test_of_many_at_once_exactly_one_gets_in(world: World) -> None:
    token, ready = world.token(), threading.Barrier(8)
    requests = [world.request(token, csr=csr_for(transport_key())) for _ in range(8)]
    faults: list[EnrolmentFault | None] = []

    def run(request: bytes) -> None:
        ready.wait()
        faults.append(outcome(lambda w: w.enrolment.enrol(request), world)[0])

    threads = [threading.Thread(target=run, args=(one,)) for one in requests]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults.count(None) == 1
    assert faults.count(EnrolmentFault.TOKEN_USED) == 7


def renewed_twice(world: World) -> bytes:
    """A replay gets another certificate for the key that only the node has."""
    request, shown = world.renewal(), world.shown()
    world.enrolment.renew(request, shown)
    return world.enrolment.renew(request, shown)


RENEWALS: dict[str, Case] = {
    "an honest one": (lambda w: w.enrolment.renew(w.renewal(), w.shown()), None),
    "the same one again": (renewed_twice, None),
    "for another's id, with its key": (
        lambda w: w.enrolment.renew(w.renewal(who=OSLO), w.shown()),
        EnrolmentFault.PEER,
    ),
    "for another's id, with the own key": (
        lambda w: w.enrolment.renew(w.renewal(who=OSLO, signer=KEYS[BERLIN]), w.shown()),
        EnrolmentFault.SIGNATURE,
    ),
    "of another sort": (
        lambda w: w.enrolment.renew(w.renewal(who=NAMESAKE), w.shown()),
        EnrolmentFault.PEER,
    ),
    "of the old transport key": (
        lambda w: w.enrolment.renew(w.renewal(csr=csr_for(w.key)), w.shown()),
        EnrolmentFault.PEER,
    ),
    "with an identity key that was replaced": (
        lambda w: w.enrolment.renew(w.renewal(signer=other_keys()), w.shown()),
        EnrolmentFault.SIGNATURE,
    ),
    "after removal": (
        lambda w: renewed_after(w, believing(roster_of(*EVERYBODY_ELSE, version=2))),
        EnrolmentFault.NOT_IN_ROSTER,
    ),
    "under an expired roster": (
        lambda w: renewed_after(w, believing(roster_of(*EVERYBODY, expires=NOW))),
        EnrolmentFault.ROSTER_EXPIRED,
    ),
    "with a certificate that has expired on an open stream": (
        lambda w: renewed_after(w, passing(timedelta(days=7))),
        EnrolmentFault.PEER,
    ),
    "a second before that": (
        lambda w: renewed_after(w, passing(timedelta(days=7, seconds=-1))),
        None,
    ),
    "with a certificate that is not yet good": (
        lambda w: renewed_after(w, passing(-6 * MINUTE)),
        EnrolmentFault.PEER,
    ),
    "sent again after a while": (
        lambda w: w.enrolment.renew(later(w, w.renewal()), w.shown()),
        EnrolmentFault.TIME,
    ),
    "a token in it": (
        lambda w: w.enrolment.renew(w.request(w.token(), purpose=Purpose.RENEW), w.shown()),
        EnrolmentFault.TOKEN_MISSING,
    ),
    "an enrolment in its place": (
        lambda w: w.enrolment.renew(w.request(w.token()), w.shown()),
        EnrolmentFault.SIGNATURE,
    ),
    "without a certificate": (lambda w: w.enrolment.renew(w.renewal(), b""), EnrolmentFault.PEER),
    "garbage": (lambda w: w.enrolment.renew(b"\xff" * 99, w.shown()), EnrolmentFault.UNREADABLE),
}


def renewed_after(world: World, step: Callable[[World], object]) -> bytes:
    shown = world.shown()
    step(world)
    return world.enrolment.renew(world.renewal(), shown)


def later(world: World, request: bytes) -> bytes:
    world.pass_time(6 * MINUTE)
    return request


@pytest.mark.parametrize("name", RENEWALS)
def test_a_renewal(world: World, name: str) -> None:
    asked, expected = RENEWALS[name]
    fault, answer = outcome(asked, world)
    assert fault == expected
    if answer:
        assert uris_of(certificate_in(answer)) == [BERLIN.uri]
        assert decode_answer(answer).roster == b""


def test_a_log_has_the_reason_and_never_the_token(world: World, caplog: pytest.LogCaptureFixture) -> None:
    token = world.token()
    with caplog.at_level("INFO", "skerry.coordinator"):
        for _ in range(2):
            outcome(lambda w: enrol(w, token), world)
    assert "event=enrolled sort=centre name=berlin" in caplog.text
    assert "event=enrolment_refused why=token_used" in caplog.text
    assert token.octets.hex() not in caplog.text
    assert str(token.octets) not in caplog.text + repr(token)


def test_serials_differ_and_are_large(world: World) -> None:
    serials = {certificate_in(enrol(world, world.token())).serial_number for _ in range(20)}
    assert len(serials) == 20
    assert min(serials) > 2**64
