"""Bytes and values: decoding inverts encoding, one value has one encoding, one flipped bit is refused."""

from dataclasses import replace

import pytest
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.answers import open_answer, open_planned, sign_answer, sign_planned
from protocols.codec import answers, queries
from protocols.codec import link as link_codec
from protocols.envelope import Purpose, open_envelope, seal
from protocols.errors import ProtocolError, SignatureError, UnknownAnalystError, WireError
from protocols.ids import AnalystId, CentreId, Digest, ExchangeId, QueryId
from protocols.link import Ask, CentreState, Description, Frame, FrameKind, Hello, Progress, Welcome
from protocols.queries import Query
from protocols.refusals import Refusal, RefusalCode
from protocols.releases import Answer, Planned, SignedAnswer
from protocols.roster import open_roster
from protocols.study_reading import open_study
from protocols.wire.v1 import answer_pb2, link_pb2, query_pb2
from tests.protocols import examples
from tests.protocols.questions import questions
from tests.protocols.test_fuzz import ANALYSTS, ASK, FRAME, HELLO, KEPT, LISTING, PROGRESS, STATUS

TERMS = queries.encode_terms(examples.terms_of(examples.RICH))


@settings(max_examples=300, deadline=None)
@given(query=questions())
def test_terms_come_back_as_they_went(query: Query) -> None:
    terms = examples.terms_of(query)
    octets = queries.encode_terms(terms)

    assert queries.decode_terms(octets) == terms
    assert queries.encode_terms(queries.decode_terms(octets)) == octets


def test_releases_come_back_as_they_went() -> None:
    octets = answers.encode_release(examples.RELEASE)
    again = answers.decode_release(octets)

    assert answers.encode_release(again) == octets
    assert again.blocks[0].values.tolist() == examples.RELEASE.blocks[0].values.tolist()
    assert (again.blocks[0].event, again.loss) == (examples.RELEASE.blocks[0].event, examples.RELEASE.loss)
    assert again.released_at == examples.RELEASE.released_at


def test_suppressed_tables_come_back_as_they_went() -> None:
    octets = answers.encode_release(examples.SHOWN)
    again = answers.decode_release(octets)

    assert answers.encode_release(again) == octets
    assert again.table is not None
    assert examples.SHOWN.table is not None
    assert again.table.rule == examples.SHOWN.table.rule
    assert again.table.cells.tolist() == [0, -1, 2**62, 10]
    assert (again.blocks, again.loss) == ((), examples.SHOWN.loss)
    assert answers.decode_release(answers.encode_release(examples.RELEASE)).table is None


@pytest.mark.parametrize(("minimum", "rounding"), [(0, 0), (4, 1), (5, 5), (2**32 - 1, 1)])
def test_a_table_of_an_unknown_rule_is_refused(minimum: int, rounding: int) -> None:
    message = answer_pb2.Release.FromString(answers.encode_release(examples.SHOWN))
    message.table.minimum, message.table.rounding = minimum, rounding
    with pytest.raises(WireError, match="rule"):
        answers.decode_release(message.SerializeToString(deterministic=True))


@pytest.mark.parametrize("planned", examples.PLANS)
def test_plans_come_back_as_they_went(planned: Planned) -> None:
    octets = answers.encode_planned(planned)
    assert answers.decode_planned(octets) == planned
    assert answers.encode_planned(answers.decode_planned(octets)) == octets
    signed = sign_planned(planned, examples.CENTRE_KEY)
    assert open_planned(signed, examples.CENTRE_KEY.public_key()) == planned


def test_an_answer_from_a_finer_one_comes_back_as_it_went() -> None:
    answer = examples.FROM_FINER
    assert answers.decode_answer(answers.encode_answer(answer)) == answer


def test_every_flipped_bit_of_a_plans_answer_is_refused() -> None:
    key = examples.CENTRE_KEY.public_key()
    octets = answers.encode_signed_answer(sign_planned(examples.PLANNED_FROM_FINER, examples.CENTRE_KEY))
    for flipped in _flips(octets):
        with pytest.raises(ProtocolError):
            open_planned(answers.decode_signed_answer(flipped), key)


