"""How a consortium's folder is shown: to people as tables, to machines as `skerry.consortium/1`."""

from datetime import datetime
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from coordinator.consortium.drafts import Change, Mark, changes, entries
from coordinator.consortium.papers import Papers
from protocols.fingerprint import fingerprint_of, fingerprint_of_root
from protocols.roster import Entry, Officer, Roster, sort_of
from protocols.signed_text import SignedText

_COLOURS = {Mark.ENTERED: "green", Mark.LEFT: "red", Mark.CHANGED: "yellow"}


def words_of(entry: Entry) -> str:
    """Give the fingerprint of an entry."""
    return fingerprint_of(sort_of(entry).value, entry.id.text, entry.keys)


def described(entry: Entry) -> str:
    """Name somebody in a sentence."""
    return f"{sort_of(entry).value} {entry.id} ({_of(entry)})"


def _of(entry: Entry) -> str:
    return entry.centre.text if isinstance(entry, Officer) else entry.institution


def show(papers: Papers, console: Console, now: datetime) -> None:
    """Show the root, the signed roster, and what the draft would change."""
    root = papers.root
    console.print(f"Consortium {escape(root.consortium)}; {_threshold(papers)} must sign a roster.")
    console.print(f"Root: {fingerprint_of_root(root)}")
    if papers.held is None:
        console.print("No roster is signed yet.")
    else:
        console.print(_heading("Roster", papers.held.roster, _signers_of_held(papers), papers, now))
        console.print(_everybody(papers.held.roster))
    if papers.draft is not None:
        console.print(_heading("Draft", papers.draft.roster, papers.draft.signers, papers, now))
        show_changes(papers, console)


def show_changes(papers: Papers, console: Console) -> None:
    """Show what the draft changes, with the fingerprint of whoever it lets in."""
    if papers.draft is None:
        return
    found = changes(papers.held.roster if papers.held else None, papers.draft.roster)
    if not found:
        console.print("Who belongs stays the same.")
        return
    table = Table(title="what the draft changes", title_justify="left")
    for heading in ("", "who", "fingerprint"):
        table.add_column(heading)
    for one in found:
        words = "" if one.mark is Mark.LEFT else words_of(one.entry)
        table.add_row(f"[{_COLOURS[one.mark]}]{one.mark.value}[/]", escape(described(one.entry)), words)
    console.print(table)


def _threshold(papers: Papers) -> str:
    return f"{papers.root.threshold} of {len(papers.root.keys)} keys ({', '.join(sorted(papers.root.keys))})"


def _heading(name: str, roster: Roster, signers: frozenset[str], papers: Papers, now: datetime) -> str:
    state = "[red]expired[/]" if now >= roster.expires else "expires"
    who = f" ({', '.join(sorted(signers))})" if signers else ""
    count = f"{len(signers)} of {papers.root.threshold} signatures{who}"
    return f"{name}: version {roster.version}, {state} {roster.expires:%Y-%m-%d %H:%M} UTC, {count}."


def _everybody(roster: Roster) -> Table:
    table = Table(title="who belongs", title_justify="left")
    for heading in ("sort", "id", "of", "fingerprint"):
        table.add_column(heading)
    for one in entries(roster):
        table.add_row(sort_of(one).value, one.id.text, escape(_of(one)), words_of(one))
    return table


def _signers_of_held(papers: Papers) -> frozenset[str]:
    if papers.held is None:
        return frozenset()
    return SignedText.parse(papers.held.octets).signers(papers.root.keys, "roster")


def to_json(papers: Papers, now: datetime) -> dict[str, Any]:
    """Give the `skerry.consortium/1` object."""
    root, held, draft = papers.root, papers.held, papers.draft
    return {
        "format": "skerry.consortium/1",
        "consortium": root.consortium,
        "threshold": root.threshold,
        "keys": sorted(root.keys),
        "fingerprint": fingerprint_of_root(root),
        "roster": None if held is None else _roster(held.roster, _signers_of_held(papers), now),
        "draft": None
        if draft is None
        else {
            **_roster(draft.roster, draft.signers, now),
            "changes": [_change(one) for one in changes(held.roster if held else None, draft.roster)],
        },
    }


def _roster(roster: Roster, signers: frozenset[str], now: datetime) -> dict[str, Any]:
    return {
        "version": roster.version,
        "expires": roster.expires.isoformat(),
        "is_expired": now >= roster.expires,
        "signers": sorted(signers),
        "entries": [_entry(one) for one in entries(roster)],
    }


def _change(change: Change) -> dict[str, Any]:
    return {"change": change.mark.value, **_entry(change.entry)}


def _entry(entry: Entry) -> dict[str, Any]:
    more = "centre" if isinstance(entry, Officer) else "institution"
    return {
        "sort": sort_of(entry).value,
        "id": entry.id.text,
        more: _of(entry),
        "fingerprint": words_of(entry),
    }
