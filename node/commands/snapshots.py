"""The custodian's commands about snapshots: list them, `retire` one, `erase` one."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from node.commands.opening import Json, settings_of, shown_time, snapshots_of
from node.errors import SnapshotError
from node.snapshot_list import SnapshotList
from protocols.documents import nearest
from protocols.program import Exit, ProgramError, print_json

if TYPE_CHECKING:
    from node.snapshots import Snapshot, Snapshots

app = typer.Typer(help="What this node holds: list, retire, erase.", invoke_without_command=True)
_Id = Annotated[str, typer.Argument(metavar="ID", help="The snapshot's id, as the list has it.")]
_NONE_LEFT = "no snapshot is in use now: queries are refused until the next import"


@app.callback()
def list_snapshots(context: typer.Context, json: Json = False) -> None:
    """Show the node's snapshots: id, date, dictionary, size, and whether one is in use.

    Queries read the current one. A superseded one is read by nothing any more; neither is a retired one.
    Of an erased one, this line is left.
    """
    if context.invoked_subcommand is None:
        _show(_opened(context), json=json)


@app.command()
def retire(context: typer.Context, snapshot: _Id, json: Json = False) -> None:
    """Use a snapshot for no query any more; its file stays.

    After the current one is retired the node refuses queries until the next import: it never goes back to
    an older snapshot, in which patients may be who have been taken out since.
    """
    snapshots = _opened(context)
    _done(lambda found: snapshots.retire(found, datetime.now(UTC)), snapshots, snapshot)
    _show(snapshots, json=json)


@app.command()
def erase(
    context: typer.Context,
    snapshot: _Id,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    json: Json = False,
) -> None:
    """Destroy a snapshot: its key cannot be made again, and its file is removed. There is no way back.

    The ledger stays, with what was released. So do backups, and what mode suppressed remembers of who was
    counted together: erase the backups yourself.
    """
    snapshots = _opened(context)
    found = _found(snapshots, snapshot)
    if not yes:
        _confirm(found, json=json)
    _done(lambda one: snapshots.erase(one, datetime.now(UTC)), snapshots, snapshot)
    _show(snapshots, json=json)


def _opened(context: typer.Context) -> "Snapshots":
    return snapshots_of(settings_of(context))


def _states(snapshots: "Snapshots") -> list[dict[str, Any]]:
    """Give the lines of `skerry.snapshots/1`; to look makes no folder and no list."""
    try:
        if not SnapshotList(snapshots.folder).is_begun():
            return []
        return [
            {
                "id": str(one.id),
                "state": state.value,
                "committed_at": one.committed_at.isoformat(),
                "retired_at": one.retired_at.isoformat() if one.retired_at else None,
                "erased_at": one.erased_at.isoformat() if one.erased_at else None,
                "dictionary": str(one.dictionary),
                "bytes": _size(one.path),
            }
            for one, state in snapshots.states()
        ]
    except SnapshotError as error:
        raise _broken(error) from None


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _found(snapshots: "Snapshots", text: str) -> "Snapshot":
    try:
        every = snapshots.all() if SnapshotList(snapshots.folder).is_begun() else ()
    except SnapshotError as error:
        raise _broken(error) from None
    for one in every:
        if str(one.id) == text:
            return one
    advice = nearest(text, [str(one.id) for one in every]) or "see: skerry-node snapshots"
    raise ProgramError(Exit.WRONG_USE, "no_snapshot", f"this node has no snapshot {text!r}", advice)


def _confirm(found: "Snapshot", *, json: bool) -> None:
    if json or not sys.stdin.isatty():
        what = f"erasing snapshot {found.id} cannot be undone, and nobody has confirmed it"
        raise ProgramError(Exit.WRONG_USE, "not_confirmed", what, "add --yes")
    question = f"Erase snapshot {found.id} of {shown_time(found.committed_at.isoformat())}, for good?"
    if not typer.confirm(question, err=True):
        raise ProgramError(Exit.WRONG_USE, "not_confirmed", "nothing was erased", "answer y to erase")


def _done(act: Callable[["Snapshot"], None], snapshots: "Snapshots", text: str) -> None:
    try:
        act(_found(snapshots, text))
    except SnapshotError as error:
        raise _broken(error) from None


def _broken(error: SnapshotError) -> ProgramError:
    return ProgramError(Exit.INTERNAL, "snapshots", error.what, error.next_step)


def _show(snapshots: "Snapshots", *, json: bool) -> None:
    states = _states(snapshots)
    has_current = any(one["state"] == "current" for one in states)
    if json:
        print_json({"format": "skerry.snapshots/1", "has_current": has_current, "snapshots": states})
        return
    table = Table("state", "committed", "MiB", "dictionary", title="snapshots", title_justify="left")
    table.add_column("id", no_wrap=True)
    for one in states:
        committed, size = shown_time(one["committed_at"]), f"{one['bytes'] / 2**20:.1f}"
        table.add_row(one["state"], committed, size, one["dictionary"][:8], one["id"])
    Console().print(table)
    if not has_current:
        sys.stdout.write(_NONE_LEFT + "\n")
