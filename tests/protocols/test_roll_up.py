"""When a paid answer contains another: each rule with its twin that breaks it, and the sums themselves.

The property: the exact vector of the finer question, rolled up, is the exact vector of the coarser one,
by a reference that computes both row by row (`tests/node/by_hand.py`).
"""

import typing
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from random import Random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coordinator.estimators.rolled import rolled
from node.plan import Plan, compile_plan
from privacy.events import GaussianEvent
from privacy.loss import Loss
from protocols.dictionary import FieldName
from protocols.ids import CentreId, Digest, SnapshotId
from protocols.queries import (
    All,
    Any,
    Between,
    Cohort,
    Kind,
    Missing,
    Mode,
    Not,
    OneOf,
    Query,
    Statistic,
)
from protocols.query_rules import canonical
from protocols.releases import Release, ReleasedBlock
from protocols.roll_up import family_of, roll_up
from tests.node.by_hand import by_hand
from tests.node.questions import AGE, ARM, DOSE, GRADE, SCORE, SEX, SITE, numbers
from tests.node.worlds import NOW, Row, World, dictionary, question

DICTIONARY = dictionary(3)
EDGES = numbers("0", "10", "20", "40", "60")
WOMEN, NORTH = OneOf(field=SEX, codes=("F",)), OneOf(field=SITE, codes=("n",))
OLD = Between(field=AGE, low=Decimal(60), high=Decimal(120))


def made(
    kind: Kind = Kind.COUNT,
    by: Sequence[FieldName] = (SITE, SEX),
    cohort: Cohort | None = None,
    *,
    rho: str = "1",
    **more: object,
) -> Query:
    """A canonical question over the visits."""
    statistic = Statistic(kind=kind, table="visits", by=tuple(by), **more)  # type: ignore[arg-type]
    return canonical(question(statistic, cohort, rho), DICTIONARY)


FINE = made(rho="10")
HISTOGRAM = made(Kind.HISTOGRAM, variable=DOSE, edges=EDGES, rho="10")


def _shares(codes: tuple[object, ...]) -> Query:
    return made(Kind.PROPORTION, variable=GRADE, codes=codes, rho="10")


CONTAINED: dict[str, tuple[Query, Query, Query]] = {
    # What was paid for, a question whose answer is in it, and the twin whose answer is not.
    "fewer groups": (FINE, made(by=[SEX]), made(by=[ARM])),
    "no groups": (FINE, made(by=[]), made(by=[ARM, SEX])),
    "groups in another order": (FINE, made(by=[SEX, SITE]), made(by=[SEX, SITE, ARM])),
    "the same kind": (made(Kind.SUM, variable=DOSE, rho="10"), made(Kind.SUM, [], variable=DOSE), made()),
    "the same variable": (
        made(Kind.MEAN, variable=DOSE, rho="10"),
        made(Kind.MEAN, [], variable=DOSE),
        made(Kind.MEAN, [], variable=SCORE),
    ),
    "the same codes": (
        _shares(numbers("0", "5")),
        replace(_shares(numbers("5", "0")), release=made().release),
        replace(_shares(numbers("0")), release=made().release),
    ),
    "the same cohort": (made(by=[SITE], cohort=OLD, rho="10"), made(by=[], cohort=OLD), made(by=[])),
    "a condition more, on a group": (FINE, made(by=[SITE], cohort=WOMEN), made(by=[SITE], cohort=OLD)),
    "one on a group that is not kept": (
        FINE,
        made(by=[], cohort=NORTH),
        made(by=[], cohort=All(parts=(NORTH, OLD))),
    ),
    "a condition more beside the same": (
        made(by=[SEX], cohort=OLD, rho="10"),
        made(by=[], cohort=All(parts=(OLD, WOMEN))),
        made(by=[], cohort=Any(parts=(OLD, WOMEN))),
    ),
    "either of two groups": (
        FINE,
        made(by=[], cohort=Any(parts=(WOMEN, NORTH))),
        made(by=[], cohort=Any(parts=(WOMEN, OLD))),
    ),
    "not in a group": (FINE, made(by=[], cohort=Not(part=WOMEN)), made(by=[], cohort=Not(part=OLD))),
    "a missing group": (
        FINE,
        made(by=[], cohort=Missing(field=SITE)),
        made(by=[], cohort=Missing(field=DOSE)),
    ),
    "fewer edges": (
        HISTOGRAM,
        made(Kind.HISTOGRAM, variable=DOSE, edges=numbers("0", "20", "60")),
        made(Kind.HISTOGRAM, variable=DOSE, edges=numbers("0", "15", "60")),
    ),
    "without the first edges": (
        HISTOGRAM,
        made(Kind.HISTOGRAM, [SEX], variable=DOSE, edges=numbers("20", "60")),
        # The last bin is closed: 40 is in it, and in the finer one's next.
        made(Kind.HISTOGRAM, [SEX], variable=DOSE, edges=numbers("0", "20", "40")),
    ),
    "other probabilities": (
        made(Kind.QUANTILES, variable=DOSE, probabilities=numbers("0.5"), rho="10"),
        made(Kind.QUANTILES, [SEX], variable=DOSE, probabilities=numbers("0.1", "0.9")),
        made(Kind.QUANTILES, [SEX], variable=SCORE, probabilities=numbers("0.5")),
    ),
    # Three levels of sex and three of site, of which one is missing: three cells for one.
    "enough loss": (made(rho="3"), made(by=[SEX]), made(by=[SEX], rho="1.000000001")),
    "enough loss for all cells": (made(rho="9"), made(by=[]), made(by=[], rho="1.000000001")),
    "enough loss for bins": (
        replace(HISTOGRAM, release=made(rho="2").release),
        made(Kind.HISTOGRAM, variable=DOSE, edges=numbers("0", "20", "60")),
        made(Kind.HISTOGRAM, variable=DOSE, edges=numbers("0", "60")),
    ),
}


