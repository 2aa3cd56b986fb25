"""A wanted half-width becomes the smallest loss that reaches it, or one sentence why none does."""

import re
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.analyst.pricing import pricing_for
from coordinator.estimators.expected import expected_width
from coordinator.estimators.table import estimate_table
from privacy.loss import MAX_QUERY_NANO_RHO, Loss
from privacy.mechanisms import DiscreteGaussian
from protocols.errors import TextError
from protocols.layout import layout_of
from protocols.queries import Query
from protocols.query_text import Request, read_request
from protocols.releases import Release
from tests.architecture.checkout import ROOT
from tests.coordinator import reference
from tests.coordinator.results import heart
from tests.protocols.examples import DICTIONARY

CENTRES = 4
PARTS = "study: survival\nstatistic: {statistic}\nrelease: {{mode: dp, scope: centre, {release}}}"


def asked(statistic: str, release: str, centres: int = CENTRES) -> Request:
    text = PARTS.format(statistic=statistic, release=release)
    return read_request(text.encode(), DICTIONARY, pricing_for(centres))


COUNTED = {
    "{kind: count, by: [sex, grade]}": 1.0,
    "{kind: histogram, variable: age, edges: [0, 50, 110]}": 1.0,
    "{kind: count, table: drugs}": 1.0,
    "{kind: sum, variable: age}": 1.0,
    "{kind: sum, variable: dose}": 0.01,
}
"""Statistics whose width the noise alone decides, with their step."""


@settings(max_examples=40, deadline=None)
@given(
    statistic=st.sampled_from(sorted(COUNTED)),
    steps=st.decimals(1, 5_000, places=2),
    centres=st.integers(1, 6),
    confidence=st.sampled_from(["0.5", "0.9", "0.95", "0.99"]),
)
def test_the_realised_half_width_is_never_above_the_wanted_one(
    statistic: str, steps: Decimal, centres: int, confidence: str
) -> None:
    wanted = float(f"{float(steps) * COUNTED[statistic]:.6f}")
    query = asked(statistic, f"half_width: {wanted:f}, confidence: {confidence}", centres).query
    releases = [_answered(query, f"centre{index}") for index in range(centres)]
    for row in estimate_table(query, DICTIONARY, releases, confidence=float(confidence)):
        assert row.ci_low is not None
        assert row.ci_high is not None
        # An end of the interval of a sum is rounded to a double.
        assert (row.ci_high - row.ci_low) / 2 <= wanted * (1 + 1e-9)


def _answered(query: Query, centre: str) -> Release:
    """What a centre without rows would release: the mechanism's own noise."""
    (block,) = layout_of(query, DICTIONARY).blocks
    mechanism = DiscreteGaussian.calibrated(block, query.release.loss)
    noise = {block.name: mechanism.release(np.zeros(block.size, dtype=np.int64))}
    sigmas = {block.name: mechanism.sigma}
    return reference.release(query, DICTIONARY, noise, centre=centre, sigmas=sigmas)


@pytest.mark.parametrize(
    ("statistic", "release"),
    [
        ("{kind: mean, variable: age, by: sex}", "half_width: 2, expected_n: 1000, expected_sd: 12"),
        ("{kind: mean, variable: score}", "half_width: 1, expected_n: 5000, confidence: 0.9"),
        ("{kind: proportion, variable: grade, in: [low]}", "half_width: 0.05, expected_n: 900"),
    ],
)
def test_of_means_and_proportions_it_is_the_smallest_loss_that_is_expected_to_reach_it(
    statistic: str, release: str
) -> None:
    request = asked(statistic, release)
    wanted, loss = request.precision.wanted, request.query.release.loss
    assert wanted is not None

    def width(nano_rho: int) -> float:
        query = replace(request.query, release=replace(request.query.release, loss=Loss(nano_rho)))
        assumed, confidence = request.precision.assumed, request.precision.confidence
        found = expected_width(query, DICTIONARY, assumed, centres=CENTRES, confidence=confidence)
        assert found.half_width is not None
        return found.half_width

    assert width(loss.nano_rho) <= float(wanted.value) < width(loss.nano_rho - 1)


