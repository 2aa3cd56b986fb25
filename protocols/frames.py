"""Cuts messages into frames and puts them together again: a state machine without sockets. spec/link.md 3.

* Frames of one message come in order; frames of different messages may alternate.
* A receiver bounds the size of a message, and how many are open at once, before it stores a byte.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from protocols.errors import WireError
from protocols.ids import ExchangeId
from protocols.link import CHUNK_BYTES, MAX_BODY_BYTES, Frame, FrameKind

_MAX_OPEN = 64
_MAX_OPEN_BYTES = 2 * MAX_BODY_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A whole message of the link."""

    kind: FrameKind
    exchange: ExchangeId
    body: bytes


def cut(message: Message) -> Iterator[Frame]:
    """Cut a message into frames; an empty one is one frame."""
    total = len(message.body)
    if total > MAX_BODY_BYTES:
        raise WireError(f"a message has at most {MAX_BODY_BYTES} bytes")
    for offset in range(0, max(total, 1), CHUNK_BYTES):
        chunk = message.body[offset : offset + CHUNK_BYTES]
        yield Frame(kind=message.kind, exchange=message.exchange, total=total, offset=offset, chunk=chunk)


class Assembler:
    """Takes frames in, gives messages out."""

    __slots__ = ("_open",)

    def __init__(self) -> None:
        self._open: dict[tuple[FrameKind, ExchangeId], tuple[int, bytearray]] = {}

    def take(self, frame: Frame) -> Message | None:
        """Take a frame; give the message that it completes, if it does. Raises WireError."""
        key = (frame.kind, frame.exchange)
        if frame.total > MAX_BODY_BYTES or len(frame.chunk) > CHUNK_BYTES:
            raise WireError("a frame announces or holds too many bytes")
        total, body = self._open.get(key, (frame.total, bytearray()))
        if frame.total != total or frame.offset != len(body):
            raise WireError("a frame does not follow the one before it")
        if len(body) + len(frame.chunk) > total or (not frame.chunk and total):
            raise WireError("a frame does not fit its message")
        body += frame.chunk
        if len(body) == total:
            self._open.pop(key, None)
            return Message(kind=frame.kind, exchange=frame.exchange, body=bytes(body))
        if key not in self._open and len(self._open) >= _MAX_OPEN:
            raise WireError("too many messages are open at once")
        others = sum(one for at, (one, _) in self._open.items() if at != key)
        if others + total > _MAX_OPEN_BYTES:
            raise WireError("the open messages announce too many bytes")
        self._open[key] = (total, body)
        return None