@pytest.mark.parametrize("code", RefusalCode)
def test_answers_come_back_as_they_went(code: RefusalCode) -> None:
    refusal = Answer(
        centre=CentreId("berlin"), query_id=QueryId(bytes(16)), outcome=Refusal(code=code, detail="ä")
    )

    assert answers.decode_answer(answers.encode_answer(refusal)) == refusal
    assert answers.decode_answer(answers.encode_answer(examples.GRANTED)) == examples.GRANTED


def test_messages_of_the_link_come_back_as_they_went() -> None:
    description = Description(centres=(STATUS,), dictionary_texts=(b"a", b"b"))
    assert link_codec.decode_frame(link_codec.encode_frame(FRAME)) == FRAME
    assert link_codec.decode_hello(link_codec.encode_hello(HELLO)) == HELLO
    assert link_codec.decode_ask(link_codec.encode_ask(ASK)) == ASK
    assert link_codec.decode_progress(link_codec.encode_progress(PROGRESS)) == PROGRESS
    assert link_codec.decode_kept(link_codec.encode_kept(KEPT)) == KEPT
    assert link_codec.decode_listing(link_codec.encode_listing(LISTING)) == LISTING
    assert link_codec.decode_query_id(link_codec.encode_query_id(KEPT.query_id)) == KEPT.query_id
    assert link_codec.decode_description(link_codec.encode_description(description)) == description


@given(kind=st.sampled_from(FrameKind), exchange=st.binary(min_size=16, max_size=16), chunk=st.binary())
def test_frames_come_back_as_they_went(kind: FrameKind, exchange: bytes, chunk: bytes) -> None:
    frame = Frame(kind=kind, exchange=ExchangeId(exchange), total=2**64 - 1, offset=3, chunk=chunk)
    assert link_codec.decode_frame(link_codec.encode_frame(frame)) == frame


@given(protocol=st.integers(0, 2**32 - 1), beat=st.integers(0, 2**32 - 1), state=st.sampled_from(CentreState))
def test_small_messages_come_back_as_they_went(protocol: int, beat: int, state: CentreState) -> None:
    hello = Hello(
        protocol=protocol,
        software="",
        dictionary=Digest(bytes(32)),
        dictionary_text=b"",
        snapshot_at=None,
        roster_version=beat,
    )
    welcome = Welcome(protocol=protocol, heartbeat_ms=beat)
    progress = Progress(centre=CentreId("a"), state=state, answer=b"")
    assert link_codec.decode_hello(link_codec.encode_hello(hello)) == hello
    assert link_codec.decode_welcome(link_codec.encode_welcome(welcome)) == welcome
    assert link_codec.decode_progress(link_codec.encode_progress(progress)) == progress


def _flips(octets: bytes) -> list[bytes]:
    return [
        octets[:place] + bytes([octets[place] ^ (1 << bit)]) + octets[place + 1 :]
        for place in range(len(octets))
        for bit in range(8)
    ]


def test_every_flipped_bit_of_an_envelope_is_refused() -> None:
    octets = seal(examples.terms_of(examples.COUNT), examples.ANALYST_KEY)
    assert open_envelope(octets, ANALYSTS).terms.query == examples.COUNT
    for flipped in _flips(octets):
        with pytest.raises(ProtocolError):
            open_envelope(flipped, ANALYSTS)


def test_every_flipped_bit_of_an_answer_is_refused() -> None:
    key = examples.CENTRE_KEY.public_key()
    octets = answers.encode_signed_answer(sign_answer(examples.GRANTED, examples.CENTRE_KEY))
    assert open_answer(answers.decode_signed_answer(octets), key) == examples.GRANTED
    for flipped in _flips(octets):
        with pytest.raises(ProtocolError):
            open_answer(answers.decode_signed_answer(flipped), key)


def test_every_flipped_bit_of_a_roster_is_refused() -> None:
    octets, key = examples.signed(examples.ROSTER_BODY, "roster"), examples.CONSORTIUM
    assert list(open_roster(octets, key).centres) == [examples.BERLIN]
    for flipped in _flips(octets):
        with pytest.raises(ProtocolError):
            open_roster(flipped, key)


