"""Each room's README is its door: its examples run, its settings are all there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import BaseModel

from coordinator.analyst.profile import ProfileFile
from coordinator.settings import Settings as CoordinatorSettings
from node.settings import Settings as NodeSettings
from tests.architecture.checkout import ROOMS, ROOT, room_files

READMES = [path for path in room_files("README.md") if "data" not in path.parts]
EXAMPLES = [
    pytest.param(block, id=f"{path.parent.relative_to(ROOT)}-{number}")
    for path in READMES
    for number, block in enumerate(
        re.findall(r"```python\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL)
    )
]


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_runs_without_a_warning(example: str, tmp_path: Path) -> None:
    """Away from the checkout, so that it shows what an installation can do."""
    command = [sys.executable, "-W", "error", "-c", example]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_has_an_example(room: str) -> None:
    assert "```python" in (ROOT / room / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("readme", "settings"),
    [
        ("node/README.md", NodeSettings),
        ("coordinator/README.md", CoordinatorSettings),
        ("coordinator/analyst/README.md", ProfileFile),
    ],
)
def test_every_setting_is_on_the_door(readme: str, settings: type[BaseModel]) -> None:
    text = (ROOT / readme).read_text(encoding="utf-8")
    table = text.split("| setting | meaning |")[1].split("\n\n")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(settings.model_fields)


@pytest.mark.parametrize("path", READMES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_and_named_files_are_there(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (path.parent / link).exists(), link


@pytest.mark.parametrize("room", ["node", "coordinator", "protocols"])
def test_every_module_of_a_room_is_on_its_door(room: str) -> None:
    text = (ROOT / room / "README.md").read_text(encoding="utf-8")
    modules = [path.stem for path in (ROOT / room).glob("*.py") if path.stem != "__init__"]
    assert [name for name in modules if f"`{name}`" not in text] == []
