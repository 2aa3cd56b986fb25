"""`skerry-node policy preview`: what a policy would have said to what was asked, and to made-up questions."""

import re
from dataclasses import replace
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.hours import Hours
from node.ledger.audit import audit
from node.ledger.charge import Charge
from node.ledger.charged import charged
from node.ledger.ledger import Ledger
from node.ledger.limits import limits_of
from node.policy import Policy, outside_hours, outside_policy, read_policy
from node.policy_preview import Judged, Replay, preview
from privacy.loss import NANO, ZERO, Loss
from protocols.ids import StudyId
from protocols.queries import SignedTerms
from protocols.refusals import Refusal
from protocols.studies import Study
from tests.node.gate_desk import ADA, CENTRE, the_study
from tests.node.ledger_desk import FREE, NOW, ledger_at, released, spend
from tests.node.officer_desk import OfficerDesk, officer_desk, with_history
from tests.node.seeds import told
from tests.node.test_policy import PERMISSIVE, STRICT

OPEN = read_policy(PERMISSIVE.encode())
STUDY = replace(the_study(), id=StudyId("study"))


@pytest.fixture
def office(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> OfficerDesk:
    return officer_desk(tmp_path, capfd)


def judged(folder: Path, policy: Policy, study: Study | None = STUDY) -> list[Judged]:
    studies = {study.id: study} if study else {}
    return preview(Replay(policy, studies, CENTRE), charged(folder / "ledger.sqlite"), ())


def words(those: list[Judged]) -> list[str]:
    return [one.refusal.code.word if one.refusal else "allowed" for one in those]


def test_what_a_policy_refuses_spends_nothing_so_that_what_follows_finds_more(tmp_path: Path) -> None:
    ledger = ledger_at(tmp_path)
    for number, rho in enumerate((1, 3, 1, 1, 1)):
        released(ledger, spend(f"q{number}", Loss(rho * NANO), analyst=f"a{number}"))
    policy = replace(OPEN, registry_cap=Loss(3 * NANO), query_cap=Loss(2 * NANO))
    found = judged(tmp_path, policy)
    assert words(found) == ["allowed", "outside_policy", "allowed", "allowed", "registry_budget"]
    assert [str(one.left["registry"]) for one in found] == ["2", "2", "1", "0", "0"]


CLOSERS: dict[str, tuple[Policy, str]] = {
    "the mode": (replace(OPEN, modes=frozenset(), suppressed=None), "outside_policy"),
    "the scope": (replace(OPEN, scopes=frozenset()), "outside_policy"),
    "a field": (replace(OPEN, forbidden_fields=frozenset(["people.code"])), "outside_policy"),
    "the hours": (replace(OPEN, hours=Hours.parse("13:00-12:00 UTC")), "outside_policy"),
    "the study": (replace(OPEN, study_cap=Loss(1)), "study_budget"),
    "the institution": (replace(OPEN, analyst_cap=Loss(1)), "analyst_budget"),
    "the period": (replace(OPEN, period_cap=Loss(1)), "registry_budget"),
}


@pytest.mark.parametrize("name", list(CLOSERS))
def test_each_rule_of_a_policy_is_replayed(tmp_path: Path, name: str) -> None:
    released(ledger_at(tmp_path), spend("q"))
    policy, word = CLOSERS[name]
    (one,) = judged(tmp_path, policy)
    assert words([one]) == [word]
    assert one.to_json()["why"]
    assert words(judged(tmp_path, OPEN)) == ["allowed"]


def test_a_question_that_failed_and_was_charged_again_counts_its_rounds(tmp_path: Path) -> None:
    ledger = ledger_at(tmp_path)
    for _ in range(2):
        charge = ledger.charge(spend("q"), FREE)
        assert isinstance(charge, Charge)
        ledger.fail(charge)
    assert words(judged(tmp_path, OPEN)) == ["allowed", "allowed"]
    assert words(judged(tmp_path, replace(OPEN, charged_rounds_per_question=1))) == [
        "allowed",
        "rounds_used_up",
    ]


def test_tables_go_by_the_number_of_questions_and_by_a_study_that_is_there(tmp_path: Path) -> None:
    ledger = ledger_at(tmp_path)
    for number in range(3):
        released(ledger, spend(f"table {number}", ZERO))
    assert OPEN.suppressed is not None
    two = replace(OPEN, suppressed=replace(OPEN.suppressed, questions=2))
    assert words(judged(tmp_path, two)) == ["allowed", "allowed", "questions_used_up"]
    assert words(judged(tmp_path, two, study=None)) == ["unknown_study"] * 3
    listed = replace(OPEN, suppressed=replace(OPEN.suppressed, unlisted_tables=False))
    assert words(judged(tmp_path, listed)) == ["outside_policy"] * 3


def test_a_study_that_is_gone_leaves_the_policy_s_own_caps(tmp_path: Path) -> None:
    ledger = ledger_at(tmp_path)
    for number in range(3):
        released(ledger, spend(f"q{number}"))
    policy = replace(OPEN, study_cap=Loss(2 * NANO))
    assert words(judged(tmp_path, policy, study=None)) == ["allowed", "allowed", "study_budget"]


caps = st.sampled_from([None, Loss(2 * NANO), Loss(4 * NANO)])


@given(
    policy=st.builds(
        lambda **keys: replace(OPEN, **keys),
        query_cap=st.sampled_from([None, Loss(NANO)]),
        registry_cap=caps,
        study_cap=caps,
        analyst_cap=caps,
        period_cap=caps,
        period_days=st.integers(1, 3),
        hours=st.sampled_from([None, Hours.parse("08:00-13:00 UTC")]),
    ),
    steps=st.lists(
        st.tuples(st.integers(0, 40), st.integers(1, 2), st.integers(0, 2)), min_size=1, max_size=10
    ),
)
@settings(max_examples=40, deadline=None)
def test_the_preview_says_what_a_ledger_under_that_policy_would_have_said(
    tmp_path_factory: pytest.TempPathFactory, policy: Policy, steps: list[tuple[int, int, int]]
) -> None:
    """One ledger takes everything; another decides by the policy, and is asked beside it."""
    folder, beside = tmp_path_factory.mktemp("open"), tmp_path_factory.mktemp("strict")
    now, said = NOW, []
    everything = Ledger(folder / "ledger.sqlite", lambda: now)
    strict = Ledger(beside / "ledger.sqlite", lambda: now)
    for number, (hours, rho, who) in enumerate(steps):
        now += timedelta(hours=hours)
        one = spend(f"q{number}", Loss(rho * NANO), analyst=f"a{who}", institution=f"i{who % 2}")
        released(everything, one)
        terms = SignedTerms(
            query=one.query,
            query_id=one.query_id,
            study=one.study,
            analyst=ADA,
            audience=(CENTRE,),
            dictionary=one.dictionary,
            not_after_ms=0,
        )
        if outside_policy(terms, STUDY, policy) or outside_hours(policy, now):
            said.append("outside_policy")
        else:
            outcome = strict.charge(one, limits_of(policy, STUDY))
            said.append(outcome.code.word if isinstance(outcome, Refusal) else "allowed")
    assert words(judged(folder, policy)) == said


# The command


def _preview(office: OfficerDesk, text: str, *options: object) -> Any:  # noqa: ANN401 -- one object of results.md
    file = office.desk.folder / "mine.toml"
    file.write_text(text, encoding="utf-8")
    said = office.desk.run("policy", "preview", file, *options, "--json")
    assert said.exit_code == 0, said.stderr
    return said.json


def test_the_command_replays_the_ledger_and_writes_nothing(office: OfficerDesk) -> None:
    with_history(office)
    before = audit(office.path)
    tree = _preview(office, PERMISSIVE)
    assert tree["format"] == "skerry.policy-preview/1"
    assert tree["allowed"] == len(tree["questions"]) == before.counts["charged"]
    strict = _preview(office, STRICT)
    refused = [one for one in strict["questions"] if not one["is_allowed"]]
    assert {one["code"] for one in refused} == {"outside_policy"}
    assert audit(office.path).root == before.root
    assert {path.name for path in office.desk.data.iterdir()} <= {
        "ledger.db",
        "ledger.db-wal",
        "ledger.db-shm",
    }


def test_since_shows_less_and_replays_all(office: OfficerDesk) -> None:
    with_history(office)
    text = re.sub(r'registry_rho = "unlimited"', 'registry_rho = "0.4"', PERMISSIVE)
    everything = _preview(office, text)["questions"]
    today = office.now.astimezone(UTC).date()
    late = _preview(office, text, "--since", today)["questions"]
    assert late == [one for one in everything if one["at"] >= today.isoformat()]
    assert len(late) < len(everything)
    assert "registry_budget" in {one["code"] for one in late}


def test_a_made_up_question_is_judged_after_all_others(office: OfficerDesk) -> None:
    office.release("old")
    query = office.desk.folder / "query.yaml"
    query.write_text(
        "{study: sandbox, statistic: {kind: count, by: sex},"
        " release: {mode: dp, scope: centre, rho: 0.05}}\n",
        encoding="utf-8",
    )
    text = re.sub(r'registry_rho = ".*"', 'registry_rho = "0.12"', PERMISSIVE)
    old, *made_up = _preview(office, text, "--query", query, "--query", query)["questions"]
    assert (old["is_allowed"], old["left_rho"]["registry"]) == (True, "0.02")
    for one in made_up:
        assert (one["event"], one["analyst"], one["code"]) == (None, None, "registry_budget")
    assert _preview(office, PERMISSIVE, "--query", query)["questions"][-1]["is_allowed"]


def test_a_node_without_a_ledger_has_no_past_and_gets_none(office: OfficerDesk) -> None:
    assert _preview(office, STRICT)["questions"] == []
    assert not office.path.exists()


def test_the_table_says_why(office: OfficerDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "240")
    with_history(office)
    file = office.desk.folder / "mine.toml"
    file.write_text(STRICT, encoding="utf-8")
    said = office.desk.run("policy", "preview", file)
    assert said.exit_code == 0, said.stderr
    told(said.stdout)
    for word in ("outside_policy", "the policy allows rho 0.05 in one query", "nothing was changed"):
        assert word in " ".join(said.stdout.split())


USES: dict[str, tuple[tuple[str, ...], str]] = {
    "no file": ((), "FILE"),
    "a file that is not there": (("nowhere.toml",), "cannot be read"),
    "a query that is not there": (("{policy}", "--query", "nowhere.yaml"), "cannot be read"),
    "a query that is none": (("{policy}", "--query", "{policy}"), "is wrong"),
    "a day that is none": (("{policy}", "--since", "yesterday"), "is no day"),
    "a policy that is wrong": (("{wrong}",), "is wrong"),
}


@pytest.mark.parametrize("name", list(USES))
def test_a_wrong_use_is_one_sentence(office: OfficerDesk, name: str) -> None:
    policy, wrong = office.desk.folder / "mine.toml", office.desk.folder / "wrong.toml"
    policy.write_text(STRICT, encoding="utf-8")
    wrong.write_text("x = 1\n", encoding="utf-8")
    given_words, says = USES[name]
    said = office.desk.run(
        "policy", "preview", *(one.format(policy=policy, wrong=wrong) for one in given_words)
    )
    assert (said.exit_code, said.stdout) == (2, "")
    assert says in said.stderr


# What a policy would loosen, at its check and at the start of a node


def test_the_check_says_what_it_loosens_and_who_must_sign(office: OfficerDesk) -> None:
    in_force = (office.desk.folder / "policy.toml").read_bytes()
    file = office.desk.folder / "mine.toml"
    file.write_bytes(in_force)
    tree = office.desk.run("policy", "check", file, "--json").json
    assert (tree["officers_needed"], tree["loosens"]) == (1, [])
    office.ledger.put_in_force(STRICT.encode(), frozenset(["officer-berlin"]))
    tree = office.desk.run("policy", "check", file, "--json").json
    assert tree["officers_needed"] == 2
    assert any(one.startswith("query_rho: no limit instead of rho 0.05") for one in tree["loosens"])
    assert "it needs 2 officers of this centre" in office.desk.run("policy", "check", file).stdout


def test_a_node_does_not_start_with_a_looser_policy_that_one_officer_signed(office: OfficerDesk) -> None:
    """The sandbox's permissive policy bears one signature; the ledger remembers the strict one."""
    office.ledger.put_in_force(STRICT.encode(), frozenset(["officer-berlin"]))
    said = office.desk.run("run")
    assert (said.exit_code, said.stdout) == (2, "")
    assert "the policy is looser than the one in force (" in said.stderr
    assert "have a second privacy officer of this centre sign the policy file too" in said.stderr
    assert audit(office.path).counts["policy"] == 1