def test_the_number_of_centres_counts() -> None:
    losses = [asked("{kind: count}", "half_width: 5", centres).query.release.loss for centres in (1, 2, 8)]
    assert losses == sorted(set(losses))


def test_nothing_of_it_is_signed() -> None:
    priced = asked("{kind: count}", "half_width: 5")
    plain = asked("{kind: count}", f"rho: {priced.query.release.loss}")
    assert priced.query == plain.query
    assert priced.precision != plain.precision


class Wrong(NamedTuple):
    """A statistic, a release, and what the sentence must say."""

    statistic: str
    release: str
    says: tuple[str, ...]


COUNT, SUM = "{kind: count}", "{kind: sum, variable: age}"
MEAN, SHARE = "{kind: mean, variable: age}", "{kind: proportion, variable: grade, in: [low]}"
WRONG = {
    "nothing": Wrong(COUNT, "delta: 0.1", ("neither rho nor epsilon nor half_width", "one of the three")),
    "a width and rho": Wrong(COUNT, "half_width: 5, rho: 1", ("both rho and half_width",)),
    "a width and epsilon": Wrong(COUNT, "half_width: 5, epsilon: 1", ("both epsilon and half_width",)),
    "a width of zero": Wrong(COUNT, "half_width: 0", ("half_width", "above zero")),
    "a negative width": Wrong(COUNT, "half_width: -5", ("half_width", "above zero")),
    "a width in words": Wrong(COUNT, "half_width: narrow", ("half_width", "a number")),
    "a width without a value": Wrong(COUNT, "half_width: ~", ("half_width", "a number")),
    "a mistyped width": Wrong(COUNT, "halfwidth: 5", ("'halfwidth'", "'half_width'")),
    "a confidence of per cents": Wrong(
        COUNT, "half_width: 5, confidence: 95", ("between 0.01 and 0.999999", "0.95")
    ),
    "a confidence of one": Wrong(COUNT, "half_width: 5, confidence: 1", ("between 0.01",)),
    "a confidence of nearly one": Wrong(
        COUNT, "half_width: 5, confidence: 0.99999999999999999999", ("and 0.999999",)
    ),
    "a confidence without a width": Wrong(COUNT, "rho: 1, confidence: 0.9", ("belongs to half_width",)),
    "rows of a count": Wrong(
        COUNT, "half_width: 5, expected_n: 9", ("does not depend on it", "leave it out")
    ),
    "a width of a variance": Wrong(
        "{kind: variance, variable: age}", "half_width: 5", ("shape of the values", "rho or epsilon")
    ),
    "a width of quantiles": Wrong(
        "{kind: quantiles, variable: age, probabilities: [0.5]}", "half_width: 5", ("shape of the values",)
    ),
    "a mean without rows": Wrong(MEAN, "half_width: 5", ("number of rows", "add expected_n")),
    "a proportion without rows": Wrong(SHARE, "half_width: 0.1", ("number of rows", "add expected_n")),
    "half a row": Wrong(MEAN, "half_width: 5, expected_n: 0.5", ("expected_n", "whole number")),
    "no rows": Wrong(MEAN, "half_width: 5, expected_n: 0", ("expected_n", "at least 1")),
    "no spread": Wrong(MEAN, "rho: 1, expected_sd: 0", ("expected_sd", "above zero")),
    "too much spread": Wrong(MEAN, "rho: 1, expected_sd: 56", ("0 and 110 cannot spread so much",)),
    "too much spread near an end": Wrong(
        MEAN, "rho: 1, expected_mean: 105, expected_sd: 40", ("cannot spread so much",)
    ),
    "a mean outside": Wrong(MEAN, "rho: 1, expected_mean: 1000", ("expected_mean", "0 to 110", "unit")),
    "a proportion of per cents": Wrong(SHARE, "rho: 1, expected_proportion: 30", ("between 0 and 1", "0.3")),
    "a spread of a proportion": Wrong(SHARE, "rho: 1, expected_sd: 3", ("does not depend on it",)),
    "a proportion of a mean": Wrong(MEAN, "rho: 1, expected_proportion: 0.3", ("does not depend on it",)),
    "a mean below its sampling": Wrong(
        MEAN, "half_width: 0.5, expected_n: 1000, expected_sd: 12", ("it is 0.745", "2,216 rows")
    ),
    "a proportion below its sampling": Wrong(
        SHARE, "half_width: 0.01, expected_n: 1000", ("it is 0.0309", "9,600 rows")
    ),
    "a mean beyond all rows": Wrong(MEAN, "half_width: 1e-9, expected_n: 9", ("no number of rows",)),
    "a width in mode suppressed": Wrong(COUNT, "half_width: 5", ("has no half_width", "mode dp")),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_release_is_refused_in_one_sentence(name: str) -> None:
    wrong = WRONG[name]
    text = PARTS.format(statistic=wrong.statistic, release=wrong.release)
    if "suppressed" in name:
        text = text.replace("mode: dp", "mode: suppressed")
    with pytest.raises(TextError) as caught:
        read_request(text.encode(), DICTIONARY, pricing_for(CENTRES))
    _check(caught.value, wrong.says)


def _check(error: TextError, says: tuple[str, ...]) -> None:
    (problem,) = error.problems
    assert problem.line == 3
    assert problem.where or problem.what.startswith("release: ")
    assert "\n" not in str(problem)
    for part in says:
        assert part in str(problem), str(problem)


def test_a_width_below_every_loss_is_refused() -> None:
    fine = reference.registry(reference.number("rate", "0", "1000000", "1/1000"))
    text = PARTS.format(statistic="{kind: sum, variable: rate}", release="half_width: 1")
    with pytest.raises(TextError) as caught:
        read_request(text.encode(), fine, pricing_for(CENTRES))
    _check(caught.value, ("no loss up to rho 1000000000", "ask for more than"))


_NUMBERS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**40), max_value=10**40)
_WORDS = ("half_width", "confidence", "expected_n", "expected_mean", "expected_sd", "expected_proportion")


