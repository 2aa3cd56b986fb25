"""The differencing guard: each attack works without it, and with it leaves the attacker nothing.

The laws, and the decision itself against an oracle that shares no code with it (`table_oracle`).
"""

from collections.abc import Sequence
from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy.disclosure import RULES, SUPPRESSED, Rule
from privacy.overlap import MAX_ATOMS, Membership, Shown, is_withheld
from privacy.suppression import suppressed
from tests.node.seeds import draws, fresh_seed
from tests.privacy.attackers import EXACT, FIVE, OPENSAFELY, ROUNDED, Attack, Ward
from tests.privacy.table_oracle import Patients, interval, must_withhold, sets_of, shown, width

WORLDS = 12
ATTACKS = {**dict.fromkeys(EXACT, FIVE), **dict.fromkeys(ROUNDED, OPENSAFELY)}


def _attack(name: str, draw: Random) -> Attack:
    return {**EXACT, **ROUNDED}[name](Ward(draw, ATTACKS[name]))


def _guarded(questions: Sequence[Shown]) -> list[Shown]:
    """What the guard lets out, asked in this order."""
    out: list[Shown] = []
    for one in questions:
        if not is_withheld(one, out):
            out.append(one)
    return out


@pytest.mark.parametrize("name", ATTACKS)
def test_without_the_guard_the_attacker_computes_the_secret(name: str) -> None:
    draw = draws(fresh_seed())
    for _ in range(WORLDS):
        attack = _attack(name, draw)
        assert attack.recover(attack.published) == attack.truth
        assert 1 <= len(attack.secret) < ATTACKS[name].minimum
        assert all(attack.secret not in _in_the_open(one) for one in attack.questions), "it is simply shown"


def _in_the_open(table: Shown) -> list[Patients]:
    return [one for one, value in zip(sets_of(table), table.published, strict=True) if value != SUPPRESSED]


@pytest.mark.parametrize("name", EXACT)
def test_without_the_guard_the_secret_is_the_only_solution(name: str) -> None:
    attack = _attack(name, draws(fresh_seed()))
    low, high = interval(attack.questions, attack.secret)
    assert high - low < FIVE.minimum
    assert low <= len(attack.secret) <= high
    if name != "union_tracker":  # which need not find all of them
        assert low == high == len(attack.secret)


@pytest.mark.parametrize("name", ATTACKS)
@pytest.mark.parametrize("is_backwards", [False, True])
def test_with_the_guard_a_question_is_withheld_and_the_rest_says_nothing(
    name: str, is_backwards: bool
) -> None:
    draw = draws(fresh_seed())
    for _ in range(WORLDS):
        attack = _attack(name, draw)
        questions = attack.questions[::-1] if is_backwards else attack.questions
        out = _guarded(questions)
        assert len(out) < len(questions)
        assert width(interval(out, attack.secret)) >= ATTACKS[name].minimum


# The decision itself, at its edges and against the oracle.


@pytest.mark.parametrize("apart", range(1, 9))
@pytest.mark.parametrize("name", ["five", "opensafely"])
def test_a_difference_of_fewer_than_the_minimum_is_withheld_and_the_minimum_is_not(
    name: str, apart: int
) -> None:
    rule = RULES[name]
    whole = range(60)
    first = shown((1,), {(0,): whole}, rule)
    for members in (range(apart, 60), range(60 + apart)):
        other = shown((1,), {(0,): members}, rule)
        assert is_withheld(other, [first]) is (apart < rule.minimum)
        assert is_withheld(first, [other]) is (apart < rule.minimum)


@pytest.mark.parametrize("away", [1, 2, 7, 8])
def test_a_count_that_is_nearly_the_rest_of_a_table_is_withheld(away: int) -> None:
    """Here rounding hides it from the programs, and only the comparison with the complement sees it."""
    table = shown((3,), {(0,): range(27), (1,): range(27, 60), (2,): range(60, 93)}, OPENSAFELY)
    rest = shown((1,), {(0,): range(27 + away, 93)}, OPENSAFELY)
    assert is_withheld(rest, [table]) is is_withheld(table, [rest]) is (away < 8)


def test_the_larger_of_two_minima_counts() -> None:
    """A custodian who turns to a looser rule does not open what the stricter one has hidden."""
    strict, loose = RULES["cms"], RULES["five"]
    first = shown((1,), {(0,): range(60)}, strict)
    assert is_withheld(shown((1,), {(0,): range(53)}, loose), [first])
    assert not is_withheld(shown((1,), {(0,): range(53)}, loose), [replace(first, rule=loose)])
    hidden = shown((2,), {(0,): range(7), (1,): range(7, 60)}, strict)
    assert hidden.published[0] == SUPPRESSED
    opened = shown((2,), {(0,): range(7), (1,): range(7, 60)}, loose)
    assert is_withheld(opened, [hidden])


