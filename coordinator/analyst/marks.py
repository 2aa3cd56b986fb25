"""What a picture of a result shows, before anything is drawn: marks, and the axes they stand on.

Rules, for every picture:

* Every row of the table is a mark. One without a figure says in words why: `suppressed`, `withheld`
  or `says nothing`; it is never left out, and never stands at zero. So is a centre without an answer.
* The missing level is a level with a name. Levels keep the order of the dictionary.
* What cannot be read is not drawn: `check_drawable` refuses it, and needs no answer for that, so it
  can be asked before anything is spent.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import assert_never

from coordinator.analyst.words import level_names, title_of
from coordinator.errors import DrawingError
from coordinator.estimators.table import Row, Status
from protocols.canonical import decimal_text
from protocols.dictionary import Code, Dictionary
from protocols.queries import Kind, Query

MAX_MARKS = 400
"""Marks that one picture can hold and still be read."""

MAX_PANELS = 40
"""Histograms that one picture can hold."""

MAX_COLOURS = 8

POOLED = "all that answered"
"""The name of the combined row beside the centres'; no centre's name has a space."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """One way in which marks are set apart: a heading, and its levels in order."""

    title: str
    levels: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One row of a table as it is drawn; `note` says why there is no figure, and is empty where there is.

    `low` and `high` are the interval, in the result's unit; they may be there without an estimate.
    """

    row: str
    colour: str
    panel: str
    estimate: float | None
    low: float | None
    high: float | None
    note: str
    is_pooled: bool
    bin_low: float | None
    bin_high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """Everything a picture draws. An axis is None where nothing is set apart by it."""

    marks: tuple[Mark, ...]
    rows: Axis | None
    colours: Axis | None
    panels: Axis | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Grouping:
    """A column that groups the table, with the names of its levels; None is the probability's."""

    column: str | None
    axis: Axis
    names: Mapping[Code | None, str]

    def level(self, row: Row) -> str:
        """Name the level of a row."""
        code = row.probability if self.column is None else dict(row.groups)[self.column]
        return self.names[code]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Places:
    """Which grouping sets marks apart in which way."""

    rows: _Grouping | None
    colours: _Grouping | None
    panels: tuple[_Grouping, ...]

    def sheet(self, marks: Sequence[Mark]) -> Sheet:
        return Sheet(
            marks=tuple(marks),
            rows=self.rows.axis if self.rows else None,
            colours=self.colours.axis if self.colours else None,
            panels=_joined_axis(self.panels, marks),
        )


def check_drawable(query: Query, dictionary: Dictionary) -> None:
    """Raise DrawingError when the answer to a question would be too much for one picture."""
    is_histogram = query.statistic.kind is Kind.HISTOGRAM
    number = _number(query, dictionary)
    if number > (most := MAX_PANELS if is_histogram else MAX_MARKS):
        what = "histograms" if is_histogram else "groups"
        raise DrawingError(f"a picture of {number} {what} cannot be read: at most {most} are drawn")


def _number(query: Query, dictionary: Dictionary) -> int:
    """Give the number of groups that a table has, a histogram or a quantile in each."""
    return prod(len(one.axis.levels) for one in _groupings(query, dictionary))


def pooled_sheet(query: Query, dictionary: Dictionary, rows: Sequence[Row]) -> Sheet:
    """Lay out the combined table. Raises DrawingError when it is too much for one picture."""
    check_drawable(query, dictionary)
    places = _places(query, dictionary)
    return places.sheet(
        [
            _mark(
                row,
                places.rows.level(row) if places.rows else "",
                places.colours.level(row) if places.colours else "",
                _joined(places.panels, row),
            )
            for row in rows
        ]
    )