def test_every_flipped_bit_of_a_study_is_refused() -> None:
    octets, key = examples.signed(examples.STUDY_BODY, "study"), examples.OFFICER_KEY.public_key()
    assert open_study(octets, examples.OFFICER, key).id.text == "survival"
    for flipped in _flips(octets):
        with pytest.raises(ProtocolError):
            open_study(flipped, examples.OFFICER, key)


def test_a_signature_counts_for_its_own_kind_of_message_only() -> None:
    key = examples.ANALYST_KEY
    answer = sign_answer(examples.GRANTED, key)
    as_envelope = queries.encode_envelope(queries.Envelope(terms=answer.payload, signature=answer.signature))
    with pytest.raises(ProtocolError):
        open_envelope(as_envelope, ANALYSTS)
    study = examples.signed(examples.STUDY_BODY, "study")
    policy = study.replace(b"skerry.study/1", b"skerry.policy/1")
    with pytest.raises(SignatureError):
        open_study(policy, examples.OFFICER, examples.OFFICER_KEY.public_key())


def test_a_plan_is_signed_for_a_plan_only() -> None:
    """What was signed to learn a price can never be charged, and a quote is no answer."""
    terms = examples.terms_of(examples.COUNT)
    for given_for, taken_for in ((Purpose.PLAN, Purpose.QUERY), (Purpose.QUERY, Purpose.PLAN)):
        envelope = seal(terms, examples.ANALYST_KEY, given_for)
        assert open_envelope(envelope, ANALYSTS, given_for).terms == terms
        with pytest.raises(SignatureError):
            open_envelope(envelope, ANALYSTS, taken_for)
    key = examples.CENTRE_KEY.public_key()
    with pytest.raises(SignatureError):
        open_answer(sign_planned(examples.PLANNED_REFUSED, examples.CENTRE_KEY), key)
    with pytest.raises(SignatureError):
        open_planned(sign_answer(examples.GRANTED, examples.CENTRE_KEY), key)


def test_an_analyst_whom_the_roster_does_not_know_is_told_apart() -> None:
    octets = seal(examples.terms_of(examples.COUNT, analyst=AnalystId("eve")), examples.ANALYST_KEY)
    with pytest.raises(UnknownAnalystError):
        open_envelope(octets, ANALYSTS)


def test_a_signature_of_another_length_is_wrong() -> None:
    for size in (0, 63, 65):
        with pytest.raises(SignatureError):
            open_answer(SignedAnswer(payload=b"", signature=bytes(size)), examples.CENTRE_KEY.public_key())


def _varint(number: int, *, padded: bool = False) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out += bytes([number | 128, 0]) if padded else bytes([number])
    return bytes(out)


STRICT: dict[str, tuple[object, bytes]] = {
    "an unknown field at the end": (queries.decode_terms, TERMS + b"\xfa\x01\x00"),
    "an unknown field at the start": (queries.decode_terms, b"\xfa\x01\x00" + TERMS),
    "a singular field twice": (queries.decode_terms, TERMS + b"\x1a\x08survival"),
    "a trailing byte": (queries.decode_terms, TERMS + b"\x00"),
    "a cut end": (queries.decode_terms, TERMS[:-1]),
    "nothing": (queries.decode_terms, b""),
    "a default written out": (link_codec.decode_welcome, b"\x08\x01\x10\x00"),
    "a padded varint": (link_codec.decode_welcome, b"\x08" + _varint(1, padded=True)),
    "fields out of order": (link_codec.decode_welcome, b"\x10\x05\x08\x01"),
    "a varint of eleven bytes": (link_codec.decode_welcome, b"\x08" + b"\xff" * 10 + b"\x01"),
    "an unknown kind of frame": (
        link_codec.decode_frame,
        link_pb2.Frame(kind=99, exchange=bytes(16)).SerializeToString(),  # type: ignore[arg-type]
    ),
    "no kind of frame": (link_codec.decode_frame, link_pb2.Frame(exchange=bytes(16)).SerializeToString()),
    "an unknown state": (
        link_codec.decode_progress,
        link_pb2.Progress(centre="a", state=9).SerializeToString(),  # type: ignore[arg-type]
    ),
    "an unknown state of a kept question": (
        link_codec.decode_kept,
        link_pb2.KeptQuestion(
            query_id=bytes(16),
            standings=[link_pb2.Standing(centre="a", state=9)],  # type: ignore[arg-type]
        ).SerializeToString(),
    ),
    "a list of none": (link_codec.decode_listing, link_pb2.ListRequest().SerializeToString()),
    "a list of 101": (link_codec.decode_listing, link_pb2.ListRequest(limit=101).SerializeToString()),
    "a short query id": (
        link_codec.decode_query_id,
        link_pb2.QuestionRequest(query_id=bytes(15)).SerializeToString(),
    ),
    "an audience with a repeat": (
        link_codec.decode_ask,
        link_pb2.Ask(audience=["a", "a"]).SerializeToString(),
    ),
    "an unknown refusal": (
        answers.decode_answer,
        answer_pb2.Answer(
            centre="a", query_id=bytes(16), refusal=answer_pb2.Refusal(code=4_000)
        ).SerializeToString(),
    ),
    "neither release nor refusal": (
        answers.decode_answer,
        answer_pb2.Answer(centre="a", query_id=bytes(16)).SerializeToString(),
    ),
}


