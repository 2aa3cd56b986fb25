"""What is said of words on a command line that are wrong, and how help is shown. spec/commands.md."""

import pytest
import typer
from typer.main import get_command

from protocols.command_line import let_help_flow
from protocols.program import Exit, ProgramError, one_line, run


def _app() -> typer.Typer:
    app = typer.Typer(add_completion=False, no_args_is_help=True)
    inner = typer.Typer(no_args_is_help=True)
    app.add_typer(inner, name="query")

    @app.callback()
    def _programme(profile: str = "") -> None:
        """Do it all."""

    @inner.command("run")
    def _run(file: str, limit: int = typer.Option(1, min=1), json: bool = False) -> None:
        """Run it.

        A line of this paragraph
        goes on.

        \b
        for example
          this
        """  # noqa: D301 -- the backspace itself, as the programs' own helps have it

    @inner.command("start")
    def _start(config: str = typer.Option(...)) -> None:
        """Start it."""

    return app


RUN = "program query run"
CASES = {
    "an unknown option": (["query", "run", "f", "--fast"], "there is no option '--fast' here", "it can be"),
    "a mistyped option": (
        ["query", "run", "f", "--jsno"],
        "there is no option '--jsno'",
        "did you mean '--json'?",
    ),
    "an option of the program": (
        ["query", "run", "f", "--profile", "p"],
        "there is no option '--profile' here",
        f"write it before the command: program --profile ... query run; see: {RUN} --help",
    ),
    "an option of a command": (
        ["--limit", "5", "query", "run", "f"],
        "there is no option '--limit' here",
        "write it after the command; see: program --help",
    ),
    "an unknown command": (
        ["query", "rnu"],
        "there is no command 'rnu'",
        "did you mean 'run'?; see: program query",
    ),
    "no argument": (["query", "run"], "FILE is missing", f"write: {RUN} [OPTIONS] FILE; see: {RUN} --help"),
    "no option": (["query", "start"], "the option --config is missing", "add --config TEXT; see: "),
    "a word too many": (
        ["query", "run", "f", "g"],
        "got unexpected extra argument (g)",
        f"write: {RUN} [OPTIONS] FILE; see: {RUN} --help",
    ),
    "a number out of its range": (
        ["query", "run", "f", "--limit", "0"],
        "invalid value for '--limit': 0 is not in the range x>=1",
        f"see: {RUN} --help",
    ),
    "a word for a number": (
        ["query", "run", "f", "--limit", "all"],
        "invalid value for '--limit': 'all' is not a whole number",
        f"see: {RUN} --help",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_wrong_words_are_told_in_one_sentence(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    words, says, then = CASES[name]
    assert run(_app(), "program", words) == Exit.WRONG_USE
    output, errors = capsys.readouterr()
    sentence, step = errors.splitlines()
    assert (output, sentence.startswith(f"program: {says}")) == ("", True), sentence
    assert then in step


def test_what_would_move_a_terminal_is_escaped_and_letters_stay() -> None:
    """A file may be called anything: its name must not break the line, nor colour the screen."""
    error = ProgramError(Exit.WRONG_USE, "x", "a\x1b[31m\nb\u202ec\u2028d", "Zürich\u00a0Ωé 'quoted' \\")
    assert error.message == r"a\x1b[31m\nb\u202ec\u2028d"
    assert error.next_step == "Zürich\u00a0Ωé 'quoted' \\"
    assert one_line("\udcff") == r"\udcff"


def test_help_takes_the_width_of_the_terminal_but_where_its_lines_are_meant() -> None:
    command = get_command(_app())
    let_help_flow(command)
    assert command.help == "Do it all."
    inner = command.commands["query"].commands["run"]  # type: ignore[attr-defined]
    assert inner.help == "Run it.\n\nA line of this paragraph goes on.\n\nfor example\n  this"
