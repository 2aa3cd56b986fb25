"""The smallest loss that reaches a width: it does reach it, and a nano-rho less does not."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy.calibration import half_width_of, loss_for_half_width, smallest_loss
from privacy.errors import CalibrationError, PrivacyError
from privacy.loss import MAX_QUERY_NANO_RHO, Loss
from privacy.units import Block


def block(bound: int = 1) -> Block:
    return Block(name="cells", size=3, l2_squared=bound**2)


@settings(max_examples=40, deadline=None)
@given(
    bound=st.sampled_from([1, 2, 6, 110, 765]),
    wanted=st.integers(0, 2_000),
    centres=st.integers(1, 12),
    confidence=st.sampled_from([0.5, 0.8, 0.95, 0.999]),
)
def test_the_loss_reaches_the_width_and_one_less_does_not(
    bound: int, wanted: int, centres: int, confidence: float
) -> None:
    loss = loss_for_half_width(block(bound), wanted, centres=centres, confidence=confidence)

    def width(nano_rho: int) -> int:
        return half_width_of(block(bound), Loss(nano_rho), centres=centres, confidence=confidence)

    assert width(loss.nano_rho) <= wanted
    # Beyond 1e15 nano-rho a double does not tell neighbours apart.
    less = loss.nano_rho - max(1, loss.nano_rho // 10**14)
    assert less < 1 or width(less) > wanted


def test_more_centres_and_a_narrower_width_cost_more() -> None:
    def loss(wanted: int, centres: int) -> Loss:
        return loss_for_half_width(block(), wanted, centres=centres, confidence=0.95)

    assert loss(5, 1) < loss(5, 4) < loss(4, 4)


def test_a_width_of_nothing_is_noise_that_is_mostly_zero() -> None:
    loss = loss_for_half_width(block(), 0, centres=1, confidence=0.95)
    assert half_width_of(block(), loss, centres=1, confidence=0.95) == 0
    assert half_width_of(block(), loss, centres=1, confidence=0.999) > 0


def test_what_no_loss_reaches_is_refused() -> None:
    with pytest.raises(CalibrationError):
        loss_for_half_width(block(2**20), 20, centres=4, confidence=0.95)


def test_a_confidence_that_is_none_is_refused() -> None:
    with pytest.raises(PrivacyError, match="confidence"):
        loss_for_half_width(block(), 5, centres=4, confidence=1.0)


@pytest.mark.parametrize("least", [1, 2, 10**9 + 7, MAX_QUERY_NANO_RHO])
def test_the_search_finds_the_least(least: int) -> None:
    assert smallest_loss(lambda loss: loss.nano_rho >= least) == Loss(least)
    with pytest.raises(CalibrationError):
        smallest_loss(lambda _: False)
