"""The commands of `skerry`, for analysts."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from coordinator.analyst import Registry, Result, connect
from coordinator.analyst.tables import show_fields, show_result
from coordinator.errors import RefusedError, SettingsError, UnreachableError
from protocols.errors import TextError
from protocols.link import CentreState
from protocols.link import Progress as Step
from protocols.program import Exit, ProgramError, print_json
from protocols.program import run as run_program

app = typer.Typer(
    help="Ask an international registry whose records stay at their centres.",
    no_args_is_help=True,
    add_completion=False,
)
query_app = typer.Typer(help="Ask questions, and check them first.", no_args_is_help=True)
app.add_typer(query_app, name="query")

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]
QueryFile = Annotated[Path, typer.Argument(help="The question, YAML or JSON (protocols/spec/queries.md).")]
_WORDS = {
    CentreState.ASKED: "asked",
    CentreState.ANSWERED: "[green]answered[/]",
    CentreState.OFFLINE: "[yellow]offline[/]",
    CentreState.LATE: "[yellow]late[/]",
}


@app.callback()
def _programme(
    context: typer.Context,
    profile: Annotated[Path, typer.Option("--profile", help="Your profile (TOML).")] = Path("analyst.toml"),
) -> None:
    """Remember the profile for the command that follows."""
    context.obj = profile


def _connected(context: typer.Context) -> Registry:
    try:
        return connect(context.find_root().obj)
    except SettingsError as error:
        advice = "name your profile with: skerry --profile FILE ..."
        raise ProgramError(Exit.WRONG_USE, "profile", str(error), advice) from None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        message = f"the question {path} cannot be read ({error.strerror})"
        raise ProgramError(Exit.WRONG_USE, "no_file", message, "name an existing YAML or JSON file") from None


def _wrong(path: Path, error: TextError) -> ProgramError:
    first = error.problems[0]
    place = f"line {first.line}: " if first.line else ""
    subject = f"{first.where}: " if first.where else ""
    advice = first.next_step or "correct the question and ask again"
    return ProgramError(Exit.WRONG_USE, "wrong_query", f"{path}: {place}{subject}{first.what}", advice)


@query_app.command("run")
def query_run(context: typer.Context, file: QueryFile, json: Json = False) -> None:
    """Ask a question of every centre, and show the combined answer with intervals and costs.

    \b
    A question is a file such as
      study: sandbox
      statistic: {kind: mean, variable: age, by: sex}
      cohort: {field: age, between: [18, 65]}
      release: {mode: dp, scope: centre, rho: 0.05}
      quorum: 3

    \b
    Kinds: count, sum, mean, variance, proportion (with in), histogram (with edges).
    The loss is rho (zCDP), or epsilon with delta. Asked again, it costs nothing.
    """
    text = _read(file)
    with _connected(context) as registry:
        try:
            result = _ask(registry, text)
        except TextError as error:
            raise _wrong(file, error) from None
        except UnreachableError as error:
            advice = "check that the coordinator runs and that your profile names its address"
            raise ProgramError(Exit.UNREACHABLE, "unreachable", str(error), advice) from None
        except RefusedError as error:
            raise _refused(error) from None
    if json:
        print_json(result.to_json())
    else:
        show_result(result, Console())


def _ask(registry: Registry, text: bytes) -> Result:
    """Ask with a line of progress for each centre, on standard error."""
    console = Console(stderr=True)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        tasks: dict[str, TaskID] = {}

        def watch(step: Step) -> None:
            name = str(step.centre)
            if name not in tasks:
                tasks[name] = progress.add_task(name, total=1)
            is_over = step.state is not CentreState.ASKED
            progress.update(tasks[name], description=f"{name}: {_WORDS[step.state]}", completed=int(is_over))

        return registry.ask(text, watch)


def _refused(error: RefusedError) -> ProgramError:
    result = error.result
    centres = result.centres if isinstance(result, Result) else {}
    if error.is_refusal:
        advice = "see each centre's reason; a study, policy or budget may have to change"
        return ProgramError(Exit.REFUSED, "refused", str(error), advice, centres=centres)
    answered = len(centres.get("answered", []))
    advice = f"ask again with quorum: {answered or 1}; what was answered is stored and costs nothing again"
    return ProgramError(Exit.BELOW_QUORUM, "below_quorum", str(error), advice, centres=centres)


@query_app.command("check")
def query_check(context: typer.Context, file: QueryFile, json: Json = False) -> None:
    """Check a question against the dictionary; nothing is sent and nothing is spent."""
    text = _read(file)
    with _connected(context) as registry:
        try:
            request = registry.read(text)
        except TextError as error:
            raise _wrong(file, error) from None
    loss = request.query.release.loss
    if json:
        print_json({"format": "skerry.check/1", "is_valid": True, "rho": str(loss)})
    else:
        sys.stdout.write(f"{file} is a valid question; it would cost rho {loss} at each centre\n")


@app.command()
def fields(context: typer.Context, json: Json = False) -> None:
    """Show what can be asked: fields, units, bounds, codes, and which centres hold them."""
    with _connected(context) as registry:
        try:
            description = registry.describe()
        except UnreachableError as error:
            advice = "check that the coordinator runs and that your profile names its address"
            raise ProgramError(Exit.UNREACHABLE, "unreachable", str(error), advice) from None
    if json:
        print_json(description)
    else:
        show_fields(description, Console())


def main() -> None:
    """Run the program."""
    raise SystemExit(run_program(app, "skerry"))
