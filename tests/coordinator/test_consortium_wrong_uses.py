"""Every wrong use of the consortium's commands: one sentence, a next step, its code, nothing changed.

Run in this process, on folders that are laid out once. tests/integration/test_wrong_uses.py counts them.
"""

from pathlib import Path

import pytest

from tests.integration.wrong.bench import Bench, check_told
from tests.integration.wrong.consortium import ALL, consortium_uses
from tests.integration.wrong.consortium_files import copied, write_consortium
from tests.integration.wrong.use import Command, WrongUse

USES = consortium_uses()
LEAST = 30
"""So many wrong uses each command is tried with."""


def _bench(root: Path) -> Bench:
    files, here = root / "files", root / "here"
    files.mkdir()
    here.mkdir()
    write_consortium(files)
    return Bench(places={"files": files}, here=here, watched=(files,))


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return _bench(tmp_path_factory.mktemp("consortium"))


@pytest.mark.parametrize("use", USES, ids=lambda use: use.id)
def test_a_wrong_use_is_told_and_changes_nothing(
    bench: Bench, use: WrongUse, capsys: pytest.CaptureFixture[str]
) -> None:
    before = bench.state()
    for form in use.forms:
        outcome = bench.run(use, form, capsys)
        check_told(use, outcome, in_json="--json" in (form, *use.words.split()))
        assert bench.state() == before


def test_each_command_is_tried_with_thirty_different_wrong_uses() -> None:
    lines = {command.name: {use.words for use in USES if use.command == command.name} for command in ALL}
    assert {command: len(found) for command, found in lines.items() if len(found) < LEAST} == {}
    assert len({use.id for use in USES}) == len(USES), "two have one name"


@pytest.mark.parametrize("command", ALL, ids=lambda one: one.name)
def test_what_the_wrong_uses_were_made_of_is_right(
    bench: Bench, command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The control: without its mistake, each line does what it says."""
    here = tmp_path / "here"
    here.mkdir()
    files = copied(Path(str(bench.places["files"])), tmp_path / "files")
    own = Bench(places={"files": files}, here=here, watched=(files,))
    right = command.right if command.rest else f"{command.right} --folder {{files}}/good"
    before = own.state()
    outcome = own.run(command.wrong((command.name, right, "", "")), "--json", capsys)
    assert outcome.exit_code == 0, outcome.stderr
    assert outcome.json["format"].startswith("skerry.")
    assert (own.state() == before) == command.name.endswith("show")
