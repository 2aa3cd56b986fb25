"""Who gets a transport certificate, and which one is taken. Pure. spec/enrolment.md 3 and 5.

* TLS is for the wire. A request counts because the key that the roster has for an id signed all of it:
  a stolen token alone is worth nothing.
* Of a CSR only the key counts. Whose certificate it becomes is written from the roster's id.
* `Applicant` is made by `open_request` alone, so whoever holds one holds a verified request.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from protocols.codec.enrolment import decode_request, decode_signed, encode_request, encode_signed
from protocols.enrolment import (
    CLOCKS_MAY_DIFFER_BY,
    EnrolmentAnswer,
    EnrolmentRequest,
    Member,
    SignedEnrolment,
    Token,
    Validity,
)
from protocols.errors import EnrolmentError, EnrolmentFault, RosterError, SignatureError, TextError, WireError
from protocols.ids import CentreId, Digest
from protocols.keys import PublicKeys
from protocols.root import Root
from protocols.roster import Roster
from protocols.transport_papers import check_certificate, spki_of, uris_of
from protocols.trust import Trusted, believe


class Purpose(Enum):
    """What a request is for: its signature is good for this, and for nothing else."""

    ENROL = b"skerry/1 enrol\x00"
    RENEW = b"skerry/1 renew\x00"


@dataclass(frozen=True, slots=True, kw_only=True)
class Applicant:
    """A verified request: who asks, with which key; the token, which is still to be taken."""

    who: Member
    key: ec.EllipticCurvePublicKey
    token: Token | None


def csr_for(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Write a CSR that says nothing but the key, DER."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return builder.sign(key, SHA256()).public_bytes(Encoding.DER)


def sign_request(request: EnrolmentRequest, key: Ed25519PrivateKey) -> bytes:
    """Sign a request with the key that the roster has; one without a token is a renewal."""
    purpose = Purpose.ENROL if request.token else Purpose.RENEW
    octets = encode_request(request)
    return encode_signed(SignedEnrolment(request=octets, signature=key.sign(purpose.value + octets)))


def open_request(octets: bytes, purpose: Purpose, roster: Roster, now: datetime) -> Applicant:
    """Verify a request against the roster that is believed now. Raises EnrolmentError."""
    try:
        signed = decode_signed(octets)
        request = decode_request(signed.request)
    except WireError as error:
        raise EnrolmentError(EnrolmentFault.UNREADABLE, f"the request cannot be read: {error}") from None
    if now >= roster.expires:
        raise EnrolmentError(EnrolmentFault.ROSTER_EXPIRED, "the roster has expired")
    keys = keys_of(request.who, roster)
    if keys is None:
        raise EnrolmentError(EnrolmentFault.NOT_IN_ROSTER, "the roster does not know who asks")
    try:
        keys.signing.verify(signed.signature, purpose.value + signed.request)
    except InvalidSignature:
        raise EnrolmentError(EnrolmentFault.SIGNATURE, "the request's signature is wrong") from None
    if abs(now - request.made_at) > CLOCKS_MAY_DIFFER_BY:
        raise EnrolmentError(EnrolmentFault.TIME, "the request is of another time")
    if (request.token is not None) is not (purpose is Purpose.ENROL):
        raise EnrolmentError(EnrolmentFault.TOKEN_MISSING, "a token belongs to an enrolment, and to it alone")
    return Applicant(who=request.who, key=_key_of(request.csr), token=request.token)


def keys_of(who: Member, roster: Roster) -> PublicKeys | None:
    """Give somebody's keys in a roster; None for who is not in it under that sort and exact name."""
    entry = roster.centres.get(who) if isinstance(who, CentreId) else roster.analysts.get(who)
    return entry.keys if entry else None


