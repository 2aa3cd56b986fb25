"""Messages of the link and of the analysts' desk as bytes. wire/v1/link.proto, spec/link.md."""

from datetime import datetime

from protocols.codec.strict import decoder, encoded, ms_of, parsed, time_of
from protocols.documents import MAX_BYTES
from protocols.errors import WireError
from protocols.ids import CentreId, Digest, ExchangeId, QueryId
from protocols.link import (
    MOST_LISTED,
    Ask,
    CentreState,
    CentreStatus,
    Description,
    Frame,
    FrameKind,
    Hello,
    KeptQuestion,
    Listing,
    Progress,
    Standing,
    Welcome,
)
from protocols.wire.v1 import link_pb2 as pb

_KINDS = {
    FrameKind.HELLO: pb.FRAME_KIND_HELLO,
    FrameKind.WELCOME: pb.FRAME_KIND_WELCOME,
    FrameKind.HEARTBEAT: pb.FRAME_KIND_HEARTBEAT,
    FrameKind.QUERY: pb.FRAME_KIND_QUERY,
    FrameKind.ANSWER: pb.FRAME_KIND_ANSWER,
    FrameKind.PLAN: pb.FRAME_KIND_PLAN,
    FrameKind.PLANNED: pb.FRAME_KIND_PLANNED,
    FrameKind.ROSTER: pb.FRAME_KIND_ROSTER,
    FrameKind.RENEW: pb.FRAME_KIND_RENEW,
    FrameKind.RENEWED: pb.FRAME_KIND_RENEWED,
    FrameKind.STUDY: pb.FRAME_KIND_STUDY,
    FrameKind.DECISION: pb.FRAME_KIND_DECISION,
}
_MAX_SOFTWARE = 200
_KIND_OF = {number: kind for kind, number in _KINDS.items()}
_STATES = {
    CentreState.ASKED: pb.CENTRE_STATE_ASKED,
    CentreState.ANSWERED: pb.CENTRE_STATE_ANSWERED,
    CentreState.OFFLINE: pb.CENTRE_STATE_OFFLINE,
    CentreState.LATE: pb.CENTRE_STATE_LATE,
    CentreState.EXPIRED: pb.CENTRE_STATE_EXPIRED,
}
_STATE_OF: dict[int, CentreState] = {number: state for state, number in _STATES.items()}


def encode_frame(frame: Frame) -> bytes:
    """Encode a frame."""
    return encoded(
        pb.Frame(
            kind=_KINDS[frame.kind],
            exchange=frame.exchange.octets,
            total=frame.total,
            offset=frame.offset,
            chunk=frame.chunk,
        )
    )


@decoder
def decode_frame(octets: bytes) -> Frame:
    """Decode a frame. Raises WireError."""
    message = parsed(pb.Frame, octets)
    kind = _KIND_OF.get(message.kind)
    if kind is None:
        raise WireError("this version does not know the kind of a frame")
    return Frame(
        kind=kind,
        exchange=ExchangeId(message.exchange),
        total=message.total,
        offset=message.offset,
        chunk=message.chunk,
    )


def _moment_out(moment: datetime | None) -> int:
    return 0 if moment is None else ms_of(moment)


def _moment_in(ms: int) -> datetime | None:
    return time_of(ms) if ms else None


def encode_hello(hello: Hello) -> bytes:
    """Encode a hello."""
    return encoded(
        pb.Hello(
            protocol=hello.protocol,
            software=hello.software,
            dictionary=hello.dictionary.octets,
            dictionary_text=hello.dictionary_text,
            snapshot_at_ms=_moment_out(hello.snapshot_at),
            roster_version=hello.roster_version,
        )
    )


@decoder
def decode_hello(octets: bytes) -> Hello:
    """Decode a hello. Raises WireError."""
    message = parsed(pb.Hello, octets)
    if len(message.dictionary_text) > MAX_BYTES or len(message.software) > _MAX_SOFTWARE:
        # Every description repeats them: one centre could make it too large for every analyst.
        raise WireError("a hello's dictionary or software is too long")
    return Hello(
        protocol=message.protocol,
        software=message.software,
        dictionary=Digest(message.dictionary),
        dictionary_text=message.dictionary_text,
        snapshot_at=_moment_in(message.snapshot_at_ms),
        roster_version=message.roster_version,
    )


def encode_welcome(welcome: Welcome) -> bytes:
    """Encode a welcome."""
    return encoded(pb.Welcome(protocol=welcome.protocol, heartbeat_ms=welcome.heartbeat_ms))