@pytest.mark.parametrize("name", STRICT)
def test_bytes_that_could_be_read_twofold_are_refused(name: str) -> None:
    decode, octets = STRICT[name]
    with pytest.raises(WireError):
        decode(octets)  # type: ignore[operator]


def _changed(**changes: object) -> bytes:
    message = query_pb2.SignedTerms.FromString(TERMS)
    for path, value in changes.items():
        *way, last = path.split("__")
        part: Message = message
        for step in way:
            part = getattr(part, step)
        if isinstance(value, list):
            del getattr(part, last)[:]
            getattr(part, last).extend(value)
        else:
            setattr(part, last, value)
    return message.SerializeToString(deterministic=True)


@pytest.mark.parametrize(
    "changes",
    [
        {"audience": []},
        {"audience": ["b", "a"]},
        {"audience": ["a", "a"]},
        {"audience": ["a/b"]},
        {"query_id": b"short"},
        {"dictionary": b"x" * 31},
        {"study": ""},
        {"analyst": "a b"},
        {"query__release__nano_rho": "050"},
        {"query__release__nano_rho": "-5"},
        {"query__release__nano_rho": "9" * 61},
        {"query__release__nano_rho": "٣"},
        {"query__release__delta": "1e-6"},
        {"query__release__delta": "0.10"},
        {"query__release__delta": "NaN"},
        {"query__release__delta": "1" * 200},
        {"query__release__mode": 7},
        {"query__release__scope": 0},
        {"query__statistic__kind": 99},
        {"query__statistic__edges": ["1.0"]},
        {"query__statistic__probabilities": ["0.50"]},
        {"query__statistic__probabilities": [".5"]},
    ],
)
def test_terms_in_another_form_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(WireError):
        queries.decode_terms(_changed(**changes))


def test_the_audience_of_an_ask_is_kept_in_order() -> None:
    ask = Ask(envelope=b"", audience=(CentreId("b"), CentreId("a")), deadline_ms=0)
    assert link_codec.decode_ask(link_codec.encode_ask(ask)) == ask


def test_a_cohort_too_deep_for_protobuf_is_refused() -> None:
    cohort = query_pb2.Cohort(missing=query_pb2.FieldName(table="a", name="b")).SerializeToString()
    for _ in range(150):
        cohort = b"\x1a" + _varint(len(cohort)) + cohort  # Cohort.negated
    query = b"\x12" + _varint(len(cohort)) + cohort
    with pytest.raises(WireError):
        queries.decode_terms(b"\x0a" + _varint(len(query)) + query)


def test_an_envelope_of_more_than_a_mebibyte_is_not_read() -> None:
    envelope = queries.Envelope(terms=bytes(2**20), signature=bytes(64))
    with pytest.raises(WireError, match="too large"):
        queries.decode_envelope(queries.encode_envelope(envelope))


@pytest.mark.parametrize(
    "hello", [replace(HELLO, dictionary_text=bytes(4 * 2**20 + 1)), replace(HELLO, software="x" * 201)]
)
def test_a_hello_that_would_swell_every_description_is_refused(hello: Hello) -> None:
    with pytest.raises(WireError, match="too long"):
        link_codec.decode_hello(link_codec.encode_hello(hello))
