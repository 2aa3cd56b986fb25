"""A result as pictures and as files: what stands on them, and where they may be written.

Whether a file can be written is asked before a question is: an answer that was paid for must not be
lost because its picture has the wrong name.
"""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from coordinator.analyst.marks import POOLED, centres_sheet, pooled_sheet
from coordinator.analyst.pictures import Chart, Frame, draw, png_of, svg_of
from coordinator.analyst.words import (
    cohort_words,
    promise_words,
    question_words,
    title_of,
    value_words,
)
from coordinator.errors import DrawingError
from protocols.queries import Kind

if TYPE_CHECKING:
    import altair as alt

    from coordinator.analyst.result import Result

PICTURES = (".svg", ".png")
PAGES = (".html",)


def picture_of(result: "Result") -> Chart:
    """Draw the combined table. Raises DrawingError when it is too much for one picture."""
    query, dictionary = result.query, result.dictionary
    heading = question_words(query, dictionary)
    sheet = pooled_sheet(query, dictionary, result.rows)
    return draw(sheet, query.statistic.kind, _frame(result, heading))


def centres_picture_of(result: "Result") -> Chart:
    """Draw each centre's own table beside the combined one. Raises DrawingError as `picture_of`."""
    query, dictionary = result.query, result.dictionary
    tables = {str(centre): rows for centre, rows in result.centre_rows.items()}
    absent = {str(centre): "missing" for centre in result.missing}
    absent |= dict.fromkeys(result.centres["refused"], "refused")
    sheet = centres_sheet(query, dictionary, {**tables, POOLED: result.rows}, absent)
    frame = _frame(result, f"{question_words(query, dictionary)}, by centre")
    if query.statistic.kind is Kind.HISTOGRAM:
        frame = replace(frame, notes=(*frame.notes, "Each histogram has a scale of its own."))
    return draw(sheet, query.statistic.kind, frame)


def answered_words(result: "Result") -> str:
    """Say which centres the figures are from, and which are not in them."""
    centres = result.centres
    refused = list(centres["refused"])
    asked = len(centres["answered"]) + len(centres["missing"]) + len(refused)
    words = f"{len(centres['answered'])} of {asked} centres answered: {', '.join(centres['answered'])}."
    for name, those in (("Missing", centres["missing"]), ("Refused", refused)):
        if those:
            words += f" {name}: {', '.join(those)}."
    return words


def _frame(result: "Result", heading: str) -> Frame:
    query, dictionary = result.query, result.dictionary
    variable = query.statistic.variable
    bins = ""
    if variable is not None:
        unit = dictionary.field(variable).unit
        bins = title_of(variable, dictionary) + (f" in {unit}" if unit else "")
    return Frame(
        heading=heading,
        notes=(f"{cohort_words(query, dictionary)}.", answered_words(result), promise_words(query)),
        value_title=value_words(query, dictionary),
        bin_title=bins,
        is_share=query.statistic.kind is Kind.PROPORTION,
    )


def check_writable(path: Path, suffixes: Sequence[str]) -> None:
    """Raise DrawingError unless a file of one of these suffixes can be written at `path`."""
    if path.suffix.lower() not in suffixes:
        raise DrawingError(f"{path} must end with {' or '.join(suffixes)}")
    if path.is_dir():
        raise DrawingError(f"{path} is a folder; name a file")
    if not path.parent.is_dir():
        raise DrawingError(f"there is no folder {path.parent} to write {path.name} in")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise DrawingError(f"{path} cannot be written: permission is missing")


def shown(chart: Chart, path: str | Path | None) -> "alt.TopLevelMixin":
    """Give a chart to a notebook, and write it where a path is given. Raises DrawingError."""
    import altair as alt  # noqa: PLC0415 -- most of a second that writing a file does not need

    if path is not None:
        write_picture(chart, Path(path))
    made: alt.TopLevelMixin = alt.Chart.from_dict(chart)
    return made


def write_picture(chart: Chart, path: Path) -> None:
    """Write a chart as SVG or PNG, by the suffix. Raises DrawingError."""
    check_writable(path, PICTURES)
    is_svg = path.suffix.lower() == ".svg"
    write(path, svg_of(chart).encode() if is_svg else png_of(chart))


def write(path: Path, octets: bytes) -> None:
    """Write a file. Raises DrawingError."""
    try:
        path.write_bytes(octets)
    except OSError as error:
        raise DrawingError(f"{path} cannot be written ({error.strerror})") from None
