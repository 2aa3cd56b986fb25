"""`skerry study new|check|sign|status`: a study on its author's desk, until the officers have spoken."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.sandbox.authority import signing_key
from protocols.signed_text import SignedText
from protocols.study_signing import APPROVAL, PROPOSAL
from tests.study_desk import CENTRES, FILLED, StudyDesk, write_box


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_box(tmp_path_factory.mktemp("studies") / "box")


@pytest.fixture
def desk(written: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> StudyDesk:
    shutil.copytree(written, tmp_path / "box")
    return StudyDesk(tmp_path / "box", capfd)


def test_a_new_study_is_filled_from_profile_and_lacks_only_what_is_marked(desk: StudyDesk) -> None:
    path = desk.root / "mine.toml"
    tree = desk.analyst("study", "new", path, "--json").json
    assert tree == {"format": "skerry.study-new/1", "file": str(path), "to_fill_in": len(FILLED)}
    text = path.read_text(encoding="utf-8")
    assert 'registry = "small"' in text
    assert 'centres = ["berlin", "oslo", "paris"]' in text
    assert 'analysts = ["analyst"]' in text
    assert "people.surname" not in text, "no question may name it"
    said = desk.analyst("study", "check", path)
    assert said.exit_code == 2
    assert said.stderr.count("is not filled in yet") == len(FILLED)


def test_a_filled_study_is_told_in_words(desk: StudyDesk) -> None:
    path = desk.filled()
    said = desk.analyst("study", "check", path)
    assert said.exit_code == 0, said.stderr
    for part in (
        "not proposed yet",
        "* Title: Mine",
        "people.sex (Sex at birth)",
        "2 of the 3 centres",
        "EK 12/2026",
    ):
        assert part in said.stdout, part
    assert "\npermit" not in said.stdout, "a title's line feed is escaped"
    tree = desk.analyst("study", "check", path, "--json").json
    assert (tree["format"], tree["is_valid"], tree["proposed_by"]) == ("skerry.study-check/1", True, [])
    assert {one["words"] for one in tree["says"]} >= {"Title: Mine", "Permit: EK 12/2026"}


@pytest.mark.parametrize("left", FILLED)
def test_no_mark_may_be_left(desk: StudyDesk, left: str) -> None:
    path = desk.filled(**{left: '"FILL IN"'})
    before = desk.files()
    for command in ("check", "sign"):
        said = desk.analyst("study", command, path)
        assert said.exit_code == 2
        assert f"'{left}' is not filled in yet" in said.stderr
    assert desk.files() == before


def test_to_sign_is_to_propose(desk: StudyDesk) -> None:
    path = desk.filled()
    body = path.read_bytes()
    tree = desk.analyst("study", "sign", path, "--json").json
    assert tree["proposed_by"] == ["analyst"]
    text = SignedText.parse(path.read_bytes())
    assert text.body == body, "not a byte of it changes"
    key = signing_key(desk.root / "analyst" / "signing.key").public_key()
    assert text.signers({"analyst": key}, PROPOSAL) == {"analyst"}
    assert text.signers({"analyst": key}, APPROVAL) == frozenset()
    assert "proposed by analyst" in desk.analyst("study", "check", path).stdout


def test_an_officer_may_propose_beside_an_analyst(desk: StudyDesk) -> None:
    path = desk.proposed()
    said = desk.analyst("study", "sign", path, "--key", desk.officer_key("oslo"), "--json")
    assert said.json["proposed_by"] == ["analyst", "officer-oslo"]


def test_a_study_that_was_changed_after_it_was_signed_is_said(desk: StudyDesk) -> None:
    path = desk.proposed()
    path.write_bytes(path.read_bytes().replace(b'"Mine"', b'"Yours"'))
    tree = desk.analyst("study", "check", path, "--json").json
    assert (tree["proposed_by"], tree["without_worth"]) == ([], ["analyst"])
    assert "without worth: a signature of analyst" in desk.analyst("study", "check", path).stdout


# What the centres said.


def _decided(desk: StudyDesk, path: Path) -> Path:
    """Berlin approves, Oslo rejects, Paris is silent; their decisions are sent back."""
    said = desk.node("study", "approve", path, "--key", desk.officer_key())
    assert said.exit_code == 0, said.stderr
    words = ("--key", desk.officer_key("oslo"), "--reason", "no permit in Oslo")
    assert desk.node("study", "reject", path, *words, centre="oslo").exit_code == 0
    folder = desk.root / "back"
    folder.mkdir()
    for centre in CENTRES:
        for one in desk.decisions(centre):
            shutil.copy(one, folder)
    return folder


def _states(desk: StudyDesk, path: Path, folder: Path) -> dict[str, str]:
    tree = desk.analyst("study", "status", path, "--decisions", folder, "--json").json
    return {centre: one["state"] for centre, one in tree["centres"].items()}


def test_status_says_who_approved_who_rejected_and_who_is_silent(desk: StudyDesk) -> None:
    path = desk.proposed()
    folder = _decided(desk, path)
    said = desk.analyst("study", "status", path, "--decisions", folder)
    assert said.exit_code == 0
    assert "berlin: approved by officer-berlin" in said.stdout
    assert "no permit in Oslo" in said.stdout
    assert "paris: no word" in said.stdout
    assert _states(desk, path, folder) == {"berlin": "approved", "oslo": "rejected", "paris": "no_word"}


def test_a_decision_on_another_text_does_not_count(desk: StudyDesk) -> None:
    folder = _decided(desk, desk.proposed())
    other = desk.proposed("other.toml", title='"Mine, with one word more"')
    said = desk.analyst("study", "status", other, "--decisions", folder)
    assert said.stdout.count("no word") == 3
    assert said.stdout.count("it is about another text, of the study 'mine'") == 2


def test_a_decision_by_another_centres_officer_does_not_count(desk: StudyDesk) -> None:
    path = desk.proposed()
    folder = _decided(desk, path)
    for one in folder.glob("mine.berlin.*"):
        one.unlink()
    (rejection,) = folder.glob("mine.oslo.*")
    body = SignedText.parse(rejection.read_bytes()).body
    key = signing_key(desk.officer_key("oslo"))
    for name, text in {
        "in-paris-name.toml": body.replace(b'"oslo"', b'"paris"'),
        "as-paris-officer.toml": body.replace(b'"oslo"', b'"paris"').replace(
            b"officer-oslo", b"officer-paris"
        ),
    }.items():
        forged = SignedText(body=text, signatures=()).signed_by("officer-oslo", key, "decision")
        (folder / name).write_bytes(forged.to_bytes())
    (folder / "garbage.toml").write_bytes(b"\xff")
    (folder / "unsigned.toml").write_bytes(body)
    assert _states(desk, path, folder) == {"berlin": "no_word", "oslo": "rejected", "paris": "no_word"}
    tree = desk.analyst("study", "status", path, "--decisions", folder, "--json").json
    assert tree["left_out"].keys() == {
        "in-paris-name.toml",
        "as-paris-officer.toml",
        "garbage.toml",
        "unsigned.toml",
    }
    right = SignedText(body=body, signatures=()).signed_by("officer-oslo", key, "decision")
    rejection.write_bytes(right.to_bytes())
    assert _states(desk, path, folder)["oslo"] == "rejected", "the same key, for its own centre"


def test_a_decision_of_a_centre_that_is_not_asked_is_left_out(desk: StudyDesk) -> None:
    path = desk.proposed(centres='["berlin", "oslo"]')
    words = ("--key", desk.officer_key("paris"), "--reason", "not ours")
    assert desk.node("study", "reject", path, *words, centre="paris").exit_code == 0
    (one,) = desk.decisions("paris")
    tree = desk.analyst("study", "status", path, "--decisions", one.parent, "--json").json
    assert tree["centres"].keys() == {"berlin", "oslo"}
    assert "does not ask the centre 'paris'" in tree["left_out"][one.name]


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


def _edited_after(desk: StudyDesk) -> Path:
    path = desk.proposed()
    path.write_bytes(path.read_bytes().replace(b'"Mine"', b'"Yours"'))
    return path


Words = Callable[[StudyDesk], tuple[object, ...]]
WRONG: dict[str, tuple[Words, str]] = {
    "new without a file": (lambda _: ("new",), "FILE is missing"),
    "new over a file": (lambda desk: ("new", desk.root / "analyst.toml"), "is there already, and is kept"),
    "new in no folder": (lambda desk: ("new", desk.root / "no" / "mine.toml"), "cannot be written"),
    "check of no file": (lambda desk: ("check", desk.root / "none.toml"), "cannot be read"),
    "check of a folder": (lambda desk: ("check", desk.root), "cannot be read"),
    "check of nothing": (lambda desk: ("check", _bytes(desk, b"")), "format"),
    "check of garbage": (lambda desk: ("check", _bytes(desk, b"\xff\xfe")), "not TOML"),
    "check of another paper": (lambda desk: ("check", desk.centre() / "policy.toml"), "skerry.study/1"),
    "check of a cut signature": (
        lambda desk: ("check", _bytes(desk, b"a = 1\n# skerry-signature: me abc\n")),
        "signature lines",
    ),
    "check of a mistyped field": (
        lambda desk: ("check", desk.filled(fields='["people.agee"]')),
        "did you mean 'people.age'?",
    ),
    "check of a field that nobody may name": (
        lambda desk: ("check", desk.filled(fields='["people.surname"]')),
        "identifier",
    ),
    "check of an analyst whom nobody knows": (
        lambda desk: ("check", desk.filled(analysts='["analist"]')),
        "did you mean 'analyst'?",
    ),
    "check of a centre that nobody knows": (
        lambda desk: ("check", desk.filled(centres='["berlin", "osol"]')),
        "did you mean 'oslo'?",
    ),
    "check of one that has expired": (
        lambda desk: ("check", desk.filled(expires="2020-01-01T00:00:00Z")),
        "has passed",
    ),
    "check of another dictionary": (
        lambda desk: ("check", desk.filled(dictionary=f'"{"0" * 64}"')),
        "whose hash is",
    ),
    "check of another registry": (lambda desk: ("check", desk.filled(registry='"large"')), "'large'"),
    "an unknown option": (lambda desk: ("check", desk.filled(), "--fix"), "--fix"),
    "sign of what is wrong": (lambda desk: ("sign", desk.filled(colluders="3")), "'colluders' is 0 to 2"),
    "sign twice": (lambda desk: ("sign", desk.proposed()), "has proposed the study"),
    "sign of what was changed": (lambda desk: ("sign", _edited_after(desk)), "fits neither this text nor"),
    "sign without the key": (
        lambda desk: ("sign", desk.filled(), "--key", desk.root / "none.key"),
        "cannot be read",
    ),
    "sign with a stranger's key": (
        lambda desk: ("sign", desk.filled(), "--key", _stranger(desk)),
        "the roster knows no analyst and no officer",
    ),
    "sign with a centre's key": (
        lambda desk: ("sign", desk.filled(), "--key", desk.centre() / "keys" / "identity.key"),
        "the roster knows no analyst and no officer",
    ),
    "sign with a short key": (lambda desk: ("sign", desk.filled(), "--key", _short(desk)), "32 bytes"),
    "sign with a key that is open": (
        lambda desk: ("sign", desk.filled(), "--key", _open_key(desk)),
        "chmod 600",
    ),
    "status without decisions": (lambda desk: ("status", desk.filled()), "--decisions is missing"),
    "status with no folder": (
        lambda desk: ("status", desk.filled(), "--decisions", desk.root / "none"),
        "cannot be read",
    ),
    "an unknown command": (lambda desk: ("submitt", desk.filled()), "there is no command"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_use_is_a_sentence_and_changes_nothing(desk: StudyDesk, name: str) -> None:
    words, says = WRONG[name]
    given = words(desk)
    before = desk.files()
    said = desk.analyst("study", *given)
    assert (said.exit_code, said.stdout) == (2, "")
    assert says in said.stderr
    assert len(said.stderr.splitlines()) == 2, "one sentence, and what to do"
    assert desk.files() == before


def test_a_profile_that_is_wrong_is_said(desk: StudyDesk) -> None:
    path = desk.filled()
    (desk.root / "analyst" / "signing.key").chmod(0o644)
    for words in (("check", path), ("sign", path), ("new", desk.root / "b.toml")):
        said = desk.analyst("study", *words)
        assert said.exit_code == 2
        assert "chmod 600" in said.stderr
    assert not (desk.root / "b.toml").exists()
