"""What of a policy is looser than another: held against a judge that only asks questions of both."""

from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.hours import Hours
from node.ledger.limits import limits_of
from node.policy import Policy, SuppressedPolicy, has_expired, outside_hours, outside_policy, read_policy
from node.policy_change import RULES as COMPARED
from node.policy_change import SUPPRESSED_RULES, looser
from node.ticks import wait_ns
from privacy.disclosure import RULES
from privacy.loss import NANO, Loss
from protocols.ids import QueryId
from protocols.queries import Kind, Mode, OneOf, Query, Scope, SignedTerms, Statistic
from protocols.studies import Study, SuppressedStudy
from tests.node.gate_desk import ADA, CENTRE, DICTIONARY, STUDY, suppressed, the_study, with_rho
from tests.node.questions import AGE, ARM, SEX
from tests.node.test_policy import PERMISSIVE, STRICT
from tests.node.worlds import NOW, question

BASE = read_policy(PERMISSIVE.encode())
assert BASE.suppressed is not None
TABLES = replace(BASE.suppressed, unlisted_tables=False, questions=9)
HOURS = [
    None,
    *(
        Hours.parse(one)
        for one in (
            "08:00-18:00 UTC",
            "09:00-17:00 UTC",
            "22:00-06:00 UTC",
            "20:00-09:00 UTC",
            "00:00-24:00 UTC",
            "08:00-18:00 Europe/Berlin",
            "00:00-24:00 Europe/Berlin",
        )
    ),
]
CAPS = [None, Loss(0), Loss(NANO // 10), Loss(NANO), Loss(7 * NANO)]

some_caps = st.sampled_from(CAPS)
suppressed_parts = st.builds(
    SuppressedPolicy,
    rule=st.sampled_from(list(RULES.values())),
    questions=st.integers(0, 3),
    study_questions=st.integers(0, 3),
    unlisted_tables=st.booleans(),
)


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    modes = frozenset(draw(st.sets(st.sampled_from(Mode))))
    return Policy(
        modes=modes,
        scopes=frozenset(draw(st.sets(st.sampled_from(Scope)))),
        forbidden_fields=frozenset(
            draw(st.sets(st.sampled_from(["people.sex", "people.arm", "people.age"])))
        ),
        charged_rounds_per_question=draw(st.integers(1, 3)),
        longest_validity=timedelta(hours=draw(st.integers(1, 3))),
        query_cap=draw(some_caps),
        registry_cap=draw(some_caps),
        study_cap=draw(some_caps),
        analyst_cap=draw(some_caps),
        period_cap=draw(some_caps),
        period_days=draw(st.integers(1, 5)),
        hours=draw(st.sampled_from(HOURS)),
        release_tick_ms=draw(st.sampled_from([0, 500, 1_000])),
        suppressed=draw(suppressed_parts) if Mode.SUPPRESSED in modes else None,
    )


# The judge: it asks many questions of either policy, and knows nothing of how they are compared. Each
# key is judged in a policy that is open but for it, so that none is hidden behind another.

_DP = [
    *(
        with_rho(question(Statistic(kind=Kind.COUNT, table="people", by=by)), rho)
        for by, rho in product([(), (SEX,), (ARM,)], ["0.000000001", "0.1", "0.100000001", "1", "7", "8"])
    ),
    question(Statistic(kind=Kind.MEAN, table="people", variable=AGE)),
    question(Statistic(kind=Kind.MEAN, table="people", variable=AGE), OneOf(field=SEX, codes=("F",))),
]
_TABLES = [suppressed(Statistic(kind=Kind.COUNT, table="people", by=by)) for by in ((), (SEX,), (ARM,))]
_MOMENTS = [datetime(2026, month, 10, hour, 30, tzinfo=UTC) for month in (1, 7) for hour in range(24)]
_VALID_MS = [1, 3_600_000, 3_600_001, 7_200_000, 7_200_001, 10_800_000]
_LOSSES = [Loss(0), Loss(1), *(Loss(cap.nano_rho + more) for cap in CAPS if cap for more in (0, 1))]


def _terms(query: Query, valid_ms: int = 1) -> SignedTerms:
    return SignedTerms(
        query=query,
        query_id=QueryId.new(),
        study=STUDY,
        analyst=ADA,
        audience=(CENTRE,),
        dictionary=DICTIONARY.digest,
        not_after_ms=int(NOW.timestamp() * 1000) + valid_ms,
    )


@cache
def _studies() -> tuple[Study, ...]:
    one = the_study()
    parts = [
        SuppressedStudy(rule=rule, questions=9, tables=tables)
        for rule, tables in product(RULES.values(), (None, ("a table",)))
    ]
    return tuple(replace(one, suppressed=part) for part in parts)


_Allowed = Iterator[object]
_QUESTIONS = [_terms(query) for query in (*_DP, *_TABLES)]


def _asked(policy: Policy) -> _Allowed:
    for (number, terms), (place, study) in product(enumerate(_QUESTIONS), enumerate(_studies())):
        if outside_policy(terms, study, policy) is None:
            yield number, place


def _modes(policy: Policy) -> _Allowed:
    part = BASE.suppressed if Mode.SUPPRESSED in policy.modes else None
    yield from _asked(replace(BASE, modes=policy.modes, suppressed=part))


def _scopes(policy: Policy) -> _Allowed:
    yield from _asked(replace(BASE, scopes=policy.scopes))


def _forbidden(policy: Policy) -> _Allowed:
    yield from _asked(replace(BASE, forbidden_fields=policy.forbidden_fields))


def _query_cap(policy: Policy) -> _Allowed:
    yield from _asked(replace(BASE, query_cap=policy.query_cap))


def _caps(policy: Policy) -> _Allowed:
    limits = limits_of(policy, replace(the_study(), study_budget=None, analyst_budget=None))
    for name in ("registry", "study", "analyst"):
        cap = getattr(limits, name)
        yield from ((name, loss) for loss in _LOSSES if cap is None or loss <= cap)
    yield from (("rounds", number) for number in range(limits.rounds))


def _validity(policy: Policy) -> _Allowed:
    terms = [_terms(_DP[0], valid_ms) for valid_ms in _VALID_MS]
    yield from (one.not_after_ms for one in terms if not has_expired(one, policy, NOW))


def _shown(policy: Policy) -> _Allowed:
    if policy.suppressed is not None:
        with_it = replace(BASE, suppressed=policy.suppressed)
        yield from _asked(with_it)
        limits = limits_of(with_it, the_study())
        for name in ("questions", "study_questions"):
            yield from ((name, number) for number in range(getattr(limits, name)))


ALLOWED: list[Callable[[Policy], _Allowed]] = [
    _modes,
    _scopes,
    _forbidden,
    _query_cap,
    _caps,
    _validity,
    _shown,
]


def _most_in(days: int, policy: Policy) -> int | None:
    """The most that so many days can hold, where each period is spent on its first day."""
    if policy.period_cap is None:
        return None
    return sum(policy.period_cap.nano_rho for day in range(days) if day % policy.period_days == 0)


def _allows_more_in_a_period(old: Policy, new: Policy) -> bool:
    if old.period_cap is None:
        return False
    most = _most_in(old.period_days, new)
    return most is None or most > old.period_cap.nano_rho


def _is_open_longer(old: Policy, new: Policy) -> bool:
    zones = [one.hours.zone for one in (old, new) if one.hours is not None]
    is_always = old.hours is None or len(old.hours.minutes) == 24 * 60
    if len(set(zones)) == 2:  # spec/policy.md 6: another zone promises nothing
        return not is_always
    return any(outside_hours(old, at) is not None and outside_hours(new, at) is None for at in _MOMENTS)


def _tells_more(old: Policy, new: Policy) -> bool:
    """Work of 1 to 2,000 ms: how many different times can it take."""
    before, after = (
        len({at + wait_ns(at * 1_000_000, one.release_tick_ms) // 1_000_000 for at in range(1, 2_001)})
        for one in (old, new)
    )
    return after > before


def _is_more(old: Policy, new: Policy) -> bool:
    return (
        any(not set(allowed(new)) <= set(allowed(old)) for allowed in ALLOWED)
        or _allows_more_in_a_period(old, new)
        or _is_open_longer(old, new)
        or _tells_more(old, new)
    )


@settings(deadline=None)
@given(old=policies(), new=policies())
def test_nothing_is_looser_exactly_when_the_new_policy_allows_a_part_of_the_old_one(
    old: Policy, new: Policy
) -> None:
    assert bool(looser(old, new)) is _is_more(old, new)


@settings(deadline=None)
@given(old=policies(), data=st.data())
def test_one_key_that_changes_is_judged_alike(old: Policy, data: st.DataObject) -> None:
    """Pairs that differ in one key: two of any kind are rarely a part of each other."""
    other, key = data.draw(policies()), data.draw(st.sampled_from([one.name for one in fields(Policy)]))
    new = replace(old, **{key: getattr(other, key)})
    if (new.suppressed is None) is (Mode.SUPPRESSED in new.modes):
        new = replace(old, modes=other.modes, suppressed=other.suppressed)
    assert bool(looser(old, new)) is _is_more(old, new)


@given(one=policies())
def test_no_policy_is_looser_than_itself(one: Policy) -> None:
    assert looser(one, one) == ()


@given(one=policies(), two=policies(), three=policies())
def test_two_steps_of_tightening_are_one(one: Policy, two: Policy, three: Policy) -> None:
    """Otherwise one officer could go round about to what one step forbids. Hours and periods included."""
    if not looser(one, two) and not looser(two, three):
        assert looser(one, three) == ()


# Every field by itself: what loosens it, and what the sentence says.

DAY, NIGHT = (replace(BASE, hours=Hours.parse(text)) for text in ("08:00-18:00 UTC", "18:00-08:00 UTC"))
LOW = Loss(NANO)
LOOSENED: dict[str, tuple[Policy, Policy, str]] = {
    "modes": (
        replace(BASE, modes=frozenset([Mode.DP]), suppressed=None),
        BASE,
        "modes: also allows suppressed",
    ),
    "scopes": (replace(BASE, scopes=frozenset()), BASE, "scopes: also allows centre"),
    "forbidden_fields": (
        replace(BASE, forbidden_fields=frozenset(["people.age", "people.sex"])),
        replace(BASE, forbidden_fields=frozenset(["people.age", "people.arm"])),
        "forbidden_fields: no longer forbids people.sex",
    ),
    "charged_rounds_per_question": (
        BASE,
        replace(BASE, charged_rounds_per_question=3),
        "charged_rounds_per_question: 3 instead of 2",
    ),
    "longest_validity": (
        BASE,
        replace(BASE, longest_validity=timedelta(hours=25)),
        "longest_validity_hours: 25 instead of 24",
    ),
    "query_cap": (replace(BASE, query_cap=LOW), BASE, "query_rho: no limit instead of rho 1 "),
    "registry_cap": (replace(BASE, registry_cap=LOW), BASE, "registry_rho: no limit instead of rho 1 "),
    "study_cap": (
        replace(BASE, study_cap=LOW),
        replace(BASE, study_cap=Loss(NANO + 1)),
        "study_rho: rho 1.0",
    ),
    "analyst_cap": (
        replace(BASE, analyst_cap=Loss(0)),
        replace(BASE, analyst_cap=LOW),
        "analyst_rho: rho 1 ",
    ),
    "period_cap": (
        replace(BASE, period_cap=LOW),
        replace(BASE, period_cap=Loss(2 * NANO)),
        "period_rho: rho 2 in 30 days instead of rho 1 in 30 days",
    ),
    "period_days": (
        replace(BASE, period_cap=LOW),
        replace(BASE, period_cap=LOW, period_days=29),
        "period_rho: rho 1 in 29 days instead of rho 1 in 30 days",
    ),
    "hours": (DAY, NIGHT, "hours: 18:00-08:00 UTC instead of 08:00-18:00 UTC"),
    "release_tick_ms": (
        replace(BASE, release_tick_ms=1_000),
        replace(BASE, release_tick_ms=999),
        "release_tick_ms: 999 instead of 1000",
    ),
    "suppressed": (
        replace(BASE, modes=frozenset([Mode.DP]), suppressed=None),
        BASE,
        "suppressed: shows any table by the rule five",
    ),
}
PARTS: dict[str, tuple[SuppressedPolicy, str]] = {
    "rule": (replace(TABLES, rule=RULES["five"]), "rule: five"),
    "questions": (replace(TABLES, questions=10), "questions: 10 instead of 9"),
    "study_questions": (
        replace(TABLES, study_questions=2_000),
        "study_questions: 2000 instead of 1000",
    ),
    "unlisted_tables": (replace(TABLES, unlisted_tables=True), "unlisted_tables: a study may ask"),
}


def test_every_field_of_a_policy_has_a_rule_and_a_case() -> None:
    """A new field without them fails here."""
    names = {one.name for one in fields(Policy)}
    assert names == set(COMPARED) == set(LOOSENED)
    parts = {one.name for one in fields(SuppressedPolicy)}
    assert parts == set(SUPPRESSED_RULES) == set(PARTS)


@pytest.mark.parametrize("name", list(LOOSENED))
def test_a_field_that_is_loosened_is_said(name: str) -> None:
    old, new, says = LOOSENED[name]
    assert any(says in one for one in looser(old, new)), looser(old, new)


@pytest.mark.parametrize("name", list(PARTS))
def test_a_part_about_tables_that_is_loosened_is_said(name: str) -> None:
    part, says = PARTS[name]
    old = replace(BASE, suppressed=replace(TABLES, rule=RULES["strict10"]))
    new_part = part if name == "rule" else replace(part, rule=RULES["strict10"])
    (said,) = looser(old, replace(BASE, suppressed=new_part))
    assert says in said
    assert looser(replace(BASE, suppressed=new_part), old) == ()


def test_what_a_policy_allows_more_is_said_even_where_another_key_hides_it() -> None:
    """Otherwise one officer could raise a cap under a mode that is off, and two only see the mode."""
    off = replace(BASE, modes=frozenset[Mode](), suppressed=None, query_cap=LOW)
    assert looser(off, replace(off, query_cap=None)) != ()


def test_the_shipped_policies_are_looser_one_way() -> None:
    strict, permissive = read_policy(STRICT.encode()), read_policy(PERMISSIVE.encode())
    assert looser(permissive, strict) == ()
    assert len(looser(strict, permissive)) == 8
