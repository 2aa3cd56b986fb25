"""Checks a centre's answer against the question, offline: signature, contents, receipt. spec/releases.md 5.

The coordinator may lie, swap, replay or drop: an answer counts only when the centre's own key signed it,
for this query id, with a release of this very question, and the receipt's leaf stands in the tree.
"""

import json
from dataclasses import dataclass

from coordinator.errors import EstimateError, UnverifiableError
from coordinator.estimators.totals import add_up
from privacy.accountant import loss_rounded_up
from privacy.loss import ZERO
from protocols.codec.answers import decode_release, decode_signed_answer
from protocols.codec.queries import question_digest
from protocols.dictionary import Dictionary
from protocols.envelope import content_of, open_answer
from protocols.errors import ProofError, SignatureError, WireError
from protocols.ids import UNREAD, CentreId
from protocols.layout import layout_of
from protocols.queries import SignedTerms
from protocols.refusals import Refusal
from protocols.releases import Receipt, Release, repeat_key
from protocols.roster import Roster
from protocols.transparency import check_inclusion, leaf_hash


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """A centre's release and receipt, checked."""

    release: Release
    receipt: Receipt


def verified(
    octets: bytes, centre: CentreId, terms: SignedTerms, roster: Roster, dictionary: Dictionary
) -> Verified | Refusal:
    """Check an answer's bytes. Raises UnverifiableError with one public sentence."""
    try:
        answer = open_answer(decode_signed_answer(octets), roster.centres[centre])
    except (SignatureError, WireError) as error:
        raise UnverifiableError(f"the answer does not bear the centre's signature ({error})") from None
    if answer.centre != centre:
        raise UnverifiableError("the answer is another centre's")
    if isinstance(answer.outcome, Refusal):
        # A node that cannot read a query cannot name it: its refusal bears the blank id.
        if answer.query_id not in (terms.query_id, UNREAD):
            raise UnverifiableError("the refusal belongs to another query")
        return answer.outcome
    if answer.query_id != terms.query_id:
        raise UnverifiableError("the answer belongs to another query")
    try:
        release = decode_release(answer.outcome.release)
    except WireError as error:
        raise UnverifiableError(f"the release cannot be read ({error})") from None
    if release.centre != centre:
        raise UnverifiableError("the release is another centre's")
    if release.question != question_digest(terms.query) or release.dictionary != terms.dictionary:
        raise UnverifiableError("the release answers another question")
    _check_shape(release, terms, dictionary)
    _check_loss(release, terms)
    _check_receipt(answer.outcome.receipt, release, terms)
    return Verified(release=release, receipt=answer.outcome.receipt)


def _check_shape(release: Release, terms: SignedTerms, dictionary: Dictionary) -> None:
    """One centre of another version, or that sends nonsense, must not spoil the others' answers."""
    try:
        add_up(layout_of(terms.query, dictionary), [release])
    except EstimateError as error:
        raise UnverifiableError(str(error)) from None


def _check_loss(release: Release, terms: SignedTerms) -> None:
    counted = loss_rounded_up(block.event for block in release.blocks)
    if release.loss != terms.query.release.loss or counted > release.loss:
        raise UnverifiableError("the release's noise does not match the loss that was asked for")


def _check_receipt(receipt: Receipt, release: Release, terms: SignedTerms) -> None:
    try:
        check_inclusion(
            leaf_hash(receipt.event),
            receipt.index,
            receipt.tree_size,
            [part.octets for part in receipt.proof],
            receipt.tree_root.octets,
        )
        event = json.loads(receipt.event)
        paid_for = {name: event[name] for name in ("kind", "nano_rho", "snapshot", "key", "noise")}
        query, content = event["query"], event["content"]
    except (ProofError, ValueError, KeyError, TypeError, RecursionError):
        raise UnverifiableError("the receipt's proof is wrong") from None
    if paid_for != _payment(release):
        raise UnverifiableError("the receipt's event did not pay for this release")
    is_own = query == str(terms.query_id)
    if receipt.is_repeat == is_own or receipt.charged != (release.loss if is_own else ZERO):
        raise UnverifiableError("the receipt does not say truly who paid")
    if is_own and content != str(content_of(terms)):
        raise UnverifiableError("the receipt's event is of another content of the query id")


def _payment(release: Release) -> dict[str, object]:
    """Give what the ledger must have noted when it charged for a release. spec/ledger.md 3."""
    key = repeat_key(release.question, release.dictionary, release.snapshot, release.template_version)
    events = [block.event for block in release.blocks]
    return {
        "kind": "charged",
        "nano_rho": str(release.loss.nano_rho),
        "snapshot": str(release.snapshot),
        "key": str(key),
        "noise": [{"l2_squared": str(one.l2_squared), "sigma": one.sigma.hex()} for one in events],
    }
