"""What a plan says: every centre's cost or refusal, what is left, who is away, and the quorum."""

import io
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from coordinator.analyst.plan import PlanReport, plan_of
from coordinator.analyst.plan_tables import show_plan
from coordinator.analyst.quotes import verified_quote
from coordinator.analyst.unsealing import unsealed_quote
from coordinator.errors import UnverifiableError
from privacy.loss import ZERO, Loss
from protocols.answers import Received, context_of, sign_answer, sign_planned
from protocols.codec.answers import encode_relayed, encode_signed_answer
from protocols.envelope import Purpose, open_envelope
from protocols.errors import SignatureError
from protocols.ids import UNREAD, CentreId, QueryId
from protocols.link import Ask, CentreState, Progress
from protocols.refusals import Refusal, RefusalCode
from protocols.releases import Answer, Planned, Quote, RelayedAnswer
from protocols.sealing import seal_to
from tests.coordinator.plan_desk import (
    ADA,
    CENTRES,
    KEYS,
    PROFILE,
    ROSTER,
    PaperDesk,
    planned,
    quote,
    refuses,
    repeat,
    request,
    says,
    terms,
)
from tests.coordinator.results import heart
from tests.members import keys_of, sealing_of

COUNT = request({"kind": "count", "by": "sex"}, rho="0.05")
FINER = request({"kind": "count", "by": ["sex", "cp"]}, rho="1").query
NAMES = [str(centre) for centre in CENTRES]


