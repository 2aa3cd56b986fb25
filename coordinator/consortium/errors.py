"""What can go wrong when keys, cards and rosters are made: one family, said in one sentence."""

from coordinator.errors import CoordinatorError
from protocols.errors import Problem


class ConsortiumError(CoordinatorError):
    """Work on the roster that cannot be done; nothing was changed.

    `code` is one word, `next_step` what to do, and `problems` are those of a text that is wrong.
    """

    def __init__(
        self, code: str, message: str, next_step: str, *, problems: tuple[Problem, ...] = ()
    ) -> None:
        super().__init__(message)
        self.code = code
        self.next_step = next_step
        self.problems = problems
