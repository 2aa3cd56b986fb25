"""Checks a centre's answer against the question, offline: signature, contents, receipt. spec/releases.md 5.

The coordinator may lie, swap, replay or drop: an answer counts only when the centre's own key signed it,
for this query id, with a release of this very question, and the receipt's leaf stands in the tree.
It has been unsealed before (`unsealing`).
"""

import json
from dataclasses import dataclass

from coordinator.analyst.unsealing import check_seal
from coordinator.errors import EstimateError, UnverifiableError
from coordinator.estimators.rolled import rolled
from coordinator.estimators.table import estimate_table
from coordinator.estimators.totals import add_up
from privacy.accountant import loss_rounded_up
from privacy.loss import ZERO
from protocols.answers import Received, open_answer
from protocols.codec.answers import decode_release
from protocols.codec.queries import question_digest
from protocols.dictionary import Dictionary
from protocols.envelope import content_of
from protocols.errors import ProofError, QueryError, SignatureError, WireError
from protocols.ids import CentreId
from protocols.layout import layout_of
from protocols.queries import Mode, Query, SignedTerms
from protocols.query_rules import canonical
from protocols.refusals import Refusal
from protocols.releases import Receipt, Release, repeat_key
from protocols.roll_up import roll_up
from protocols.roster import Roster
from protocols.transparency import check_inclusion, leaf_hash


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """A centre's release and receipt, checked.

    `release` answers the question; `paid` is what the centre sent, the same unless it was the release of
    the `finer` question, whose cells were added up.
    """

    release: Release
    receipt: Receipt
    paid: Release
    finer: Query | None = None


def verified(
    came: Received, centre: CentreId, terms: SignedTerms, roster: Roster, dictionary: Dictionary
) -> Verified | Refusal:
    """Check what came as a centre's answer. Raises UnverifiableError with one public sentence."""
    try:
        answer = open_answer(came.signed, roster.centres[centre].keys.signing)
    except (SignatureError, WireError) as error:
        raise UnverifiableError(f"the answer does not bear the centre's signature ({error})") from None
    if answer.centre != centre:
        raise UnverifiableError("the answer is another centre's")
    check_seal(came, answer, terms)
    if isinstance(answer.outcome, Refusal):
        return answer.outcome
    try:
        release = decode_release(answer.outcome.release)
    except WireError as error:
        raise UnverifiableError(f"the release cannot be read ({error})") from None
    if release.centre != centre:
        raise UnverifiableError("the release is another centre's")
    finer = answer.outcome.finer
    paid = terms.query if finer is None else finer
    if release.question != question_digest(paid) or release.dictionary != terms.dictionary:
        raise UnverifiableError("the release answers another question")
    answered = release if finer is None else _rolled(release, finer, terms, dictionary)
    _check_shape(answered, terms, dictionary)
    _check_loss(release, paid)
    _check_receipt(answer.outcome.receipt, release, terms)
    if finer is not None and not answer.outcome.receipt.is_repeat:
        # Its charge would be that of a question which nobody asked.
        raise UnverifiableError("the receipt charges a finer question to this one")
    return Verified(release=answered, receipt=answer.outcome.receipt, paid=release, finer=finer)


def _rolled(release: Release, finer: Query, terms: SignedTerms, dictionary: Dictionary) -> Release:
    """Add the cells of a finer release up. What the centre says of it is believed only as far as it fits."""
    try:
        if canonical(finer, dictionary) != finer:
            raise UnverifiableError("the finer question is not in canonical form")
        layout = layout_of(finer, dictionary)
        add_up(layout, [release])
    except (QueryError, EstimateError) as error:
        raise UnverifiableError(f"the finer question or its release is wrong ({error})") from None
    roll = roll_up(finer, terms.query, dictionary)
    if roll is None:
        raise UnverifiableError("the finer question does not contain the answer")
    return rolled(release, roll, layout, question_digest(terms.query))


def _check_shape(release: Release, terms: SignedTerms, dictionary: Dictionary) -> None:
    """One centre of another version, or that sends nonsense, must not spoil the others' answers."""
    try:
        estimate_table(terms.query, dictionary, [release])
    except EstimateError as error:
        raise UnverifiableError(str(error)) from None


def _check_loss(release: Release, paid: Query) -> None:
    counted = loss_rounded_up(block.event for block in release.blocks)
    if release.loss != paid.release.loss or counted > release.loss:
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
        paid_for = {name: event[name] for name in ("kind", "mode", "nano_rho", "snapshot", "key", "noise")}
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
        "mode": (Mode.DP if release.table is None else Mode.SUPPRESSED).value,
        "nano_rho": str(release.loss.nano_rho),
        "snapshot": str(release.snapshot),
        "key": str(key),
        "noise": [{"l2_squared": str(one.l2_squared), "sigma": one.sigma.hex()} for one in events],
    }
