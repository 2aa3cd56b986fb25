"""The command `skerry query plan`."""

from typing import Annotated

import typer
from rich.console import Console

from coordinator.analyst.opening import Json, connected
from coordinator.analyst.plan import PlanReport
from coordinator.analyst.plan_tables import show_plan
from coordinator.analyst.question_commands import query_id_of
from coordinator.analyst.question_file import QueryFile, read_question, wrong_question
from coordinator.analyst.reasons import next_steps
from protocols.errors import TextError
from protocols.program import Exit, print_json


def register(query_app: typer.Typer) -> None:
    """Put the command beside `skerry query run`."""
    query_app.command("plan")(query_plan)


def query_plan(
    context: typer.Context,
    file: QueryFile,
    from_count: Annotated[
        str | None,
        typer.Option("--from-count", metavar="ID", help="Take the rows of each group from this count."),
    ] = None,
    json: Json = False,
) -> None:
    """Show what a question would cost, leave and tell; no data is read and nothing is spent.

    For every centre: the cost and what would be left of each budget, or why it would refuse and what to
    do. For the combined table: the expected half-width of the intervals, and what that assumes.

    For means, variances and proportions say under release how many rows a group has, all centres
    together (expected_n), or name an earlier count with --from-count.

    \b
      release:
        {mode: dp, scope: centre, rho: 0.05, expected_n: 900, expected_sd: 12}

    A file may also name the half-width, and the plan says what that costs.

    \b
      release:
        {mode: dp, scope: centre, half_width: 5, confidence: 0.95}

    Ends with 3 where refusals would keep the quorum from being reached, and with 4 where centres that
    are away would.
    """
    text = read_question(file)
    wanted = None if from_count is None else query_id_of(from_count, "--from-count")
    with connected(context) as registry:
        try:
            request = registry.read(text)
            count = None if wanted is None else registry.result(wanted)
            report = registry.plan(request, count)
        except TextError as error:
            raise wrong_question(file, error) from None
    if json:
        print_json(report.to_json())
    else:
        show_plan(report, Console())
    _end(report)


def _end(report: PlanReport) -> None:
    if report.is_quorum_reached:
        return
    answering, asked = len(report.quotes), len(report.audience)
    typer.echo(
        f"skerry: {answering} of {asked} centres would answer, and the quorum is {report.quorum}", err=True
    )
    if report.is_refused:
        typer.echo(f"  {next_steps(report.refusals)}", err=True)
        raise typer.Exit(Exit.REFUSED)
    typer.echo(f"  ask when they are back, or with quorum: {max(1, answering)}", err=True)
    raise typer.Exit(Exit.BELOW_QUORUM)
