"""The files of the consortium: new ones that are kept, papers that are replaced whole, keys that are read.

* A set of new files is written as a whole or not at all, and no file that was there is touched.
* A paper is replaced by renaming a finished, durable one, so that a crash leaves the old or the new.
* A private key is made for its owner alone, and refused where others may read it.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from coordinator.consortium.errors import ConsortiumError
from coordinator.consortium.key_sets import KeySet
from protocols.keys import KEY_BYTES

_SECRET, _PUBLIC = 0o600, 0o644


def read_paper(path: Path, most: int) -> bytes:
    """Read a file of at most so many bytes, and one more of a larger one. Raises ConsortiumError."""
    try:
        with path.open("rb") as file:
            return file.read(most + 1)
    except OSError as error:
        what = f"{path} cannot be read ({error.strerror})"
        raise ConsortiumError("unreadable", what, "name the right file or folder") from None


def read_if_there(path: Path, most: int) -> bytes | None:
    """Read a file as `read_paper` does; None where there is none. Raises ConsortiumError."""
    return read_paper(path, most) if os.path.lexists(path) else None


def read_root_key(path: Path) -> Ed25519PrivateKey:
    """Read a private key of the root. Raises ConsortiumError."""
    octets = read_paper(path, KEY_BYTES)
    if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:  # who may read it, or write another
        what = f"the key {path} is open to others, who may have read it"
        raise ConsortiumError("open_key", what, f"if nobody has, run: chmod 600 {path}; else make a new root")
    if len(octets) != KEY_BYTES:
        what = f"{path} is no key of a root, which has {KEY_BYTES} bytes"
        raise ConsortiumError("no_key", what, "name the file that was made as root-NAME.key")
    return Ed25519PrivateKey.from_private_bytes(octets)


def write_set(folder: Path, made: KeySet, *others: str) -> None:
    """Write a set of new files, making the folder if need be. Raises ConsortiumError; then nothing is left.

    `others` are names beside which no new set may lie.
    """
    try:
        _check_free(folder, (*made.secrets, made.public_name, *others))
        with _undone(folder) as begun:
            for name, octets in made.secrets.items():
                _write_new(folder / name, octets, _SECRET, begun)
            _write_new(folder / made.public_name, made.public, _PUBLIC, begun)
            _settle(folder)
    except OSError as error:
        raise not_written(folder, error) from None


def _check_free(folder: Path, names: tuple[str, ...]) -> None:
    if folder.exists() and not folder.is_dir():
        raise ConsortiumError("no_folder", f"{folder} is a file, and no folder", "name another folder")
    for name in names:
        if os.path.lexists(folder / name):
            what = f"{folder / name} is there already, and is kept"
            raise ConsortiumError("exists", what, "name another folder")


def replace_paper(path: Path, octets: bytes) -> None:
    """Write a paper durably in the place of the one that is there, or of none. Raises ConsortiumError."""
    begun: list[Path] = []
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        _write_new(fresh, octets, _PUBLIC, begun)
        fresh.replace(path)
        _settle(path.parent)
    except OSError as error:
        raise not_written(path, error) from None
    finally:
        _take_away(begun, [])


def remove_paper(path: Path) -> None:
    """Take a paper away. Raises ConsortiumError."""
    try:
        path.unlink()
        _settle(path.parent)
    except OSError as error:
        raise not_written(path, error) from None


@contextmanager
def _undone(folder: Path) -> Iterator[list[Path]]:
    """Make a folder, and take away what was begun in it when anything stops the work, Ctrl-C too."""
    folders = [one for one in (folder, *folder.parents) if not os.path.lexists(one)]
    begun: list[Path] = []
    try:
        for one in reversed(folders):
            one.mkdir(mode=0o700)
        yield begun
    except BaseException:
        _take_away(begun, folders)
        raise


def _take_away(files: list[Path], folders: list[Path]) -> None:
    for path in files:
        with suppress(OSError):
            path.unlink()
    for path in folders:
        with suppress(OSError):
            path.rmdir()


def _write_new(path: Path, octets: bytes, mode: int, begun: list[Path]) -> None:
    """Write a new file durably, and note that it was begun; one that is there is never opened."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    begun.append(path)
    with os.fdopen(descriptor, "wb") as file:
        file.write(octets)
        file.flush()
        os.fsync(file.fileno())


def _settle(folder: Path) -> None:
    """Make names of files durable, where the system can."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def not_written(path: Path, error: OSError) -> ConsortiumError:
    """Say what the system said when a file could not be written."""
    what = f"{path} cannot be written ({error.strerror})"
    return ConsortiumError("not_written", what, "check the folder, its owner and the disk's room")
