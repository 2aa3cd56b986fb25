"""How far a question has come, in plain lines, as a notebook shows them.

    registry.ask(question, on_progress=Lines(registry))

On a terminal the commands show more (`watching`).
"""

import sys
import time
from collections.abc import Callable, Sequence
from typing import Protocol, TextIO

from protocols.ids import CentreId
from protocols.link import CentreState, Progress

Stopwatch = Callable[[], float]
"""Gives seconds, from any beginning."""


class Audience(Protocol):
    """Who is asked and how long is waited for them: a `Registry`."""

    @property
    def centres(self) -> Sequence[CentreId]:
        """Who is asked."""

    @property
    def deadline_s(self) -> float:
        """How long a question waits for answers."""


class Lines:
    """Writes a line for each centre that has come to an end."""

    def __init__(
        self, audience: Audience, out: TextIO | None = None, stopwatch: Stopwatch = time.monotonic
    ) -> None:
        self._audience = audience
        self._out = out
        self._stopwatch = stopwatch
        self._began_s: float | None = None
        self._answered = 0

    def __call__(self, step: Progress) -> None:
        """Take a step; the time runs from the first one."""
        now_s = self._stopwatch()
        if self._began_s is None:
            self._began_s = now_s
        if step.state is CentreState.ASKED:
            return
        self._answered += step.state is CentreState.ANSWERED
        so_far = answered_words(self._answered, len(self._audience.centres))
        times = times_words(now_s - self._began_s, self._audience.deadline_s)
        # Looked up late: a notebook puts its own stream in place of standard output.
        out = self._out or sys.stdout
        out.write(f"{step.centre}: {step.state.name.lower()}; {so_far} ({times})\n")


def answered_words(answered: int, centres: int) -> str:
    """Say how many centres have answered."""
    return f"{answered} of {centres} answered"


def times_words(elapsed_s: float, deadline_s: float | None) -> str:
    """Say how long it has taken, and how long is left where there is a deadline."""
    if deadline_s is None:
        return f"{elapsed_s:.0f} s"
    return f"{elapsed_s:.0f} s, {max(deadline_s - elapsed_s, 0):.0f} s left"
