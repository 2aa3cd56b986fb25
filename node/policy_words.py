"""A policy in plain language, and beside another: what is stricter, what is looser. Pure.

For the officer who signs it. What a policy allows can only be less in a study, never more.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import Enum

from node.hours import MINUTES, Hours
from node.policy import Policy, SuppressedPolicy
from privacy.accountant import DEFAULT_DELTA, epsilon_of, shown_epsilon
from privacy.disclosure import Rule
from privacy.loss import Loss
from protocols.queries import Mode

_CAPS = (
    ("query_rho", "one query", "query_cap"),
    ("registry_rho", "all studies together, over the life of the registry,", "registry_cap"),
    ("study_rho", "one study", "study_cap"),
    ("analyst_rho", "all analysts of one institution together, within a study,", "analyst_cap"),
)


class Direction(Enum):
    """How one policy stands to another in one thing."""

    STRICTER = "stricter"
    LOOSER = "looser"
    DIFFERENT = "different"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing in which two policies differ."""

    key: str
    here: str
    there: str
    direction: Direction


def shown_loss(loss: Loss | None) -> str:
    """Write a cap as rho and as epsilon."""
    if loss is None:
        return "no limit"
    return f"rho {loss} (epsilon {shown_epsilon(epsilon_of(loss))} at delta {DEFAULT_DELTA:g})"


def policy_words(policy: Policy) -> list[str]:
    """Say what a policy allows, one sentence a rule."""
    sentences = []
    if Mode.DP in policy.modes:
        sentences.append(
            "Mode dp: answers leave with noise under differential privacy; what they may lose is below."
        )
    if policy.suppressed is not None:
        sentences += _suppressed_words(policy.suppressed)
    if not policy.modes:
        sentences.append("No mode is allowed: no query is answered.")
    scopes = ", ".join(sorted(one.value for one in policy.scopes)) or "none, so that no query is answered"
    sentences.append(
        f"Scopes: {scopes}. In scope centre this centre's own answer leaves, with its full noise."
    )
    for _, who, name in _CAPS:
        cap = getattr(policy, name)
        most = (
            "may lose any amount: there is no limit" if cap is None else f"may lose {shown_loss(cap)} at most"
        )
        sentences.append(f"{who[0].upper()}{who[1:]} {most}.")
    sentences.append(f"All studies together {_period_words(policy)}.")
    rounds, hours = policy.charged_rounds_per_question, policy.longest_validity // timedelta(hours=1)
    sentences.append(f"A question is charged {_times(rounds)} at most, when its answer fails.")
    sentences.append(f"A signed query is valid for {hours} hours at most.")
    sentences.append(
        "Queries are answered at any hour."
        if policy.hours is None
        else f"Queries are answered from {policy.hours} only."
    )
    sentences.append(_tick_words(policy.release_tick_ms))
    names = ", ".join(sorted(policy.forbidden_fields))
    sentences.append(f"No query may name {names}." if names else "No field is forbidden.")
    return sentences


def _period_words(policy: Policy) -> str:
    if policy.period_cap is None:
        return "may lose any amount in a period"
    return f"may lose {shown_loss(policy.period_cap)} at most in {policy.period_days} days"


def _tick_words(tick_ms: int) -> str:
    if not tick_ms:
        return "Answers leave as soon as they are there: how long one took can be measured."
    return f"Answers leave at multiples of {tick_ms} ms only, one at a time: their time tells nothing finer."


def _suppressed_words(one: SuppressedPolicy) -> list[str]:
    tables = (
        "any table, listed by its study or not" if one.unlisted_tables else "the tables that a study lists"
    )
    shown = f"counts leave by the rule {rule_words(one.rule)}, for {tables}"
    of_study = f"and {one.study_questions} in one study"
    return [
        f"Mode suppressed, which is no differential privacy: {shown}.",
        f"At most {one.questions} questions of this mode over the life of the registry, {of_study}.",
    ]


def rule_words(rule: Rule) -> str:
    """Say what a small-number rule shows."""
    rounding = "not rounded" if rule.rounding == 1 else f"rounded to {rule.rounding}"
    return f"{rule.name} (counts of 1 to {rule.minimum - 1} patients are not shown, others are {rounding})"


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def differences(here: Policy, there: Policy) -> tuple[Difference, ...]:
    """Say in which things a policy is stricter or looser than another."""
    return tuple(_compared(here, there))


