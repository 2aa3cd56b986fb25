"""A half-width covers what it says: judged by an independent sum of the exact probabilities."""

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy.errors import PrivacyError
from privacy.noise_width import covering_half_width

CONFIDENCES = (0.5, 0.8, 0.95, 0.99, 0.999)

scales = st.floats(min_value=0.02, max_value=12)
confidences = st.floats(min_value=0.01, max_value=0.9999)


def pmf(sigma: float) -> dict[int, float]:
    reach = math.ceil(12 * sigma) + 2
    weights = {k: math.exp(-k * k / (2 * sigma * sigma)) for k in range(-reach, reach + 1)}
    total = math.fsum(weights.values())
    return {k: weight / total for k, weight in weights.items()}


def coverage(sigmas: tuple[float, ...], width: int) -> float:
    """P(|sum| <= width), by the definition."""
    if width < 0:
        return 0.0
    sums = {0: 1.0}
    for sigma in sigmas:
        step: dict[int, float] = {}
        for total, probability in sums.items():
            for noise, weight in pmf(sigma).items():
                step[total + noise] = step.get(total + noise, 0.0) + probability * weight
        sums = step
    return math.fsum(weight for total, weight in sums.items() if abs(total) <= width)


@settings(max_examples=40, deadline=None)
@given(st.lists(scales, min_size=1, max_size=2).map(tuple), confidences)
def test_below_40_it_is_the_smallest_width_that_covers(sigmas: tuple[float, ...], confidence: float) -> None:
    width = covering_half_width(sigmas, confidence)
    assert coverage(sigmas, width) >= confidence - 1e-11
    assert coverage(sigmas, width - 1) < confidence + 1e-11


@settings(max_examples=20, deadline=None)
@given(st.floats(min_value=40, max_value=400), st.sampled_from(CONFIDENCES))
def test_from_40_on_it_covers_with_at_most_one_to_spare(sigma: float, confidence: float) -> None:
    width = covering_half_width((sigma,), confidence)
    assert coverage((sigma,), width) >= confidence
    assert coverage((sigma,), width - 2) < confidence


@given(scales)
def test_more_confidence_is_never_narrower(sigma: float) -> None:
    widths = [covering_half_width((sigma,), confidence) for confidence in CONFIDENCES]
    assert all(one <= other for one, other in pairwise(widths))


@given(st.lists(scales, min_size=1, max_size=3).map(tuple), scales)
def test_more_noise_is_never_narrower(sigmas: tuple[float, ...], another: float) -> None:
    assert covering_half_width((*sigmas, another), 0.95) >= covering_half_width(sigmas, 0.95)


def test_a_normal_quantile_would_mislead_at_small_scales() -> None:
    # At sigma 0.5 the normal interval is +-0.98: of an integer noise that holds the zero only.
    assert coverage((0.5,), int(1.96 * 0.5)) < 0.8
    assert covering_half_width((0.5,), 0.95) == 1
    assert covering_half_width((0.5,), 0.9999) == 2


def test_no_noise_has_no_width() -> None:
    assert covering_half_width((), 0.95) == 0


@pytest.mark.parametrize("sigma", [0.0, -1.0, math.nan, math.inf])
def test_a_scale_that_is_none_is_refused(sigma: float) -> None:
    with pytest.raises(PrivacyError):
        covering_half_width((1.0, sigma), 0.95)


@pytest.mark.parametrize("confidence", [0.0, 1.0, -0.5, 95.0, math.nan, math.inf])
def test_a_confidence_that_is_none_is_refused(confidence: float) -> None:
    with pytest.raises(PrivacyError):
        covering_half_width((1.0,), confidence)


def test_a_scale_without_noise_has_no_width() -> None:
    assert covering_half_width((1e-200, 2.3e-5), 0.999999) == 0