def test_with_too_many_atoms_a_table_is_withheld() -> None:
    side = 64
    everybody = np.arange(side * side)
    by_row, by_column = (
        shown((side,), {(i,): everybody[everybody // side == i].tolist() for i in range(side)}, FIVE),
        shown((side,), {(i,): everybody[everybody % side == i].tolist() for i in range(side)}, FIVE),
    )
    assert side * side > MAX_ATOMS
    assert is_withheld(by_column, [by_row])


THREE = Rule(name="three", minimum=3, rounding=1)
THREE_ROUNDED = Rule(name="three rounded", minimum=3, rounding=3)
_DIMS = ((1,), (2,), (3,), (2, 2))


@st.composite
def _tables(draw: st.DrawFn, people: int, rule: Rule) -> Shown:
    dims = draw(st.sampled_from(_DIMS))
    cells: dict[tuple[int, ...], list[int]] = {}
    places = list(np.ndindex(*dims))
    for patient in range(people):
        place = draw(st.integers(-1, len(places) - 1))
        if place >= 0:
            cells.setdefault(places[place], []).append(patient)
    return shown(dims, cells, rule)


@st.composite
def _sequences(draw: st.DrawFn) -> list[Shown]:
    rule = draw(st.sampled_from((THREE, THREE_ROUNDED)))
    people = draw(st.integers(0, 12))
    return [draw(_tables(people, rule)) for _ in range(draw(st.integers(1, 3)))]


@settings(max_examples=250, deadline=None)
@given(tables=_sequences())
def test_the_decision_is_the_oracles(tables: list[Shown]) -> None:
    *earlier, new = tables
    assert is_withheld(new, earlier) is must_withhold(new, earlier)


@settings(max_examples=60, deadline=None)
@given(tables=_sequences(), numbers=st.permutations(range(12)))
def test_the_decision_does_not_depend_on_the_numbers_of_patients(
    tables: list[Shown], numbers: list[int]
) -> None:
    *earlier, new = tables
    renamed = [_renamed(one, numbers) for one in tables]
    assert is_withheld(renamed[-1], renamed[:-1]) is is_withheld(new, earlier)


def _renamed(table: Shown, numbers: list[int]) -> Shown:
    patients = np.array([numbers[one] for one in table.members.patients.tolist()], dtype=np.int64)
    order = np.argsort(patients)
    members = Membership(patients=patients[order], cells=table.members.cells[order])
    return replace(table, members=members)


@settings(max_examples=60, deadline=None)
@given(tables=_sequences(), draw=st.randoms(use_true_random=False))
def test_the_decision_does_not_depend_on_the_order_of_what_was_shown(
    tables: list[Shown], draw: Random
) -> None:
    *earlier, new = tables
    shuffled = draw.sample(earlier, len(earlier))
    assert is_withheld(new, shuffled) is is_withheld(new, earlier)


# What must not be withheld.


def test_the_same_table_again_is_allowed() -> None:
    draw = draws(fresh_seed())
    for rule in RULES.values():
        ward = Ward(draw, rule)
        half, third = ward.some(80, 90), ward.some(40, 50)
        table = ward.table(half - third, half & third, ward.everybody - half)
        assert not is_withheld(table, [table, table])


def test_the_same_set_by_another_condition_is_allowed() -> None:
    """Sets are compared, not words: nobody is in one and not in the other."""
    ward = Ward(draws(fresh_seed()))
    half = ward.some(80, 90)
    other = ward.everybody - half
    assert not is_withheld(ward.count(half), [ward.count(half), ward.table(half, other)])
    assert not is_withheld(ward.table(other, half), [ward.table(half, other)])


def test_tables_of_people_who_have_nothing_in_common_are_allowed() -> None:
    draw = draws(fresh_seed())
    ward = Ward(draw)
    pool = draw.sample(sorted(ward.everybody), 150)
    tables = [
        ward.table(*(frozenset(pool[at + i : at + i + 10]) for i in (0, 10, 20))) for at in range(0, 150, 30)
    ]
    assert len(_guarded(tables)) == len(tables)


def test_a_table_of_nobody_changes_nothing() -> None:
    nobody = shown((2,), {}, FIVE)
    some = shown((2,), {(0,): range(10), (1,): range(10, 30)}, FIVE)
    assert not is_withheld(nobody, [some])
    assert not is_withheld(some, [nobody])
    assert not is_withheld(nobody, [nobody])


def _counted(dims: tuple[int, ...], cells: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> Shown:
    """A table of all patients, as a centre publishes it."""
    counts = np.bincount(cells, minlength=int(np.prod(dims))).astype(np.int64).reshape(dims)
    members = Membership(patients=np.arange(len(cells)), cells=cells)
    return Shown(members=members, dims=dims, published=suppressed(counts, FIVE).ravel(), rule=FIVE)


def test_sex_age_and_their_cross_table_are_all_shown() -> None:
    rng = np.random.default_rng(fresh_seed())
    for _ in range(10):
        sex, band = rng.integers(0, 2, 1_000), rng.integers(0, 6, 1_000)
        tables = [_counted((2,), sex), _counted((6,), band), _counted((2, 6), 6 * sex + band)]
        assert len(_guarded(tables)) == 3
