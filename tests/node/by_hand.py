"""What an answer must be, row by row in plain Python from protocols/layout.py. Knows nothing of SQL.

Half away from zero per row; the last bin is closed; a comparison with a missing value is false, and
`not` turns it true.
"""

import math
from fractions import Fraction
from itertools import product

from node.plan import Plan
from protocols.dictionary import Code, Dictionary, FieldName, Grid
from protocols.queries import All, Any, Between, Cohort, Kind, Missing, Not, OneOf
from tests.node.worlds import Row, Value, Vectors, World


class _Case:
    """One row, with the patient's row beside it."""

    def __init__(self, dictionary: Dictionary, row: Row, table: str, person: Row | None) -> None:
        self._dictionary = dictionary
        self._rows = {dictionary.patient_table: person, table: row}

    def raw(self, name: FieldName) -> Value:
        row = self._rows[name.table]
        assert row is not None
        place = [one.name for one in self._dictionary.table(name.table).fields].index(name.name)
        return row.values[place - 1]

    def code(self, name: FieldName) -> Code | None:
        """The code of a coded field; None when missing or not in the list."""
        index = self.raw(name)
        codes = self._dictionary.field(name).codes
        return codes[int(index)] if index is not None and index < len(codes) else None

    def number(self, name: FieldName) -> float | None:
        """The field as a number; NaN is one here."""
        if self._dictionary.field(name).codes:
            code = self.code(name)
            return None if code is None else float(code)
        value = self.raw(name)
        return None if value is None else float(value)


def _holds(cohort: Cohort | None, case: _Case, dictionary: Dictionary) -> bool:
    match cohort:
        case None:
            return True
        case All(parts=parts):
            return all(_holds(part, case, dictionary) for part in parts)
        case Any(parts=parts):
            return any(_holds(part, case, dictionary) for part in parts)
        case Not(part=part):
            return not _holds(part, case, dictionary)
        case Missing(field=name):
            return case.raw(name) is None
        case Between(field=name, low=low, high=high):
            number = case.number(name)
            return number is not None and float(low) <= number <= float(high)
        case OneOf(field=name, codes=codes):
            if dictionary.field(name).codes:
                return case.code(name) in codes
            return case.number(name) in {float(code) for code in codes}


def half_away(value: Fraction) -> int:
    """Round to the nearest whole number, half away from zero."""
    rounded = math.floor(abs(value) + Fraction(1, 2))
    return rounded if value >= 0 else -rounded


def _steps(number: float, grid: Grid) -> int:
    """A number in whole steps, clamped: rounding.md."""
    quotient = number / float(grid.step)
    if math.isinf(quotient):
        return grid.high if quotient > 0 else grid.low
    return max(grid.low, min(grid.high, half_away(Fraction(quotient))))


def _group(plan: Plan, case: _Case) -> int | None:
    cell = 0
    for name, levels in zip(plan.query.statistic.by, plan.layout.levels, strict=True):
        code = case.code(name)
        if code is None and (case.raw(name) is not None or None not in levels):
            return None
        cell = cell * len(levels) + levels.index(code)
    return cell


def _bin(plan: Plan, number: float | None) -> int | None:
    edges = [float(edge) for edge in plan.layout.edges]
    if number is None or math.isnan(number) or not edges[0] <= number <= edges[-1]:
        return None
    inside = [i for i in range(len(edges) - 1) if edges[i] <= number < edges[i + 1]]
    return inside[0] if inside else len(edges) - 2


def _odd_divisor(width: int, steps: int) -> int:
    divisor = 1
    while divisor * steps < width:
        divisor += 2
    return divisor


