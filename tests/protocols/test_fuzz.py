"""Every parser, fed rubbish: no exception but its own family.

Random bytes rarely get past the first check, so most examples are valid bytes with something done
to them, and trees in the shape of a query or a dictionary with the wrong things in them.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from node.policy import open_policy, read_policy
from privacy.errors import PrivacyError
from privacy.loss import Loss
from protocols.answers import in_the_open, open_answer, received, sealed_to, sign_answer
from protocols.codec import answers, queries
from protocols.codec import link as link_codec
from protocols.dictionary_text import read_dictionary
from protocols.documents import parse
from protocols.envelope import open_envelope, seal
from protocols.errors import ProofError, ProtocolError, TextError
from protocols.frames import Assembler, Message
from protocols.ids import (
    AnalystId,
    CentreId,
    Digest,
    ExchangeId,
    OfficerId,
    QueryId,
    SnapshotId,
    StudyId,
)
from protocols.keys import key_from_text
from protocols.link import (
    CHUNK_BYTES,
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
from protocols.query_rules import canonical
from protocols.query_text import read_request, request_from_tree
from protocols.refusals import Refusal, RefusalCode
from protocols.releases import Answer, SignedAnswer
from protocols.roster import Analyst, open_roster
from protocols.signed_text import SignedText
from protocols.study_reading import open_study
from protocols.transparency import check_inclusion
from tests.members import ROOT_KEY, keys_of, sealing_of
from tests.protocols import examples

QUERY_TEXT: Final = b"""\
study: survival
statistic: {kind: histogram, variable: visits.score, by: [sex, grade], edges: [0, 7.5, 60]}
cohort:
  and: [{field: sex, in: [0, 1]}, {not: {field: age, between: [18, 64.5]}}, {field: grade, missing: false}]
