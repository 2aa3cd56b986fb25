"""A mechanism never costs more than was asked, and refuses before OpenDP sees what hides nothing."""

import math
from fractions import Fraction
from typing import cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opendp.domains import atom_domain, vector_domain
from opendp.measurements import make_gaussian
from opendp.metrics import l2_distance
from opendp.mod import Measurement, OpenDPException

from privacy import opendp_core
from privacy.accountant import loss_rounded_up
from privacy.errors import CalibrationError, PrivacyError
from privacy.events import GaussianEvent
from privacy.loss import NANO, ZERO, Loss, split
from privacy.mechanisms import MAX_SIGMA, DiscreteGaussian, norm_rounded_up
from privacy.opendp_core import Vector
from privacy.units import Block

bounds = st.integers(min_value=0, max_value=80).flatmap(
    lambda bits: st.integers(min_value=1, max_value=2**bits)
)
losses = st.integers(min_value=0, max_value=18).flatmap(
    lambda digits: st.integers(min_value=1, max_value=10**digits).map(Loss)
)
FAILING_SCALES = (0.0, -0.0, -1.0, math.nan, math.inf, -math.inf)


def block(l2_squared: int, size: int = 1) -> Block:
    return Block(name="count", size=size, l2_squared=l2_squared)


@settings(max_examples=400)
@given(bounds, losses)
def test_a_calibrated_mechanism_never_costs_more_than_asked(bound: int, loss: Loss) -> None:
    check_calibration(bound**2, loss)


@settings(max_examples=200)
@given(st.integers(min_value=1, max_value=2**160), losses)
def test_so_it_is_when_the_norm_is_not_a_whole_number(squared: int, loss: Loss) -> None:
    check_calibration(squared, loss)


def check_calibration(squared: int, loss: Loss) -> None:
    try:
        mechanism = DiscreteGaussian.calibrated(block(squared), loss)
    except CalibrationError:
        # Refused only where the scale is out of reach.
        assert squared > Fraction(MAX_SIGMA) ** 2 * 2 * loss.rho * (1 - Fraction(1, 10**12))
        return
    assert mechanism.event == GaussianEvent(l2_squared=squared, sigma=mechanism.sigma)
    assert mechanism.event.rho <= loss.rho
    assert Fraction(mechanism.rho_by_opendp()) <= loss.rho
    assert loss_rounded_up([mechanism.event]) <= loss
    # And not more than a trace less: a scale smaller by 1e-13 would already cost too much.
    smaller = GaussianEvent(l2_squared=squared, sigma=mechanism.sigma * (1 - 1e-13))
    assert smaller.rho > loss.rho


@given(bounds, losses)
def test_the_exact_rational_holds_even_if_opendps_map_were_too_small(bound: int, loss: Loss) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opendp_core, "rho_of", lambda *_: 0.0)
        try:
            mechanism = DiscreteGaussian.calibrated(block(bound**2), loss)
        except CalibrationError:
            return
    assert mechanism.event.rho <= loss.rho


@given(bounds, losses)
def test_nothing_is_released_where_opendps_map_never_agrees(bound: int, loss: Loss) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opendp_core, "rho_of", lambda *_: math.inf)
        with pytest.raises(CalibrationError):
            DiscreteGaussian.calibrated(block(bound**2), loss)


@given(st.integers(min_value=1, max_value=10**18), st.lists(bounds, min_size=1, max_size=5))
def test_the_blocks_of_a_release_cost_at_most_the_whole(nano_rho: int, some: list[int]) -> None:
    loss = Loss(nano_rho + 4 * len(some))
    parts = split(loss, (1,) * len(some))
    try:
        built = [
            DiscreteGaussian.calibrated(block(bound**2), part)
            for bound, part in zip(some, parts, strict=True)
        ]
    except CalibrationError:
        return
    assert loss_rounded_up(mechanism.event for mechanism in built) <= loss


@given(bounds, st.floats(min_value=1e-6, max_value=2.0**55))
def test_opendps_map_is_the_exact_loss_rounded_outwards(bound: int, sigma: float) -> None:
    mechanism = DiscreteGaussian(block(bound**2), sigma)
    exact, theirs = mechanism.event.rho, Fraction(mechanism.rho_by_opendp())
    assert exact <= theirs <= exact * (1 + Fraction(1, 10**14))


@given(st.integers(min_value=1, max_value=2**400))
def test_a_norm_is_rounded_up_and_by_little(squared: int) -> None:
    norm = Fraction(norm_rounded_up(squared))
    assert squared <= norm**2 <= squared * (1 + Fraction(1, 2**50))


