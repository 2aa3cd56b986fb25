"""A study as a document: everything that is wrong at once, in words, to fill in, signed and decided on."""

import re
from dataclasses import fields, replace
from datetime import datetime, timedelta
from itertools import permutations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from privacy.loss import Loss
from protocols.decisions import Decision, Verdict, decision_text, is_reason, latest, open_decision
from protocols.errors import ProtocolError, SignatureError, TextError
from protocols.ids import AnalystId, CentreId, OfficerId, StudyId
from protocols.queries import Kind, Mode
from protocols.roster import Centre, Officer, Roster, open_roster
from protocols.signed_text import SignedText
from protocols.studies import EVERY, Review, Study
from protocols.study_check import problems_of
from protocols.study_reading import FILL_IN, MAX_TEXT, open_study, study_of
from protocols.study_signing import (
    APPROVAL,
    PROPOSAL,
    approvers,
    member_of,
    proposers,
    study_digest,
    without_worth,
)
from protocols.study_words import promise_of, statements
from protocols.study_writing import study_template
from tests.members import keys_of
from tests.protocols import examples
from tests.protocols.examples import ANALYST, ANALYST_KEY, BERLIN, DICTIONARY, NOW, OFFICER, OFFICER_KEY

BODY = examples.STUDY_BODY.encode()
STUDY = study_of(BODY)
OSLO, OSLO_OFFICER = CentreId("oslo"), OfficerId("officer-oslo")
OSLO_KEY = Ed25519PrivateKey.from_private_bytes(bytes([9]) * 32)
SUPPRESSED = """
[suppressed]
rule = "five"
questions = 3
tables = ["statistic: {kind: count, by: [sex]}"]
"""


def _roster() -> Roster:
    """Berlin and Oslo, each with an officer; Ada is an analyst."""
    roster = open_roster(examples.signed(examples.ROSTER_BODY, "roster"), examples.CONSORTIUM)
    keys = keys_of(Ed25519PrivateKey.from_private_bytes(bytes([8]) * 32))
    return replace(
        roster,
        centres=roster.centres | {OSLO: Centre(id=OSLO, institution="Ullevaal", keys=keys)},
        officers=roster.officers
        | {OSLO_OFFICER: Officer(id=OSLO_OFFICER, centre=OSLO, keys=keys_of(OSLO_KEY))},
    )


ROSTER = _roster()
BARE = SignedText(body=BODY, signatures=())


def _edited(**lines: str) -> bytes:
    text = examples.STUDY_BODY
    for key, value in lines.items():
        text, count = re.subn(rf"(?m)^{key} = .*$", f"{key} = {value}".replace("\\", r"\\"), text)
        assert count == 1, key
    return text.encode()


def _said(body: bytes) -> list[str]:
    with pytest.raises(TextError) as caught:
        study_of(body)
    return [str(one) for one in caught.value.problems]


# Reading.

