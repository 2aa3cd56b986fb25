"""Whether the papers of the transport can be used at all, before a program starts. Pure. spec/link.md 1.

gRPC takes any bytes for a key or a certificate, and then never connects; so they are read here first.
That the authority signed the certificate, and that neither has expired, is seen when a peer connects.
"""

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from protocols.errors import WireError


def check_certificate(octets: bytes) -> x509.Certificate:
    """Read a certificate, the first of a chain. Raises WireError."""
    try:
        return x509.load_pem_x509_certificates(octets)[0]
    except (ValueError, IndexError):
        raise WireError("no certificate in PEM") from None


def check_pair(key_pem: bytes, certificate_pem: bytes, uri: str) -> None:
    """Check that a certificate names `uri` and belongs to a private key. Raises WireError."""
    certificate = check_certificate(certificate_pem)
    try:
        key = load_pem_private_key(key_pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise WireError("its private key is none in PEM without a password") from None
    if spki_of(key.public_key()) != spki_of(certificate.public_key()):
        raise WireError("it belongs to another private key")
    names = uris_of(certificate)
    if names != [uri]:
        raise WireError(f"it names {', '.join(names) or 'nobody'}, and must name {uri}")


def spki_of(key: object) -> bytes:
    """Give a public key's bytes; those of every kind can be compared."""
    # The union of all kinds of keys, each of which has this method.
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)  # type: ignore[attr-defined,no-any-return]


def uris_of(certificate: x509.Certificate) -> list[str]:
    """Give the URIs that a certificate names; a usable one names exactly one."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    return names.get_values_for_type(x509.UniformResourceIdentifier)
