"""The room's door says what is there: its example runs, its names exist, its proofs cover every block."""

import ast
import re
import subprocess
import sys
from pathlib import Path

from tests.architecture.checkout import ROOT

ROOM = ROOT / "privacy"
README = (ROOM / "README.md").read_text(encoding="utf-8")


def public_names(file: Path) -> set[str]:
    """What a module defines without an underscore at its top level."""
    found: set[str] = set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                found.add(name)
            case ast.Assign(targets=targets):
                found |= {target.id for target in targets if isinstance(target, ast.Name)}
            case _:
                continue
    return {name for name in found if not name.startswith("_")}


def blocks_of_the_layout() -> set[str]:
    """The first argument of each `block(...)` in protocols/layout.py."""
    tree = ast.parse((ROOT / "protocols" / "layout.py").read_text(encoding="utf-8"))
    found: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="block"), args=[ast.Constant(value=str(name)), *_]):
                found.add(name)
            case _:
                continue
    return found


def test_the_example_runs() -> None:
    [example] = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    command = [sys.executable, "-W", "error", "-c", example]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert re.fullmatch(r"\[.*\] sigma 3\.16 rho 0\.05 epsilon 1\.47\d+\n", run.stdout), run.stdout


def test_every_public_name_is_on_the_door() -> None:
    table = README.split("## Public names")[1].split("\n## ")[0]
    listed = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", table, re.MULTILINE))
    files = {file.stem: file for file in ROOM.glob("*.py") if file.stem != "__init__"}
    assert listed.keys() == files.keys()
    for stem, file in files.items():
        assert set(re.findall(r"`(\w+)`", listed[stem])) == public_names(file), stem


def test_every_block_of_the_layout_has_a_lemma() -> None:
    page = (ROOM / "proofs" / "contributions.md").read_text(encoding="utf-8")
    headings = re.findall(r"^### (.*)$", page, re.MULTILINE)
    proved = {name for heading in headings for name in heading.split(", ")}
    assert blocks_of_the_layout() == proved


def test_every_page_is_in_the_index_and_every_link_leads_somewhere() -> None:
    pages = {page.name for page in (ROOM / "proofs").glob("*.md")}
    index = (ROOM / "proofs" / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"\]\((\S+\.md)\)", index)) == pages - {"README.md"}
    for page in (ROOM / "README.md", *(ROOM / "proofs" / name for name in pages)):
        for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).is_file(), (page.name, link)


def test_every_file_that_the_proofs_name_is_there() -> None:
    for page in (ROOM / "proofs").glob("*.md"):
        for name in re.findall(r"`((?:privacy|protocols|tests)/[\w./]+)`", page.read_text(encoding="utf-8")):
            assert (ROOT / name).exists(), (page.name, name)
