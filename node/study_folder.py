"""Studies and decisions on the disk: what is in force, and how an officer's word is put there.

A study comes into force by one rename, so a node never finds half of one. The decision is written first
beside its place and gets its name last: what it says is then true.
"""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from node.errors import RulesError
from node.settings import Settings
from protocols.decisions import Decision, open_decision
from protocols.errors import ProtocolError
from protocols.ids import Digest, StudyId
from protocols.roster import Roster
from protocols.signed_text import SignedText
from protocols.studies import Study
from protocols.study_reading import study_of
from protocols.study_signing import study_digest

DECISIONS = "decisions"
"""The folder of decisions in the data folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filed:
    """A study in the studies folder."""

    path: Path
    study: Study
    body: Digest


def filed_studies(settings: Settings) -> dict[StudyId, Filed]:
    """Read the studies folder. Raises RulesError; signatures are for `load_rules` to verify."""
    found = {}
    for path in sorted(settings.studies.glob("*.toml")):
        try:
            text = SignedText.parse(path.read_bytes())
            study = study_of(text.body)
        except OSError as error:
            raise RulesError(f"{path} cannot be read ({error.strerror})") from None
        except ProtocolError as error:
            raise RulesError(f"{path}: {error}") from None
        found[study.id] = Filed(path=path, study=study, body=study_digest(text))
    return found


def own_decisions(settings: Settings, roster: Roster) -> dict[Path, Decision | str]:
    """Give what was decided here, newest last; of what is no decision, why not."""
    found: dict[Path, Decision | str] = {}
    for path in sorted((settings.data / DECISIONS).glob("*.toml")):
        try:
            found[path] = open_decision(path.read_bytes(), roster)
        except OSError as error:
            found[path] = f"cannot be read ({error.strerror})"
        except ProtocolError as error:
            found[path] = str(error)
    return found


def place_of(settings: Settings, study: StudyId, before: Filed | None) -> Path:
    """Say where a study goes: in its predecessor's place. Raises RulesError where another one stands."""
    path = before.path if before is not None else settings.studies / f"{study}.toml"
    if before is None and os.path.lexists(path):
        advice = "give that file another name, which ends with .toml"
        raise RulesError(f"{path} is there already, and holds another study", next_step=advice)
    return path


def put_decision(
    settings: Settings, decision: Decision, octets: bytes, study: tuple[Path, bytes] | None = None
) -> Path:
    """Write a decision, and before it gets its name the study that it puts in force, if any.

    Raises RulesError, and then nothing is in force that was not before.
    """
    folder = settings.data / DECISIONS
    # The centre is in the name: whoever proposed the study keeps all centres' decisions in one folder.
    which = f"{decision.at:%Y%m%dT%H%M%SZ}.{str(decision.body)[:8]}"
    name = f"{decision.study}.{decision.centre}.{which}.{decision.verdict.value}.toml"
    path = folder / name
    try:
        settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        if os.path.lexists(path):
            raise RulesError(f"{path} is there already", next_step="wait a second, and decide again")
        partial = _written(path, octets)
        try:
            if study is not None:
                study[0].parent.mkdir(parents=True, exist_ok=True)
                _written(*study).replace(study[0])
                _sync(study[0].parent)
            partial.replace(path)
        finally:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
        _sync(folder)
    except OSError as error:
        raise RulesError(f"{error.filename or folder} cannot be written ({error.strerror})") from None
    return path


def _written(path: Path, octets: bytes) -> Path:
    """Write beside a path, and to the disk; whoever calls renames. The dot keeps it out of every list."""
    partial = path.with_name(f".{path.name}.partial")
    with suppress(OSError):
        partial.unlink()
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(octets)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        with suppress(OSError):
            partial.unlink()
        raise
    return partial


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
