"""What can go wrong at the coordinator and in the analyst's process: one family."""

from protocols.errors import Problem
from protocols.ids import QueryId


class CoordinatorError(Exception):
    """Work of this room that cannot be done."""


class EstimateError(CoordinatorError):
    """Releases from which no table can be made: they do not fit the question or each other."""


class SettingsError(CoordinatorError):
    """A settings file or a profile that cannot be used; `problems` are those of a text that is wrong."""

    def __init__(self, message: str, *, problems: tuple[Problem, ...] = ()) -> None:
        super().__init__(message)
        self.problems = problems


class DrawingError(CoordinatorError):
    """A picture or a page that cannot be made or written; the result itself is not in doubt."""


class UnverifiableError(CoordinatorError):
    """A centre's answer whose signature, contents or receipt does not fit the question."""


class PublicationError(CoordinatorError):
    """Something that was published, or is to be, and cannot stand."""


class UnreachableError(CoordinatorError):
    """The coordinator cannot be reached, or refuses the connection.

    `query_id` names the question that was under way, if one was: it may be kept there.
    """

    def __init__(self, message: str, query_id: QueryId | None = None) -> None:
        super().__init__(message)
        self.query_id = query_id


class RefusedError(CoordinatorError):
    """No answer: every centre that spoke refused, or too few answered. `result` has who and why."""

    def __init__(self, message: str, result: object, *, is_refusal: bool) -> None:
        super().__init__(message)
        self.result = result
        self.is_refusal = is_refusal


class StoreError(CoordinatorError):
    """The coordinator's store cannot be opened, read or written."""


class ListenError(CoordinatorError):
    """An address at which the coordinator cannot listen."""


class AuthorityError(CoordinatorError):
    """The authority for transport certificates cannot be made, read or used."""


class AskError(CoordinatorError):
    """A question that is not relayed: its envelope does not fit the signature, the asker or the audience."""


class TakenError(AskError):
    """A query id under which other bytes are kept."""


class TooManyOpenError(AskError):
    """An analyst for whom too much waits for centres that are away."""


class UnknownQuestionError(CoordinatorError):
    """No question of this analyst has this id."""
