"""How a command of `skerry` connects, and how it ends when the coordinator does not serve it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from coordinator.analyst.registry import Registry, connect
from coordinator.errors import (
    AskError,
    SettingsError,
    UnknownQuestionError,
    UnreachableError,
    UnverifiableError,
)
from protocols.program import Exit, ProgramError

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]


@contextmanager
def connected(context: typer.Context) -> Iterator[Registry]:
    """Connect with the profile of the command line. Raises ProgramError for what goes wrong on the way."""
    try:
        with connect(context.find_root().obj) as registry:
            yield registry
    except SettingsError as error:
        advice = "correct it, or name another profile with: skerry --profile FILE ..."
        raise ProgramError(Exit.WRONG_USE, "profile", str(error), advice, problems=error.problems) from None
    except UnreachableError as error:
        advice = "check that the coordinator runs and that your profile names its address"
        if error.query_id is not None:
            advice = f"{advice}; then see what was answered with: skerry query result {error.query_id}"
        raise ProgramError(Exit.UNREACHABLE, "unreachable", str(error), advice) from None
    except AskError as error:
        advice = (
            "see what it says; if it is about your signature or the centres, compare your roster with its own"
        )
        raise ProgramError(Exit.REFUSED, "not_relayed", str(error), advice) from None
    except UnknownQuestionError as error:
        advice = "see your questions with: skerry query list"
        raise ProgramError(Exit.WRONG_USE, "unknown_query", str(error), advice) from None
    except UnverifiableError as error:
        advice = "do not believe this coordinator; keep the query id and tell the consortium"
        raise ProgramError(Exit.REFUSED, "unverifiable", str(error), advice) from None
