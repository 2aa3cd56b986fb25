"""Neighbouring databases: for every statistic x grouping x cohort, one patient moves what is stated.

The vectors are exact, so the distance is compared with the bound as integers, without tolerance.
"""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from node.ledger.ledger import Ledger
from protocols.queries import Kind
from tests.node.neighbours import findings
from tests.node.questions import DOSE, QUESTIONS, of_kind
from tests.node.seeds import fresh_seed
from tests.node.worlds import MAX_CAP, NOW, Bench, Row, World, planned, worlds


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(Ledger(Path(tmp_path_factory.mktemp("ledger")) / "ledger.sqlite", lambda: NOW))


@pytest.mark.parametrize("kind", list(Kind))
def test_removing_any_patient_moves_every_block_by_at_most_its_bound(bench: Bench, kind: Kind) -> None:
    @seed(fresh_seed())
    @settings(max_examples=3, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(world=worlds(), cap=st.integers(1, MAX_CAP))
    def neighbours_are_close(world: World, cap: int) -> None:
        assert findings(bench, world, [planned(query, cap) for query in of_kind(kind)]) == set()

    neighbours_are_close()


@pytest.mark.parametrize("cap", range(1, MAX_CAP + 1))
def test_the_bound_of_every_block_is_reached_by_a_patient_at_the_end_of_the_range(
    bench: Bench, cap: int
) -> None:
    reached: dict[Kind, set[str]] = {}
    for site, dose in ((0, 60.0), (0, -3.5)):
        visits = tuple(Row(1, rank, (site, dose, 0.0, 3)) for rank in range(1, MAX_CAP + 3))
        bench.put(World((Row(1, 1, (0, 0, 120.0)),), visits))
        for query in QUESTIONS:
            statistic = query.statistic
            if query.cohort is not None or statistic.by or statistic.table != "visits":
                continue
            if statistic.variable not in (None, DOSE):
                continue
            plan = planned(query, cap)
            for block, vector in zip(plan.layout.blocks, bench.read(plan), strict=True):
                if sum(value**2 for value in vector) == block.l2_squared:
                    reached.setdefault(statistic.kind, set()).add(block.name)
    assert reached == {
        Kind.COUNT: {"count"},
        Kind.SUM: {"sum"},
        Kind.MEAN: {"n", "first", "second"},
        Kind.VARIANCE: {"n", "first", "second", "third", "fourth"},
        Kind.HISTOGRAM: {"bins"},
        Kind.QUANTILES: {"tree"},
    }


def test_an_empty_world_has_the_same_shape_and_only_zeros(bench: Bench) -> None:
    bench.put(World((), ()))
    for query in QUESTIONS:
        plan = planned(query, 2)
        assert bench.read(plan) == tuple((0,) * block.size for block in plan.layout.blocks)
