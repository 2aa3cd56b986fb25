"""From releases to the rows of a result, for the pooled table and for one centre's alike.

The order of rows is the layout's: the levels of the `by` fields in dictionary order, the last field
fastest, empty cells included, histogram bins fastest of all. protocols/spec/estimators.md 1.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from itertools import pairwise, product
from typing import TypeAlias, assert_never

from coordinator.estimators.counts import counts, sums
from coordinator.estimators.figures import Figures
from coordinator.estimators.means import Number, means, variances
from coordinator.estimators.proportions import proportions
from coordinator.estimators.totals import BlockTotal, add_up
from protocols.dictionary import Code, Dictionary, Range
from protocols.layout import Layout, layout_of
from protocols.queries import Kind, Query
from protocols.releases import Release

JsonValue: TypeAlias = str | int | float | bool | None
_Bin: TypeAlias = tuple[Decimal | None, Decimal | None]


class Status(Enum):
    """What became of a cell; in mode `dp` every cell is `ok`."""

    OK = "ok"
    SUPPRESSED = "suppressed"
    WITHHELD = "withheld"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of a result.

    `groups` has the columns of the `by` fields, None for the missing level. Figures are in the
    result's unit and None where the answer says nothing; `n` and the bin are None where the
    statistic has none.
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

    def to_json(self) -> dict[str, JsonValue]:
        """Give the row as the contract's flat object: `by` columns first; never NaN or infinity."""
        row: dict[str, JsonValue] = {name: _json_code(code) for name, code in self.groups}
        row["status"] = self.status.value
        for name in ("estimate", "std_error", "ci_low", "ci_high", "noise_sd"):
            row[name] = _json_number(getattr(self, name))
        for name, value in (("n", self.n), ("bin_low", self.bin_low), ("bin_high", self.bin_high)):
            if value is not None:
                row[name] = _json_code(value) if isinstance(value, Decimal) else value
        return row


def _json_code(code: Code | None) -> JsonValue:
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
    figures = _figures(query, dictionary, layout, add_up(layout, releases), confidence)
    columns = tuple(dictionary.shown(name) for name in query.statistic.by)
    bins: list[_Bin] = list(pairwise(layout.edges)) or [(None, None)]
    places = product(product(*layout.levels), bins)
    return tuple(
        _row(tuple(zip(columns, levels, strict=True)), bin_, cell)
        for (levels, bin_), cell in zip(places, figures, strict=True)
    )


def _row(groups: tuple[tuple[str, Code | None], ...], bin_: _Bin, figures: Figures) -> Row:
    return Row(
        groups=groups,
        status=Status.OK,
        estimate=figures.estimate,
        std_error=figures.std_error,
        ci_low=figures.ci_low,
        ci_high=figures.ci_high,
        noise_sd=figures.noise_sd,
        n=figures.n,
        bin_low=bin_[0],
        bin_high=bin_[1],
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
        case _:
            assert_never(layout.kind)


def _range(query: Query, dictionary: Dictionary) -> Range:
    variable = query.statistic.variable
    bounds = None if variable is None else dictionary.field(variable).numeric_range
    if bounds is None:
        raise RuntimeError("the query is not canonical")
    return bounds
