"""Which roster to believe: signatures, version, expiry, in that order. spec/roster.md 3. Pure.

Whoever relays a roster may be breached. It can withhold a newer one until the old one expires, and
nothing else: an older one is never believed again, whoever brings it.
"""

from dataclasses import dataclass
from datetime import datetime

from protocols.canonical import sha256
from protocols.errors import RosterError
from protocols.ids import Digest
from protocols.root import Root
from protocols.roster import Roster, open_roster


@dataclass(frozen=True, slots=True, kw_only=True)
class Trusted:
    """A roster that was believed, with the name of its exact bytes. Made by `believe` alone."""

    roster: Roster
    octets: bytes

    @property
    def digest(self) -> Digest:
        """The name of its bytes."""
        return sha256("skerry/1 roster", self.octets)


def believe(octets: bytes, root: Root, held: Trusted | None, now: datetime) -> Trusted:
    """Decide on a roster that somebody brings; give it, or the held one when they are the same.

    Raises SignatureError, TextError, or RosterError when it is older than the one that is held, another
    one of the same version, or expired.
    """
    roster = open_roster(octets, root)
    if held is not None:
        if roster.version < held.roster.version:
            what = f"is version {roster.version}, and version {held.roster.version} is believed already"
            raise RosterError(f"the roster {what}")
        if roster.version == held.roster.version:
            # Signatures may be added to one body: the same people belong, and nothing changes.
            if roster != held.roster:
                raise RosterError(f"there are two different rosters of version {roster.version}")
            return held
    if now >= roster.expires:
        raise RosterError(f"the roster has expired on {roster.expires:%Y-%m-%d}")
    return Trusted(roster=roster, octets=octets)


def remembered(octets: bytes, root: Root) -> Trusted:
    """Take up again what was believed before, expired or not: the gate refuses what an expired one admits.

    Raises SignatureError or TextError.
    """
    return Trusted(roster=open_roster(octets, root), octets=octets)


def greater(stored: Trusted, named: Trusted) -> Trusted:
    """Choose at a start between the roster that was stored and the one that the settings name.

    The greater version counts, expired or not. Raises RosterError for two different ones of one version.
    """
    if named.roster.version > stored.roster.version:
        return named
    if named.roster.version == stored.roster.version and named.roster != stored.roster:
        raise RosterError(f"there are two different rosters of version {named.roster.version}")
    return stored
