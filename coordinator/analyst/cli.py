"""The commands of `skerry`, for analysts."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from coordinator.analyst import Result, plan_commands, publication_commands
from coordinator.analyst.opening import Json, connected
from coordinator.analyst.outputs import Outputs, PageFile, PlotFile
from coordinator.analyst.question_commands import hint_at_missing, register
from coordinator.analyst.question_file import QueryFile, read_question, wrong_question
from coordinator.analyst.reasons import next_steps
from coordinator.analyst.registry_commands import registry_app
from coordinator.analyst.study_commands import study_app
from coordinator.analyst.tables import show_result
from coordinator.analyst.watching import watched
from coordinator.consortium.key_commands import keys_app
from coordinator.consortium.roster_commands import consortium_app
from coordinator.errors import RefusedError
from protocols.errors import TextError
from protocols.program import Exit, ProgramError, print_json
from protocols.program import run as run_program

app = typer.Typer(
    help="Ask an international registry whose records stay at their centres.",
    no_args_is_help=True,
    add_completion=False,
)
query_app = typer.Typer(
    help="Ask questions, check them first, and see what became of them.", no_args_is_help=True
)
app.add_typer(query_app, name="query")


@app.callback()
def _programme(
    context: typer.Context,
    profile: Annotated[Path, typer.Option("--profile", help="Your profile (TOML).")] = Path("analyst.toml"),
) -> None:
    """Remember the profile for the command that follows."""
    context.obj = profile


@query_app.command("run")
def query_run(
    context: typer.Context,
    file: QueryFile,
    json: Json = False,
    plot: PlotFile = None,
    page: PageFile = None,
) -> None:
    """Ask a question of every centre, and show the combined answer with intervals and costs.

    \b
    A question is a file such as
      study: sandbox
      statistic: {kind: mean, variable: age, by: sex}
      cohort: {field: age, between: [18, 65]}
      release: {mode: dp, scope: centre, rho: 0.05}
      quorum: 3

    Kinds: count, sum, mean, variance, proportion (with in), histogram (with edges), quantiles (with
    probabilities). The loss is rho (zCDP), or epsilon with delta. Asked again, it costs nothing.
    """
    text = read_question(file)
    outputs = Outputs.checked(plot, page)
    with connected(context) as registry:
        try:
            outputs.check_question(registry, text)
            with watched(registry, Console(stderr=True)) as watch:
                result = registry.ask(text, watch)
        except TextError as error:
            raise wrong_question(file, error) from None
        except RefusedError as error:
            raise _refused(error) from None
    if json:
        print_json(result.to_json())
    else:
        show_result(result, Console())
        sys.stdout.write(f"Query {result.query_id}.\n")
    hint_at_missing(result)
    outputs.write(result)


def _refused(error: RefusedError) -> ProgramError:
    result = error.result
    centres = result.centres if isinstance(result, Result) else {}
    answered = len(centres.get("answered", []))
    if error.is_refusal:
        advice = next_steps(centres.get("refused", {}))
        if answered:
            advice += f"; or ask again with quorum: {answered}; what was answered is stored and costs nothing"
        return ProgramError(Exit.REFUSED, "refused", str(error), advice, centres=centres)
    advice = f"ask again with quorum: {answered or 1}; what was answered is stored and costs nothing again"
    if isinstance(result, Result) and result.missing:
        advice += f"; or, when the missing centres are back: skerry query result {result.query_id}"
    return ProgramError(Exit.BELOW_QUORUM, "below_quorum", str(error), advice, centres=centres)


@query_app.command("check")
def query_check(context: typer.Context, file: QueryFile, json: Json = False) -> None:
    """Check a question against the dictionary; nothing is sent and nothing is spent.

    It works without the coordinator, and knows neither studies, policies nor budgets: `skerry query plan`
    asks the centres what they would say.
    """
    text = read_question(file)
    with connected(context) as registry:
        try:
            request = registry.read(text)
        except TextError as error:
            raise wrong_question(file, error) from None
    loss = request.query.release.loss
    if json:
        print_json({"format": "skerry.check/1", "is_valid": True, "rho": str(loss)})
    else:
        sys.stdout.write(f"{file} is a valid question; it would cost rho {loss} at each centre\n")


register(query_app)
plan_commands.register(query_app)
publication_commands.register(query_app)
app.add_typer(registry_app, name="registry")
app.add_typer(publication_commands.publication_app, name="publication")
app.add_typer(study_app, name="study")
app.add_typer(keys_app, name="keys")
app.add_typer(consortium_app, name="consortium")


def main() -> None:
    """Run the program."""
    raise SystemExit(run_program(app, "skerry"))
