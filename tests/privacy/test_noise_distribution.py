"""OpenDP's draws against the exact distribution; the same test rejects what is nearly right.

Nothing here is seeded: the noise cannot be. Each true hypothesis is rejected by chance once in 1e9
runs (`THRESHOLD`), and each false one is so far off that it is accepted even more rarely.
"""

import json
import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from privacy.mechanisms import DiscreteGaussian
from privacy.units import Block
from tests.shared_data import shared

THRESHOLD = 1e-9
DRAWS = 20_000
SIGMAS = (0.3, 1.0, 3.7, 50.0)

Integers = NDArray[np.int64]


def draws(sigma: float, count: int = DRAWS) -> Integers:
    """Noise as a release adds it, to a vector of zeros."""
    block = Block(name="count", size=count, l2_squared=1)
    return DiscreteGaussian(block, sigma).release(np.zeros(count, dtype=np.int64))


def exact_pmf(sigma_squared: float) -> tuple[Integers, NDArray[np.float64]]:
    """The integers within 40 sigma, or at least 40, and their exact probabilities."""
    reach = max(40, math.ceil(40 * math.sqrt(sigma_squared)))
    steps = np.arange(-reach, reach + 1)
    weights = [math.exp(-(step * step) / (2 * sigma_squared)) for step in steps.tolist()]
    total = math.fsum(weights)
    return steps, np.array([weight / total for weight in weights])


def p_value(sample: Integers, sigma: float) -> float:
    """Chi-squared against the exact distribution; tails pooled until 5 draws are expected."""
    steps, pmf = exact_pmf(sigma**2)
    expected = pmf * len(sample)
    edge = max(1, int(steps[np.cumsum(expected[::-1])[::-1] >= 5].max()))
    pooled = np.clip(sample, -edge, edge)
    observed = np.bincount(pooled + edge, minlength=2 * edge + 1)
    inner = (steps > -edge) & (steps < edge)
    tail = expected[steps >= edge].sum()
    wanted = np.concatenate([[tail], expected[inner], [tail]])
    statistic = float(((observed - wanted) ** 2 / wanted).sum())
    return float(stats.chi2.sf(statistic, df=2 * edge))


def correlation_p_value(one: Integers, other: Integers) -> float:
    """Whether two series of draws go together."""
    return float(stats.pearsonr(one.astype(float), other.astype(float)).pvalue)


@pytest.mark.parametrize("sigma", SIGMAS)
def test_draws_follow_the_exact_distribution(sigma: float) -> None:
    assert p_value(draws(sigma), sigma) > THRESHOLD


@pytest.mark.parametrize("sigma", SIGMAS)
@pytest.mark.parametrize("factor", [0.7, 1.3])
def test_control_a_scale_off_by_30_percent_is_rejected(sigma: float, factor: float) -> None:
    assert p_value(draws(sigma * factor), sigma) < THRESHOLD


@pytest.mark.parametrize("sigma", [0.3, 0.6])
def test_control_a_rounded_continuous_gaussian_is_rejected(sigma: float) -> None:
    continuous = stats.norm.isf(np.random.default_rng().random(DRAWS)) * sigma
    assert p_value(np.rint(continuous).astype(np.int64), sigma) < THRESHOLD


@pytest.mark.parametrize("sigma", [1.0, 50.0])
def test_control_noise_that_is_never_negative_is_rejected(sigma: float) -> None:
    assert p_value(np.abs(draws(sigma)), sigma) < THRESHOLD


def test_control_noise_that_is_not_there_is_rejected() -> None:
    assert p_value(np.zeros(DRAWS, dtype=np.int64), 0.3) < THRESHOLD


def reference() -> list[dict[str, Any]]:
    text = (shared("dp-reference") / "expected_reference.json").read_text(encoding="utf-8")
    return list(json.loads(text)["discrete_gaussian_exact"])


def test_the_exact_distribution_is_that_of_the_reference() -> None:
    for row in reference():
        steps, pmf = exact_pmf(row["sigma2"])
        assert pmf[steps == 0].sum() == pytest.approx(row["p0"], rel=1e-12)
        assert pmf[steps == 1].sum() == pytest.approx(row["p1"], rel=1e-12)
        assert (steps**2 * pmf).sum() == pytest.approx(row["variance"], rel=1e-12)
        assert pmf[np.abs(steps) >= 3].sum() == pytest.approx(row["P(|x|>=3)"], rel=1e-9)


def test_the_variance_of_the_draws_is_the_exact_one() -> None:
    for row in reference():
        steps, pmf = exact_pmf(row["sigma2"])
        fourth = float((steps.astype(float) ** 4 * pmf).sum())
        error = math.sqrt((fourth - row["variance"] ** 2) / DRAWS)
        mean_square = float((draws(math.sqrt(row["sigma2"])) ** 2).mean())
        # The mean is known to be zero. 6.5 standard errors are one in 1e10.
        assert abs(mean_square - row["variance"]) < 6.5 * error, row
        if row["sigma2"] >= 1:
            off = float((draws(1.3 * math.sqrt(row["sigma2"])) ** 2).mean())
            assert abs(off - row["variance"]) > 6.5 * error, row


def test_cells_and_releases_are_drawn_independently() -> None:
    first, second = draws(3.7), draws(3.7)
    assert (first != second).any()
    assert correlation_p_value(first, second) > THRESHOLD
    for lag in (1, 2, 7):
        assert correlation_p_value(first[lag:], first[:-lag]) > THRESHOLD
    assert correlation_p_value(np.abs(first[1:]), np.abs(first[:-1])) > THRESHOLD


def test_control_noise_drawn_once_for_two_cells_is_noticed() -> None:
    once = draws(3.7, DRAWS // 2)
    interleaved = np.repeat(once, 2)
    assert correlation_p_value(interleaved[1:], interleaved[:-1]) < THRESHOLD


def test_two_mechanisms_built_alike_draw_differently() -> None:
    seen = {tuple(draws(50.0, 20).tolist()) for _ in range(50)}
    assert len(seen) == 50


def test_the_noise_is_centred_on_the_exact_vector() -> None:
    exact = np.arange(-DRAWS // 2, DRAWS // 2, dtype=np.int64) * 10**12
    mechanism = DiscreteGaussian(Block(name="sum", size=DRAWS, l2_squared=1), 3.7)
    assert p_value(mechanism.release(exact) - exact, 3.7) > THRESHOLD
