"""What leaves a node: signed, then sealed to who asked, whatever is said. spec/sealing.md 4."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from node.answering import Answering
from node.errors import LedgerError
from node.ledger.audit import audit
from protocols import sealing
from protocols.answers import Received, context_of, open_answer, open_planned, received
from protocols.envelope import Purpose, seal
from protocols.errors import SealError
from protocols.ids import UNREAD, AnalystId, CentreId, QueryId
from protocols.queries import Kind, SignedTerms, Statistic
from protocols.refusals import Refusal, RefusalCode
from protocols.releases import Answer, Granted, Planned, Quote
from tests.members import sealing_of
from tests.node.gate_desk import (
    ADA,
    BOB,
    CENTRE,
    COUNT,
    EVE,
    FEW,
    KEYS,
    MEAN_AGE,
    OTHER,
    GateDesk,
    imported,
    suppressed,
)

CANARY = "canary-4711"
IDENTITY = KEYS[ADA]
"""The desk's roster has it for its centre."""


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[GateDesk]:
    desk = GateDesk(tmp_path / "node", imported(tmp_path, FEW))
    yield desk
    desk.engine.close()


@dataclass(frozen=True, slots=True)
class Said:
    """What left the node for one envelope, and how it opens."""

    body: bytes
    terms: SignedTerms
    purpose: Purpose = Purpose.QUERY

    def received(
        self,
        who: AnalystId | None = None,
        centre: CentreId = CENTRE,
        purpose: Purpose | None = None,
        query_id: QueryId | None = None,
    ) -> Received:
        asker = who or self.terms.analyst
        context = context_of(purpose or self.purpose, centre, asker, query_id or self.terms.query_id)
        return received(self.body, sealing_of(KEYS[asker]), context)

    def opened(self) -> Answer:
        """The answer of a sealed body."""
        came = self.received()
        assert came.was_sealed
        return open_answer(came.signed, IDENTITY.public_key())

    def quoted(self) -> Planned:
        """The answer of a sealed plan."""
        came = self.received()
        assert came.was_sealed
        return open_planned(came.signed, IDENTITY.public_key())


def answering(desk: GateDesk) -> Answering:
    return Answering(desk.gate.gate, CENTRE, IDENTITY)


def asked(desk: GateDesk, terms: SignedTerms | None = None) -> Said:
    terms = terms or desk.terms()
    return Said(answering(desk).answer(seal(terms, KEYS[terms.analyst])), terms)


def planned(desk: GateDesk, terms: SignedTerms | None = None) -> Said:
    terms = terms or desk.terms()
    return Said(answering(desk).plan(seal(terms, KEYS[terms.analyst], Purpose.PLAN)), terms, Purpose.PLAN)


def test_a_release_is_signed_and_sealed_to_who_asked(desk: GateDesk) -> None:
    said = asked(desk)
    answer = said.opened()
    assert (answer.centre, answer.query_id) == (CENTRE, said.terms.query_id)
    assert isinstance(answer.outcome, Granted)
    assert answer.outcome.release not in said.body
    assert said.received().signed.payload not in said.body


def test_a_quote_is_signed_and_sealed_to_who_asked(desk: GateDesk) -> None:
    said = planned(desk)
    quote = said.quoted()
    assert (quote.query_id, type(quote.outcome)) == (said.terms.query_id, Quote)
    assert said.received().signed.payload not in said.body


_NOT_FOR = {
    "another analyst": lambda said: said.received(BOB),
    "another centre's": lambda said: said.received(centre=OTHER),
    "the other purpose": lambda said: said.received(
        purpose=Purpose.PLAN if said.purpose is Purpose.QUERY else Purpose.QUERY
    ),
    "another query": lambda said: said.received(query_id=QueryId.new()),
}


@pytest.mark.parametrize("make", [asked, planned])
@pytest.mark.parametrize("name", _NOT_FOR)
def test_it_opens_for_nothing_and_nobody_else(
    desk: GateDesk, name: str, make: Callable[[GateDesk], Said]
) -> None:
    said = make(desk)
    assert said.received().was_sealed
    with pytest.raises(SealError):
        _NOT_FOR[name](said)