def test_a_norm_just_above_a_float_is_not_rounded_down() -> None:
    root = 2**53 + 1
    assert float(root) < root < norm_rounded_up(root**2)
    assert norm_rounded_up(2**3000) == math.inf


@pytest.mark.parametrize("loss", [ZERO, Loss(10**18 + 1), Loss(10**400)])
def test_a_loss_that_no_query_may_have_is_refused(loss: Loss) -> None:
    with pytest.raises(CalibrationError):
        DiscreteGaussian.calibrated(block(1), loss)


@pytest.mark.parametrize("squared", [2**200, 2**2000])
def test_a_bound_beyond_the_integers_is_refused(squared: int) -> None:
    with pytest.raises(CalibrationError):
        DiscreteGaussian.calibrated(block(squared), Loss(10**18))


@pytest.mark.parametrize("scale", FAILING_SCALES)
def test_a_failing_scale_never_reaches_opendp(scale: float, monkeypatch: pytest.MonkeyPatch) -> None:
    def reached(*_: object, **__: object) -> None:
        pytest.fail("OpenDP saw the scale")

    monkeypatch.setattr(opendp_core, "make_gaussian", reached)
    with pytest.raises(PrivacyError):
        DiscreteGaussian(block(1), scale)
    with pytest.raises(PrivacyError):
        opendp_core.gaussian_measurement(scale)


@pytest.mark.parametrize("scale", [0.0, -0.0])
def test_control_opendp_alone_accepts_scale_zero_and_returns_the_data(scale: float) -> None:
    space = vector_domain(atom_domain(T="i64")), l2_distance(T="f64")
    measurement = make_gaussian(*space, scale=scale)
    assert measurement(np.array([5, -7, 11], dtype=np.int64)) == [5, -7, 11]


@pytest.mark.parametrize(
    ("size", "squared"),
    [(0, 1), (1, 0), (1, -4), (1, math.nan), (1, 1.5), (1, True), (1, np.int64(4))],
)
def test_a_block_without_a_whole_bound_is_the_callers_fault(size: int, squared: int) -> None:
    with pytest.raises(RuntimeError):
        block(squared, size)


@pytest.mark.parametrize(
    "exact",
    [
        np.zeros(2, dtype=np.int64),
        np.zeros((1, 3), dtype=np.int64),
        np.zeros(3, dtype=np.float64),
        np.zeros(3, dtype=np.int32),
        np.zeros(3, dtype=np.uint64),
        np.zeros(3, dtype=">i8"),
    ],
)
def test_a_vector_of_another_shape_or_type_is_the_callers_fault(exact: Vector) -> None:
    with pytest.raises(RuntimeError):
        DiscreteGaussian(block(1, 3), 1.0).release(exact)


@pytest.mark.parametrize("view", [slice(None, None, 2), slice(None, None, -2), slice(0, 6, 2)], ids=str)
def test_a_view_is_read_by_its_own_strides(view: slice) -> None:
    # At this scale noise has a probability of e^-5000: what comes back is what was read.
    everything = np.arange(10, 16, dtype=np.int64)
    mechanism = DiscreteGaussian(block(1, 3), 0.01)
    assert mechanism.release(everything[view]).tolist() == everything[view].tolist()
    assert everything.tolist() == list(range(10, 16))


def test_a_sum_near_the_limits_saturates_and_never_wraps() -> None:
    limits = np.iinfo(np.int64)
    exact = np.array([limits.max, limits.min] * 500, dtype=np.int64)
    noisy = DiscreteGaussian(block(1, 1000), 1000.0).release(exact)
    assert (noisy[0::2] > limits.max - 20_000).all()
    assert (noisy[1::2] < limits.min + 20_000).all()


class _Broken:
    """Stands in for a measurement whose every call fails with text that has met data."""

    def __call__(self, _: object) -> None:
        raise OpenDPException("FailedFunction", "patient 4711")

    map = __call__


def test_what_opendp_says_stays_in_the_room() -> None:
    broken = cast("Measurement", _Broken())
    with pytest.raises(PrivacyError) as raised:
        opendp_core.draw(broken, np.zeros(1, dtype=np.int64))
    assert "4711" not in str(raised.value)
    assert raised.value.__suppress_context__


def test_a_map_without_an_answer_costs_everything() -> None:
    assert opendp_core.rho_of(cast("Measurement", _Broken()), 1.0) == math.inf


def test_the_smallest_loss_is_a_nano_of_rho() -> None:
    mechanism = DiscreteGaussian.calibrated(block(1), Loss(1))
    assert mechanism.event.rho <= Fraction(1, NANO)
