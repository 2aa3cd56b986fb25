"""The file with a question, as commands take it, and what is said when it is wrong."""

from pathlib import Path
from typing import Annotated

import typer

from protocols.errors import TextError
from protocols.program import Exit, ProgramError

QueryFile = Annotated[Path, typer.Argument(help="The question, YAML or JSON (protocols/spec/queries.md).")]


def read_question(path: Path) -> bytes:
    """Read the file. Raises ProgramError."""
    try:
        return path.read_bytes()
    except OSError as error:
        message = f"the question {path} cannot be read ({error.strerror})"
        raise ProgramError(Exit.WRONG_USE, "no_file", message, "name an existing YAML or JSON file") from None


def wrong_question(path: Path, error: TextError) -> ProgramError:
    """Make the error for a question that is wrong: the first problem, with its line, then the others."""
    first = error.problems[0]
    place = f"line {first.line}: " if first.line else ""
    subject = f"{first.where}: " if first.where else ""
    advice = first.next_step or "correct the question and ask again"
    what = f"{path}: {place}{subject}{first.what}"
    return ProgramError(Exit.WRONG_USE, "wrong_query", what, advice, problems=error.problems)
