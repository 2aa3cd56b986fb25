"""What a consortium's folder holds: its root, the signed roster, and the draft of the next. Pure.

The draft is a roster file as well, with fewer signatures than it needs. It comes from somebody's disk or
mail, so that everything of it is read and checked again each time.
"""

from dataclasses import dataclass

from coordinator.consortium.errors import ConsortiumError
from protocols.errors import Problem, ProtocolError, TextError
from protocols.root import Root, read_root
from protocols.roster import Roster, read_draft
from protocols.signed_text import SignedText
from protocols.trust import Trusted, remembered

ROOT, ROSTER, DRAFT = "root.toml", "roster.toml", "roster.draft.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """The next roster, who belongs in it, and whose signatures under it are right."""

    text: SignedText
    roster: Roster
    signers: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Papers:
    """All of a folder, read: what was signed is verified, expired or not."""

    root: Root
    held: Trusted | None
    draft: Draft | None


def read_papers(root: bytes, roster: bytes | None, draft: bytes | None) -> Papers:
    """Read the files of a folder; None is a file that is not there. Raises ConsortiumError."""
    name = ROOT
    try:
        pinned = read_root(root)
        name = ROSTER
        held = None if roster is None else remembered(roster, pinned)
        name = DRAFT
        begun = None if draft is None else read_next(draft, pinned)
    except ProtocolError as error:
        raise _unusable(name, error) from None
    if held is not None and begun is not None and _is_left_over(begun, held):
        begun = None
    if begun is not None:
        _check_next(begun.roster.version, 0 if held is None else held.roster.version)
    return Papers(root=pinned, held=held, draft=begun)


def _is_left_over(draft: Draft, held: Trusted) -> bool:
    """Whether the last signature was given, and the program ended before it took the draft away."""
    return draft.text.body == SignedText.parse(held.octets).body


def _check_next(version: int, held: int) -> None:
    """Refuse a draft that does not follow the roster here: nobody could see what it changes."""
    if version <= held:
        what = f"{DRAFT} is of version {version}, and version {held} is signed already"
        raise ConsortiumError("stale_draft", what, "move it away, and make its changes again")
    if version > held + 1:
        what = f"{DRAFT} is of version {version}, and does not follow "
        what += f"the roster here, of version {held}" if held else "the first roster, which has version 1"
        raise ConsortiumError("ahead", what, f"put the roster of version {version - 1} here as {ROSTER}")


def read_next(octets: bytes, root: Root) -> Draft:
    """Read a draft. Raises TextError or SignatureError."""
    text = SignedText.parse(octets)
    return Draft(text=text, roster=read_draft(text.body, root), signers=text.signers(root.keys, "roster"))


def _unusable(name: str, error: ProtocolError) -> ConsortiumError:
    problems: tuple[Problem, ...] = error.problems if isinstance(error, TextError) else ()
    what = f"{name} cannot be used: {problems[0] if problems else error}"
    advice = "put the right one back"
    if name == DRAFT:
        advice = "correct it, or move it away and make its changes again"
    return ConsortiumError("papers", what, advice, problems=problems)
