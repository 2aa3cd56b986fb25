"""From releases to the rows of a result, for the pooled table and for one centre's alike.

The order of rows is the layout's: the levels of the `by` fields in dictionary order, the last field
fastest, empty cells included, histogram bins or probabilities fastest of all.
protocols/spec/estimators.md 1.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import Enum
from itertools import pairwise, product
from typing import TypeAlias, assert_never

from coordinator.estimators.counts import counts, sums
from coordinator.estimators.figures import Figures
from coordinator.estimators.means import Number, means, variances
from coordinator.estimators.proportions import proportions
from coordinator.estimators.quantiles import PublicGrid, quantiles
from coordinator.estimators.suppressed import suppressed_cells
from coordinator.estimators.totals import BlockTotal, add_up, check_together
from protocols.dictionary import Code, Dictionary, Range
from protocols.layout import Layout, layout_of
from protocols.queries import Kind, Mode, Query
from protocols.releases import Release

JsonValue: TypeAlias = str | int | float | bool | None
_Part: TypeAlias = tuple[Decimal | None, Decimal | None, Decimal | None]
"""What sets rows of one group apart: the ends of a bin, or a probability."""


class Status(Enum):
    """What became of a cell; in mode `dp` every cell is `ok`."""

    OK = "ok"
    SUPPRESSED = "suppressed"
    WITHHELD = "withheld"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of a result.

    `groups` has the columns of the `by` fields, None for the missing level. Figures are in the
    result's unit and None where the answer says nothing; `n`, the bin and the probability are None
    where the statistic has none.
    """

    groups: tuple[tuple[str, Code | None], ...]
    status: Status
    estimate: float | None
    std_error: float | None
    ci_low: float | None
    ci_high: float | None
    noise_sd: float | None
    n: int | None = None
    bin_low: Decimal | None = None
    bin_high: Decimal | None = None
    probability: Decimal | None = None

    def to_json(self) -> dict[str, JsonValue]:
        """Give the row as the contract's flat object: `by` columns first; never NaN or infinity."""
        row: dict[str, JsonValue] = {name: json_code(code) for name, code in self.groups}
        row["status"] = self.status.value
        for name in ("estimate", "std_error", "ci_low", "ci_high", "noise_sd"):
            row[name] = _json_number(getattr(self, name))
        for name in ("n", "bin_low", "bin_high", "probability"):
            value = getattr(self, name)
            if value is not None:
                row[name] = json_code(value) if isinstance(value, Decimal) else value
        return row


def json_code(code: Code | None) -> JsonValue:
    """Give a code as JSON has it: whole numbers as integers."""
    if not isinstance(code, Decimal):
        return code
    return int(code) if code == code.to_integral_value() else float(code)


def _json_number(value: float | None) -> int | float | None:
    return value if value is not None and math.isfinite(value) else None


def estimate_table(
    query: Query, dictionary: Dictionary, releases: Sequence[Release], *, confidence: float = 0.95
) -> tuple[Row, ...]:
    """Estimate the rows of a result from the releases of one or several centres.

    `query` is canonical. The centres' vectors are added, so one release gives that centre's table.
    Raises EstimateError when a release does not fit the question, or no confidence is given.
    """
    layout = layout_of(query, dictionary)
    if query.release.mode is Mode.SUPPRESSED:
        return _suppressed(query, dictionary, releases, confidence, of_margins=False)
    figures = _figures(query, dictionary, layout, add_up(layout, releases), confidence)
    columns = tuple(dictionary.shown(name) for name in query.statistic.by)
    places = product(product(*layout.levels), _parts(layout))
    return tuple(
        _row(tuple(zip(columns, levels, strict=True)), part, cell)
        for (levels, part), cell in zip(places, figures, strict=True)
    )


def estimate_margins(
    query: Query, dictionary: Dictionary, releases: Sequence[Release], *, confidence: float = 0.95
) -> tuple[Row, ...]:
    """Give the margins of a table of mode `suppressed`: rows without the columns that are summed over.

    In mode `dp` there are none: its cells add up. Raises EstimateError as `estimate_table` does.
    """
    if query.release.mode is not Mode.SUPPRESSED:
        return ()
    return _suppressed(query, dictionary, releases, confidence, of_margins=True)


def _suppressed(
    query: Query, dictionary: Dictionary, releases: Sequence[Release], confidence: float, *, of_margins: bool
) -> tuple[Row, ...]:
    layout = layout_of(query, dictionary)
    check_together(layout, releases)
    levels: list[tuple[Code | None, ...]] = list(layout.levels)
    bins = list(pairwise(layout.edges))
    columns = tuple(dictionary.shown(name) for name in query.statistic.by)
    sizes = (*(len(one) for one in levels), *((len(bins),) if bins else ()))
    rows = []
    for cell in suppressed_cells(layout, releases, confidence):
        # A table without groups has one cell; its total says the same and is left out.
        index = cell.index[: len(sizes)]
        is_margin = any(at == size for at, size in zip(index, sizes, strict=True))
        if is_margin is not of_margins or (not sizes and cell.index not in ((0,), ())):
            continue
        named = zip(columns, levels, index, strict=False)
        groups = tuple((name, codes[at]) for name, codes, at in named if at < len(codes))
        part = bins[index[-1]] if bins and index[-1] < len(bins) else (None, None)
        row = _row(groups, (*part, None), cell.figures)
        rows.append(row if cell.is_shown else replace(row, status=Status.SUPPRESSED))
    return tuple(rows)


def _parts(layout: Layout) -> list[_Part]:
    bins: list[_Part] = [(low, high, None) for low, high in pairwise(layout.edges)]
    return bins or [(None, None, one) for one in layout.probabilities] or [(None, None, None)]


def _row(groups: tuple[tuple[str, Code | None], ...], part: _Part, figures: Figures) -> Row:
    return Row(
        groups=groups,
        status=Status.OK,
        estimate=figures.estimate,
        std_error=figures.std_error,
        ci_low=figures.ci_low,
        ci_high=figures.ci_high,
        noise_sd=figures.noise_sd,
        n=figures.n,
        bin_low=part[0],
        bin_high=part[1],
        probability=part[2],
    )


def _figures(
    query: Query,
    dictionary: Dictionary,
    layout: Layout,
    totals: tuple[BlockTotal, ...],
    confidence: float,
) -> tuple[Figures, ...]:
    match layout.kind:
        case Kind.COUNT | Kind.HISTOGRAM:
            return counts(totals[0], confidence)
        case Kind.PROPORTION:
            return proportions(totals[0], cap=layout.cap, confidence=confidence)
        case Kind.SUM:
            return sums(totals[0], _range(query, dictionary).step, confidence)
        case Kind.MEAN:
            return means(totals, Number.of(_range(query, dictionary), layout.cap), confidence)
        case Kind.VARIANCE:
            return variances(totals, Number.of(_range(query, dictionary), layout.cap), confidence)
        case Kind.QUANTILES:
            grid = PublicGrid.of(_range(query, dictionary), layout.cap)
            return quantiles(totals[0], grid, layout.probabilities, confidence)
        case _:
            assert_never(layout.kind)


def _range(query: Query, dictionary: Dictionary) -> Range:
    variable = query.statistic.variable
    bounds = None if variable is None else dictionary.field(variable).numeric_range
    if bounds is None:
        raise RuntimeError("the query is not canonical")
    return bounds