def test_a_repeat_for_another_analyst_is_sealed_to_that_one(desk: GateDesk) -> None:
    """The stored release is one; what is relayed of it is each asker's own."""
    first, again = asked(desk), asked(desk, desk.terms(analyst=BOB))
    granted, repeat = first.opened().outcome, again.opened().outcome
    assert isinstance(granted, Granted)
    assert isinstance(repeat, Granted)
    assert repeat.receipt.is_repeat
    assert granted.release == repeat.release
    with pytest.raises(SealError):
        again.received(ADA)
    with pytest.raises(SealError):
        first.received(BOB)


def test_the_key_is_that_of_the_roster_under_which_the_envelope_was_opened(desk: GateDesk) -> None:
    entry = desk.roster.analysts[ADA]
    new = replace(entry, keys=replace(entry.keys, sealing=sealing_of(KEYS[BOB]).public))
    desk.roster = replace(desk.roster, analysts={**desk.roster.analysts, ADA: new})
    said = asked(desk)
    with pytest.raises(SealError):
        said.opened()
    context = context_of(Purpose.QUERY, CENTRE, ADA, said.terms.query_id)
    assert received(said.body, sealing_of(KEYS[BOB]), context).was_sealed


# Refusals.


def _pause(desk: GateDesk) -> SignedTerms:
    desk.pause.begin("a test", desk.now)
    return desk.terms()


_KNOWN: dict[str, tuple[RefusalCode, Callable[[GateDesk], SignedTerms]]] = {
    "paused": (RefusalCode.PAUSED, _pause),
    "not addressed": (RefusalCode.NOT_ADDRESSED, lambda d: replace(d.terms(), audience=(OTHER,))),
    "expired": (RefusalCode.EXPIRED, lambda d: replace(d.terms(), not_after_ms=1)),
    "no patient is looked at": (
        RefusalCode.INVALID_QUERY,
        lambda d: d.terms(replace(COUNT, statistic=Statistic(kind=Kind.COUNT, table="nowhere", by=()))),
    ),
}


@pytest.mark.parametrize("make", [asked, planned])
@pytest.mark.parametrize("name", _KNOWN)
def test_a_refusal_of_an_opened_envelope_is_sealed(
    desk: GateDesk, name: str, make: Callable[[GateDesk, SignedTerms], Said]
) -> None:
    code, terms_of = _KNOWN[name]
    said = make(desk, terms_of(desk))
    answer = said.opened() if make is asked else said.quoted()
    assert isinstance(answer.outcome, Refusal)
    assert (answer.outcome.code, answer.query_id) == (code, said.terms.query_id)
    assert desk.engine.reads == 0


_UNKNOWN: dict[RefusalCode, Callable[[GateDesk, Purpose], bytes]] = {
    RefusalCode.UNREADABLE: lambda d, purpose: b"x",
    RefusalCode.UNKNOWN_ANALYST: lambda d, purpose: seal(replace(d.terms(), analyst=EVE), KEYS[EVE], purpose),
    RefusalCode.BAD_SIGNATURE: lambda d, purpose: seal(d.terms(), KEYS[BOB], purpose),
}


@pytest.mark.parametrize("purpose", Purpose)
@pytest.mark.parametrize("code", _UNKNOWN)
def test_what_cannot_be_opened_is_refused_in_the_open_and_named_to_nobody(
    desk: GateDesk, code: RefusalCode, purpose: Purpose
) -> None:
    envelope = _UNKNOWN[code](desk, purpose)
    body = answering(desk).answer(envelope) if purpose is Purpose.QUERY else answering(desk).plan(envelope)
    came = Said(body, desk.terms(), purpose).received()
    assert not came.was_sealed
    said: Answer | Planned
    if purpose is Purpose.QUERY:
        said = open_answer(came.signed, IDENTITY.public_key())
    else:
        said = open_planned(came.signed, IDENTITY.public_key())
    assert (said.query_id, said.outcome) == (UNREAD, Refusal(code=code))
    assert (desk.engine.reads, desk.spent) == (0, {})


def test_what_is_signed_for_one_purpose_is_never_taken_for_the_other(desk: GateDesk) -> None:
    """The gate itself refuses it too: an opened plan that went astray is not charged."""
    gate, terms = desk.gate.gate, desk.terms()
    for purpose, wrong in ((Purpose.PLAN, gate.answer), (Purpose.QUERY, gate.plan)):
        opened = gate.opened(seal(terms, KEYS[ADA], purpose), purpose)
        assert not isinstance(opened, Refusal)
        with pytest.raises(RuntimeError, match="only what was signed"):
            wrong(opened)
    assert (desk.engine.reads, desk.spent) == (0, {})


