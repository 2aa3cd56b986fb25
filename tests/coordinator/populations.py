"""Many small federations in one table: each group of a `by` field is one repetition.

A repetition draws its own sample of patients, so one table gives thousands of intervals for one
true value. Values are whole steps of a grid, as integers; blocks are made by NumPy, and
`test_estimators_laws` holds them against the plain loop of `reference`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from coordinator.estimators.table import Row, estimate_table
from protocols.dictionary import Dictionary
from protocols.layout import layout_of
from protocols.queries import Kind, Query
from tests.coordinator import reference

Integers = NDArray[np.int64]
REPETITIONS = 3_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """A question to some centres, with one group for each repetition."""

    query: Query
    dictionary: Dictionary
    centres: int = 1


def study(
    kind: Kind, *, rho: str, centres: int = 1, cap: int = 1, width: int = 1000, step: str = "1/10"
) -> Study:
    """A question about a number of 0 to `width` steps, or about a code for counts and proportions."""
    codes = tuple(f"r{index}" for index in range(REPETITIONS))
    high = str(float(width * Fraction(step)))
    dictionary = reference.registry(
        reference.coded("repetition", *codes, required=True),
        reference.number("score", "0", high, step),
        reference.coded("answer", "yes", "no"),
        cap=cap,
    )
    variable = {Kind.COUNT: None, Kind.PROPORTION: "answer"}.get(kind, "score")
    chosen = ("yes",) if kind is Kind.PROPORTION else ()
    query = reference.question(kind, variable, by=["repetition"], codes=chosen, rho=rho)
    return Study(query=query, dictionary=dictionary, centres=centres)


def blocks_of(asked: Study, values: Integers) -> dict[str, Integers]:
    """The exact blocks of one centre; `values` has a row of steps for each repetition.

    For a proportion the values are 1 for yes and 0 for no.
    """
    kind = asked.query.statistic.kind
    n = np.full(len(values), values.shape[1], dtype=np.int64)
    if kind is Kind.COUNT:
        return {"count": n}
    if kind is Kind.PROPORTION:
        yes = values.sum(axis=1)
        return {"in_out": np.column_stack([yes, n - yes]).ravel()}
    if kind is Kind.SUM:
        return {"sum": values.sum(axis=1)}
    moments = layout_of(asked.query, asked.dictionary).moments
    assert moments is not None
    x = 2 * values - (moments.grid.low + moments.grid.high)
    y, z = _divided(x, moments.square_divisor), _divided(x, moments.fourth_divisor)
    blocks = {"n": n, "first": x.sum(axis=1)}
    blocks["second"] = (2 * y**2 - moments.square_bound**2).sum(axis=1)
    if kind is Kind.VARIANCE:
        blocks["third"] = (z**3).sum(axis=1)
        blocks["fourth"] = (2 * z**4 - moments.fourth_bound**4).sum(axis=1)
    return blocks


def _divided(x: Integers, divisor: int) -> Integers:
    return np.asarray(np.sign(x) * ((2 * np.abs(x) + divisor) // (2 * divisor)), dtype=np.int64)


def answer(
    asked: Study,
    draw: Callable[[], Integers],
    rng: np.random.Generator,
    *,
    claim: float = 1.0,
    noise: float = 1.0,
) -> tuple[Row, ...]:
    """The pooled table; `draw` gives one centre's values, and `claim` scales the stated noise."""
    sigmas = reference.scales(asked.query, asked.dictionary)
    real = {name: sigma * noise for name, sigma in sigmas.items()}
    stated = {name: sigma * claim for name, sigma in sigmas.items()}
    releases = [
        reference.release(
            asked.query,
            asked.dictionary,
            reference.with_noise(blocks_of(asked, draw()), real, rng),
            centre=f"centre{index}",
            sigmas=stated,
        )
        for index in range(asked.centres)
    ]
    return estimate_table(asked.query, asked.dictionary, releases)


def coverage(rows: tuple[Row, ...], truth: float) -> float:
    """The share of intervals that hold the truth."""
    held = [
        row.ci_low <= truth <= row.ci_high
        for row in rows
        if row.ci_low is not None and row.ci_high is not None
    ]
    return sum(held) / len(rows)
