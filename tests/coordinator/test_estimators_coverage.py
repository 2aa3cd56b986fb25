"""Intervals hold the truth as often as they say, with noise and sampling, and not for free.

Each regime has its negative control: the same interval without its noise part, or without its
sampling part, must fail the bar that the real one passes.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest

from coordinator.estimators.table import Row
from protocols.queries import Kind
from tests.coordinator.populations import REPETITIONS, Integers, Study, answer, coverage, study

SEED = 20_260_701
LEAST, MOST = 0.935, 0.975
"""Of 3,000 intervals at 95 %: the standard error of the coverage is 0.4 %."""

Draw = Callable[[np.random.Generator], Integers]
_A, _B = 1.2, 6.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Regime:
    """A question, what one centre's patients are like, and the true value."""

    kind: Kind
    rho: str
    draw: Draw
    truth: float
    centres: int = 1
    cap: int = 1
    width: int = 765
    controls: tuple[str, ...] = field(default=("noise", "sampling"))

    def study(self) -> Study:
        return study(self.kind, rho=self.rho, centres=self.centres, cap=self.cap, width=self.width)


def _skewed(patients: int, width: int = 765, rows: int = 1) -> Draw:
    """Skewed numbers (beta 1.2, 6), with `rows` equal rows a patient."""

    def draw(rng: np.random.Generator) -> Integers:
        steps = np.rint(rng.beta(_A, _B, (REPETITIONS, patients)) * width).astype(np.int64)
        return np.repeat(steps, rows, axis=1)

    return draw


def _normal(patients: int) -> Draw:
    """Numbers around the middle of the range, a tenth of it wide."""

    def draw(rng: np.random.Generator) -> Integers:
        values = np.rint(rng.normal(500, 80, (REPETITIONS, patients)))
        return np.clip(values, 0, 765).astype(np.int64)

    return draw


def _yes(patients: int, share: float, rows: int = 1) -> Draw:
    def draw(rng: np.random.Generator) -> Integers:
        answers = (rng.random((REPETITIONS, patients)) < share).astype(np.int64)
        return np.repeat(answers, rows, axis=1)

    return draw


def _constant(patients: int) -> Draw:
    return lambda rng: np.full((REPETITIONS, patients), 300, dtype=np.int64)


# Steps of 0.1; rounding to steps adds a twelfth of a squared step to the variance.
MEAN = 0.1 * 765 * _A / (_A + _B)
VARIANCE = (0.1 * 765) ** 2 * _A * _B / ((_A + _B) ** 2 * (_A + _B + 1)) + 0.1**2 / 12
NORMAL_VARIANCE = 8.0**2 + 0.1**2 / 12

