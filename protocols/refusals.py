"""Why a node refuses: codes that are numbers on the wire and words for people. spec/refusals.md.

Numbers are never reused; a retired one stays as a tombstone. Before the charge a refusal depends on
the query, the policy and the ledger, never on the data; after it there is one code, `failed`.
"""

from dataclasses import dataclass
from enum import Enum


class RefusalCode(Enum):
    """The closed list of reasons: number, word, sentence."""

    UNREADABLE = (1, "unreadable", "The query's bytes do not follow the protocol.")
    UNKNOWN_ANALYST = (2, "unknown_analyst", "The roster does not know the analyst.")
    BAD_SIGNATURE = (3, "bad_signature", "The analyst's signature does not match the query.")
    NOT_ADDRESSED = (4, "not_addressed", "The query does not name this centre.")
    EXPIRED = (5, "expired", "The query has expired, or its expiry lies too far ahead.")
    UNKNOWN_STUDY = (6, "unknown_study", "The centre's officer has not signed this study.")
    OUTSIDE_STUDY = (7, "outside_study", "The study does not allow this query.")
    OTHER_DICTIONARY = (8, "other_dictionary", "The centre uses another data dictionary.")
    INVALID_QUERY = (9, "invalid_query", "The dictionary does not admit this query.")
    OUTSIDE_POLICY = (10, "outside_policy", "The centre's policy does not allow this query.")
    REGISTRY_BUDGET = (
        11,
        "registry_budget",
        "The registry's privacy budget at the centre is used up.",
    )
    STUDY_BUDGET = (12, "study_budget", "The study's privacy budget at the centre is used up.")
    ANALYST_BUDGET = (
        13,
        "analyst_budget",
        "The analyst's privacy budget at the centre is used up.",
    )
    QUERY_ID_REUSED = (14, "query_id_reused", "The query id was used before with other content.")
    ROUNDS_USED_UP = (
        15,
        "rounds_used_up",
        "The question was charged as often as the policy allows.",
    )
    NO_SNAPSHOT = (16, "no_snapshot", "The centre has not imported data yet.")
    FAILED = (17, "failed", "The answer failed after the charge; the charge stays.")
    TOO_LITTLE_LOSS = (
        18,
        "too_little_loss",
        "The loss is too small for any noise in 64-bit integers.",
    )
    BUSY = (19, "busy", "The centre has too many queries waiting.")
    UNAVAILABLE = (20, "unavailable", "The node could not begin; nothing was charged.")

    def __init__(self, number: int, word: str, sentence: str) -> None:
        self.number = number
        self.word = word
        self.sentence = sentence

    @classmethod
    def from_number(cls, number: int) -> "RefusalCode | None":
        """Look a number up; None when this version does not know it."""
        return next((code for code in cls if code.number == number), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A refusal. `detail` is public: it comes from the query, the study, the policy or the dictionary."""

    code: RefusalCode
    detail: str = ""
