"""The threat model names a test for each defence: each of them is there, and each row has one."""

import ast
import re
from pathlib import Path

from tests.architecture.checkout import ROOT

PAGE = (ROOT / "deploy" / "THREAT_MODEL.md").read_text(encoding="utf-8")
NAMED = re.compile(r"`(tests/[\w/]+\.py)?::(test_\w+)`")


def _rows() -> list[list[str]]:
    """The table of attacks: attack, defence, tests."""
    section = PAGE.split("## 4. Attacks")[1].split("## 5.")[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in row] for row in rows[1:]]


def _tests_of(file: Path) -> set[str]:
    """The test functions of a file."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {one.name for one in ast.walk(tree) if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)}


def _missing(cell: str) -> list[str]:
    """The tests that a cell names and that are not there; `::name` is of the file before it."""
    found, path = [], ""
    for file, name in NAMED.findall(cell):
        path = file or path
        if not path or not (ROOT / path).is_file() or name not in _tests_of(ROOT / path):
            found.append(f"{path}::{name}")
    return found


def test_every_test_that_the_threat_model_names_is_there() -> None:
    assert [one for row in _rows() for one in _missing(row[2])] == []


def test_every_attack_has_a_defence_and_a_test() -> None:
    rows = _rows()
    assert len(rows) >= 20
    for row in rows:
        assert len(row) == 3, row
        assert all(row), row
        assert NAMED.search(row[2]), row


def test_a_name_that_is_not_there_is_noticed() -> None:
    here = "tests/architecture/test_threat_model.py"
    assert _missing(f"`{here}::test_that_nobody_wrote`") == [f"{here}::test_that_nobody_wrote"]
    assert _missing("`tests/architecture/no_such_file.py::test_x`")
    assert _missing(f"`{here}::test_every_attack_has_a_defence_and_a_test`") == []
