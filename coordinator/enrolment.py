"""Enrolment and renewal at the coordinator: verify, take the token, sign. spec/enrolment.md 4 and 6.

Who belongs is asked at each request. Every refusal looks the same to whoever asks; the log has its reason.
The token is taken last: a request that is wrong in anything else leaves it good, and only whoever signs
with the member's key gets as far as to try one.
"""

import logging
from collections.abc import Callable

from coordinator.authority import FILE, Authority
from coordinator.errors import AuthorityError, SettingsError
from coordinator.settings import Settings
from coordinator.tokens import Tokens, open_tokens
from protocols.admission import Purpose, check_peer, digest_of, open_request
from protocols.clock import Clock
from protocols.codec.enrolment import encode_answer
from protocols.enrolment import EnrolmentAnswer, sort_of
from protocols.errors import EnrolmentError, WireError
from protocols.transport_papers import check_certificate
from protocols.trust import Trusted

_log = logging.getLogger("skerry.coordinator")


class Enrolment:
    """Lets members in, and renews who is in. `held` gives the roster that is believed now."""

    def __init__(
        self, authority: Authority, tokens: Tokens, held: Callable[[], Trusted], clock: Clock
    ) -> None:
        self._authority = authority
        self._tokens = tokens
        self._held = held
        self._clock = clock

    def enrol(self, octets: bytes) -> bytes:
        """Answer a request with a token. Raises EnrolmentError or StoreError."""
        held, now = self._held(), self._clock()
        try:
            applicant = open_request(octets, Purpose.ENROL, held.roster, now)
            # Signed first: an authority that cannot sign must not use the token up.
            certificate = self._authority.issue(applicant.who, applicant.key, now)
            self._tokens.take(applicant.token, applicant.who, now)
        except EnrolmentError as error:
            _log.warning("event=enrolment_refused why=%s", error.fault.value)
            raise
        _log.info("event=enrolled sort=%s name=%s", sort_of(applicant.who), applicant.who)
        return self._answer(certificate, held.octets)

    def renew(self, octets: bytes, shown: bytes) -> bytes:
        """Answer a renewal of the peer that shows this certificate, PEM. Raises EnrolmentError."""
        held, now = self._held(), self._clock()
        try:
            applicant = open_request(octets, Purpose.RENEW, held.roster, now)
            check_peer(applicant, shown, now)
            certificate = self._authority.issue(applicant.who, applicant.key, now)
        except EnrolmentError as error:
            _log.warning("event=renewal_refused why=%s", error.fault.value)
            raise
        _log.info("event=renewed sort=%s name=%s", sort_of(applicant.who), applicant.who)
        return self._answer(certificate, b"")

    def _answer(self, certificate: bytes, roster: bytes) -> bytes:
        authority = self._authority.certificate_pem
        return encode_answer(EnrolmentAnswer(certificate=certificate, authority=authority, roster=roster))


def open_enrolment(settings: Settings, held: Callable[[], Trusted], clock: Clock) -> Enrolment | None:
    """Open what enrols and renews; None where the authority is elsewhere.

    Raises SettingsError or StoreError.
    """
    path = settings.data / FILE
    if not path.exists():
        if settings.enrolment is not None:
            what = f"`enrolment` is set, and there is no authority {path}: skerry-coordinator authority init"
            raise SettingsError(what)
        return None
    try:
        authority = Authority.load(path)
        certificate = check_certificate(settings.tls_ca.read_bytes())
    except (AuthorityError, WireError, OSError) as error:
        raise SettingsError(str(error)) from None
    if digest_of(certificate) != authority.digest:
        # It would sign certificates that its own port refuses, and every renewal would lock a node out.
        raise SettingsError(f"{settings.tls_ca} is not the certificate of the authority {path}")
    return Enrolment(authority, open_tokens(settings.data / "coordinator.db"), held, clock)
