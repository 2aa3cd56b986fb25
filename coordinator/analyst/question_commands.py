"""The commands about questions that were asked before: `skerry query status`, `result` and `list`."""

from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from coordinator.analyst.asked import Asked, Unverified
from coordinator.analyst.opening import Json, connected
from coordinator.analyst.outputs import Outputs, PageFile, PlotFile
from coordinator.analyst.result import Result
from coordinator.analyst.tables import show_result
from protocols.errors import WireError
from protocols.ids import QueryId
from protocols.link import MOST_LISTED, CentreState, Standing
from protocols.program import Exit, ProgramError, print_json

QueryIdText = Annotated[str, typer.Argument(metavar="ID", help="The query id, as the result shows it.")]
WORDS = {
    CentreState.ASKED: "asked",
    CentreState.ANSWERED: "[green]answered[/]",
    CentreState.OFFLINE: "[yellow]offline[/]",
    CentreState.LATE: "[yellow]late[/]",
    CentreState.EXPIRED: "[red]expired[/]",
}


def register(query_app: typer.Typer) -> None:
    """Put the commands beside `skerry query run`."""
    query_app.command("status")(query_status)
    query_app.command("result")(query_result)
    query_app.command("list")(query_list)


def query_status(context: typer.Context, query_id: QueryIdText, json: Json = False) -> None:
    """Show where each centre stands with a question that you asked before; nothing is spent.

    \b
    asked      on the link, and within the deadline
    answered   its answer is there
    offline    not on the link; it is asked when it returns
    late       on the link, and silent beyond the deadline
    expired    no answer came while the question was valid
    """
    wanted = query_id_of(query_id, "ID")
    with connected(context) as registry:
        asked = registry.status(wanted)
    if json:
        print_json(asked.to_json())
    else:
        _show_status(asked, Console())


def query_result(
    context: typer.Context,
    query_id: QueryIdText,
    json: Json = False,
    plot: PlotFile = None,
    page: PageFile = None,
) -> None:
    """Show the answers to a question that you asked before, combined, the late ones too.

    It fetches what the coordinator keeps and verifies it as `skerry query run` does. No centre is asked
    anything and nothing is spent. The quorum was for the asking; here is what there is.
    """
    wanted = query_id_of(query_id, "ID")
    outputs = Outputs.checked(plot, page)
    with connected(context) as registry:
        result = registry.result(wanted)
    if not result.answered:
        raise _nobody(result)
    if json:
        print_json(result.to_json())
    else:
        show_result(result, Console())
    hint_at_missing(result)
    outputs.write(result)


def query_list(
    context: typer.Context,
    limit: Annotated[int, typer.Option("--limit", min=1, max=MOST_LISTED, help="How many at most.")] = 20,
    before: Annotated[
        str | None, typer.Option("--before", metavar="ID", help="Only those asked before this one.")
    ] = None,
    json: Json = False,
) -> None:
    """List the questions that you asked, newest first; the coordinator keeps them.

    The last id of a list, given as --before, leads to the questions before it.
    """
    last = None if before is None else query_id_of(before, "--before")
    with connected(context) as registry:
        questions = registry.questions(limit, last)
    if json:
        print_json({"format": "skerry.questions/1", "questions": [one.entry() for one in questions]})
    else:
        _show_list(questions, Console())


def hint_at_missing(result: Result) -> None:
    """Say on standard error how to fetch what comes later, where a centre is missing."""
    if result.missing:
        names = ", ".join(map(str, result.missing))
        typer.echo(f"missing: {names}; what comes later: skerry query result {result.query_id}", err=True)


def query_id_of(text: str, where: str) -> QueryId:
    """Read a query id that somebody typed. Raises ProgramError."""
    try:
        return QueryId.parse(text)
    except WireError as error:
        advice = "copy it from a result, or see your questions with: skerry query list"
        raise ProgramError(Exit.WRONG_USE, "no_query_id", f"{where}: {error}", advice) from None


def _nobody(result: Result) -> ProgramError:
    where = f"skerry query status {result.query_id}"
    return ProgramError(
        Exit.BELOW_QUORUM, "no_answer", "no centre has answered", f"see: {where}", centres=result.centres
    )


def _show_status(asked: Asked, console: Console) -> None:
    terms = asked.terms
    console.print(f"Query {asked.query_id}, study {escape(str(terms.study))}: {_what(asked)}")
    console.print(
        f"Asked {asked.asked_at:%Y-%m-%d %H:%M:%S}, valid until {asked.valid_until:%Y-%m-%d %H:%M:%S} UTC."
    )
    table = Table(title="centres", title_justify="left")
    for heading in ("centre", "state", "answer came"):
        table.add_column(heading)
    for one in asked.standings:
        table.add_row(str(one.centre), WORDS[one.state], _when(one))
    console.print(table)


def _when(standing: Standing) -> str:
    return f"{standing.received_at:%Y-%m-%d %H:%M:%S}" if standing.received_at else "-"


def _what(asked: Asked) -> str:
    statistic = asked.terms.query.statistic
    by = f" by {', '.join(map(str, statistic.by))}" if statistic.by else ""
    return escape(f"{statistic.kind.value} of {statistic.variable or statistic.table}{by}")


def _show_list(questions: list[Asked | Unverified], console: Console) -> None:
    if not questions:
        console.print("No questions.")
        return
    table = Table(title="your questions", title_justify="left")
    table.add_column("query id", no_wrap=True)
    for heading in ("asked", "question", "answered"):
        table.add_column(heading)
    for one in questions:
        when = f"{one.asked_at:%Y-%m-%d %H:%M}"
        if isinstance(one, Unverified):
            table.add_row(str(one.query_id), when, f"[red]{escape(one.why)}[/]", "-")
        else:
            answered = f"{len(one.answered)} of {len(one.standings)}"
            table.add_row(str(one.query_id), when, _what(one), answered)
    console.print(table)
