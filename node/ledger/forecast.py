"""When a budget will be used up, if spending goes on at the rate of the last days. Pure.

A forecast says what would happen "at this rate", and no more. There is none where the rate is not known:
a budget that was first spent from less than so many days ago has no rate over so many days.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

WINDOWS: Final = (30, 90)
"""The rates that are looked at: over so many days, today included."""

HORIZON_DAYS: Final = 36_500
"""Beyond a hundred years nothing is forecast."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What was spent in the last `days` days (nano-rho, or questions), and the last day that it reaches.

    `until` is None where nothing was spent, nothing limits it, or it lasts longer than a hundred years.
    """

    days: int
    spent: int
    until: date | None


def forecasts(
    spent_by_day: Iterable[tuple[date, int]], left: int | None, today: date
) -> tuple[Forecast, ...]:
    """Give a forecast for each window that the history fills. `left` is None without a limit."""
    days = [(day, spent) for day, spent in spent_by_day if spent]
    first = min((day for day, _ in days), default=today)
    return tuple(
        _forecast(days, window, left, today) for window in WINDOWS if (today - first).days + 1 >= window
    )


def _forecast(days: list[tuple[date, int]], window: int, left: int | None, today: date) -> Forecast:
    since = today - timedelta(days=window - 1)
    spent = sum(one for day, one in days if since <= day <= today)
    lasts = None if left is None or not spent else left * window // spent
    is_near = lasts is not None and lasts <= HORIZON_DAYS
    return Forecast(
        days=window,
        spent=spent,
        until=today + timedelta(days=lasts) if lasts is not None and is_near else None,
    )
