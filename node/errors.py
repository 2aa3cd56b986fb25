"""What can go wrong at a node: one family, fields as attributes."""

from node.importing.report import ImportReport, Reason
from protocols.errors import Problem


class NodeError(Exception):
    """Base of the room's errors."""


class LedgerError(NodeError):
    """The ledger cannot be trusted or written; the node stops rather than answer without it."""


class LedgerBusyError(NodeError):
    """Another process held the ledger for too long; nothing was written."""


class CohortsError(NodeError):
    """What mode `suppressed` has shown cannot be read or kept; the mode answers nothing without it."""


class EngineError(NodeError):
    """The engine could not compute an answer. Carries no text of the engine: it may quote values."""


class RulesError(NodeError):
    """The roster, a study, the policy or the settings cannot be used; the node does not start.

    `problems` are those of the text that is wrong, where it is a text; `next_step` is what to do.
    """

    def __init__(self, what: str, *, problems: tuple[Problem, ...] = (), next_step: str = "") -> None:
        super().__init__(what)
        self.problems = problems
        self.next_step = next_step


class PauseError(NodeError):
    """The flag that pauses the node cannot be set or taken away."""


class DraftRefused(NodeError):  # noqa: N818 -- a decision
    """A file of which no dictionary can be drafted. No text of its cells is in it."""

    def __init__(self, what: str, next_step: str) -> None:
        super().__init__(what)
        self.what = what
        self.next_step = next_step


class FileRefused(NodeError):  # noqa: N818 -- a decision
    """One table's file cannot be taken: the whole file, or the row that stops its reading.

    Raised and caught inside `node.importing`, where it becomes an `ImportRefused`.
    """

    def __init__(  # noqa: PLR0913 -- the fields of one finding
        self,
        table: str,
        reason: Reason,
        what: str,
        next_step: str,
        *,
        row: int | None = None,
        field: str = "",
        file: str = "",
    ) -> None:
        super().__init__(what)
        self.table = table
        self.reason = reason
        self.what = what
        self.next_step = next_step
        self.row = row
        self.field = field
        self.file = file


class ImportRefused(NodeError):  # noqa: N818 -- a decision
    """An import that committed nothing. `report` says why, row by row; it stays at the node."""

    def __init__(self, what: str, next_step: str, report: ImportReport) -> None:
        super().__init__(f"{what}; {next_step}" if next_step else what)
        self.what = what
        self.next_step = next_step
        self.report = report


class SnapshotError(NodeError):
    """A snapshot, or the list of snapshots, that cannot be read or written."""

    def __init__(self, what: str, next_step: str = "") -> None:
        super().__init__(f"{what}; {next_step}" if next_step else what)
        self.what = what
        self.next_step = next_step


class NotEnrolledError(NodeError):
    """The coordinator refuses an enrolment, or its answer is not taken; nothing was changed."""


class UnreachableError(NodeError):
    """The coordinator's port for enrolment cannot be reached, or shows another authority's certificate."""
