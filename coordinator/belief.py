"""The roster that the coordinator believes, kept in its data folder. spec/roster.md 3 and 4.

At a start the greater version counts: that of the settings' file, or of the one that was stored. Where
both come from a backup, the centres bring the newer one back (spec/link.md 7).
"""

import logging
import os
from contextlib import suppress
from pathlib import Path

from coordinator.errors import SettingsError, StoreError
from coordinator.settings import Settings
from protocols.belief import Belief
from protocols.errors import ProtocolError, TextError
from protocols.root import Root, read_root
from protocols.trust import Trusted, greater, remembered

_log = logging.getLogger("skerry.coordinator")
FILE = "roster.toml"
"""The believed roster, in the data folder."""


def believed(settings: Settings) -> Trusted:
    """Say which roster the coordinator believes, from its files; nothing is written. Raises SettingsError."""
    return _chosen(settings)[0]


def _chosen(settings: Settings) -> tuple[Trusted, Trusted]:
    """Give the believed roster, and that of the settings' file."""
    root = _root(settings)
    named = _trusted(settings.roster, root)
    path = settings.data / FILE
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):  # whoever needs the folder says what it is
        return named, named
    except OSError as error:
        raise _unreadable(path, error) from None
    stored = _trusted(path, root)
    try:
        held = greater(stored, named)
    except ProtocolError as error:
        raise SettingsError(f"{settings.roster} and {path}: {error}") from None
    return held, named


def belief_of(settings: Settings) -> Belief:
    """Take up what the coordinator believes, and store it. For the one that runs on the data folder.

    Raises SettingsError or StoreError.
    """
    held, named = _chosen(settings)
    if named.roster.version < held.roster.version:
        versions = f"file={named.roster.version} believed={held.roster.version}"
        _log.info("event=roster_older %s", versions)
    path = settings.data / FILE
    try:
        # Also where it is there already: it may have been put there, and not be on the disk yet.
        keep(path, held.octets)
    except OSError as error:
        raise StoreError(f"the roster {path} cannot be stored ({error.strerror})") from None
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


def _trusted(path: Path, root: Root) -> Trusted:
    try:
        return remembered(_read(path), root)
    except TextError as error:
        raise _wrong(path, error) from None
    except ProtocolError as error:
        raise SettingsError(f"{path}: {error}") from None


def _wrong(path: Path, error: TextError) -> SettingsError:
    return SettingsError(f"{path}: {error.problems[0]}", problems=error.problems)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: OSError) -> SettingsError:
    return SettingsError(f"{path} cannot be read ({error.strerror})")
