"""Bringing a policy into force: its officers' signatures, and the ledger's memory. spec/policy.md 6.

The ledger keeps the exact bytes of the policy in force beside an event of its tree. So whoever takes the
memory away, or changes it, has changed the ledger, and no node starts with that one.
"""

import logging

from node.errors import LedgerBusyError, RulesError
from node.ledger.ledger import Ledger
from node.policy_change import Change, change_of
from node.rules import Rules
from protocols.errors import ProtocolError

_log = logging.getLogger("skerry.node")
_ADVICE = "have a second privacy officer of this centre sign the policy file too, or tighten it again"


def bring_into_force(rules: Rules, ledger: Ledger) -> None:
    """Let verified rules' policy take the place of the one in force, durably.

    Raises RulesError when it is looser and two officers have not signed it, or when the ledger is busy;
    LedgerError when the ledger cannot be trusted.
    """
    try:
        in_force = ledger.policy()
        if in_force is not None and in_force.octets == rules.policy_text:
            return
        change = change_under(rules, None if in_force is None else in_force.octets)
        if not change.is_allowed:
            raise _refused(change)
        ledger.put_in_force(rules.policy_text, change.signers)
    except LedgerBusyError:
        raise RulesError("the policy cannot come into force: the ledger is busy") from None
    _log.info("event=policy_in_force officers=%s", ",".join(sorted(change.signers)))


def change_under(rules: Rules, in_force: bytes | None) -> Change:
    """Hold the policy of verified rules against the one in force. Raises RulesError."""
    officers = {one.id.text: one.keys.signing for one in rules.roster.officers_of(rules.centre)}
    try:
        return change_of(in_force, rules.policy_text, officers)
    except ProtocolError as error:
        raise RulesError(f"the policy cannot be read: {error}") from None


def _refused(change: Change) -> RulesError:
    if not change.signers:
        return RulesError("no officer of this centre has signed the policy", next_step=_ADVICE)
    what, who = "; ".join(change.looser), ", ".join(sorted(change.signers))
    needed = f"{change.officers_needed} officers must sign it, and {who} has"
    return RulesError(f"the policy is looser than the one in force ({what}): {needed}", next_step=_ADVICE)
