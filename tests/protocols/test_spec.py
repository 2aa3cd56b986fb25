"""The spec says what the programs do: commands, options, exit codes, examples, links."""

import re

import click
import pytest
from typer.main import get_command

from coordinator.analyst.cli import app as analyst_app
from coordinator.cli import app as coordinator_app
from deploy.sandbox.cli import app as sandbox_app
from node.cli import app as node_app
from protocols.dictionary_text import read_dictionary
from protocols.program import Exit
from protocols.queries import Kind
from protocols.query_text import read_request
from tests.architecture.checkout import ROOT

SPEC = ROOT / "protocols" / "spec"
PROGRAMS = {
    "skerry": analyst_app,
    "skerry-node": node_app,
    "skerry-coordinator": coordinator_app,
    "skerry-sandbox": sandbox_app,
}


def _commands(command: click.Command, words: str) -> dict[str, set[str]]:
    """Every command that does something or has options of its own, with its options."""
    arguments = [one.human_readable_name for one in command.params if isinstance(one, click.Argument)]
    options = {name for one in command.params if isinstance(one, click.Option) for name in one.opts}
    inner = command.commands.items() if isinstance(command, click.Group) else ()
    found = {" ".join([words, *arguments]): options} if options or not inner else {}
    for name, one in inner:
        found |= _commands(one, f"{words} {name}")
    return found


def test_the_page_has_exactly_the_commands_and_options() -> None:
    page = (SPEC / "commands.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(skerry[^`]*)` \|([^|]*)\|", page, re.MULTILINE)
    written = {command: set(re.findall(r"--[\w-]+", options)) for command, options in rows}
    actual: dict[str, set[str]] = {}
    for name, app in PROGRAMS.items():
        actual |= _commands(get_command(app), name)
    assert written == actual


def test_the_page_has_exactly_the_exit_codes() -> None:
    page = (SPEC / "commands.md").read_text(encoding="utf-8")
    assert [int(code) for code in re.findall(r"^\| (\d) \|", page, re.MULTILINE)] == list(Exit)


def test_the_example_queries_are_valid_and_show_every_statistic() -> None:
    page = (SPEC / "queries.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    heart = read_dictionary((ROOT / "protocols" / "dictionaries" / "uci-heart.yaml").read_bytes())
    requests = [read_request(text.encode(), heart) for text in block.split("---\n")]
    assert {request.query.statistic.kind for request in requests} == set(Kind)


@pytest.mark.parametrize("page", sorted(SPEC.glob("*.md")), ids=lambda page: page.name)
def test_links_lead_somewhere_and_every_page_is_in_the_index(page: object) -> None:
    path = SPEC / str(getattr(page, "name", page))
    text = path.read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (SPEC / link).exists(), link
    for name in re.findall(r"`([a-z-]+\.md)`", text):
        assert (SPEC / name).exists(), name
    index = (SPEC / "README.md").read_text(encoding="utf-8")
    assert path.name == "README.md" or f"({path.name})" in index


def test_every_section_that_the_code_cites_is_there() -> None:
    for path in ROOT.glob("*/**/*.py"):
        if ".venv" in path.parts or "tests" in path.parts:
            continue
        for page, section in re.findall(r"spec/([a-z-]+\.md)(?: (\d))?", path.read_text(encoding="utf-8")):
            text = (SPEC / page).read_text(encoding="utf-8")
            assert not section or re.search(rf"^## {section}\. ", text, re.MULTILINE), (
                path.name,
                page,
                section,
            )
