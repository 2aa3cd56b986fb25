"""Pictures of results: from marks to a Vega-Lite chart, and from that to SVG or PNG. spec/results.md 9.

Drawn by this process: no browser, no network. Rules:

* Intervals are always drawn. Bars, whose length is what is read, begin at zero; points need no zero.
* A mark without a figure stands at the edge, with a hatched sign and the word that says why; an
  interval that is there without an estimate is a broken line.
* Text is data, never an expression and never the name of a column: it comes from a dictionary.
"""

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias, assert_never

import vl_convert

from coordinator.analyst.marks import Axis, Sheet
from protocols.queries import Kind

Chart: TypeAlias = dict[str, Any]
"""A chart, or a part of one, as Vega-Lite writes it."""

VERSION = "6.4"
"""Of Vega-Lite; Altair writes the same."""

_HATCHED = "M-1,-1H1V1H-1ZM-1,0L0,-1M-1,1L1,-1M0,1L1,0"
_COLOURS = ("#1b6c77", "#cc6a2b", "#6a4c93", "#3f8f4f", "#b58900", "#a3324d", "#4a6fa5", "#5d4a3a")
_SHAPES = ("circle", "square", "triangle-up", "diamond", "triangle-down", "cross", "triangle-left", "wedge")
_SEA, _STRONG, _DEEP = "#7fb9c0", "#2f8793", "#12525b"
_QUIET, _INK, _PALE = "#5f6f75", "#1a2b31", "#a9b4b8"
_WIDTH, _PANEL_WIDTH, _HEIGHT, _PANEL_HEIGHT = 460, 300, 240, 150
_STEP, _STEP_OF_COLOUR = 26, 16
_LETTERS = 92
"""Letters in a line above the picture."""