@pytest.mark.parametrize("name", CONTAINED)
def test_a_coarser_question_is_contained_and_its_twin_is_not(name: str) -> None:
    finer, coarser, twin = CONTAINED[name]
    assert roll_up(finer, coarser, DICTIONARY) is not None
    assert roll_up(finer, twin, DICTIONARY) is None


@pytest.mark.parametrize("name", CONTAINED)
def test_a_question_contains_itself_and_is_not_contained_in_what_is_coarser(name: str) -> None:
    finer, coarser, _ = CONTAINED[name]
    assert roll_up(finer, finer, DICTIONARY) is not None
    if coarser.statistic.by != finer.statistic.by[::-1] and coarser.statistic != finer.statistic:
        assert roll_up(replace(coarser, release=finer.release), finer, DICTIONARY) is None


@pytest.mark.parametrize("name", CONTAINED)
def test_only_one_family_is_ever_compared(name: str) -> None:
    finer, coarser, _ = CONTAINED[name]
    assert family_of(finer) == family_of(coarser)


def test_mode_suppressed_contains_nothing() -> None:
    people = question(Statistic(kind=Kind.COUNT, table="people", by=(SEX,)))
    bare = replace(people.release, mode=Mode.SUPPRESSED, loss=Loss(0), delta=Decimal(0))
    shown = replace(people, release=bare)
    coarser = replace(shown, statistic=replace(shown.statistic, by=()))
    assert roll_up(shown, coarser, DICTIONARY) is None
    assert roll_up(people, coarser, DICTIONARY) is None
    assert roll_up(shown, replace(coarser, release=people.release), DICTIONARY) is None


def test_which_cells_add_up() -> None:
    """Sites n, s and missing; sexes F, M and missing, the last fastest."""
    by_sex = roll_up(FINE, made(by=[SEX]), DICTIONARY)
    assert by_sex is not None
    assert (by_sex.groups, by_sex.most) == (((0, 3, 6), (1, 4, 7), (2, 5, 8)), 3)
    women = roll_up(FINE, made(by=[SITE], cohort=WOMEN), DICTIONARY)
    assert women is not None
    assert (women.groups, women.most) == (((0,), (3,), (6,)), 1)
    nobody = roll_up(FINE, made(by=[SEX], cohort=WOMEN), DICTIONARY)
    assert nobody is not None
    assert nobody.groups == ((0, 3, 6), (), ())


# The sums, for all kinds: random questions, random rows.

_STATISTICS: tuple[tuple[Kind, dict[str, typing.Any]], ...] = (
    (Kind.COUNT, {}),
    (Kind.SUM, {"variable": DOSE}),
    (Kind.MEAN, {"variable": DOSE}),
    (Kind.VARIANCE, {"variable": SCORE}),
    (Kind.PROPORTION, {"variable": GRADE, "codes": numbers("0", "5")}),
    (Kind.HISTOGRAM, {"variable": DOSE, "edges": EDGES}),
    (Kind.QUANTILES, {"variable": DOSE, "probabilities": numbers("0.5")}),
)
_GROUPS = (SITE, SEX, ARM)
_CODES: dict[FieldName, tuple[str, ...]] = {SITE: ("n", "s"), SEX: ("F", "M"), ARM: ("a", "b", "c")}