# What nobody foresaw.


def _raising(error: Exception) -> Callable[..., object]:
    def act(*_: object) -> object:
        raise error

    return act


def test_an_unforeseen_error_is_sealed_under_the_question(
    desk: GateDesk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(desk.snapshots, "current", _raising(ZeroDivisionError(CANARY)))
    answer, plan = asked(desk), planned(desk)
    assert answer.opened() == Answer(
        centre=CENTRE, query_id=answer.terms.query_id, outcome=Refusal(code=RefusalCode.FAILED)
    )
    assert plan.quoted() == Planned(
        centre=CENTRE, query_id=plan.terms.query_id, outcome=Refusal(code=RefusalCode.UNAVAILABLE)
    )
    assert "event=answer_failed type=ZeroDivisionError" in caplog.text
    assert "event=plan_failed type=ZeroDivisionError" in caplog.text
    assert CANARY not in caplog.text


@pytest.mark.parametrize("make", [asked, planned])
def test_an_unforeseen_error_of_the_opening_is_unreadable_and_stops_nothing(
    desk: GateDesk,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    make: Callable[[GateDesk], Said],
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr("node.gate.open_envelope", _raising(ZeroDivisionError(CANARY)))
        came = make(desk).received()
    assert not came.was_sealed
    open_ = open_answer if make is asked else open_planned
    outcome = open_(came.signed, IDENTITY.public_key()).outcome
    assert outcome == Refusal(code=RefusalCode.UNREADABLE)
    assert "event=opening_failed type=ZeroDivisionError" in caplog.text
    assert CANARY not in caplog.text
    assert isinstance(asked(desk).opened().outcome, Granted)


@pytest.mark.parametrize("step", ["opened", "answer", "plan"])
def test_a_broken_ledger_goes_up(desk: GateDesk, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    monkeypatch.setattr(f"node.gate.Gate.{step}", _raising(LedgerError("disk")))
    with pytest.raises(LedgerError):
        (planned if step == "plan" else asked)(desk)


# What others see.


def _lengths(desk: GateDesk) -> set[int]:
    """Lengths of a release, a table's too, of refusals before and after the charge, and of a quote."""
    people = suppressed(Statistic(kind=Kind.COUNT, table="people"))
    said = [asked(desk), asked(desk, desk.terms(MEAN_AGE)), asked(desk, desk.terms(people)), planned(desk)]
    assert all(isinstance(one.opened().outcome, Granted) for one in said[:3])
    said.append(asked(desk, replace(desk.terms(), audience=(OTHER,))))
    desk.engine.on_read = _raising(ZeroDivisionError(CANARY))  # type: ignore[assignment]
    desk.now += timedelta(minutes=1)
    fresh = replace(MEAN_AGE, release=replace(MEAN_AGE.release, loss=COUNT.release.loss))
    said.append(asked(desk, desk.terms(replace(fresh, statistic=replace(fresh.statistic, kind=Kind.SUM)))))
    assert isinstance(said[-1].opened().outcome, Refusal)
    return {len(one.body) for one in said}


def test_a_release_looks_like_a_refusal(desk: GateDesk) -> None:
    assert len(_lengths(desk)) == 1


def test_without_the_floor_it_would_not(desk: GateDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control."""
    monkeypatch.setattr(sealing, "SMALLEST_BYTES", 64)
    assert len(_lengths(desk)) > 2


def test_the_log_says_what_it_always_said(desk: GateDesk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    said, refused = asked(desk), asked(desk, replace(desk.terms(), audience=(OTHER,)))
    unread = answering(desk).answer(b"x")
    assert unread
    lines = [one.getMessage() for one in caplog.records if one.name == "skerry.node"]
    assert lines == [
        f"event=released query={said.terms.query_id} charged_rho=0.5",
        f"event=refused query={refused.terms.query_id} code=not_addressed",
        f"event=refused query={UNREAD} code=unreadable",
    ]
    assert audit(desk.ledger_path).is_clean
