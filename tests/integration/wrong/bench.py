"""The bench on which wrong uses are tried: its folders, a command run in this process, what must hold after."""

import contextlib
import hashlib
import os
import re
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import typer

import coordinator.analyst.cli
import coordinator.cli
import deploy.sandbox.cli
import node.cli
from protocols.program import run
from tests.integration.federation import PROJECT, Outcome
from tests.integration.wrong.use import WrongUse

APPS: dict[str, typer.Typer] = {
    "skerry": coordinator.analyst.cli.app,
    "skerry-node": node.cli.app,
    "skerry-coordinator": coordinator.cli.app,
    "skerry-sandbox": deploy.sandbox.cli.app,
}
MAY_CHANGE = frozenset({"run.lock", "import.lock", "status.json"})
"""Locks, which a look may make; and who is on the link, which the coordinator writes."""
REPORTS = frozenset({"imports", "logs"})
"""Folders that are added to: a refused import leaves its report."""

_WITHIN_S = 3
_FAULT = re.compile(r"Traceback|\b[A-Z][A-Za-z]+(?:Error|Exception|Warning)\b|\bat 0x|<class |\bNone\b|Errno")


@dataclass(slots=True)
class Bench:
    """Folders, by the names that the words of a use have for them, and their state after the last use."""

    places: Mapping[str, Path]
    here: Path
    output: Any = None
    _read: dict[str, tuple[tuple[int, ...], str]] = field(default_factory=dict)

    def state(self) -> dict[str, str]:
        """Give every file with its content's hash, every link with its aim, and every folder."""
        found: dict[str, str] = {}
        for folder in {*self.places.values(), self.here}:
            for parent, folders, files in os.walk(folder):
                folders[:] = [one for one in folders if one not in REPORTS]
                found |= {os.path.join(parent, one): "folder" for one in folders}
                for one in files:
                    if one not in MAY_CHANGE and not one.endswith(("-shm", "-wal")):
                        found[os.path.join(parent, one)] = self._content(os.path.join(parent, one))
        return found

    def _content(self, path: str) -> str:
        """Give what is in a file; one of which the system says that nothing changed is not read again."""
        status = os.lstat(path)
        stamp = (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        if path not in self._read or self._read[path][0] != stamp:
            self._read[path] = (stamp, _content(Path(path)))
        return self._read[path][1]

    def run(self, use: WrongUse, *more: str) -> Outcome:
        """Run the words of a use in this process, in an empty folder."""
        name, *words = use.argv(self.places)
        self.output.readouterr()
        with contextlib.chdir(self.here), _ended_by_itself():
            exit_code = run(APPS[name], name, [*words, *more])
        out, err = self.output.readouterr()
        return Outcome(exit_code=exit_code, stdout=out, stderr=err)


@contextlib.contextmanager
def _ended_by_itself() -> Iterator[None]:
    """Break off a program that took a wrong use for a right one, and began to serve."""

    def too_long(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(_WITHIN_S)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _content(path: Path) -> str:
    if path.is_symlink():
        return os.readlink(path)
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "no file"
