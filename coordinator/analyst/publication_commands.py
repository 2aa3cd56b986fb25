"""The commands `skerry query publish` and `skerry publication show`."""

import os
from pathlib import Path
from stat import S_ISDIR
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from coordinator.analyst.opening import Json, connected
from coordinator.analyst.outputs import Outputs, PageFile, PlotFile
from coordinator.analyst.publishing import check_title
from coordinator.analyst.question_commands import QueryIdText, query_id_of
from coordinator.analyst.tables import show_result
from coordinator.errors import PublicationError
from protocols.program import Exit, ProgramError, print_json

publication_app = typer.Typer(
    help="Read what analysts published, and check every number of it, offline.", no_args_is_help=True
)


def register(query_app: typer.Typer) -> None:
    """Put `publish` beside `skerry query run`."""
    query_app.command("publish")(query_publish)


def query_publish(
    context: typer.Context,
    query_id: QueryIdText,
    file: Annotated[Path, typer.Argument(help="Where to write it; an existing file is kept.")],
    title: Annotated[str, typer.Option("--title", help="A line that says what it shows.")],
    json: Json = False,
) -> None:
    """Sign the answers to a question of yours, so that others can see and check them.

    Answers are sealed to you; nobody else can read them until you publish. The file has the question and
    each centre's own signed answer: whoever has the roster computes the same table with
    `skerry publication show`, and need not believe you. It costs nothing.
    """
    wanted = query_id_of(query_id, "ID")
    _check_new(file)
    try:
        check_title(title)
    except PublicationError as error:
        raise ProgramError(Exit.WRONG_USE, "title", str(error), 'write one with: --title "TITLE"') from None
    with connected(context) as registry:
        try:
            octets = registry.publish(wanted, title)
        except PublicationError as error:
            raise ProgramError(
                Exit.WRONG_USE, "publication", str(error), "see: skerry query status ID"
            ) from None
    _write(file, octets)
    if json:
        print_json({"format": "skerry.published/1", "query_id": str(wanted), "file": str(file)})
    else:
        Console().print(f"Published in {escape(str(file))}; check it with: skerry publication show FILE")


def _check_new(file: Path) -> None:
    """Refuse a place that is taken, or in no folder, before anything is asked. Raises ProgramError."""
    if os.path.lexists(file):
        what, advice = f"{file} is there already", "choose another name, or move it away"
        raise ProgramError(Exit.WRONG_USE, "file", what, advice)
    try:
        is_folder = S_ISDIR(file.parent.stat().st_mode)
    except OSError:
        is_folder = False
    if not is_folder:
        what, advice = (
            f"{file} cannot be written (no such folder)",
            "name a file in a folder that you may write",
        )
        raise ProgramError(Exit.WRONG_USE, "file", what, advice)


def _write(file: Path, octets: bytes) -> None:
    try:
        with file.open("xb") as stream:
            stream.write(octets)
    except OSError as error:
        what = f"{file} cannot be written ({error.strerror})"
        raise ProgramError(
            Exit.WRONG_USE, "file", what, "name a file in a folder that you may write"
        ) from None


@publication_app.command("show")
def publication_show(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="What an analyst published.")],
    json: Json = False,
    plot: PlotFile = None,
    page: PageFile = None,
) -> None:
    """Verify a publication with your roster and dictionary, and show its table, computed anew.

    No coordinator and no centre is asked. One signature that does not fit, and nothing is shown.
    """
    try:
        octets = file.read_bytes()
    except OSError as error:
        what = f"{file} cannot be read ({error.strerror})"
        raise ProgramError(Exit.WRONG_USE, "file", what, "name the file that was published") from None
    outputs = Outputs.checked(plot, page)
    with connected(context) as registry:
        try:
            title, result = registry.read_publication(octets)
        except PublicationError as error:
            advice = "do not use it; ask whoever gave it to you for the original, and compare your roster"
            raise ProgramError(Exit.REFUSED, "publication", f"{file}: {error}", advice) from None
    if json:
        print_json({"format": "skerry.publication/1", "title": title, "result": result.to_json()})
    else:
        console = Console()
        console.print(f"[bold]{escape(title)}[/]")
        show_result(result, console)
    outputs.write(result)
