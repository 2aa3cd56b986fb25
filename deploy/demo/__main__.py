"""`make demo`: runs the real programs, one after the other, and shows what each prints.

Everything lies in a temporary folder, on loopback, and is gone at the end, whatever happens.
"""

import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from importlib.resources import as_file, files
from pathlib import Path

from rich.console import Console

from deploy.sandbox.processes import program

_CENTRES = {
    "cleveland": "processed.cleveland.data",
    "hungary": "processed.hungarian.data",
    "switzerland": "processed.switzerland.data",
    "long-beach": "processed.va.data",
}
_console = Console(highlight=False)


def _say(text: str) -> None:
    _console.print(f"\n{text}", style="bold", markup=False, soft_wrap=True)


def _run(name: str, *arguments: str) -> None:
    """Run a program of this installation, showing the command and what it prints."""
    command = f"$ {shlex.join([name, *arguments])}"
    _console.print(command, style="cyan", markup=False, soft_wrap=True)
    subprocess.run([program(name), *arguments], check=True)


def _ask(folder: Path, questions: Path, number: int) -> None:
    path = next(questions.glob(f"{number}-*.yaml"))
    # As it is: a list such as [sex, cp] is not markup, and a wrapped line would not be YAML.
    question = path.read_text(encoding="utf-8").strip()
    _console.print(question, style="dim", markup=False, soft_wrap=True)
    _run("skerry", "--profile", str(folder / "analyst.toml"), "query", "run", str(path))


def _stop_centre(folder: Path, name: str) -> None:
    """End one centre's node, as a power cut would."""
    command = [program("skerry-sandbox"), "status", str(folder), "--json"]
    status = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    os.kill(status["centres"][name]["pid"], signal.SIGKILL)


def _show(folder: Path, data: Path, dictionary: Path, questions: Path) -> None:
    _say("1. Four centres: each keeps its own patients (UCI Heart Disease, 1988) behind its own node.")
    centres = [word for name, file in _CENTRES.items() for word in ("--centre", f"{name}={data / file}")]
    _run(
        "skerry-sandbox",
        "up",
        str(folder),
        "--dictionary",
        str(dictionary),
        *centres,
        "--budget-epsilon",
        "4",
    )
    _say("2. A count. Each centre adds its own noise before anything leaves; the sum has an interval.")
    _ask(folder, questions, 1)
    _say("3. A cross-tab.")
    _ask(folder, questions, 2)
    _say("4. Means by group: the interval holds both the sampling and the noise.")
    _ask(folder, questions, 3)
    _say("5. One centre loses power. A histogram from those that are left; the missing one is named.")
    _stop_centre(folder, "switzerland")
    _ask(folder, questions, 4)
    _say("6. The first question again, without the lost centre: stored answers come back, and cost nothing.")
    _ask(folder, questions, 1)
    _say("7. What the privacy officer of Cleveland sees: what was spent, and whether the ledger adds up.")
    config = str(folder / "centres" / "cleveland" / "node.toml")
    _run("skerry-node", "--config", config, "budget")
    _run("skerry-node", "--config", config, "audit")


def main() -> int:
    """Run the demonstration; nothing is left running or lying about."""
    began = time.monotonic()
    shipped = files("deploy") / "data" / "uci-heart"
    dictionary = files("protocols.dictionaries") / "uci-heart.yaml"
    with (
        tempfile.TemporaryDirectory(prefix="skerry-demo-") as name,
        as_file(shipped) as data,
        as_file(dictionary) as dictionary_path,
        as_file(files("deploy.demo") / "questions") as questions,
    ):
        folder = Path(name)
        try:
            _show(folder, data, dictionary_path, questions)
        except subprocess.CalledProcessError as error:
            print(f"the demonstration stopped: {Path(error.cmd[0]).name} failed", file=sys.stderr)
            return 1
        finally:
            subprocess.run([program("skerry-sandbox"), "down", str(folder)], check=False, capture_output=True)
    _say(f"Done in {time.monotonic() - began:.0f} s; nothing is left running.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
