"""A result as a page: the answer, who gave it, what is promised, and how to check it. spec/results.md 9.

One file for people: what the JSON of a result says, with the pictures. Everything on it is text, also
what looks like markup (spec/pages.md 2).
"""

import base64
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coordinator.analyst.drawing import (
    PAGES,
    answered_words,
    centres_picture_of,
    check_writable,
    picture_of,
    write,
)
from coordinator.analyst.pictures import Chart, svg_of
from coordinator.analyst.words import (
    cohort_words,
    level_names,
    promise_words,
    question_words,
    title_of,
    value_words,
)
from coordinator.errors import DrawingError
from coordinator.estimators.table import Row, Status
from protocols.pages import epsilon, number, render
from protocols.queries import Kind
from protocols.query_writing import question_text

if TYPE_CHECKING:
    from coordinator.analyst.result import Result

_LABEL = {
    "unit": "Protected unit",
    "neighbours": "Neighbouring data",
    "mechanism": "Mechanism",
    "rule": "Rule",
    "minimum": "Least count that is shown",
    "rounding": "Counts are rounded to multiples of",
    "promise": "Promise",
    "rows_per_patient": "Rows of one patient that count",
    "per_person": "A person at several centres",
    "trusted": "Who is trusted",
    "not_hidden": "What is not hidden",
}
"""The parts of a label that are sentences or numbers, in the order in which they are read."""


def result_page(result: "Result", path: str | Path | None, made_at: datetime) -> str:
    """Make the page, and write it where a path is given. Raises DrawingError."""
    if path is not None:
        check_writable(Path(path), PAGES)
    text = render("coordinator.analyst", "result.html", **_context(result, made_at))
    if path is not None:
        write(Path(path), text.encode())
    return text


def _context(result: "Result", made_at: datetime) -> dict[str, Any]:
    query, dictionary = result.query, result.dictionary
    return {
        "made_at": made_at,
        "version": version("skerry"),
        "heading": question_words(query, dictionary),
        "cohort": cohort_words(query, dictionary),
        "value": value_words(query, dictionary),
        "promise": promise_words(query),
        "answered": answered_words(result),
        "figures": _figures(result),
        "answer": _table(result, result.rows),
        "margins": _table(result, result.margins) if result.margins else None,
        "by_centre": _by_centre(result),
        "picture": _picture(picture_of, result),
        "centres_picture": _picture(centres_picture_of, result),
        "centres": result.centres,
        "receipts": [_receipt(one) for one in result.receipts],
        "label": [(name, result.label[key]) for key, name in _LABEL.items() if key in result.label],
        "noise": result.label.get("blocks", []),
        "bounds": result.label.get("bounds", {}),
        "question": question_text(query, dictionary, result.study),
        "ids": _ids(result),
    }


def _figures(result: "Result") -> list[tuple[str, str]]:
    terms, label = result.query.release, result.label
    asked = len(result.answered) + len(result.missing) + len(result.centres["refused"])
    pairs = [("Centres that answered", f"{len(result.answered)} of {asked}")]
    if "epsilon" in label:
        pairs.append(("Loss for a patient, at each centre", f"rho {terms.loss}"))
        pairs.append((f"Epsilon at delta {float(terms.delta):g}", epsilon(label["epsilon"])))
    else:
        pairs.append(("Mode", terms.mode.value))
    return pairs


def _ids(result: "Result") -> list[tuple[str, str]]:
    dictionary = result.dictionary
    return [
        ("Query", str(result.query_id)),
        ("Registry", f"{dictionary.title or dictionary.name}, version {dictionary.version}"),
        ("Dictionary", str(dictionary.digest)),
    ]


def _receipt(one: Mapping[str, Any]) -> dict[str, Any]:
    moments = {key: datetime.fromisoformat(one[key]) for key in ("released_at", "snapshot_at")}
    return {**one, **moments}


def _picture(draw: Callable[["Result"], Chart], result: "Result") -> dict[str, str]:
    """Draw for the page, or say why it is not drawn: the page is never refused for its picture."""
    try:
        svg = svg_of(draw(result))
    except DrawingError as error:
        return {"data": "", "why": str(error)}
    return {"data": "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode(), "why": ""}


def _table(result: "Result", rows: Sequence[Row]) -> dict[str, Any]:
    """Write rows as texts: what sets them apart, then the figures."""
    has_n = any(row.n is not None for row in rows)
    has_noise = any(row.noise_sd is not None for row in rows)
    headings = [
        "estimate",
        "from",
        "to",
        *(["noise sd"] if has_noise else []),
        *(["noisy n"] if has_n else []),
    ]
    return {
        "places": _place_headings(result),
        "headings": headings,
        "rows": [{"places": _places(result, row), "cells": _cells(row, has_noise, has_n)} for row in rows],
    }


def _place_headings(result: "Result") -> list[str]:
    statistic, dictionary = result.query.statistic, result.dictionary
    headings = [title_of(name, dictionary) for name in statistic.by]
    if statistic.kind is Kind.HISTOGRAM and statistic.variable is not None:
        headings.append(title_of(statistic.variable, dictionary))
    if statistic.kind is Kind.QUANTILES:
        headings.append("probability")
    return headings


def _places(result: "Result", row: Row) -> list[str]:
    """Name what sets a row apart; a margin is over all levels of what it has no column for."""
    statistic, dictionary = result.query.statistic, result.dictionary
    levels = dict(row.groups)
    places = []
    for name in statistic.by:
        column = dictionary.shown(name)
        names = level_names(dictionary.field(name))
        places.append(names[levels[column]] if column in levels else "all")
    if statistic.kind is Kind.HISTOGRAM:
        places.append("all" if row.bin_low is None else f"{row.bin_low:f} to {row.bin_high:f}")
    if row.probability is not None:
        places.append(f"{row.probability:f}")
    return places


def _cells(row: Row, has_noise: bool, has_n: bool) -> list[str]:  # noqa: FBT001 -- which columns there are
    estimate = _estimate(row)
    noise = [number(row.noise_sd)] if has_noise else []
    return [estimate, number(row.ci_low), number(row.ci_high), *noise, *([number(row.n)] if has_n else [])]


def _estimate(row: Row) -> str:
    """Write the estimate, or the word that says why there is none."""
    if row.status is not Status.OK:
        return str(row.status.value)
    return number(row.estimate) if row.estimate is not None else "says nothing"


def _by_centre(result: "Result") -> dict[str, Any]:
    """Write every centre's estimates beside each other, each with its interval."""
    tables: Mapping[str, Sequence[Row]] = {str(name): rows for name, rows in result.centre_rows.items()}
    return {
        "places": _place_headings(result),
        "headings": list(tables),
        "rows": [
            {"places": _places(result, row), "cells": [_short(table[place]) for table in tables.values()]}
            for place, row in enumerate(result.rows)
        ],
    }


def _short(row: Row) -> str:
    if row.estimate is None and row.ci_low is None:
        return _estimate(row)
    return f"{_estimate(row)} ({number(row.ci_low)} to {number(row.ci_high)})"
