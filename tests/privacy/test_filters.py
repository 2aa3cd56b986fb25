"""A filter never lets the sum of what it admitted pass its cap."""

from hypothesis import given
from hypothesis import strategies as st

from privacy.filters import Filter
from privacy.loss import ZERO, Loss

losses = st.integers(min_value=0, max_value=10**24).map(Loss)


@given(losses, st.lists(losses, max_size=30))
def test_what_was_admitted_never_exceeds_the_cap(limit: Loss, costs: list[Loss]) -> None:
    spent = ZERO
    for cost in costs:
        if Filter(limit=limit, spent=spent).admits(cost):
            spent += cost
    assert spent <= limit


@given(losses, losses, losses)
def test_exactly_what_remains_is_admitted_and_no_nano_more(limit: Loss, spent: Loss, cost: Loss) -> None:
    state = Filter(limit=limit, spent=spent)
    left = state.remaining_rounded_down()
    assert left is not None
    if spent <= limit:
        assert spent + left == limit
        assert state.admits(cost) == (cost <= left)
        assert state.admits(left)
        assert not state.admits(left + Loss(1))


@given(losses, st.integers(min_value=1, max_value=10**24), losses)
def test_a_cap_lowered_below_what_was_spent_admits_nothing(limit: Loss, over: int, cost: Loss) -> None:
    state = Filter(limit=limit, spent=limit + Loss(over))
    assert state.remaining_rounded_down() == ZERO
    assert not state.admits(cost)
    assert not state.admits(ZERO)


@given(losses, losses)
def test_without_a_cap_it_only_counts(spent: Loss, cost: Loss) -> None:
    state = Filter(limit=None, spent=spent)
    assert state.admits(cost)
    assert state.remaining_rounded_down() is None
