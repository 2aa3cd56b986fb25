"""A coordinator that dies at one step of a question, as by a power cut: `python -m ... STEP SETTINGS`.

Everything else is the real program. The steps, in their order, for a federation of three centres:

* `asked`: the order has come, and nothing is kept;
* `kept`: the question is kept, and sent to nobody;
* `answering`: it is sent, the first answer has come, and is not kept;
* `one_kept`: at least one answer is kept, and told to nobody;
* `all_kept`: every answer is kept, and the last one told to nobody.
"""

import os
import signal
import sys
from collections.abc import Sequence

from coordinator.cli import app
from coordinator.questions import Arrived, Kept, Question
from coordinator.store import Store

STEPS = ("asked", "kept", "answering", "one_kept", "all_kept")
_CENTRES = 3


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_at(step: str) -> None:
    """Have this process end at a step of the first question that comes to it."""
    opened, recorded = Store.open_question, Store.record_answers
    kept = 0

    def open_question(self: Store, question: Question) -> Kept:
        if step == "asked":
            _die()
        outcome = opened(self, question)
        if step == "kept":
            _die()
        return outcome

    def record_answers(self: Store, arrived: Sequence[Arrived]) -> list[bool]:
        nonlocal kept
        if step == "answering":
            _die()
        outcome = recorded(self, arrived)
        kept += sum(outcome)
        if step == "one_kept" or (step == "all_kept" and kept == _CENTRES):
            _die()
        return outcome

    Store.open_question, Store.record_answers = open_question, record_answers  # type: ignore[method-assign]


if __name__ == "__main__":
    name, settings = sys.argv[1:]
    if name not in STEPS:
        raise SystemExit(f"{name} is no step")
    die_at(name)
    app(["run", "--config", settings])
