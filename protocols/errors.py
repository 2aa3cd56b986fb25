"""What can be wrong with words and bytes that came from elsewhere: one family, fields as attributes."""

from dataclasses import dataclass
from enum import Enum


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


class SealError(ProtocolError):
    """Sealed bytes that do not open: with this key, for this use, as they are."""


class UnknownAnalystError(SignatureError):
    """The roster has no such analyst."""


class RosterError(ProtocolError):
    """A roster that is rightly signed and must not be believed: older, contradicting, or expired."""


class ProofError(ProtocolError):
    """A Merkle proof that does not lead to the root."""


class EnrolmentFault(Enum):
    """Why nobody gets, or takes, a certificate: for the log of the one who decided. spec/enrolment.md 4."""

    UNREADABLE = "unreadable"
    ROSTER_EXPIRED = "roster_expired"
    NOT_IN_ROSTER = "not_in_roster"
    SIGNATURE = "signature"
    TIME = "time"
    CSR = "csr"
    TOKEN_MISSING = "token_missing"  # noqa: S105 -- a word of the log
    TOKEN_UNKNOWN = "token_unknown"  # noqa: S105 -- as above
    TOKEN_LATE = "token_late"  # noqa: S105 -- as above
    TOKEN_USED = "token_used"  # noqa: S105 -- as above
    TOKEN_BURNT = "token_burnt"  # noqa: S105 -- as above
    PEER = "peer"
    AUTHORITY = "authority"
    CERTIFICATE = "certificate"
    ROSTER = "roster"


class EnrolmentError(ProtocolError):
    """A request that gets no certificate, or an answer that is not taken."""

    def __init__(self, fault: EnrolmentFault, message: str) -> None:
        super().__init__(message)
        self.fault = fault
