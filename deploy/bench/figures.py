"""A figure, and how figures are written down: with the commit, the machine and the seed."""

import json
import os
import platform
import statistics
import subprocess
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

FOLDER = Path(__file__).resolve().parent.parent / "evidence"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured thing: the value, what it was held against, and what was wanted."""

    name: str
    value: float
    unit: str
    peer: str
    peer_value: float
    wanted: str
    is_reached: bool

    @property
    def ratio(self) -> float:
        """The value over the peer's."""
        return self.value / self.peer_value


def seconds(action: Callable[[], object], runs: int, warm_up: int = 1) -> float:
    """Give the median wall time of an action."""
    for _ in range(warm_up):
        action()
    times = []
    for _ in range(runs):
        began = perf_counter()
        action()
        times.append(perf_counter() - began)
    return statistics.median(times)


def paired_seconds(one: Callable[[], object], other: Callable[[], object], runs: int) -> tuple[float, float]:
    """Give the median times of two actions, run in turn, so that a drifting machine hits both."""
    one(), other()
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(runs):
        for place, action in enumerate((one, other)):
            began = perf_counter()
            action()
            times[place].append(perf_counter() - began)
    return statistics.median(times[0]), statistics.median(times[1])


def circumstances(seed: int) -> dict[str, Any]:
    """Say where and when a figure was measured."""
    root = FOLDER.parent.parent
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=12"],  # noqa: S607 -- git comes from the PATH
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    return {
        "commit": commit or "unknown",
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "seed": seed,
    }


def write(name: str, seed: int, content: dict[str, Any]) -> Path:
    """Write a file of evidence."""
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{name}.json"
    path.write_text(json.dumps({**circumstances(seed), **content}, indent=1) + "\n", encoding="utf-8")
    return path


def as_json(figures: list[Figure]) -> list[dict[str, Any]]:
    """Give figures as JSON."""
    return [{**asdict(one), "ratio": round(one.ratio, 3), "value": round(one.value, 6)} for one in figures]
