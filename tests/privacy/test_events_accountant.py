"""Events compose exactly, and no conversion to epsilon reports less than the truth."""

import json
import math
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from opendp.mod import OpenDPException

from privacy import opendp_core
from privacy.accountant import (
    check_delta,
    epsilon_of,
    loss_of_epsilon,
    loss_rounded_up,
    shown_epsilon,
)
from privacy.errors import PrivacyError
from privacy.events import GaussianEvent
from privacy.loss import NANO, ZERO, Loss
from tests.shared_data import shared

DELTAS = (1e-5, 1e-6, 1e-8)

events = st.builds(
    GaussianEvent,
    l2_squared=st.integers(min_value=1, max_value=2**160),
    sigma=st.floats(min_value=1e-6, max_value=2.0**55),
)


def reference(part: str) -> list[dict[str, Any]]:
    text = (shared("dp-reference") / "expected_reference.json").read_text(encoding="utf-8")
    [rows] = [rows for name, rows in json.loads(text).items() if name.startswith(part)]
    return list(rows)


def loss_of(rho: float) -> Loss:
    """The loss of a reference's decimal rho."""
    return Loss.parse(str(Decimal(str(rho))))


def exact_delta(rho: Fraction, epsilon: float) -> Decimal:
    """Corollary 13 of Canonne, Kamath and Steinke 2020 in 40 digits, an independent reading.

    The infimum over the order is taken where the derivative of the logarithm vanishes.
    """
    with localcontext() as context:
        context.prec = 40
        loss = Decimal(rho.numerator) / Decimal(rho.denominator)
        wanted = Decimal(epsilon)

        def slope(order: Decimal) -> Decimal:
            return (2 * order - 1) * loss - wanted + (1 - 1 / order).ln()

        low, high = Decimal(1), Decimal(2)
        while slope(high) < 0:
            high *= 2
        for _ in range(160):
            middle = (low + high) / 2
            low, high = (middle, high) if middle == 1 or slope(middle) < 0 else (low, middle)
        exponent = (high - 1) * (high * loss - wanted) - (high - 1).ln()
        return (exponent + high * (1 - 1 / high).ln()).exp()


@given(events)
def test_the_loss_of_an_event_is_an_exact_rational(event: GaussianEvent) -> None:
    assert event.rho * 2 * Fraction(event.sigma) ** 2 == event.l2_squared
    assert event.rho > 0


@given(st.lists(events, max_size=8))
def test_composition_covers_the_exact_sum_in_any_order(some: list[GaussianEvent]) -> None:
    total = loss_rounded_up(some)
    assert 0 <= total.rho - sum((event.rho for event in some), start=Fraction(0)) < Fraction(1, NANO)
    assert loss_rounded_up(reversed(some)) == total


@given(events, st.integers(min_value=1, max_value=40))
def test_n_equal_charges_are_one_of_n_times(event: GaussianEvent, times: int) -> None:
    n_fold = GaussianEvent(l2_squared=event.l2_squared * times, sigma=event.sigma)
    assert loss_rounded_up([event] * times) == loss_rounded_up([n_fold])
    charged_singly = sum((loss_rounded_up([event]) for _ in range(times)), start=ZERO)
    assert 0 <= charged_singly.nano_rho - loss_rounded_up([n_fold]).nano_rho < times


@given(st.lists(events, max_size=6), events)
def test_another_event_never_lowers_the_loss(some: list[GaussianEvent], one: GaussianEvent) -> None:
    assert loss_rounded_up([*some, one]) >= loss_rounded_up(some)


def test_nothing_done_loses_nothing() -> None:
    assert loss_rounded_up([]) == ZERO
    assert epsilon_of(ZERO, 1e-6) == 0


@pytest.mark.parametrize("sigma", [0.0, -0.0, -1.0, math.nan, math.inf, -math.inf])
def test_a_scale_that_hides_nothing_is_refused(sigma: float) -> None:
    with pytest.raises(PrivacyError):
        GaussianEvent(l2_squared=1, sigma=sigma)


@pytest.mark.parametrize("squared", [0, -1, 1.5, math.nan, math.inf, True, np.int64(4)])
def test_a_bound_that_is_no_whole_number_is_refused(squared: object) -> None:
    with pytest.raises(PrivacyError):
        GaussianEvent(l2_squared=squared, sigma=1.0)  # type: ignore[arg-type]


@pytest.mark.parametrize("delta", [0.0, -0.0, 1.0, -1e-6, 2.0, math.nan, math.inf])
def test_a_delta_outside_its_range_is_refused(delta: float) -> None:
    for refuses in (
        lambda: check_delta(delta),
        lambda: epsilon_of(Loss(NANO), delta),
        lambda: loss_of_epsilon(1.0, delta),
    ):
        with pytest.raises(PrivacyError):
            refuses()


@pytest.mark.parametrize("epsilon", [0.0, -1.0, math.nan, math.inf, 1e-300, 5e-324])
def test_an_epsilon_without_a_loss_is_refused(epsilon: float) -> None:
    with pytest.raises(PrivacyError):
        loss_of_epsilon(epsilon, 1e-6)


