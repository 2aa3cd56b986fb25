"""Brings a sandbox up, ready or not at all, and down again."""

import json
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from deploy.sandbox.errors import SandboxError
from deploy.sandbox.papers import Plan, write_papers
from deploy.sandbox.places import Places
from deploy.sandbox.processes import Started, program, remember, remembered, start, stop
from protocols.errors import Problem
from protocols.ids import CentreId

Say = Callable[[str], None]
COORDINATOR = "coordinator"
_READY_WITHIN_S = 60.0
_LOOK_EVERY_S = 0.05


def free_port() -> int:
    """Find a free port on loopback. Another program may take it first; then `up` fails and says so."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def up(places: Places, plan: Plan, say: Say) -> None:
    """Write the papers, import every centre's data, start every program, and wait until all are ready.

    Raises SandboxError; then nothing of it is left running.
    """
    if any(one.process() for one in remembered(places)):
        raise SandboxError(f"the sandbox in {places.root} is up", f"run: skerry-sandbox down {places.root}")
    if not places.is_free():
        what = f"the folder {places.root} holds other files, and no sandbox"
        raise SandboxError(what, "name a folder that is empty or not there yet")
    places.root.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_papers(places, plan)
    _import_all(places, plan, say)
    started: list[Started] = []
    try:
        command = [
            program("skerry-coordinator"),
            "run",
            "--config",
            str(places.coordinator / "coordinator.toml"),
        ]
        _launch(places, started, COORDINATOR, command)
        for centre in plan.centres:
            start_centre(places, started, centre)
        _wait_until_ready(places, started, plan, say)
    except BaseException:
        stop(started)
        raise


def start_centre(places: Places, started: list[Started], centre: CentreId) -> None:
    """Start one centre's node, and remember it."""
    command = [program("skerry-node"), "--config", str(places.centre(centre.text) / "node.toml"), "run"]
    _launch(places, started, f"centre-{centre}", command)


def _launch(places: Places, started: list[Started], name: str, command: list[str]) -> None:
    started.append(start(name, command, places))
    remember(places, started)


def _import_all(places: Places, plan: Plan, say: Say) -> None:
    """Import all centres' data side by side; every refusal is reported."""
    running = {}
    for centre, source in plan.centres.items():
        say(f"importing {source} at {centre}")
        config = places.centre(centre.text) / "node.toml"
        command = [program("skerry-node"), "--config", str(config), "import", str(source), "--json"]
        running[centre] = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    refusals: dict[str, dict[str, Any]] = {}
    for centre, child in running.items():
        output, errors = child.communicate()
        if child.returncode:
            refusals[str(centre)] = _refusal(output, errors)
    if refusals:
        raise _not_imported([str(one) for one in plan.centres if str(one) not in refusals], refusals)


def _not_imported(imported: list[str], refusals: dict[str, dict[str, Any]]) -> SandboxError:
    problems = [
        Problem(line=0, where=name, what=one["message"], next_step=one["next_step"])
        for name, one in refusals.items()
    ]
    name, first = next(iter(refusals.items()))
    return SandboxError(
        f"{len(refusals)} of {len(imported) + len(refusals)} centres could not import: {name}:"
        f" {first['message']}",
        f"{first['next_step'] or 'correct the file'}; then up again",
        problems=problems,
        centres={"answered": imported, "missing": [], "refused": refusals},
    )


def _refusal(output: bytes, errors: bytes) -> dict[str, Any]:
    """Give what a node's import said: its error object, or its last words."""
    try:
        tree = json.loads(output)
        return {key: tree[key] for key in ("code", "message", "next_step", "report") if key in tree}
    except (ValueError, TypeError):
        words = errors.decode("utf-8", "replace").strip()[-500:]
        return {"code": "internal", "message": words or "the import ended", "next_step": ""}


def online(places: Places, coordinator: Started) -> list[str]:
    """Give the centres that are on the link, as this coordinator says; what an earlier one left is old."""
    try:
        status = json.loads((places.coordinator / "data" / "status.json").read_text(encoding="utf-8"))
        return list(status["online"]) if status["pid"] == coordinator.pid else []
    except (OSError, ValueError, KeyError):
        return []


def _wait_until_ready(places: Places, started: list[Started], plan: Plan, say: Say) -> None:
    wanted = {str(centre) for centre in plan.centres}
    deadline = time.monotonic() + _READY_WITHIN_S
    seen: set[str] = set()
    while not wanted <= seen:
        new = set(online(places, started[0])) - seen
        for name in sorted(new):
            say(f"{name} is ready")
        seen |= new
        for one in started:
            if one.process() is None:
                raise SandboxError(
                    f"{one.name} did not start ({_last_words(places, one.name)})", _see(places)
                )
        if time.monotonic() > deadline:
            missing = ", ".join(sorted(wanted - seen))
            raise SandboxError(f"not ready within {_READY_WITHIN_S:g} s: {missing}", _see(places))
        time.sleep(_LOOK_EVERY_S)


def _see(places: Places) -> str:
    return f"run: skerry-sandbox logs {places.root}"


def _last_words(places: Places, name: str) -> str:
    """Give the last sentence of a log; the advice below it is indented."""
    try:
        text = (places.logs / f"{name}.log").read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    lines = [line for line in text.splitlines() if line and not line[0].isspace()]
    return lines[-1] if lines else "no log"


def down(places: Places) -> int:
    """End the sandbox's own processes; it may be repeated. Gives how many were running."""
    count = stop(remembered(places))
    places.state.unlink(missing_ok=True)
    return count


def status(places: Places) -> dict[str, object]:
    """Give the `skerry.sandbox/1` object: what runs, and who is on the link."""
    processes = {one.name: one for one in remembered(places)}
    coordinator = processes.pop(COORDINATOR, None)
    on_link = set(online(places, coordinator)) if coordinator and coordinator.process() else set()
    names = {name.removeprefix("centre-"): one for name, one in processes.items()}
    return {
        "format": "skerry.sandbox/1",
        "directory": str(places.root),
        "is_up": bool(coordinator and coordinator.process()),
        "coordinator": {"pid": coordinator.pid, "is_running": coordinator.process() is not None}
        if coordinator
        else None,
        "centres": {
            name: {"pid": one.pid, "is_running": one.process() is not None, "is_online": name in on_link}
            for name, one in names.items()
        },
    }


def log_texts(places: Places, lines: int) -> dict[str, str]:
    """Give the ends of all logs, by program."""
    paths = sorted(places.logs.glob("*.log")) if places.logs.is_dir() else []
    texts: dict[Path, list[str]] = {
        path: path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:] for path in paths
    }
    return {path.stem: "\n".join(text) for path, text in texts.items()}