def _terms(plan: Plan, number: float) -> dict[str, int]:
    assert plan.layout.moments is not None
    grid = plan.layout.moments.grid
    v = _steps(number, grid)
    width = grid.high - grid.low
    x = 2 * v - (grid.low + grid.high)
    square, fourth = _odd_divisor(width, 2**19), _odd_divisor(width, 2**8)
    y, top = half_away(Fraction(x, square)), half_away(Fraction(width, square))
    z, peak = half_away(Fraction(x, fourth)), half_away(Fraction(width, fourth))
    return {
        "sum": v,
        "n": 1,
        "first": x,
        "second": 2 * y**2 - top**2,
        "third": z**3,
        "fourth": 2 * z**4 - peak**4,
    }


def tree_sizes(leaves: int) -> list[int]:
    """The number of nodes on each level of a tree, the highest first: by fours, until four are left."""
    sizes = [leaves]
    while sizes[0] > 4:
        sizes.insert(0, math.ceil(sizes[0] / 4))
    return sizes


def _nodes(plan: Plan, group: int, number: float) -> list[int]:
    """The nodes that a row is counted in: one on each level, by the bin of its value."""
    assert plan.query.statistic.variable is not None
    bounds = plan.dictionary.field(plan.query.statistic.variable).numeric_range
    assert bounds is not None
    grid = bounds.grid
    values = grid.high - grid.low + 1
    run = math.ceil(values / 256)
    sizes = tree_sizes(math.ceil(values / run))
    place, start, nodes = (_steps(number, grid) - grid.low) // run, sum(sizes), []
    for size in reversed(sizes):
        start -= size
        nodes.append(group * sum(sizes) + start + place)
        place //= 4
    return nodes


def _additions(plan: Plan, case: _Case) -> tuple[list[int], dict[str, int]] | None:
    """The cells of a row and what it adds to each block; None when it adds nothing."""
    statistic, group = plan.query.statistic, _group(plan, case)
    if group is None:
        return None
    if statistic.variable is None:
        return [group], {"count": 1}
    match statistic.kind:
        case Kind.PROPORTION:
            if case.raw(statistic.variable) is None:
                return None
            is_in = case.code(statistic.variable) in statistic.codes
            return [group * 2 + (0 if is_in else 1)], {"in_out": 1}
        case Kind.HISTOGRAM:
            place = _bin(plan, case.number(statistic.variable))
            return None if place is None else ([group * (len(plan.layout.edges) - 1) + place], {"bins": 1})
        case _:
            number = case.number(statistic.variable)
            if number is None or math.isnan(number):
                return None
            if statistic.kind is Kind.QUANTILES:
                return _nodes(plan, group, number), {"tree": 1}
            return [group], _terms(plan, number)


def _named(plan: Plan) -> set[str]:
    def tables(cohort: Cohort | None) -> set[str]:
        match cohort:
            case None:
                return set()
            case All(parts=parts) | Any(parts=parts):
                return set().union(*(tables(part) for part in parts))
            case Not(part=part):
                return tables(part)
            case _:
                return {cohort.field.table}

    statistic = plan.query.statistic
    variable = {statistic.variable.table} if statistic.variable else set()
    return {name.table for name in statistic.by} | variable | tables(plan.query.cohort)


def by_hand(plan: Plan, world: World) -> Vectors:
    """The exact vectors of a world."""
    dictionary, table = plan.dictionary, plan.query.statistic.table
    numbers = [one.name for one in dictionary.tables]
    rows = world.tables[numbers.index(table)]
    people = {row.patient: row for row in world.people if row.rank == 1}
    joins = table != dictionary.patient_table and dictionary.patient_table in _named(plan)
    totals = {block.name: [0] * block.size for block in plan.layout.blocks}
    for row in rows:
        if row.rank > dictionary.table(table).cap or (joins and row.patient not in people):
            continue
        person = row if table == dictionary.patient_table else people.get(row.patient)
        case = _Case(dictionary, row, table, person)
        added = _additions(plan, case) if _holds(plan.query.cohort, case, dictionary) else None
        if added is not None:
            for (name, vector), cell in product(totals.items(), added[0]):
                vector[cell] += added[1][name]
    return tuple(tuple(vector) for vector in totals.values())
