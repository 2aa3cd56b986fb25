"""Who stands behind a study: who proposed it, which officers approved exactly these bytes. spec/study.md 4.

Two signatures with two meanings lie over one body. A proposal says "I want to ask this"; an approval says
"my centre obeys this". Each has its own kind, so neither can be taken for the other.
"""

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from protocols.canonical import sha256
from protocols.ids import AnalystId, Digest, OfficerId
from protocols.roster import Analyst, Officer, Roster
from protocols.signed_text import SignedText

APPROVAL = "study"
PROPOSAL = "study-proposal"
Proposer: TypeAlias = AnalystId | OfficerId


def study_digest(text: SignedText) -> Digest:
    """Hash a study's body, as it is signed: what a decision is about."""
    body = text.body if text.body.endswith(b"\n") else text.body + b"\n"
    return sha256("skerry/1 study body", body)


def proposers(text: SignedText, roster: Roster) -> tuple[Proposer, ...]:
    """Give who proposed exactly this study: analysts and officers of the roster."""
    analysts = text.signers(_keys(roster.analysts.values()), PROPOSAL)
    officers = text.signers(_keys(roster.officers.values()), PROPOSAL)
    return (*map(AnalystId, sorted(analysts)), *map(OfficerId, sorted(officers)))


def approvers(text: SignedText, roster: Roster) -> tuple[OfficerId, ...]:
    """Give the officers of the roster who approved exactly this study."""
    return tuple(map(OfficerId, sorted(text.signers(_keys(roster.officers.values()), APPROVAL))))


def without_worth(text: SignedText, roster: Roster) -> tuple[str, ...]:
    """Name those whose signature means nothing here: of nobody in the roster, or of another text."""
    found = []
    for who, signature in text.signatures:
        alone = SignedText(body=text.body, signatures=((who, signature),))
        if not proposers(alone, roster) and not approvers(alone, roster):
            found.append(who)
    return tuple(found)


def member_of(key: Ed25519PublicKey, roster: Roster) -> Analyst | Officer | None:
    """Find the analyst or officer with this signing key."""
    members: list[Analyst | Officer] = [*roster.analysts.values(), *roster.officers.values()]
    octets = key.public_bytes_raw()
    return next((one for one in members if one.keys.signing.public_bytes_raw() == octets), None)


def _keys(members: Iterable[Analyst | Officer]) -> Mapping[str, Ed25519PublicKey]:
    return {one.id.text: one.keys.signing for one in members}
