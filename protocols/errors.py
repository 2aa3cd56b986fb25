"""What can be wrong with words and bytes that came from elsewhere: one family, fields as attributes."""

from dataclasses import dataclass


class ProtocolError(Exception):
    """Words or bytes that do not follow a spec in `protocols/spec`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong in a text: where, what, and what to do about it."""

    line: int
    where: str
    what: str
    next_step: str = ""

    def __str__(self) -> str:
        """Write the problem as one line."""
        place = f"line {self.line}: " if self.line else ""
        subject = f"{self.where}: " if self.where else ""
        advice = f"; {self.next_step}" if self.next_step else ""
        return f"{place}{subject}{self.what}{advice}"


class TextError(ProtocolError):
    """A text (dictionary, query, roster, study, policy) with at least one problem."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


class QueryError(ProtocolError):
    """A query that the dictionary alone shows to be wrong."""

    def __init__(self, what: str, next_step: str = "") -> None:
        super().__init__(f"{what}; {next_step}" if next_step else what)
        self.what = what
        self.next_step = next_step


class WireError(ProtocolError):
    """Bytes that are not a message of this protocol."""


class SignatureError(ProtocolError):
    """A signature that is missing, unknown or wrong."""


class UnknownAnalystError(SignatureError):
    """The roster has no such analyst."""


class RosterError(ProtocolError):
    """A roster that is rightly signed and must not be believed: older, contradicting, or expired."""


class ProofError(ProtocolError):
    """A Merkle proof that does not lead to the root."""
