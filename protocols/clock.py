"""Time comes in as a `Clock`, so that tests and simulations have their own."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeAlias

Clock: TypeAlias = Callable[[], datetime]
"""Gives the present time, with its zone."""


def system_clock() -> datetime:
    """Give the machine's time, UTC."""
    return datetime.now(UTC)
