"""A running node's next certificate: when to ask, what to send, what to take. spec/enrolment.md 6.

The request goes over the live stream, and the next stream shows the new certificate. Until an answer is
right the pair in use stays; a refusal is tried again later, while the old certificate holds.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from node.enrolling import identity_of
from node.errors import RulesError
from node.settings import Settings
from node.transport_pair import KEY, next_key, switch
from protocols.admission import Expected, check_answer, csr_for, digest_of, sign_request, validity_of
from protocols.clock import Clock
from protocols.codec.enrolment import decode_answer
from protocols.enrolment import EnrolmentRequest, is_renewal_due
from protocols.errors import EnrolmentError, WireError
from protocols.transport_papers import check_certificate

_log = logging.getLogger("skerry.node")
_AGAIN_AFTER = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A transport key and its certificate, PEM."""

    key_pem: bytes = field(repr=False)
    certificate_pem: bytes


class Renewing:
    """The renewal of one node's certificate. `jitter` draws a number from 0 to 1, once a certificate."""

    def __init__(self, settings: Settings, clock: Clock, jitter: Callable[[], float]) -> None:
        self._settings = settings
        self._clock = clock
        self._jitter = jitter
        self._drawn = jitter()
        self._key: ec.EllipticCurvePrivateKey | None = None
        self._asked_at: datetime | None = None

    def request(self) -> bytes | None:
        """Give a renewal to send now; None where it is not time, or where the disk refuses."""
        try:
            return self._request(self._clock())
        except RulesError as error:
            _log.warning("event=renewal_not_asked why=%s", error)
            return None

    def _request(self, now: datetime) -> bytes | None:
        # A clock that was set back must not silence the node until it has caught up.
        if self._asked_at is not None and timedelta(0) <= now - self._asked_at < _AGAIN_AFTER:
            return None
        certificate = self._certificate()
        if not is_renewal_due(validity_of(certificate), now, self._drawn):
            return None
        self._asked_at = now
        who, path = self._settings.centre_id, self._settings.tls_certificate
        self._key = next_key(self._settings.keys, path, who.uri)
        csr = csr_for(self._key)
        request = EnrolmentRequest(who=who, token=None, csr=csr, made_at=now)
        return sign_request(request, identity_of(self._settings.keys))

    def take(self, body: bytes) -> Pair | None:
        """Take an answer: switch to the new pair, and give it.

        None where it is refused or wrong; then the pair in use stays.
        """
        if self._key is None:
            return None
        key, self._key = self._key, None
        try:
            authority = digest_of(check_certificate(self._settings.tls_ca.read_bytes()))
            answer = decode_answer(body)
            expected = Expected(who=self._settings.centre_id, key=key.public_key(), authority=authority)
            certificate = check_answer(answer, expected, self._clock())
            switch(self._settings.keys, self._settings.tls_certificate, answer.certificate)
            key_pem = (self._settings.keys / KEY).read_bytes()
        except (EnrolmentError, WireError, RulesError, OSError) as error:
            _log.warning("event=renewal_not_taken why=%s", error)
            return None
        self._asked_at, self._drawn = None, self._jitter()
        _log.info("event=certificate_renewed until=%s", validity_of(certificate).ends.isoformat())
        return Pair(key_pem=key_pem, certificate_pem=answer.certificate)

    def _certificate(self) -> x509.Certificate:
        path = self._settings.tls_certificate
        try:
            return check_certificate(path.read_bytes())
        except (OSError, WireError) as error:
            raise RulesError(f"the certificate {path} cannot be used: {error}") from None
