"""The SQL templates: from a plan to one statement that sums bounded integers. Pure.

Rules:
* Nothing that anybody wrote enters the text: tables and columns are ordinals, and every value of
  the query is a bound parameter.
* Each row adds to one cell at most, and what it adds is clamped after rounding; only rows with a rank
  within the cap count. The lemma of each block is in privacy/proofs/contributions.md.
* Of a tree only the leaves are counted here; the engine sums the levels above from them.
* NULL and NaN are taken out before the clamp: `greatest(0, least(60, NULL))` is 60 in this engine,
  and NaN compares as the largest number.
* A comparison with a missing value is false, and `not` turns it true (spec/queries.md 3).
* Sums are HUGEINT, exact; the last step saturates at 2^62, which keeps neighbours as close.
"""

# ruff: noqa: S608 -- statements are made of ordinals and of our own words; values are parameters

from bisect import bisect_right
from dataclasses import dataclass, field
from decimal import Decimal
from typing import assert_never

from node.plan import Plan
from protocols.dictionary import Code, Dictionary, Field, FieldName, Grid
from protocols.layout import Bins, Moments
from protocols.queries import All, Any, Between, Cohort, Kind, Missing, Not, OneOf

_LIMIT = 2**62
_INDEX = "USMALLINT"
"""The type of a code's place in its list, as snapshots keep it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A statement and its parameters; its columns are the cell and then one per block."""

    text: str
    parameters: tuple[object, ...]


@dataclass(slots=True)
class _Writer:
    """Writes the parts of one statement and collects their parameters in the order of the text."""

    dictionary: Dictionary
    table: str
    parameters: list[object] = field(default_factory=list)
    joins: bool = False

    def bind(self, value: object) -> str:
        self.parameters.append(value)
        return "?"

    def among(self, column: str, values: list[int] | list[float], kind: str) -> str:
        """Say that a column has one of the values; NULL where it has none.

        As a subquery, because the engine makes a hash table of it: a list it compares one by one, and
        60 lists of 1,000 over a million rows would hold a node for five minutes.
        """
        return f"{column} IN (SELECT unnest({self.bind(values)}::{kind}[]))"

    def column(self, name: FieldName) -> str:
        """Name a field's column: of the statistic's table (a), or of the patients' table (p)."""
        table = self.dictionary.table(name.table)
        index = next(i for i, one in enumerate(table.fields) if one.name == name.name)
        if name.table == self.table:
            return f"a.c{index}"
        self.joins = True
        return f"p.c{index}"

    def table_name(self, name: str) -> str:
        index = next(i for i, one in enumerate(self.dictionary.tables) if one.name == name)
        return f"s.t{index}"


def statement_of(plan: Plan) -> Statement:
    """Write the statement of a plan. Parameters stand in the text's order."""
    statistic, layout = plan.query.statistic, plan.layout
    writer = _Writer(plan.dictionary, statistic.table)
    used = f"SELECT cell, v FROM ({_used(plan, writer)})"
    if layout.moments is not None and statistic.kind is not Kind.SUM:
        used = _powers(layout.moments, used)
    sums = ", ".join(_sums(plan))
    text = f"SELECT cell, {sums} FROM ({used}) GROUP BY cell"
    return Statement(text=text, parameters=tuple(writer.parameters))


def membership_of(plan: Plan) -> Statement:
    """Write the statement that says which patient is in which cell, for a table with one row a patient."""
    writer = _Writer(plan.dictionary, plan.query.statistic.table)
    text = f"SELECT patient, cell FROM ({_used(plan, writer)}) ORDER BY patient"
    return Statement(text=text, parameters=tuple(writer.parameters))


