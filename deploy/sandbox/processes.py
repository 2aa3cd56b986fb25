"""Starts and ends the programs of a sandbox, and only those.

A process is remembered by its number and its start time together: a number alone may have gone to
somebody else's process since.
"""

import contextlib
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from deploy.sandbox.places import Places

_GRACE_S = 5.0
_LOOK_EVERY_S = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A process of this sandbox."""

    name: str
    pid: int
    start_time: float

    def process(self) -> psutil.Process | None:
        """Find the process, if it still is this one and runs."""
        try:
            process = psutil.Process(self.pid)
            is_same = abs(process.create_time() - self.start_time) < 1
            return process if is_same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None


def program(name: str) -> str:
    """Find a program of this installation."""
    return str(Path(sys.executable).parent / name)


def start(name: str, command: list[str], places: Places) -> Started:
    """Start a program in the background, in a session of its own, with a log."""
    places.logs.mkdir(parents=True, exist_ok=True)
    with (places.logs / f"{name}.log").open("ab") as log:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    return Started(name=name, pid=child.pid, start_time=psutil.Process(child.pid).create_time())


def remember(places: Places, started: list[Started]) -> None:
    """Write down what runs; replaced whole, so that a reader never sees half a list."""
    tree = [{"name": one.name, "pid": one.pid, "start_time": one.start_time} for one in started]
    temporary = places.state.with_suffix(".tmp")
    temporary.write_text(json.dumps(tree), encoding="utf-8")
    temporary.replace(places.state)


def remembered(places: Places) -> list[Started]:
    """Read what was started; nothing when the folder is no sandbox."""
    try:
        tree = json.loads(places.state.read_text(encoding="utf-8"))
        return [Started(name=one["name"], pid=one["pid"], start_time=one["start_time"]) for one in tree]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def stop(started: list[Started]) -> int:
    """End processes: ask first, then insist. Gives how many were running."""
    running = [one for one in started if one.process() is not None]
    for how in ("terminate", "kill"):
        for one in running:
            if (process := one.process()) is not None:
                _signal(process, how)
        if _have_ended(running):
            break
    return len(running)


def _have_ended(started: list[Started]) -> bool:
    """Wait until all have ended. One that its parent has not collected has ended too; psutil would wait."""
    deadline = time.monotonic() + _GRACE_S
    while any(one.process() for one in started):
        if time.monotonic() > deadline:
            return False
        time.sleep(_LOOK_EVERY_S)
    return True


def _signal(process: psutil.Process, how: str) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process.terminate() if how == "terminate" else process.kill()
