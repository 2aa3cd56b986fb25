"""The roster that a node believes, kept in its data folder. spec/roster.md 3 and 4.

At a start the greater version counts: that of the settings' file, or of the one that was stored. So
neither a restored file nor a relay brings back who was removed. The stored file is the node's memory:
it is replaced whole, and on the disk before it is obeyed.
"""

import logging
import os
from contextlib import suppress
from pathlib import Path

from node.errors import RulesError
from node.settings import Settings
from protocols.belief import Belief
from protocols.errors import ProtocolError, TextError
from protocols.root import Root, read_root
from protocols.trust import Trusted, greater, remembered

_log = logging.getLogger("skerry.node")
FILE = "roster.toml"
"""The believed roster, in the data folder."""


def believed(settings: Settings) -> Trusted:
    """Say which roster the node believes, from its files; nothing is written. Raises RulesError."""
    return _chosen(settings)[0]


def _chosen(settings: Settings) -> tuple[Trusted, Trusted]:
    """Give the believed roster, and that of the settings' file."""
    root = _root(settings)
    named = _trusted(settings.roster, root, "")
    path = settings.data / FILE
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):  # whoever needs the folder says what it is
        return named, named
    except OSError as error:
        raise _unreadable(path, error) from None
    stored = _trusted(path, root, f"was the root replaced? then take {path} away, and keep a copy of it")
    try:
        held = greater(stored, named)
    except ProtocolError as error:
        what = f"{settings.roster} and {path}: {error}"
        raise RulesError(what, next_step="the root has signed both: tell the consortium") from None
    return held, named


def belief_of(settings: Settings) -> Belief:
    """Take up what the node believes, and store it. For the one node that runs. Raises RulesError."""
    held, named = _chosen(settings)
    if named.roster.version < held.roster.version:
        versions = f"file={named.roster.version} believed={held.roster.version}"
        _log.info("event=roster_older %s", versions)
    path = settings.data / FILE
    try:
        # Also where it is there already: it may have been put there, and not be on the disk yet.
        keep(path, held.octets)
    except OSError as error:
        raise RulesError(f"the roster {path} cannot be stored ({error.strerror})") from None
    return Belief(_root(settings), held, lambda octets: keep(path, octets))


def keep(path: Path, octets: bytes) -> None:
    """Store a roster: whole, and on the disk when this returns. Raises OSError."""
    partial = path.with_suffix(".partial")
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(octets)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        _sync(path.parent)
    except OSError:
        with suppress(OSError):
            partial.unlink()
        raise


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _root(settings: Settings) -> Root:
    try:
        return read_root(_read(settings.root))
    except TextError as error:
        raise _wrong(settings.root, error) from None


def _trusted(path: Path, root: Root, next_step: str) -> Trusted:
    try:
        return remembered(_read(path), root)
    except TextError as error:
        raise _wrong(path, error) from None
    except ProtocolError as error:
        raise RulesError(f"{path}: {error}", next_step=next_step) from None


def _wrong(path: Path, error: TextError) -> RulesError:
    return RulesError(f"{path}: {error.problems[0]}", problems=error.problems)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: OSError) -> RulesError:
    return RulesError(f"{path} cannot be read ({error.strerror})")
