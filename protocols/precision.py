"""A wanted width of the result, and what an analyst expects of the rows. spec/queries.md 2, spec/plans.md 4.

None of it is signed and none of it reaches a centre: a wanted width becomes a loss before the
question is signed, and expectations only say how wide the answer will probably be.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import TypeAlias

from privacy.loss import Loss
from protocols.canonical import decimal_text
from protocols.dictionary import Dictionary
from protocols.documents import Item
from protocols.errors import QueryError
from protocols.queries import Kind, Query
from protocols.query_words import number, wrong

WIDTH_WORDS = ("half_width", "confidence")
EXPECTED_WORDS = ("expected_n", "expected_mean", "expected_sd", "expected_proportion")
DEFAULT_CONFIDENCE = Decimal("0.95")
CONFIDENCES = (Decimal("0.01"), Decimal("0.999999"))
"""Nearer to 0 or 1 the quantiles of the noise are no longer useful doubles."""

MOST_ROWS = 10**12
_NUMBERS = (Kind.MEAN, Kind.VARIANCE)
_PRICED = (Kind.COUNT, Kind.HISTOGRAM, Kind.SUM, Kind.MEAN, Kind.PROPORTION)


@dataclass(frozen=True, slots=True, kw_only=True)
class HalfWidth:
    """How far the ends of a cell's interval may lie from its middle, in the unit of the result."""

    value: Decimal
    confidence: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumed:
    """What an analyst expects of each group's rows; None where nothing is said.

    `n` is the number of rows used, all centres together.
    """

    n: int | None = None
    mean: Decimal | None = None
    sd: Decimal | None = None
    proportion: Decimal | None = None


NOTHING_ASSUMED = Assumed()


@dataclass(frozen=True, slots=True, kw_only=True)
class Precision:
    """What a request says about the width of its answer, beside the loss."""

    wanted: HalfWidth | None = None
    assumed: Assumed = NOTHING_ASSUMED

    @property
    def confidence(self) -> float:
        """The confidence of the intervals."""
        return float(self.wanted.confidence if self.wanted else DEFAULT_CONFIDENCE)


NO_PRECISION = Precision()

Pricing: TypeAlias = Callable[[Query, Dictionary, HalfWidth, Assumed], Loss]
"""Gives the smallest loss at each asked centre that reaches a width. Raises QueryError where none does."""


def read_precision(parts: Mapping[str, Item], query: Query, dictionary: Dictionary) -> Precision:
    """Take what a release says about the width of the answer to a canonical query. Raises TextError."""
    wanted = _half_width(parts, query.statistic.kind)
    return Precision(wanted=wanted, assumed=_assumed(parts, query, dictionary))


def priced(
    query: Query,
    precision: Precision,
    parts: Mapping[str, Item],
    dictionary: Dictionary,
    pricing: Pricing | None,
) -> Query:
    """Give a canonical query the loss that reaches its wanted width, if it has one. Raises TextError."""
    if precision.wanted is None:
        return query
    item = parts["half_width"]
    if pricing is None:
        what = "its loss depends on how many centres are asked"
        raise wrong(item, "release: half_width", what, "write rho or epsilon")
    try:
        loss = pricing(query, dictionary, precision.wanted, precision.assumed)
    except QueryError as error:
        raise wrong(item, "", error.what, error.next_step) from None
    return replace(query, release=replace(query.release, loss=loss))