@settings(max_examples=60, deadline=None)
@given(st.integers(min_value=1, max_value=10**13), st.floats(min_value=1e-12, max_value=0.3))
def test_epsilon_is_never_below_the_bound_it_stands_for(nano_rho: int, delta: float) -> None:
    loss = Loss(nano_rho)
    epsilon = epsilon_of(loss, delta)
    assert epsilon is not None
    if epsilon > 0:
        assert exact_delta(loss.rho, epsilon) <= Decimal(delta)
        assert exact_delta(loss.rho, epsilon * (1 - 1e-9)) > Decimal(delta)


@settings(max_examples=200)
@given(st.integers(min_value=1, max_value=10**30))
def test_the_conversion_is_asked_about_no_smaller_loss(nano_rho: int) -> None:
    asked: list[float] = []

    def ask(sigma: float) -> None:
        asked.append(sigma)
        raise OpenDPException("FailedMap")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opendp_core, "gaussian_measurement", ask)
        assert epsilon_of.__wrapped__(Loss(nano_rho), 1e-6) is None
    [sigma] = asked
    loss = 1 / (2 * Fraction(sigma) ** 2)
    assert Loss(nano_rho).rho <= loss <= Loss(nano_rho).rho * (1 + Fraction(1, 10**14))


@settings(max_examples=60, deadline=None)
@given(st.integers(min_value=1, max_value=10**13), st.integers(min_value=1, max_value=10**9))
def test_more_loss_is_never_less_epsilon(nano_rho: int, more: int) -> None:
    one, other = epsilon_of(Loss(nano_rho), 1e-6), epsilon_of(Loss(nano_rho + more), 1e-6)
    assert one is not None
    assert other is not None
    # The conversion searches in floating point: equal to 1e-12, not to the last bit.
    assert other >= one * (1 - 1e-12)


@settings(max_examples=15, deadline=None)
@given(st.floats(min_value=1e-3, max_value=1e4), st.sampled_from((*DELTAS, 0.3)))
@example(0.001, 0.9)  # the loss is far above epsilon here
def test_loss_of_epsilon_is_the_largest_that_fits(epsilon: float, delta: float) -> None:
    loss = loss_of_epsilon(epsilon, delta)
    fitting = epsilon_of(loss, delta)
    over = epsilon_of(loss + Loss(1), delta)
    assert fitting is not None
    assert fitting <= epsilon
    assert over is None or over > epsilon


@pytest.mark.parametrize("epsilon", [1e5, 1e17, 1e300, 1.7e308])
def test_an_epsilon_beyond_the_conversion_gets_the_largest_loss_that_has_one(
    epsilon: float,
) -> None:
    loss = loss_of_epsilon(epsilon, 1e-6)
    assert epsilon_of(loss, 1e-6) is not None
    assert epsilon_of(loss + Loss(1), 1e-6) is None


@pytest.mark.parametrize("digits", [14, 18, 300, 320, 5000])
def test_a_loss_too_large_to_convert_has_no_epsilon(digits: int) -> None:
    assert epsilon_of(Loss(10**digits), 1e-6) is None


def test_epsilon_against_the_reference_conversion() -> None:
    for row in reference("ibm_cdp_eps"):
        epsilon = epsilon_of(loss_of(row["rho"]), row["delta"])
        assert epsilon is not None
        assert row["eps"] * (1 - 1e-9) <= epsilon <= row["eps"] * 1.01, row
        assert epsilon < row["standard_bound_eps"], row


def test_delta_against_the_reference_conversion() -> None:
    for row in reference("ibm_cdp_delta"):
        epsilon = epsilon_of(loss_of(row["rho"]), row["delta"])
        assert epsilon is not None
        assert row["eps"] * (1 - 1e-9) <= epsilon <= row["eps"] * 1.01, row


def test_rho_against_the_reference_conversion() -> None:
    for row in reference("ibm_cdp_rho"):
        rho = float(loss_of_epsilon(row["eps"], row["delta"]).rho)
        assert row["rho"] * 0.99 <= rho <= row["rho"] * (1 + 1e-9), row


def test_composed_gaussians_are_never_reported_below_their_exact_epsilon() -> None:
    for row in reference("gaussian_composition"):
        event = GaussianEvent(l2_squared=1, sigma=float(row["sigma"]))
        epsilon = epsilon_of(loss_rounded_up([event] * row["compositions"]), row["delta"])
        assert epsilon is not None
        assert row["eps_exact"] <= epsilon <= row["eps_rdp"] * 1.01, row


@given(epsilon=st.floats(min_value=1e-9, max_value=1e9))
@example(epsilon=0.9999)
@example(epsilon=1.4715947505324176)
def test_an_epsilon_for_people_is_never_below_the_truth(epsilon: float) -> None:
    """`.3g` would show 1.47 for 1.4716."""
    assert epsilon <= Decimal(shown_epsilon(epsilon)) <= Decimal(epsilon) * Decimal("1.01")


@pytest.mark.parametrize(
    ("epsilon", "text"),
    [(None, "unbounded"), (0.0, "0"), (0.5, "0.5"), (1.4715, "1.48"), (123456.0, "124000")],
)
def test_an_epsilon_for_people_has_three_digits(epsilon: float | None, text: str) -> None:
    assert shown_epsilon(epsilon) == text
