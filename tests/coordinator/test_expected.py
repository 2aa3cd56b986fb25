"""The width that a plan expects is the width that answers have: within 10 per cent, over 500 answers.

The answers are simulated: patients drawn, the mechanism's noise added, the estimators run. Each
regime has its negative control: the same expectation without its noise, or without its sampling
part, must miss the bar that the real one passes.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from statistics import median

import numpy as np
import pytest

from coordinator.estimators.expected import BY_ROWS, EXACT, Expected, expected_width, sampling_width
from coordinator.estimators.table import estimate_table
from protocols.dictionary import Dictionary
from protocols.precision import NOTHING_ASSUMED, Assumed
from protocols.queries import Kind, Query
from tests.coordinator import reference
from tests.coordinator.populations import Integers, Study, blocks_of

SEEDS = 500
BAR = 0.10
WIDTH = 765
STEP = "1/10"
DICTIONARY = reference.registry(
    reference.number("score", "0", "76.5", STEP), reference.coded("answer", "yes", "no")
)
CAPPED = reference.registry(*DICTIONARY.tables[0].fields, cap=4)

Draw = Callable[[np.random.Generator], Integers]


@dataclass(frozen=True, slots=True, kw_only=True)
class Regime:
    """A question, what one centre's rows are like (in steps, or 1 for yes), and what is expected of them."""

    kind: Kind
    rho: str
    draw: Draw
    assumed: Assumed = NOTHING_ASSUMED
    centres: int = 1
    dictionary: Dictionary = DICTIONARY
    controls: tuple[str, ...] = ("noise", "sampling")

    @property
    def query(self) -> Query:
        variable = {Kind.COUNT: None, Kind.PROPORTION: "answer"}.get(self.kind, "score")
        codes = ("yes",) if self.kind is Kind.PROPORTION else ()
        edges = ("0", "20", "50", "76.5") if self.kind is Kind.HISTOGRAM else ()
        return reference.question(self.kind, variable, codes=codes, edges=edges, rho=self.rho)

    def expected(self) -> Expected:
        return expected_width(
            self.query, self.dictionary, self.assumed, centres=self.centres, confidence=0.95
        )

    def realised(self) -> list[float]:
        """The half-widths of one cell of many answers; one seed an answer."""
        print(f"seeds 0 to {SEEDS - 1}")  # noqa: T201 -- shown when a test fails
        return [self._half_width(np.random.default_rng(seed)) for seed in range(SEEDS)]

    def _half_width(self, rng: np.random.Generator) -> float:
        query, scales = self.query, reference.scales(self.query, self.dictionary)
        releases = [
            reference.release(
                query,
                self.dictionary,
                reference.with_noise(self._blocks(rng), scales, rng),
                centre=f"centre{index}",
                sigmas=scales,
            )
            for index in range(self.centres)
        ]
        row = estimate_table(query, self.dictionary, releases)[0]
        assert row.ci_low is not None
        assert row.ci_high is not None
        return (row.ci_high - row.ci_low) / 2

    def _blocks(self, rng: np.random.Generator) -> dict[str, Integers]:
        if self.kind is Kind.HISTOGRAM:
            return {"bins": np.array([40, 70, 10], dtype=np.int64)}
        return blocks_of(Study(query=self.query, dictionary=self.dictionary), self.draw(rng)[None, :])


def _normal(rows: int, mean: float = 38.25, sd: float = 8.0) -> Draw:
    def draw(rng: np.random.Generator) -> Integers:
        return np.clip(np.rint(rng.normal(mean * 10, sd * 10, rows)), 0, WIDTH).astype(np.int64)

    return draw


def _even(rows: int) -> Draw:
    return lambda rng: rng.integers(0, WIDTH + 1, rows)


def _skewed(rows: int) -> Draw:
    return lambda rng: np.rint(rng.beta(1.2, 6.0, rows) * WIDTH).astype(np.int64)


def _yes(rows: int, share: float) -> Draw:
    return lambda rng: (rng.random(rows) < share).astype(np.int64)


def _rows(n: int, **more: str) -> Assumed:
    return Assumed(n=n, **{name: Decimal(text) for name, text in more.items()})


_COUNTED = ("noise",)
REGIMES = {
    "count": Regime(kind=Kind.COUNT, rho="0.05", draw=_even(50), centres=4, controls=_COUNTED),
    "count, noise below one": Regime(kind=Kind.COUNT, rho="2", draw=_even(50), controls=_COUNTED),
    "histogram": Regime(kind=Kind.HISTOGRAM, rho="0.01", draw=_even(50), centres=3, controls=_COUNTED),
    "sum": Regime(kind=Kind.SUM, rho="0.05", draw=_even(50), centres=4, controls=_COUNTED),
    "mean, both parts": Regime(
        kind=Kind.MEAN, rho="0.05", draw=_normal(250), assumed=_rows(1000, sd="8"), centres=4
    ),
    "mean, evenly spread, nothing said but the rows": Regime(
        kind=Kind.MEAN, rho="0.01", draw=_even(400), assumed=_rows(400)
    ),
    "mean, mostly noise": Regime(
        kind=Kind.MEAN, rho="0.002", draw=_normal(1000), assumed=_rows(1000, sd="8"), controls=_COUNTED
    ),
    "mean, mostly sampling": Regime(
        kind=Kind.MEAN, rho="100", draw=_normal(400), assumed=_rows(400, sd="8"), controls=("sampling",)
    ),
    "mean, far from the middle": Regime(
        kind=Kind.MEAN, rho="0.02", draw=_skewed(500), assumed=_rows(500, mean="12.75", sd="9.96")
    ),
    "mean, up to four rows a patient": Regime(
        kind=Kind.MEAN, rho="0.1", draw=_normal(1200), assumed=_rows(1200, sd="8"), dictionary=CAPPED
    ),
    "variance, both parts": Regime(
        kind=Kind.VARIANCE, rho="0.3", draw=_normal(1000), assumed=_rows(4000, sd="8"), centres=4
    ),
    "variance, evenly spread": Regime(
        kind=Kind.VARIANCE, rho="1", draw=_even(2000), assumed=_rows(2000), controls=("sampling",)
    ),
    "proportion, both parts": Regime(
        kind=Kind.PROPORTION, rho="0.005", draw=_yes(400, 0.5), assumed=_rows(400)
    ),
    "proportion, four centres": Regime(
        kind=Kind.PROPORTION,
        rho="0.01",
        draw=_yes(250, 0.3),
        assumed=_rows(1000, proportion="0.3"),
        centres=4,
    ),
    "proportion, rare": Regime(
        kind=Kind.PROPORTION,
        rho="0.5",
        draw=_yes(2000, 0.02),
        assumed=_rows(2000, proportion="0.02"),
        controls=("sampling",),
    ),
}


