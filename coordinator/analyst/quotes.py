"""Checks what a centre says to a plan, offline: signature, names, and whether it fits the question.

A quote binds nobody: between the plan and the question others may spend, the officer may change the
policy and the custodian may pause the node. protocols/spec/plans.md 3.
"""

from coordinator.analyst.unsealing import check_seal
from coordinator.errors import UnverifiableError
from privacy.loss import ZERO
from protocols.answers import Received, open_planned
from protocols.dictionary import Dictionary
from protocols.errors import QueryError, SignatureError, WireError
from protocols.ids import CentreId
from protocols.layout import layout_of
from protocols.queries import Mode, Query, SignedTerms
from protocols.query_rules import canonical
from protocols.refusals import Refusal
from protocols.releases import Quote
from protocols.roll_up import roll_up
from protocols.roster import Roster


def verified_quote(
    came: Received, centre: CentreId, terms: SignedTerms, roster: Roster, dictionary: Dictionary
) -> Quote | Refusal:
    """Check what came as a centre's quote. Raises UnverifiableError with one public sentence."""
    try:
        planned = open_planned(came.signed, roster.centres[centre].keys.signing)
    except (SignatureError, WireError) as error:
        raise UnverifiableError(f"the quote does not bear the centre's signature ({error})") from None
    if planned.centre != centre:
        raise UnverifiableError("the quote is another centre's")
    check_seal(came, planned, terms)
    if isinstance(planned.outcome, Refusal):
        return planned.outcome
    _check_cost(planned.outcome, terms)
    _check_finer(planned.outcome, terms, dictionary)
    return planned.outcome


def _check_cost(quote: Quote, terms: SignedTerms) -> None:
    if quote.cost != (ZERO if quote.is_repeat else terms.query.release.loss):
        raise UnverifiableError("the quote's cost is not the loss that was asked for")
    counts = quote.questions_left
    is_limited = terms.query.release.mode is Mode.SUPPRESSED
    if counts is not None and (counts < 0 or not is_limited):
        raise UnverifiableError("the quote's number of questions does not fit its mode")


def _check_finer(quote: Quote, terms: SignedTerms, dictionary: Dictionary) -> None:
    if quote.finer is None:
        return
    if not quote.is_repeat or not _contains(quote.finer, terms.query, dictionary):
        raise UnverifiableError("the finer question of the quote does not contain the answer")


def _contains(finer: Query, asked: Query, dictionary: Dictionary) -> bool:
    try:
        if canonical(finer, dictionary) != finer:
            return False
        layout_of(finer, dictionary)
    except QueryError:
        return False
    return roll_up(finer, asked, dictionary) is not None
