"""The neighbours' property must find a bug when there is one: each bug here is planted, and found.

`expected` names what the property must see of it (tests/node/neighbours.py). Bugs that only make a
wrong number show as `values`; those that break the promise show as distance, shape or error.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from node.engines import duckdb_engine, templates
from node.engines.templates import Statement
from node.ledger.ledger import Ledger
from node.plan import Plan
from privacy.quantile_tree import Integers, QuantileTree
from protocols.dictionary import Field, Grid
from protocols.layout import Bins, Moments
from protocols.queries import All, Between, Cohort, Kind, Not, OneOf, Query, Statistic
from tests.node.neighbours import DISTANCE, ERROR, SHAPE, VALUES, findings
from tests.node.questions import AGE, DOSE, DOSE_EDGES, QUARTILES, SCORE, SEX, SITE, numbers
from tests.node.seeds import fresh_seed
from tests.node.worlds import NOW, Bench, World, oddities, planned, question, worlds

Plant = Callable[[pytest.MonkeyPatch], None]
_CAP = 2

COUNT = question(Statistic(kind=Kind.COUNT, table="visits"))
COUNT_BY = question(Statistic(kind=Kind.COUNT, table="visits", by=(SITE,)))
COUNT_JOINED = question(Statistic(kind=Kind.COUNT, table="visits", by=(SEX,)))
SUM = question(Statistic(kind=Kind.SUM, table="visits", variable=DOSE))
SUM_BY = question(Statistic(kind=Kind.SUM, table="visits", variable=DOSE, by=(SITE,)))
FINE_SUM = question(Statistic(kind=Kind.SUM, table="visits", variable=SCORE))
PEOPLE_MEAN = question(Statistic(kind=Kind.MEAN, table="people", variable=AGE))
VARIANCE = question(Statistic(kind=Kind.VARIANCE, table="visits", variable=DOSE))
HISTOGRAM = question(Statistic(kind=Kind.HISTOGRAM, table="visits", variable=DOSE, edges=DOSE_EDGES))
QUANTILES = question(Statistic(kind=Kind.QUANTILES, table="visits", variable=DOSE, probabilities=QUARTILES))
QUANTILES_BY = question(
    Statistic(kind=Kind.QUANTILES, table="visits", variable=DOSE, by=(SITE,), probabilities=QUARTILES)
)
FINE_QUANTILES = question(
    Statistic(kind=Kind.QUANTILES, table="visits", variable=SCORE, probabilities=QUARTILES)
)
NOT_NORTH = question(Statistic(kind=Kind.COUNT, table="visits"), Not(part=OneOf(field=SITE, codes=("n",))))
TWO_SIDED = question(
    Statistic(kind=Kind.COUNT, table="visits"),
    All(
        parts=(
            Between(field=DOSE, low=Decimal(0), high=Decimal(10)),
            Not(part=OneOf(field=DOSE, codes=numbers("0.25"))),
        )
    ),
)


@dataclass(frozen=True)
class Bug:
    """A planted bug, the questions that meet it, and what the property must see."""

    plant: Plant
    questions: tuple[Query, ...]
    expected: frozenset[str]


def _edited(*pairs: tuple[str, str]) -> Plant:
    """Edit the text of every statement; each pair must be there."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        real = templates.statement_of

        def statement_of(plan: Plan) -> Statement:
            statement = real(plan)
            text = statement.text
            for old, new in pairs:
                assert old in text
                text = text.replace(old, new)
            return Statement(text=text, parameters=statement.parameters)

        patch.setattr(duckdb_engine, "statement_of", statement_of)

    return plant


def _value(write: Callable[[str, Grid], str]) -> Plant:
    """Replace what a row's number becomes."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        real = templates._value  # noqa: SLF001

        def value(plan: Plan, writer: templates._Writer) -> str:
            variable, moments = plan.query.statistic.variable, plan.layout.moments
            if variable is None or moments is None:
                return real(plan, writer)
            return write(writer.column(variable), moments.grid)

        patch.setattr(templates, "_value", value)

    return plant


def _steps(number: str, grid: Grid) -> str:
    return f"round({number} / {float(grid.step)!r})"


def _clamped(number: str, grid: Grid) -> str:
    return f"greatest({grid.low}, least({grid.high}, {_steps(number, grid)}))::BIGINT"


def _guarded(number: str, inner: str) -> str:
    return f"CASE WHEN {number} IS NULL OR isnan({number}) THEN NULL ELSE {inner} END"


def _clamped_before_scaling(number: str, grid: Grid) -> str:
    inner = f"round(greatest({grid.low}, least({grid.high}, {number})) / {float(grid.step)!r})::BIGINT"
    return _guarded(number, inner)


def _bounds_from_data(number: str, grid: Grid) -> str:
    low, high = (f"(SELECT {end}({number.replace('a.', '')}) FROM s.t1)" for end in ("min", "max"))  # noqa: S608
    inner = f"greatest({low}, least({high}, {number}))"
    return _guarded(number, f"(round({inner} / {float(grid.step)!r}))::BIGINT")


def _least_of_data(number: str) -> str:
    return f"round((SELECT min({number.replace('a.', '')}) FROM s.t1))::BIGINT"  # noqa: S608


def _half_even(number: str, grid: Grid) -> str:
    quotient = f"{number} / {float(grid.step)!r}"
    inner = f"greatest({grid.low}, least({grid.high}, round_even({quotient}, 0)))::BIGINT"
    return _guarded(number, inner)


def _fixed(name: str, function: Callable[..., object]) -> Plant:
    return lambda patch: patch.setattr(templates, name, function)


def _leaf(write: Callable[[Field, str, Bins], str]) -> Plant:
    """Replace how a row's number becomes a bin."""
    return _fixed("_leaf", write)


