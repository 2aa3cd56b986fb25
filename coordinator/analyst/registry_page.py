"""The registry as a page: what can be asked, in which bounds, of whom. spec/results.md 3.

It is made of the `skerry.registry/1` object and nothing else, so it shows no data.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from coordinator.analyst.drawing import PAGES, check_writable, write
from protocols.dictionary import Role
from protocols.pages import render

_WHY_NOT = {
    Role.KEY.value: "says which rows belong to one patient; it stays at the centre",
    Role.IDENTIFIER.value: "could name a patient; it is not even imported",
    Role.LOCAL.value: "for the centre's own use; it stays there",
}


def registry_page(description: Mapping[str, Any], path: Path | None, made_at: datetime) -> str:
    """Make the page, and write it where a path is given. Raises DrawingError."""
    if path is not None:
        check_writable(path, PAGES)
    askable = [one for one in description["fields"] if one["role"] == Role.QUERYABLE.value]
    text = render(
        "coordinator.analyst",
        "registry.html",
        made_at=made_at,
        version=version("skerry"),
        registry=description,
        tables=[_table(one, askable) for one in description["tables"]],
        others=[(one, _WHY_NOT[one["role"]]) for one in description["fields"] if one not in askable],
        centres=[_centre(one) for one in description["centres"]],
        figures=_figures(description, len(askable)),
    )
    if path is not None:
        write(path, text.encode())
    return text


def _figures(description: Mapping[str, Any], askable: int) -> list[tuple[str, str]]:
    centres = description["centres"]
    online = sum(1 for one in centres if one["is_online"] and one["has_this_dictionary"])
    return [
        ("Tables", str(len(description["tables"]))),
        ("Fields that can be asked", str(askable)),
        ("Centres that can answer now", f"{online} of {len(centres)}"),
    ]


def _table(table: Mapping[str, Any], askable: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    cap = table["rows_per_patient"]
    rows = "One row a patient." if cap == 1 else f"At most {cap} rows of one patient count."
    return {**table, "rows": rows, "fields": [one for one in askable if one["table"] == table["table"]]}


def _centre(one: Mapping[str, Any]) -> dict[str, Any]:
    sort, words = "wait", "offline"
    if one["is_online"]:
        is_same = one["has_this_dictionary"]
        sort, words = ("good", "on the link") if is_same else ("bad", "uses another dictionary")
    snapshot_at = one["snapshot_at"]
    return {
        "name": one["centre"],
        "sort": sort,
        "words": words,
        "snapshot_at": datetime.fromisoformat(snapshot_at) if snapshot_at else None,
    }