def shown(report: PlanReport) -> str:
    console = Console(file=io.StringIO(), width=200)
    show_plan(report, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_plan_says_cost_and_what_is_left() -> None:
    tree = planned(COUNT).to_json()
    assert tree["format"] == "skerry.plan/1"
    assert list(tree["centres"]) == NAMES
    assert tree["centres"]["cleveland"] == {
        "would": "answer",
        "cost_rho": "0.05",
        "cost_questions": 0,
        "is_repeat": False,
        "finer": None,
        "registry_left_rho": "2.95",
        "study_left_rho": "0.95",
        "analyst_left_rho": None,
        "questions_left": None,
        "snapshot_at": "2026-05-01T12:00:00.000+00:00",
    }
    assert (tree["would_answer"], tree["quorum"], tree["is_quorum_reached"]) == (4, 4, True)
    (row,) = tree["expected"]["rows"]
    assert row == {"n": None, "half_width": 12, "without_noise": 0}


def test_what_was_paid_for_costs_nothing_and_a_finer_answer_is_named() -> None:
    report = planned(COUNT, hungary=says(repeat()), long_beach=says(repeat(finer=FINER)))
    centres = report.to_json()["centres"]
    assert (centres["hungary"]["cost_rho"], centres["hungary"]["is_repeat"]) == ("0", True)
    assert centres["long-beach"]["finer"]["by"] == ["sex", "cp"]
    assert "repeat its answer" in shown(report)
    assert "add up a finer answer" in shown(report)


def test_a_refusal_says_why_and_what_to_do() -> None:
    report = planned(
        COUNT,
        hungary=refuses(RefusalCode.STUDY_BUDGET),
        long_beach=refuses(RefusalCode.OUTSIDE_POLICY, "why"),
    )
    centres = report.to_json()["centres"]
    assert centres["hungary"] == {
        "would": "refuse",
        "code": "study_budget",
        "message": RefusalCode.STUDY_BUDGET.sentence,
        "next_step": RefusalCode.STUDY_BUDGET.next_step,
    }
    assert centres["long-beach"]["message"] == "why"
    text = shown(report)
    for part in ("refuse: study_budget", RefusalCode.STUDY_BUDGET.next_step, "long-beach: why"):
        assert part in text


def test_one_reason_of_many_centres_is_said_once() -> None:
    paused = refuses(RefusalCode.PAUSED)
    text = shown(planned(COUNT, hungary=paused, cleveland=paused))
    assert text.count(RefusalCode.PAUSED.sentence) == 1
    assert "cleveland, hungary: " in text


AWAY, NO = CentreState.OFFLINE, refuses(RefusalCode.PAUSED)
OUTCOMES: dict[str, tuple[int | None, dict[str, Any], bool, bool]] = {
    "all answer": (None, {}, True, False),
    "one refuses and all are needed": (None, {"hungary": NO}, False, True),
    "one refuses and three are enough": (3, {"hungary": NO}, True, False),
    "one is away and all are needed": (None, {"hungary": AWAY}, False, False),
    "one is silent and all are needed": (None, {"hungary": CentreState.ASKED}, False, False),
    "one refuses, one is away, all are needed": (None, {"hungary": NO, "cleveland": AWAY}, False, False),
    "one refuses, one is away, three are needed": (3, {"hungary": NO, "cleveland": AWAY}, False, True),
    "all refuse": (1, dict.fromkeys(("cleveland", "hungary", "long_beach", "switzerland"), NO), False, True),
}


@pytest.mark.parametrize("name", OUTCOMES)
def test_the_quorum_and_what_keeps_it_from_being_reached(name: str) -> None:
    quorum, said, is_reached, is_refused = OUTCOMES[name]
    report = planned(replace(COUNT, quorum=quorum), **said)
    assert (report.is_quorum_reached, report.is_refused) == (is_reached, is_refused)
    assert ("is reached" in shown(report)) == is_reached


def test_centres_that_are_away_are_told_apart() -> None:
    report = planned(COUNT, hungary=CentreState.OFFLINE, cleveland=CentreState.ASKED)
    assert (report.offline, report.late) == ((CentreId("hungary"),), (CentreId("cleveland"),))
    centres = report.to_json()["centres"]
    assert (centres["hungary"], centres["cleveland"]) == ({"would": "offline"}, {"would": "late"})


def test_mode_suppressed_costs_a_question_and_no_rho() -> None:
    asked = request({"kind": "count", "by": "sex"}, mode="suppressed")
    report = planned(
        asked, hungary=says(quote("0", questions_left=9)), cleveland=says(repeat(questions_left=4))
    )
    centres = report.to_json()["centres"]
    assert (centres["hungary"]["cost_rho"], centres["hungary"]["cost_questions"]) == ("0", 1)
    assert (centres["cleveland"]["cost_questions"], centres["cleveland"]["questions_left"]) == (0, 4)
    assert report.to_json()["expected"]["rows"] == []
    assert any("costs one question" in one for one in report.expected.assumptions)
    assert "no rho, and one question" in shown(report)


def test_the_plan_of_a_wanted_width_states_it_and_the_loss_that_reaches_it() -> None:
    asked = request({"kind": "count"}, half_width=5, confidence=0.9)
    tree = planned(asked).to_json()
    assert (tree["release"]["half_width"], tree["release"]["confidence"]) == ("5", 0.9)
    assert tree["centres"]["hungary"]["cost_rho"] == tree["release"]["rho"] == str(asked.query.release.loss)
    assert tree["expected"]["rows"][0]["half_width"] == 5


def test_a_plan_is_signed_for_its_own_purpose() -> None:
    desk = PaperDesk()
    plan_of(COUNT, terms(COUNT), PROFILE, desk)
    (ask,) = desk.asked
    assert open_envelope(ask.envelope, ROSTER.analysts, Purpose.PLAN).terms.query == COUNT.query
    with pytest.raises(SignatureError):
        open_envelope(ask.envelope, ROSTER.analysts, Purpose.QUERY)


# What the coordinator may swap, and what a centre may get wrong.

TERMS = terms(COUNT)
HUNGARY = CentreId("hungary")


def verdict(planned: Planned, key: object = HUNGARY) -> Quote | Refusal:
    signed = sign_planned(planned, KEYS[key])  # type: ignore[index]
    return verified_quote(Received(signed=signed, was_sealed=True), HUNGARY, TERMS, ROSTER, heart())


def sealed_up(octets: bytes) -> Quote | Refusal:
    """Octets in place of a signed quote: anybody can seal, whoever relays too."""
    context = context_of(Purpose.PLAN, HUNGARY, ADA, TERMS.query_id)
    sealed = seal_to(octets, keys_of(KEYS[ADA]).sealing, context)
    body = encode_relayed(RelayedAnswer(octets=sealed, is_sealed=True))
    came = unsealed_quote(body, HUNGARY, TERMS, sealing_of(KEYS[ADA]))
    return verified_quote(came, HUNGARY, TERMS, ROSTER, heart())


def said(outcome: Quote | Refusal, **changes: object) -> Planned:
    return replace(Planned(centre=HUNGARY, query_id=TERMS.query_id, outcome=outcome), **changes)  # type: ignore[arg-type]


def test_what_fits_is_taken() -> None:
    refusal = Refusal(code=RefusalCode.PAUSED)
    for outcome in (quote(), repeat(), repeat(finer=FINER), refusal):
        assert verdict(said(outcome)) == outcome


_COARSER = request({"kind": "count"}, rho="1").query
_DEARER = request({"kind": "count", "by": ["sex", "cp"]}, rho="0.06").query
_UNSORTED = replace(FINER, statistic=replace(FINER.statistic, table="nowhere"))
WRONG = {
    "another plan's": said(quote(), query_id=QueryId.new()),
    "a refusal of another plan": said(Refusal(code=RefusalCode.PAUSED), query_id=QueryId.new()),
    "a sealed refusal without a name": said(Refusal(code=RefusalCode.PAUSED), query_id=UNREAD),
    "a quote without a name": said(quote(), query_id=UNREAD),
    "another centre's": said(quote(), centre=CentreId("cleveland")),
    "cheaper than asked": said(quote("0.04")),
    "dearer than asked": said(quote("0.06")),
    "new and free": said(quote("0")),
    "a repeat that costs": said(quote(is_repeat=True)),
    "a number of questions in mode dp": said(quote(questions_left=3)),
    "a finer one that costs": said(quote(finer=FINER)),
    "a coarser one": said(repeat(finer=_COARSER)),
    "a finer one with too much noise": said(repeat(finer=_DEARER)),
    "a finer one over no table": said(repeat(finer=_UNSORTED)),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_fit_is_unverifiable(name: str) -> None:
    with pytest.raises(UnverifiableError):
        verdict(WRONG[name])


def test_another_key_other_bytes_and_an_answer_are_unverifiable() -> None:
    with pytest.raises(UnverifiableError, match="signature"):
        verdict(said(quote()), ADA)
    whole = encode_signed_answer(sign_planned(said(quote()), KEYS[HUNGARY]))
    refusal = Answer(
        centre=HUNGARY, query_id=TERMS.query_id, outcome=Refusal(code=RefusalCode.REGISTRY_BUDGET)
    )
    answer = encode_signed_answer(sign_answer(refusal, KEYS[HUNGARY]))
    assert sealed_up(whole) == quote()
    for octets in (b"", b"x", whole[:-1], whole + b"\x00", answer):
        with pytest.raises(UnverifiableError):
            sealed_up(octets)


def test_what_is_unverifiable_counts_as_a_refusal_and_says_what_to_do() -> None:
    report = planned(COUNT, hungary=says(quote("0.04")))
    one = report.to_json()["centres"]["hungary"]
    assert (one["would"], one["code"]) == ("refuse", "unverifiable")
    assert one["next_step"]
    assert report.is_refused


def test_a_centre_that_was_not_asked_is_not_counted() -> None:
    class Meddling(PaperDesk):
        def plan(self, ask: Ask) -> Iterator[Progress]:
            for step in super().plan(ask):
                yield replace(step, centre=CentreId("oslo")) if step.centre == HUNGARY else step

    report = plan_of(COUNT, TERMS, PROFILE, Meddling())
    assert report.late == (HUNGARY,)
    assert [str(one) for one in report.quotes] == [name for name in NAMES if name != "hungary"]


def test_budgets_left_are_what_the_centre_says() -> None:
    left = quote(registry_left=ZERO, study_left=None, analyst_left=Loss(1))
    tree = planned(COUNT, hungary=says(left)).to_json()["centres"]["hungary"]
    assert (tree["registry_left_rho"], tree["study_left_rho"], tree["analyst_left_rho"]) == (
        "0",
        None,
        "0.000000001",
    )
