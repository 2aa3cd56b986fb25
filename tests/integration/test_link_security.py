"""The coordinator's door against strangers, on real sockets: who may enter, as whom, and with what bytes.

The node of centre `b` is stopped, so that the test can stand in its place.
"""

import random
import socket
import ssl
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import grpc
import pytest

from coordinator.analyst import connect
from protocols.codec.link import (
    decode_frame,
    decode_progress,
    encode_ask,
    encode_frame,
    encode_query_id,
)
from protocols.frames import Message, cut
from protocols.ids import CentreId, ExchangeId, QueryId
from protocols.link import (
    ASK_PATH,
    DESCRIBE_PATH,
    LIST_PATH,
    PLAN_PATH,
    RESULT_PATH,
    STATUS_PATH,
    Ask,
    CentreState,
    FrameKind,
)
from tests.integration import small
from tests.integration.federation import Federation, eventually, federation, question
from tests.integration.peers import Peer, Stream, authority_of, hello, refusal, tls_versions

A, B, ANALYST = "skerry://centre/a", "skerry://centre/b", "skerry://analyst/analyst"
Named = Callable[..., Peer]
GARBAGE = {
    "ones": b"\xff" * 64,
    "nothing": b"",
    "an unknown kind": b"\x08\x63",
    "random": random.Random(20260311).randbytes(4096),  # noqa: S311 -- noise for a parser
}


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    folder = tmp_path_factory.mktemp("door")
    dictionary, files = small.written(folder, a=30, b=20)
    with federation(folder / "sandbox", dictionary, files) as made:
        made.kill("centre-b")
        eventually("b is gone", lambda: made.online() == {"a"})
        yield made


@pytest.fixture
def named(door: Federation) -> Named:
    """Make peers whose certificates the sandbox's own authority signed."""
    signer = authority_of(door.places.consortium)
    return lambda *uris: Peer.named(address(door), trust(door), signer, uris)


def address(door: Federation) -> str:
    line = (door.places.coordinator / "coordinator.toml").read_text(encoding="utf-8").splitlines()[0]
    return line.split('"')[1]


def trust(door: Federation) -> bytes:
    return (door.places.shared / "tls-ca.pem").read_bytes()


@pytest.fixture(scope="module")
def only_a(door: Federation) -> Path:
    """A profile that asks `a` alone: a question to `b` would wait for whoever stands in its place."""
    return door.profile_with(centres=["a"])


@pytest.fixture(autouse=True)
def coordinator_stays_well(door: Federation, only_a: Path) -> Iterator[None]:
    """After each attempt: the same coordinator answers, `a` never lost its link, nobody else is on it."""
    pid = door.process("coordinator").pid
    left = log(door).count("centre_left centre=a")
    yield
    eventually("only a is on the link", lambda: door.online() == {"a"})
    assert door.process("coordinator").pid == pid
    assert log(door).count("centre_left centre=a") == left
    assert "Traceback" not in log(door)
    with connect(only_a) as registry:
        result = registry.ask(question({"kind": "count"})).to_json()
    assert (result["table"][0]["estimate"], result["centres"]["answered"]) == (30, ["a"])


def log(door: Federation) -> str:
    return (door.places.logs / "coordinator.log").read_text(encoding="utf-8")


def link_refuses(peer: Peer) -> tuple[str, str]:
    """Say hello on the link; give the refusal."""
    with peer.stream() as stream:
        stream.send(hello())
        return answer_to(stream)


def answer_to(stream: Stream) -> tuple[str, str]:
    """Wait for the refusal of what was sent; give its status and sentence."""
    with pytest.raises(grpc.RpcError) as error:
        stream.receive()
    return refusal(error.value)


def desk_refuses(peer: Peer, path: str = DESCRIBE_PATH, octets: bytes = b"") -> tuple[str, str]:
    with pytest.raises(grpc.RpcError) as error:
        peer.call(path, octets)
    return refusal(error.value)


def test_without_a_certificate_nobody_enters(door: Federation) -> None:
    nobody = Peer.nobody(address(door), trust(door))
    assert link_refuses(nobody)[0] == "UNAVAILABLE"
    assert desk_refuses(nobody)[0] == "UNAVAILABLE"


@pytest.mark.parametrize("uri", [B, ANALYST])
def test_a_foreign_authority_vouches_for_nobody(door: Federation, tmp_path: Path, uri: str) -> None:
    peer = Peer.named(address(door), trust(door), authority_of(tmp_path / "foreign"), [uri])
    assert link_refuses(peer)[0] == "UNAVAILABLE"
    assert desk_refuses(peer)[0] == "UNAVAILABLE"


def test_tls_below_1_3_is_refused(named: Named, tmp_path: Path) -> None:
    peer = named(B)
    assert tls_versions(peer, tmp_path, ssl.TLSVersion.TLSv1_2) is None
    assert tls_versions(peer, tmp_path, ssl.TLSVersion.TLSv1_3) == "TLSv1.3"