def _leaf_of(steps: str, bins: Bins) -> str:
    return f"(({steps}) - ({bins.grid.low})) // {bins.steps}"


def _tree(counted: Callable[[QuantileTree, Integers], Integers]) -> Plant:
    """Replace how leaves are summed up the tree."""
    return lambda patch: patch.setattr(QuantileTree, "counted", counted)


_SUMMED = QuantileTree.counted


def _leaves_twice(tree: QuantileTree, leaves: Integers) -> Integers:
    return _SUMMED(tree, leaves) + _SUMMED(tree, leaves) * (np.arange(tree.nodes) >= tree.nodes - tree.leaves)


def _neighbours_too(tree: QuantileTree, leaves: Integers) -> Integers:
    """Every node also takes the rows of its right-hand sibling, as overlapping families would."""
    nodes = _SUMMED(tree, leaves)
    return np.asarray(nodes + np.roll(nodes, -1, axis=-1), dtype=np.int64)


def _groups_mixed(tree: QuantileTree, leaves: Integers) -> Integers:
    """All groups have the levels of all rows above their own leaves."""
    nodes = _SUMMED(tree, leaves)
    return np.asarray(np.where(np.arange(tree.nodes) < tree.nodes - tree.leaves, nodes.sum(axis=0), nodes))


def _present_cells_only(cells: duckdb_engine.Column, sums: duckdb_engine.Column, size: int) -> object:
    return np.asarray(sums, dtype=np.int64)


def _unchecked_level(column: str, codes: int, levels: int) -> str:
    return f"CASE WHEN {column} IS NULL THEN {codes} ELSE {column}::BIGINT END"


def _three_valued(patch: pytest.MonkeyPatch) -> None:
    real = templates._cohort  # noqa: SLF001

    def cohort(one: Cohort, writer: templates._Writer) -> str:
        text = real(one, writer)
        if isinstance(one, OneOf | Between):
            return text.removeprefix("coalesce(").removesuffix(", FALSE)")
        return text

    patch.setattr(templates, "_cohort", cohort)


def _not_centred(moments: Moments, used: str) -> str:
    return f"SELECT cell, x, x AS y, x AS z FROM (SELECT cell, 2 * v AS x FROM ({used}))"  # noqa: S608