def _half_width(parts: Mapping[str, Item], kind: Kind) -> HalfWidth | None:
    if "half_width" not in parts:
        if "confidence" in parts:
            what = "belongs to half_width"
            raise wrong(parts["confidence"], "release: confidence", what, "add half_width, or leave it out")
        return None
    item, confidence = parts["half_width"], DEFAULT_CONFIDENCE
    if kind not in _PRICED:
        what = f"the width of {kind.value} depends on the shape of the values, which nobody knows beforehand"
        raise wrong(item, "release: half_width", what, "write rho or epsilon")
    value = number(item, "release: half_width")
    if value <= 0:
        raise wrong(item, "release: half_width", "must be above zero, in the unit of the result")
    if "confidence" in parts:
        confidence = number(parts["confidence"], "release: confidence")
        if not CONFIDENCES[0] <= confidence <= CONFIDENCES[1]:
            what = f"lies between {CONFIDENCES[0]} and {CONFIDENCES[1]}"
            raise wrong(parts["confidence"], "release: confidence", what, "for 95 per cent write 0.95")
    if kind in (Kind.MEAN, Kind.PROPORTION) and "expected_n" not in parts:
        what = f"the half-width of a {kind.value} depends on the number of rows"
        raise wrong(
            item, "release: half_width", what, "add expected_n: rows of a group, all centres together"
        )
    return HalfWidth(value=value, confidence=confidence)


def _assumed(parts: Mapping[str, Item], query: Query, dictionary: Dictionary) -> Assumed:
    kind = query.statistic.kind
    fitting = {
        "expected_n": (*_NUMBERS, Kind.PROPORTION),
        "expected_mean": _NUMBERS,
        "expected_sd": _NUMBERS,
        "expected_proportion": (Kind.PROPORTION,),
    }
    for word, kinds in fitting.items():
        if word in parts and kind not in kinds:
            what = f"the width of a {kind.value} does not depend on it"
            raise wrong(parts[word], f"release: {word}", what, "leave it out")
    return Assumed(
        n=_rows(parts.get("expected_n")),
        mean=(mean := _mean(parts.get("expected_mean"), query, dictionary)),
        sd=_sd(parts.get("expected_sd"), mean, query, dictionary),
        proportion=_share(parts.get("expected_proportion")),
    )


def _rows(item: Item | None) -> int | None:
    if item is None:
        return None
    rows = number(item, "release: expected_n")
    if rows != rows.to_integral_value() or not 1 <= rows <= MOST_ROWS:
        what = "must be a whole number of rows, at least 1"
        raise wrong(item, "release: expected_n", what, "write the rows of one group, all centres together")
    return int(rows)


def _mean(item: Item | None, query: Query, dictionary: Dictionary) -> Decimal | None:
    if item is None:
        return None
    mean, (low, high) = number(item, "release: expected_mean"), _range(query, dictionary)
    if not low <= mean <= high:
        what = f"must lie in the range, {decimal_text(low)} to {decimal_text(high)}"
        raise wrong(item, "release: expected_mean", what, "mind the unit")
    return mean


def _sd(item: Item | None, mean: Decimal | None, query: Query, dictionary: Dictionary) -> Decimal | None:
    if item is None:
        return None
    sd, (low, high) = number(item, "release: expected_sd"), _range(query, dictionary)
    if sd <= 0:
        raise wrong(item, "release: expected_sd", "must be above zero, in the unit of the variable")
    middle = (Fraction(low) + Fraction(high)) / 2 if mean is None else Fraction(mean)
    # Numbers of a range spread most when they all lie at its ends (Bhatia and Davis 2000).
    if Fraction(sd) ** 2 > (Fraction(high) - middle) * (middle - Fraction(low)):
        what = f"numbers between {decimal_text(low)} and {decimal_text(high)} cannot spread so much"
        raise wrong(item, "release: expected_sd", what, "mind the unit")
    return sd


def _share(item: Item | None) -> Decimal | None:
    if item is None:
        return None
    share = number(item, "release: expected_proportion")
    if not 0 < share < 1:
        what = "lies between 0 and 1, both excluded"
        raise wrong(item, "release: expected_proportion", what, "for 30 per cent write 0.3")
    return share


def _range(query: Query, dictionary: Dictionary) -> tuple[Decimal, Decimal]:
    variable = query.statistic.variable
    bounds = None if variable is None else dictionary.field(variable).numeric_range
    if bounds is None:
        raise RuntimeError("the query is not canonical")
    return bounds.minimum, bounds.maximum
