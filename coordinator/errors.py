"""What can go wrong at the coordinator and in the analyst's process: one family."""


class CoordinatorError(Exception):
    """Work of this room that cannot be done."""


class EstimateError(CoordinatorError):
    """Releases from which no table can be made: they do not fit the question or each other."""


class SettingsError(CoordinatorError):
    """A settings file or a profile that cannot be used."""


class UnverifiableError(CoordinatorError):
    """A centre's answer whose signature, contents or receipt does not fit the question."""


class UnreachableError(CoordinatorError):
    """The coordinator cannot be reached, or refuses the connection."""


class RefusedError(CoordinatorError):
    """No answer: every centre that spoke refused, or too few answered. `result` has who and why."""

    def __init__(self, message: str, result: object, *, is_refusal: bool) -> None:
        super().__init__(message)
        self.result = result
        self.is_refusal = is_refusal
