"""Why a node refuses: codes that are numbers on the wire and words for people. spec/refusals.md.

Numbers are never reused; a retired one stays as a tombstone. Before the charge a refusal depends on
the query, the policy and the ledger, never on the data; after it there is one code, `failed`. Mode
`suppressed` looks at the data after its charge, and then has one code too, `withheld`.
"""

from dataclasses import dataclass
from enum import Enum


class RefusalCode(Enum):
    """The closed list of reasons: number, word, sentence, and what the analyst can do about it."""

    UNREADABLE = (
        1,
        "unreadable",
        "The query's bytes do not follow the protocol.",
        "update the program: analyst's and centre's versions differ",
    )
    UNKNOWN_ANALYST = (
        2,
        "unknown_analyst",
        "The roster does not know the analyst.",
        "ask the consortium for an entry in the roster",
    )
    BAD_SIGNATURE = (
        3,
        "bad_signature",
        "The analyst's signature does not match the query.",
        "sign with the key that the roster holds",
    )
    NOT_ADDRESSED = (
        4,
        "not_addressed",
        "The query does not name this centre.",
        "name the centre in the audience",
    )
    EXPIRED = (
        5,
        "expired",
        "The query has expired, or its expiry lies too far ahead.",
        "ask again; check the clock; a new roster may be due",
    )
    UNKNOWN_STUDY = (
        6,
        "unknown_study",
        "The centre's officer has not signed this study.",
        "check the study's name, or ask the centre's officer to sign it",
    )
    OUTSIDE_STUDY = (
        7,
        "outside_study",
        "The study does not allow this query.",
        "change the question, or the study with its officers' signatures",
    )
    OTHER_DICTIONARY = (
        8,
        "other_dictionary",
        "The centre uses another data dictionary.",
        "take the dictionary that the study names",
    )
    INVALID_QUERY = (
        9,
        "invalid_query",
        "The dictionary does not admit this query.",
        "check the question against the dictionary",
    )
    OUTSIDE_POLICY = (
        10,
        "outside_policy",
        "The centre's policy does not allow this query.",
        "change the question, or talk to the custodian",
    )
    REGISTRY_BUDGET = (
        11,
        "registry_budget",
        "The registry's privacy budget at the centre is used up.",
        "ask at a smaller loss, of what is left; when nothing is left, a renewal must be agreed",
    )
    STUDY_BUDGET = (
        12,
        "study_budget",
        "The study's privacy budget at the centre is used up.",
        "ask at a smaller loss, of what is left, or have the study signed with a larger budget",
    )
    ANALYST_BUDGET = (
        13,
        "analyst_budget",
        "The privacy budget of the analyst's institution in this study is used up at the centre.",
        "ask at a smaller loss, of what is left, or have the study signed with more for each institution",
    )
    QUERY_ID_REUSED = (
        14,
        "query_id_reused",
        "The query id was used before with other content.",
        "take a fresh id for every question",
    )
    ROUNDS_USED_UP = (
        15,
        "rounds_used_up",
        "The question was charged as often as the policy allows.",
        "ask when there is a new snapshot",
    )
    NO_SNAPSHOT = (
        16,
        "no_snapshot",
        "The centre has not imported data yet.",
        "ask the custodian to import",
    )
    FAILED = (
        17,
        "failed",
        "The answer failed after the charge; the charge stays.",
        "tell the centre; asking again may be charged again",
    )
    TOO_LITTLE_LOSS = (
        18,
        "too_little_loss",
        "The loss is too small for any noise in 64-bit integers.",
        "ask with a larger rho, or fewer blocks",
    )
    BUSY = (
        19,
        "busy",
        "The centre has too many queries waiting.",
        "ask again later",
    )
    UNAVAILABLE = (
        20,
        "unavailable",
        "The node could not begin; nothing was charged.",
        "ask again",
    )
    QUESTIONS_USED_UP = (
        21,
        "questions_used_up",
        "The number of questions that may be asked in mode suppressed is used up.",
        "ask in mode dp",
    )
    WITHHELD = (
        22,
        "withheld",
        "The centre looked and withheld the answer; the question counts.",
        "ask a coarser question, or in mode dp; the same question stays withheld",
    )
    PAUSED = (
        23,
        "paused",
        "The custodian has paused the node; nothing was charged.",
        "ask again when the custodian has resumed",
    )

    def __init__(self, number: int, word: str, sentence: str, next_step: str) -> None:
        self.number = number
        self.word = word
        self.sentence = sentence
        self.next_step = next_step

    @classmethod
    def from_number(cls, number: int) -> "RefusalCode | None":
        """Look a number up; None when this version does not know it."""
        return next((code for code in cls if code.number == number), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A refusal. `detail` is public: it comes from the query, the study, the policy or the dictionary."""

    code: RefusalCode
    detail: str = ""
