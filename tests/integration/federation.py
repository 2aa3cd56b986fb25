"""A real federation for a test: `skerry-sandbox up` in a folder of its own, and always `down`.

The programs are started as anybody starts them. Only `ask` runs in the test's process, because the
analyst's library is made for that. Nothing sleeps: `eventually` looks again until a deadline.
"""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from coordinator.analyst import Result, connect
from deploy.sandbox.federation import status
from deploy.sandbox.places import Places
from deploy.sandbox.processes import Started, remember, remembered

PROJECT = Path(__file__).resolve().parents[2]
HEART = PROJECT / "deploy" / "data" / "uci-heart"
HEART_DICTIONARY = PROJECT / "protocols" / "dictionaries" / "uci-heart.yaml"
HEART_CENTRES = ("cleveland", "hungarian", "switzerland", "va")

ALL_BUT_EXACT = "1000000000"
"""The greatest rho of one query: the noise scale is far below one step, so the answer is the truth."""

_WITHIN_S = 45.0
_LOOK_EVERY_S = 0.02
_GRACE_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a program did: its exit code and what it wrote."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> dict[str, Any]:
        """The one object on standard output; anything else there is a failure."""
        tree = json.loads(self.stdout)
        assert isinstance(tree, dict)
        return tree


def program(name: str, *words: object, env: Mapping[str, str] | None = None) -> Outcome:
    """Run a program of this installation to its end."""
    command = [str(Path(sys.executable).parent / name), *map(str, words)]
    environment = {**os.environ, **(env or {})}
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=environment,
        stdin=subprocess.DEVNULL,
    )
    return Outcome(exit_code=done.returncode, stdout=done.stdout, stderr=done.stderr)


def eventually(what: str, is_so: Callable[[], object], within_s: float = _WITHIN_S) -> None:
    """Look until something is so; fail at the deadline."""
    deadline = time.monotonic() + within_s
    while not is_so():
        if time.monotonic() > deadline:
            pytest.fail(f"not within {within_s:g} s: {what}")
        time.sleep(_LOOK_EVERY_S)


def question(statistic: Mapping[str, Any], *, rho: str = ALL_BUT_EXACT, **more: object) -> dict[str, Any]:
    """Write a question; the loss is so high that the noise vanishes unless said otherwise."""
    release = {"mode": "dp", "scope": "centre", "rho": rho}
    return {"study": "sandbox", "statistic": dict(statistic), "release": release, **more}


@dataclass(slots=True)
class Federation:
    """A sandbox that is up."""

    root: Path
    centres: tuple[str, ...]
    _own: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def places(self) -> Places:
        return Places(self.root)

    @property
    def profile(self) -> Path:
        return self.root / "analyst.toml"

    def ask(self, statistic: Mapping[str, Any], *, rho: str = ALL_BUT_EXACT, **more: object) -> Result:
        """Ask through the analyst's library."""
        with connect(self.profile) as registry:
            return registry.ask(question(statistic, rho=rho, **more))

    def run(self, query: Mapping[str, Any], *words: str, profile: Path | None = None) -> Outcome:
        """Ask through the program, with --json."""
        file = self.root / "question.yaml"
        file.write_text(yaml.safe_dump(dict(query)), encoding="utf-8")
        return program("skerry", "--profile", profile or self.profile, "query", "run", file, "--json", *words)

    def node(self, centre: str, *words: object) -> Outcome:
        """Run a command of a centre's node."""
        return program("skerry-node", "--config", self.node_toml(centre), *words)

    def node_toml(self, centre: str) -> Path:
        return self.places.centre(centre) / "node.toml"

    def profile_with(self, **changed: object) -> Path:
        """Write a profile beside the analyst's own, with other settings."""
        lines = [
            line
            for line in self.profile.read_text(encoding="utf-8").splitlines()
            if line.split(" =")[0] not in changed
        ]
        lines += [f"{key} = {json.dumps(value)}" for key, value in changed.items()]
        path = self.root / f"profile-{len(list(self.root.glob('profile-*')))}.toml"
        path.write_text("\n".join(lines), encoding="utf-8")
        return path

    def online(self) -> set[str]:
        """Who is on the link, as `skerry-sandbox status` says, without starting it each time."""
        centres = status(self.places)["centres"]
        assert isinstance(centres, dict)
        return {name for name, one in centres.items() if one["is_online"]}

    def process(self, name: str) -> psutil.Process:
        """Find a process of the sandbox: `coordinator` or `centre-NAME`."""
        found = next(one.process() for one in remembered(self.places) if one.name == name)
        assert found is not None, f"{name} does not run"
        return found

    def kill(self, name: str) -> None:
        """End a process at once, as a power cut would."""
        process = self.process(name)
        process.kill()
        if name in self._own:
            self._own.pop(name).wait(_GRACE_S)
        else:
            eventually(f"{name} has ended", lambda: _has_ended(process))

    def start(self, name: str, command: Sequence[str] | None = None) -> None:
        """Start a process again that was killed; `command` in place of the program's own."""
        own = [str(Path(sys.executable).parent / "skerry-coordinator"), "run", "--config"]
        own += [str(self.places.coordinator / "coordinator.toml")]
        if name != "coordinator":
            config = self.node_toml(name.removeprefix("centre-"))
            own = [str(Path(sys.executable).parent / "skerry-node"), "--config", str(config), "run"]
        with (self.places.logs / f"{name}.log").open("ab") as log:
            child = subprocess.Popen(
                list(command or own), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        self._own[name] = child
        others = [one for one in remembered(self.places) if one.name != name]
        born = psutil.Process(child.pid).create_time()
        remember(self.places, [*others, Started(name=name, pid=child.pid, start_time=born)])

    def has_ended(self, name: str) -> bool:
        """Whether a process that this test started has ended by itself."""
        return self._own[name].poll() is not None

    def close(self) -> None:
        """Take the sandbox down, whatever state its processes are in."""
        for one in remembered(self.places):
            with contextlib.suppress(psutil.NoSuchProcess):
                if process := one.process():
                    process.resume()
        program("skerry-sandbox", "down", self.root)
        for child in self._own.values():
            child.wait(_GRACE_S)  # `down` has ended it; collected here, because the test is its parent


def _has_ended(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def up_words(root: Path, dictionary: Path, centres: Mapping[str, Path], *more: object) -> list[str]:
    """Write the words of `skerry-sandbox up`."""
    pairs = [word for name, path in centres.items() for word in ("--centre", f"{name}={path}")]
    return ["up", str(root), "--dictionary", str(dictionary), *pairs, *map(str, more)]


@contextlib.contextmanager
def federation(
    root: Path,
    dictionary: Path,
    centres: Mapping[str, Path],
    *more: object,
    env: Mapping[str, str] | None = None,
) -> Iterator[Federation]:
    """Bring a sandbox up, hand it out, and take it down."""
    made = Federation(root, tuple(sorted(centres)))
    try:
        outcome = program("skerry-sandbox", *up_words(root, dictionary, centres, *more), env=env)
        assert outcome.exit_code == 0, outcome.stderr
        yield made
    finally:
        made.close()


def heart_centres(*names: str) -> dict[str, Path]:
    """Give the files of some centres of the heart registry."""
    return {name: HEART / f"processed.{name}.data" for name in names}
