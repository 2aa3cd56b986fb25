"""Intervals of quantiles hold the truth as often as they say, with noise and sampling, and not for free.

A regime is 3,000 samples in tables of 125 groups, since a table's trees have a limit. The negative
controls are those of the other statistics: the same interval as if there were no noise, and made of
the noise alone.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from coordinator.estimators.figures import Figures, Interval
from coordinator.estimators.quantiles import PublicGrid, quantiles
from coordinator.estimators.totals import add_up
from protocols.dictionary import Dictionary
from protocols.layout import layout_of
from protocols.queries import Kind, Query
from tests.coordinator import reference

SEED = 20_260_702
LEAST, MOST = 0.935, 0.985
"""Conservative by a bin outwards, and by noise that rising counts have lost and the interval still holds."""

GROUPS, TABLES = 125, 24

Steps = NDArray[np.int64]
Draw = Callable[[np.random.Generator], Steps]


@dataclass(frozen=True, slots=True, kw_only=True)
class Regime:
    """A question, what one centre's patients are like (a row of steps a group), and the true value."""

    rho: str
    draw: Draw
    truth: float
    probability: str
    top: int
    centres: int = 1
    cap: int = 1
    controls: tuple[str, ...] = ()

    def question(self) -> tuple[Query, Dictionary]:
        codes = tuple(f"r{index}" for index in range(GROUPS))
        dictionary = reference.registry(
            reference.coded("repetition", *codes, required=True),
            reference.number("score", "0", str(self.top), "1"),
            cap=self.cap,
        )
        query = reference.question(
            Kind.QUANTILES, "score", by=["repetition"], probabilities=[self.probability], rho=self.rho
        )
        return query, dictionary


SKEWED = stats.beta(2, 3)
FINE, SCORES = 25_599, 27  # bins of 100 steps; bins of one score


def _skewed(patients: int, rows: int = 1) -> Draw:
    def draw(rng: np.random.Generator) -> Steps:
        steps = np.rint(rng.beta(2, 3, (GROUPS, patients)) * FINE).astype(np.int64)
        return np.repeat(steps, rows, axis=1)

    return draw


def _scores(patients: int) -> Draw:
    return lambda rng: rng.binomial(SCORES, 0.2, (GROUPS, patients)).astype(np.int64)


def _skewed_truth(probability: str) -> float:
    return float(SKEWED.ppf(float(probability))) * FINE


def _regime(rho: str, patients: int, probability: str, *controls: str, rows: int = 1, **more: int) -> Regime:
    """Skewed numbers in fine bins."""
    return Regime(
        rho=rho,
        draw=_skewed(patients, rows),
        truth=_skewed_truth(probability),
        probability=probability,
        top=FINE,
        cap=rows,
        controls=controls,
        **more,
    )


REGIMES = {
    "median, noise and sampling alike": _regime("0.05", 400, "0.5", "noise", "sampling"),
    "median, four centres": _regime("0.2", 150, "0.5", "noise", "sampling", centres=4),
    "median, hardly any noise": _regime("1000", 300, "0.5", "sampling"),
    "median, nearly all noise": _regime("0.002", 1000, "0.5", "noise"),
    "first quartile": _regime("0.05", 400, "0.25", "noise", "sampling"),
    "ninth decile": _regime("0.2", 400, "0.9", "noise", "sampling"),
    "a hundredth": _regime("0.5", 1000, "0.99", "noise", "sampling"),
    "median, five equal rows a patient": _regime("10", 200, "0.5", "sampling", rows=5),
}
WHOLE = {
    f"scores, {probability}": Regime(
        rho="0.05",
        draw=_scores(400),
        truth=float(stats.binom(SCORES, 0.2).ppf(float(probability))),
        probability=probability,
        top=SCORES,
    )
    for probability in ("0.1", "0.5", "0.9")
}


def _tree(steps: Steps, top: int) -> Steps:
    """The exact vector of one centre; `test_the_trees_are_the_plain_loops` holds it to the reference."""
    run = math.ceil((top + 1) / 256)
    sizes = reference.levels_of(math.ceil((top + 1) / run))
    levels: list[Steps] = []
    for size in reversed(sizes):
        width = run * 4 ** len(levels)
        levels.insert(0, np.stack([np.bincount(row // width, minlength=size) for row in steps]))
    return np.concatenate(levels, axis=1).astype(np.int64).ravel()


def _figures(regime: Regime, *, claim: float = 1.0, cap: int | None = None) -> list[Figures]:
    """All groups' figures; `claim` scales the noise that the releases state.

    A cap of zero rows per patient takes the sampling part away, and nothing else.
    """
    print(f"seed {SEED}")  # noqa: T201 -- shown when a test fails
    rng = np.random.default_rng(SEED)
    query, dictionary = regime.question()
    layout = layout_of(query, dictionary)
    assert layout.bins is not None
    limits = Interval(low=0, high=regime.top)
    grid = PublicGrid(limits=limits, bins=layout.bins, cap=regime.cap if cap is None else cap)
    sigmas = reference.scales(query, dictionary)
    found: list[Figures] = []
    for _ in range(TABLES):
        releases = [
            reference.release(
                query,
                dictionary,
                reference.with_noise({"tree": _tree(regime.draw(rng), regime.top)}, sigmas, rng),
                centre=f"c{index}",
                sigmas={"tree": sigmas["tree"] * claim},
            )
            for index in range(regime.centres)
        ]
        found.extend(quantiles(add_up(layout, releases)[0], grid, layout.probabilities, 0.95))
    return found


def _coverage(rows: list[Figures], truth: float) -> float:
    held = [
        row.ci_low <= truth <= row.ci_high
        for row in rows
        if row.ci_low is not None and row.ci_high is not None
    ]
    return sum(held) / len(rows)


@pytest.mark.parametrize("name", REGIMES)
def test_intervals_cover(name: str) -> None:
    assert LEAST <= _coverage(_figures(REGIMES[name]), REGIMES[name].truth) <= MOST


@pytest.mark.parametrize("name", WHOLE)
def test_intervals_of_scores_cover_more_often_since_they_end_at_whole_scores(name: str) -> None:
    rows = _figures(WHOLE[name])

    assert _coverage(rows, WHOLE[name].truth) >= LEAST
    widths = [(row.ci_high or 0) - (row.ci_low or 0) for row in rows]
    assert np.mean(widths) < 3  # of 28 scores: they do not cover by being everything


@pytest.mark.parametrize("name", [n for n, r in REGIMES.items() if "noise" in r.controls])
def test_intervals_without_the_noise_do_not(name: str) -> None:
    assert _coverage(_figures(REGIMES[name], claim=1e-6), REGIMES[name].truth) < LEAST


@pytest.mark.parametrize("name", [n for n, r in REGIMES.items() if "sampling" in r.controls])
def test_intervals_without_the_sampling_do_not(name: str) -> None:
    assert _coverage(_figures(REGIMES[name], cap=0), REGIMES[name].truth) < LEAST


def test_the_trees_are_the_plain_loops() -> None:
    regime = REGIMES["median, hardly any noise"]
    query, dictionary = regime.question()
    steps = np.random.default_rng(SEED).integers(0, FINE + 1, (GROUPS, 3))
    rows: list[reference.RowOfData] = [
        {"repetition": f"r{index}", "score": Decimal(int(one))}
        for index, row in enumerate(steps)
        for one in row
    ]

    assert _tree(steps, FINE).tolist() == reference.vector(query, dictionary, rows)["tree"].tolist()
    assert len(_tree(steps, FINE)) == layout_of(query, dictionary).blocks[0].size