release: {mode: dp, scope: centre, epsilon: 0.5, delta: 1e-6}
quorum: all
"""
FRAME = Frame(kind=FrameKind.QUERY, exchange=ExchangeId(bytes(16)), total=9, offset=2, chunk=b"abc")
HELLO = Hello(
    protocol=1,
    software="skerry",
    dictionary=Digest(bytes(32)),
    dictionary_text=b"name: x",
    snapshot_at=examples.NOW,
    roster_version=3,
)
ASK = Ask(envelope=b"e", audience=(CentreId("berlin"), CentreId("paris")), deadline_ms=1000)
PROGRESS = Progress(centre=CentreId("berlin"), state=CentreState.ANSWERED, answer=b"a")
LISTING = Listing(limit=20, before=QueryId(bytes(range(16))))
KEPT = KeptQuestion(
    query_id=QueryId(bytes(range(16))),
    envelope=b"e",
    asked_at=examples.NOW,
    deadline_at=examples.NOW,
    standings=(
        Standing(centre=CentreId("berlin"), state=CentreState.ANSWERED, received_at=examples.NOW),
        Standing(centre=CentreId("paris"), state=CentreState.EXPIRED, received_at=None),
    ),
)
STATUS = CentreStatus(
    centre=CentreId("berlin"),
    is_online=True,
    dictionary=examples.DICTIONARY.digest,
    snapshot_at=examples.NOW,
    software="skerry",
)
REFUSED = Answer(
    centre=CentreId("berlin"),
    query_id=QueryId(bytes(16)),
    outcome=Refusal(code=RefusalCode.BUSY, detail="later"),
)
ENVELOPE = seal(examples.terms_of(examples.RICH), examples.ANALYST_KEY)
ANALYSTS = {
    examples.ANALYST: Analyst(id=examples.ANALYST, institution="x", keys=keys_of(examples.ANALYST_KEY))
}
_SIGNED = sign_answer(examples.GRANTED, examples.CENTRE_KEY)
_CONTEXT = Digest(bytes(32))
SEALED = sealed_to(_SIGNED, keys_of(examples.ANALYST_KEY).sealing, _CONTEXT)


def _opened(octets: bytes) -> object:
    """Open terms and put them to the rules, as a node does."""
    opened = open_envelope(octets, ANALYSTS)
    return canonical(opened.terms.query, examples.DICTIONARY)


def _received(octets: bytes) -> object:
    return received(octets, sealing_of(examples.ANALYST_KEY), _CONTEXT)


def _ruled(octets: bytes) -> object:
    """Put decoded terms to the rules without a signature, so that mutations get that far."""
    return canonical(queries.decode_terms(octets).query, examples.DICTIONARY)


PARSERS: Final[dict[str, tuple[Callable[[bytes], object], bytes]]] = {
    "document": (parse, QUERY_TEXT),
    "dictionary": (read_dictionary, examples.DICTIONARY_TEXT),
    "request": (lambda octets: read_request(octets, examples.DICTIONARY), QUERY_TEXT),
    "terms": (_ruled, queries.encode_terms(examples.terms_of(examples.RICH))),
    "terms of quantiles": (_ruled, queries.encode_terms(examples.terms_of(examples.QUANTILES))),
    "envelope": (queries.decode_envelope, ENVELOPE),
    "opened envelope": (_opened, ENVELOPE),
    "release": (answers.decode_release, answers.encode_release(examples.RELEASE)),
    "suppressed table": (answers.decode_release, answers.encode_release(examples.SHOWN)),
    "answer from a finer one": (answers.decode_answer, answers.encode_answer(examples.FROM_FINER)),
    "plan": (answers.decode_planned, answers.encode_planned(examples.PLANNED)),
    "plan from a finer one": (answers.decode_planned, answers.encode_planned(examples.PLANNED_FROM_FINER)),
    "refused plan": (answers.decode_planned, answers.encode_planned(examples.PLANNED_REFUSED)),
    "terms of a table": (_ruled, queries.encode_terms(examples.terms_of(examples.TABLE))),
    "answer": (answers.decode_answer, answers.encode_answer(examples.GRANTED)),
    "refusal": (answers.decode_answer, answers.encode_answer(REFUSED)),
    "signed answer": (answers.decode_signed_answer, answers.encode_signed_answer(_SIGNED)),
    "sealed answer": (_received, SEALED),
    "open refusal": (_received, in_the_open(_SIGNED)),
    "opened answer": (
        lambda octets: open_answer(
            SignedAnswer(payload=_SIGNED.payload, signature=octets), examples.CENTRE_KEY.public_key()
        ),
        _SIGNED.signature,
    ),
    "frame": (link_codec.decode_frame, link_codec.encode_frame(FRAME)),
    "hello": (link_codec.decode_hello, link_codec.encode_hello(HELLO)),
    "welcome": (
        link_codec.decode_welcome,
        link_codec.encode_welcome(Welcome(protocol=1, heartbeat_ms=10_000)),
    ),
    "ask": (link_codec.decode_ask, link_codec.encode_ask(ASK)),
    "progress": (link_codec.decode_progress, link_codec.encode_progress(PROGRESS)),
    "query id": (link_codec.decode_query_id, link_codec.encode_query_id(QueryId(bytes(range(16))))),
    "listing": (link_codec.decode_listing, link_codec.encode_listing(LISTING)),
    "kept question": (link_codec.decode_kept, link_codec.encode_kept(KEPT)),
    "description": (
        link_codec.decode_description,
        link_codec.encode_description(Description(centres=(STATUS,), dictionary_texts=(b"name: x",))),
    ),
    "signed text": (
        lambda octets: SignedText.parse(octets).opened("root-1", ROOT_KEY.public_key(), "roster"),
        examples.signed(examples.ROSTER_BODY, "roster"),
    ),
    "roster": (
        lambda octets: open_roster(_resigned(octets, "roster"), examples.CONSORTIUM),
        examples.ROSTER_BODY.encode(),
    ),
    "study": (
        lambda octets: open_study(
            _resigned(octets, "study"), examples.OFFICER, examples.OFFICER_KEY.public_key()
        ),
        examples.STUDY_BODY.encode(),
    ),
    "policy": (read_policy, examples.POLICY_BODY.encode()),
    "signed policy": (
        lambda octets: open_policy(octets, examples.OFFICER, examples.OFFICER_KEY.public_key()),
        examples.signed(examples.POLICY_BODY, "policy"),
    ),
}


def _resigned(body: bytes, kind: str) -> bytes:
    """Sign whatever has become of a body, so that the fuzzing gets past the signature."""
    who, key = ("root-1", ROOT_KEY) if kind == "roster" else (examples.OFFICER.text, examples.OFFICER_KEY)
    return SignedText(body=body, signatures=()).signed_by(who, key, kind).to_bytes()


RUBBISH: Final = [
    b"",
    b"\x00",
    b"\xff\xfe",
    b"[" * 5_000,
    b"{a: " * 500,
    b"a: " + b"9" * 5_000,
    b"a = " + b"9" * 5_000,
    b"a = " + b"[" * 3_000,
    b"a: 1e999999999999",
    b"a: &x [*x]",
    b"a: !!python/object/apply:os.system [ls]",
    b"<<: {a: b}",
    b'{"a": "\\ud800"}',
    b'{"a": "\\udc00\\ud800"}',
    b'"\\U00110000"',
    b"? {a: b}\n: c",
    b"a: b: c",
    b"\xef\xbb\xbfa: 1",
    "a: \u202e\u0661\u2028x".encode(),
    "名: \U0001f600".encode(),
    b"\xed\xa0\x80",
    b"%YAML 9.9\n---\na: 1",
    b"a: 1\n---\nb: 2",
    b"a: |\n\tb",
    b"expires = 0001-01-01T00:00:00+23:59",
    b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    b"\x0a\x02" * 200,
]
_WORDS = [b"null", b"~", b"-1", b"1e40", b"1e41", b"0e99", b"true", b"[]", b"{}", b"''", b".nan", b"- ", b"*"]


@st.composite
def _mutated(draw: st.DrawFn, valid: bytes) -> bytes:
    """Valid bytes, cut, doubled, overwritten, swapped or with a word put in, up to four times."""
    octets = bytearray(valid)
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(octets)))
        end = min(len(octets), place + draw(st.integers(0, 12)))
        match draw(st.integers(0, 4)):
            case 0:
                del octets[place:end]
            case 1:
                octets[place:place] = octets[place:end]
            case 2:
                octets[place:end] = draw(st.binary(max_size=12))
            case 3:
                octets[place:end] = draw(st.sampled_from(_WORDS))
            case _:
                octets[place:end] = draw(st.text(max_size=4)).encode("utf-8", "surrogatepass")
    return bytes(octets)


def _survives(parser: Callable[[bytes], object], octets: bytes) -> None:
    with suppress(ProtocolError):
        parser(octets)


_FAST = settings(max_examples=450, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)


@pytest.mark.parametrize("name", PARSERS)
@_FAST
@given(data=st.data())
def test_a_parser_raises_its_own_errors_only(name: str, data: st.DataObject) -> None:
    parser, valid = PARSERS[name]
    strategy = _mutated(valid) | _mutated(valid) | _mutated(valid) | st.binary(max_size=64)
    _survives(parser, data.draw(strategy))


@pytest.mark.parametrize("name", PARSERS)
def test_a_parser_takes_the_valid_bytes_and_survives_the_worst(name: str) -> None:
    parser, valid = PARSERS[name]
    parser(valid)
    for octets in RUBBISH:
        _survives(parser, octets)


_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.decimals()
    | st.text(max_size=6)
    | st.sampled_from(
        ["sex", "age", "grade", "low", "visits.score", "count", "mean", "quantiles", "dp", "centre"]
    )
    | st.builds(lambda: 10**5000)
    | st.builds(object)
)
_KEYS = st.sampled_from(
    [
        "study",
        "statistic",
        "cohort",
        "release",
        "quorum",
        "kind",
        "table",
        "variable",
        "by",
        "edges",
        "probabilities",
        "in",
        "and",
        "or",
        "not",
        "field",
        "equals",
        "between",
        "missing",
        "mode",
        "scope",
        "rho",
        "epsilon",
        "delta",
        "x",
    ]
)
_TREES = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=800, deadline=None, suppress_health_check=list(HealthCheck))
@given(statistic=_TREES, cohort=_TREES, release=_TREES, rest=st.dictionaries(_KEYS, _TREES, max_size=2))
def test_a_query_of_any_shape_is_read_or_refused(
    statistic: object, cohort: object, release: object, rest: dict[str, object]
) -> None:
    tree = {
        "study": "s",
        "statistic": {"kind": "count"},
        "release": {"mode": "dp", "scope": "centre", "rho": 1},
    }
    for changed in (
        {**tree, "statistic": statistic},
        {**tree, "cohort": cohort},
        {**tree, "release": release},
        {**tree, **rest},
    ):
        with suppress(TextError):
            request_from_tree(changed, examples.DICTIONARY)


def test_a_tree_that_holds_itself_is_refused() -> None:
    tree: dict[str, object] = {}
    tree["cohort"] = [tree]
    with pytest.raises(TextError, match="nested too deeply"):
        request_from_tree(tree, examples.DICTIONARY)


_NAMES = st.text(max_size=70) | st.text("abcdefAB09._-:/ \n\0", max_size=70)


@settings(max_examples=1000, deadline=None)
@given(text=_NAMES | st.text("0123456789abcdefABCDEF ", min_size=30, max_size=66))
def test_ids_and_keys_take_what_they_write_and_refuse_the_rest(text: str) -> None:
    for make in (CentreId, AnalystId, OfficerId, StudyId):
        with suppress(ProtocolError):
            assert str(make(text)) == text
    for parse_one in (QueryId.parse, ExchangeId.parse, SnapshotId.parse, Digest.parse):
        with suppress(ProtocolError):
            assert str(parse_one(text)) == text
    with suppress(ProtocolError):
        key_from_text(text)


_RHOS = st.text("0123456789.eE+-_ \0∞٣", max_size=12) | st.text(max_size=8) | st.decimals().map(str)


@settings(max_examples=1000, deadline=None)
@given(text=_RHOS)
def test_a_loss_is_read_exactly_or_refused(text: str) -> None:
    try:
        loss = Loss.parse(text)
    except PrivacyError:
        return
    assert Loss.parse(str(loss)) == loss


_FRAMES = st.builds(
    Frame,
    kind=st.sampled_from(FrameKind),
    exchange=st.sampled_from([ExchangeId(bytes(16)), ExchangeId(b"x" * 16)]),
    total=st.integers(0, 6) | st.sampled_from([2**26, 2**26 + 1, 2**64 - 1]),
    offset=st.integers(0, 6) | st.just(2**64 - 1),
    chunk=st.binary(max_size=6) | st.just(bytes(CHUNK_BYTES + 1)),
)


@settings(max_examples=500, deadline=None)
@given(frames=st.lists(_FRAMES, max_size=12))
def test_an_assembler_gives_whole_messages_or_refuses(frames: list[Frame]) -> None:
    assembler = Assembler()
    for frame in frames:
        try:
            message = assembler.take(frame)
        except ProtocolError:
            continue
        assert message is None or (isinstance(message, Message) and len(message.body) == frame.total)


_HASHES = st.binary(min_size=32, max_size=32) | st.binary(max_size=40)


@settings(max_examples=500, deadline=None)
@given(
    leaf=_HASHES,
    index=st.integers(-2, 2**64),
    size=st.integers(-2, 2**64),
    proof=st.lists(_HASHES, max_size=70),
    root=_HASHES,
)
def test_a_made_up_proof_is_refused(
    leaf: bytes, index: int, size: int, proof: list[bytes], root: bytes
) -> None:
    try:
        check_inclusion(leaf, index, size, proof, root)
    except ProofError:
        return
    assert (leaf, index, size, proof) == (root, 0, 1, [])
