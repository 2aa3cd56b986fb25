"""Days and calendar months, as officers name them; UTC, as the ledger counts days."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Days from `since` to `until`, both included; None is open."""

    since: date | None = None
    until: date | None = None

    def holds(self, day: date) -> bool:
        """Whether a day lies in it."""
        return (self.since is None or self.since <= day) and (self.until is None or day <= self.until)


ALWAYS = Period()


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """A calendar month, UTC."""

    first: date

    @classmethod
    def parse(cls, text: str) -> "Month":
        """Read a month such as `2026-11`, of 1970 or later. Raises ValueError."""
        if not re.fullmatch(r"[0-9]{4}-[0-9]{2}", text) or text < "1970":
            msg = "a month is written as 2026-11"
            raise ValueError(msg)
        return cls(first=datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC).date())

    @classmethod
    def before(cls, day: date) -> "Month":
        """Give the last month that had ended on a day."""
        return cls(first=(day.replace(day=1) - timedelta(days=1)).replace(day=1))

    @property
    def previous(self) -> "Month":
        """The month before this one."""
        return Month.before(self.first)

    @property
    def period(self) -> Period:
        """Its days."""
        following = (self.first + timedelta(days=31)).replace(day=1)
        return Period(since=self.first, until=following - timedelta(days=1))

    def __str__(self) -> str:
        """Write it as `2026-11`."""
        return f"{self.first:%Y-%m}"