def centres_sheet(
    query: Query,
    dictionary: Dictionary,
    tables: Mapping[str, Sequence[Row]],
    absent: Mapping[str, str],
) -> Sheet:
    """Lay out one row a centre, the combined one (POOLED) last, and a panel for each group.

    `tables` has a table for each centre that answered and the combined one; `absent` says of every
    other centre in a word why it has none. Raises DrawingError when that is too much for one picture.
    """
    groups = _groupings(query, dictionary)
    number = _number(query, dictionary) * (len(tables) + len(absent))
    if number > (most := MAX_PANELS if query.statistic.kind is Kind.HISTOGRAM else MAX_MARKS):
        what = f"a picture of {number} groups at centres cannot be read: at most {most} are drawn"
        raise DrawingError(what)
    marks = [
        _mark(row, name, "", _joined(groups, row), is_pooled=name == POOLED)
        for name, rows in tables.items()
        for row in rows
    ]
    panels = dict.fromkeys(mark.panel for mark in marks)
    if query.statistic.kind is Kind.HISTOGRAM:
        absent = {}  # an empty histogram has no bins to write a word in; the notes name the centre
    marks += [_absent(name, panel, why) for name, why in absent.items() for panel in panels]
    names = (*sorted({*tables, *absent} - {POOLED}), POOLED)
    return Sheet(
        marks=tuple(marks),
        rows=Axis(title="centre", levels=names),
        colours=None,
        panels=_joined_axis(groups, marks),
    )


def _groupings(query: Query, dictionary: Dictionary) -> tuple[_Grouping, ...]:
    """Give the columns that group the table, in its order; the probability of a quantile is the last."""
    fields = tuple(_of_fields(query, dictionary))
    if query.statistic.kind is not Kind.QUANTILES:
        return fields
    names: dict[Code | None, str] = {
        one: f"{decimal_text(100 * one)} %" for one in query.statistic.probabilities
    }
    axis = Axis(title="probability", levels=tuple(names.values()))
    return (*fields, _Grouping(column=None, axis=axis, names=names))


def _of_fields(query: Query, dictionary: Dictionary) -> Iterator[_Grouping]:
    for name in query.statistic.by:
        field = dictionary.field(name)
        names = {code: text for code, text in level_names(field).items() if code in field.levels}
        axis = Axis(title=title_of(name, dictionary), levels=tuple(names.values()))
        yield _Grouping(column=dictionary.shown(name), axis=axis, names=names)


def _places(query: Query, dictionary: Dictionary) -> _Places:
    """Give most room to the field of most levels: it has the rows, the one of fewest the colours.

    The field in between has the panels, and so has every field of a histogram, and the field of
    fewest levels when these are more than colours can tell apart.
    """
    groups = _groupings(query, dictionary)
    # Stable: of two fields with equally many levels the first comes first.
    ranked = sorted(groups, key=lambda one: -len(one.axis.levels))
    match query.statistic.kind:
        case Kind.HISTOGRAM:
            return _Places(rows=None, colours=None, panels=groups)
        case Kind.QUANTILES:
            # A row a probability, whatever the fields: quantiles are read along one line.
            ranked = [groups[-1], *(one for one in ranked if one is not groups[-1])]
        case Kind.COUNT | Kind.SUM | Kind.MEAN | Kind.VARIANCE | Kind.PROPORTION:
            pass
        case _:
            assert_never(query.statistic.kind)
    rows = ranked[0] if ranked else None
    last = ranked[-1] if len(ranked) > 1 else None
    colours = last if last is not None and len(last.axis.levels) <= MAX_COLOURS else None
    return _Places(
        rows=rows,
        colours=colours,
        panels=tuple(one for one in groups if one is not rows and one is not colours),
    )


def _joined(groups: Sequence[_Grouping], row: Row) -> str:
    return " · ".join(one.level(row) for one in groups)


def _joined_axis(groups: Sequence[_Grouping], marks: Sequence[Mark]) -> Axis | None:
    if not groups:
        return None
    title = " · ".join(one.axis.title for one in groups)
    return Axis(title=title, levels=tuple(dict.fromkeys(mark.panel for mark in marks)))


def _mark(row: Row, place: str, colour: str, panel: str, *, is_pooled: bool = False) -> Mark:
    return Mark(
        row=place,
        colour=colour,
        panel=panel,
        estimate=row.estimate,
        low=row.ci_low,
        high=row.ci_high,
        note=_note(row),
        is_pooled=is_pooled,
        bin_low=None if row.bin_low is None else float(row.bin_low),
        bin_high=None if row.bin_high is None else float(row.bin_high),
    )


def _absent(name: str, panel: str, why: str) -> Mark:
    return Mark(
        row=name,
        colour="",
        panel=panel,
        estimate=None,
        low=None,
        high=None,
        note=why,
        is_pooled=False,
        bin_low=None,
        bin_high=None,
    )


def _note(row: Row) -> str:
    match row.status:
        case Status.SUPPRESSED | Status.WITHHELD:
            return str(row.status.value)
        case Status.OK:
            return "" if row.estimate is not None else "says nothing"
        case _:
            assert_never(row.status)
