"""What the consortium's commands leave when they fail midway, and what they decide. spec/roster.md 6."""

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from coordinator.consortium import files as consortium_files
from coordinator.consortium.drafts import Mark, changes, following, joined, left
from coordinator.consortium.errors import ConsortiumError
from coordinator.consortium.files import replace_paper, write_set
from coordinator.consortium.folder import Folder
from coordinator.consortium.key_sets import KeySet, analyst_set, officer_set, root_set
from coordinator.consortium.papers import DRAFT, ROSTER, Papers, read_papers
from coordinator.consortium.signing import signed as signed_by
from protocols.errors import TextError
from protocols.root import root_text
from protocols.roster import Sort, roster_text
from protocols.signed_text import SignedText
from tests.integration.wrong import consortium_files as paper

NOW = datetime.now(UTC)
_ROOT = root_text(paper.ROOT).encode()
_ROSTER = paper.signed(roster_text(paper.HELD), "anna", "carla")


def _state(folder: Path) -> dict[str, bytes]:
    return {str(one.relative_to(folder)): one.read_bytes() for one in folder.rglob("*") if one.is_file()}


# What goes wrong midway leaves nothing, and crashes leave the old or the new.


class _Broken(Exception):  # noqa: N818 -- stands for a crash
    pass


def _stop_at(monkeypatch: pytest.MonkeyPatch, call: int, error: BaseException) -> None:
    """Let the numbered call that makes something durable fail."""
    real, calls = os.fsync, iter(range(1000))

    def failing(descriptor: int) -> None:
        if next(calls) == call:
            raise error
        real(descriptor)

    monkeypatch.setattr(os, "fsync", failing)


SETS: dict[str, KeySet] = {
    "root": root_set("ketamine", ["anna", "ben"], 1)[1],
    "analyst": analyst_set("ada", "Bergen")[1],
    "officer": officer_set("olga", "berlin")[1],
}


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt(), _Broken()])
@pytest.mark.parametrize("is_there", [False, True])
def test_a_set_is_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, error: BaseException, is_there: bool
) -> None:
    made, folder = SETS[name], tmp_path / "a" / "b"
    if is_there:
        folder.mkdir(parents=True)
        (folder / "mine").write_bytes(b"mine")
    before, steps = _state(tmp_path), len(made.secrets) + 2
    for step in range(steps):
        with monkeypatch.context() as patch:
            _stop_at(patch, step, error)
            with pytest.raises(ConsortiumError if isinstance(error, OSError) else type(error)):
                write_set(folder, made)
        assert _state(tmp_path) == before
        assert (tmp_path / "a").exists() == is_there
    write_set(folder, made)
    assert len(_state(tmp_path)) == len(before) + steps - 1


