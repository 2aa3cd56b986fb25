"""Entering and staying, as values: tokens, invitations, requests, answers; and when to renew.

spec/enrolment.md. Who gets a certificate, and which answer is taken, is decided in `admission.py`.
"""

import base64
import binascii
import os
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Self, TypeAlias, assert_never

from protocols.canonical import sha256
from protocols.errors import WireError
from protocols.ids import AnalystId, CentreId, Digest

ENROL_PATH = "/skerry.v1.Enrolment/Enrol"
TOKEN_LIFE = timedelta(minutes=15)
MOST_WRONG_TOKENS = 10
"""Wrong tokens within `TOKEN_LIFE` that burn the open tokens of an id."""
CLOCKS_MAY_DIFFER_BY = timedelta(minutes=5)
LEAF_LIFE = timedelta(days=7)
TOKEN_BYTES = 16
MAX_CSR_BYTES = 4 * 2**10
MAX_REQUEST_BYTES = 8 * 2**10
_PREFIX = "skerry-"
_GROUP = 13

Member: TypeAlias = CentreId | AnalystId
"""Who may enrol."""


def sort_of(who: Member) -> str:
    """Give the word for somebody's sort: `centre` or `analyst`."""
    match who:
        case CentreId():
            return "centre"
        case AnalystId():
            return "analyst"
    assert_never(who)


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """What lets one member in once. It is never shown by accident, and never stored but as its hash."""

    octets: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.octets) != TOKEN_BYTES:
            msg = f"a token has {TOKEN_BYTES} bytes"
            raise WireError(msg)

    @classmethod
    def new(cls) -> Self:
        """Draw one from the operating system's randomness."""
        return cls(octets=os.urandom(TOKEN_BYTES))

    def digest_for(self, who: Member) -> Digest:
        """Give its hash for one member; for another, be it of a like name, it is another hash."""
        return sha256("skerry/1 token", sort_of(who).encode(), who.text.encode(), self.octets)


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """What a custodian is given: the token, and the hash of the authority that answers for the server."""

    token: Token
    authority: Digest

    @property
    def text(self) -> str:
        """Write it, to be copied: `skerry-` and both halves in base32, a point between, in groups."""
        return f"{_PREFIX}{_base32(self.token.octets)}.{_base32(self.authority.octets)}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what somebody pasted: spaces, lines and capitals do not matter. Raises WireError."""
        words = "".join(text.split()).lower()
        halves = words.removeprefix(_PREFIX).replace("-", "").split(".")
        if not words.startswith(_PREFIX) or len(halves) != 2:
            raise WireError(f"a token begins with {_PREFIX} and has a point between its two halves")
        return cls(
            token=Token(octets=_octets(halves[0], TOKEN_BYTES)),
            authority=Digest(_octets(halves[1], 32)),
        )


def _base32(octets: bytes) -> str:
    text = base64.b32encode(octets).decode().rstrip("=").lower()
    return "-".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP))


def _octets(text: str, size: int) -> bytes:
    try:
        octets = base64.b32decode(text.upper() + "=" * (-len(text) % 8))
    except (binascii.Error, ValueError):
        octets = b""
    # The last character may hold bits that no byte takes: one token has one text only if they are zero.
    if len(octets) != size or _base32(octets).replace("-", "") != text:
        raise WireError("a half of the token has a wrong character, or too few or too many of them")
    return octets


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentRequest:
    """Who asks for a certificate, of which key, and when. `token` is None in a renewal."""

    who: Member
    token: Token | None
    csr: bytes
    made_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedEnrolment:
    """A request's exact bytes, and whoever's signature it is."""

    request: bytes
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentAnswer:
    """A certificate, its authority's, both PEM; and the roster as it was signed, empty in a renewal."""

    certificate: bytes
    authority: bytes
    roster: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Validity:
    """From when and until when a certificate is good."""

    begins: datetime
    ends: datetime

    def holds(self, now: datetime) -> bool:
        """Whether it is good at a moment."""
        return self.begins <= now < self.ends


def renew_at(validity: Validity, jitter: float) -> datetime:
    """Say when to ask for the next certificate: two thirds into its life, up to a twelfth of it earlier.

    `jitter`, from 0 to 1, is drawn once a certificate, so that centres that enrolled together do not
    renew together.
    """
    life = validity.ends - validity.begins
    return validity.begins + life * 2 / 3 - life / 12 * min(max(jitter, 0.0), 1.0)


def is_renewal_due(validity: Validity, now: datetime, jitter: float) -> bool:
    """Whether to ask now; also when the clock stands before the certificate's first moment."""
    return now < validity.begins or now >= renew_at(validity, jitter)
