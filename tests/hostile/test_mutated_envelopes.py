"""Single mutations of valid envelopes, and valid signatures over fields that are wrong: refused, uncharged.

The second table is signed by the analyst's own key: what a malicious analyst, or a library with a bug,
could send. Each check of the node meets its field absent, empty, doubled, of another, and a part or an
extension of the right name.
"""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from privacy.loss import ZERO
from protocols.codec.queries import Envelope, encode_envelope, encode_terms
from protocols.envelope import Opened, Purpose, open_envelope, seal
from protocols.ids import AnalystId, CentreId, QueryId, StudyId
from protocols.queries import Kind, SignedTerms, Statistic
from protocols.refusals import Refusal
from tests.node.gate_desk import (
    ADA,
    BOB,
    COUNT,
    KEYS,
    MANY,
    MEAN_AGE,
    OTHER,
    OTHER_DIGEST,
    GateDesk,
    imported,
    suppressed,
)
from tests.node.questions import ARM
from tests.node.seeds import draws, fresh_seed, told

MUTATIONS = 10_000


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> GateDesk:
    root = tmp_path_factory.mktemp("mutated")
    return GateDesk(folder=root / "node", snapshots=imported(root, MANY))


def _refused(desk: GateDesk, octets: bytes) -> Refusal:
    outcome = desk.gate.answer(octets).outcome
    assert isinstance(outcome, Refusal), octets.hex()
    return outcome


def _nothing_happened(desk: GateDesk) -> None:
    assert desk.engine.reads == 0
    assert all(loss == ZERO for loss in desk.spent.values())


def test_ten_thousand_single_mutations_are_refused_without_a_charge(desk: GateDesk) -> None:
    """Every bit of one envelope of each sort, then bytes changed, left out, and put in."""
    queries = (COUNT, MEAN_AGE, suppressed(Statistic(kind=Kind.COUNT, table="people", by=(ARM,))))
    originals = [desk.envelope(query, analyst) for query in queries for analyst in (ADA, BOB)]
    mutated = [
        octets[:place] + bytes([octets[place] ^ (1 << bit)]) + octets[place + 1 :]
        for octets in originals[::2]
        for place in range(len(octets))
        for bit in range(8)
    ]
    draw = draws(fresh_seed())
    while len(mutated) < MUTATIONS:
        octets = draw.choice(originals)
        place, byte = draw.randrange(len(octets)), bytes([draw.randrange(256)])
        head, tail = octets[:place], octets[place + 1 :]
        mutated.append(draw.choice([head + byte + tail, head + tail, head + byte + octets[place:]]))
    codes: Counter[str] = Counter()
    for octets in mutated:
        if octets not in originals:
            codes[_refused(desk, octets).code.word] += 1
    told(dict(codes))
    assert codes.total() > 0.99 * MUTATIONS
    _nothing_happened(desk)


def _wrong(terms: SignedTerms) -> dict[str, tuple[SignedTerms, str]]:
    """Terms that are wrong in one field, and the code that says so."""
    berlin, name = CentreId("berlin"), CentreId
    late = int(timedelta(hours=1).total_seconds() * 1000)
    return {
        "no audience": (replace(terms, audience=()), "unreadable"),
        "another centre": (replace(terms, audience=(OTHER,)), "not_addressed"),
        "a suffix of the centre": (replace(terms, audience=(name("lin"),)), "not_addressed"),
        "a prefix of the centre": (replace(terms, audience=(name("ber"),)), "not_addressed"),
        "an extension of the centre": (replace(terms, audience=(name("berlin2"),)), "not_addressed"),
        "the centre in capitals": (replace(terms, audience=(name("BERLIN"),)), "not_addressed"),
        "the centre twice": (replace(terms, audience=(berlin, berlin)), "unreadable"),
        "a centre that the study does not name": (
            replace(terms, audience=(berlin, name("paris"))),
            "outside_study",
        ),
        "another study": (replace(terms, study=StudyId("sleep")), "unknown_study"),
        "a prefix of the study": (replace(terms, study=StudyId("moo")), "unknown_study"),
        "an extension of the study": (replace(terms, study=StudyId("mood2")), "unknown_study"),
        "the study in capitals": (replace(terms, study=StudyId("Mood")), "unknown_study"),
        "another dictionary": (replace(terms, dictionary=OTHER_DIGEST), "other_dictionary"),
        "no expiry": (replace(terms, not_after_ms=0), "expired"),
        "expired": (replace(terms, not_after_ms=terms.not_after_ms - late - 1), "expired"),
        "valid for years": (replace(terms, not_after_ms=terms.not_after_ms + 10**11), "expired"),
        "beyond the calendar": (replace(terms, not_after_ms=2**63), "expired"),
        "an analyst in capitals": (replace(terms, analyst=AnalystId("ADA")), "unknown_analyst"),
        "a prefix of the analyst": (replace(terms, analyst=AnalystId("ad")), "unknown_analyst"),
        "another analyst": (replace(terms, analyst=BOB), "bad_signature"),
        "no analyst of the roster": (replace(terms, analyst=AnalystId("eve")), "unknown_analyst"),
    }


def test_a_wrong_field_under_a_right_signature_is_refused(desk: GateDesk) -> None:
    for what, (terms, code) in _wrong(desk.terms()).items():
        refusal = _refused(desk, seal(replace(terms, query_id=QueryId.new()), KEYS[ADA]))
        assert refusal.code.word == code, what
    _nothing_happened(desk)


FIELDS = {
    "query": 1,
    "query_id": 2,
    "study": 3,
    "analyst": 4,
    "audience": 5,
    "dictionary": 6,
    "not_after_ms": 7,
}
_LENGTHS = {1, 2, 3, 4, 5, 6}


def _split(octets: bytes) -> list[tuple[int, bytes]]:
    """Cut terms into their top fields: number and bytes with the tag."""
    fields, place = [], 0
    while place < len(octets):
        begin, tag = place, octets[place]
        place += 1
        number = size = 0
        shift = 0
        while True:
            byte = octets[place]
            size |= (byte & 0x7F) << shift
            place, shift = place + 1, shift + 7
            if not byte & 0x80:
                break
        number = tag >> 3
        place += size if number in _LENGTHS else 0
        fields.append((number, octets[begin:place]))
    return fields


def _sealed(octets: bytes) -> bytes:
    signature = KEYS[ADA].sign(Purpose.QUERY.value + octets)
    return encode_envelope(Envelope(terms=octets, signature=signature))


@pytest.mark.parametrize("field", FIELDS)
def test_a_field_that_is_absent_doubled_or_out_of_order_is_refused_though_it_is_signed(
    desk: GateDesk, field: str
) -> None:
    fields, number = _split(encode_terms(desk.terms())), FIELDS[field]
    own = next(octets for one, octets in fields if one == number)
    without = b"".join(octets for one, octets in fields if one != number)
    whole = b"".join(octets for _, octets in fields)
    assert isinstance(
        open_envelope(_sealed(whole), desk.roster.analysts), Opened
    )  # only then is the rest worth it
    for octets in (without, whole + own, own + without if number != 1 else without + own):
        _refused(desk, _sealed(octets))
    _nothing_happened(desk)
