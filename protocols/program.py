"""What a program says to who started it: exit codes, one error object, one sentence and a next step.

The contract of every command (spec/commands.md): results to standard output, everything else to
standard error; with `--json`, standard output is exactly one object.
"""

import json
import sys
from collections.abc import Sequence
from enum import IntEnum
from pathlib import Path
from typing import Any

import click
import typer
from typer.main import get_command

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
    """An outcome that ends a command: a code, one sentence, and what to do."""

    def __init__(
        self, exit_code: Exit, code: str, message: str, next_step: str = "", **fields: object
    ) -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.code = code
        self.message = message
        self.next_step = next_step
        self.fields = fields

    def to_json(self) -> dict[str, Any]:
        """Give the `skerry.error/1` object."""
        return {
            "format": "skerry.error/1",
            "code": self.code,
            "message": self.message,
            "next_step": self.next_step,
            "centres": self.fields.get("centres", {}),
            **{name: value for name, value in self.fields.items() if name != "centres"},
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
    outcome = _outcome(get_command(app), name, words)
    if isinstance(outcome, int):
        return outcome
    if "--json" in words:
        print_json(outcome.to_json())
    sys.stderr.write(f"{name}: {outcome.message}\n")
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
        context = error.ctx if isinstance(error, click.UsageError) else None
        advice = f"see: {context.command_path if context else name} --help"
        return ProgramError(Exit.WRONG_USE, "wrong_use", error.format_message(), advice)
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
