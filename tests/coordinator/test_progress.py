"""While centres are asked: plain lines for notebooks, a live display for terminals, nothing for logs."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

from rich.console import Console

from coordinator.analyst.progress import Lines, times_words
from coordinator.analyst.watching import watched
from protocols.ids import CentreId
from protocols.link import CentreState, Progress

NORTH, SOUTH, WEST = (CentreId(name) for name in ("north", "south", "west"))


@dataclass
class Asked:
    """Three centres and half a minute, in place of a registry."""

    centres: Sequence[CentreId] = (NORTH, SOUTH, WEST)
    deadline_s: float = 30.0


STEPS = [
    Progress(centre=WEST, state=CentreState.OFFLINE, answer=b""),
    Progress(centre=NORTH, state=CentreState.ASKED, answer=b""),
    Progress(centre=SOUTH, state=CentreState.ASKED, answer=b""),
    Progress(centre=NORTH, state=CentreState.ANSWERED, answer=b""),
    Progress(centre=SOUTH, state=CentreState.LATE, answer=b""),
]


def test_a_notebook_gets_a_line_for_each_centre_that_has_come_to_an_end() -> None:
    out, seconds = io.StringIO(), count(100, 9)
    lines = Lines(Asked(), out, lambda: float(next(seconds)))
    for step in STEPS:
        lines(step)
    assert out.getvalue().splitlines() == [
        "west: offline; 0 of 3 answered (0 s, 30 s left)",
        "north: answered; 1 of 3 answered (27 s, 3 s left)",
        "south: late; 1 of 3 answered (36 s, 0 s left)",
    ]


def test_time_left_is_never_negative() -> None:
    assert times_words(61.0, 60.0) == "61 s, 0 s left"
    assert times_words(1.2, None) == "1 s"


def _shown(*, is_terminal: bool) -> str:
    out = io.StringIO()
    console = Console(file=out, force_terminal=is_terminal, width=100, color_system=None)
    with watched(Asked(), console) as watch:
        for step in STEPS:
            watch(step)
    return out.getvalue()


def test_a_terminal_shows_who_has_answered_and_how_long_is_left() -> None:
    shown = _shown(is_terminal=True)
    for words in ("1 of 3 answered", "30 s left", "west: offline", "north: answered", "south: late"):
        assert words in shown


def test_what_is_no_terminal_shows_nothing() -> None:
    assert _shown(is_terminal=False).strip() == ""
