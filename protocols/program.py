"""What a program says to who started it: exit codes, one error object, one sentence and a next step.

The contract of every command (spec/commands.md): results to standard output, everything else to
standard error; with `--json`, standard output is exactly one object.
"""

import json
import sys
from collections.abc import Sequence
from enum import IntEnum
from typing import Any

import click
import typer
from typer.main import get_command


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


def run(app: typer.Typer, name: str, arguments: Sequence[str] | None = None) -> int:
    """Run a program's commands and give its exit code; whatever happens, it says so properly."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    command = get_command(app)
    try:
        result = command.main(args=words, prog_name=name, standalone_mode=False)
    except ProgramError as error:
        outcome = error
    except click.exceptions.NoArgsIsHelpError as error:
        sys.stderr.write(error.format_message() + "\n")
        return Exit.WRONG_USE
    except click.UsageError as error:
        help_line = f"see: {error.ctx.command_path} --help" if error.ctx else f"see: {name} --help"
        outcome = ProgramError(Exit.WRONG_USE, "wrong_use", error.format_message(), help_line)
    except (click.Abort, KeyboardInterrupt):
        outcome = ProgramError(Exit.INTERNAL, "interrupted", "interrupted")
    except BrokenPipeError:
        return Exit.INTERNAL
    except click.ClickException as error:
        outcome = ProgramError(Exit.WRONG_USE, "wrong_use", error.format_message())
    else:
        return result if isinstance(result, int) else Exit.DONE
    if "--json" in words:
        print_json(outcome.to_json())
    sys.stderr.write(f"{name}: {outcome.message}\n")
    if outcome.next_step:
        sys.stderr.write(f"  {outcome.next_step}\n")
    return int(outcome.exit_code)
