"""The authority: signs transport certificates for the wire, and for nothing else. spec/enrolment.md 5.

* It signs a P-256 key that a request brought, under the URI of the id in the roster. Nothing else of a
  request reaches a certificate.
* Its key lies in one file with its certificate, for this account alone; made once, never overwritten.
* A certificate says who is on the wire. A question, an answer, a roster rests on signatures: an authority
  that is breached gains nothing by its certificates but a connection.
"""

import ipaddress
import os
import stat
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID

from coordinator.errors import AuthorityError
from protocols.admission import digest_of, validity_of
from protocols.enrolment import CLOCKS_MAY_DIFFER_BY, LEAF_LIFE, Member
from protocols.errors import EnrolmentError, EnrolmentFault
from protocols.ids import COORDINATOR_URI, Digest

FILE = "authority.pem"
"""In the coordinator's data folder: the private key, then the certificate."""
AUTHORITY_LIFE = timedelta(days=3650)
SERVER_LIFE = timedelta(days=365)
_Extensions = list[tuple[x509.ExtensionType, bool]]


class Authority:
    """A key that signs transport certificates, and its own certificate."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        self._key = key
        self._certificate = certificate

    def __repr__(self) -> str:
        """Show nothing of the key."""
        return f"Authority({self.digest})"

    @classmethod
    def generate(cls, consortium: str, now: datetime) -> "Authority":
        """Make a new one."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = _named(f"Skerry transport of {consortium}")
        extensions: _Extensions = [
            (x509.BasicConstraints(ca=True, path_length=0), True),
            (_key_usage(signs_certificates=True), True),
        ]
        builder = _builder(name, name, key.public_key(), key.public_key(), extensions)
        builder = builder.not_valid_before(now - CLOCKS_MAY_DIFFER_BY).not_valid_after(now + AUTHORITY_LIFE)
        return cls(key, builder.sign(key, SHA256()))

    @classmethod
    def load(cls, path: Path) -> "Authority":
        """Read the file of an authority. Raises AuthorityError."""
        try:
            mode, octets = path.stat().st_mode, path.read_bytes()
        except OSError as error:
            raise AuthorityError(f"the authority {path} cannot be read ({error.strerror})") from None
        if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
            raise AuthorityError(f"the authority {path} is open to others; run: chmod 600 {path}")
        try:
            key = load_pem_private_key(octets, password=None)
            (certificate,) = x509.load_pem_x509_certificates(octets)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise AuthorityError(f"{path} does not hold one private key and one certificate") from None
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
            raise AuthorityError(f"the key and the certificate in {path} do not belong together")
        return cls(key, certificate)

    @property
    def certificate_pem(self) -> bytes:
        """Its certificate, for everybody."""
        return self._certificate.public_bytes(Encoding.PEM)

    @property
    def digest(self) -> Digest:
        """The SHA-256 of its certificate, which every token carries."""
        return digest_of(self._certificate)

    def to_file(self) -> bytes:
        """Write the file that `load` reads: a secret."""
        return private_pem(self._key) + self.certificate_pem

    def issue(self, who: Member, key: ec.EllipticCurvePublicKey, now: datetime) -> bytes:
        """Sign a member's key for a week; PEM. Raises EnrolmentError when the authority is not good now."""
        names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(who.uri)]
        usage = ExtendedKeyUsageOID.CLIENT_AUTH
        return self._issued(who.uri, key, (usage, names), now, LEAF_LIFE)

    def issue_server(self, hosts: Sequence[str], key: ec.EllipticCurvePublicKey, now: datetime) -> bytes:
        """Sign the coordinator's own key for a year, with its host names; PEM. Raises EnrolmentError.

        Its key lies beside the authority's: a shorter life would protect nothing.
        """
        names = [x509.UniformResourceIdentifier(COORDINATOR_URI), *map(_host, hosts)]
        usage = ExtendedKeyUsageOID.SERVER_AUTH
        return self._issued(COORDINATOR_URI, key, (usage, names), now, SERVER_LIFE)

    def _issued(
        self,
        uri: str,
        key: ec.EllipticCurvePublicKey,
        use: tuple[x509.ObjectIdentifier, list[x509.GeneralName]],
        now: datetime,
        life: timedelta,
    ) -> bytes:
        own = validity_of(self._certificate)
        if not own.holds(now):
            raise EnrolmentError(EnrolmentFault.AUTHORITY, "the authority's own certificate is not good now")
        usage, names = use
        extensions: _Extensions = [
            (x509.BasicConstraints(ca=False, path_length=None), True),
            (_key_usage(signs_certificates=False), True),
            (x509.ExtendedKeyUsage([usage]), False),
            (x509.SubjectAlternativeName(names), False),
        ]
        builder = _builder(
            _named(uri[-64:]), self._certificate.subject, key, self._key.public_key(), extensions
        )
        builder = builder.not_valid_before(max(now - CLOCKS_MAY_DIFFER_BY, own.begins))
        builder = builder.not_valid_after(min(now + life, own.ends))
        return builder.sign(self._key, SHA256()).public_bytes(Encoding.PEM)


def private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Write a private key, PEM without a password."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def write_new(path: Path, octets: bytes, mode: int) -> None:
    """Write a file that is not there yet, durably and whole. Raises AuthorityError; overwrites nothing."""
    partial = path.with_name(f"{path.name}.{os.urandom(4).hex()}.partial")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(octets)
                file.flush()
                os.fsync(file.fileno())
            path.hardlink_to(partial)  # unlike a renaming, it fails where a file is
        finally:
            partial.unlink()
    except OSError as error:
        raise AuthorityError(f"{path} cannot be written ({error.strerror})") from None


def _host(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        pass
    try:
        return x509.DNSName(text)
    except ValueError:
        raise AuthorityError(f"{text!r} is neither a host's name in ASCII nor its address") from None


def _named(common: str) -> x509.Name:
    cut = common.encode()[:64].decode(errors="ignore")  # RFC 5280: at most 64
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, cut)])


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    issuer_key: ec.EllipticCurvePublicKey,
    extensions: _Extensions,
) -> x509.CertificateBuilder:
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False)
    )
    for extension, is_critical in extensions:
        builder = builder.add_extension(extension, critical=is_critical)
    return builder


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
