"""The command about the registry itself: `skerry registry describe`."""

import typer
from rich.console import Console

from coordinator.analyst.opening import Json, connected
from coordinator.analyst.outputs import Outputs, PageFile
from coordinator.analyst.tables import show_registry
from coordinator.errors import DrawingError
from protocols.clock import system_clock
from protocols.program import Exit, ProgramError, print_json

registry_app = typer.Typer(help="See what can be asked, and who holds it.", no_args_is_help=True)


@registry_app.callback()
def _registry() -> None:
    """Keep `describe` a word of its own: Typer would drop the name of an only command."""


@registry_app.command("describe")
def registry_describe(context: typer.Context, json: Json = False, page: PageFile = None) -> None:
    """Show what can be asked: fields, units, bounds, codes, and which centres hold them. No data."""
    outputs = Outputs.checked(None, page)
    with connected(context) as registry:
        description = registry.describe()
    if outputs.page is not None:
        from coordinator.analyst.registry_page import registry_page

        try:
            registry_page(description, outputs.page, system_clock())
        except DrawingError as error:
            raise ProgramError(Exit.WRONG_USE, "no_output", str(error), "name another file") from None
    if json:
        print_json(description)
    else:
        show_registry(description, Console())