def _condition(draw: Random, by: Sequence[FieldName], depth: int = 2) -> Cohort:
    if depth and draw.random() < 0.6:
        parts = tuple(_condition(draw, by, depth - 1) for _ in range(2))
        return draw.choice((All(parts=parts), Any(parts=parts), Not(part=parts[0])))
    name = draw.choice(list(by))
    if draw.random() < 0.3:
        return Missing(field=name)
    return OneOf(field=name, codes=tuple(draw.sample(_CODES[name], draw.randint(1, 2))))


def _pair(draw: Random) -> tuple[Query, Query]:
    """A question that was paid for and one that follows from it."""
    kind, more = draw.choice(_STATISTICS)
    by = draw.sample(_GROUPS, draw.randint(0, 3))
    cohort = draw.choice((None, OLD, Not(part=OLD)))
    finer = made(kind, by, cohort, rho="1000", **more)
    kept = draw.sample(by, draw.randint(0, len(by)))
    added = [_condition(draw, by)] if by and draw.random() < 0.6 else []
    parts = tuple(one for one in (cohort, *added) if one is not None)
    coarser = {**more, "edges": _fewer(draw, EDGES)} if kind is Kind.HISTOGRAM else more
    return finer, made(kind, kept, All(parts=parts) if parts else None, rho="1", **coarser)


def _fewer(draw: Random, edges: Sequence[Decimal]) -> tuple[Decimal, ...]:
    kept = draw.sample(edges[:-1], draw.randint(1, len(edges) - 1))
    return (*sorted(kept), edges[-1])


def _world(draw: Random) -> World:
    """What an import leaves: everybody once, codes of the lists, visits of people who are there."""
    people, visits = [], []
    for patient in range(1, draw.randint(1, 12) + 1):
        person = (draw.choice((None, 0, 1)), draw.choice((0, 1, 2)), draw.choice((None, 20, 60, 61, 90)))
        people.append(Row(patient, 1, person))
        for rank in range(1, draw.randint(0, 4) + 1):
            dose, score = draw.choice((None, -3.5, 0, 9.9, 10, 40, 60)), draw.choice((None, 0, 7.25, 1000.1))
            visit = (draw.choice((None, 0, 1)), dose, score, draw.choice((None, 0, 1, 2, 3)))
            visits.append(Row(patient, rank, visit))
    return World(tuple(people), tuple(visits))


def _exact(plan: Plan, world: World) -> Release:
    """A release without noise, which says that it has some."""
    vectors = [np.array(one, dtype=np.int64) for one in by_hand(plan, world)]
    return Release(
        centre=CentreId("a"),
        question=plan.question,
        dictionary=DICTIONARY.digest,
        snapshot=SnapshotId(bytes(16)),
        snapshot_at=NOW,
        released_at=NOW,
        template_version=1,
        loss=plan.loss,
        cap=plan.layout.cap,
        blocks=tuple(
            ReleasedBlock(
                name=block.name, event=GaussianEvent(l2_squared=block.l2_squared, sigma=4.0), values=values
            )
            for block, values in zip(plan.layout.blocks, vectors, strict=True)
        ),
    )


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(draw=st.randoms(use_true_random=True))
def test_the_rolled_up_vector_is_the_coarser_questions_own(draw: Random) -> None:
    finer, asked = _pair(draw)
    roll = roll_up(finer, asked, DICTIONARY)
    assert roll is not None
    world = _world(draw)
    plan, own = compile_plan(finer, DICTIONARY), compile_plan(asked, DICTIONARY)
    given_out = rolled(_exact(plan, world), roll, plan.layout, Digest(bytes(32)))
    assert [one.values.tolist() for one in given_out.blocks] == [list(one) for one in by_hand(own, world)]
    assert [one.name for one in given_out.blocks] == [block.name for block in own.layout.blocks]
    for one in given_out.blocks:
        assert one.event.sigma == pytest.approx(4.0 * roll.most**0.5)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(draw=st.randoms(use_true_random=True))
def test_of_any_two_questions_only_right_sums_are_found(draw: Random) -> None:
    """Not made for each other: where a roll-up is found all the same, it is right."""
    (finer, _), (_, asked) = _pair(draw), _pair(draw)
    roll = roll_up(finer, asked, DICTIONARY)
    if roll is None:
        return
    world = _world(draw)
    plan, own = compile_plan(finer, DICTIONARY), compile_plan(asked, DICTIONARY)
    given_out = rolled(_exact(plan, world), roll, plan.layout, Digest(bytes(32)))
    assert [one.values.tolist() for one in given_out.blocks] == [list(one) for one in by_hand(own, world)]
