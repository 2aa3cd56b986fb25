"""What a program says to who started it: exit codes, one error object, one sentence and a next step.

The contract of every command (spec/commands.md): results to standard output, everything else to
standard error; with `--json`, standard output is exactly one object.
"""

import io
import json
import sys
import unicodedata
from collections.abc import Sequence
from enum import IntEnum
from pathlib import Path
from typing import Any

import click
import typer
from typer.main import get_command

from protocols.command_line import let_help_flow, wrong_words
from protocols.errors import Problem

_INTERRUPTED = 130
"""What Typer makes of Ctrl-C before anybody can catch it."""


class Exit(IntEnum):
    """Exit codes, the same for every program."""

    DONE = 0
    WRONG_USE = 2
    REFUSED = 3
    BELOW_QUORUM = 4
    UNREACHABLE = 5
    INTERNAL = 6


class ProgramError(Exception):
    """An outcome that ends a command: a code, one sentence, and what to do.

    `problems` are all those of a text, each with its line; the sentence says the first.
    """

    def __init__(
        self,
        exit_code: Exit,
        code: str,
        message: str,
        next_step: str = "",
        *,
        problems: Sequence[Problem] = (),
        **fields: object,
    ) -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.code = code
        self.message = one_line(message)
        self.next_step = one_line(next_step)
        self.problems = tuple(problems)
        self.fields = fields

    def to_json(self) -> dict[str, Any]:
        """Give the `skerry.error/1` object."""
        return {
            "format": "skerry.error/1",
            "code": self.code,
            "message": self.message,
            "next_step": self.next_step,
            "centres": self.fields.get("centres", {}),
            **({"problems": [_problem_json(one) for one in self.problems]} if self.problems else {}),
            **{name: value for name, value in self.fields.items() if name != "centres"},
        }


def one_line(text: str) -> str:
    """Escape what would break a line or move a terminal's cursor: a file's name may hold anything."""
    return "".join(repr(one)[1:-1] if _is_control(one) else one for one in text)


def _is_control(character: str) -> bool:
    kind = unicodedata.category(character)
    return kind.startswith("C") or kind in ("Zl", "Zp")


def _problem_json(problem: Problem) -> dict[str, Any]:
    return {
        "line": problem.line or None,
        "where": problem.where,
        "what": problem.what,
        "next_step": problem.next_step,
    }


def print_json(tree: object) -> None:
    """Print one object to standard output; not-a-number is a fault, not a value."""
    sys.stdout.write(json.dumps(tree, ensure_ascii=False, allow_nan=False) + "\n")
    sys.stdout.flush()


def _place(error: Exception) -> str:
    """Name an unexpected error by its type and place; its text may have met data."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return type(error).__name__
    return f"{type(error).__name__} in {Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"


def run(app: typer.Typer, name: str, arguments: Sequence[str] | None = None) -> int:
    """Run a program's commands and give its exit code; whatever happens, it says so properly."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # The name of a file need not be UTF-8; standard error escapes such a one by itself.
        sys.stdout.reconfigure(errors="backslashreplace")
    command = get_command(app)
    let_help_flow(command)
    outcome = _outcome(command, name, words)
    if isinstance(outcome, int):
        return outcome
    if "--json" in words:
        print_json(outcome.to_json())
    sys.stderr.write(f"{name}: {outcome.message}\n")
    for problem in outcome.problems[1:]:
        sys.stderr.write(f"  also {problem}\n")
    if outcome.next_step:
        sys.stderr.write(f"  {outcome.next_step}\n")
    return int(outcome.exit_code)


def _outcome(command: click.Command, name: str, words: list[str]) -> int | ProgramError:
    try:
        result = command.main(args=words, prog_name=name, standalone_mode=False)
    except ProgramError as error:
        return error
    except click.exceptions.NoArgsIsHelpError as error:
        sys.stderr.write(error.format_message() + "\n")
        return Exit.WRONG_USE
    except click.ClickException as error:
        what, advice = wrong_words(error, name)
        return ProgramError(Exit.WRONG_USE, "wrong_use", what, advice)
    except (click.Abort, KeyboardInterrupt):
        return ProgramError(Exit.INTERNAL, "interrupted", "interrupted", "run it again")
    except BrokenPipeError:
        return Exit.INTERNAL
    except Exception as error:  # noqa: BLE001 -- the top of every program: a type's name, never its text
        message = f"a fault of this program ({_place(error)})"
        return ProgramError(Exit.INTERNAL, "internal", message, "please report this line")
    if result == _INTERRUPTED:
        return ProgramError(Exit.INTERNAL, "interrupted", "interrupted", "run it again")
    return result if isinstance(result, int) else Exit.DONE