def _used(plan: Plan, writer: _Writer) -> str:
    """Select the rows that count, with their patient, cell and number."""
    statistic = plan.query.statistic
    cell = _cell(plan, writer)
    value = _value(plan, writer)
    rank = f"a.rk <= {writer.bind(plan.layout.cap)}"
    cohort = _cohort(plan.query.cohort, writer) if plan.query.cohort else "TRUE"
    source = f"{writer.table_name(statistic.table)} AS a"
    if writer.joins:
        patients = writer.table_name(plan.dictionary.patient_table)
        source += f" JOIN {patients} AS p ON p.patient = a.patient AND p.rk = 1"
    columns = f"a.patient AS patient, {cell} AS cell, {value} AS v"
    rows = f"SELECT {columns} FROM {source} WHERE {rank} AND {cohort}"
    return f"SELECT patient, cell, v FROM ({rows}) WHERE cell IS NOT NULL AND v IS NOT NULL"


def _cell(plan: Plan, writer: _Writer) -> str:
    """Number the cell of a row, in the layout's order; NULL where the row has none."""
    cell = "0"
    for name, levels in zip(plan.query.statistic.by, plan.layout.levels, strict=True):
        codes = len(plan.dictionary.field(name).codes)
        cell = f"({cell} * {len(levels)} + {_level(writer.column(name), codes, len(levels))})"
    statistic = plan.query.statistic
    if statistic.variable is None or statistic.kind in (Kind.SUM, Kind.MEAN, Kind.VARIANCE):
        return cell
    one = plan.dictionary.field(statistic.variable)
    column = writer.column(statistic.variable)
    if plan.layout.bins is not None:
        bins = plan.layout.bins
        return f"({cell} * {bins.tree.leaves} + {_leaf(one, column, bins)})"
    if statistic.kind is Kind.HISTOGRAM:
        edges = statistic.edges
        place = _coded_bin(one, column, edges) if one.codes else _bin(column, edges, writer)
        return f"({cell} * {len(edges) - 1} + {place})"
    inside = [one.codes.index(code) for code in statistic.codes]
    return f"({cell} * 2 + CASE WHEN {writer.among(column, inside, _INDEX)} THEN 0 ELSE 1 END)"


def _level(column: str, codes: int, levels: int) -> str:
    missing = f" WHEN {column} IS NULL THEN {codes}" if levels > codes else ""
    return f"CASE WHEN {column} < {codes} THEN {column}::BIGINT{missing} END"


def _number(one: Field, column: str) -> str:
    """Give a field as a double: itself, or the number that its code stands for."""
    if not one.codes:
        return column
    numbers = ", ".join(_double(float(code)) for code in one.codes if isinstance(code, Decimal))
    # Widened first: the index has 16 bits, and the largest plus 1 would be an error that tells of a row.
    return f"list_extract([{numbers}]::DOUBLE[], {column}::BIGINT + 1)"


def _double(number: float) -> str:
    """Write a binary64 number: without an exponent the engine would read a DECIMAL, and round twice."""
    text = repr(number)
    return text if "e" in text else f"{text}e0"


def _coded_bin(one: Field, column: str, edges: tuple[Decimal, ...]) -> str:
    """Look up the bin of a code: which one is public, so the engine compares nothing."""

    def place(code: Code) -> str:
        if not isinstance(code, Decimal) or not edges[0] <= code <= edges[-1]:
            return "NULL"
        return str(min(bisect_right(edges, code) - 1, len(edges) - 2))

    return f"list_extract([{', '.join(map(place, one.codes))}]::BIGINT[], {column}::BIGINT + 1)"


def _leaf(one: Field, column: str, bins: Bins) -> str:
    """Number the bin of a row: its whole steps above the lower end, in runs of one length."""
    return f"(({_steps(one, column, bins.grid)}) - ({bins.grid.low})) // {bins.steps}"


def _steps(one: Field, column: str, grid: Grid) -> str:
    """Give a field in whole steps, clamped to the grid; NULL where the row has no number."""
    number = _number(one, column)
    steps = f"round({number} / {_double(float(grid.step))})"
    clamped = f"greatest({grid.low}, least({grid.high}, {steps}))::BIGINT"
    return f"CASE WHEN {number} IS NULL OR isnan({number}) THEN NULL ELSE {clamped} END"


