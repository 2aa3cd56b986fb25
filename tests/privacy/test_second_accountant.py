"""The second accountant agrees with ours to within its tolerance, and would not with a wrong one."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy.accountant import epsilon_of, loss_rounded_up
from privacy.errors import PrivacyError
from privacy.events import GaussianEvent
from privacy.loss import NANO, Loss
from privacy.second_accountant import TOLERANCE, agree, epsilon_by_renyi

DELTAS = (1e-9, 1e-6, 1e-3)


def event_of(rho: float, l2_squared: int = 1) -> GaussianEvent:
    return GaussianEvent(l2_squared=l2_squared, sigma=math.sqrt(l2_squared / (2 * rho)))


@pytest.mark.parametrize("delta", DELTAS)
@pytest.mark.parametrize("rho", [10.0**power for power in range(-8, 5)])
def test_one_gaussian_costs_the_same_at_every_loss_that_has_an_epsilon(rho: float, delta: float) -> None:
    ours = epsilon_of(Loss(round(rho * NANO)), delta)
    theirs = epsilon_by_renyi({event_of(rho).multiplier_rounded_down: 1}, delta)
    assert ours is not None
    assert agree(ours, theirs), (ours, theirs)


@settings(max_examples=30, deadline=None)
@given(
    events=st.lists(
        st.tuples(st.floats(1e-6, 3), st.integers(1, 10**12), st.integers(1, 400)), min_size=1, max_size=20
    )
)
def test_many_gaussians_of_many_scales_compose_to_the_same(events: list[tuple[float, int, int]]) -> None:
    noise = [(event_of(rho, l2_squared), count) for rho, l2_squared, count in events]
    loss = loss_rounded_up(one for one, count in noise for _ in range(count))
    ours = epsilon_of(loss)
    theirs = epsilon_by_renyi({one.multiplier_rounded_down: 0 for one, _ in noise} | _counts(noise), 1e-6)
    assert ours is not None
    assert agree(ours, theirs), (ours, theirs)


def _counts(noise: list[tuple[GaussianEvent, int]]) -> dict[float, int]:
    counts: dict[float, int] = {}
    for one, count in noise:
        key = one.multiplier_rounded_down
        counts[key] = counts.get(key, 0) + count
    return counts


@pytest.mark.parametrize("factor", [0.97, 1.03])
@pytest.mark.parametrize("rho", [1e-4, 0.1, 10])
def test_control_a_loss_that_is_3_per_cent_off_is_noticed(rho: float, factor: float) -> None:
    """Epsilon grows as the root of a small loss, and 3 per cent of it is three times the tolerance."""
    ours = epsilon_of(Loss(round(rho * NANO)))
    assert ours is not None
    assert not agree(ours, epsilon_by_renyi({event_of(rho * factor).multiplier_rounded_down: 1}, 1e-6))
    assert TOLERANCE < 0.01


@given(l2_squared=st.integers(1, 2**120), sigma=st.floats(1e-6, 1e15))
def test_a_multiplier_is_never_above_the_truth_and_next_to_it(l2_squared: int, sigma: float) -> None:
    event = GaussianEvent(l2_squared=l2_squared, sigma=sigma)
    rounded = event.multiplier_rounded_down
    truth = sigma / math.sqrt(l2_squared)
    assert truth * (1 - 1e-11) <= rounded <= truth * (1 + 1e-15)


def test_equal_losses_in_different_units_have_one_multiplier() -> None:
    multipliers = {event_of(0.01, l2_squared).multiplier_rounded_down for l2_squared in (1, 9, 10**6, 10**20)}
    assert len(multipliers) == 1


@pytest.mark.parametrize("delta", [0, 1, -1, math.nan])
def test_a_delta_that_is_none_is_refused(delta: float) -> None:
    with pytest.raises(PrivacyError):
        epsilon_by_renyi({1.0: 1}, delta)