def _key_of(csr: bytes) -> ec.EllipticCurvePublicKey:
    try:
        request = x509.load_der_x509_csr(csr)
        key = request.public_key()
        is_p256 = isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1)
        # Whoever asks holds the private key: else a member could have another's key certified as its own.
        if isinstance(key, ec.EllipticCurvePublicKey) and is_p256 and request.is_signature_valid:
            return key
    except (ValueError, UnsupportedAlgorithm):
        pass
    what = "the CSR is not of a P-256 key, or its own signature is wrong"
    raise EnrolmentError(EnrolmentFault.CSR, what)


def check_peer(applicant: Applicant, shown_pem: bytes, now: datetime) -> None:
    """Check that a renewal is the peer's own, for a new key, on a certificate that is still good.

    Raises EnrolmentError.
    """
    try:
        shown = check_certificate(shown_pem)
    except WireError:
        raise EnrolmentError(EnrolmentFault.PEER, "the peer shows no certificate") from None
    if uris_of(shown) != [applicant.who.uri]:
        raise EnrolmentError(EnrolmentFault.PEER, "the peer asks for another's certificate")
    # A stream outlives its certificate; whoever let it lapse enrols again.
    if not validity_of(shown).holds(now):
        raise EnrolmentError(EnrolmentFault.PEER, "the peer's own certificate is not good now")
    if spki_of(shown.public_key()) == spki_of(applicant.key):
        raise EnrolmentError(EnrolmentFault.PEER, "the peer asks for a certificate of its old key")


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What an answer is held against: who asked, for which key, of which authority."""

    who: Member
    key: ec.EllipticCurvePublicKey
    authority: Digest


def check_answer(answer: EnrolmentAnswer, expected: Expected, now: datetime) -> x509.Certificate:
    """Hold a certificate against what was asked for; give it. Raises EnrolmentError."""
    certificate, authority = _single(answer.certificate), _single(answer.authority)
    if digest_of(authority) != expected.authority:
        raise EnrolmentError(EnrolmentFault.AUTHORITY, "the certificate is of another authority")
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        what = "the certificate is not signed by its authority"
        raise EnrolmentError(EnrolmentFault.CERTIFICATE, what) from None
    if spki_of(certificate.public_key()) != spki_of(expected.key):
        raise EnrolmentError(EnrolmentFault.CERTIFICATE, "the certificate is of another key")
    if uris_of(certificate) != [expected.who.uri]:
        raise EnrolmentError(EnrolmentFault.CERTIFICATE, "the certificate names somebody else")
    if not validity_of(certificate).holds(now):
        what = "the certificate is not good at this machine's time"
        raise EnrolmentError(EnrolmentFault.CERTIFICATE, what)
    return certificate


def check_roster(
    octets: bytes, root: Root, held: Trusted | None, own: tuple[Member, Ed25519PrivateKey], now: datetime
) -> Trusted:
    """Decide on the roster of an answer: it is believed, and has the own key. Raises EnrolmentError."""
    who, key = own
    try:
        trusted = believe(octets, root, held, now)
    except (SignatureError, TextError, RosterError) as error:
        raise EnrolmentError(EnrolmentFault.ROSTER, f"its roster is not believed: {error}") from None
    keys = keys_of(who, trusted.roster)
    if keys is None or keys.signing.public_bytes_raw() != key.public_key().public_bytes_raw():
        raise EnrolmentError(EnrolmentFault.ROSTER, "its roster has another key, or none, under this name")
    return trusted


def digest_of(certificate: x509.Certificate) -> Digest:
    """Give the SHA-256 of a certificate, as every tool for certificates shows it."""
    return Digest(hashlib.sha256(certificate.public_bytes(Encoding.DER)).digest())


def validity_of(certificate: x509.Certificate) -> Validity:
    """Say from when and until when a certificate is good."""
    return Validity(begins=certificate.not_valid_before_utc, ends=certificate.not_valid_after_utc)


def _single(pem: bytes) -> x509.Certificate:
    try:
        (certificate,) = x509.load_pem_x509_certificates(pem)
    except ValueError:
        what = "the answer does not hold exactly one certificate of each"
        raise EnrolmentError(EnrolmentFault.CERTIFICATE, what) from None
    return certificate
