"""Days and months as the officer types them; UTC, as the ledger counts them."""

from datetime import date
from typing import Annotated

import typer

from node.periods import Month, Period
from protocols.program import Exit, ProgramError

Since = Annotated[
    str | None, typer.Option("--since", metavar="DATE", help="From this day on, such as 2026-11-01 (UTC).")
]
Until = Annotated[
    str | None, typer.Option("--until", metavar="DATE", help="To this day, which is included (UTC).")
]


def period_of(since: str | None, until: str | None) -> Period:
    """Read two days. Raises ProgramError."""
    period = Period(since=_day(since, "--since"), until=_day(until, "--until"))
    if period.since and period.until and period.until < period.since:
        what = f"--until {period.until} lies before --since {period.since}"
        raise ProgramError(Exit.WRONG_USE, "wrong_use", what, "name the earlier day first")
    return period


def _day(text: str | None, option: str) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        what = f"{option} {text[:40]!r} is no day"
        raise ProgramError(Exit.WRONG_USE, "wrong_use", what, "write it as 2026-11-30") from None


def month_of(text: str | None, today: date) -> Month:
    """Read a month; without one, the last that is over. Raises ProgramError."""
    if text is None:
        return Month.before(today)
    try:
        month = Month.parse(text)
    except ValueError:
        what = f"--month {text[:40]!r} is no month"
        raise ProgramError(Exit.WRONG_USE, "wrong_use", what, "write it as 2026-11") from None
    if month.first > today:
        what = f"the month {month} has not begun"
        raise ProgramError(Exit.WRONG_USE, "wrong_use", what, "name one that is over, or this one")
    return month