REGIMES = {
    "count": Regime(
        kind=Kind.COUNT, rho="0.05", draw=_constant(50), truth=200, centres=4, controls=("noise",)
    ),
    "sum": Regime(
        kind=Kind.SUM, rho="0.05", draw=_constant(50), truth=6000.0, centres=4, controls=("noise",)
    ),
    "mean, noise and sampling alike": Regime(kind=Kind.MEAN, rho="0.1", draw=_skewed(400), truth=MEAN),
    "mean, four centres": Regime(kind=Kind.MEAN, rho="0.05", draw=_skewed(200), truth=MEAN, centres=4),
    "mean, hardly any noise": Regime(
        kind=Kind.MEAN, rho="1000", draw=_skewed(400), truth=MEAN, controls=("sampling",)
    ),
    "mean, nearly all noise": Regime(
        kind=Kind.MEAN, rho="0.002", draw=_skewed(1000), truth=MEAN, controls=("noise",)
    ),
    "mean, five equal rows a patient": Regime(
        kind=Kind.MEAN, rho="1", draw=_skewed(300, rows=5), truth=MEAN, cap=5, controls=("sampling",)
    ),
    "variance, noise and sampling alike": Regime(
        kind=Kind.VARIANCE, rho="1", draw=_skewed(2000), truth=VARIANCE
    ),
    "variance, four centres": Regime(
        kind=Kind.VARIANCE, rho="1", draw=_normal(1000), truth=NORMAL_VARIANCE, centres=4
    ),
    "variance, hardly any noise": Regime(
        kind=Kind.VARIANCE, rho="1000", draw=_skewed(2000), truth=VARIANCE, controls=("sampling",)
    ),
    "variance, nearly all noise": Regime(
        kind=Kind.VARIANCE, rho="0.05", draw=_skewed(2000), truth=VARIANCE, controls=("noise",)
    ),
    "proportion, noise and sampling alike": Regime(
        kind=Kind.PROPORTION, rho="0.01", draw=_yes(400, 0.3), truth=0.3
    ),
    "proportion, four centres": Regime(
        kind=Kind.PROPORTION, rho="0.01", draw=_yes(250, 0.3), truth=0.3, centres=4
    ),
    "proportion, rare": Regime(
        kind=Kind.PROPORTION, rho="0.1", draw=_yes(2000, 0.02), truth=0.02, controls=("sampling",)
    ),
    "proportion, four equal rows a patient": Regime(
        kind=Kind.PROPORTION,
        rho="10",
        draw=_yes(500, 0.4, rows=4),
        truth=0.4,
        cap=4,
        controls=("sampling",),
    ),
}


def _answer(regime: Regime, *, claim: float = 1.0) -> tuple[Row, ...]:
    print(f"seed {SEED}")  # noqa: T201 -- shown when a test fails
    rng = np.random.default_rng(SEED)
    return answer(regime.study(), lambda: regime.draw(rng), rng, claim=claim)


@pytest.mark.parametrize("name", REGIMES)
def test_intervals_cover(name: str) -> None:
    share = coverage(_answer(REGIMES[name]), REGIMES[name].truth)

    assert LEAST <= share <= MOST


@pytest.mark.parametrize("name", [n for n, r in REGIMES.items() if "noise" in r.controls])
def test_intervals_without_the_noise_do_not(name: str) -> None:
    # The noise is there; the releases say that there is hardly any.
    share = coverage(_answer(REGIMES[name], claim=1e-6), REGIMES[name].truth)

    assert share < LEAST


@pytest.mark.parametrize("name", [n for n, r in REGIMES.items() if "sampling" in r.controls])
def test_intervals_without_the_sampling_do_not(name: str) -> None:
    held = [
        abs(row.estimate - REGIMES[name].truth) <= 1.96 * row.noise_sd
        for row in _answer(REGIMES[name])
        if row.estimate is not None and row.noise_sd is not None
    ]

    assert sum(held) / len(held) < LEAST


@pytest.mark.parametrize("kind", [Kind.MEAN, Kind.VARIANCE, Kind.PROPORTION])
@pytest.mark.parametrize("rho", ["0.0001", "0.001", "0.01", "0.1"])
def test_small_groups_in_large_noise_are_covered_too(kind: Kind, rho: str) -> None:
    draw = _yes(40, 0.3) if kind is Kind.PROPORTION else _skewed(40)
    truth = {Kind.MEAN: MEAN, Kind.VARIANCE: VARIANCE, Kind.PROPORTION: 0.3}[kind]

    share = coverage(_answer(Regime(kind=kind, rho=rho, draw=draw, truth=truth)), truth)

    assert share >= LEAST


def test_the_spread_of_the_estimates_is_the_standard_error() -> None:
    for name in ("mean, four centres", "variance, four centres", "proportion, four centres"):
        rows = _answer(REGIMES[name])
        estimates = [row.estimate for row in rows if row.estimate is not None]
        stated = [row.std_error for row in rows if row.std_error is not None]

        assert np.std(estimates) == pytest.approx(np.median(stated), rel=0.05)
        assert np.mean(estimates) == pytest.approx(REGIMES[name].truth, abs=4 * stated[0] / REPETITIONS**0.5)
