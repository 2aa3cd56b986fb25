"""The rows of each group, from an earlier count that was paid for. protocols/spec/plans.md 4. Pure.

Rules:
* The count is over the same table and the same cohort; it may leave out rows without a value of the
  variable, as the planned statistic does.
* Fields of the count that the question does not group by are summed over; a field that only the
  question groups by is taken to share a group's rows out evenly over its codes.
* A noisy number below zero is none; a suppressed one is not known, nor is a group that holds it.
"""

from collections.abc import Collection
from dataclasses import dataclass
from itertools import product

from coordinator.analyst.result import Result
from protocols.dictionary import Code, Dictionary, FieldName
from protocols.errors import Problem, TextError
from protocols.ids import CentreId
from protocols.queries import All, Cohort, Kind, Missing, Not, Query

Levels = tuple[Code | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedRows:
    """The rows of each group of a question, in the layout's order, and what that rests on.

    None where the count does not say.
    """

    groups: tuple[tuple[Levels, int | None], ...]
    assumptions: tuple[str, ...]


def counted_rows(
    count: Result, query: Query, dictionary: Dictionary, centres: Collection[CentreId]
) -> CountedRows:
    """Take the rows of a canonical query's groups at these centres from an earlier count.

    Raises TextError, naming what does not match.
    """
    _check(count, query, dictionary)
    by, had = query.statistic.by, count.query.statistic.by
    shared = [name for name in by if name in had]
    sums = _sums(count, [had.index(name) for name in shared], centres)
    shares = [len(dictionary.field(name).codes) for name in by if name not in had]
    groups = []
    for levels in product(*(dictionary.field(name).levels for name in by)):
        chosen = dict(zip(by, levels, strict=True))
        rows = sums.get(tuple(chosen[name] for name in shared))
        is_shared_out = any(chosen[name] is None for name in by if name not in had)
        groups.append((levels, None if rows is None or is_shared_out else _part(rows, shares)))
    return CountedRows(groups=tuple(groups), assumptions=_assumptions(count, query, dictionary, centres))


def _check(count: Result, query: Query, dictionary: Dictionary) -> None:
    statistic = count.query.statistic
    if statistic.kind is not Kind.COUNT:
        raise _other(f"it is a {statistic.kind.value}, not a count", "name the result of a count")
    if count.dictionary.digest != dictionary.digest:
        raise _other("it was asked with another dictionary", "ask the count again")
    if statistic.table != query.statistic.table:
        raise _other(
            f"it counts rows of table {statistic.table!r}, and the question is over"
            f" {query.statistic.table!r}",
            f"count with table: {query.statistic.table}",
        )
    known, wanted = _conditions(count.query.cohort), _conditions(query.cohort)
    if known != wanted and known != wanted | _has_value(query):
        raise _other("it counts another cohort than the question's", "count with the question's cohort")


def _other(what: str, next_step: str) -> TextError:
    return TextError([Problem(line=0, where="the earlier count", what=what, next_step=next_step)])


def _conditions(cohort: Cohort | None) -> frozenset[Cohort]:
    if cohort is None:
        return frozenset()
    return frozenset(cohort.parts) if isinstance(cohort, All) else frozenset([cohort])


def _has_value(query: Query) -> frozenset[Cohort]:
    variable = query.statistic.variable
    return frozenset() if variable is None else frozenset([Not(part=Missing(field=variable))])


def _sums(count: Result, kept: list[int], centres: Collection[CentreId]) -> dict[Levels, int | None]:
    """Add up the centres' rows over the fields that are not kept; noise is added up too."""
    sums: dict[Levels, int | None] = {}
    for centre, rows in count.centre_rows.items():
        for row in rows if centre in centres else ():
            levels = tuple(row.groups[place][1] for place in kept)
            earlier, here = sums.get(levels, 0), row.estimate
            sums[levels] = None if earlier is None or here is None else earlier + round(here)
    return sums


def _part(rows: int, shares: list[int]) -> int:
    for codes in shares:
        rows //= max(1, codes)
    return max(0, rows)


def _assumptions(
    count: Result, query: Query, dictionary: Dictionary, centres: Collection[CentreId]
) -> tuple[str, ...]:
    said = [f"rows of each group from the count {count.query_id}, with its noise"]
    extra = [name for name in query.statistic.by if name not in count.query.statistic.by]
    if extra:
        said.append(f"the count is not by {_shown(extra, dictionary)}: its rows are shared out evenly")
    lacking = sorted(str(one) for one in set(centres) - set(count.answered))
    if lacking:
        said.append(f"the count has no rows of {', '.join(lacking)}: there will be more than expected")
    variable = query.statistic.variable
    is_over_all = _conditions(count.query.cohort) == _conditions(query.cohort)
    if variable is not None and is_over_all and not dictionary.field(variable).required:
        said.append(f"every counted row has a value of {dictionary.shown(variable)}")
    return tuple(said)


def _shown(names: list[FieldName], dictionary: Dictionary) -> str:
    return " and ".join(dictionary.shown(name) for name in names)