def test_a_file_that_appears_meanwhile_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look and the writing somebody else makes one of the files: O_EXCL sees it."""
    made = SETS["analyst"]
    monkeypatch.setattr(consortium_files, "_check_free", lambda *_: None)
    (tmp_path / "sealing.key").write_bytes(b"mine")
    with pytest.raises(ConsortiumError, match="File exists"):
        write_set(tmp_path, made)
    assert _state(tmp_path) == {"sealing.key": b"mine"}


@pytest.mark.parametrize("step", [0, 1])
def test_a_paper_that_cannot_be_replaced_leaves_no_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    path = tmp_path / ROSTER
    path.write_bytes(b"old")
    with monkeypatch.context() as patch:
        _stop_at(patch, step, OSError(28, "No space left on device"))
        with pytest.raises(ConsortiumError, match="No space left"):
            replace_paper(path, b"new")
    assert _state(tmp_path) in ({ROSTER: b"old"}, {ROSTER: b"new"})
    replace_paper(path, b"newer")
    assert _state(tmp_path) == {ROSTER: b"newer"}


def test_a_crash_between_the_roster_and_its_draft_is_taken_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = paper.write_folder(tmp_path / "good")
    opened = Folder.open(folder)
    done = signed_by(opened.papers, paper.ROOT_KEYS["ben"], NOW)

    def crash(_: Path) -> None:
        raise _Broken

    monkeypatch.setattr("coordinator.consortium.folder.remove_paper", crash)
    with pytest.raises(_Broken):
        opened.sign(done)
    assert (folder / DRAFT).exists()
    after = Folder.open(folder)
    assert after.papers.draft is None
    assert after.papers.held is not None
    assert after.papers.held.roster == paper.NEXT
    after.keep(left(following(after.papers, paper.EXPIRES), Sort.CENTRE, "paris")[0])
    again = Folder.open(folder).papers.draft
    assert again is not None
    assert again.roster.version == paper.NEXT.version + 1


@pytest.mark.parametrize(
    "act",
    [
        lambda one: one.keep(joined(paper.NEXT, paper.BOB)),
        lambda one: one.sign(signed_by(one.papers, paper.ROOT_KEYS["ben"], NOW)),
    ],
    ids=["keep", "sign"],
)
def test_a_draft_that_another_command_changed_is_not_overwritten(
    tmp_path: Path, act: Callable[[Folder], object]
) -> None:
    folder = paper.write_folder(tmp_path / "good")
    first, second = Folder.open(folder), Folder.open(folder)
    second.keep(joined(paper.NEXT, paper.OSLO))
    before = _state(folder)
    with pytest.raises(ConsortiumError, match="changed by another command"):
        act(first)
    assert _state(folder) == before


# What decides, by itself.


def test_a_draft_that_says_the_same_keeps_its_signatures(tmp_path: Path) -> None:
    folder = paper.write_folder(tmp_path / "good")
    before, opened = _state(folder), Folder.open(folder)
    assert opened.keep(following(opened.papers, paper.EXPIRES)) == frozenset()
    assert _state(folder) == before


def test_a_roster_that_nobody_could_open_does_not_become_the_draft(tmp_path: Path) -> None:
    """A fault of our own would be noticed by no keeper: the text is read once more before it is kept."""
    folder = paper.write_folder(tmp_path / "good")
    before, opened = _state(folder), Folder.open(folder)
    twice = replace(paper.PARIS, institution=paper.BERLIN.institution)
    with pytest.raises(TextError):
        opened.keep(replace(paper.NEXT, centres={paper.BERLIN.id: paper.BERLIN, twice.id: twice}))
    assert _state(folder) == before


def test_to_sign_leaves_out_what_counts_for_nothing() -> None:
    body = roster_text(paper.NEXT).encode()
    text = SignedText(body=body, signatures=()).signed_by("eve", paper.STRANGER, "roster")
    text = text.signed_by("ben", paper.STRANGER, "roster").signed_by(
        "anna", paper.ROOT_KEYS["anna"], "roster"
    )
    papers = read_papers(_ROOT, _ROSTER, text.to_bytes())
    done = signed_by(papers, paper.ROOT_KEYS["ben"], NOW)
    assert [name for name, _ in SignedText.parse(done.octets).signatures] == ["anna", "ben"]
    assert (done.signer, done.signers, done.is_enough) == ("ben", frozenset({"anna", "ben"}), True)


def test_only_right_signatures_are_kept_and_each_once() -> None:
    text = SignedText(body=roster_text(paper.NEXT).encode(), signatures=())
    text = text.signed_by("anna", paper.STRANGER, "roster")
    for _ in range(3):
        text = text.signed_by("anna", paper.ROOT_KEYS["anna"], "roster")
    root = replace(paper.ROOT, threshold=3)
    papers = read_papers(root_text(root).encode(), None, None)
    held = read_papers(_ROOT, _ROSTER, text.to_bytes())
    done = signed_by(replace(papers, draft=held.draft), paper.ROOT_KEYS["ben"], NOW)
    assert [name for name, _ in SignedText.parse(done.octets).signatures] == ["anna", "ben"]
    assert not done.is_enough, "two have signed, and five lines"


def test_what_nobody_would_believe_is_not_made_the_roster() -> None:
    """The last fence, with the others out of the way: a draft that is older than what is held."""
    later = paper.signed(roster_text(replace(paper.NEXT, version=9)), "anna", "ben")
    held = read_papers(_ROOT, later, None).held
    draft = read_papers(_ROOT, _ROSTER, paper.signed(roster_text(paper.NEXT), "anna")).draft
    with pytest.raises(ConsortiumError, match="nobody would believe the draft: the roster is version 3"):
        signed_by(Papers(root=paper.ROOT, held=held, draft=draft), paper.ROOT_KEYS["ben"], NOW)


def test_a_stranger_who_copies_a_name_into_the_draft_has_not_signed() -> None:
    text = SignedText(body=roster_text(paper.NEXT).encode(), signatures=())
    forged = text.signed_by("anna", paper.STRANGER, "roster").signed_by("carla", paper.STRANGER, "roster")
    papers = read_papers(_ROOT, _ROSTER, forged.to_bytes())
    assert papers.draft is not None
    assert papers.draft.signers == frozenset()
    assert not signed_by(papers, paper.ROOT_KEYS["ben"], NOW).is_enough


def test_changes_name_everybody_who_differs() -> None:
    before = paper.HELD
    roster = joined(before, paper.OSLO)
    roster, gone = left(roster, Sort.ANALYST, "ada")
    moved = replace(paper.OLGA, keys=paper.keys(50))
    roster = replace(roster, officers={moved.id: moved})
    assert gone == (paper.ADA,)
    found = {(one.mark, one.entry.id.text) for one in changes(before, roster)}
    assert found == {(Mark.ENTERED, "oslo"), (Mark.LEFT, "ada"), (Mark.CHANGED, "olga")}
    assert changes(before, before) == ()
    assert {one.mark for one in changes(None, before)} == {Mark.ENTERED}


def test_to_leave_undoes_to_join() -> None:
    for entry, sort in ((paper.OSLO, Sort.CENTRE), (paper.OTTO, Sort.OFFICER), (paper.BOB, Sort.ANALYST)):
        roster, gone = left(joined(paper.HELD, entry), sort, entry.id.text)
        assert (roster, gone) == (paper.HELD, (entry,))


def test_a_centre_takes_its_own_officers_along_and_no_others() -> None:
    other = replace(paper.OTTO, centre=paper.OSLO.id)
    roster = joined(joined(paper.HELD, paper.OSLO), other)
    after, gone = left(roster, Sort.CENTRE, "berlin")
    assert gone == (paper.BERLIN, paper.OLGA)
    assert list(after.officers) == [other.id]


def test_a_key_set_does_not_show_its_keys() -> None:
    for made in SETS.values():
        shown = repr(made)
        assert all(
            secret.hex() not in shown and repr(secret) not in shown for secret in made.secrets.values()
        )