@pytest.mark.parametrize("name", REGIMES)
def test_the_expected_width_is_the_realised_one(name: str) -> None:
    expected, realised = REGIMES[name].expected().half_width, median(REGIMES[name].realised())
    assert expected is not None
    print(f"expected {expected:.4g}, realised {realised:.4g}")  # noqa: T201 -- shown when a test fails

    assert _off(expected, realised) < BAR / 5


def _off(expected: float, realised: float) -> float:
    return abs(expected / realised - 1)


@pytest.mark.parametrize("name", [n for n, one in REGIMES.items() if "noise" in one.controls])
def test_without_the_noise_it_would_not_be(name: str) -> None:
    bare = REGIMES[name].expected().without_noise
    assert bare is not None

    assert _off(bare, median(REGIMES[name].realised())) > BAR


@pytest.mark.parametrize("name", [n for n, one in REGIMES.items() if "sampling" in one.controls])
def test_without_the_sampling_it_would_not_be(name: str) -> None:
    whole = REGIMES[name].expected()
    assert whole.half_width is not None
    assert whole.without_noise is not None
    noise = math.sqrt(whole.half_width**2 - whole.without_noise**2)

    assert _off(noise, median(REGIMES[name].realised())) > BAR


@pytest.mark.parametrize("name", [n for n, one in REGIMES.items() if one.kind in EXACT])
def test_the_width_of_what_is_counted_is_exact(name: str) -> None:
    # An end of an interval of a sum is rounded to a double: so much may it differ.
    assert REGIMES[name].realised() == pytest.approx([REGIMES[name].expected().half_width] * SEEDS, rel=1e-9)


@pytest.mark.parametrize("kind", BY_ROWS)
def test_what_the_noise_drowns_is_expected_to_say_nothing(kind: Kind) -> None:
    draw = _yes(40, 0.5) if kind is Kind.PROPORTION else _even(40)
    drowned = Regime(kind=kind, rho="0.0001", draw=draw, assumed=_rows(40))
    widest = {Kind.MEAN: 76.5 / 2, Kind.VARIANCE: 76.5**2 / 8, Kind.PROPORTION: 0.5}[kind]

    assert drowned.expected().half_width is None
    assert median(drowned.realised()) > 0.9 * widest


@pytest.mark.parametrize("kind", BY_ROWS)
def test_more_loss_and_more_rows_never_widen_it(kind: Kind) -> None:
    def width(rho: str, rows: int) -> float:
        regime = Regime(kind=kind, rho=rho, draw=_even(1), assumed=_rows(rows))
        found = regime.expected().half_width
        return math.inf if found is None else found

    for rows in (30, 300, 3000):
        widths = [width(rho, rows) for rho in ("0.001", "0.01", "0.1", "1", "100")]
        assert widths == sorted(widths, reverse=True)
    for rho in ("0.01", "1"):
        widths = [width(rho, rows) for rows in (30, 300, 3000)]
        assert widths == sorted(widths, reverse=True)


def test_a_narrow_spread_far_from_the_middle_keeps_its_width() -> None:
    # In units of x the squares are of the order of 1e11 a row, the variance of 4.
    fine = reference.registry(reference.number("score", "0", "100", "1/10000"))
    assumed = _rows(400, mean="99", sd="0.0001")
    query = Regime(kind=Kind.MEAN, rho="1", draw=_even(1)).query

    found = sampling_width(query, fine, assumed, 0.95)

    assert found == pytest.approx(1.959964 * 0.0001 / 20, rel=0.01)


def test_no_rows_are_expected_to_say_nothing() -> None:
    for kind in BY_ROWS:
        assert Regime(kind=kind, rho="1", draw=_even(1), assumed=Assumed(n=0)).expected().half_width is None


def test_what_remains_without_noise_is_the_sampling_part() -> None:
    # Wilson 1927 at 0.5 of 400; Student 1908 with 399 degrees of freedom.
    z, t = 1.959964, 1.965927
    proportion = Regime(kind=Kind.PROPORTION, rho="1", draw=_yes(1, 0.5), assumed=_rows(400))
    mean = Regime(kind=Kind.MEAN, rho="1", draw=_even(1), assumed=_rows(400, sd="8"))

    for regime, wanted in ((proportion, z / 2 / math.sqrt(400 + z * z)), (mean, t * 8 / 20)):
        found = sampling_width(regime.query, DICTIONARY, regime.assumed, 0.95)
        assert found == pytest.approx(wanted, rel=1e-4)
        assert found == regime.expected().without_noise
