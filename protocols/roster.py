"""The roster: who belongs. Signed by the consortium's root. spec/roster.md.

One person or legal institution has one entry, and its own keys. Here a roster is read, written and
asked; which one to believe is decided in `trust.py`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import TypeAlias, TypeVar, assert_never

from protocols.errors import WireError
from protocols.ids import AnalystId, CentreId, OfficerId
from protocols.keys import PublicKeys, keys_from_text, keys_to_text
from protocols.root import Root
from protocols.signed_text import Fields, SignedText, quoted, read_toml

MAX_INSTITUTION = 200


class Sort(Enum):
    """What an entry is."""

    CENTRE = "centre"
    OFFICER = "officer"
    ANALYST = "analyst"


@dataclass(frozen=True, slots=True, kw_only=True)
class Centre:
    """A hospital, with the legal institution that it is."""

    id: CentreId
    institution: str
    keys: PublicKeys


@dataclass(frozen=True, slots=True, kw_only=True)
class Analyst:
    """A person who may ask, with the institution that answers for them."""

    id: AnalystId
    institution: str
    keys: PublicKeys


@dataclass(frozen=True, slots=True, kw_only=True)
class Officer:
    """A privacy officer, bound to one centre."""

    id: OfficerId
    centre: CentreId
    keys: PublicKeys


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """Who belongs. That it was verified is said by whoever opened it: `open_roster`, not `read_draft`."""

    consortium: str
    version: int
    expires: datetime
    centres: dict[CentreId, Centre]
    analysts: dict[AnalystId, Analyst]
    officers: dict[OfficerId, Officer]

    def officers_of(self, centre: CentreId) -> tuple[Officer, ...]:
        """Give the officers of one centre, in the order of their names."""
        return tuple(sorted((one for one in self.officers.values() if one.centre == centre), key=_name))


Entry: TypeAlias = Centre | Officer | Analyst
_E = TypeVar("_E", Centre, Analyst, Officer)


def _name(entry: Entry) -> str:
    return entry.id.text


def sort_of(entry: Entry) -> Sort:
    """Say what an entry is."""
    match entry:
        case Centre():
            return Sort.CENTRE
        case Officer():
            return Sort.OFFICER
        case Analyst():
            return Sort.ANALYST
        case _:
            assert_never(entry)


def open_roster(octets: bytes, root: Root) -> Roster:
    """Verify and read a roster file. Raises SignatureError or TextError."""
    tree = SignedText.parse(octets).opened_by(root.keys, root.threshold, "roster")
    return _roster(Fields(tree, "roster"), root)


def read_draft(octets: bytes, root: Root) -> Roster:
    """Read the body of a roster that is still being made. Raises TextError.

    For those who make one, and want to see what they sign; whoever obeys a roster opens it.
    """
    return _roster(Fields(read_toml(octets, "roster"), "roster"), root)


def _roster(fields: Fields, root: Root) -> Roster:
    fields.take("format", str)
    try:
        centres = [_centre(one) for one in fields.tables("centre")]
        analysts = [_analyst(one) for one in fields.tables("analyst")]
        officers = [_officer(one) for one in fields.tables("officer")]
    except WireError as error:
        raise fields.wrong(str(error)) from None
    roster = Roster(
        consortium=fields.take("consortium", str),
        version=fields.take("version", int),
        expires=when(fields, "expires"),
        centres={one.id: one for one in centres},
        analysts={one.id: one for one in analysts},
        officers={one.id: one for one in officers},
    )
    fields.done()
    if roster.consortium != root.consortium:
        raise fields.wrong(f"is that of {roster.consortium!r}, and the root is that of {root.consortium!r}")
    if roster.version < 1:
        raise fields.wrong("'version' is 1 or more")
    _check_one_entry(fields, centres, analysts, officers)
    for officer in officers:
        if officer.centre not in roster.centres:
            raise fields.wrong(f"the officer {str(officer.id)!r} belongs to no centre of the roster")
    return roster


def _check_one_entry(
    fields: Fields, centres: list[Centre], analysts: list[Analyst], officers: list[Officer]
) -> None:
    """Refuse who is there twice: by name, by institution, or by any one key."""
    for ids in ([one.id for one in centres], [one.id for one in analysts], [one.id for one in officers]):
        if len(set(ids)) < len(ids):
            raise fields.wrong("names somebody twice")
    if len({one.institution.casefold() for one in centres}) < len(centres):
        raise fields.wrong("gives two centres to one institution: one legal institution has one entry")
    keys = [
        *(one.keys for one in centres),
        *(one.keys for one in analysts),
        *(one.keys for one in officers),
    ]
    for octets in (
        [one.signing.public_bytes_raw() for one in keys],
        [one.sealing.x25519.public_bytes_raw() for one in keys],
        [one.sealing.mlkem768.public_bytes_raw() for one in keys],
    ):
        if len(set(octets)) < len(octets):
            raise fields.wrong("gives one key to two entries")


def roster_text(roster: Roster) -> str:
    """Write a roster's body, to be signed: entries in the order of their names."""
    expires = f"{roster.expires.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='seconds')}Z"
    head = f'format = "skerry.roster/1"\nconsortium = {quoted(roster.consortium)}\n'
    head += f"version = {roster.version}\nexpires = {expires}\n"
    entries: tuple[Entry, ...] = (
        *_ordered(roster.centres.values()),
        *_ordered(roster.officers.values()),
        *_ordered(roster.analysts.values()),
    )
    return "\n".join([head, *(f"[[{sort_of(one).value}]]\n{entry_lines(one)}" for one in entries)])


