"""The roster: who belongs. Signed by the consortium's root key. spec/roster.md.

One person or institution has one entry and one Ed25519 key. Its life cycle (versions, thresholds)
is the enrolment's business; here a roster is read and asked.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from protocols.errors import WireError
from protocols.ids import AnalystId, CentreId, OfficerId
from protocols.keys import key_from_text
from protocols.signed_text import Fields, SignedText

ROOT = "consortium"
"""The name under which the root signs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Analyst:
    """A person who may ask, with the institution that answers for them."""

    id: AnalystId
    institution: str
    key: Ed25519PublicKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Officer:
    """A privacy officer, bound to one centre."""

    id: OfficerId
    centre: CentreId
    key: Ed25519PublicKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """A verified roster."""

    consortium: str
    version: int
    expires: datetime
    centres: dict[CentreId, Ed25519PublicKey]
    analysts: dict[AnalystId, Analyst]
    officers: dict[OfficerId, Officer]


def open_roster(octets: bytes, root: Ed25519PublicKey) -> Roster:
    """Verify and read a roster file. Raises SignatureError or TextError."""
    fields = Fields(SignedText.parse(octets).opened(ROOT, root, "roster"), "roster")
    fields.take("format", str)
    try:
        centres = [(CentreId(one.take("id", str)), _key(one)) for one in fields.tables("centre")]
        analysts = [_analyst(one) for one in fields.tables("analyst")]
        officers = [_officer(one) for one in fields.tables("officer")]
    except WireError as error:
        raise fields.wrong(str(error)) from None
    roster = Roster(
        consortium=fields.take("consortium", str),
        version=fields.take("version", int),
        expires=when(fields, "expires"),
        centres=dict(centres),
        analysts={one.id: one for one in analysts},
        officers={one.id: one for one in officers},
    )
    fields.done()
    people = [key for _, key in centres]
    people += [one.key for one in analysts] + [one.key for one in officers]
    if len(roster.centres) + len(roster.analysts) + len(roster.officers) < len(people):
        raise fields.wrong("names somebody twice")
    if len({key.public_bytes_raw() for key in people}) < len(people):
        raise fields.wrong("gives one key to two entries")
    for officer in officers:
        if officer.centre not in roster.centres:
            raise fields.wrong(f"the officer {str(officer.id)!r} belongs to no centre of the roster")
    return roster


def when(fields: Fields, name: str) -> datetime:
    """Take a time with its zone, as UTC. Raises TextError."""
    value = fields.take(name, datetime)
    if value.tzinfo is None:
        raise fields.wrong(f"{name!r} must say its time zone, such as 2027-01-31T00:00:00Z")
    try:
        return value.astimezone(UTC)
    except OverflowError:  # the first or the last day of the calendar, in a zone that goes beyond it
        raise fields.wrong(f"{name!r} lies outside the calendar") from None


def _key(entry: Fields) -> Ed25519PublicKey:
    key = key_from_text(entry.take("key", str))
    entry.done()
    return key


def _analyst(entry: Fields) -> Analyst:
    return Analyst(
        id=AnalystId(entry.take("id", str)),
        institution=entry.take("institution", str),
        key=_key(entry),
    )


def _officer(entry: Fields) -> Officer:
    return Officer(
        id=OfficerId(entry.take("id", str)),
        centre=CentreId(entry.take("centre", str)),
        key=_key(entry),
    )
