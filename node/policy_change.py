"""When a policy may take the place of another: loosening needs two officers. spec/policy.md 6. Pure.

Each key is held against the same key of the policy in force, by itself: a cap that is raised counts also
where another key hides it now. Otherwise it could be raised today, by one, and be laid open tomorrow by
two who look at something else.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Any, Final, TypeAlias

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from node.policy import Policy, SuppressedPolicy, read_policy
from node.policy_words import are_hours_wider, is_period_looser, rule_words, shown_loss
from privacy.loss import Loss
from protocols.errors import ProtocolError
from protocols.signed_text import SignedText

OFFICERS_TO_LOOSEN = 2

_Compared: TypeAlias = Callable[[Any, Any], Iterator[str]]
"""Takes the old policy and the new one, or the parts about mode `suppressed`, and says what is looser."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A policy that is to take the place of another: what it loosens, and which officers signed it."""

    looser: tuple[str, ...]
    signers: frozenset[str]

    @property
    def officers_needed(self) -> int:
        """How many officers of the centre must have signed it."""
        return OFFICERS_TO_LOOSEN if self.looser else 1

    @property
    def is_allowed(self) -> bool:
        """Whether enough of them have."""
        return len(self.signers) >= self.officers_needed


def change_of(in_force: bytes | None, offered: bytes, officers: Mapping[str, Ed25519PublicKey]) -> Change:
    """Hold a policy file against the one in force; None where none ever was.

    Raises SignatureError or TextError when the offered one cannot be read.
    """
    new = read_policy(offered)
    signers = SignedText.parse(offered).signers(officers, "policy")
    if in_force is None:
        return Change(looser=(), signers=signers)
    try:
        old = read_policy(in_force)
    except ProtocolError:
        # Written for another version of the node: nobody can say that the new one is not looser.
        what = "the policy in force cannot be read by this version of the node"
        return Change(looser=(what,), signers=signers)
    return Change(looser=looser(old, new), signers=signers)


def looser(old: Policy, new: Policy) -> tuple[str, ...]:
    """Say in words every respect in which a new policy allows more than an old one."""
    found = [what for one in fields(Policy) for what in RULES[one.name](old, new)]
    return tuple(found)


def _more(name: str, verb: str) -> _Compared:
    """Compare lists of what is allowed."""

    def compared(old: Policy, new: Policy) -> Iterator[str]:
        for one in sorted(one.value for one in getattr(new, name) - getattr(old, name)):
            yield f"{name}: {verb} {one}"

    return compared


def _forbidden(old: Policy, new: Policy) -> Iterator[str]:
    for one in sorted(old.forbidden_fields - new.forbidden_fields):
        yield f"forbidden_fields: no longer forbids {one}"


def _cap(key: str, name: str) -> _Compared:
    def compared(old: Policy, new: Policy) -> Iterator[str]:
        before: Loss | None = getattr(old, name)
        after: Loss | None = getattr(new, name)
        if before is not None and (after is None or after > before):
            yield f"{key}: {shown_loss(after)} instead of {shown_loss(before)}"

    return compared


def _number(key: str) -> _Compared:
    def compared(old: Policy | SuppressedPolicy, new: Policy | SuppressedPolicy) -> Iterator[str]:
        before, after = getattr(old, key), getattr(new, key)
        if after > before:
            yield f"{key}: {after} instead of {before}"

    return compared


def _validity(old: Policy, new: Policy) -> Iterator[str]:
    before, after = (one.longest_validity / timedelta(hours=1) for one in (old, new))
    if after > before:
        yield f"longest_validity_hours: {after:g} instead of {before:g}"


def _period(old: Policy, new: Policy) -> Iterator[str]:
    if is_period_looser(new, old):
        before, after = (
            "no limit" if one.period_cap is None else f"rho {one.period_cap} in {one.period_days} days"
            for one in (old, new)
        )
        yield f"period_rho: {after} instead of {before}"


def _nothing(_old: Policy, _new: Policy) -> Iterator[str]:
    yield from ()


def _hours(old: Policy, new: Policy) -> Iterator[str]:
    if are_hours_wider(new.hours, old.hours):
        yield f"hours: {new.hours or 'always'} instead of {old.hours or 'always'}"


def _tick(old: Policy, new: Policy) -> Iterator[str]:
    if new.release_tick_ms < old.release_tick_ms:
        yield f"release_tick_ms: {new.release_tick_ms} instead of {old.release_tick_ms}"


def _suppressed(old: Policy, new: Policy) -> Iterator[str]:
    if new.suppressed is None:
        return
    if old.suppressed is None:
        tables = "any table" if new.suppressed.unlisted_tables else "tables that a study lists"
        asked = f"{new.suppressed.questions} questions, {new.suppressed.study_questions} in one study"
        yield f"suppressed: shows {tables} by the rule {rule_words(new.suppressed.rule)}; {asked}"
        return
    for one in fields(SuppressedPolicy):
        yield from SUPPRESSED_RULES[one.name](old.suppressed, new.suppressed)


def _rule(old: SuppressedPolicy, new: SuppressedPolicy) -> Iterator[str]:
    if new.rule.is_looser_than(old.rule):
        yield f"rule: {rule_words(new.rule)} instead of {rule_words(old.rule)}"


def _unlisted(old: SuppressedPolicy, new: SuppressedPolicy) -> Iterator[str]:
    if new.unlisted_tables and not old.unlisted_tables:
        yield "unlisted_tables: a study may ask for tables that it does not list"


RULES: Final[Mapping[str, _Compared]] = {
    "modes": _more("modes", "also allows"),
    "scopes": _more("scopes", "also allows"),
    "forbidden_fields": _forbidden,
    "charged_rounds_per_question": _number("charged_rounds_per_question"),
    "longest_validity": _validity,
    "query_cap": _cap("query_rho", "query_cap"),
    "registry_cap": _cap("registry_rho", "registry_cap"),
    "study_cap": _cap("study_rho", "study_cap"),
    "analyst_cap": _cap("analyst_rho", "analyst_cap"),
    "period_cap": _period,
    "period_days": _nothing,  # with its cap
    "hours": _hours,
    "release_tick_ms": _tick,
    "suppressed": _suppressed,
}
"""For each field of a policy, what says that it is looser; a field without one stops the node."""

SUPPRESSED_RULES: Final[Mapping[str, _Compared]] = {
    "rule": _rule,
    "questions": _number("questions"),
    "study_questions": _number("study_questions"),
    "unlisted_tables": _unlisted,
}
