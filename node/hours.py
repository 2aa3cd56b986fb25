"""The hours of the day at which a centre answers, in its own time zone. spec/policy.md 4. Pure.

The zone is one of the tz database by name, so that summer time is the custodian's: the hours are those of
the clock on the wall. They may pass midnight. The end is not in them.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

MINUTES = 24 * 60
_HOURS = re.compile(r"([0-9]{2}):([0-9]{2})-([0-9]{2}):([0-9]{2}) ([A-Za-z0-9+_-]+(?:/[A-Za-z0-9+_-]+)*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """From one minute of the day to another, which is not in it, in a time zone."""

    opens: int
    closes: int
    zone: str

    def __post_init__(self) -> None:
        if not (0 <= self.opens < MINUTES and 0 < self.closes <= MINUTES and self.opens != self.closes):
            msg = "are two different times of a day, the first before 24:00 and the second after 00:00"
            raise ValueError(msg)

    @classmethod
    def parse(cls, text: str) -> "Hours":
        """Read hours as a policy writes them. Raises ValueError, to be read after the word `hours`."""
        found = _HOURS.fullmatch(text)
        if found is None:
            raise ValueError("must be two times and a time zone")
        minutes = [int(found[one]) for one in (2, 4)]
        if max(minutes) >= 60:
            raise ValueError("has a time that is none")
        opens, closes = (int(found[one]) * 60 + minute for one, minute in zip((1, 3), minutes, strict=True))
        try:
            ZoneInfo(found[5])
        except (KeyError, ValueError, OSError):  # one that is not there, a name that is none, a folder
            raise ValueError(f"names a time zone that this machine does not know: {found[5]!r}") from None
        return cls(opens=opens, closes=closes, zone=found[5])

    def __str__(self) -> str:
        """Write the hours as a policy does."""
        times = (f"{one // 60:02}:{one % 60:02}" for one in (self.opens, self.closes))
        return f"{'-'.join(times)} {self.zone}"

    @property
    def minutes(self) -> frozenset[int]:
        """The minutes of the day that are in them."""
        if self.opens < self.closes:
            return frozenset(range(self.opens, self.closes))
        return frozenset(range(self.opens, MINUTES)) | frozenset(range(self.closes))

    def hold(self, now: datetime) -> bool:
        """Whether a moment is in them."""
        there = now.astimezone(ZoneInfo(self.zone))
        return there.hour * 60 + there.minute in self.minutes
