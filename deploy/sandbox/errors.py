"""What can go wrong with a sandbox."""

from collections.abc import Mapping, Sequence

from protocols.errors import Problem


class SandboxError(Exception):
    """The sandbox cannot do what was asked: one sentence, and what to do.

    `problems` are all those of a text or of several centres; `centres` is as in a result
    (spec/results.md 2).
    """

    def __init__(
        self,
        what: str,
        next_step: str = "",
        *,
        problems: Sequence[Problem] = (),
        centres: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(what)
        self.what = what
        self.next_step = next_step
        self.problems = tuple(problems)
        self.centres = centres or {}