BUGS = {
    "no guard against NULL before the clamp": Bug(
        _value(lambda n, g: f"CASE WHEN isnan({n}) THEN NULL ELSE {_clamped(n, g)} END"),
        (SUM,),
        frozenset([VALUES]),
    ),
    "no guard against NaN before the clamp": Bug(
        _value(lambda n, g: f"CASE WHEN {n} IS NULL THEN NULL ELSE {_clamped(n, g)} END"),
        (SUM,),
        frozenset([VALUES]),
    ),
    "no guard at all and no clamp": Bug(
        _value(lambda n, g: f"{_steps(n, g)}::BIGINT"), (SUM,), frozenset([ERROR])
    ),
    "no clamp": Bug(
        _value(lambda n, g: _guarded(n, f"try_cast({_steps(n, g)} AS BIGINT)")),
        (SUM,),
        frozenset([DISTANCE]),
    ),
    "the clamp stands before the scaling": Bug(
        _value(_clamped_before_scaling), (SUM,), frozenset([DISTANCE])
    ),
    "bounds are the smallest and largest value of the data": Bug(
        _value(_bounds_from_data), (SUM, SUM_BY), frozenset([DISTANCE, ERROR])
    ),
    "half is rounded to even": Bug(_value(_half_even), (SUM,), frozenset([VALUES])),
    "no filter on ranks": Bug(
        _edited(("a.rk <= ?", "(a.rk <= ? OR TRUE)")), (COUNT, SUM), frozenset([DISTANCE])
    ),
    "the first rows of the table only": Bug(
        _edited((") WHERE cell IS NOT NULL", " LIMIT 5) WHERE cell IS NOT NULL")),
        (SUM, HISTOGRAM, COUNT_BY),
        frozenset([VALUES]),
    ),
    "a join meets a patient's every row": Bug(
        _edited((" AND p.rk = 1", "")), (COUNT_JOINED,), frozenset([DISTANCE])
    ),
    "a join meets other patients": Bug(
        _edited(("p.patient = a.patient", "p.patient >= a.patient")), (COUNT_JOINED,), frozenset([DISTANCE])
    ),
    "cells without rows are left out": Bug(
        lambda patch: patch.setattr(duckdb_engine, "_spread", _present_cells_only),
        (COUNT_BY, HISTOGRAM),
        frozenset([SHAPE]),
    ),
    "a code is not looked up in the list": Bug(
        _fixed("_level", _unchecked_level), (COUNT_BY,), frozenset([ERROR])
    ),
    "a comparison with a missing value is unknown": Bug(
        _three_valued, (NOT_NORTH, TWO_SIDED), frozenset([VALUES])
    ),
    "the last bin is open": Bug(
        _edited((" <= ? THEN", " < ? THEN")),
        (HISTOGRAM,),
        frozenset([VALUES]),
    ),
    "a row counts twice among the leaves": Bug(
        _tree(_leaves_twice), (QUANTILES, QUANTILES_BY), frozenset([DISTANCE])
    ),
    "families of a tree overlap": Bug(_tree(_neighbours_too), (QUANTILES,), frozenset([DISTANCE])),
    "the levels above are those of all groups": Bug(
        _tree(_groups_mixed), (QUANTILES_BY,), frozenset([DISTANCE])
    ),
    "NaN has a bin of its own, the last": Bug(
        _leaf(lambda one, column, bins: _leaf_of(_clamped(column, bins.grid), bins)),
        (QUANTILES,),
        frozenset([VALUES]),
    ),
    "a number outside the range has a bin that is not there": Bug(
        _leaf(
            lambda one, column, bins: _leaf_of(
                _guarded(column, f"try_cast({_steps(column, bins.grid)} AS BIGINT)"), bins
            )
        ),
        (QUANTILES,),
        frozenset([ERROR]),
    ),
    "bins begin at the smallest value of the data": Bug(
        _leaf(
            lambda one, column, bins: (
                f"{_leaf_of(_bounds_from_data(column, bins.grid), bins)} - {_least_of_data(column)}"
            )
        ),
        (QUANTILES,),
        frozenset([ERROR]),
    ),
    "bins are one step wide, whatever the range": Bug(
        _leaf(
            lambda one, column, bins: (
                f"least({_guarded(column, _clamped(column, bins.grid))} - ({bins.grid.low}),"
                f" {bins.tree.leaves - 1})"
            )
        ),
        (FINE_QUANTILES,),
        frozenset([VALUES]),
    ),
    "powers are not centred": Bug(
        _fixed("_powers", _not_centred), (PEOPLE_MEAN, VARIANCE), frozenset([DISTANCE])
    ),
    "a step is written with six digits": Bug(
        _fixed("_double", lambda number: f"{number:.6f}"), (FINE_SUM,), frozenset([VALUES])
    ),
}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(Ledger(Path(tmp_path_factory.mktemp("ledger")) / "ledger.sqlite", lambda: NOW))


def _search(bench: Bench, questions: tuple[Query, ...], wanted: frozenset[str], start: int) -> set[str]:
    """What the property sees in the odd worlds and at most 80 more; it stops when it has seen enough."""
    seen: set[str] = set()
    plans = [planned(query, _CAP) for query in questions]

    @seed(start)
    @settings(
        max_examples=80,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(world=worlds())
    def look(world: World) -> None:
        if not wanted <= seen:
            seen.update(findings(bench, world, plans))

    for world in oddities():
        seen |= findings(bench, world, plans)
    look()
    return seen


@pytest.mark.parametrize("name", list(BUGS))
def test_a_planted_bug_is_found(bench: Bench, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    bug, start = BUGS[name], fresh_seed()
    bug.plant(monkeypatch)
    assert bug.expected <= _search(bench, bug.questions, bug.expected, start)


def test_without_a_bug_the_same_questions_find_nothing(bench: Bench) -> None:
    start = fresh_seed()
    questions = tuple({query: None for bug in BUGS.values() for query in bug.questions})
    plans = [planned(query, _CAP) for query in questions]

    @seed(start)
    @settings(max_examples=6, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(world=worlds())
    def look(world: World) -> None:
        assert findings(bench, world, plans) == set()

    look()
