"""What a terminal shows while centres are asked: who has answered, and how long is left.

A line for each centre and one for all, gone when the answers are there. Where the console is no
terminal there is nothing, so that no log and no `--json` is ever mixed with it.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TaskID, TextColumn
from rich.text import Text

from coordinator.analyst.progress import Audience, answered_words, times_words
from coordinator.analyst.question_commands import WORDS
from coordinator.analyst.registry import Watch
from protocols.link import CentreState
from protocols.link import Progress as Step


class _TimeColumn(ProgressColumn):
    """What a line has taken; on the line for all also what is left until the deadline."""

    def render(self, task: Task) -> Text:
        """Write the times of a line."""
        elapsed_s = task.finished_time if task.finished_time is not None else task.elapsed or 0.0
        return Text(times_words(elapsed_s, task.fields.get("deadline_s")))


@contextmanager
def watched(audience: Audience, console: Console) -> Iterator[Watch]:
    """Show the lines while the body runs."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=20), _TimeColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        total = len(audience.centres)
        everybody = progress.add_task(answered_words(0, total), total=total, deadline_s=audience.deadline_s)
        lines: dict[str, TaskID] = {}
        answered = 0

        def watch(step: Step) -> None:
            nonlocal answered
            name = str(step.centre)
            if name not in lines:
                lines[name] = progress.add_task(name, total=1)
            is_over = step.state is not CentreState.ASKED
            progress.update(lines[name], description=f"{name}: {WORDS[step.state]}", completed=int(is_over))
            answered += step.state is CentreState.ANSWERED
            progress.update(everybody, description=answered_words(answered, total), advance=int(is_over))

        yield watch