@pytest.mark.parametrize(
    "uris",
    [
        [ANALYST],
        ["skerry://coordinator"],
        ["skerry://centre/"],
        ["skerry://centre/bb"],
        ["skerry://centre/xb"],
        ["skerry://centre/b/"],
        ["skerry://centre/b?"],
        ["skerry://centre/B"],
        ["skerry://centre/b%00"],
        ["skerry://centre/%62"],
        ["skerry://x/skerry://centre/b"],
        ["SKERRY://centre/b"],
        ["skerry://centre/unknown"],
        [B, B],
        [A, B],
        [B, ANALYST],
        [],
    ],
    ids=lambda uris: "+".join(uris) or "none",
)
def test_only_a_centres_one_exact_uri_opens_the_link(named: Named, uris: list[str]) -> None:
    assert link_refuses(named(*uris)) == ("PERMISSION_DENIED", "not_a_centre")


@pytest.mark.parametrize("uris", [[A], [B], [ANALYST + "s"], [ANALYST, B], ["skerry://analyst/"], []])
def test_only_an_analysts_one_exact_uri_opens_the_desk(named: Named, uris: list[str]) -> None:
    ask = encode_ask(Ask(envelope=b"x", audience=(CentreId("a"),), deadline_ms=1000))
    for path, octets in (
        (DESCRIBE_PATH, b""),
        (ASK_PATH, ask),
        (PLAN_PATH, ask),
        (STATUS_PATH, encode_query_id(QueryId.new())),
        (RESULT_PATH, encode_query_id(QueryId.new())),
        (LIST_PATH, b"\x08\x01"),
    ):
        assert desk_refuses(named(*uris), path, octets) == ("PERMISSION_DENIED", "not_an_analyst")


def test_the_right_uris_do_open_link_and_desk(named: Named, door: Federation) -> None:
    """The control: the refusals above are not of everybody."""
    assert len(named(ANALYST).call(DESCRIBE_PATH, b"")) == 1
    with named(B).stream() as stream:
        stream.send(hello())
        assert decode_frame(stream.receive()).kind is FrameKind.WELCOME
        eventually("b is on the link", lambda: door.online() == {"a", "b"})


def test_an_open_stream_ends_with_its_certificate(door: Federation) -> None:
    """TLS looks at a certificate once; what was opened with it must not outlive it."""
    signer, lasts = authority_of(door.places.consortium), timedelta(seconds=4)
    peer = Peer.named(address(door), trust(door), signer, [B], lasts)
    with peer.stream() as stream:
        stream.send(hello())
        assert decode_frame(stream.receive()).kind is FrameKind.WELCOME
        assert answer_to(stream) == ("PERMISSION_DENIED", "certificate_ended")


def test_a_second_connection_of_one_identity_replaces_the_first(named: Named, door: Federation) -> None:
    peer = named(B)
    with peer.stream() as first, peer.stream() as second:
        first.send(hello())
        assert decode_frame(first.receive()).kind is FrameKind.WELCOME
        second.send(hello())
        assert decode_frame(second.receive()).kind is FrameKind.WELCOME
        with pytest.raises((grpc.RpcError, StopIteration)):
            first.receive()
        assert door.online() == {"a", "b"}


def test_a_stolen_transport_key_cannot_answer_for_its_centre(named: Named, door: Federation) -> None:
    """Who stands in for a centre on the link gets signed questions; what it answers does not verify."""
    with named(B).stream() as stream, ThreadPoolExecutor(1) as pool:
        stream.send(hello())
        stream.receive()
        asked = pool.submit(door.ask, {"kind": "count", "by": ["sex"]}, quorum=1)
        frame = decode_frame(stream.receive())
        assert frame.kind is FrameKind.QUERY
        (answer,) = cut(Message(kind=FrameKind.ANSWER, exchange=frame.exchange, body=b"five hundred"))
        stream.send(encode_frame(answer))
        result = asked.result(timeout=30).to_json()
    assert result["centres"]["answered"] == ["a"]
    assert result["centres"]["refused"]["b"]["code"] == "unverifiable"


def test_a_first_frame_that_is_no_hello_is_refused(named: Named) -> None:
    with named(B).stream() as stream:
        stream.send(hello(FrameKind.ANSWER))
        assert answer_to(stream) == ("PERMISSION_DENIED", "no_hello_of_this_protocol")


def test_a_frame_of_two_megabytes_is_refused(named: Named) -> None:
    with named(B).stream() as stream:
        stream.send(bytes(2 * 2**20))
        assert answer_to(stream)[0] == "RESOURCE_EXHAUSTED"
    assert desk_refuses(named(ANALYST), ASK_PATH, bytes(2 * 2**20))[0] == "RESOURCE_EXHAUSTED"


