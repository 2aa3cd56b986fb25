"""Small worlds for the engine: a few patients with everything that hurts, in a snapshot's tables.

A world is what an import may leave, and worse: NULL, NaN, infinities, values outside the range, codes
that the dictionary does not have, ranks beyond the cap, a patient twice in the patients' table, rows
of nobody. The real templates and the real engine read it through `Shelf`.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache, lru_cache
from pathlib import Path
from typing import TypeAlias

import duckdb
from hypothesis import strategies as st

from node.engines.duckdb_engine import DuckDBEngine
from node.ledger.balances import Limits
from node.ledger.charge import Charge
from node.ledger.events import Spend
from node.ledger.ledger import Ledger
from node.plan import Plan, compile_plan
from node.snapshots import Snapshot, Snapshots
from privacy.loss import Loss
from protocols.canonical import sha256
from protocols.dictionary import Dictionary
from protocols.dictionary_text import read_dictionary
from protocols.ids import AnalystId, Digest, QueryId, SnapshotId, StudyId
from protocols.queries import Cohort, Mode, Query, ReleaseTerms, Scope, Statistic
from protocols.query_rules import canonical

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MAX_CAP = 4
Value: TypeAlias = int | float | None
Vectors: TypeAlias = tuple[tuple[int, ...], ...]

_TEXT = """
name: worlds
skerry: {patient: {table: people, key: id}}
resources:
  - name: people
    path: people.csv
    schema:
      fields:
        - {name: id, type: string}
        - {name: sex, type: string, constraints: {enum: ["F", "M"]}}
        - {name: arm, type: string, constraints: {enum: ["a", "b", "c"], required: true}}
        - {name: age, type: integer, constraints: {minimum: 0, maximum: 120}}
  - name: visits
    path: visits.csv
    skerry: {rows_per_patient: CAP}
    schema:
      fields:
        - {name: person, type: string, skerry: {role: key}}
        - {name: site, type: string, constraints: {enum: ["n", "s"]}}
        - {name: dose, type: number, constraints: {minimum: -3.5, maximum: 60}, skerry: {precision: 0.25}}
        - {name: score, type: number, constraints: {minimum: 0, maximum: 1000.1}}
        - {name: grade, type: integer, constraints: {enum: [-2, 0, 1, 5]}}
"""
_KINDS = (("USMALLINT", "USMALLINT", "DOUBLE"), ("USMALLINT", "DOUBLE", "DOUBLE", "USMALLINT"))
PEOPLE, VISITS = 0, 1


@lru_cache(maxsize=MAX_CAP)
def dictionary(cap: int) -> Dictionary:
    """The registry of people and visits, with this many visits per patient."""
    return read_dictionary(_TEXT.replace("CAP", str(cap)).encode())


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a snapshot's table; `values` are its columns c1, c2, ..."""

    patient: int
    rank: int
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class World:
    """The rows of both tables."""

    people: tuple[Row, ...]
    visits: tuple[Row, ...]

    @property
    def tables(self) -> tuple[tuple[Row, ...], ...]:
        return self.people, self.visits

    @property
    def patients(self) -> list[int]:
        return sorted({row.patient for table in self.tables for row in table})

    def without(self, patient: int) -> "World":
        """The neighbour in which this patient is nowhere."""
        return World(
            tuple(row for row in self.people if row.patient != patient),
            tuple(row for row in self.visits if row.patient != patient),
        )


_EXTREMES: tuple[Value, ...] = (math.nan, math.inf, -math.inf, 1e308, -1e308, 5e-324)
_AGES: tuple[Value, ...] = (0, 1, 59, 60, 61, 119.5, 120, 121, -1)
_DOSES: tuple[Value, ...] = (
    *(-3.6, -3.5, -3.375, -0.125, 0, 0.125, 0.25, 0.375),
    *(1, 9.9, 10, 59.9, 60, 60.2, 240),
)
_SCORES: tuple[Value, ...] = (0, 0.0004768, 0.001, 7.25, 500.05, 1000.1, 1000.2)


def _numbers(usual: tuple[Value, ...]) -> st.SearchStrategy[Value]:
    return st.sampled_from((None, *usual, *usual, *_EXTREMES))


def _codes(count: int) -> st.SearchStrategy[Value]:
    return st.sampled_from((None, *range(count), *range(count), *range(count), count, 7, 65_535))


