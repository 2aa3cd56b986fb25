"""The quote: what a charge would decide now and would leave. It reads, and writes nothing.

It takes its decisions from the same functions as the charge, in the same order, so that the two agree
as long as nobody charges in between.
"""

import sqlite3
from datetime import datetime

from node.ledger import balances, paid
from node.ledger.balances import Balance, Limits
from node.ledger.events import Spend
from node.ledger.paid import ENDS, Contains, Paid
from privacy.loss import ZERO
from protocols.refusals import Refusal, RefusalCode
from protocols.releases import Quote


def quoted(  # noqa: PLR0913 -- what the charge is given, and two moments
    db: sqlite3.Connection,
    spend: Spend,
    limits: Limits,
    contains: Contains,
    *,
    snapshot_at: datetime,
    now: datetime,
) -> Quote | Refusal:
    """Quote a spend whose query id is new. Raises LedgerError when the index cannot be read."""
    earlier, rounds = paid.earlier(db, spend, contains)
    balance = balances.balance_of(db, spend)
    if earlier is not None:
        one = paid.read(db, earlier)
        return _refusal_of(one, spend) or _quote(balance, spend, limits, snapshot_at, one)
    if rounds >= limits.rounds:
        return Refusal(code=RefusalCode.ROUNDS_USED_UP)
    refusal = balances.refusal_of(db, balance, spend, limits, now)
    return refusal or _quote(balance.after(balances.cost_of(spend)), spend, limits, snapshot_at, None)


def _refusal_of(one: Paid, spend: Spend) -> Refusal | None:
    """Say how a charge ended without a release, or that it cannot pay for this answer any more."""
    if one.state in ENDS:
        return Refusal(code=ENDS[one.state])
    is_lost = one.state == "charged" and not one.pays_for(spend)
    return Refusal(code=RefusalCode.FAILED) if is_lost else None


def _quote(balance: Balance, spend: Spend, limits: Limits, snapshot_at: datetime, one: Paid | None) -> Quote:
    registry, study, institution = (cap.remaining_rounded_down() for cap in balance.filters(limits))
    return Quote(
        cost=ZERO if one else spend.loss,
        is_repeat=one is not None,
        registry_left=registry,
        study_left=study,
        analyst_left=institution,
        questions_left=balance.questions_left(limits) if spend.questions else None,
        snapshot_at=snapshot_at,
        finer=one.finer(spend) if one else None,
    )
