"""The authority: what it signs, for how long, and how its key lies on the disk."""

import stat
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import PolicyBuilder, Store

from coordinator.authority import AUTHORITY_LIFE, SERVER_LIFE, Authority, private_pem, write_new
from coordinator.errors import AuthorityError
from protocols.admission import validity_of
from protocols.enrolment import LEAF_LIFE
from protocols.errors import EnrolmentError
from protocols.ids import CentreId
from protocols.transport_papers import check_pair, uris_of
from tests.coordinator.enrolment_desk import BERLIN, MINUTE, YEARS, transport_key
from tests.protocols.examples import NOW

AUTHORITY = Authority.generate("test", NOW)
OWN = x509.load_pem_x509_certificate(AUTHORITY.certificate_pem)


def leaf(authority: Authority = AUTHORITY, who: CentreId = BERLIN, passed: timedelta = timedelta()) -> bytes:
    return authority.issue(who, transport_key().public_key(), NOW + passed)


def test_a_leaf_names_its_member_and_verifies() -> None:
    key = transport_key()
    pem = AUTHORITY.issue(BERLIN, key.public_key(), NOW)
    check_pair(private_pem(key), pem, "skerry://centre/berlin")
    certificate = x509.load_pem_x509_certificate(pem)
    verifier = PolicyBuilder().store(Store([OWN])).time(NOW.replace(tzinfo=None)).build_client_verifier()
    verified = verifier.verify(certificate, [])
    assert verified.subjects is not None
    assert [one.value for one in verified.subjects] == ["skerry://centre/berlin"]
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    signs = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    assert (signs.digital_signature, signs.key_cert_sign) == (True, False)


def test_a_servers_leaf_has_its_hosts() -> None:
    pem = AUTHORITY.issue_server(["localhost", "127.0.0.1", "::1"], transport_key().public_key(), NOW)
    certificate = x509.load_pem_x509_certificate(pem)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert [str(one) for one in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]
    assert uris_of(certificate) == ["skerry://coordinator"]
    assert validity_of(certificate).ends == NOW + SERVER_LIFE
    with pytest.raises(AuthorityError, match="neither a host's name"):
        AUTHORITY.issue_server(["zürich"], transport_key().public_key(), NOW)


@pytest.mark.parametrize(
    ("passed", "life"),
    [
        (timedelta(), LEAF_LIFE),
        (timedelta(days=100), LEAF_LIFE),
        (AUTHORITY_LIFE - timedelta(days=2), timedelta(days=2)),
        (AUTHORITY_LIFE - MINUTE, MINUTE),
    ],
)
def test_a_leaf_begins_a_little_earlier_and_never_outlives_the_authority(
    passed: timedelta, life: timedelta
) -> None:
    validity = validity_of(x509.load_pem_x509_certificate(leaf(passed=passed)))
    assert validity.begins == NOW + passed - 5 * MINUTE
    assert validity.ends == NOW + passed + life <= validity_of(OWN).ends


def test_a_leaf_never_begins_before_the_authority() -> None:
    validity = validity_of(x509.load_pem_x509_certificate(leaf(passed=-MINUTE)))
    assert validity.begins == validity_of(OWN).begins == NOW - 5 * MINUTE


@pytest.mark.parametrize("passed", [AUTHORITY_LIFE, 2 * YEARS, -6 * MINUTE, -YEARS])
def test_an_authority_that_is_not_good_now_signs_nothing(passed: timedelta) -> None:
    with pytest.raises(EnrolmentError, match="not good now"):
        leaf(passed=passed)


def test_the_longest_name_fits() -> None:
    name = CentreId("x" * 63)
    assert uris_of(x509.load_pem_x509_certificate(leaf(who=name))) == [name.uri]
    assert Authority.generate("ü" * 200, NOW).certificate_pem


def test_an_authority_comes_back_from_its_file_and_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "data" / "authority.pem"
    write_new(path, AUTHORITY.to_file(), 0o600)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = Authority.load(path)
    assert (again.digest, again.certificate_pem) == (AUTHORITY.digest, AUTHORITY.certificate_pem)
    x509.load_pem_x509_certificate(leaf(again)).verify_directly_issued_by(OWN)
    with pytest.raises(AuthorityError, match="File exists"):
        write_new(path, Authority.generate("test", NOW).to_file(), 0o600)
    assert path.read_bytes() == AUTHORITY.to_file()
    assert [one.name for one in path.parent.iterdir()] == ["authority.pem"]


def test_an_authority_shows_nothing_of_its_key() -> None:
    assert repr(AUTHORITY) == f"Authority({AUTHORITY.digest})"


WRONG = {
    "nothing": b"",
    "the certificate alone": AUTHORITY.certificate_pem,
    "the key alone": AUTHORITY.to_file().removesuffix(AUTHORITY.certificate_pem),
    "two certificates": AUTHORITY.to_file() + AUTHORITY.certificate_pem,
    "another's key": private_pem(transport_key()) + AUTHORITY.certificate_pem,
    "rubbish": b"\xff\0",
}


@pytest.mark.parametrize("name", WRONG)
def test_a_file_that_is_no_authority_is_refused(tmp_path: Path, name: str) -> None:
    write_new(tmp_path / "authority.pem", WRONG[name], 0o600)
    with pytest.raises(AuthorityError):
        Authority.load(tmp_path / "authority.pem")


def test_a_file_that_others_may_read_or_that_is_absent_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "authority.pem"
    with pytest.raises(AuthorityError, match="cannot be read"):
        Authority.load(path)
    write_new(path, AUTHORITY.to_file(), 0o600)
    path.chmod(0o640)
    with pytest.raises(AuthorityError, match="open to others"):
        Authority.load(path)
