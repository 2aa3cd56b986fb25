"""A study's file and the decisions that came back, as the commands read and write them."""

import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from coordinator.analyst.profile import Profile
from coordinator.consortium.errors import ConsortiumError
from coordinator.consortium.files import replace_paper
from protocols.decisions import Decision, open_decision
from protocols.errors import ProtocolError, TextError
from protocols.program import Exit, ProgramError
from protocols.roster import Roster
from protocols.signed_text import MAX_BYTES, SignedText
from protocols.studies import Study
from protocols.study_check import problems_of
from protocols.study_reading import study_of

_ADVICE = "every key is in protocols/spec/study.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyFile:
    """A study's text, and what it says."""

    path: Path
    text: SignedText
    study: Study


def read_study(path: Path) -> StudyFile:
    """Read a study, signed or not yet. Raises ProgramError with everything that is wrong with it."""
    try:
        text = SignedText.parse(_octets(path))
        return StudyFile(path=path, text=text, study=study_of(text.body))
    except OSError as error:
        what = f"the study {path} cannot be read ({error.strerror})"
        raise ProgramError(Exit.WRONG_USE, "no_file", what, "name an existing file") from None
    except TextError as error:
        what = f"the study {path} is wrong: {error.problems[0]}"
        raise ProgramError(Exit.WRONG_USE, "study", what, _ADVICE, problems=error.problems) from None
    except ProtocolError as error:
        raise ProgramError(Exit.WRONG_USE, "study", f"the study {path} is wrong: {error}", _ADVICE) from None


def check_study(file: StudyFile, profile: Profile, now: datetime) -> None:
    """Refuse a study that is wrong beside dictionary, roster and date. Raises ProgramError."""
    problems = problems_of(file.study, file.text.body, profile.dictionary, profile.roster, now)
    if problems:
        what = f"the study {file.path} is wrong: {problems[0]}"
        raise ProgramError(Exit.WRONG_USE, "study", what, _ADVICE, problems=problems)


def write_new(path: Path, text: str) -> None:
    """Write a file that was not there. Raises ProgramError."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    except FileExistsError:
        advice = "name another file, or move this one away"
        raise ProgramError(
            Exit.WRONG_USE, "exists", f"{path} is there already, and is kept", advice
        ) from None
    except OSError as error:
        raise _not_written(path, error) from None
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        with suppress(OSError):
            path.unlink()
        raise _not_written(path, error) from None


def replace_text(path: Path, octets: bytes) -> None:
    """Write a file anew as a whole, by one rename. Raises ProgramError; then the old one stands."""
    try:
        replace_paper(path, octets)
    except ConsortiumError as error:
        raise ProgramError(Exit.WRONG_USE, error.code, str(error), error.next_step) from None


def read_decisions(folder: Path, roster: Roster) -> dict[Path, Decision | str]:
    """Read what centres sent back; of a file that is no decision, why not. Raises ProgramError."""
    found: dict[Path, Decision | str] = {}
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix == ".toml")
    except OSError as error:
        what = f"the decisions {folder} cannot be read ({error.strerror})"
        advice = "name the folder in which you keep what the centres sent back"
        raise ProgramError(Exit.WRONG_USE, "no_folder", what, advice) from None
    for path in paths:
        try:
            found[path] = open_decision(_octets(path), roster)
        except OSError as error:
            found[path] = f"cannot be read ({error.strerror})"
        except ProtocolError as error:
            found[path] = str(error).splitlines()[0]
    return found


def _octets(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)


def _not_written(path: Path, error: OSError) -> ProgramError:
    what = f"{path} cannot be written ({error.strerror})"
    return ProgramError(Exit.WRONG_USE, "not_written", what, "name a file in a folder that you may write to")
