"""When a figure that came through noise is the true one.

At the greatest loss of one query, rho 1e9, a count's noise is 0.00002 and its answer exact. A mean is
exact for up to about 3,000 steps of precision; a variance never is, because squares have bounds of
steps squared. So a figure is compared to the noise that it states, and that noise must be small.
"""

from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

import numpy as np
import pandas as pd
import pytest

from coordinator.analyst import Result

PROBABILITIES = [0.1, 0.25, 0.5, 0.75, 0.9]
_NOISE_WIDTHS = 6
RELEASES = 31
"""Where noise moves one release in four by a step, the middle of so many is wrong once in a million."""


def check(row: Mapping[str, Any], truth: float, *, rel: float, noise_below: float = 0.0) -> None:
    """Check an estimate: equal but for `rel`, and for noise of a scale below `noise_below`."""
    noise = row["noise_sd"] if noise_below else 0.0
    assert noise <= noise_below
    assert row["estimate"] == pytest.approx(truth, rel=rel, abs=_NOISE_WIDTHS * noise)


def check_quantiles(rows: list[Mapping[str, Any]], values: pd.Series, bin_width: float) -> None:
    """Check the rows of PROBABILITIES: within one bin of NumPy's type 1, and at it where bins are values.

    A row states the greatest value of the bin, so it lies less than one bin above the value itself.
    """
    assert [row["probability"] for row in rows] == PROBABILITIES
    known = values.dropna()
    for row in rows:
        truth = float(np.quantile(known, row["probability"], method="inverted_cdf"))
        assert row["n"] == len(known)
        assert 0 <= row["estimate"] - truth < bin_width * (1 - 1e-9)
        assert row["ci_low"] <= truth <= row["ci_high"]


def releases(ask: Callable[[str], Result]) -> list[dict[str, Any]]:
    """Ask one question several times, each a release of its own: the loss differs in its last digit."""
    return [ask(f"{10**9 - number}").to_json() for number in range(RELEASES)]


def middle(tables: list[dict[str, Any]], pick: Callable[[dict[str, Any]], float]) -> float:
    """Give the middle figure of several releases: exact where most of them are."""
    return median(pick(one) for one in tables)


def average(tables: list[dict[str, Any]], pick: Callable[[dict[str, Any]], float]) -> float:
    """Give the mean figure of several releases: its noise is a fifth of one's, and less."""
    return sum(pick(one) for one in tables) / len(tables)


def counted(sizes: pd.Series) -> dict[tuple[Any, ...], int]:
    """Give the counts of pandas' groups by their codes, with None for a missing one."""
    frame = sizes.rename("rows").reset_index()
    keys = frame.drop(columns="rows").astype(object)
    keys = keys.where(keys.notna(), None)
    return dict(zip(keys.itertuples(index=False, name=None), frame["rows"].tolist(), strict=True))
