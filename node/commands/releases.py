"""The privacy officer's commands about what left: `releases`, `releases show`."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from node.commands.officer import AUDIT_ADVICE, existing_ledger
from node.commands.opening import Json, settings_of
from node.commands.periods import Since, Until, period_of
from node.errors import NodeError
from protocols.program import Exit, ProgramError, print_json

if TYPE_CHECKING:
    from node.ledger.history import Entry

app = typer.Typer(help="What left this node: to whom, when, at what loss.", invoke_without_command=True)
_T = TypeVar("_T")
_Limit = Annotated[int, typer.Option("--limit", min=1, help="The latest so many.")]
_Study = Annotated[str | None, typer.Option("--study", help="Of this study alone.")]
_Analyst = Annotated[str | None, typer.Option("--analyst", help="Of this analyst alone.")]


@app.callback()
def list_releases(
    context: typer.Context,
    *,
    since: Since = None,
    until: Until = None,
    study: _Study = None,
    analyst: _Analyst = None,
    limit: _Limit = 50,
    everything: Annotated[
        bool, typer.Option("--all", help="Repeats, refusals, and answers that failed or were withheld, too.")
    ] = False,
    json: Json = False,
) -> None:
    """Show what left this node, newest first; each has the number of its event in the ledger.

    No released number is shown here: see skerry-node releases show EVENT --values.
    """
    if context.invoked_subcommand is not None:
        return
    from node.ledger.history import Wanted, history

    settings = settings_of(context)
    period = period_of(since, until)
    wanted = Wanted(period=period, study=study, analyst=analyst, everything=everything)
    path = _opened(lambda: existing_ledger(settings))
    found = _opened(lambda: history(path, wanted, limit + 1)) if path else ()
    shown, is_more = found[:limit], len(found) > limit
    if json:
        entries = [one.to_json() for one in shown]
        print_json(
            {
                "format": "skerry.releases/1",
                "centre": settings.centre,
                "entries": entries,
                "is_more": is_more,
            }
        )
        return
    Console().print(_table(shown, settings.centre, everything=everything))
    if is_more:
        sys.stdout.write(f"these are the latest {limit}; for more: --limit {10 * limit}\n")


@app.command()
def show(
    context: typer.Context,
    event: Annotated[
        int,
        typer.Argument(
            min=0, max=2**63 - 1, help="The number of its event, as `skerry-node releases` has it."
        ),
    ],
    values: Annotated[bool, typer.Option("--values", help="The released numbers, too.")] = False,
    json: Json = False,
) -> None:
    """Show one release with its label; its numbers on demand: they have left, and are no secret here."""
    from node.ledger.history import stored_release
    from node.ledger.release_label import release_label

    settings = settings_of(context)
    path = _opened(lambda: existing_ledger(settings))
    stored = _opened(lambda: stored_release(path, event)) if path else None
    if stored is None:
        what = f"the ledger has no release at event {event}"
        raise ProgramError(Exit.WRONG_USE, "no_release", what, "for their numbers: skerry-node releases")
    tree = release_label(stored, with_values=values)
    if json:
        print_json(tree)
        return
    for name, value in tree.items():
        sys.stdout.write(f"{name.replace('_', ' ')}: {_text(value)}\n")


def _opened(action: Callable[[], _T]) -> _T:
    try:
        return action()
    except NodeError as error:
        raise ProgramError(Exit.INTERNAL, "ledger", str(error), AUDIT_ADVICE) from None


def _table(entries: "tuple[Entry, ...]", centre: str, *, everything: bool) -> Table:
    what = "asked of" if everything else "released by"
    table = Table(title=f"{what} {centre} (rho, zCDP; times in UTC)", title_justify="left")
    table.add_column("event", justify="right")
    for heading in ("asked at", "by", "study", *(["outcome"] if everything else []), "mode"):
        table.add_column(heading, overflow="fold")
    table.add_column("rho", justify="right", overflow="fold")
    table.add_column("question", ratio=1, overflow="fold")
    table.add_column("asked again", justify="right")
    for one in entries:
        table.add_row(
            str(one.seq),
            f"{one.at:%Y-%m-%d %H:%M}",
            one.analyst,
            one.study,
            *([_outcome(one)] if everything else []),
            one.mode,
            str(one.cost) if one.of == one.seq else "",
            escape(one.question),
            str(one.repeats or ""),
        )
    return table


def _outcome(one: "Entry") -> str:
    if one.code:
        return f"{one.outcome.value}: {one.code}"
    return f"repeat of {one.of}" if one.of not in (None, one.seq) else one.outcome.value


def _text(value: object) -> str:
    if isinstance(value, list):
        return "".join(f"\n  {_text(one)}" for one in value) if value else "none"
    if isinstance(value, dict):
        return ", ".join(f"{name.replace('_', ' ')} {_text(one)}" for name, one in value.items())
    return "none" if value is None else str(value)
