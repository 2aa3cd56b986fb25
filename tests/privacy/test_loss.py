"""Losses are exact: text and integer say the same, and no rounding makes one smaller."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.errors import LossError
from privacy.loss import NANO, ZERO, Loss, split

nano_rhos = st.integers(min_value=0, max_value=10**39)
weights = st.lists(st.integers(min_value=1, max_value=50), min_size=1, max_size=8).map(tuple)


@given(nano_rhos)
def test_parse_inverts_str(nano_rho: int) -> None:
    assert Loss.parse(str(Loss(nano_rho))) == Loss(nano_rho)


@given(nano_rhos)
def test_text_and_integer_say_the_same(nano_rho: int) -> None:
    assert Fraction(Decimal(str(Loss(nano_rho)))) == Fraction(nano_rho, NANO) == Loss(nano_rho).rho


@given(st.decimals(min_value=0, max_value=10**20, places=9))
def test_every_rho_of_nine_digits_is_read_exactly(rho: Decimal) -> None:
    assert Loss.parse(str(rho)).rho == Fraction(rho)


@given(st.fractions(min_value=0, max_value=10**30))
def test_rounding_up_covers_by_less_than_one_nano(rho: Fraction) -> None:
    assert 0 <= Loss.rounded_up(rho).rho - rho < Fraction(1, NANO)


@given(st.fractions(min_value=0), st.fractions(min_value=0))
def test_rounding_up_each_never_spends_less_than_rounding_up_the_sum(one: Fraction, other: Fraction) -> None:
    assert Loss.rounded_up(one) + Loss.rounded_up(other) >= Loss.rounded_up(one + other)


@given(nano_rhos, nano_rhos)
def test_adding_never_lowers_a_loss(one: int, other: int) -> None:
    assert Loss(one) + Loss(other) == Loss(other) + Loss(one) >= max(Loss(one), Loss(other))
    assert Loss(one) + ZERO == Loss(one)


@given(st.integers(min_value=1, max_value=10**39), weights)
def test_a_split_adds_up_to_exactly_the_whole(nano_rho: int, shares: tuple[int, ...]) -> None:
    try:
        parts = split(Loss(nano_rho), shares)
    except LossError:
        assert any(nano_rho * share < sum(shares) for share in shares)
        return
    assert sum(parts, start=ZERO) == Loss(nano_rho)
    assert len(parts) == len(shares)
    for part, share in zip(parts, shares, strict=True):
        assert abs(part.nano_rho - Fraction(nano_rho * share, sum(shares))) < len(shares)
        assert part > ZERO


@pytest.mark.parametrize(("nano_rho", "shares"), [(0, (1,)), (1, (1, 1)), (3, (1, 2, 1)), (4, (1, 5))])
def test_a_part_without_loss_is_refused(nano_rho: int, shares: tuple[int, ...]) -> None:
    with pytest.raises(LossError):
        split(Loss(nano_rho), shares)


@pytest.mark.parametrize("shares", [(), (0,), (1, 0), (3, -1)])
def test_weights_that_share_nothing_are_the_callers_fault(shares: tuple[int, ...]) -> None:
    with pytest.raises(RuntimeError):
        split(Loss(NANO), shares)


@pytest.mark.parametrize(
    ("text", "nano_rho"),
    [
        ("0", 0),
        ("-0", 0),
        ("0.05", 50_000_000),
        ("1e-9", 1),
        ("5E-2", 50_000_000),
        ("0.0500000000000", 50_000_000),
        ("1000000000", 10**18),
        ("1e30", 10**39),
    ],
)
def test_a_rho_as_people_write_it(text: str, nano_rho: int) -> None:
    assert Loss.parse(text) == Loss(nano_rho)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "five",
        "0,05",
        "0x10",
        "1/20",
        "nan",
        "sNaN",
        "inf",
        "-inf",
        "-0.05",
        "-1e-99",
        "1e-10",
        "0.0000000001",
        "1e31",
        # These would build integers of a billion digits before they were refused.
        "1e999999999",
        "1e-999999999",
        "0e-999999999",
        "1e99999999999999999999999",
    ],
)
def test_a_text_that_is_no_loss_is_refused(text: str) -> None:
    with pytest.raises(LossError):
        Loss.parse(text)


@pytest.mark.parametrize("value", [-1, 1.0, float("nan"), True, Fraction(1), np.int64(1), "1", None])
def test_a_loss_is_a_whole_number_of_nano_rho(value: object) -> None:
    with pytest.raises(LossError):
        Loss(value)  # type: ignore[arg-type]


@pytest.mark.parametrize("rho", [Fraction(-1), Fraction(-1, 10 * NANO), Fraction(-1, 10**30)])
def test_a_negative_rho_is_not_repaired_to_zero(rho: Fraction) -> None:
    with pytest.raises(LossError):
        Loss.rounded_up(rho)
