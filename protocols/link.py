"""Messages of the link and of the analysts' desk, as values. spec/link.md."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from protocols.ids import CentreId, Digest, ExchangeId, QueryId

PROTOCOL = 1
"""The version that this program speaks; a peer with another one is refused at hello."""

MAX_BODY_BYTES = 64 * 2**20
CHUNK_BYTES = 256 * 2**10
LINK_PATH = "/skerry.v1.Link/Connect"
ASK_PATH = "/skerry.v1.Desk/Ask"
PLAN_PATH = "/skerry.v1.Desk/Plan"
STATUS_PATH = "/skerry.v1.Desk/Status"
RESULT_PATH = "/skerry.v1.Desk/Result"
LIST_PATH = "/skerry.v1.Desk/List"
DESCRIBE_PATH = "/skerry.v1.Desk/Describe"
MOST_LISTED = 100
"""Questions in one list at most; those before them are another list."""


class FrameKind(Enum):
    """What a message on the link is."""

    HELLO = 1
    WELCOME = 2
    HEARTBEAT = 3
    QUERY = 4
    ANSWER = 5
    PLAN = 32
    PLANNED = 33
    ROSTER = 34
    RENEW = 35
    RENEWED = 36
    STUDY = 37
    DECISION = 38


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A piece of a message: `chunk` belongs at `offset` of `total` bytes of an exchange."""

    kind: FrameKind
    exchange: ExchangeId
    total: int
    offset: int
    chunk: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """A node's first message. The dictionary is public; the snapshot's date is all that is said of data."""

    protocol: int
    software: str
    dictionary: Digest
    dictionary_text: bytes
    snapshot_at: datetime | None
    roster_version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Welcome:
    """The coordinator's answer to a hello."""

    protocol: int
    heartbeat_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """An analyst's order to relay an envelope, of a question or of a plan, and to wait until the deadline."""

    envelope: bytes
    audience: tuple[CentreId, ...]
    deadline_ms: int


class CentreState(Enum):
    """How far a centre has come with a question. LATE: asked, and silent beyond the deadline."""

    ASKED = 1
    ANSWERED = 2
    OFFLINE = 3
    LATE = 4
    EXPIRED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """One step of one centre; `answer` has the sealed bytes of an answer or a quote, as they came."""

    centre: CentreId
    state: CentreState
    answer: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where one centre stands with a question, and when its answer came."""

    centre: CentreId
    state: CentreState
    received_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptQuestion:
    """What the coordinator says that it keeps of a question; only the envelope can be verified."""

    query_id: QueryId
    envelope: bytes
    asked_at: datetime
    deadline_at: datetime
    standings: tuple[Standing, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """An order to list questions, newest first: at most `limit`, asked before the question `before`."""

    limit: int
    before: QueryId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CentreStatus:
    """What the coordinator knows of a centre."""

    centre: CentreId
    is_online: bool
    dictionary: Digest | None
    snapshot_at: datetime | None
    software: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """The centres, and the texts of the dictionaries that they use."""

    centres: tuple[CentreStatus, ...]
    dictionary_texts: tuple[bytes, ...]
