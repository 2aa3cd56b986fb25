"""Kills a centre's whole node at random moments while an analyst keeps asking; then judges its ledger.

`kill_node(50, seed, folder)` is the full run, for `make evidence`. Everything is real: the sandbox's
program starts the federation, the analyst's library asks and verifies, `start_centre` brings back
the node that was killed.
"""

import contextlib
import os
import subprocess
import threading
import time
import warnings
from pathlib import Path
from typing import Self

from coordinator.analyst import connect
from coordinator.errors import CoordinatorError
from deploy.sandbox.federation import start_centre
from deploy.sandbox.places import Places
from deploy.sandbox.processes import program, remembered
from protocols.codec.answers import encode_release
from protocols.ids import CentreId
from tests.node.kill_verdict import Seen, digest, verdict
from tests.node.seeds import draws

CENTRE = CentreId("skerry")
_ASKERS = 3
_BACK_WITHIN_S = 60.0
_DICTIONARY = """
name: kills
resources:
  - name: visits
    path: visits.csv
    schema:
      fields:
        - {name: age, type: integer, constraints: {minimum: 0, maximum: 120}}
        - {name: sex, type: string, constraints: {enum: ["F", "M"]}}
"""


class _Askers:
    """Analysts who ask without end, each question a little other, and note what they got."""

    def __init__(self, profile: Path, seed: int) -> None:
        self.seen: list[Seen] = []
        self._stop = threading.Event()
        self._profile = profile
        self._threads = [threading.Thread(target=self._run, args=(seed + i,)) for i in range(_ASKERS)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, seed: int) -> None:
        draw = draws(seed)
        with connect(self._profile) as registry:
            while not self._stop.is_set():
                query = {
                    "study": "sandbox",
                    "statistic": {"kind": "count", "by": ["sex"]},
                    # Another cohort each time: the same one at a lower loss is served from a paid answer.
                    "cohort": {"field": "age", "between": [0, 1_000 + draw.randrange(10**4)]},
                    "release": {"mode": "dp", "scope": "centre", "rho": "0.001"},
                }
                # A centre that is away, or an unreachable coordinator: ask the next question.
                with contextlib.suppress(CoordinatorError):
                    result = registry.ask(query)
                    for one in result.answered.values():
                        self.seen.append((str(result.query_id), digest(encode_release(one.release))))


def _kill_and_restart(places: Places) -> None:
    started = remembered(places)
    name = f"centre-{CENTRE}"
    victim = next(one for one in started if one.name == name)
    process = victim.process()
    if process is None:
        raise RuntimeError("the node ended by itself")
    process.kill()
    process.wait(timeout=10)
    others = [one for one in started if one.name != name]
    with warnings.catch_warnings():
        # The child outlives its Popen on purpose: the sandbox finds it again by its number.
        warnings.simplefilter("ignore", ResourceWarning)
        start_centre(places, others, CENTRE)


def _wait_until_answered(askers: _Askers) -> None:
    """Wait until the node that was started last has answered somebody."""
    count, deadline = len(askers.seen), time.monotonic() + _BACK_WITHIN_S
    while len(askers.seen) <= count:
        if time.monotonic() > deadline:
            raise RuntimeError("the node did not come back")
        time.sleep(0.02)


def kill_node(kills: int, seed: int, folder: Path) -> dict[str, object]:
    """Kill and restart a centre's node so many times; give the figures of kill_verdict.py."""
    draw = draws(seed)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dictionary.yaml").write_text(_DICTIONARY, encoding="utf-8")
    rows = "".join(f"{i % 121},{'FM'[i % 2]}\n" for i in range(500))
    (folder / "visits.csv").write_text("age,sex\n" + rows, encoding="utf-8")
    places = Places((folder / "sandbox").resolve())
    command = [program("skerry-sandbox"), "up", str(places.root)]
    command += ["--dictionary", str(folder / "dictionary.yaml"), "--centre"]
    command += [f"{CENTRE}={folder / 'visits.csv'}"]
    subprocess.run(command, check=True, capture_output=True)
    try:
        with _Askers(places.root / "analyst.toml", seed) as askers:
            for _ in range(kills):
                _wait_until_answered(askers)
                time.sleep(draw.uniform(0, 0.3))
                _kill_and_restart(places)
            _wait_until_answered(askers)
    finally:
        subprocess.run([program("skerry-sandbox"), "down", str(places.root)], check=True, capture_output=True)
        _reap()
    path = places.centre(CENTRE.text) / "data" / "ledger.db"
    return {"kills": kills, "seed": seed, **verdict(path, askers.seen)}


def _reap() -> None:
    """Take leave of the nodes that this process started."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
