"""A consortium's folder on disk: opened, its draft replaced, its roster published. spec/roster.md 6."""

from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from coordinator.consortium.errors import ConsortiumError
from coordinator.consortium.files import read_if_there, read_paper, remove_paper, replace_paper
from coordinator.consortium.papers import DRAFT, ROOT, ROSTER, Papers, read_next, read_papers
from coordinator.consortium.signing import Signed
from protocols.roster import Roster, roster_text
from protocols.signed_text import MAX_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A folder as it was when it was opened."""

    path: Path
    papers: Papers
    draft: bytes | None

    @classmethod
    def open(cls, path: Path) -> "Folder":
        """Read and verify what a folder holds. Raises ConsortiumError."""
        _check_folder(path)
        draft = read_if_there(path / DRAFT, MAX_BYTES)
        roster = read_if_there(path / ROSTER, MAX_BYTES)
        papers = read_papers(read_paper(path / ROOT, MAX_BYTES), roster, draft)
        return cls(path=path, papers=papers, draft=draft)

    def keep(self, roster: Roster) -> frozenset[str]:
        """Make a roster the draft, and say whose signatures that drops. Raises ConsortiumError.

        A draft that says the same as before keeps its signatures.
        """
        body = roster_text(roster).encode()
        read_next(body, self.papers.root)  # what nobody could open is not for signing
        draft = self.papers.draft
        if draft is not None and draft.roster == roster:
            return frozenset()
        self._check_unchanged()
        replace_paper(self.path / DRAFT, body)
        return frozenset() if draft is None else draft.signers

    def sign(self, signed: Signed) -> None:
        """Put the signed draft in the draft's place, or in the roster's if that is enough."""
        self._check_unchanged()
        if not signed.is_enough:
            replace_paper(self.path / DRAFT, signed.octets)
            return
        replace_paper(self.path / ROSTER, signed.octets)
        remove_paper(self.path / DRAFT)

    def _check_unchanged(self) -> None:
        """Refuse when another command has changed the draft meanwhile: its change would be lost."""
        if read_if_there(self.path / DRAFT, MAX_BYTES) != self.draft:
            what = f"{self.path / DRAFT} was changed by another command meanwhile"
            raise ConsortiumError("changed", what, "run this one again")


def _check_folder(path: Path) -> None:
    try:
        names = sorted(one.name for one in path.iterdir())
    except OSError as error:
        what = f"the folder {path} cannot be read ({error.strerror})"
        raise ConsortiumError("no_folder", what, "name the consortium's folder with --folder") from None
    if ROOT not in names:
        advice = "name the consortium's folder with --folder, or make one: skerry consortium init FOLDER"
        raise ConsortiumError("no_root", f"{path} holds no {ROOT}", advice)
    # People who sign send drafts to each other: which one is meant is theirs to say.
    others = [one for one in names if fnmatch(one, "*draft*.toml") and one != DRAFT]
    if others:
        what = f"there is a second draft in {path}: {others[0]}"
        raise ConsortiumError("two_drafts", what, f"keep the right one as {DRAFT}, and move the other away")
