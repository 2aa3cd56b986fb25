"""The tree of counts: its shape, the least squares it comes to, and what reads a quantile from it.

The oracles are dense: the matrix of all nodes over leaves, and NumPy's least squares; for complete
trees OpenDP's own. None of them knows of levels going up and down.
"""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from opendp.mod import enable_features
from opendp.transformations import make_consistent_b_ary_tree

from privacy.quantile_tree import (
    BRANCHING,
    Floats,
    QuantileTree,
    consistent,
    first_reaching,
    monotone,
    noise_variance,
    total_variance,
)

LEAVES = st.one_of(st.integers(1, 40), st.sampled_from((63, 64, 65, 100, 255, 256)))
SHARES = (0.01, 0.25, 0.5, 0.9)


def ancestors(leaf: int, sizes: tuple[int, ...]) -> list[int]:
    """The nodes that count a leaf, by their place in the vector."""
    places = []
    for level in reversed(range(len(sizes))):
        places.append(sum(sizes[:level]) + leaf)
        leaf //= BRANCHING
    return places


def design(tree: QuantileTree) -> Floats:
    """The matrix that counts every node from the leaves, one leaf at a time."""
    matrix = np.zeros((tree.nodes, tree.leaves))
    for leaf in range(tree.leaves):
        matrix[ancestors(leaf, tree.sizes), leaf] = 1
    return matrix


def noisy_nodes(tree: QuantileTree, seed: int) -> Floats:
    print(f"seed {seed}")  # noqa: T201 -- shown when a test fails
    rng = np.random.default_rng(seed)
    exact = tree.counted(rng.integers(0, 50, tree.leaves))
    return np.asarray(exact + np.rint(rng.normal(0, 20, tree.nodes)), dtype=np.float64)


@pytest.mark.parametrize(
    ("leaves", "sizes"),
    [(1, (1,)), (2, (2,)), (4, (4,)), (5, (2, 5)), (28, (2, 7, 28)), (256, (4, 16, 64, 256))],
)
def test_levels_shrink_by_four_down_to_at_most_four(leaves: int, sizes: tuple[int, ...]) -> None:
    assert QuantileTree(leaves=leaves).sizes == sizes
    assert QuantileTree(leaves=leaves).nodes == sum(sizes)


def test_a_tree_without_leaves_is_a_wrong_call() -> None:
    with pytest.raises(RuntimeError):
        QuantileTree(leaves=0)


@given(leaves=LEAVES, data=st.data())
def test_a_row_counts_once_on_each_level(leaves: int, data: st.DataObject) -> None:
    tree = QuantileTree(leaves=leaves)
    place = data.draw(st.integers(0, leaves - 1))
    one = np.zeros(leaves, dtype=np.int64)
    one[place] = 1

    counted = tree.counted(one)

    assert np.flatnonzero(counted).tolist() == sorted(ancestors(place, tree.sizes))
    assert counted.sum() == len(tree.sizes)


@given(leaves=LEAVES, cap=st.integers(1, 4), data=st.data())
def test_a_patient_moves_the_tree_by_at_most_the_cap_times_the_root_of_the_levels(
    leaves: int, cap: int, data: st.DataObject
) -> None:
    tree = QuantileTree(leaves=leaves)
    rows = data.draw(st.lists(st.integers(0, leaves - 1), max_size=cap))
    mine = np.bincount(np.array(rows, dtype=np.int64), minlength=leaves)

    assert sum(int(one) ** 2 for one in tree.counted(mine)) <= len(tree.sizes) * cap**2
    in_one_bin = tree.counted(np.eye(leaves, dtype=np.int64)[0] * cap)
    assert sum(int(one) ** 2 for one in in_one_bin) == len(tree.sizes) * cap**2


def test_large_counts_are_summed_exactly_and_groups_stay_apart() -> None:
    tree = QuantileTree(leaves=20)
    leaves = np.arange(60, dtype=np.int64).reshape(3, 20) + 2**55

    counted = tree.counted(leaves)

    assert counted.dtype == np.int64
    for group, row in zip(leaves.tolist(), counted.tolist(), strict=True):
        assert row[:2] == [sum(group[:16]), sum(group[16:])]
        assert row[-20:] == group