@settings(max_examples=300, deadline=None)
@given(
    statistic=st.sampled_from([COUNT, SUM, MEAN, SHARE]),
    words=st.dictionaries(
        st.sampled_from(_WORDS), st.one_of(_NUMBERS, st.decimals(0, 1), st.integers(0, 99))
    ),
)
def test_any_numbers_are_priced_or_refused(statistic: str, words: dict[str, object]) -> None:
    release = ", ".join(f"{word}: {value}" for word, value in {"half_width": 5, **words}.items())
    with suppress(TextError):
        assert 1 <= asked(statistic, release).query.release.loss.nano_rho <= MAX_QUERY_NANO_RHO


def test_the_examples_of_the_spec_are_read_and_reach_what_they_want() -> None:
    page = (ROOT / "protocols" / "spec" / "plans.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    requests = [read_request(text.encode(), heart(), pricing_for(CENTRES)) for text in block.split("---\n")]
    assert [one.precision.wanted is not None for one in requests] == [True, True, True, True, False]
    for one in requests:
        found = expected_width(
            one.query, heart(), one.precision.assumed, centres=CENTRES, confidence=one.precision.confidence
        )
        assert found.half_width is not None
        assert one.precision.wanted is None or found.half_width <= float(one.precision.wanted.value)


def test_without_a_pricing_a_width_is_refused() -> None:
    text = PARTS.format(statistic=COUNT, release="half_width: 5")
    with pytest.raises(TextError) as caught:
        read_request(text.encode(), DICTIONARY)
    _check(caught.value, ("how many centres", "rho or epsilon"))