_WITH_FIGURE = {"filter": "datum.note === ''"}
_WITHOUT = {"filter": "datum.note !== ''"}
_POOLED = {"filter": "datum.is_pooled"}
_MIDDLE = {"calculate": "(datum.bin_low + datum.bin_high) / 2", "as": "middle"}
_CONFIG = {
    "font": "sans-serif",
    "title": {"anchor": "start", "fontSize": 16, "color": _INK, "offset": 16, "subtitleColor": _QUIET}
    | {"subtitleFontSize": 11, "subtitlePadding": 6, "subtitleLineHeight": 14},
    "axis": {"labelColor": _INK, "titleColor": _QUIET, "titleFontWeight": "normal", "labelFontSize": 11}
    | {"gridColor": "#e6ebec", "domainColor": "#b7c2c5", "tickColor": "#b7c2c5"}
    | {"titleFontSize": 11, "titlePadding": 8},
    "legend": {"labelFontSize": 11, "titleFontSize": 11, "titleFontWeight": "normal", "titleColor": _QUIET},
    "header": {"labelFontSize": 12, "labelFontWeight": "bold", "labelColor": _INK, "labelAnchor": "start"}
    | {"titleFontSize": 11, "titleFontWeight": "normal", "titleColor": _QUIET, "titleAnchor": "start"},
    "view": {"stroke": None},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What stands around the marks: the heading, notes below it, and what the scales show."""

    heading: str
    notes: tuple[str, ...]
    value_title: str
    bin_title: str
    is_share: bool


def draw(sheet: Sheet, kind: Kind, frame: Frame) -> Chart:
    """Draw a sheet of marks."""
    match kind:
        case Kind.HISTOGRAM:
            body = _histograms(sheet, frame)
        case Kind.COUNT | Kind.SUM:
            body = _bars(sheet, frame)
        case Kind.MEAN | Kind.VARIANCE | Kind.PROPORTION | Kind.QUANTILES:
            body = _points(sheet, frame)
        case _:
            assert_never(kind)
    notes = [line for note in frame.notes for line in _wrapped(note, _LETTERS)]
    return {
        "title": {"text": _wrapped(frame.heading, 60), "subtitle": notes},
        "data": {"values": [asdict(mark) for mark in sheet.marks]},
        **body,
        "padding": 14,
        "background": "white",
        "config": _CONFIG,
    }


def svg_of(chart: Chart) -> str:
    """Draw a chart as SVG text."""
    text: str = vl_convert.vegalite_to_svg(chart, vl_version=VERSION, allowed_base_urls=[])
    return text


def png_of(chart: Chart) -> bytes:
    """Draw a chart as PNG, twice the size of the SVG."""
    octets: bytes = vl_convert.vegalite_to_png(chart, vl_version=VERSION, scale=2, allowed_base_urls=[])
    return octets


def _bars(sheet: Sheet, frame: Frame) -> Chart:
    """Draw a row for each group, with a bar from zero and its interval."""
    ends = [one for mark in sheet.marks for one in (mark.estimate, mark.low, mark.high)]
    colour = _coloured(sheet.colours, "color", _COLOURS) or _pooled("color", _STRONG, _SEA)
    bar = {
        "transform": [_WITH_FIGURE],
        "mark": {"type": "bar"},
        "encoding": {"x": _value_scale(frame, [0.0, *ends]), "x2": {"datum": 0}, **colour},
    }
    layers = [bar, *_intervals(_WITH_FIGURE, _INK), *_intervals(_WITHOUT, _PALE, [4, 3])]
    return _in_rows([*layers, *_words(_field("edge"), sheet)], sheet)


def _points(sheet: Sheet, frame: Frame) -> Chart:
    """Draw a row for each group, with a point and its interval; a thin line marks the combined point."""
    # An interval that holds everything would press all others together: it is cut at the edges.
    known = [mark for mark in sheet.marks if not mark.note] or sheet.marks
    ends = [one for mark in known for one in (mark.estimate, mark.low, mark.high)]
    look = _coloured(sheet.colours, "color", _COLOURS) or _pooled("color", _DEEP, _COLOURS[0])
    look |= _coloured(sheet.colours, "shape", _SHAPES) or _pooled("shape", "diamond", "circle")
    point = {
        "transform": [_WITH_FIGURE],
        "mark": {"type": "point", "filled": True, "size": 80, "opacity": 1},
        "encoding": {"x": _value_scale(frame, ends), **look},
    }
    line = {
        "transform": [_POOLED, _WITH_FIGURE],
        "mark": {"type": "rule", "color": _DEEP, "strokeDash": [2, 3]},
        "encoding": {"x": _field("estimate")},
    }
    layers = [*_intervals(_WITHOUT, _PALE, [4, 3]), *_intervals(_WITH_FIGURE, _INK), point]
    return _in_rows([*layers, *_words({"value": 0}, sheet)], sheet, [line])


def _in_rows(layers: list[Chart], sheet: Sheet, across: Sequence[Chart] = ()) -> Chart:
    """Set marks apart in height, by the rows, then by the colours; and panel below panel.

    What lies `across` goes behind, over all rows.
    """
    y: Chart = {"field": "row", "type": "nominal", "axis": None}
    if sheet.rows is not None:
        axis = {"labelLimit": 260, "titleLimit": 400, "ticks": False, "domain": False, "labelPadding": 8}
        y |= {"title": _wrapped(sheet.rows.title, 40), "axis": axis}
        y |= {"scale": _levels(sheet.rows) | {"paddingInner": 0.28, "paddingOuter": 0.14}}
    encoding: Chart = {"y": y}
    step: Chart = {"step": _STEP}
    if sheet.colours is not None:
        encoding["yOffset"] = {"field": "colour", "type": "nominal", "title": sheet.colours.title}
        encoding["yOffset"]["scale"] = _levels(sheet.colours)
        step = {"step": _STEP_OF_COLOUR, "for": "offset"}
    placed = {"encoding": encoding, "layer": layers}
    chart = {"width": _WIDTH, "height": step, "layer": [*across, placed]}
    if sheet.panels is None:
        return chart
    is_long = len(sheet.panels.levels) > 4
    spec = chart | {"width": _PANEL_WIDTH} if is_long else chart
    return {"facet": _facet("panel", sheet.panels), "columns": 2 if is_long else 1, "spec": spec}


def _histograms(sheet: Sheet, frame: Frame) -> Chart:
    """Draw a histogram for each group, or for each centre."""
    edges = sorted({one for mark in sheet.marks for one in (mark.bin_low, mark.bin_high) if one is not None})
    axis: Chart = {"grid": False} | ({"values": edges} if len(edges) <= 16 else {})
    scale = {"domain": [edges[0], edges[-1]], "nice": False, "zero": False}
    x = _field("bin_low") | {"title": frame.bin_title, "axis": axis, "scale": scale}
    y = _field("estimate") | {"title": frame.value_title, "axis": {"tickCount": 5}}
    bar = {
        "transform": [_WITH_FIGURE],
        "mark": {"type": "rect", "color": _SEA, "stroke": "white"},
        "encoding": {"x": x, "x2": {"field": "bin_high"}, "y": y, "y2": {"datum": 0}},
    }
    ground: Chart = {"mark": {"type": "rule", "color": "#b7c2c5"}, "encoding": {"y": {"datum": 0}}}
    layers = [bar, ground, *_uprights(_WITH_FIGURE, _INK), *_uprights(_WITHOUT, _PALE, [4, 3])]
    return _in_tiles([*layers, *_upright_words(sheet)], sheet)


def _in_tiles(layers: list[Chart], sheet: Sheet) -> Chart:
    """Set histograms side by side; each centre's has a scale of its own, as centres differ in size."""
    spec = {"width": _PANEL_WIDTH, "height": _PANEL_HEIGHT, "layer": layers}
    own = {"resolve": {"scale": {"y": "independent"}}}
    centres, groups = sheet.rows, sheet.panels
    if groups is None:
        if centres is None:
            return {"width": _WIDTH, "height": _HEIGHT, "layer": layers}
        return {"facet": _facet("row", centres), "columns": 2, "spec": spec, **own}
    if centres is None:
        return {"facet": _facet("panel", groups), "columns": 2, "spec": spec}
    grid = {"row": _facet("row", centres), "column": _facet("panel", groups)}
    grid["row"]["header"] |= {"labelAnchor": "middle", "titleAnchor": "middle"}
    return {"facet": grid, "spec": spec, **own}


def _intervals(which: Chart, colour: str, dash: list[int] | None = None) -> list[Chart]:
    """Draw lying intervals with an end at each side."""
    rule = {"type": "rule", "color": colour, "strokeWidth": 1.6, "clip": True, "strokeDash": dash or [1, 0]}
    tick = {"type": "tick", "color": colour, "thickness": 1.6, "size": 8, "orient": "vertical"}
    tick |= {"clip": True, "opacity": 1}
    return [
        {"transform": [which], "mark": rule, "encoding": {"x": _field("low"), "x2": {"field": "high"}}},
        {"transform": [which], "mark": tick, "encoding": {"x": _field("low")}},
        {"transform": [which], "mark": tick, "encoding": {"x": _field("high")}},
    ]


def _uprights(which: Chart, colour: str, dash: list[int] | None = None) -> list[Chart]:
    """Draw standing intervals in the middle of their bins."""
    rule = {"type": "rule", "color": colour, "strokeWidth": 1.4, "strokeDash": dash or [1, 0]}
    tick = {"type": "tick", "color": colour, "thickness": 1.4, "size": 6, "orient": "horizontal"}
    tick |= {"opacity": 1}
    steps, x = [which, _MIDDLE], _field("middle")
    return [
        {"transform": steps, "mark": rule, "encoding": {"x": x, "y": _field("low"), "y2": {"field": "high"}}},
        {"transform": steps, "mark": tick, "encoding": {"x": x, "y": _field("low")}},
        {"transform": steps, "mark": tick, "encoding": {"x": x, "y": _field("high")}},
    ]


def _words(place: Chart, sheet: Sheet) -> list[Chart]:
    """Write why a mark has no figure."""
    text = {"type": "text", "align": "left", "dx": 18, "fontSize": 11}
    # A halo, so that a broken line behind the word does not strike it through.
    halo = text | {"stroke": "white", "strokeWidth": 5, "strokeJoin": "round"}
    steps = [_WITHOUT, _edge(sheet)]
    sign, written = {"x": place, **_coloured(sheet.colours, "color", _COLOURS)}, {"x": place, "text": _NOTE}
    return [
        {"transform": steps, "mark": halo, "encoding": written},
        {"transform": steps, "mark": _SIGN | {"xOffset": 9}, "encoding": sign},
        {"transform": steps, "mark": text | {"color": _QUIET}, "encoding": written},
    ]


def _upright_words(sheet: Sheet) -> list[Chart]:
    """Write why a bin has no bar."""
    text = {"type": "text", "align": "left", "angle": 270, "dx": 18, "fontSize": 11, "color": _QUIET}
    place = {"x": _field("middle"), "y": _field("edge")}
    steps = [_WITHOUT, _MIDDLE, _edge(sheet)]
    return [
        {"transform": steps, "mark": _SIGN | {"yOffset": -9}, "encoding": place},
        {"transform": steps, "mark": text, "encoding": place | {"text": _NOTE}},
    ]


def _edge(sheet: Sheet) -> Chart:
    """Give the place of a word: behind a short interval, else at zero, where there is room for it."""
    ends = [one for mark in sheet.marks for one in (mark.estimate, mark.high) if one is not None]
    short = max(ends, default=0.0) / 2
    return {"calculate": f"datum.high !== null && datum.high <= {short!r} ? datum.high : 0", "as": "edge"}


_NOTE = {"field": "note", "type": "nominal"}
_SIGN = {"type": "point", "shape": _HATCHED, "size": 90, "color": _QUIET, "strokeWidth": 1.2, "opacity": 1}


def _field(column: str) -> Chart:
    return {"field": column, "type": "quantitative"}


def _value_scale(frame: Frame, ends: Iterable[float | None]) -> Chart:
    """Scale to what is drawn, with a little air; an end at zero stays there, as bars begin there."""
    known = [one for one in ends if one is not None] or [0.0, 1.0]
    low, high = min(known), max(known)
    air = 0.03 * (high - low) or 0.05 * max(abs(high), 1.0)
    domain = [low if low == 0 else low - air, high if high == 0 < low else high + air]
    axis = {"tickCount": 6} | ({"format": "~%"} if frame.is_share else {})
    scale = {"domain": domain, "zero": False, "nice": False}
    return _field("estimate") | {"title": frame.value_title, "axis": axis, "scale": scale}


def _pooled(channel: str, yes: str, no: str) -> Chart:
    return {channel: {"condition": {"test": "datum.is_pooled", "value": yes}, "value": no}}


def _coloured(axis: Axis | None, channel: str, values: tuple[str, ...]) -> Chart:
    """Give each level a colour or a shape; nothing where nothing is set apart by them."""
    if axis is None:
        return {}
    scale = _levels(axis) | {"range": list(values[: len(axis.levels)])}
    legend = {"title": _wrapped(axis.title, 28), "labelLimit": 200, "titleLimit": 220, "symbolOpacity": 1}
    return {channel: {"field": "colour", "type": "nominal", "scale": scale, "legend": legend}}


def _facet(column: str, axis: Axis) -> Chart:
    header: Chart = {"title": axis.title, "labelLimit": _PANEL_WIDTH, "titleLimit": _WIDTH}
    return {"field": column, "type": "nominal", "sort": list(axis.levels), "header": header}


def _levels(axis: Axis) -> Chart:
    return {"domain": list(axis.levels)}


def _wrapped(text: str, letters: int) -> list[str]:
    return textwrap.wrap(text, letters) or [""]
