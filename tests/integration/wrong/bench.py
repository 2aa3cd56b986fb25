"""The bench on which wrong uses are tried: its folders, a command run on it, and what must hold after."""

import contextlib
import hashlib
import os
import re
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import typer

import coordinator.analyst.cli
import coordinator.cli
import deploy.sandbox.cli
import node.cli
from protocols.program import run
from tests.integration.federation import Outcome
from tests.integration.wrong.use import WrongUse

APPS: dict[str, typer.Typer] = {
    "skerry": coordinator.analyst.cli.app,
    "skerry-node": node.cli.app,
    "skerry-coordinator": coordinator.cli.app,
    "skerry-sandbox": deploy.sandbox.cli.app,
}
LOCKS = frozenset({"run.lock", "import.lock"})
"""Files that a look may make, and which hold nothing."""
REPORTS = frozenset({"imports", "logs"})
"""Folders that are added to: a refused import leaves its report, a running program its log."""
SIDES = ("-shm", "-wal")
"""Ends of SQLite's files beside a database, which come and go with its readers where nothing runs."""

_WITHIN_S = 20
_FAULT = re.compile(r"Traceback|\b[A-Z]\w*(?:Error|Exception|Warning)\b|\bat 0x|<class |\bNone\b|\.py\b")
_ERROR = {"format", "code", "message", "next_step", "centres"}


@dataclass(slots=True)
class Bench:
    """Folders, by the names that the words of a use have for them; commands run in the folder `here`."""

    places: Mapping[str, object]
    here: Path
    watched: tuple[Path, ...]
    unwatched: tuple[str, ...] = SIDES
    _read: dict[str, tuple[tuple[int, ...], str]] = field(default_factory=dict)

    def state(self) -> dict[str, str]:
        """Give every file with its content's hash, every link with its aim, and every folder."""
        found: dict[str, str] = {}
        for folder in (*self.watched, self.here):
            for parent, folders, names in os.walk(folder):
                folders[:] = [one for one in folders if one not in REPORTS]
                found |= {f"{parent}/{one}": "a folder" for one in folders}
                kept = (one for one in names if one not in LOCKS and not one.endswith(self.unwatched))
                found |= {f"{parent}/{one}": self._content(f"{parent}/{one}") for one in kept}
        return found

    def _content(self, path: str) -> str:
        """Give what is in a file; one of which the system says that nothing changed is not read again."""
        status = os.lstat(path)
        stamp = (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        if path not in self._read or self._read[path][0] != stamp:
            self._read[path] = (stamp, _content(Path(path)))
        return self._read[path][1]

    def run(self, use: WrongUse, form: str, output: pytest.CaptureFixture[str]) -> Outcome:
        """Run the words of a use in this process, in an empty folder."""
        name, *words = use.argv(self.places)
        output.readouterr()
        with contextlib.chdir(self.here), _ended_by_itself():
            exit_code = run(APPS[name], name, [*words, form] if form else words)
        out, err = output.readouterr()
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
        return str(path.readlink())
    return hashlib.sha256(path.read_bytes()).hexdigest()


def check_told(use: WrongUse, outcome: Outcome, *, in_json: bool) -> None:
    """Hold what a program said against spec/commands.md: the code, one sentence, a next step, one object."""
    assert outcome.exit_code == use.exit_code, outcome.stderr
    assert not _FAULT.search(outcome.stderr + outcome.stdout), outcome.stderr
    lines = outcome.stderr.split("\n")
    assert lines.pop() == ""
    assert all(line.isprintable() for line in lines), lines
    (place,) = [number for number, line in enumerate(lines) if line.startswith(f"{use.program}: ")]
    sentence, *others, step = lines[place:]
    sentence = sentence.removeprefix(f"{use.program}: ")
    assert re.search(use.says, sentence), sentence
    assert all(line.startswith("  also ") for line in others), others
    assert step.startswith("  ")
    assert re.search(use.then, step.strip()), step
    if not in_json:
        assert outcome.stdout == ""
        return
    assert outcome.stdout.count("\n") == 1
    tree = outcome.json
    assert set(tree) >= _ERROR
    assert tree["format"] == "skerry.error/1"
    assert re.fullmatch("[a-z_]+", tree["code"])
    assert (tree["message"], tree["next_step"]) == (sentence, step.strip())
    assert len(tree.get("problems", [])) in (0, 1 + len(others))
