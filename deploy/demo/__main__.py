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


def _skerry(folder: Path, *arguments: str) -> None:
    _run("skerry", "--profile", str(folder / "analyst.toml"), *arguments)


def _question(questions: Path, number: int) -> str:
    """Show a question as its author wrote it, and give its path."""
    path = next(questions.glob(f"{number}-*.yaml"))
    # As it is: a list such as [sex, cp] is not markup, and a wrapped line would not be YAML.
    _console.print(path.read_text(encoding="utf-8").strip(), style="dim", markup=False, soft_wrap=True)
    return str(path)


def _ask(folder: Path, questions: Path, number: int, *more: str) -> None:
    _skerry(folder, "query", "run", _question(questions, number), *more)


def _stop_centre(folder: Path, name: str) -> None:
    """End one centre's node, as a power cut would."""
    command = [program("skerry-sandbox"), "status", str(folder), "--json"]
    status = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    os.kill(status["centres"][name]["pid"], signal.SIGKILL)


def _up(folder: Path, data: Path, dictionary: Path) -> None:
    _say("1. Four centres: each keeps its own patients (UCI Heart Disease, 1988) behind its own node.")
    centres = [word for name, file in _CENTRES.items() for word in ("--centre", f"{name}={data / file}")]
    files_of = ["--dictionary", str(dictionary), *centres, "--budget-epsilon", "4"]
    _run("skerry-sandbox", "up", str(folder), *files_of)


def _noisy_answers(folder: Path, questions: Path) -> None:
    _say("2. A count; but first its plan: what would it cost, and how exact would it be? No data is read.")
    _skerry(folder, "query", "plan", _question(questions, 1))
    _say("3. Asked. Each centre adds its own noise before anything leaves; the sum has an interval.")
    _ask(folder, questions, 1)
    _say("4. A cross-tab; and then its margin, which costs nothing: the paid answer contains it.")
    _ask(folder, questions, 2)
    _ask(folder, questions, 3)
    _say("5. Means by group, quartiles, a proportion: the intervals hold both the sampling and the noise.")
    for number in (4, 5, 6):
        _ask(folder, questions, number)


def _show(folder: Path, questions: Path) -> None:
    _noisy_answers(folder, questions)
    _say("6. Another promise: a small-number table. Exact counts, small ones suppressed, no noise.")
    _ask(folder, questions, 7)
    picture = Path(".demo") / "ages.svg"
    picture.parent.mkdir(exist_ok=True)
    _say("7. One centre loses power. A histogram of those that are left, a picture, and who is missing.")
    _stop_centre(folder, "switzerland")
    _ask(folder, questions, 8, "--plot", str(picture))
    _say("8. The first question again, without the lost centre: stored answers come back, and cost nothing.")
    _ask(folder, questions, 1)
    _say("9. What the privacy officer of Cleveland sees: what was spent, what left, and whether it adds up.")
    config = str(folder / "centres" / "cleveland" / "node.toml")
    for command in ("budget", "audit"):
        _run("skerry-node", "--config", config, command)
    _say(f"The picture is {picture}.")


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
            _up(folder, data, dictionary_path)
            _show(folder, questions)
        except subprocess.CalledProcessError as error:
            print(f"the demonstration stopped: {Path(error.cmd[0]).name} failed", file=sys.stderr)
            return 1
        finally:
            subprocess.run([program("skerry-sandbox"), "down", str(folder)], check=False, capture_output=True)
    _say(f"Done in {time.monotonic() - began:.0f} s; nothing is left running.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
