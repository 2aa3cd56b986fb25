"""A node enters: key, request, answer, files. spec/enrolment.md 4 and 5.

Nothing is kept of an answer before all of it is right: the authority that the token names, the own key and
name in the certificate, a roster that the pinned root signed, with the own key in it. How the request
reaches the coordinator is an argument.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from node.belief import FILE, believed, keep
from node.errors import NotEnrolledError, RulesError
from node.keys import read_secret
from node.settings import Settings
from node.transport_pair import next_key, switch
from protocols.admission import (
    Expected,
    check_answer,
    check_roster,
    csr_for,
    digest_of,
    sign_request,
    validity_of,
)
from protocols.clock import Clock
from protocols.codec.enrolment import decode_answer
from protocols.enrolment import EnrolmentRequest, Invitation
from protocols.errors import EnrolmentError, ProtocolError, TextError, WireError
from protocols.ids import Digest
from protocols.root import Root, read_root
from protocols.transport_papers import check_certificate
from protocols.trust import Trusted, remembered

Asking = Callable[[bytes, bytes], bytes]
"""Sends a request (the second) to a server for which an authority (the first, PEM) answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """What an enrolment gave: the root that was pinned, the roster, and until when the certificate holds."""

    root: Root
    trusted: Trusted
    authority: Digest
    expires: datetime


def enrol(settings: Settings, invitation: Invitation, ask: Asking, clock: Clock) -> Entered:
    """Enter with a token. Raises RulesError, NotEnrolledError or UnreachableError; then nothing changed."""
    who = settings.centre_id
    identity = identity_of(settings.keys)
    authority = _authority(settings.tls_ca, invitation)
    root, held = _root(settings.root), _held(settings)
    key = next_key(settings.keys, settings.tls_certificate, who.uri)
    request = EnrolmentRequest(who=who, token=invitation.token, csr=csr_for(key), made_at=clock())
    octets = ask(authority, sign_request(request, identity))
    now = clock()
    try:
        answer = decode_answer(octets)
        expected = Expected(who=who, key=key.public_key(), authority=invitation.authority)
        certificate = check_answer(answer, expected, now)
        trusted = check_roster(answer.roster, root, held, (who, identity), now)
    except (EnrolmentError, WireError) as error:
        raise NotEnrolledError(f"the coordinator's answer is not taken: {error}") from None
    _keep_roster(settings, held, trusted)
    switch(settings.keys, settings.tls_certificate, answer.certificate)
    return Entered(
        root=root, trusted=trusted, authority=invitation.authority, expires=validity_of(certificate).ends
    )


def identity_of(keys: Path) -> Ed25519PrivateKey:
    """Read the key that the roster knows the centre by. Raises RulesError."""
    path = keys / "identity.key"
    octets = read_secret(path)
    if len(octets) != 32:
        raise RulesError(f"{path} has 32 bytes")
    return Ed25519PrivateKey.from_private_bytes(octets)


def _authority(path: Path, invitation: Invitation) -> bytes:
    """Give the authority's certificate, if it is the one that the token names."""
    try:
        octets = path.read_bytes()
        certificate = check_certificate(octets)
    except OSError as error:
        advice = "put the authority's certificate there: who runs the coordinator gives it to everybody"
        what = f"the authority's certificate {path} cannot be read ({error.strerror})"
        raise RulesError(what, next_step=advice) from None
    except WireError as error:
        raise RulesError(f"the certificate {path} cannot be used: {error}") from None
    if digest_of(certificate) != invitation.authority:
        advice = "paste the whole token; if it is whole, do not connect, and ask who gave you either"
        what = f"the certificate {path} is not that of the authority that the token names"
        raise RulesError(what, next_step=advice)
    return octets


def _root(path: Path) -> Root:
    try:
        return read_root(path.read_bytes())
    except OSError as error:
        raise RulesError(f"{path} cannot be read ({error.strerror})") from None
    except TextError as error:
        raise RulesError(f"{path}: {error.problems[0]}", problems=error.problems) from None


def _held(settings: Settings) -> Trusted | None:
    """Give the roster that the node holds already; None where it has none yet."""
    if settings.roster.exists():
        return believed(settings)
    path = settings.data / FILE
    if not path.exists():
        return None
    try:
        return remembered(path.read_bytes(), _root(settings.root))
    except OSError as error:
        raise RulesError(f"{path} cannot be read ({error.strerror})") from None
    except ProtocolError as error:
        raise RulesError(f"{path}: {error}") from None


def _keep_roster(settings: Settings, held: Trusted | None, trusted: Trusted) -> None:
    """Keep a newer roster in the data folder, and the first one where the settings look for it, too."""
    path = settings.roster
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            keep(path, trusted.octets)
        if held is not None and trusted is not held:
            path = settings.data / FILE
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            keep(path, trusted.octets)
    except OSError as error:
        raise RulesError(f"the roster {path} cannot be stored ({error.strerror})") from None