WRONG = {
    "an empty title": ({"title": '""'}, "'title' is a line of 1 to"),
    "a title of spaces": ({"title": '"  "'}, "'title' is a line of 1 to"),
    "a purpose of two lines": ({"purpose": '"one\\ntwo"'}, "without control characters"),
    "a purpose that turns the terminal round": ({"purpose": '"a\\u202eb"'}, "without control characters"),
    "a purpose beyond all measure": ({"purpose": f'"{"x" * (MAX_TEXT + 1)}"'}, "'purpose'"),
    "an empty legal basis": ({"legal_basis": '""'}, "'legal_basis'"),
    "an empty permit": ({"permit": '""'}, 'permit = "none"'),
    "empty readers": ({"readers": '""'}, "'readers'"),
    "no centre": ({"centres": "[]"}, "names no centre"),
    "a centre twice": ({"centres": '["berlin", "berlin"]'}, "names 'berlin' twice"),
    "an analyst twice": ({"analysts": '["ada", "ada"]'}, "names 'ada' twice"),
    "every centre": ({"centres": '["*"]'}, "not a name"),
    "a quorum of nobody": ({"quorum": "0"}, "'quorum' is 1 to 2"),
    "a quorum beyond the centres": ({"quorum": "3"}, "'quorum' is 1 to 2"),
    "a quorum below zero": ({"quorum": "-1"}, "'quorum' is 1 to 2"),
    "a minimum of no centre": ({"min_centres": "0"}, "'min_centres' is 1 to 2"),
    "a minimum beyond the centres": ({"min_centres": "3"}, "'min_centres' is 1 to 2"),
    "colluders below zero": ({"colluders": "-1"}, "'colluders' is 0 to 1"),
    "everybody colludes": ({"colluders": "2"}, "'colluders' is 0 to 1"),
    "a person at no centre": ({"centres_per_person": "0"}, "at least 1"),
    "a person at more centres than there are": ({"centres_per_person": "3"}, "is 2 at most"),
    "a review by nobody known": ({"review": '"two_person"'}, "did you mean 'two_persons'?"),
    "a mistyped statistic": ({"statistics": '["meen"]'}, "did you mean 'mean'?"),
    "a digest that is none": ({"dictionary": '"abc"'}, "'dictionary': a digest"),
    "an id that is none": ({"id": '"a b"'}, "'id'"),
    "a budget as a number": ({"study_rho": "0.5"}, "study: budget: 'study_rho' must be text"),
    "a budget below zero": ({"analyst_rho": '"-1"'}, "'analyst_rho'"),
    "an end without a zone": ({"expires": "2027-01-01T00:00:00"}, "time zone"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said_at_its_line(name: str) -> None:
    lines, says = WRONG[name]
    body = _edited(**lines)
    (problem,) = _said(body)
    assert says in problem
    (key,) = lines
    number = next(
        n for n, line in enumerate(body.decode().split("\n"), start=1) if line.startswith(f"{key} =")
    )
    assert problem.startswith(f"line {number}: study")


def test_all_that_is_wrong_is_said_at_once() -> None:
    every = {next(iter(lines)): next(iter(lines.values())) for lines, _ in WRONG.values()}
    body = _edited(**every).replace(b"[budget]", b'colour = "red"\n[budget]\nspare_rho = "1"')
    said = "\n".join(_said(body))
    for key in every:
        assert f"'{key}'" in said or key in ("centres_per_person", "quorum", "min_centres", "colluders"), key
    assert "unknown key 'colour'" in said
    assert "budget: has an unknown key 'spare_rho'; it can be 'study_rho'" in said


def test_a_beginning_is_optional_and_before_the_end() -> None:
    assert STUDY.begins is None
    early = examples.STUDY_BODY.replace("expires =", "begins = 2026-12-01T01:00:00+01:00\nexpires =")
    begins = study_of(early.encode()).begins
    assert begins is not None
    assert begins.isoformat() == "2026-12-01T00:00:00+00:00"
    for wrong in ("2027-01-01T00:00:00Z", "2028-01-01T00:00:00Z"):
        assert "'begins' is not before" in "".join(
            _said(early.replace("2026-12-01T01:00:00+01:00", wrong).encode())
        )
    for wrong in ("2026-12-01T00:00:00", "true", '"soon"', "[]"):
        assert "'begins'" in "".join(_said(early.replace("2026-12-01T01:00:00+01:00", wrong).encode()))


@pytest.mark.parametrize(
    "value", [f'"{FILL_IN}"', f'"{FILL_IN}: later"', f'["{FILL_IN}"]', f'["dp", "{FILL_IN}"]']
)
def test_a_mark_that_is_left_is_said_whatever_the_key(value: str) -> None:
    for key in re.findall(r"(?m)^(\w+) = ", examples.STUDY_BODY):
        if key != "format":
            assert any(f"'{key}' is not filled in yet" in one for one in _said(_edited(**{key: value}))), key


def test_a_table_of_a_mode_goes_with_its_mode() -> None:
    both = _edited(modes='["suppressed"]')
    assert sum("lacks" in one for one in _said(both)) == 3
    study = study_of(both + SUPPRESSED.encode())
    assert study.suppressed is not None
    assert study.suppressed.questions == 3
    assert any("'modes' does not name that mode" in one for one in _said(BODY + SUPPRESSED.encode()))


# Beside dictionary, roster and date.


def _problems(study: Study = STUDY, now: datetime = NOW, body: bytes = BODY) -> list[str]:
    return [str(one) for one in problems_of(study, body, DICTIONARY, ROSTER, now)]


def test_in_a_right_study_nothing_is_wrong() -> None:
    assert _problems() == []
    assert _problems(replace(STUDY, fields=frozenset([EVERY]))) == []


BESIDE: dict[str, tuple[Study, str]] = {
    "another dictionary": (replace(STUDY, dictionary=study_digest(BARE)), "whose hash is"),
    "another registry": (replace(STUDY, registry="liver"), "'liver'"),
    "a mistyped field": (replace(STUDY, fields=frozenset(["patients.agge"])), "did you mean 'patients.age'?"),
    "a field of another table": (
        replace(STUDY, fields=frozenset(["visits.age"])),
        "did you mean 'patients.age'?",
    ),
    "a field that nobody may name": (replace(STUDY, fields=frozenset(["patients.surname"])), "identifier"),
    "an analyst whom nobody knows": (replace(STUDY, analysts=frozenset([AnalystId("adda")])), "'ada'?"),
    "a centre that nobody knows": (replace(STUDY, centres=frozenset([CentreId("berlim")])), "'berlin'?"),
    "no statistic": (replace(STUDY, statistics=frozenset()), "'statistics' is empty"),
    "no mode": (replace(STUDY, modes=frozenset()), "'modes' is empty"),
    "no scope": (replace(STUDY, scopes=frozenset()), "'scopes' is empty"),
    "no analyst": (replace(STUDY, analysts=frozenset()), "'analysts' is empty"),
    "nothing that the mode answers": (
        replace(STUDY, statistics=frozenset([Kind.MEAN]), modes=frozenset([Mode.SUPPRESSED])),
        "mode suppressed answers none of these statistics",
    ),
    "another dictionary, whose fields nobody can look up": (
        replace(STUDY, dictionary=study_digest(BARE), fields=frozenset(["x.y"]), registry="liver"),
        "whose hash is",
    ),
    "it has expired": (replace(STUDY, expires=NOW), "has passed"),
}


@pytest.mark.parametrize("name", BESIDE)
def test_what_only_shows_beside_the_other_papers(name: str) -> None:
    study, says = BESIDE[name]
    (problem,) = _problems(study)
    assert says in problem
    assert problem.startswith("line ")


def test_every_wrong_table_is_named() -> None:
    tables = 'tables = ["statistic: {kind: count, by: [sexx]}", "[", "statistic: {kind: count}"]'
    body = _edited(modes='["suppressed"]') + SUPPRESSED.encode().replace(
        b'tables = ["statistic: {kind: count, by: [sex]}"]', tables.encode()
    )
    said = _problems(study_of(body), body=body)
    assert len(said) == 2
    assert "table 1" in said[0]
    assert "'sex'" in said[0]
    assert "table 2" in said[1]


def test_everything_beside_the_papers_is_said_at_once() -> None:
    study = replace(
        STUDY,
        registry="liver",
        fields=frozenset(["patients.agge", "age"]),
        analysts=frozenset([AnalystId("eve")]),
        centres=frozenset([CentreId("rome"), BERLIN]),
        scopes=frozenset(),
    )
    assert len(_problems(study, now=STUDY.expires)) == 7


# In words.


def test_every_key_has_its_sentence() -> None:
    for study in (STUDY, study_of(_edited(modes='["suppressed"]') + SUPPRESSED.encode())):
        said = statements(study, DICTIONARY, ROSTER)
        assert {one.key for one in said} == {one.name for one in fields(Study)}


CHANGED: dict[str, object] = {
    "id": StudyId("other"),
    "title": "Other",
    "purpose": "Other",
    "legal_basis": "Other",
    "permit": "Other",
    "readers": "Other",
    "registry": "other",
    "dictionary": study_digest(BARE),
    "statistics": frozenset(),
    "modes": frozenset(),
    "scopes": frozenset(),
    "fields": frozenset([EVERY]),
    "analysts": frozenset(),
    "centres": frozenset([BERLIN]),
    "quorum": 2,
    "min_centres": 2,
    "colluders": 1,
    "centres_per_person": 2,
    "review": Review.TWO_PERSONS,
    "expires": NOW,
    "begins": NOW,
    "study_budget": None,
    "analyst_budget": Loss(1),
    "suppressed": study_of(_edited(modes='["suppressed"]') + SUPPRESSED.encode()).suppressed,
}


@pytest.mark.parametrize("key", [one.name for one in fields(Study)])
def test_no_key_can_change_without_its_sentence(key: str) -> None:
    """Else an officer could be shown the same words for two studies."""
    other = replace(STUDY, **{key: CHANGED[key]})  # type: ignore[arg-type]
    before, after = (
        [one.words for one in statements(each, DICTIONARY, ROSTER) if one.key == key]
        for each in (STUDY, other)
    )
    assert before != after


def test_the_words_are_those_of_the_papers() -> None:
    text = "\n".join(one.words for one in statements(STUDY, DICTIONARY, ROSTER))
    for part in (
        "ada (Charite)",
        "oslo (Ullevaal)",
        "patients.age (years)",
        "rho 0.5 (epsilon 5.23 at",
        "EK 12/2026",
    ):
        assert part in text, part
    stranger = replace(STUDY, analysts=frozenset([AnalystId("eve")]))
    assert "eve (not in the roster)" in "\n".join(
        one.words for one in statements(stranger, DICTIONARY, ROSTER)
    )
    bare = replace(STUDY, permit="none", review=Review.ONE_PERSON)
    text = "\n".join(one.words for one in statements(bare, DICTIONARY, ROSTER))
    assert "Permit: none; the study says that it has no permit." in text
    assert "no node obeys the study" in text


def test_a_mode_that_is_no_differential_privacy_says_so() -> None:
    assert "which is no differential privacy" in promise_of(Mode.SUPPRESSED)
    assert "not a centre's totals" in promise_of(Mode.DP)


# To be filled in.


def test_the_template_lacks_nothing_but_what_is_marked() -> None:
    text = study_template(DICTIONARY, ANALYST, [OSLO, BERLIN])
    said = _said(text.encode())
    assert len(said) == text.count(f'"{FILL_IN}"')
    assert all("is not filled in yet" in one for one in said)
    keys = {line.split(" = ")[0] for line in text.splitlines() if " = " in line and not line.startswith("#")}
    assert keys == {line.split(" = ")[0] for line in examples.STUDY_BODY.splitlines() if " = " in line}
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if re.match(r"\w+ = ", line) and not line.startswith("format"):
            assert lines[number - 1].startswith("#"), f"{line} has no comment"


def test_a_title_cannot_leave_its_comment() -> None:
    table = DICTIONARY.table("patients")
    hostile = tuple(replace(one, title='x\npermit = "forged"\n# y\x7f') for one in table.fields)
    dictionary = replace(DICTIONARY, tables=(replace(table, fields=hostile), *DICTIONARY.tables[1:]))
    text = study_template(dictionary, ANALYST, [BERLIN])
    assert "forged" in text
    assert [line for line in text.splitlines() if line.startswith("permit")] == [f'permit = "{FILL_IN}"']
    assert all("not filled in" in one for one in _said(text.encode()))


# Two signatures.


def test_a_proposal_is_no_approval_and_an_approval_no_proposal() -> None:
    proposed = BARE.signed_by(OFFICER.text, OFFICER_KEY, PROPOSAL)
    assert (proposers(proposed, ROSTER), approvers(proposed, ROSTER)) == ((OFFICER,), ())
    with pytest.raises(SignatureError):
        open_study(proposed.to_bytes(), OFFICER, OFFICER_KEY.public_key())
    approved = BARE.signed_by(OFFICER.text, OFFICER_KEY, APPROVAL)
    assert (proposers(approved, ROSTER), approvers(approved, ROSTER)) == ((), (OFFICER,))
    assert open_study(approved.to_bytes(), OFFICER, OFFICER_KEY.public_key()) == STUDY


def test_whoever_proposes_may_approve_too_in_either_order() -> None:
    for kinds in permutations((PROPOSAL, APPROVAL)):
        text = BARE
        for kind in kinds:
            text = text.signed_by(OFFICER.text, OFFICER_KEY, kind)
        assert open_study(text.to_bytes(), OFFICER, OFFICER_KEY.public_key()) == STUDY
        assert (proposers(text, ROSTER), approvers(text, ROSTER)) == ((OFFICER,), (OFFICER,))
        assert without_worth(text, ROSTER) == ()


def test_a_signature_of_another_text_or_of_nobody_is_without_worth() -> None:
    signed = BARE.signed_by(ANALYST.text, ANALYST_KEY, PROPOSAL)
    assert proposers(signed, ROSTER) == (ANALYST,)
    edited = replace(signed, body=_edited(title='"Other"'))
    assert (proposers(edited, ROSTER), without_worth(edited, ROSTER)) == ((), (ANALYST.text,))
    for who, key in (("eve", ANALYST_KEY), (ANALYST.text, OSLO_KEY), (OSLO_OFFICER.text, OFFICER_KEY)):
        stranger = BARE.signed_by(who, key, PROPOSAL)
        assert (proposers(stranger, ROSTER), without_worth(stranger, ROSTER)) == ((), (who,))


def test_an_analyst_cannot_approve() -> None:
    assert approvers(BARE.signed_by(ANALYST.text, ANALYST_KEY, APPROVAL), ROSTER) == ()


def test_a_key_has_one_owner() -> None:
    found = [member_of(key.public_key(), ROSTER) for key in (ANALYST_KEY, OFFICER_KEY, OSLO_KEY)]
    assert [one and one.id for one in found] == [ANALYST, OFFICER, OSLO_OFFICER]
    assert member_of(Ed25519PrivateKey.generate().public_key(), ROSTER) is None


def test_the_hash_is_of_the_body_alone_and_of_every_byte_of_it() -> None:
    signed = BARE.signed_by(ANALYST.text, ANALYST_KEY, PROPOSAL)
    assert study_digest(signed) == study_digest(BARE)
    unended = SignedText(body=BODY.rstrip(b"\n"), signatures=())
    assert study_digest(unended) == study_digest(unended.signed_by("ada", ANALYST_KEY, PROPOSAL))
    others = {
        study_digest(replace(BARE, body=BODY[:n] + bytes([BODY[n] ^ 1]) + BODY[n + 1 :])) for n in range(99)
    }
    assert len(others) == 99
    assert study_digest(BARE) not in others


# Decisions.

DECISION = Decision(
    study=STUDY.id,
    body=study_digest(BARE),
    centre=BERLIN,
    officer=OFFICER,
    verdict=Verdict.REJECTED,
    reason='No permit "for" this\\purpose.',
    at=NOW,
)


def test_a_decision_comes_back_as_it_was_made() -> None:
    for one in (DECISION, replace(DECISION, verdict=Verdict.APPROVED, reason="")):
        assert open_decision(decision_text(one, OFFICER_KEY), ROSTER) == one


FORGED: dict[str, tuple[Decision, Ed25519PrivateKey, str]] = {
    "another centre's officer": (
        replace(DECISION, officer=OSLO_OFFICER),
        OSLO_KEY,
        "no officer of the centre",
    ),
    "another's key": (DECISION, OSLO_KEY, "no right signature"),
    "an analyst": (replace(DECISION, officer=OfficerId("ada")), ANALYST_KEY, "no right signature"),
    "nobody": (replace(DECISION, officer=OfficerId("eve")), OFFICER_KEY, "no right signature"),
    "a rejection without a reason": (replace(DECISION, reason=""), OFFICER_KEY, "'reason'"),
    "a reason of two lines": (replace(DECISION, reason="a\nb"), OFFICER_KEY, "'reason'"),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_decision_counts_only_from_that_centres_officer(name: str) -> None:
    decision, key, says = FORGED[name]
    with pytest.raises(ProtocolError, match=says):
        open_decision(decision_text(decision, key), ROSTER)


def test_an_officer_cannot_speak_in_anothers_name() -> None:
    """Oslo's officer signs, rightly, a decision that names Berlin's."""
    body = SignedText.parse(decision_text(DECISION, OFFICER_KEY)).body
    forged = SignedText(body=body, signatures=()).signed_by(OSLO_OFFICER.text, OSLO_KEY, "decision")
    with pytest.raises(SignatureError, match="no right signature of 'officer-berlin'"):
        open_decision(forged.to_bytes(), ROSTER)


def test_a_decision_has_every_key_once_and_no_other() -> None:
    body = SignedText.parse(decision_text(DECISION, OFFICER_KEY)).body.decode()
    for line in body.splitlines():
        for edited in (
            body.replace(line + "\n", ""),
            body.replace(line, f"{line}\n{line}"),
            body.replace(line, f"{line.split(' = ')[0]} = 1"),
            body.replace(line, f"{line}\nextra = 1"),
        ):
            text = SignedText(body=edited.encode(), signatures=())
            with pytest.raises(TextError):
                open_decision(text.signed_by(OFFICER.text, OFFICER_KEY, "decision").to_bytes(), ROSTER)


def test_every_flipped_bit_of_a_decision_is_refused() -> None:
    octets = decision_text(DECISION, OFFICER_KEY)
    for place in range(len(octets)):
        for bit in (1, 32, 128):
            flipped = octets[:place] + bytes([octets[place] ^ bit]) + octets[place + 1 :]
            with pytest.raises(ProtocolError):
                open_decision(flipped, ROSTER)


def test_the_last_word_counts_and_of_two_at_once_the_rejection() -> None:
    yes = replace(DECISION, verdict=Verdict.APPROVED, reason="")
    later = replace(yes, at=NOW + timedelta(seconds=1))
    other = replace(yes, body=study_digest(SignedText(body=b"other", signatures=())), at=later.at)
    for order in permutations((DECISION, yes, other)):
        assert latest(order, DECISION.body) == {BERLIN: DECISION}
    for order in permutations((DECISION, yes, later)):
        assert latest(order, DECISION.body) == {BERLIN: later}


def test_a_reason_is_one_line() -> None:
    assert is_reason("", Verdict.APPROVED)
    assert is_reason("x" * 500, Verdict.REJECTED)
    for reason in ("", "  ", "x" * 501, "a\nb", "\x1b[2J"):
        assert not is_reason(reason, Verdict.REJECTED)
