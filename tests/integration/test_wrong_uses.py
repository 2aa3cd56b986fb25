"""Every wrong use of every command: its exit code, one clear sentence, a next step, and nothing changed.

The programs are run in this process, on folders that are laid out once; no server runs. Those that need
one, and a sample as real processes, are in `test_wrong_uses_live.py`.
"""

import os
from collections.abc import Iterator

import click
import pytest
from typer.main import get_command

from tests.integration.wrong.bench import APPS, Bench, check_told
from tests.integration.wrong.consortium import consortium_uses
from tests.integration.wrong.every import USES
from tests.integration.wrong.layout import laid_out
from tests.integration.wrong.use import CONFIG, PROFILE, Command, WrongUse

LEAST = 30
"""So many wrong uses each command is tried with."""


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with laid_out(tmp_path_factory.mktemp("wrong")) as made:
        yield made


@pytest.mark.parametrize("use", USES, ids=lambda use: use.id)
def test_a_wrong_use_is_told_and_changes_nothing(
    bench: Bench, use: WrongUse, capsys: pytest.CaptureFixture[str]
) -> None:
    before = bench.state()
    for form in use.forms:
        outcome = bench.run(use, form, capsys)
        check_told(use, outcome, in_json="--json" in (form, *use.words.split()))
        assert bench.state() == before


def _commands(command: click.Command, words: str) -> set[str]:
    """Give every command that does something."""
    inner = command.commands if isinstance(command, click.Group) else {}
    found = {one for name, below in inner.items() for one in _commands(below, f"{words} {name}")}
    return found | ({words} if not inner or command.invoke_without_command else set())  # type: ignore[attr-defined]


def test_each_command_is_tried_with_thirty_different_wrong_uses() -> None:
    every = {name for program, app in APPS.items() for name in _commands(get_command(app), program)}
    # The consortium's have a bench of their own: tests/coordinator/test_consortium_wrong_uses.py.
    uses = [*USES, *consortium_uses()]
    lines = {command: {use.words for use in uses if use.command == command} for command in every}
    assert {command: len(found) for command, found in lines.items() if len(found) < LEAST} == {}
    assert len({use.id for use in uses}) == len(uses), "two have one name"


RIGHT = {
    "check": (f"{PROFILE} query check {{files}}/valid.yaml", 0),
    "unreachable": (f"{PROFILE} query run {{files}}/valid.yaml", 5),
    "import": (f"{CONFIG} import --dry-run {{files}}/people.csv", 0),
    "snapshots": (f"{CONFIG} snapshots", 0),
    "status": (f"{CONFIG} status", 0),
    "budget": (f"{CONFIG} budget --since 2026-01-01", 0),
    "audit": (f"{CONFIG} audit", 0),
    "releases": (f"{CONFIG} releases --limit 1", 0),
    "show": (f"{CONFIG} releases show 0", 0),
    "policy": (f"{CONFIG} policy check {{files}}/policy.toml", 0),
    "preview": (f"{CONFIG} policy preview {{files}}/policy.toml --query {{files}}/valid.yaml", 0),
    "studies": (f"{CONFIG} study list", 0),
    "shown study": (f"{CONFIG} study show {{files}}/proposed.toml", 0),
    "study": (f"{PROFILE} study check {{files}}/mine.toml", 0),
    "decisions": (f"{PROFILE} study status {{files}}/mine.toml --decisions {{files}}/decisions", 0),
    "publish": (f"{PROFILE} query publish {'00' * 16} {{files}}/new.toml --title Ages", 5),
    "dictionary": (f"{CONFIG} dictionary check {{files}}/small.yaml", 0),
    "sandbox": ("skerry-sandbox status {box}", 0),
}


@pytest.mark.parametrize("name", RIGHT)
def test_what_the_wrong_uses_were_made_of_is_right(
    bench: Bench, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The control: without its mistake, each line does what it says. `--json` twice is no mistake."""
    words, exit_code = RIGHT[name]
    use = Command(name=words.split()[0], start=f"{words} --json").wrong((name, f"{words} --json", "", ""))
    outcome = bench.run(use, "--json", capsys)
    assert outcome.exit_code == exit_code, outcome.stderr
    assert outcome.json["format"].startswith("skerry.")


UNREADABLE = {
    "a profile": ("skerry --profile {files}/locked query list", "the profile .* cannot be read"),
    "settings": ("skerry-node --config {files}/locked budget", "the settings .* cannot be read"),
    "a question": (f"{PROFILE} query check {{files}}/locked", "the question .* cannot be read"),
    "a dictionary": (f"{CONFIG} dictionary check {{files}}/locked", "cannot be read"),
    "a policy": (f"{CONFIG} policy check {{files}}/locked", "the policy .* cannot be read"),
    "a table": (f"{CONFIG} import {{files}}/locked", "the file may not be read"),
}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
@pytest.mark.parametrize("name", UNREADABLE)
def test_a_file_that_may_not_be_read_is_told(
    bench: Bench, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words, says = UNREADABLE[name]
    locked = next(place for place in bench.watched if place.name == "files") / "locked"
    locked.touch(mode=0o000)
    try:
        use = Command(name=words.split()[0], start=words).wrong((name, words, says, ""))
        check_told(use, bench.run(use, "--json", capsys), in_json=True)
    finally:
        locked.unlink()