@decoder
def decode_welcome(octets: bytes) -> Welcome:
    """Decode a welcome. Raises WireError."""
    message = parsed(pb.Welcome, octets)
    return Welcome(protocol=message.protocol, heartbeat_ms=message.heartbeat_ms)


def encode_ask(ask: Ask) -> bytes:
    """Encode an ask."""
    return encoded(
        pb.Ask(
            envelope=ask.envelope,
            audience=[centre.text for centre in ask.audience],
            deadline_ms=ask.deadline_ms,
        )
    )


@decoder
def decode_ask(octets: bytes) -> Ask:
    """Decode an ask. Raises WireError."""
    message = parsed(pb.Ask, octets)
    audience = tuple(CentreId(name) for name in message.audience)
    if len(set(audience)) < len(audience):
        raise WireError("an audience names a centre twice")
    return Ask(envelope=message.envelope, audience=audience, deadline_ms=message.deadline_ms)


def encode_query_id(query_id: QueryId) -> bytes:
    """Encode the order to tell of one question."""
    return encoded(pb.QuestionRequest(query_id=query_id.octets))


@decoder
def decode_query_id(octets: bytes) -> QueryId:
    """Decode the order to tell of one question. Raises WireError."""
    return QueryId(parsed(pb.QuestionRequest, octets).query_id)


def encode_listing(listing: Listing) -> bytes:
    """Encode a listing."""
    before = listing.before.octets if listing.before else b""
    return encoded(pb.ListRequest(limit=listing.limit, before=before))


@decoder
def decode_listing(octets: bytes) -> Listing:
    """Decode a listing. Raises WireError."""
    message = parsed(pb.ListRequest, octets)
    if not 1 <= message.limit <= MOST_LISTED:
        raise WireError(f"a list has 1 to {MOST_LISTED} questions")
    return Listing(limit=message.limit, before=QueryId(message.before) if message.before else None)


def encode_kept(kept: KeptQuestion) -> bytes:
    """Encode what is kept of a question."""
    standings = [
        pb.Standing(
            centre=one.centre.text,
            state=_STATES[one.state],
            received_at_ms=_moment_out(one.received_at),
        )
        for one in kept.standings
    ]
    return encoded(
        pb.KeptQuestion(
            query_id=kept.query_id.octets,
            envelope=kept.envelope,
            asked_at_ms=ms_of(kept.asked_at),
            deadline_at_ms=ms_of(kept.deadline_at),
            standings=standings,
        )
    )


@decoder
def decode_kept(octets: bytes) -> KeptQuestion:
    """Decode what is kept of a question. Raises WireError."""
    message = parsed(pb.KeptQuestion, octets)
    return KeptQuestion(
        query_id=QueryId(message.query_id),
        envelope=message.envelope,
        asked_at=time_of(message.asked_at_ms),
        deadline_at=time_of(message.deadline_at_ms),
        standings=tuple(
            Standing(
                centre=CentreId(one.centre),
                state=_state_in(one.state),
                received_at=_moment_in(one.received_at_ms),
            )
            for one in message.standings
        ),
    )


def _state_in(number: int) -> CentreState:
    state = _STATE_OF.get(number)
    if state is None:
        raise WireError("this version does not know the state of a centre")
    return state


def encode_progress(progress: Progress) -> bytes:
    """Encode a progress."""
    return encoded(
        pb.Progress(centre=progress.centre.text, state=_STATES[progress.state], answer=progress.answer)
    )


@decoder
def decode_progress(octets: bytes) -> Progress:
    """Decode a progress. Raises WireError."""
    message = parsed(pb.Progress, octets)
    return Progress(centre=CentreId(message.centre), state=_state_in(message.state), answer=message.answer)


def encode_description(description: Description) -> bytes:
    """Encode a description."""
    centres = [
        pb.CentreStatus(
            centre=one.centre.text,
            is_online=one.is_online,
            dictionary=one.dictionary.octets if one.dictionary else b"",
            snapshot_at_ms=_moment_out(one.snapshot_at),
            software=one.software,
        )
        for one in description.centres
    ]
    return encoded(pb.Description(centres=centres, dictionary_texts=list(description.dictionary_texts)))


@decoder
def decode_description(octets: bytes) -> Description:
    """Decode a description. Raises WireError."""
    message = parsed(pb.Description, octets)
    return Description(
        centres=tuple(
            CentreStatus(
                centre=CentreId(one.centre),
                is_online=one.is_online,
                dictionary=Digest(one.dictionary) if one.dictionary else None,
                snapshot_at=_moment_in(one.snapshot_at_ms),
                software=one.software,
            )
            for one in message.centres
        ),
        dictionary_texts=tuple(message.dictionary_texts),
    )
