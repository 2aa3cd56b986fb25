"""What an analyst counts as an answer: every claim of spec/releases.md 5, broken one at a time.

The coordinator may swap, replay and alter, without a centre's key; the cases that need the key are a
centre's own mistakes (another version, a ledger that does not fit), which must not pass as answers.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coordinator.analyst.unsealing import unsealed_answer
from coordinator.analyst.verify import Verified, verified
from coordinator.errors import UnverifiableError
from privacy.events import GaussianEvent
from privacy.loss import ZERO, Loss
from protocols.answers import Received, context_of, sign_answer
from protocols.codec.answers import decode_release, encode_relayed, encode_release, encode_signed_answer
from protocols.envelope import Purpose, seal
from protocols.ids import UNREAD, CentreId, Digest, QueryId, SnapshotId
from protocols.queries import Between, Kind, SignedTerms, Statistic
from protocols.refusals import Refusal, RefusalCode
from protocols.releases import Answer, Granted, Receipt, RelayedAnswer, Release, SignedAnswer
from protocols.sealing import seal_to
from protocols.transparency import leaf_hash
from tests.members import keys_of, sealing_of
from tests.node.gate_desk import (
    ADA,
    BOB,
    CENTRE,
    COUNT,
    DICTIONARY,
    FEW,
    KEYS,
    MEAN_AGE,
    OTHER,
    OTHER_DIGEST,
    GateDesk,
    imported,
    suppressed,
    with_rho,
)
from tests.node.questions import AGE


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GateDesk]:
    root: Path = tmp_path_factory.mktemp("centre")
    desk = GateDesk(root, imported(root, FEW))
    yield desk
    desk.engine.close()


_AGES = count(20)
"""Another cohort is another answer, which is charged anew; less loss alone would be served from this one."""


class Asked:
    """One question and the true answer to it."""

    def __init__(self, desk: GateDesk, *, is_repeat: bool = False) -> None:
        desk.ask(MEAN_AGE)
        cohort = Between(field=AGE, low=Decimal(0), high=Decimal(next(_AGES)))
        query = MEAN_AGE if is_repeat else replace(with_rho(MEAN_AGE, "0.01"), cohort=cohort)
        self.desk = desk
        self.terms = desk.terms(query)
        self.answer = desk.gate.answer(seal(self.terms, KEYS[ADA]))
        assert isinstance(self.answer.outcome, Granted), self.answer.outcome
        self.granted = self.answer.outcome

    def outcome(self, answer: Answer, terms: SignedTerms | None = None) -> Verified | Refusal:
        return self.opened(sign_answer(answer, KEYS[ADA]), terms)

    def opened(self, signed: SignedAnswer, terms: SignedTerms | None = None) -> Verified | Refusal:
        came = Received(signed=signed, was_sealed=True)
        return verified(came, CENTRE, terms or self.terms, self.desk.roster, DICTIONARY)

    def sealed_up(self, octets: bytes) -> Verified | Refusal:
        """Octets in place of a signed answer: anybody can seal, whoever relays too."""
        context = context_of(Purpose.QUERY, CENTRE, ADA, self.terms.query_id)
        sealed = seal_to(octets, keys_of(KEYS[ADA]).sealing, context)
        body = encode_relayed(RelayedAnswer(octets=sealed, is_sealed=True))
        came = unsealed_answer(body, CENTRE, self.terms, sealing_of(KEYS[ADA]))
        return verified(came, CENTRE, self.terms, self.desk.roster, DICTIONARY)

    def with_receipt(self, **changes: Any) -> Answer:  # noqa: ANN401 -- fields of a receipt
        receipt = replace(self.granted.receipt, **changes)
        return replace(self.answer, outcome=replace(self.granted, receipt=receipt))

    def with_leaf(self, leaf: bytes) -> Answer:
        """A receipt whose proof is right, over another leaf: the only one of its tree."""
        root = Digest(leaf_hash(leaf))
        return self.with_receipt(event=leaf, index=0, tree_size=1, tree_root=root, proof=())

    def with_event(self, **changes: object) -> Answer:
        return self.with_leaf(json.dumps(json.loads(self.granted.receipt.event) | changes).encode())

    def with_release(self, change: Callable[[Release], Release]) -> Answer:
        release = encode_release(change(decode_release(self.granted.release)))
        return replace(self.answer, outcome=replace(self.granted, release=release))


@pytest.mark.parametrize("is_repeat", [False, True])
def test_a_true_answer_is_verified(desk: GateDesk, is_repeat: bool) -> None:
    asked = Asked(desk, is_repeat=is_repeat)
    outcome = asked.outcome(asked.answer)
    assert isinstance(outcome, Verified)
    assert outcome.receipt.is_repeat is is_repeat
    assert isinstance(asked.outcome(asked.with_event()), Verified), "the stand-in for a tree is none"


def test_no_flipped_bit_passes(desk: GateDesk) -> None:
    asked = Asked(desk)
    octets = encode_signed_answer(sign_answer(asked.answer, KEYS[ADA]))
    for place in range(0, len(octets), 3):
        altered = octets[:place] + bytes([octets[place] ^ 1 << place % 8]) + octets[place + 1 :]
        with pytest.raises(UnverifiableError):
            asked.sealed_up(altered)


def test_another_key_signs_for_nobody(desk: GateDesk) -> None:
    asked = Asked(desk)
    with pytest.raises(UnverifiableError, match="signature"):
        asked.opened(sign_answer(asked.answer, KEYS[BOB]))


def test_the_answer_to_another_question_or_id_is_not_this_ones(desk: GateDesk) -> None:
    asked = Asked(desk)
    for terms in (desk.terms(asked.terms.query), replace(asked.terms, query=COUNT)):
        with pytest.raises(UnverifiableError, match="another"):
            asked.outcome(asked.answer, terms)


def test_a_refusal_of_another_query_is_not_this_ones(desk: GateDesk) -> None:
    asked = Asked(desk)
    refusal = Refusal(code=RefusalCode.EXPIRED)
    answer = Answer(centre=CENTRE, query_id=asked.terms.query_id, outcome=refusal)
    assert asked.outcome(answer) == refusal
    # Whoever can seal to the analyst has read the query, and can name it.
    for query_id in (QueryId.new(), UNREAD):
        with pytest.raises(UnverifiableError, match="another query"):
            asked.outcome(replace(answer, query_id=query_id))


_NESTED = b"[" * 100_000
_WRONG: dict[str, Callable[[Asked], Answer]] = {
    "another centre's answer": lambda a: replace(a.answer, centre=OTHER),
    "another centre's release": lambda a: a.with_release(lambda r: replace(r, centre=CentreId("oslo"))),
    "another question": lambda a: a.with_release(lambda r: replace(r, question=OTHER_DIGEST)),
    "another dictionary": lambda a: a.with_release(lambda r: replace(r, dictionary=OTHER_DIGEST)),
    "another snapshot": lambda a: a.with_release(lambda r: replace(r, snapshot=SnapshotId.new())),
    "another version": lambda a: a.with_release(lambda r: replace(r, template_version=2)),
    "another cap": lambda a: a.with_release(lambda r: replace(r, cap=7)),
    "a smaller loss": lambda a: a.with_release(lambda r: replace(r, loss=Loss(1))),
    "a block less": lambda a: a.with_release(lambda r: replace(r, blocks=r.blocks[:-1])),
    "a cell less": lambda a: a.with_release(
        lambda r: replace(r, blocks=(replace(r.blocks[0], values=r.blocks[0].values[:-1]), *r.blocks[1:]))
    ),
    "less noise": lambda a: a.with_release(lambda r: _with_noise(r, r.blocks[0].event.l2_squared, 0.5)),
    "more noise": lambda a: a.with_release(lambda r: _with_noise(r, r.blocks[0].event.l2_squared, 1e9)),
    "another bound": lambda a: a.with_release(lambda r: _with_noise(r, 49, r.blocks[0].event.sigma * 7)),
    "no release": lambda a: replace(a.answer, outcome=replace(a.granted, release=b"x")),
    "a repeat that is none": lambda a: a.with_receipt(is_repeat=True, charged=ZERO),
    "free of charge": lambda a: a.with_receipt(charged=ZERO),
    "charged too much": lambda a: a.with_receipt(charged=Loss(a.granted.receipt.charged.nano_rho + 1)),
    "another root": lambda a: a.with_receipt(tree_root=OTHER_DIGEST),
    "another index": lambda a: a.with_receipt(index=a.granted.receipt.index + 1),
    "an index outside": lambda a: a.with_receipt(index=a.granted.receipt.tree_size),
    "another leaf": lambda a: a.with_receipt(event=a.granted.receipt.event + b" "),
    "a leaf of another kind": lambda a: a.with_event(kind="refused"),
    "a leaf of another loss": lambda a: a.with_event(nano_rho="1"),
    "a leaf of another snapshot": lambda a: a.with_event(snapshot=str(SnapshotId.new())),
    "a leaf that paid for another answer": lambda a: a.with_event(key=str(OTHER_DIGEST)),
    "a leaf of other noise": lambda a: a.with_event(noise=[]),
    "a leaf of other content": lambda a: a.with_event(content=str(OTHER_DIGEST)),
    "a leaf of another query": lambda a: a.with_event(query=str(QueryId.new())),
    "a leaf that is a list": lambda a: a.with_leaf(b"[]"),
    "a leaf that is no JSON": lambda a: a.with_leaf(b"{"),
    "a leaf that is nested without end": lambda a: a.with_leaf(_NESTED),
}


def _with_noise(release: Release, l2_squared: int, sigma: float) -> Release:
    first, *others = release.blocks
    return replace(
        release,
        blocks=(replace(first, event=GaussianEvent(l2_squared=l2_squared, sigma=sigma)), *others),
    )


@pytest.mark.parametrize("name", _WRONG)
def test_what_does_not_fit_is_unverifiable(desk: GateDesk, name: str) -> None:
    asked = Asked(desk)
    with pytest.raises(UnverifiableError):
        asked.outcome(_WRONG[name](asked))


def test_a_repeat_that_says_it_was_paid_is_unverifiable(desk: GateDesk) -> None:
    asked = Asked(desk, is_repeat=True)
    receipt: Receipt = asked.granted.receipt
    for changes in ({"is_repeat": False}, {"charged": asked.terms.query.release.loss}):
        assert receipt.is_repeat
        with pytest.raises(UnverifiableError, match="who paid"):
            asked.outcome(asked.with_receipt(**changes))


def test_bytes_that_are_no_answer_are_unverifiable(desk: GateDesk) -> None:
    asked = Asked(desk)
    whole = encode_signed_answer(sign_answer(asked.answer, KEYS[ADA]))
    assert isinstance(asked.sealed_up(whole), Verified)
    for octets in (b"", b"x", whole + b"\x00", whole[:-1]):
        with pytest.raises(UnverifiableError):
            asked.sealed_up(octets)


PEOPLE = suppressed(Statistic(kind=Kind.COUNT, table="people"))


def _shown(desk: GateDesk, change: Callable[[Release], Release]) -> Verified | Refusal:
    """A true table of mode `suppressed`, changed and signed by its centre."""
    terms = desk.terms(PEOPLE)
    answer = desk.gate.answer(seal(terms, KEYS[ADA]))
    assert isinstance(answer.outcome, Granted), answer.outcome
    release = encode_release(change(decode_release(answer.outcome.release)))
    answer = replace(answer, outcome=replace(answer.outcome, release=release))
    came = Received(signed=sign_answer(answer, KEYS[ADA]), was_sealed=True)
    return verified(came, CENTRE, terms, desk.roster, DICTIONARY)


def _with_cells(*cells: int) -> Callable[[Release], Release]:
    def change(release: Release) -> Release:
        assert release.table is not None
        return replace(release, table=replace(release.table, cells=np.array(cells, dtype=np.int64)))

    return change


def test_a_true_table_is_verified(desk: GateDesk) -> None:
    outcome = _shown(desk, lambda release: release)
    assert isinstance(outcome, Verified)
    assert outcome.release.table is not None
    assert outcome.finer is None
    # One patient is few: neither the count nor its total is shown.
    assert outcome.release.table.cells.tolist() == [-1, -1]


@pytest.mark.parametrize(
    "change",
    [
        _with_cells(),
        _with_cells(20),
        _with_cells(20, 21),
        _with_cells(20, 20, 20),
        _with_cells(-2, -2),
        _with_cells(3, 3),
        _with_cells(2**62, 2**62),
        _with_cells(2**63 - 1, -1),
        lambda release: replace(release, table=None),
        lambda release: replace(release, loss=Loss(1)),
        lambda release: replace(release, cap=2),
    ],
)
def test_a_table_that_is_none_is_unverifiable_and_nothing_worse(
    desk: GateDesk, change: Callable[[Release], Release]
) -> None:
    with pytest.raises(UnverifiableError):
        _shown(desk, change)
