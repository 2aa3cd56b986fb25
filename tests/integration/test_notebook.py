"""The notebook that analysts begin with runs, in a kernel of its own, against a real federation."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.federation import (
    ALL_BUT_EXACT,
    HEART_DICTIONARY,
    PROJECT,
    Federation,
    federation,
    heart_centres,
)

NOTEBOOK = PROJECT / "deploy" / "notebooks" / "first-questions.ipynb"


@pytest.fixture(scope="module")
def hearts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    root = tmp_path_factory.mktemp("hearts") / "box"
    with federation(root, HEART_DICTIONARY, heart_centres("cleveland", "hungarian")) as made:
        yield made


def test_the_notebook_is_kept_without_outputs() -> None:
    tree = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    for cell in tree["cells"]:
        assert cell.get("outputs", []) == []
        assert cell.get("execution_count") is None


def test_the_notebook_runs_and_shows_what_it_says(hearts: Federation, tmp_path: Path) -> None:
    shown = _run(hearts, tmp_path)
    assert "thalach" in _of(shown, "description = ")
    assert "0.05" not in _of(shown, "release = ")
    lines = _of(shown, "count = registry.ask")
    # In whichever order they come.
    assert lines.count(": answered; 1 of 2 answered (") == lines.count(": answered; 2 of 2 answered (") == 1
    assert "<svg" in _of(shown, "count.plot()")
    assert "all that answered" in _of(shown, "heart_rate = {")
    assert "Histogram of Age in years" in _of(shown, "ages = {")
    assert "stored answers: True" in _of(shown, "again = registry.ask")
    assert Path(_of(shown, "import sys").strip()).samefile(sys.executable)
    page = (tmp_path / "heart-rate.html").read_text(encoding="utf-8")
    assert "2 of 2 centres answered: cleveland, hungarian." in page
    assert int(_of(shown, "page = mean.page")) == len(page)


def _run(asked: Federation, folder: Path) -> dict[str, str]:
    """Run the notebook, and give what each cell shows by its source; without noise, so always the same."""
    target = folder / "run.ipynb"
    environment = {
        **os.environ,
        "SKERRY_PROFILE": str(asked.profile),
        "SKERRY_RHO": ALL_BUT_EXACT,
        # Kernels that somebody has registered for himself are not taken.
        "JUPYTER_DATA_DIR": str(folder / "jupyter"),
        "IPYTHONDIR": str(folder / "ipython"),
    }
    command = [sys.executable, "-m", "tests.integration.notebook_runner"]
    command += [str(NOTEBOOK), str(target), str(folder)]
    done = subprocess.run(
        command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr
    cells = json.loads(target.read_text(encoding="utf-8"))["cells"]
    return {"".join(one["source"]): _output(one) for one in cells if one["cell_type"] == "code"}


def _of(shown: dict[str, str], start: str) -> str:
    """What the cell shows that begins so."""
    (found,) = [text for source, text in shown.items() if source.startswith(start)]
    return found


def _output(cell: dict[str, Any]) -> str:
    """Everything that a cell shows, as text."""
    pieces: list[str] = []
    for one in cell["outputs"]:
        parts = [one["text"]] if one["output_type"] == "stream" else one["data"].values()
        pieces += ["".join(part) for part in parts]
    return "\n".join(pieces)