def _compared(here: Policy, there: Policy) -> Iterator[Difference]:
    for key in ("modes", "scopes"):
        yield from _sets(
            key,
            {one.value for one in getattr(here, key)},
            {one.value for one in getattr(there, key)},
            more=Direction.LOOSER,
        )
    yield from _sets(
        "forbidden_fields", set(here.forbidden_fields), set(there.forbidden_fields), more=Direction.STRICTER
    )
    yield from _numbers(
        "charged_rounds_per_question", here.charged_rounds_per_question, there.charged_rounds_per_question
    )
    hours = [one.longest_validity // timedelta(hours=1) for one in (here, there)]
    yield from _numbers("longest_validity_hours", *hours)
    for key, _, name in _CAPS:
        yield from _caps(key, getattr(here, name), getattr(there, name))
    yield from _periods(here, there)
    yield from _hours(here.hours, there.hours)
    # A longer tick tells less, and none tells most.
    ticks = [one.release_tick_ms for one in (here, there)]
    yield from (_turned(one) for one in _numbers("release_tick_ms", *ticks))
    if here.suppressed and there.suppressed:
        yield from _suppressed(here.suppressed, there.suppressed)


def _periods(here: Policy, there: Policy) -> Iterator[Difference]:
    texts = [_period_words(one) for one in (here, there)]
    if texts[0] != texts[1]:
        direction = _direction(
            is_looser=is_period_looser(here, there), is_stricter=is_period_looser(there, here)
        )
        yield Difference(key="period_rho", here=texts[0], there=texts[1], direction=direction)


def is_period_looser(here: Policy, there: Policy) -> bool:
    """Whether what one policy lets go in a period could break the other's cap.

    Days that hold so many of the shorter periods, the last one perhaps in part, may hold as many caps.
    """
    if there.period_cap is None or here.period_cap is None:
        return here.period_cap is None and there.period_cap is not None
    periods = -(-there.period_days // here.period_days)
    return here.period_cap.nano_rho * periods > there.period_cap.nano_rho


def _hours(here: Hours | None, there: Hours | None) -> Iterator[Difference]:
    if here != there:
        direction = _direction(
            is_looser=are_hours_wider(here, there), is_stricter=are_hours_wider(there, here)
        )
        texts = ["always" if one is None else str(one) for one in (here, there)]
        yield Difference(key="hours", here=texts[0], there=texts[1], direction=direction)


def are_hours_wider(here: Hours | None, there: Hours | None) -> bool:
    """Whether some hours may hold a moment that others do not.

    In different zones nobody can promise that they never will: governments move clocks.
    """
    if there is None or len(there.minutes) == MINUTES:
        return False
    return here is None or here.zone != there.zone or not here.minutes <= there.minutes


def _direction(*, is_looser: bool, is_stricter: bool) -> Direction:
    if is_looser == is_stricter:
        return Direction.DIFFERENT
    return Direction.LOOSER if is_looser else Direction.STRICTER


def _turned(one: Difference) -> Difference:
    opposite = Direction.STRICTER if one.direction is Direction.LOOSER else Direction.LOOSER
    return replace(one, direction=opposite)


def _suppressed(here: SuppressedPolicy, there: SuppressedPolicy) -> Iterator[Difference]:
    if here.rule != there.rule:
        direction = _direction(
            is_looser=here.rule.is_looser_than(there.rule), is_stricter=there.rule.is_looser_than(here.rule)
        )
        yield Difference(key="rule", here=here.rule.name, there=there.rule.name, direction=direction)
    yield from _numbers("questions", here.questions, there.questions)
    yield from _numbers("study_questions", here.study_questions, there.study_questions)
    yield from _numbers("unlisted_tables", here.unlisted_tables, there.unlisted_tables)


def _sets(key: str, here: set[str], there: set[str], *, more: Direction) -> Iterator[Difference]:
    if here == there:
        return
    less = Direction.STRICTER if more is Direction.LOOSER else Direction.LOOSER
    direction = more if here > there else less if here < there else Direction.DIFFERENT
    texts = [", ".join(sorted(one)) or "none" for one in (here, there)]
    yield Difference(key=key, here=texts[0], there=texts[1], direction=direction)


def _numbers(key: str, here: int, there: int) -> Iterator[Difference]:
    if here != there:
        direction = Direction.LOOSER if here > there else Direction.STRICTER
        yield Difference(key=key, here=_text(here), there=_text(there), direction=direction)


def _text(value: int) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _caps(key: str, here: Loss | None, there: Loss | None) -> Iterator[Difference]:
    if here != there:
        is_looser = here is None or (there is not None and here > there)
        direction = Direction.LOOSER if is_looser else Direction.STRICTER
        yield Difference(key=key, here=shown_loss(here), there=shown_loss(there), direction=direction)