@settings(max_examples=60, deadline=None)
@given(leaves=LEAVES, seed=st.integers(0, 2**32))
def test_consistency_is_the_least_squares_of_all_nodes(leaves: int, seed: int) -> None:
    tree = QuantileTree(leaves=leaves)
    nodes = noisy_nodes(tree, seed)

    fitted = consistent(tree, nodes)

    wanted, *_ = np.linalg.lstsq(design(tree), nodes, rcond=None)
    np.testing.assert_allclose(fitted, wanted, rtol=0, atol=1e-9 * np.abs(nodes).sum())
    # The leaves are all that is given back, so a node is the sum of its children; the fit is no
    # further from what was measured than any leaves nearby.
    residual = nodes - design(tree) @ fitted
    np.testing.assert_allclose(design(tree).T @ residual, 0, atol=1e-8 * np.abs(nodes).sum())


def test_consistency_is_that_of_opendp_on_complete_trees() -> None:
    enable_features("contrib")
    tree = QuantileTree(leaves=256)
    nodes = noisy_nodes(tree, 5)
    fitted = consistent(tree, nodes)
    theirs = make_consistent_b_ary_tree(BRANCHING, TIA="i32", TOA="f64")

    # Without a root ours is four trees side by side, each of 1, 4, 16 and 64 nodes.
    levels = np.split(nodes, np.cumsum(tree.sizes)[:-1])
    for part in range(4):
        inner = [int(one) for level in levels for one in np.split(level, 4)[part]]
        assert fitted[part * 64 : (part + 1) * 64].tolist() == pytest.approx(theirs(inner), abs=1e-9)


@given(leaves=LEAVES, data=st.data())
def test_nodes_that_agree_come_back_to_the_last_bit(leaves: int, data: st.DataObject) -> None:
    tree = QuantileTree(leaves=leaves)
    counts = data.draw(arrays(np.int64, (3, leaves), elements=st.integers(0, 2**40)))

    assert consistent(tree, tree.counted(counts).astype(np.float64)).tolist() == counts.tolist()


@pytest.mark.parametrize("leaves", [1, 4, 5, 28, 100, 256])
@pytest.mark.parametrize("share", SHARES)
def test_the_noise_variance_is_exactly_that_of_least_squares(leaves: int, share: float) -> None:
    tree = QuantileTree(leaves=leaves)
    covariance = np.linalg.inv(design(tree).T @ design(tree))
    weights = np.tril(np.ones((leaves, leaves))) - share

    wanted = np.einsum("ki,ij,kj->k", weights, covariance, weights)

    np.testing.assert_allclose(noise_variance(tree, share), wanted, rtol=1e-9, atol=1e-12)
    assert total_variance(tree) == pytest.approx(covariance.sum(), rel=1e-9)


def test_consistency_is_worth_its_levels() -> None:
    """Why there is a tree: with the noise of four levels, half of 256 bins still has less noise."""
    tree = QuantileTree(leaves=256)

    with_tree = len(tree.sizes) * noise_variance(tree, 0.5)[127]

    assert with_tree < 256 / 4 / 5


def test_what_is_kept_for_all_callers_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        noise_variance(QuantileTree(leaves=9), 0.5)[0] = 0


COUNTS = arrays(np.float64, st.integers(1, 30), elements=st.floats(-100, 100))


@given(leaves=COUNTS)
def test_cumulative_counts_rise_from_zero_to_the_total(leaves: Floats) -> None:
    leaves[0] += 3001  # a total above zero
    rising = monotone(leaves)

    assert (np.diff(rising) >= 0).all()
    assert rising[0] >= 0
    assert rising[-1] == np.cumsum(leaves)[-1]


@given(leaves=COUNTS)
def test_counts_that_never_fall_are_left_alone(leaves: Floats) -> None:
    assert monotone(np.abs(leaves)).tolist() == np.cumsum(np.abs(leaves)).tolist()


@given(data=st.data(), truth=COUNTS)
def test_making_it_rise_is_never_further_from_a_rising_truth(data: st.DataObject, truth: Floats) -> None:
    truth = np.abs(truth)
    noise = data.draw(arrays(np.float64, truth.shape, elements=st.floats(-50, 50)))
    far = np.abs(np.cumsum(noise)).max()

    moved = np.abs(monotone(truth + noise) - np.cumsum(truth)).max()

    assert moved <= far + 1e-9


def test_a_count_that_is_reached_exactly_is_reached() -> None:
    cumulative = np.array([1.0, 7.0, 100.0])

    assert 0.07 * 100 > 7  # in floats the second bin would be passed by
    assert first_reaching(cumulative, Fraction("0.07") * 100) == 1
    assert first_reaching(cumulative, Fraction("0.0700001") * 100) == 2
    assert first_reaching(cumulative, Fraction(0)) == 0
    assert first_reaching(cumulative, Fraction(101)) == 2