def _ordered(entries: Iterable[_E]) -> list[_E]:
    return sorted(entries, key=_name)


def entry_lines(entry: Entry) -> str:
    """Write an entry, a key a line."""
    match entry:
        case Officer():
            more = {"centre": entry.centre.text}
        case _:
            more = {"institution": entry.institution}
    pairs = {"id": entry.id.text, **more, **keys_to_text(entry.keys)}
    return "".join(f"{key} = {quoted(value)}\n" for key, value in pairs.items())


def read_entry(sort: Sort, fields: Fields) -> Entry:
    """Read an entry, and refuse what else stands there. Raises TextError or WireError."""
    match sort:
        case Sort.CENTRE:
            return _centre(fields)
        case Sort.OFFICER:
            return _officer(fields)
        case Sort.ANALYST:
            return _analyst(fields)
        case _:
            assert_never(sort)


def when(fields: Fields, name: str) -> datetime:
    """Take a time with its zone, as UTC. Raises TextError."""
    value = fields.take(name, datetime)
    if value.tzinfo is None:
        raise fields.wrong(f"{name!r} must say its time zone, such as 2027-01-31T00:00:00Z")
    try:
        return value.astimezone(UTC)
    except OverflowError:  # the first or the last day of the calendar, in a zone that goes beyond it
        raise fields.wrong(f"{name!r} lies outside the calendar") from None


def _keys(entry: Fields) -> PublicKeys:
    keys = keys_from_text(entry.take("key", str), entry.take("x25519", str), entry.take("mlkem768", str))
    entry.done()
    return keys


def _centre(entry: Fields) -> Centre:
    return Centre(id=CentreId(entry.take("id", str)), institution=_institution(entry), keys=_keys(entry))


def _analyst(entry: Fields) -> Analyst:
    return Analyst(id=AnalystId(entry.take("id", str)), institution=_institution(entry), keys=_keys(entry))


def _institution(entry: Fields) -> str:
    text = entry.take("institution", str)
    if not is_institution(text):
        raise entry.wrong(f"'institution' is a name of 1 to {MAX_INSTITUTION} characters")
    return text


def is_institution(text: str) -> bool:
    """Whether a text can be the name of an institution."""
    return bool(text) and text == text.strip() and text.isprintable() and len(text) <= MAX_INSTITUTION


def _officer(entry: Fields) -> Officer:
    return Officer(
        id=OfficerId(entry.take("id", str)), centre=CentreId(entry.take("centre", str)), keys=_keys(entry)
    )
