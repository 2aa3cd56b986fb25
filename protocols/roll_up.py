"""When a paid answer contains a coarser question's, and which cells add up to which. spec/queries.md 7.

Adding released cells is post-processing: it costs nothing. Rules:
* The same statistic of the same variable over the same table, in mode `dp`, at the same scope.
* The coarser question groups by some of the finer one's fields, and asks of the same cohort; conditions
  that it adds are on the finer one's groups alone, so that they choose among its cells.
* A histogram may leave out edges, except the last: its bin alone is closed above.
* Noise adds up too: it is taken only where the sum is at least as exact as what was asked for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise, product
from typing import assert_never

from protocols.canonical import decimal_text, sha256
from protocols.dictionary import Code, Dictionary, FieldName
from protocols.ids import Digest
from protocols.queries import (
    All,
    Any,
    Between,
    Cohort,
    Missing,
    Mode,
    Not,
    OneOf,
    Query,
)
from protocols.query_fields import fields_of_cohort

_Level = Code | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RollUp:
    """For each group of the coarser question, the groups of the finer one that add up to it.

    `bins` does the same for a histogram's bins, and is empty without. `most` is the largest number of
    released integers that are added for one cell.
    """

    groups: tuple[tuple[int, ...], ...]
    bins: tuple[tuple[int, ...], ...]

    @property
    def most(self) -> int:
        """The largest number of finer cells in one coarser cell; at least 1."""
        widest = max((len(parts) for parts in self.bins), default=1)
        return max(1, max(len(parts) for parts in self.groups) * widest)


def family_of(query: Query) -> Digest:
    """Name all questions of which one could contain another's answer: only they are compared."""
    one, release = query.statistic, query.release
    words = (one.kind.value, one.table, str(one.variable or ""), release.mode.value, release.scope.value)
    codes = (f"{type(code).__name__} {_written(code)}" for code in one.codes)
    return sha256("skerry/1 family", *(part.encode() for part in (*words, *codes)))


def _written(code: Code) -> str:
    return decimal_text(code) if isinstance(code, Decimal) else str(code)


def roll_up(finer: Query, asked: Query, dictionary: Dictionary) -> RollUp | None:
    """Say how the answer to a canonical query follows from a paid one's; None when it does not."""
    # The cheapest reasons first: a ledger asks this of many paid questions in one transaction.
    if finer.release.mode is not Mode.DP or finer.release.loss < asked.release.loss:
        return None
    by = finer.statistic.by
    conditions, known = _conditions(asked.cohort), _conditions(finer.cohort)
    if not (known <= conditions and set(asked.statistic.by) <= set(by)):
        return None
    if family_of(finer) != family_of(asked):
        return None
    added = conditions - known
    if any(not fields_of_cohort(condition) <= set(by) for condition in added):
        return None
    bins = _bins(finer.statistic.edges, asked.statistic.edges)
    if bins is None:
        return None
    rolled = RollUp(groups=_groups(by, asked.statistic.by, added, dictionary), bins=bins)
    # A cell's noise variance is proportional to 1 / rho, and that of a sum to the number of its parts.
    is_exact_enough = rolled.most * asked.release.loss.nano_rho <= finer.release.loss.nano_rho
    return rolled if is_exact_enough else None


def _conditions(cohort: Cohort | None) -> frozenset[Cohort]:
    """Give the conditions that must all hold."""
    if cohort is None:
        return frozenset()
    return frozenset(cohort.parts) if isinstance(cohort, All) else frozenset([cohort])


def _bins(finer: tuple[Decimal, ...], asked: tuple[Decimal, ...]) -> tuple[tuple[int, ...], ...] | None:
    if not asked:
        return ()
    if not set(asked) <= set(finer) or asked[-1] != finer[-1]:
        return None
    places = [finer.index(edge) for edge in asked]
    return tuple(tuple(range(low, high)) for low, high in pairwise(places))


def _groups(
    by: tuple[FieldName, ...], asked: tuple[FieldName, ...], added: frozenset[Cohort], dictionary: Dictionary
) -> tuple[tuple[int, ...], ...]:
    kept = [by.index(name) for name in asked]
    wanted = product(*(dictionary.field(name).levels for name in asked))
    parts: dict[tuple[_Level, ...], list[int]] = {levels: [] for levels in wanted}
    cells = product(*(dictionary.field(name).levels for name in by))
    for place, levels in enumerate(cells):
        if all(_holds(condition, dict(zip(by, levels, strict=True))) for condition in added):
            parts[tuple(levels[index] for index in kept)].append(place)
    return tuple(tuple(places) for places in parts.values())


def _holds(condition: Cohort, row: Mapping[FieldName, _Level]) -> bool:
    """Say whether a condition holds where the fields have these levels. Two-valued: spec/queries.md 3."""
    match condition:
        case All(parts=parts):
            return all(_holds(part, row) for part in parts)
        case Any(parts=parts):
            return any(_holds(part, row) for part in parts)
        case Not(part=part):
            return not _holds(part, row)
        case OneOf(field=name, codes=codes):
            # The levels and the codes come from one code list: True and 1 do not meet in it.
            return row[name] in codes
        case Between(field=name, low=low, high=high):
            level = row[name]
            return isinstance(level, Decimal) and low <= level <= high
        case Missing(field=name):
            return row[name] is None
        case _:
            assert_never(condition)
