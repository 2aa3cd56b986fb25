"""Opens what was relayed in a centre's name, with the analyst's own key. protocols/spec/sealing.md 4.

It says who can have read an answer, and nothing of who wrote it: that is the signature inside, which
`verify` and `quotes` check. What came in the open is taken for a refusal by a centre that could not know
who asked, and for nothing else: else whoever relays could take the seal off.
"""

from coordinator.errors import UnverifiableError
from protocols.answers import Received, context_of, may_be_open, received
from protocols.envelope import Purpose
from protocols.errors import SealError, WireError
from protocols.ids import CentreId
from protocols.keys import SealingSecret
from protocols.queries import SignedTerms
from protocols.releases import Answer, Planned


def unsealed_answer(octets: bytes, centre: CentreId, terms: SignedTerms, secret: SealingSecret) -> Received:
    """Open what was relayed as an answer. Raises UnverifiableError with one public sentence."""
    return _received(octets, centre, terms, secret, Purpose.QUERY)


def unsealed_quote(octets: bytes, centre: CentreId, terms: SignedTerms, secret: SealingSecret) -> Received:
    """Open what was relayed as a quote. Raises UnverifiableError with one public sentence."""
    return _received(octets, centre, terms, secret, Purpose.PLAN)


def _received(
    octets: bytes, centre: CentreId, terms: SignedTerms, secret: SealingSecret, purpose: Purpose
) -> Received:
    context = context_of(purpose, centre, terms.analyst, terms.query_id)
    try:
        return received(octets, secret, context)
    except SealError:
        raise UnverifiableError(
            "the answer cannot be opened: it was sealed to another key than your profile's, or for another"
            " question or centre, or was changed on the way; if you changed keys, ask again"
        ) from None
    except WireError as error:
        raise UnverifiableError(f"what came is no sealed answer ({error})") from None


def check_seal(came: Received, said: Answer | Planned, terms: SignedTerms) -> None:
    """Refuse what should have been sealed, and what names another query. Raises UnverifiableError."""
    if not came.was_sealed and not may_be_open(said):
        raise UnverifiableError("the answer came unsealed, where others could read and choose it")
    if came.was_sealed and said.query_id != terms.query_id:
        raise UnverifiableError("the answer belongs to another query")
