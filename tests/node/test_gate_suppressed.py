"""Mode `suppressed` through the real gate: what is shown, what is withheld, what it costs, in which order."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from node.cohorts import Cohorts, Remembered
from node.errors import CohortsError
from node.ledger.audit import audit
from node.plan import compile_plan
from privacy.disclosure import RULES, SUPPRESSED
from privacy.loss import ZERO
from protocols.codec.answers import decode_release
from protocols.dictionary import FieldName
from protocols.ids import AnalystId
from protocols.queries import All, Kind, Missing, Mode, Not, OneOf, Query, Statistic
from protocols.refusals import Refusal
from protocols.refusals import RefusalCode as Code
from tests.node.gate_desk import ADA, BOB, GateDesk, imported, suppressed
from tests.node.importing_desk import KEY, Desk, one_table
from tests.node.questions import AGE, ARM, SEX, numbers
from tests.node.seeds import draws, fresh_seed
from tests.node.shown_desk import (
    BY_ARM,
    BY_SEX,
    EVERYBODY,
    Person,
    asked_of,
    cells,
    counted,
    desk_of,
    files_of,
    people,
    spent_nothing,
    without,
)


class Killed(BaseException):
    """Stands for a kill: nothing in the node may catch it."""


@pytest.fixture
def desk(tmp_path: Path) -> GateDesk:
    return desk_of(tmp_path, people())


def _refused(desk: GateDesk, query: Query, analyst: AnalystId = ADA) -> Refusal:
    outcome = desk.ask(query, analyst).outcome
    assert isinstance(outcome, Refusal), outcome
    return outcome


# What is shown.


def test_a_table_is_shown_with_its_margins_and_zero_is_zero(desk: GateDesk) -> None:
    granted = desk.granted(BY_SEX)
    # Women, men, nobody without a sex, all.
    assert cells(granted) == [24, 30, 0, 54]
    release = decode_release(granted.release)
    assert (release.blocks, release.loss, release.cap) == ((), ZERO, 1)
    assert release.table is not None
    assert release.table.rule == RULES["five"]
    assert (granted.receipt.charged, granted.receipt.questions_left) == (ZERO, 29)


def test_small_counts_are_not_shown_nor_what_they_would_follow_from(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, people(women=3, men=30))
    women, men, unknown, total = cells(desk.granted(BY_SEX))
    assert women == SUPPRESSED
    assert unknown == 0
    assert SUPPRESSED in (men, total)


def test_nobody_is_a_table_of_zeros(desk: GateDesk) -> None:
    nobody = counted(OneOf(field=AGE, codes=numbers("3")))
    assert cells(desk.granted(nobody)) == [0, 0]


def test_proportions_and_histograms_are_tables_too(desk: GateDesk) -> None:
    share = suppressed(Statistic(kind=Kind.PROPORTION, table="people", variable=ARM, codes=("a",)))
    assert cells(desk.granted(share)) == [18, 36, 54]
    ages = suppressed(
        Statistic(kind=Kind.HISTOGRAM, table="people", variable=AGE, edges=numbers("0", "40", "60"))
    )
    # The first is 77 years old, in no bin: fewer by one than everybody.
    assert _refused(desk, ages).code is Code.WITHHELD
    ages = suppressed(
        Statistic(kind=Kind.HISTOGRAM, table="people", variable=AGE, edges=numbers("0", "40", "120"))
    )
    assert cells(desk.granted(ages)) == [0, 54, 54]


# What is withheld, and what that costs.


def test_a_group_without_one_patient_is_withheld_and_counted(desk: GateDesk) -> None:
    desk.granted(EVERYBODY)
    assert _refused(desk, without(77)) == Refusal(code=Code.WITHHELD)
    assert asked_of(desk) == 2
    assert spent_nothing(desk)
    assert audit(desk.ledger_path).is_clean
    assert cells(desk.granted(BY_ARM)) == [18, 18, 18, 54]


def test_either_of_two_near_groups_can_be_had_alone(desk: GateDesk) -> None:
    assert cells(desk.granted(without(77))) == [53, 53]
    assert _refused(desk, EVERYBODY).code is Code.WITHHELD


@pytest.mark.parametrize("who", [ADA, BOB])
def test_what_was_withheld_stays_withheld_for_whoever_asks_again_for_nothing(
    desk: GateDesk, who: AnalystId
) -> None:
    desk.granted(EVERYBODY)
    _refused(desk, without(77))
    reads = desk.engine.reads
    for _ in range(2):
        assert _refused(desk, without(77), who) == Refusal(code=Code.WITHHELD)
    assert (asked_of(desk), desk.engine.reads) == (2, reads)


def _one_more(rows: list[Person]) -> list[Person]:
    return [*rows, ("new", "F", "a", 50)]


def _one_less(rows: list[Person]) -> list[Person]:
    return rows[:-1]


def _another(rows: list[Person]) -> list[Person]:
    return [*rows[:-1], ("new", "M", "a", 50)]


def _moved(rows: list[Person]) -> list[Person]:
    return [*rows[:-1], (rows[-1][0], "F", *rows[-1][2:])]


@pytest.mark.parametrize("change", [_one_more, _one_less, _another, _moved])
def test_the_same_question_after_one_patient_has_changed_is_withheld(
    tmp_path: Path, change: Callable[[list[Person]], list[Person]]
) -> None:
    desk = desk_of(tmp_path, people())
    desk.granted(BY_SEX)
    imported(tmp_path, files_of(change(people())))
    assert _refused(desk, BY_SEX).code is Code.WITHHELD
    assert asked_of(desk) == 2


def test_the_same_question_of_the_same_patients_on_a_new_snapshot_is_shown(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, people())
    first = desk.granted(BY_SEX)
    # An age has changed, and no cell; in another order.
    rows = [(one, sex, arm, 51) for one, sex, arm, _ in reversed(people())]
    imported(tmp_path, files_of(rows))
    again = desk.granted(BY_SEX)
    assert cells(again) == cells(first)
    assert again.release != first.release
    assert asked_of(desk) == 2


def test_after_as_many_admissions_as_may_be_shown_the_question_is_shown(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, people())
    desk.granted(EVERYBODY)
    imported(tmp_path, files_of([*people(), *((f"n{i}", "F", "a", 50) for i in range(5))]))
    assert cells(desk.granted(EVERYBODY)) == [59, 59]


def test_a_tracker_is_withheld(desk: GateDesk) -> None:
    """Is she, the only one of 77 years, in arm a? With her and without her the arm is asked for."""
    in_arm = suppressed(Statistic(kind=Kind.COUNT, table="people"), OneOf(field=ARM, codes=("a",)))
    assert cells(desk.granted(in_arm)) == [18, 18]
    both = (OneOf(field=ARM, codes=("a",)), Not(part=OneOf(field=AGE, codes=numbers("77"))))
    assert _refused(desk, counted(All(parts=both))).code is Code.WITHHELD


# Before the charge.


def test_questions_that_are_used_up_are_refused_before_a_read(desk: GateDesk) -> None:
    assert desk.policy.suppressed is not None
    assert desk.study.suppressed is not None
    of_policy, of_study = desk.policy.suppressed, desk.study.suppressed
    desk.granted(EVERYBODY)
    reads = desk.engine.reads
    desk.policy = replace(desk.policy, suppressed=replace(of_policy, questions=1))
    assert _refused(desk, BY_SEX).code is Code.QUESTIONS_USED_UP
    desk.policy = replace(desk.policy, suppressed=replace(of_policy, study_questions=1))
    assert _refused(desk, BY_SEX).code is Code.QUESTIONS_USED_UP
    desk.policy = replace(desk.policy, suppressed=of_policy)
    desk.study = replace(desk.study, suppressed=replace(of_study, questions=1))
    assert _refused(desk, BY_SEX, BOB).code is Code.QUESTIONS_USED_UP
    assert desk.engine.reads == reads
    assert desk.granted(EVERYBODY).receipt.is_repeat, "a repeat is no question"
    desk.study = replace(desk.study, suppressed=replace(of_study, questions=2))
    desk.granted(BY_SEX)
    assert asked_of(desk) == 2


def test_a_withheld_question_counts_against_the_number(desk: GateDesk) -> None:
    assert desk.study.suppressed is not None
    desk.study = replace(desk.study, suppressed=replace(desk.study.suppressed, questions=2))
    desk.granted(EVERYBODY)
    assert _refused(desk, without(77)).code is Code.WITHHELD
    assert _refused(desk, BY_SEX).code is Code.QUESTIONS_USED_UP


def test_only_listed_tables_may_be_asked_for(desk: GateDesk) -> None:
    assert desk.study.suppressed is not None
    listed = ("statistic: {kind: count, table: people, by: [sex]}",)
    desk.study = replace(desk.study, suppressed=replace(desk.study.suppressed, tables=listed))
    desk.granted(BY_SEX)
    others = (BY_ARM, EVERYBODY, suppressed(BY_SEX.statistic, Missing(field=AGE)))
    for other in others:
        refusal = _refused(desk, other)
        assert refusal.code is Code.OUTSIDE_STUDY
        assert "does not list" in refusal.detail
    assert desk.engine.reads == 1


def test_a_study_that_lists_no_tables_needs_a_policy_that_lets_it(desk: GateDesk) -> None:
    assert desk.policy.suppressed is not None
    desk.policy = replace(desk.policy, suppressed=replace(desk.policy.suppressed, unlisted_tables=False))
    refusal = _refused(desk, BY_SEX)
    assert (refusal.code, "lists no tables" in refusal.detail) == (Code.OUTSIDE_POLICY, True)


@pytest.mark.parametrize(
    ("policy", "study", "is_answered"),
    [
        ("five", "cms", False),
        ("opensafely", "strict10", False),
        # Shows exact counts, where the study wants them rounded.
        ("cms", "opensafely", False),
        ("opensafely", "cms", False),
        ("strict10", "five", True),
        ("strict10", "opensafely", True),
        ("cms", "cms", True),
    ],
)
def test_a_rule_that_shows_more_than_the_study_accepts_is_refused(
    desk: GateDesk, policy: str, study: str, is_answered: bool
) -> None:
    assert desk.policy.suppressed is not None
    assert desk.study.suppressed is not None
    desk.policy = replace(desk.policy, suppressed=replace(desk.policy.suppressed, rule=RULES[policy]))
    desk.study = replace(desk.study, suppressed=replace(desk.study.suppressed, rule=RULES[study]))
    outcome = desk.ask(EVERYBODY).outcome
    if is_answered:
        assert not isinstance(outcome, Refusal)
    else:
        assert isinstance(outcome, Refusal)
        assert outcome.code is Code.OUTSIDE_POLICY


def test_the_mode_is_off_unless_study_and_policy_name_it(desk: GateDesk) -> None:
    study, policy = desk.study, desk.policy
    desk.study = replace(study, modes=frozenset([Mode.DP]), suppressed=None)
    assert _refused(desk, BY_SEX).code is Code.OUTSIDE_STUDY
    desk.study, desk.policy = study, replace(policy, modes=frozenset([Mode.DP]), suppressed=None)
    refusal = _refused(desk, BY_SEX)
    assert (refusal.code, refusal.detail) == (
        Code.OUTSIDE_POLICY,
        "the policy does not allow mode suppressed",
    )


def test_a_table_with_many_rows_of_one_patient_is_refused(desk: GateDesk) -> None:
    visits = replace(BY_SEX, statistic=Statistic(kind=Kind.COUNT, table="visits"))
    refusal = _refused(desk, visits)
    assert (refusal.code, "many rows" in refusal.detail) == (Code.INVALID_QUERY, True)
    assert desk.engine.reads == 0


KEYLESS = one_table(['name: sex, type: string, constraints: {enum: ["F", "M"]}'])
"""Rows without a name: nobody can be known again."""


def test_patients_without_a_key_are_shown_from_one_snapshot_only(tmp_path: Path) -> None:
    files = Desk(tmp_path)

    def load(women: int) -> None:
        files.file("visits.csv", "sex\n" + "F\n" * women + "M\n" * 30)
        files.load(files.files, KEYLESS, confirmed=True)

    load(20)
    desk = GateDesk(tmp_path / "node", files.snapshots, dictionary=KEYLESS)
    desk.study = replace(desk.study, dictionary=KEYLESS.digest, registry=KEYLESS.name)
    everybody = replace(EVERYBODY, statistic=Statistic(kind=Kind.COUNT, table="visits"))
    by_sex = replace(everybody, statistic=replace(everybody.statistic, by=(FieldName("visits", "sex"),)))
    assert compile_plan(by_sex, KEYLESS).layout.dims == (3,)
    assert cells(desk.granted(everybody)) == [50, 50]
    assert cells(desk.granted(by_sex)) == [20, 30, 0, 50]
    load(21)
    refusal = _refused(desk, everybody)
    assert (refusal.code, "have no key" in refusal.detail) == (Code.OUTSIDE_POLICY, True)
    assert desk.engine.reads == 2


def test_a_paused_node_says_so(desk: GateDesk) -> None:
    desk.pause.begin("holiday", desk.now)
    assert _refused(desk, BY_SEX) == Refusal(code=Code.PAUSED)
    desk.pause.end()
    desk.granted(BY_SEX)


# A crash between remembering and recording.


class _CutCohorts(Cohorts):
    """Is killed right after it has remembered."""

    def remember(self, one: Remembered) -> None:
        super().remember(one)
        raise Killed


def test_after_a_crash_before_the_record_the_same_table_is_given_for_the_one_charge(desk: GateDesk) -> None:
    desk.cohorts = _CutCohorts(desk.folder / "cohorts.db", KEY)
    with pytest.raises(Killed):
        desk.ask(BY_SEX)
    after = GateDesk(desk.folder, desk.snapshots)
    # What was remembered counts as shown, whether or not it left.
    assert _refused(after, without(77)).code is Code.WITHHELD
    assert cells(after.granted(BY_SEX, BOB)) == [24, 30, 0, 54]
    assert asked_of(after) == 2
    assert len(after.cohorts.all()) == 1
    findings = audit(after.ledger_path)
    assert findings.is_clean
    assert findings.counts["released"] == 1


def test_after_a_crash_and_another_rule_what_leaves_is_what_is_remembered(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, people(women=8, men=30))
    assert desk.policy.suppressed is not None
    of_policy = desk.policy.suppressed
    desk.policy = replace(desk.policy, suppressed=replace(of_policy, rule=RULES["cms"]))
    desk.cohorts = _CutCohorts(desk.folder / "cohorts.db", KEY)
    with pytest.raises(Killed):
        desk.ask(BY_SEX)
    after = GateDesk(desk.folder, desk.snapshots)
    assert cells(after.granted(BY_SEX)) == [8, 30, 0, 38]
    (one,) = after.cohorts.all()
    assert (one.table.published.tolist(), one.table.rule) == ([8, 30, 0, 38], RULES["five"])


def test_what_is_not_remembered_does_not_leave(desk: GateDesk) -> None:
    class Full(Cohorts):
        def remember(self, one: Remembered) -> None:
            raise CohortsError("full")

    desk.cohorts = Full(desk.folder / "cohorts.db", KEY)
    assert _refused(desk, BY_SEX) == Refusal(code=Code.FAILED)
    assert audit(desk.ledger_path).counts == {"charged": 1, "failed": 1}


def test_random_questions_never_show_what_the_guard_has_not_compared(tmp_path: Path) -> None:
    """Each released table is in the memory, each withheld one is not: many questions, one recount."""
    draw = draws(fresh_seed())
    rows = [
        (f"p{i}", draw.choice("FM"), draw.choice("abc"), draw.choice((None, 30, 50, 70))) for i in range(80)
    ]
    desk = desk_of(tmp_path, rows)
    codes = []
    for _ in range(12):
        by = tuple(draw.sample((SEX, ARM), draw.randint(0, 2)))
        age = numbers(str(draw.choice((30, 50, 70))))
        cohort = draw.choice((None, OneOf(field=AGE, codes=age), Not(part=OneOf(field=AGE, codes=age))))
        outcome = desk.ask(suppressed(Statistic(kind=Kind.COUNT, table="people", by=by), cohort)).outcome
        codes.append(outcome.code if isinstance(outcome, Refusal) else None)
    assert set(codes) <= {None, Code.WITHHELD}
    assert {one.charge for one in desk.cohorts.all()} == set(desk.ledger.tables_shown())
    assert audit(desk.ledger_path).is_clean