def _bin(number: str, edges: tuple[Decimal, ...], writer: _Writer) -> str:
    """Find the bin of a number by halving; the last bin is closed, and outside there is none."""

    def halves(low: int, high: int) -> str:
        if high - low == 1:
            return str(low)
        middle = (low + high) // 2
        bound = writer.bind(float(edges[middle]))
        return f"CASE WHEN {number} < {bound} THEN {halves(low, middle)} ELSE {halves(middle, high)} END"

    lowest, highest = writer.bind(float(edges[0])), writer.bind(float(edges[-1]))
    inside = f"NOT isnan({number}) AND {number} >= {lowest} AND {number} <= {highest}"
    return f"CASE WHEN {inside} THEN {halves(0, len(edges) - 1)} END"


def _value(plan: Plan, writer: _Writer) -> str:
    """Give what a row's number is in whole steps, clamped to the grid; 1 where no number is summed."""
    statistic, moments = plan.query.statistic, plan.layout.moments
    if statistic.variable is None:
        return "1"
    one = plan.dictionary.field(statistic.variable)
    column = writer.column(statistic.variable)
    if moments is None:
        return f"CASE WHEN {column} IS NULL THEN NULL ELSE 1 END"
    return _steps(one, column, moments.grid)


def _powers(moments: Moments, used: str) -> str:
    """Centre the number and make the coarser ones for its powers (protocols/layout.py, Moments)."""
    x = f"2 * v - ({moments.grid.low + moments.grid.high})"

    def coarser(divisor: int) -> str:
        return "x" if divisor == 1 else f"round(x / {_double(float(divisor))})::BIGINT"

    y, z = coarser(moments.square_divisor), coarser(moments.fourth_divisor)
    return f"SELECT cell, x, {y} AS y, {z} AS z FROM (SELECT cell, {x} AS x FROM ({used}))"


def _sums(plan: Plan) -> list[str]:
    """Give one saturated sum for each block, in the layout's order."""
    moments = plan.layout.moments
    squares = f"2 * y * y - {moments.square_bound**2}" if moments else ""
    fourths = f"2 * z * z * z * z - {moments.fourth_bound**4}" if moments else ""
    terms = {"sum": "v", "first": "x", "second": squares, "third": "z * z * z", "fourth": fourths}
    return [
        _saturated(f"sum({terms[block.name]})") if block.name in terms else "count(*)"
        for block in plan.layout.blocks
    ]


def _saturated(total: str) -> str:
    return f"greatest({-_LIMIT}, least({_LIMIT}, {total}))::BIGINT"


def _cohort(cohort: Cohort, writer: _Writer) -> str:
    match cohort:
        case All(parts=parts):
            return "(" + " AND ".join(_cohort(part, writer) for part in parts) + ")"
        case Any(parts=parts):
            return "(" + " OR ".join(_cohort(part, writer) for part in parts) + ")"
        case Not(part=part):
            return f"(NOT {_cohort(part, writer)})"
        case OneOf(field=name, codes=codes):
            one = writer.dictionary.field(name)
            if one.codes:
                return _one_of(writer, name, [one.codes.index(code) for code in codes])
            # Checked by query_rules: codes of a field with a range are numbers.
            return f"coalesce({writer.among(writer.column(name), list(map(float, codes)), 'DOUBLE')}, FALSE)"
        case Between(field=name, low=low, high=high):
            one = writer.dictionary.field(name)
            if one.codes:
                inside = [i for i, c in enumerate(one.codes) if isinstance(c, Decimal) and low <= c <= high]
                return _one_of(writer, name, inside)
            ends = f"{writer.bind(float(low))} AND {writer.bind(float(high))}"
            return f"coalesce({writer.column(name)} BETWEEN {ends}, FALSE)"
        case Missing(field=name):
            return f"({writer.column(name)} IS NULL)"
        case _:
            assert_never(cohort)


def _one_of(writer: _Writer, name: FieldName, places: list[int]) -> str:
    """Say that a field has one of the codes at these places of its list."""
    return f"coalesce({writer.among(writer.column(name), places, _INDEX)}, FALSE)"
