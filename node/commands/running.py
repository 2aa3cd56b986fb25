"""The custodian's commands about the running node: `status`, `pause`, `resume`."""

import sys
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from node.commands.opening import SNAPSHOTS, Json, ledger_path, settings_of, shown_time
from node.errors import PauseError
from node.pause import FLAG, Pause
from node.snapshot_list import SnapshotList
from protocols.program import Exit, ProgramError, print_json

_SOON_DAYS = 30
_SOON_RENEWED_DAYS = 2
"""A certificate lasts a week and renews itself with two days left: later, something stands in its way."""


def status(context: typer.Context, json: Json = False) -> None:
    """Show whether the node runs, is connected or paused; what it obeys and holds, and what expires.

    It reads papers and states, never a row. What cannot be read is named, and the rest is shown.
    """
    from node.status import node_status

    settings = settings_of(context)
    snapshots = SnapshotList(settings.data / SNAPSHOTS)
    tree = node_status(settings, snapshots, ledger_path(settings), datetime.now(UTC))
    if json:
        print_json(tree)
    else:
        _show(tree, Console())


def pause(
    context: typer.Context,
    reason: Annotated[str, typer.Option("--reason", help="Why, in a line; it stays at this node.")] = "",
    json: Json = False,
) -> None:
    """Answer no query from now on, until `resume`; a running node obeys at its next query.

    The flag outlives a restart. An analyst hears that the centre is paused, and not why.
    """
    flag = Pause(settings_of(context).data / FLAG)
    was_on = flag.is_on()
    try:
        paused = flag.begin(reason, datetime.now(UTC))
    except PauseError as error:
        raise _not_set(error) from None
    since = paused.since.isoformat() if paused.since else None
    if json:
        tree = {"format": "skerry.pause/1", "is_paused": True, "since": since, "reason": paused.reason}
        print_json(tree | {"has_changed": not was_on})
    else:
        word = "was paused already" if was_on else "is paused"
        sys.stdout.write(
            f"the node {word}, since {shown_time(since)}; answer again with: skerry-node resume\n"
        )


def resume(context: typer.Context, json: Json = False) -> None:
    """Answer queries again after `pause`."""
    try:
        was_on = Pause(settings_of(context).data / FLAG).end()
    except PauseError as error:
        raise _not_set(error) from None
    if json:
        tree = {"format": "skerry.pause/1", "is_paused": False, "since": None, "reason": ""}
        print_json(tree | {"has_changed": was_on})
    else:
        word = "answers again" if was_on else "was not paused"
        sys.stdout.write(f"the node {word}\n")


def _not_set(error: PauseError) -> ProgramError:
    advice = "check the data folder's rights and room, or stop the node"
    return ProgramError(Exit.WRONG_USE, "pause", str(error), advice)


def _show(tree: dict[str, Any], console: Console) -> None:
    """Print the state as tables: the node, then its studies, then what could not be read."""
    table = Table(title=f"node of {tree['centre']}", title_justify="left", show_header=False)
    table.add_column()
    table.add_column(overflow="fold")
    for name, value in _lines(tree):
        table.add_row(name, escape(value))
    console.print(table)
    if tree["studies"]:
        studies = Table("study", "title", "expires", title="studies", title_justify="left")
        for one in tree["studies"]:
            note = "" if one["has_this_dictionary"] else "; of another dictionary: refused"
            studies.add_row(escape(one["study"]), escape(one["title"]), _ends(one) + note)
        console.print(studies)
    for problem in tree["problems"]:
        console.print(f"cannot be read: {problem}", style="red", markup=False)


def _lines(tree: dict[str, Any]) -> list[tuple[str, str]]:
    snapshot, policy, ledger = tree["snapshot"], tree["policy"], tree["ledger"]
    return [
        ("running", f"since {shown_time(tree['running_since'])}" if tree["is_running"] else "no"),
        ("coordinator", f"{tree['coordinator']}, {_link(tree)}"),
        ("paused", _paused(tree["paused"])),
        ("registry", tree["registry"] or "-"),
        ("dictionary", tree["dictionary"] or "-"),
        ("snapshot", _snapshot(snapshot) if snapshot else "none: queries are refused"),
        ("ledger", f"{ledger['size']} events, root {ledger['root']}" if ledger else "none yet"),
        ("modes", ", ".join(policy["modes"]) if policy else "-"),
        ("scopes", ", ".join(policy["scopes"]) if policy else "-"),
        (
            "roster",
            f"version {tree['roster']['version']}, {_ends(tree['roster'])}" if tree["roster"] else "-",
        ),
        ("certificate", _ends(tree["certificate"], _SOON_RENEWED_DAYS) if tree["certificate"] else "-"),
    ]


def _link(tree: dict[str, Any]) -> str:
    if not tree["is_running"]:
        return "not connected"
    if tree["is_connected"] is None:
        return "nothing is told of the link"
    word = "connected" if tree["is_connected"] else "not connected"
    return f"{word} since {shown_time(tree['link_changed_at'])}"


def _paused(paused: dict[str, Any] | None) -> str:
    if paused is None:
        return "no"
    since = f"since {shown_time(paused['since'])}" if paused["since"] else "yes; the flag cannot be read"
    return f"{since} ({paused['reason']})" if paused["reason"] else since


def _snapshot(snapshot: dict[str, Any]) -> str:
    note = "" if snapshot["has_this_dictionary"] is not False else "; of another dictionary: import again"
    return f"{snapshot['id']} of {shown_time(snapshot['committed_at'])}{note}"


def _ends(one: dict[str, Any], soon_days: int = _SOON_DAYS) -> str:
    """Say when something ends, and warn when that is soon."""
    days = one["days_left"]
    if days < 0:
        return f"EXPIRED on {shown_time(one['expires'])}"
    warning = "; renew it soon" if days < soon_days else ""
    return f"until {shown_time(one['expires'])}, {days} days left{warning}"
