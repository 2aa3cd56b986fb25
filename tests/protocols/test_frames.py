"""Frames: messages are cut and put together again, in order, within bounds. spec/link.md 3."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.errors import WireError
from protocols.frames import Assembler, Message, cut
from protocols.ids import ExchangeId
from protocols.link import CHUNK_BYTES, MAX_BODY_BYTES, Frame, FrameKind


def _message(body: bytes, exchange: int = 0, kind: FrameKind = FrameKind.QUERY) -> Message:
    return Message(kind=kind, exchange=ExchangeId(bytes([exchange]) * 16), body=body)


def _taken(frames: list[Frame]) -> list[Message]:
    assembler = Assembler()
    return [message for frame in frames if (message := assembler.take(frame)) is not None]


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES])
def test_a_message_comes_back_whole(size: int) -> None:
    message = _message(bytes(number % 251 for number in range(size)))
    frames = list(cut(message))
    assert len(frames) == max(1, -(-size // CHUNK_BYTES))
    assert all(frame.total == size and len(frame.chunk) <= CHUNK_BYTES for frame in frames)
    assert _taken(frames) == [message]


@settings(deadline=None, max_examples=50)
@given(order=st.permutations([0, 0, 0, 1, 1, 1, 2, 2, 2]))
def test_frames_of_different_messages_may_alternate(order: list[int]) -> None:
    messages = [
        _message(bytes([number]) * (2 * CHUNK_BYTES + 1 + number), exchange=number) for number in range(3)
    ]
    queues = [list(cut(message)) for message in messages]
    taken = _taken([queues[number].pop(0) for number in order])
    assert sorted(taken, key=lambda one: one.body) == messages


def test_one_exchange_may_carry_messages_of_two_kinds_at_once() -> None:
    one, other = (_message(bytes(CHUNK_BYTES + 1), kind=kind) for kind in (FrameKind.QUERY, FrameKind.ANSWER))
    frames = [frame for pair in zip(cut(one), cut(other), strict=True) for frame in pair]
    assert _taken(frames) == [one, other]


def test_an_exchange_may_be_used_again() -> None:
    assert len(_taken([*cut(_message(b"a")), *cut(_message(b""))])) == 2


BIG = _message(bytes(2 * CHUNK_BYTES + 5))
FIRST, SECOND, THIRD = cut(BIG)


@pytest.mark.parametrize(
    "frames",
    [
        [SECOND],
        [FIRST, THIRD],
        [FIRST, FIRST],
        [FIRST, replace(SECOND, total=SECOND.total + 1)],
        [FIRST, SECOND, replace(THIRD, chunk=THIRD.chunk + b"x")],
        [FIRST, replace(SECOND, chunk=b"")],
        [replace(FIRST, chunk=FIRST.chunk + b"x")],
        [replace(FIRST, total=MAX_BODY_BYTES + 1)],
        [replace(FIRST, total=1)],
        [replace(FIRST, total=0)],
    ],
)
def test_frames_that_do_not_fit_are_refused(frames: list[Frame]) -> None:
    assembler = Assembler()
    for frame in frames[:-1]:
        assert assembler.take(frame) is None
    with pytest.raises(WireError):
        assembler.take(frames[-1])


def test_a_message_too_large_is_not_cut() -> None:
    with pytest.raises(WireError):
        list(cut(_message(bytes(MAX_BODY_BYTES + 1))))


def test_only_so_many_messages_are_open_at_once() -> None:
    assembler = Assembler()
    for number in range(64):
        assert assembler.take(replace(FIRST, exchange=ExchangeId(bytes([number]) * 16))) is None
    with pytest.raises(WireError, match="too many"):
        assembler.take(replace(FIRST, exchange=ExchangeId(bytes([64]) * 16)))
    # A message that is whole in one frame needs no place.
    assert assembler.take(*cut(_message(b"small", exchange=65))) is not None
