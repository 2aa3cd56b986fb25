"""Every refusal before the charge: its code, no read, no loss, and the same whatever the data are."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from node.errors import EngineError, SnapshotError
from node.ledger.charge import Charge
from node.plan import Plan
from node.snapshots import Snapshot, Snapshots
from privacy.disclosure import RULES
from privacy.loss import Loss
from protocols.codec.queries import Envelope, decode_envelope, encode_envelope
from protocols.envelope import seal
from protocols.ids import UNREAD, StudyId
from protocols.queries import All, Kind, Missing, Query, Statistic
from protocols.refusals import Refusal
from protocols.refusals import RefusalCode as Code
from tests.node.gate_desk import (
    ADA,
    BOB,
    CENTRE,
    COUNT,
    EVE,
    FEW,
    KEYS,
    MANY,
    MEAN_AGE,
    OTHER,
    OTHER_DIGEST,
    GateDesk,
    imported,
    suppressed,
    with_rho,
)
from tests.node.questions import AGE, ARM, DOSE, SEX, SITE, numbers
from tests.node.worlds import question


@dataclass(frozen=True)
class Case:
    """What makes the desk refuse; `prepare` gives the envelope that must be refused."""

    code: Code
    prepare: Callable[[GateDesk], bytes]
    detail: str = ""


def _terms(**changes: object) -> Callable[[GateDesk], bytes]:
    return lambda desk: seal(replace(desk.terms(), **changes), KEYS[ADA])  # type: ignore[arg-type]


def _asked(query: Query) -> Callable[[GateDesk], bytes]:
    return lambda desk: desk.envelope(query)


def _expiry(away: timedelta) -> Callable[[GateDesk], bytes]:
    return lambda desk: _terms(not_after_ms=int((desk.now + away).timestamp() * 1000))(desk)


def _study(**changes: object) -> Callable[[GateDesk], bytes]:
    def prepare(desk: GateDesk) -> bytes:
        desk.study = replace(desk.study, **changes)  # type: ignore[arg-type]
        return desk.envelope()

    return prepare


def _policy(query: Query = COUNT, **changes: object) -> Callable[[GateDesk], bytes]:
    def prepare(desk: GateDesk) -> bytes:
        desk.policy = replace(desk.policy, **changes)  # type: ignore[arg-type]
        return desk.envelope(query)

    return prepare


def _flipped(desk: GateDesk) -> bytes:
    envelope = decode_envelope(desk.envelope())
    signature = bytes([envelope.signature[0] ^ 1]) + envelope.signature[1:]
    return encode_envelope(Envelope(terms=envelope.terms, signature=signature))


def _by_another_key(desk: GateDesk) -> bytes:
    return seal(desk.terms(), KEYS[BOB])


def _roster_expired(desk: GateDesk) -> bytes:
    desk.now = desk.roster.expires
    return desk.envelope()


def _study_expired(desk: GateDesk) -> bytes:
    desk.now = desk.study.expires
    return desk.envelope()


def _reused(desk: GateDesk) -> bytes:
    first = desk.terms()
    desk.gate.answer(seal(first, KEYS[ADA]))
    return seal(replace(desk.terms(MEAN_AGE), query_id=first.query_id), KEYS[ADA])


def _reused_with_other_expiry(desk: GateDesk) -> bytes:
    first = desk.terms()
    desk.gate.answer(seal(first, KEYS[ADA]))
    return seal(replace(first, not_after_ms=first.not_after_ms + 1), KEYS[ADA])


def _failing(plan: Plan, snapshot: Snapshot, charge: Charge) -> None:
    raise EngineError("broken")


def _rounds(desk: GateDesk) -> bytes:
    desk.engine.on_read = _failing
    for _ in range(desk.policy.charged_rounds_per_question):
        desk.ask()
    return desk.envelope()


def _spent_before(rho: str, **caps: Loss) -> Callable[[GateDesk], bytes]:
    def prepare(desk: GateDesk) -> bytes:
        desk.policy = replace(desk.policy, **caps)  # type: ignore[arg-type]
        desk.granted(with_rho(COUNT, rho))
        return desk.envelope(with_rho(COUNT, "0.500000001"))

    return prepare


def _study_spent(**caps: Loss) -> Callable[[GateDesk], bytes]:
    def prepare(desk: GateDesk) -> bytes:
        desk.study = replace(desk.study, **caps)  # type: ignore[arg-type]
        desk.granted(with_rho(COUNT, "0.5"))
        return desk.envelope(with_rho(COUNT, "0.500000001"))

    return prepare


def _other_snapshot(desk: GateDesk) -> bytes:
    now = desk.snapshots.current()
    assert now is not None
    desk.snapshots.current = lambda: replace(now, dictionary=OTHER_DIGEST)  # type: ignore[method-assign]
    return desk.envelope()


def _no_snapshot(desk: GateDesk) -> bytes:
    desk.snapshots.current = lambda: None  # type: ignore[method-assign]
    return desk.envelope()


def _broken_list(desk: GateDesk) -> bytes:
    def broken() -> Snapshot:
        raise SnapshotError("canary")

    desk.snapshots.current = broken  # type: ignore[method-assign]
    return desk.envelope()


def _paused(desk: GateDesk) -> bytes:
    desk.pause.begin("canary", desk.now)
    return desk.envelope()


def _no_questions(**changes: int) -> Callable[[GateDesk], bytes]:
    def prepare(desk: GateDesk) -> bytes:
        assert desk.policy.suppressed is not None
        caps = replace(desk.policy.suppressed, **changes)  # type: ignore[arg-type]
        desk.policy = replace(desk.policy, suppressed=caps)
        return desk.envelope(PEOPLE)

    return prepare


def _unlisted(desk: GateDesk) -> bytes:
    assert desk.study.suppressed is not None
    desk.study = replace(desk.study, suppressed=replace(desk.study.suppressed, tables=()))
    return desk.envelope(PEOPLE)


def _looser_rule(desk: GateDesk) -> bytes:
    assert desk.study.suppressed is not None
    desk.study = replace(desk.study, suppressed=replace(desk.study.suppressed, rule=RULES["cms"]))
    return desk.envelope(PEOPLE)


def _memory_lost(desk: GateDesk) -> bytes:
    desk.granted(PEOPLE)
    for path in desk.folder.glob("cohorts.db*"):
        path.unlink()
    return desk.envelope(suppressed(Statistic(kind=Kind.COUNT, table="people", by=(ARM,))))


PEOPLE = suppressed(Statistic(kind=Kind.COUNT, table="people"))
RHO = {one: Loss.parse(one) for one in ("0.4", "1")}
FORBIDDEN = frozenset(["visits.site"])
UNSORTED = question(
    Statistic(kind=Kind.COUNT, table="visits"), All(parts=(Missing(field=DOSE), Missing(field=AGE)))
)
BIG = question(
    Statistic(
        kind=Kind.HISTOGRAM,
        table="visits",
        variable=DOSE,
        by=(SITE, SEX, ARM),
        edges=numbers(*(str(i) for i in range(1_000))),
    )
)

CASES = {
    "a wrong signature": Case(Code.BAD_SIGNATURE, _flipped),
    "another analyst's signature": Case(Code.BAD_SIGNATURE, _by_another_key),
    "an analyst whom the roster does not know": Case(
        Code.UNKNOWN_ANALYST, lambda desk: desk.envelope(analyst=EVE)
    ),
    "bytes of no envelope": Case(Code.UNREADABLE, lambda desk: b"\xff" * 40),
    "another centre's query": Case(Code.NOT_ADDRESSED, _terms(audience=(OTHER,))),
    "an expired query": Case(Code.EXPIRED, _expiry(timedelta(0))),
    "an expiry too far ahead": Case(Code.EXPIRED, _expiry(timedelta(hours=24, milliseconds=1))),
    "an expired roster": Case(Code.EXPIRED, _roster_expired),
    "an unknown study": Case(Code.UNKNOWN_STUDY, _terms(study=StudyId("other"))),
    "an expired study": Case(Code.OUTSIDE_STUDY, _study_expired, "expired"),
    "an analyst outside the study": Case(Code.OUTSIDE_STUDY, _study(analysts=frozenset([BOB])), "'ada'"),
    "an audience beyond the study": Case(Code.OUTSIDE_STUDY, _study(centres=frozenset([OTHER])), "'berlin'"),
    "a statistic outside the study": Case(
        Code.OUTSIDE_STUDY, _study(statistics=frozenset([Kind.SUM])), "count"
    ),
    "a mode outside the study": Case(Code.OUTSIDE_STUDY, _study(modes=frozenset()), "mode dp"),
    "a scope outside the study": Case(Code.OUTSIDE_STUDY, _study(scopes=frozenset()), "scope centre"),
    "a field outside the study": Case(
        Code.OUTSIDE_STUDY, _study(fields=frozenset(["people.arm"])), "'visits.site'"
    ),
    "another dictionary in the query": Case(Code.OTHER_DICTIONARY, _terms(dictionary=OTHER_DIGEST)),
    "another dictionary in the study": Case(Code.OTHER_DICTIONARY, _study(dictionary=OTHER_DIGEST)),
    "a mode that the policy forbids": Case(Code.OUTSIDE_POLICY, _policy(modes=frozenset()), "mode dp"),
    "a scope that the policy forbids": Case(Code.OUTSIDE_POLICY, _policy(scopes=frozenset()), "scope"),
    "a forbidden field as a group": Case(
        Code.OUTSIDE_POLICY, _policy(forbidden_fields=FORBIDDEN), "'visits.site'"
    ),
    "a forbidden field deep in the cohort": Case(
        Code.OUTSIDE_POLICY, _policy(UNSORTED, forbidden_fields=frozenset(["people.age"])), "'people.age'"
    ),
    "more than the cap of one query": Case(Code.OUTSIDE_POLICY, _policy(query_cap=RHO["0.4"]), "0.4"),
    "a query that is not canonical": Case(Code.INVALID_QUERY, _asked(UNSORTED), "canonical"),
    "a field of no table": Case(
        Code.INVALID_QUERY,
        _asked(question(Statistic(kind=Kind.COUNT, table="vists"))),
        "no table 'vists'",
    ),
    "too many cells": Case(Code.INVALID_QUERY, _asked(BIG), "cells"),
    "too little loss to share": Case(Code.TOO_LITTLE_LOSS, _asked(with_rho(MEAN_AGE, "0.000000001"))),
    "the registry's budget": Case(
        Code.REGISTRY_BUDGET, _spent_before("0.5", registry_cap=RHO["1"]), "0.5 left"
    ),
    "the study's budget by policy": Case(Code.STUDY_BUDGET, _spent_before("0.5", study_cap=RHO["1"])),
    "the study's budget by study": Case(Code.STUDY_BUDGET, _study_spent(study_budget=RHO["1"])),
    "the analyst's budget by policy": Case(Code.ANALYST_BUDGET, _spent_before("0.5", analyst_cap=RHO["1"])),
    "the analyst's budget by study": Case(Code.ANALYST_BUDGET, _study_spent(analyst_budget=RHO["1"])),
    "a query id with another question": Case(Code.QUERY_ID_REUSED, _reused),
    "a query id with another expiry": Case(Code.QUERY_ID_REUSED, _reused_with_other_expiry),
    "a question that failed as often as allowed": Case(Code.ROUNDS_USED_UP, _rounds),
    "paused": Case(Code.PAUSED, _paused),
    "no snapshot": Case(Code.NO_SNAPSHOT, _no_snapshot),
    "a snapshot of another dictionary": Case(Code.NO_SNAPSHOT, _other_snapshot),
    "a list of snapshots that cannot be read": Case(Code.UNAVAILABLE, _broken_list),
    "a paused node": Case(Code.PAUSED, _paused),
    "no questions left by policy": Case(Code.QUESTIONS_USED_UP, _no_questions(questions=0)),
    "no questions left for the study": Case(Code.QUESTIONS_USED_UP, _no_questions(study_questions=0)),
    "a table that the study does not list": Case(Code.OUTSIDE_STUDY, _unlisted, "does not list"),
    "a rule that shows more than the study accepts": Case(Code.OUTSIDE_POLICY, _looser_rule, "cms"),
    "a lost memory of what was shown": Case(Code.UNAVAILABLE, _memory_lost),
}


@pytest.fixture(scope="module")
def centres(tmp_path_factory: pytest.TempPathFactory) -> tuple[Snapshots, Snapshots]:
    """Two snapshots without a patient in common."""
    root = tmp_path_factory.mktemp("centres")
    for name in ("few", "many"):
        (root / name).mkdir()
    return imported(root / "few", FEW), imported(root / "many", MANY)


def _refused(folder: Path, snapshots: Snapshots, case: Case) -> Refusal:
    desk = GateDesk(folder, Snapshots(snapshots.folder, snapshots._key))  # noqa: SLF001 -- a fresh one
    envelope = case.prepare(desk)
    spent, reads = desk.spent, desk.engine.reads
    answer = desk.gate.answer(envelope)
    assert isinstance(answer.outcome, Refusal)
    assert answer.centre == CENTRE
    unread = (Code.BAD_SIGNATURE, Code.UNKNOWN_ANALYST, Code.UNREADABLE)
    assert (answer.query_id == UNREAD) == (answer.outcome.code in unread)
    assert (desk.spent, desk.engine.reads) == (spent, reads)
    desk.engine.close()
    return answer.outcome


@pytest.mark.parametrize("name", list(CASES))
def test_a_refusal_costs_nothing_reads_nothing_and_does_not_depend_on_data(
    centres: tuple[Snapshots, Snapshots], tmp_path: Path, name: str
) -> None:
    case = CASES[name]
    few, many = (
        _refused(tmp_path / str(number), snapshots, case) for number, snapshots in enumerate(centres)
    )
    assert few == many
    assert few.code is case.code
    assert case.detail in few.detail
    assert "canary" not in few.detail


def test_every_refusal_before_the_charge_has_a_case_here() -> None:
    # Busy: test_gate_order.py. The others follow the charge: test_gate_order.py, test_gate_suppressed.py.
    elsewhere = {Code.BUSY, Code.FAILED, Code.WITHHELD}
    assert {case.code for case in CASES.values()} == set(Code) - elsewhere
