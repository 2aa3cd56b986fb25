"""Publishing a result, and reading what others published. protocols/spec/publications.md.

The reader believes the analyst nothing: the table is computed anew from what the centres signed.
"""

from datetime import datetime

from coordinator.analyst.asked import Asked
from coordinator.analyst.profile import Profile
from coordinator.analyst.result import Result, result_of
from coordinator.analyst.verify import Verified, verified
from coordinator.errors import PublicationError, SettingsError, UnverifiableError
from protocols.answers import Received
from protocols.dictionary import Dictionary
from protocols.envelope import seal
from protocols.errors import ProtocolError
from protocols.ids import CentreId
from protocols.publication import KIND, MAX_TITLE, Publication, open_publication, publication_text
from protocols.refusals import Refusal
from protocols.releases import SignedAnswer
from protocols.roster import Roster
from protocols.signed_text import MAX_BYTES, SignedText


def check_title(title: str) -> None:
    """Refuse what is no title. Raises PublicationError."""
    if not title.strip() or not title.isprintable() or len(title) > MAX_TITLE:
        raise PublicationError(f"a title is a line of 1 to {MAX_TITLE} characters")


def published(
    profile: Profile, asked: Asked, answers: dict[CentreId, SignedAnswer], title: str, now: datetime
) -> bytes:
    """Sign a question with its answers. Raises PublicationError."""
    if not answers:
        raise PublicationError("no centre has answered: there is nothing to publish")
    check_title(title)
    publication = Publication(
        title=title,
        published_at=now,
        # Ed25519 signs the same bytes in the same way: this is the envelope that was sent.
        envelope=seal(asked.terms, profile.signing_key),
        terms=asked.terms,
        answers=answers,
    )
    text = SignedText(body=publication_text(publication).encode(), signatures=())
    octets = text.signed_by(profile.analyst.text, profile.signing_key, KIND).to_bytes()
    if len(octets) > MAX_BYTES:
        raise PublicationError(f"it is larger than {MAX_BYTES >> 20} MiB: publish a coarser table")
    return octets


def read_publication(octets: bytes, roster: Roster, dictionary: Dictionary) -> tuple[str, Result]:
    """Verify a publication; give its title, and its result. Raises PublicationError or SettingsError."""
    try:
        publication = open_publication(octets, roster.analysts)
    except ProtocolError as error:
        raise PublicationError(f"it cannot be believed: {error}") from None
    terms = publication.terms
    if terms.dictionary != dictionary.digest:
        raise SettingsError(f"this was asked with another dictionary than your profile's: {terms.dictionary}")
    outcomes: dict[CentreId, Verified | Refusal | UnverifiableError] = {}
    for centre, signed in publication.answers.items():
        if centre not in roster.centres:
            raise PublicationError(f"the roster does not know the centre {str(centre)!r}, which answered")
        try:
            came = Received(signed=signed, was_sealed=True)
            outcomes[centre] = verified(came, centre, terms, roster, dictionary)
        except UnverifiableError as error:
            raise PublicationError(f"the answer of {str(centre)!r} cannot be believed: {error}") from None
        if isinstance(outcomes[centre], Refusal):
            raise PublicationError(f"it has a refusal of {str(centre)!r}, which is no answer")
    return publication.title, result_of(terms, dictionary, outcomes)
