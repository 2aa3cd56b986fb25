"""`skerry-node study list|show|approve|reject`: an officer reads a study, decides, and the node obeys."""

import html
import re
import shutil
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import pytest

from deploy.sandbox.authority import signing_key
from node.errors import RulesError
from node.policy import Policy
from node.rules import load_rules
from node.settings import load_settings
from node.study_here import cost_of
from privacy.accountant import epsilon_of, shown_epsilon
from privacy.loss import ZERO, Loss
from protocols.decisions import Verdict, open_decision
from protocols.ids import StudyId
from protocols.queries import Mode
from protocols.signed_text import SignedText
from protocols.studies import Review, Study
from protocols.study_reading import study_of
from protocols.study_signing import APPROVAL, PROPOSAL, study_digest
from protocols.study_words import shown_loss
from tests.protocols.page_reader import read_page
from tests.study_desk import HOSTILE, StudyDesk, write_box

MINE = StudyId("mine")
Words = Callable[[StudyDesk], tuple[object, ...]]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_box(tmp_path_factory.mktemp("studies") / "box")


@pytest.fixture
def desk(written: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> StudyDesk:
    shutil.copytree(written, tmp_path / "box")
    return StudyDesk(tmp_path / "box", capfd)


def _approve(desk: StudyDesk, path: Path, *words: object) -> dict[str, object]:
    said = desk.node("study", "approve", path, "--key", desk.officer_key(), "--json", *words)
    assert said.exit_code == 0, said.stderr
    return dict(said.json)


# From an idea to a rule.


def test_from_a_new_study_to_one_that_the_node_obeys(desk: StudyDesk) -> None:
    path = desk.filled()
    assert desk.analyst("study", "check", path).exit_code == 0
    assert desk.analyst("study", "sign", path).exit_code == 0
    assert desk.node("study", "show", path).exit_code == 0
    assert MINE not in desk.rules().studies
    tree = _approve(desk, path)
    study = desk.rules().studies[MINE]
    assert study == study_of(SignedText.parse(path.read_bytes()).body)
    filed = SignedText.parse((desk.centre() / "studies" / "mine.toml").read_bytes())
    assert filed.body == SignedText.parse(path.read_bytes()).body, "exactly the bytes that were proposed"
    assert [who for who, _ in filed.signatures] == ["analyst", "officer-berlin"]
    (file,) = desk.decisions()
    decision = open_decision(file.read_bytes(), desk.rules().roster)
    assert (decision.verdict, decision.body) == (Verdict.APPROVED, study_digest(filed))
    assert tree["decision_file"] == str(file)
    listed = desk.node("study", "list", "--json").json
    assert {one["study"]: one["state"] for one in listed["studies"]} == {
        "mine": "in force",
        "sandbox": "in force",
    }
    assert [one["decision"] for one in listed["decisions"]] == ["approved"]
    assert MINE not in desk.rules("oslo").studies, "one centre's officer decides for no other"


def test_a_proposal_in_the_folder_is_not_obeyed(desk: StudyDesk) -> None:
    shutil.copy(desk.proposed(), desk.centre() / "studies")
    with pytest.raises(RulesError, match="no signature of 'officer-berlin'"):
        desk.rules()


def test_another_centres_approval_in_the_folder_is_not_obeyed(desk: StudyDesk) -> None:
    path = desk.proposed()
    assert (
        desk.node("study", "approve", path, "--key", desk.officer_key("oslo"), centre="oslo").exit_code == 0
    )
    shutil.copy(desk.centre("oslo") / "studies" / "mine.toml", desk.centre() / "studies")
    with pytest.raises(RulesError, match="no signature of 'officer-berlin'"):
        desk.rules()


def test_an_officers_own_proposal_is_approved_by_a_second_signature(desk: StudyDesk) -> None:
    path = desk.filled()
    assert desk.analyst("study", "sign", path, "--key", desk.officer_key()).exit_code == 0
    shutil.copy(path, desk.centre() / "studies")
    with pytest.raises(RulesError, match="signature of 'officer-berlin' under the study is wrong"):
        desk.rules()
    (desk.centre() / "studies" / path.name).unlink()
    _approve(desk, path)
    assert MINE in desk.rules().studies


def test_a_rejection_changes_nothing_but_the_decision(desk: StudyDesk) -> None:
    path = desk.proposed()
    before = desk.files()
    words = ("--key", desk.officer_key(), "--reason", "the permit has ended", "--json")
    tree = desk.node("study", "reject", path, *words).json
    (file,) = desk.decisions()
    assert desk.files().keys() - before.keys() == {file}
    assert {name: octets for name, octets in desk.files().items() if name != file} == before
    assert (tree["decision"], tree["reason"]) == ("rejected", "the permit has ended")
    decision = open_decision(file.read_bytes(), desk.rules().roster)
    assert (decision.verdict, decision.reason) == (Verdict.REJECTED, "the permit has ended")
    assert "rejected mine: the permit has ended" in desk.node("study", "list").stdout


def test_what_cannot_be_approved_can_be_rejected(desk: StudyDesk) -> None:
    path = desk.proposed(centres='["oslo", "paris"]')
    words = ("--key", desk.officer_key(), "--reason", "this centre is not named")
    assert desk.node("study", "reject", path, *words).exit_code == 0


def test_a_study_of_the_same_name_is_replaced_on_demand_only(desk: StudyDesk) -> None:
    first = desk.proposed()
    _approve(desk, first)
    other = desk.proposed("other.toml", study_rho='"0.4"', statistics='["count"]')
    before = desk.files()
    said = desk.node("study", "approve", other, "--key", desk.officer_key())
    assert said.exit_code == 2
    for part in ("no more: Statistics: count, mean.", "new: Statistics: count.", "rho 0.4", "--replace"):
        assert part in said.stderr, part
    assert desk.files() == before
    (place,) = desk.centre().glob("studies/mine.toml")
    place.rename(place.with_name("by-another-name.toml"))
    tree = _approve(desk, other, "--replace")
    assert tree["study_file"] == str(place.with_name("by-another-name.toml"))
    assert not place.exists()
    assert desk.rules().studies[MINE].study_budget == Loss.parse("0.4")


def test_what_the_same_words_hide_is_still_another_text(desk: StudyDesk) -> None:
    _approve(desk, desk.proposed())
    other = desk.filled("other.toml")
    other.write_bytes(other.read_bytes().replace(b"# One line for people.", b"# One line."))
    assert desk.analyst("study", "sign", other).exit_code == 0
    said = desk.node("study", "approve", other, "--key", desk.officer_key())
    assert said.exit_code == 2
    assert "its wording only" in said.stderr


# What the officer is shown.


def _shown(desk: StudyDesk, path: Path) -> tuple[str, str, dict[str, object]]:
    page = desk.root / "page.html"
    said = desk.node("study", "show", path, "--page", page)
    assert said.exit_code == 0, said.stderr
    tree = desk.node("study", "show", path, "--json").json
    return said.stdout, page.read_text(encoding="utf-8"), dict(tree)


def test_text_page_and_json_hold_every_key(desk: StudyDesk) -> None:
    text, page, tree = _shown(desk, desk.proposed())
    says = tree["says"]
    assert isinstance(says, list)
    assert {one["key"] for one in says} == {one.name for one in fields(Study)}
    plain = " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page)).split())
    for one in says:
        assert one["words"].replace("\n", "\\n") in text, one["key"]
        assert " ".join(one["words"].split()) in plain, one["key"]


def test_nothing_of_others_becomes_a_tag_or_a_line(desk: StudyDesk) -> None:
    text, page, _ = _shown(desk, desk.proposed())
    assert HOSTILE.split("\n")[0] in text
    assert "\npermit" not in text
    assert '<b>"at"' not in page
    assert html.escape("<b>") in page
    read_page(page)


def test_the_cost_is_the_lowest_cap_and_r_times_that_for_a_person(desk: StudyDesk) -> None:
    text, page, tree = _shown(desk, desk.proposed(study_rho='"0.3"', centres_per_person="3"))
    cost = tree["cost"]
    assert isinstance(cost, dict)
    assert (cost["here_rho"], cost["per_person_rho"], cost["delta"]) == ("0.3", "0.9", 1e-6)
    assert cost["here_epsilon"] == epsilon_of(Loss.parse("0.3"))
    for loss in ("0.3", "0.9"):
        assert f"rho {loss} (epsilon {shown_epsilon(epsilon_of(Loss.parse(loss)))}" in text
        assert f"rho {loss} (epsilon {shown_epsilon(epsilon_of(Loss.parse(loss)))}" in page


def test_what_the_policy_refuses_anyway_is_said(desk: StudyDesk) -> None:
    path = desk.proposed(study_rho='"unlimited"', analyst_rho='"unlimited"')
    policy = desk.centre() / "policy.toml"
    body = SignedText.parse(policy.read_bytes()).body.replace(
        b"forbidden_fields = []", b'forbidden_fields = ["people.age"]'
    )
    text = SignedText(body=body, signatures=())
    policy.write_bytes(text.signed_by("officer-berlin", signing_key(desk.officer_key()), "policy").to_bytes())
    text_shown, page, tree = _shown(desk, path)
    for part in ("names people.age is refused", "lose any amount; the policy refuses"):
        assert part in text_shown
        assert part in page
    assert len(tree["refuses"]) >= 2  # type: ignore[arg-type]


def test_a_mode_that_the_policy_lacks_costs_nothing_and_is_refused(desk: StudyDesk) -> None:
    path = desk.filled(modes='["suppressed"]')
    table = '\n[suppressed]\nrule = "five"\nquestions = 3\ntables = ["statistic: {kind: count, by: [sex]}"]\n'
    path.write_text(path.read_text(encoding="utf-8") + table, encoding="utf-8")
    assert desk.analyst("study", "sign", path).exit_code == 0
    text, _, tree = _shown(desk, path)
    assert "Mode suppressed is refused: the policy does not allow it." in text
    assert "a table that may be asked: statistic: {kind: count, by: [sex]}" in text
    cost = tree["cost"]
    assert isinstance(cost, dict)
    assert (cost["here_rho"], cost["questions"]) == ("0", 0)


def test_what_is_wrong_is_shown_and_not_hidden_by_what_is_right(desk: StudyDesk) -> None:
    path = desk.forced(desk.proposed(), PROPOSAL, '["berlin", "oslo", "paris"]', '["oslo", "pariss", "rome"]')
    text, page, tree = _shown(desk, path)
    for part in ("does not name this centre, 'berlin'", "did you mean 'paris'?"):
        assert part in text
        assert part in html.unescape(page)
    assert len(tree["problems"]) == 3  # type: ignore[arg-type]
    assert "this centre could not obey it" in page


def test_the_lowest_cap_counts_and_none_means_no_limit(desk: StudyDesk) -> None:
    policy, study = desk.rules().policy, study_of(SignedText.parse(desk.proposed().read_bytes()).body)
    free = replace(policy, query_cap=None, registry_cap=None, study_cap=None, analyst_cap=None)
    unlimited = replace(study, study_budget=None, analyst_budget=None)
    assert cost_of(unlimited, free).here is None
    assert cost_of(unlimited, free).per_person is None
    assert "there is no limit" in shown_loss(None)
    one, two = Loss.parse("0.1"), Loss.parse("0.2")
    cases: list[tuple[Policy, Study, Loss]] = [
        (replace(free, registry_cap=one), replace(study, study_budget=two), one),
        (replace(free, study_cap=one), replace(study, study_budget=two), one),
        (replace(free, study_cap=two), replace(study, study_budget=one), one),
        (free, replace(study, study_budget=one), one),
        (replace(free, modes=frozenset()), replace(study, study_budget=one), ZERO),
        (free, replace(study, modes=frozenset([Mode.SUPPRESSED])), ZERO),
    ]
    for rules, asked, most in cases:
        cost = cost_of(asked, rules)
        assert cost.here == most
        assert cost.per_person == Loss(most.nano_rho * asked.centres_per_person)


# A review that nobody can do.


@pytest.mark.parametrize("review", [one for one in Review if one is not Review.NONE])
def test_a_study_that_demands_a_review_is_never_obeyed(desk: StudyDesk, review: Review) -> None:
    path = desk.proposed(review=f'"{review.value}"')
    before = desk.files()
    said = desk.node("study", "approve", path, "--key", desk.officer_key())
    assert said.exit_code == 2
    assert "this version cannot hold releases" in said.stderr
    assert desk.files() == before
    text = SignedText.parse(path.read_bytes())
    signed = text.signed_by("officer-berlin", signing_key(desk.officer_key()), APPROVAL)
    (desk.centre() / "studies" / "mine.toml").write_bytes(signed.to_bytes())
    with pytest.raises(RulesError, match="cannot hold releases"):
        desk.rules()


# Wrong uses.


def _stranger(desk: StudyDesk) -> Path:
    path = desk.root / "stranger.key"
    signing_key(path)
    return path


def _short(desk: StudyDesk) -> Path:
    path = desk.root / "short.key"
    path.write_bytes(b"short")
    path.chmod(0o600)
    return path


def _open_key(desk: StudyDesk) -> Path:
    path = desk.officer_key()
    path.chmod(0o644)
    return path


def _bytes(desk: StudyDesk, content: bytes) -> Path:
    path = desk.root / "garbage.toml"
    path.write_bytes(content)
    return path


def _approved(desk: StudyDesk) -> Path:
    path = desk.proposed()
    _approve(desk, path)
    return path


def _edited_after(desk: StudyDesk) -> Path:
    path = desk.proposed()
    path.write_bytes(path.read_bytes().replace(b'"Mine"', b'"Yours"'))
    return path


def _taken_name(desk: StudyDesk) -> Path:
    """The file's place is taken by the study `sandbox`."""
    studies = desk.centre() / "studies"
    (studies / "sandbox.toml").rename(studies / "mine.toml")
    return desk.proposed()


def _approve_with(key: Callable[[StudyDesk], Path]) -> Words:
    return lambda desk: ("approve", desk.proposed(), "--key", key(desk))


def _approve_of(study: Callable[[StudyDesk], Path]) -> Words:
    return lambda desk: ("approve", study(desk), "--key", desk.officer_key())


def _reject_of(study: Callable[[StudyDesk], Path], reason: str = "no") -> Words:
    return lambda desk: ("reject", study(desk), "--key", desk.officer_key(), "--reason", reason)


def _edited(old: str, new: str) -> Callable[[StudyDesk], Path]:
    """A study that its author signed although the commands would not."""
    return lambda desk: desk.forced(desk.proposed(), PROPOSAL, old, new)


ALL = '["berlin", "oslo", "paris"]'
WRONG: dict[str, tuple[Words, str]] = {
    "show of no file": (lambda desk: ("show", desk.root / "none.toml"), "cannot be read"),
    "show of a folder": (lambda desk: ("show", desk.root), "cannot be read"),
    "show without a file": (lambda _: ("show",), "FILE is missing"),
    "show of garbage": (lambda desk: ("show", _bytes(desk, b"\xff\xfe")), "not TOML"),
    "show of nothing": (lambda desk: ("show", _bytes(desk, b"")), "format"),
    "show of another paper": (lambda desk: ("show", desk.centre() / "policy.toml"), "skerry.study/1"),
    "show of a cut signature": (
        lambda desk: ("show", _bytes(desk, b"a = 1\n# skerry-signature: me abc\n")),
        "signature lines",
    ),
    "a page that is none": (
        lambda desk: ("show", desk.proposed(), "--page", desk.root / "page.toml"),
        "ends with .html",
    ),
    "a page in no folder": (
        lambda desk: ("show", desk.proposed(), "--page", desk.root / "no" / "page.html"),
        "cannot be written",
    ),
    "approve without a key": (lambda desk: ("approve", desk.proposed()), "--key is missing"),
    "approve with no key": (_approve_with(lambda desk: desk.root / "none.key"), "cannot be read"),
    "approve with a stranger's key": (_approve_with(_stranger), "is not the key of the officer"),
    "approve with another officer's key": (
        _approve_with(lambda desk: desk.officer_key("oslo")),
        "is not the key of the officer 'officer-berlin'",
    ),
    "approve with the centre's own key": (
        _approve_with(lambda desk: desk.centre() / "keys" / "identity.key"),
        "is not the key of the officer",
    ),
    "approve with the analyst's key": (
        _approve_with(lambda desk: desk.root / "analyst" / "signing.key"),
        "is not the key of the officer",
    ),
    "approve with a short key": (_approve_with(_short), "32 bytes"),
    "approve with a key that is open": (_approve_with(_open_key), "chmod 600"),
    "approve of what nobody proposed": (_approve_of(lambda desk: desk.filled()), "nobody of the roster"),
    "approve of what was changed after that": (_approve_of(_edited_after), "nobody of the roster"),
    "approve of what does not name the centre": (
        _approve_of(_edited(ALL, '["oslo", "paris"]')),
        "does not name this centre",
    ),
    "approve of a centre that nobody knows": (
        _approve_of(_edited(ALL, '["berlin", "oslo", "pariss"]')),
        "did you mean 'paris'?",
    ),
    "approve of an analyst whom nobody knows": (
        _approve_of(_edited('["analyst"]', '["eve"]')),
        "'eve', which is no analyst",
    ),
    "approve of a mistyped field": (_approve_of(_edited("people.sex", "people.sexx")), "'people.sex'?"),
    "approve of an identifier": (_approve_of(_edited("people.sex", "people.surname")), "identifier"),
    "approve of one that has expired": (
        _approve_of(lambda desk: desk.forced(desk.proposed(), PROPOSAL, "expires = 20", "expires = 19")),
        "has passed",
    ),
    "approve of another registry": (_approve_of(_edited('"small"', '"large"')), "'large'"),
    "approve of what is wrong by itself": (
        _approve_of(_edited("colluders = 1", "colluders = 3")),
        "'colluders' is 0 to 2",
    ),
    "approve twice": (_approve_of(_approved), "is in force here already"),
    "approve where another stands": (_approve_of(_taken_name), "holds another study"),
    "reject without a reason": (
        lambda desk: ("reject", desk.proposed(), "--key", desk.officer_key()),
        "--reason is missing",
    ),
    "reject for nothing": (_reject_of(lambda desk: desk.proposed(), " "), "--reason is a line"),
    "reject for two lines": (_reject_of(lambda desk: desk.proposed(), "a\nb"), "--reason is a line"),
    "reject for too long": (_reject_of(lambda desk: desk.proposed(), "x" * 501), "--reason is a line"),
    "reject of what is in force": (_reject_of(_approved), "would not be true"),
    "reject of what is no study": (
        _reject_of(lambda desk: _bytes(desk, b"title = 1\n")),
        "its format is not skerry.study/1",
    ),
    "reject with another officer's key": (
        lambda desk: ("reject", desk.proposed(), "--key", desk.officer_key("oslo"), "--reason", "no"),
        "is not the key of the officer",
    ),
    "an unknown command": (lambda desk: ("aprove", desk.proposed()), "did you mean 'approve'?"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_use_is_a_sentence_and_changes_nothing(desk: StudyDesk, name: str) -> None:
    words, says = WRONG[name]
    given = words(desk)
    before = desk.files()
    said = desk.node("study", *given)
    assert (said.exit_code, said.stdout) == (2, "")
    assert says in said.stderr
    assert len(said.stderr.splitlines()) == 2, "one sentence, and what to do"
    assert desk.files() == before


@pytest.mark.parametrize("folder", ["studies", "decisions"])
def test_what_cannot_be_written_leaves_nothing_half_done(desk: StudyDesk, folder: str) -> None:
    path = desk.proposed()
    studies = sorted(desk.rules().studies)
    if folder == "decisions":
        (desk.centre() / "data" / "decisions").write_bytes(b"a file in the folder's place")
    else:
        # A folder where the new study's text would be begun.
        (desk.centre() / "studies" / ".mine.toml.partial").mkdir()
    said = desk.node("study", "approve", path, "--key", desk.officer_key())
    assert said.exit_code == 2
    assert "cannot be written" in said.stderr
    assert sorted(desk.rules().studies) == studies
    assert not list(desk.centre().glob("data/decisions/*"))


def test_a_study_by_another_dictionary_is_listed_as_such(desk: StudyDesk) -> None:
    _approve(desk, desk.proposed())
    dictionary = desk.root / "shared" / "dictionary"
    dictionary.write_bytes(dictionary.read_bytes().replace(b"maximum: 120", b"maximum: 121"))
    listed = desk.node("study", "list", "--json").json
    assert {one["state"] for one in listed["studies"]} == {"of another dictionary"}


def test_rules_that_are_wrong_end_every_command(desk: StudyDesk) -> None:
    path = desk.proposed()
    (desk.centre() / "policy.toml").write_bytes(b"no policy")
    key = ("--key", desk.officer_key())
    before = desk.files()
    for words in (
        ("list",),
        ("show", path),
        ("approve", path, *key),
        ("reject", path, *key, "--reason", "no"),
    ):
        assert desk.node("study", *words).exit_code == 2
    assert desk.files() == before
    with pytest.raises(RulesError):
        load_rules(load_settings(desk.centre() / "node.toml"))
