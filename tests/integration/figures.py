"""When a figure that came through noise is the true one.

At the greatest loss of one query, rho 1e9, a count's noise is 0.00002 and its answer exact. A mean is
exact for up to about 3,000 steps of precision; a variance never is, because squares have bounds of
steps squared. So a figure is compared to the noise that it states, and that noise must be small.
"""

from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

import pandas as pd
import pytest

from coordinator.analyst import Result

_NOISE_WIDTHS = 6
RELEASES = 9


def check(row: Mapping[str, Any], truth: float, *, rel: float, noise_below: float = 0.0) -> None:
    """Check an estimate: equal but for `rel`, and for noise of a scale below `noise_below`."""
    noise = row["noise_sd"] if noise_below else 0.0
    assert noise <= noise_below
    assert row["estimate"] == pytest.approx(truth, rel=rel, abs=_NOISE_WIDTHS * noise)


def releases(ask: Callable[[str], Result]) -> list[dict[str, Any]]:
    """Ask one question several times, each a release of its own: the loss differs in its last digit."""
    return [ask(f"{10**9 - number}").to_json() for number in range(RELEASES)]


def middle(tables: list[dict[str, Any]], pick: Callable[[dict[str, Any]], float]) -> float:
    """Give the middle figure of several releases: exact where most of them are."""
    return median(pick(one) for one in tables)


def average(tables: list[dict[str, Any]], pick: Callable[[dict[str, Any]], float]) -> float:
    """Give the mean figure of several releases: its noise is a third of one's."""
    return sum(pick(one) for one in tables) / len(tables)


def counted(sizes: pd.Series) -> dict[tuple[Any, ...], int]:
    """Give the counts of pandas' groups by their codes, with None for a missing one."""
    frame = sizes.rename("rows").reset_index()
    keys = frame.drop(columns="rows").astype(object)
    keys = keys.where(keys.notna(), None)
    return dict(zip(keys.itertuples(index=False, name=None), frame["rows"].tolist(), strict=True))