@pytest.mark.parametrize("kind", GARBAGE)
def test_garbage_before_a_hello_is_refused(named: Named, kind: str) -> None:
    with named(B).stream() as stream:
        stream.send(GARBAGE[kind])
        status, sentence = answer_to(stream)
    assert (status, sentence) == ("PERMISSION_DENIED", "no_hello_of_this_protocol")


def test_garbage_after_a_hello_ends_the_session(named: Named, door: Federation) -> None:
    with named(B).stream() as stream:
        stream.send(hello())
        stream.receive()
        stream.send(b"\xff" * 64)
        with pytest.raises((grpc.RpcError, StopIteration)):
            stream.receive()
        eventually("b is off the link", lambda: door.online() == {"a"})


@pytest.mark.parametrize("kind", ["ones", "an unknown kind", "random"])
def test_garbage_at_the_desk_is_refused(named: Named, kind: str) -> None:
    assert desk_refuses(named(ANALYST), ASK_PATH, GARBAGE[kind]) == ("INVALID_ARGUMENT", "unreadable")


def test_an_unknown_centre_in_an_audience_is_refused(named: Named) -> None:
    ask = encode_ask(Ask(envelope=b"x", audience=(CentreId("nowhere"),), deadline_ms=1000))
    assert desk_refuses(named(ANALYST), ASK_PATH, ask)[0] == "INVALID_ARGUMENT"


def test_bytes_that_are_no_tls_are_dropped(door: Federation) -> None:
    host, port = address(door).split(":")
    for octets in (b"GET / HTTP/1.1\r\n\r\n", GARBAGE["random"], b"\x16\x03\x01" + bytes(500)):
        with socket.create_connection((host, int(port)), timeout=20) as raw:
            raw.sendall(octets)
            raw.shutdown(socket.SHUT_WR)
            while raw.recv(4096):
                pass


def test_an_envelope_of_garbage_is_neither_kept_nor_relayed(named: Named, door: Federation) -> None:
    ask = encode_ask(Ask(envelope=GARBAGE["random"], audience=(CentreId("a"),), deadline_ms=5000))
    assert desk_refuses(named(ANALYST), ASK_PATH, ask)[0] == "INVALID_ARGUMENT"


@pytest.mark.parametrize("path", [STATUS_PATH, RESULT_PATH])
def test_an_id_of_no_question_is_not_found_and_no_id_is_unreadable(named: Named, path: str) -> None:
    unknown = encode_query_id(QueryId.new())
    assert desk_refuses(named(ANALYST), path, unknown)[0] == "NOT_FOUND"
    assert desk_refuses(named(ANALYST), path, unknown[:-1]) == ("INVALID_ARGUMENT", "unreadable")


@pytest.mark.parametrize("octets", [b"", b"\x08\x65", GARBAGE["random"]], ids=["none", "101", "random"])
def test_a_list_has_one_to_a_hundred_questions(named: Named, octets: bytes) -> None:
    assert desk_refuses(named(ANALYST), LIST_PATH, octets) == ("INVALID_ARGUMENT", "unreadable")


def test_a_plan_is_relayed_unread_and_nothing_of_it_is_kept(named: Named, door: Federation) -> None:
    """Whoever stands at the end of the link gets the bytes; its quote comes back as it came."""
    ask = encode_ask(Ask(envelope=GARBAGE["random"], audience=(CentreId("b"),), deadline_ms=20_000))
    before = len(named(ANALYST).call(LIST_PATH, b"\x08\x64"))
    with named(B).stream() as stream, ThreadPoolExecutor(1) as pool:
        stream.send(hello())
        stream.receive()
        planned = pool.submit(named(ANALYST).call, PLAN_PATH, ask)
        frame = decode_frame(stream.receive())
        assert (frame.kind, frame.chunk) == (FrameKind.PLAN, GARBAGE["random"])
        (quote,) = cut(Message(kind=FrameKind.PLANNED, exchange=frame.exchange, body=b"a quote"))
        stream.send(encode_frame(quote))
        steps = [decode_progress(octets) for octets in planned.result(timeout=30)]
    assert [step.state for step in steps] == [CentreState.ASKED, CentreState.ANSWERED]
    assert steps[1].answer == b"a quote"
    away = [decode_progress(octets) for octets in named(ANALYST).call(PLAN_PATH, ask)]
    assert [step.state for step in away] == [CentreState.OFFLINE]
    assert len(named(ANALYST).call(LIST_PATH, b"\x08\x64")) == before


def test_the_exchange_of_another_centre_cannot_be_answered(named: Named, door: Federation) -> None:
    """`b` guesses at exchanges: its answers belong to nobody's question and are dropped."""
    with named(B).stream() as stream:
        stream.send(hello())
        stream.receive()
        for _ in range(20):
            (answer,) = cut(Message(kind=FrameKind.ANSWER, exchange=ExchangeId.new(), body=b"x"))
            stream.send(encode_frame(answer))
        eventually("b is still on the link", lambda: door.online() == {"a", "b"})
