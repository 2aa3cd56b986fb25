"""What a plan expects of the combined table, cell by cell, and what it assumes for that. Pure.

protocols/spec/plans.md 4; the widths themselves are coordinator/estimators/expected.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from coordinator.analyst.earlier_counts import counted_rows
from coordinator.analyst.result import Result
from coordinator.estimators.expected import BY_ROWS, EXACT, Expected, expected_width, mean_of, sd_of, share_of
from privacy.errors import PrivacyError
from protocols.dictionary import Code, Dictionary
from protocols.ids import CentreId
from protocols.precision import Assumed
from protocols.queries import Kind, Mode, Query
from protocols.query_text import Request

_UNKNOWN = Expected(half_width=None, without_noise=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedRow:
    """The half-width that is expected of a group's cells, or of every cell when no group is named.

    `n` is the number of rows used at the centres that would answer; None where it does not matter or
    is not known. Widths are in the unit of the result, and None where the answer would say nothing.
    """

    groups: tuple[tuple[str, Code | None], ...]
    n: int | None
    half_width: float | None
    without_noise: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What is expected of the combined table, and the sentences that it rests on; perhaps no rows."""

    rows: tuple[ExpectedRow, ...]
    assumptions: tuple[str, ...]


def expectation(
    request: Request,
    dictionary: Dictionary,
    answering: Sequence[CentreId],
    asked: int,
    count: Result | None = None,
) -> Expectation:
    """Expect the table of the centres that would answer, of so many asked.

    Raises TextError when the earlier count does not match the question.
    """
    query, kind = request.query, request.query.statistic.kind
    if query.release.mode is Mode.SUPPRESSED:
        return _without_rows(
            "mode suppressed adds no noise and costs no rho: it costs one question at each centre",
            "small counts, and those that would give them away, will not be shown",
        )
    if not answering:
        return _without_rows("no centre would answer")
    if kind not in (*EXACT, *BY_ROWS):
        return _without_rows(f"the width of {kind.value} depends on the shape of the values near them")
    try:
        if kind in EXACT:
            return _of_every_cell(request, dictionary, len(answering))
        if count is not None:
            return _by_count(request, dictionary, answering, count)
        return _by_words(request, dictionary, len(answering), asked)
    except PrivacyError:
        return _without_rows("the loss is too small for any noise in 64-bit integers")


def _without_rows(*assumptions: str) -> Expectation:
    return Expectation(rows=(), assumptions=assumptions)


def _of_every_cell(request: Request, dictionary: Dictionary, centres: int) -> Expectation:
    return Expectation(
        rows=(_row((), None, _width(request, dictionary, None, centres)),),
        assumptions=("intervals cover the noise alone: the statistic describes the rows that are there",),
    )


def _by_words(request: Request, dictionary: Dictionary, centres: int, asked: int) -> Expectation:
    rows = request.precision.assumed.n
    if rows is None:
        kind = request.query.statistic.kind.value
        return _without_rows(
            f"the width of a {kind} depends on the number of rows: write expected_n under release, or"
            " plan with an earlier count"
        )
    said = [f"{rows:,} rows in each group, all centres together"]
    if centres < asked:
        said.append(f"{centres} of {asked} centres would answer, with a like share of the rows")
    rows = rows * centres // asked
    found = _row((), rows, _width(request, dictionary, rows, centres))
    return Expectation(rows=(found,), assumptions=(*said, *_assumptions(request, dictionary)))


def _by_count(
    request: Request, dictionary: Dictionary, answering: Sequence[CentreId], count: Result
) -> Expectation:
    counted = counted_rows(count, request.query, dictionary, answering)
    # Thousands of groups have few different numbers of rows.
    widths = {n: _width(request, dictionary, n, len(answering)) for n in {n for _, n in counted.groups}}
    names = [dictionary.shown(name) for name in request.query.statistic.by]
    rows = tuple(_row(tuple(zip(names, levels, strict=True)), n, widths[n]) for levels, n in counted.groups)
    said = (*counted.assumptions, *_assumptions(request, dictionary))
    return Expectation(rows=rows, assumptions=said)


def _row(groups: tuple[tuple[str, Code | None], ...], n: int | None, width: Expected) -> ExpectedRow:
    return ExpectedRow(groups=groups, n=n, half_width=width.half_width, without_noise=width.without_noise)


def _width(request: Request, dictionary: Dictionary, n: int | None, centres: int) -> Expected:
    if n is None and request.query.statistic.kind in BY_ROWS:
        return _UNKNOWN
    assumed = replace(request.precision.assumed, n=n)
    confidence = request.precision.confidence
    return expected_width(request.query, dictionary, assumed, centres=centres, confidence=confidence)


def _assumptions(request: Request, dictionary: Dictionary) -> tuple[str, ...]:
    """Say what is assumed of the rows beside their number."""
    query, assumed = request.query, request.precision.assumed
    said = ["the median over the noise: half of the answers are wider"]
    if query.statistic.kind is Kind.PROPORTION:
        why = " (where the interval is widest)" if assumed.proportion is None else ""
        said.append(f"a proportion of {share_of(assumed):g}{why}")
    else:
        said.append(_spread_words(query, dictionary, assumed))
    cap = dictionary.table(query.statistic.table).cap
    if cap > 1:
        said.append(f"rows of one patient may be alike: the sampling part is that of {cap} equal rows each")
    return tuple(said)


def _spread_words(query: Query, dictionary: Dictionary, assumed: Assumed) -> str:
    variable = query.statistic.variable
    field = None if variable is None else dictionary.field(variable)
    bounds = None if field is None else field.numeric_range
    if field is None or bounds is None:
        raise RuntimeError("the query is not canonical")
    unit = f" {field.unit}" if field.unit else ""
    middle = " (the middle of the range)" if assumed.mean is None else ""
    even = " (an even spread over the range)" if assumed.sd is None else ""
    return (
        f"a mean of {mean_of(assumed, bounds):.4g}{unit}{middle}"
        f" and a standard deviation of {sd_of(assumed, bounds):.4g}{unit}{even}"
    )