_PERSON = st.tuples(_codes(2), _codes(3), _numbers(_AGES))
_VISIT = st.tuples(_codes(2), _numbers(_DOSES), _numbers(_SCORES), _codes(4))


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Worlds of 1 to 10 patients."""
    people: list[Row] = []
    visits: list[Row] = []
    for patient in range(1, draw(st.sampled_from((1, 2, 3, 4, 5, 6, 8, 10))) + 1):
        # 0: rows of somebody who is not in the patients' table; 2: a doubled row.
        ranks = range(1, draw(st.sampled_from((1, 1, 1, 1, 2, 0))) + 1)
        people.extend(Row(patient, rank, draw(_PERSON)) for rank in ranks)
        seen = [draw(_VISIT) for _ in range(draw(st.sampled_from(range(MAX_CAP + 3))))]
        # Often the same visit many times: all rows in one cell is what reaches the bound.
        is_same: bool = draw(st.booleans())
        if seen and is_same:
            seen = [seen[0]] * len(seen)
        visits.extend(Row(patient, rank, values) for rank, values in enumerate(seen, start=1))
    return World(tuple(people), tuple(visits))


def oddities() -> Iterator[World]:
    """A doubled patient with too many visits; then every odd value alone, at a patient of its own."""
    doses = [(0, dose, 1.0, 1) for dose in (None, *_DOSES, *_EXTREMES)]
    scores = [(1, 1.0, score, 2) for score in (None, *_SCORES, *_EXTREMES)]
    codes = [(code, 1.0, 1.0, code) for code in (None, 2, 4, 7, 65_535)]
    ages = [(0, 0, age) for age in (None, *_AGES, *_EXTREMES)]
    doubled = tuple(Row(1, rank, (0, 0, 60)) for rank in (1, 2))
    yield World(doubled, tuple(Row(1, rank, (0, 60, 1000.1, 3)) for rank in range(1, MAX_CAP + 3)))
    visits: list[tuple[Value, ...]] = [*doses, *scores, *codes]
    for start in range(0, len(visits), 10):
        part = list(enumerate(visits[start : start + 10], start=1))
        yield World(
            tuple(Row(patient, 1, ages[(start + patient) % len(ages)]) for patient, _ in part),
            tuple(Row(patient, 1, values) for patient, values in part),
        )


class Shelf(Snapshots):
    """Gives the world that was put on it last, whatever snapshot is asked for."""

    def __init__(self) -> None:
        super().__init__(Path("nowhere"), bytes(32))
        self._db = duckdb.connect(config={"threads": 1})

    def put(self, world: World) -> None:
        self._db.execute("DETACH DATABASE IF EXISTS s")
        self._db.execute("ATTACH ':memory:' AS s")
        for number, (kinds, rows) in enumerate(zip(_KINDS, world.tables, strict=True)):
            columns = ", ".join(f"c{index} {kind}" for index, kind in enumerate(kinds, start=1))
            self._db.execute(
                f"CREATE TABLE s.t{number} (patient BIGINT NOT NULL, rk INTEGER NOT NULL, {columns})"
            )
            if rows:
                values = ", ".join(["(" + ", ".join("?" * (len(kinds) + 2)) + ")"] * len(rows))
                flat = [value for row in rows for value in (row.patient, row.rank, *row.values)]
                self._db.execute(f"INSERT INTO s.t{number} VALUES {values}", flat)  # noqa: S608

    def open_read_only(self, snapshot: Snapshot, *, memory: str = "1GB") -> duckdb.DuckDBPyConnection:
        return self._db.cursor()


SNAPSHOT = Snapshot(
    id=SnapshotId(bytes(16)), dictionary=Digest(bytes(32)), committed_at=NOW, path=Path("nowhere")
)
_FREE = Limits(registry=None, study=None, analyst=None, rounds=1)


def spend_of(plan: Plan, snapshot: SnapshotId, query_id: QueryId | None = None) -> Spend:
    """What a charge for a plan says about itself."""
    return Spend(
        registry=plan.dictionary.name,
        study=StudyId("study"),
        analyst=AnalystId("ada"),
        institution="x",
        query_id=query_id or QueryId.new(),
        content=sha256("test", plan.question.octets),
        query=plan.query,
        dictionary=plan.dictionary.digest,
        snapshot=snapshot,
        noise=tuple(one.event for one in plan.mechanisms),
    )


class Bench:
    """Reads worlds with the real engine, for charges that a real ledger made."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._shelf = Shelf()
        self._charges: dict[Digest, Charge] = {}

    def put(self, world: World) -> None:
        self._shelf.put(world)

    def read(self, plan: Plan) -> Vectors:
        """The exact vectors of the world on the shelf."""
        with self._engine() as engine:
            vectors = engine.aggregate(plan, SNAPSHOT, self._charge(plan))
        return tuple(tuple(int(value) for value in vector) for vector in vectors)

    @contextmanager
    def _engine(self) -> Iterator[DuckDBEngine]:
        engine = DuckDBEngine(self._shelf)
        try:
            yield engine
        finally:
            engine.close()

    def _charge(self, plan: Plan) -> Charge:
        key = plan.repeat_key(SNAPSHOT.id)
        if key not in self._charges:
            charge = self._ledger.charge(spend_of(plan, SNAPSHOT.id), _FREE)
            assert isinstance(charge, Charge)
            self._charges[key] = charge
        return self._charges[key]


def question(statistic: Statistic, cohort: Cohort | None = None, rho: str = "1") -> Query:
    """A query for this statistic, DP in centre scope."""
    terms = ReleaseTerms(mode=Mode.DP, scope=Scope.CENTRE, loss=Loss.parse(rho), delta=Decimal("0.000001"))
    return Query(statistic=statistic, cohort=cohort, release=terms)


@cache
def planned(query: Query, cap: int) -> Plan:
    """The plan of a query over the registry with this cap."""
    return compile_plan(canonical(query, dictionary(cap)), dictionary(cap))
