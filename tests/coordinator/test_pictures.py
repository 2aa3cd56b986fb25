"""Pictures are honest: every row is there, with its interval, and what has no figure is no zero."""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from coordinator.analyst.drawing import centres_picture_of, picture_of
from coordinator.analyst.marks import MAX_MARKS, MAX_PANELS, POOLED
from coordinator.analyst.pictures import Chart, svg_of
from coordinator.analyst.result import Result
from coordinator.analyst.words import value_words
from coordinator.errors import DrawingError
from coordinator.estimators.table import Row, Status
from protocols.dictionary import Field
from protocols.queries import Kind
from tests.coordinator import results
from tests.protocols.page_reader import PAYLOADS

EDGES = [20, 40, 50, 60, 80]
STATISTICS: dict[str, dict[str, Any]] = {
    "a count": {"kind": "count"},
    "a count by three": {"kind": "count", "by": ["sex", "cp", "exang"]},
    "a sum": {"kind": "sum", "variable": "age", "by": "cp"},
    "a mean by two": {"kind": "mean", "variable": "thalach", "by": ["exang", "cp"]},
    "a variance": {"kind": "variance", "variable": "trestbps"},
    "a proportion": {"kind": "proportion", "variable": "num", "in": [1, 2, 3, 4], "by": "cp"},
    "a histogram": {"kind": "histogram", "variable": "age", "edges": EDGES},
    "a histogram by one": {"kind": "histogram", "variable": "age", "edges": EDGES, "by": "sex"},
}
BARS = [name for name in STATISTICS if "count" in name or "sum" in name]


def _result(name: str, **more: Any) -> Result:  # noqa: ANN401 -- what `results.result` takes
    return results.result(results.question(STATISTICS[name], rho="0.5"), **more)


def _values(chart: Chart) -> list[dict[str, Any]]:
    values: list[dict[str, Any]] = chart["data"]["values"]
    return values


def _drawn(svg: str, what: str) -> list[str]:
    """The labels of the marks of one sort, as a screen reader says them."""
    return re.findall(rf'aria-label="([^"]*)" role="graphics-symbol" aria-roledescription="{what}"', svg)


def _points(result: Result, svg: str) -> list[str]:
    """The points that stand for a figure; the hatched signs are points too, without one."""
    title = value_words(result.query, result.dictionary)
    return [label for label in _drawn(svg, "point") if label.startswith(f"{title}: ")]


def _words(svg: str) -> Counter[str]:
    """The words in place of figures; each is drawn twice, once as its own halo, but in histograms."""
    labels = [part for label in _drawn(svg, "text mark") for part in label.split("; ")]
    return Counter(part.removeprefix("note: ") for part in labels if part.startswith("note: "))


Change = Callable[[int, Row], Row]


def _with_rows(result: Result, change: Change) -> Result:
    """The same result with other rows, such as a suppressed one."""
    changed = tuple(change(place, row) for place, row in enumerate(result.rows))
    return results.with_rows(result, changed)


def _suppressed(*places: int, low: float | None = None, high: float | None = None) -> Change:
    def change(place: int, row: Row) -> Row:
        if place not in places:
            return row
        status = Status.SUPPRESSED
        return replace(row, status=status, estimate=None, ci_low=low, ci_high=high, noise_sd=None)

    return change


@pytest.mark.parametrize("name", STATISTICS)
def test_every_row_is_drawn_with_its_interval(name: str) -> None:
    result = _result(name)
    chart = picture_of(result)
    drawn = [(one["estimate"], one["low"], one["high"]) for one in _values(chart)]
    assert drawn == [(row.estimate, row.ci_low, row.ci_high) for row in result.rows]
    known = sum(row.estimate is not None for row in result.rows)
    svg = svg_of(chart)
    is_histogram = result.query.statistic.kind is Kind.HISTOGRAM
    bars = _drawn(svg, "rect mark" if is_histogram else "bar")
    assert len(bars or _points(result, svg)) == known
    # A histogram has a line at zero in each panel.
    assert len(_drawn(svg, "rule mark")) >= len(result.rows)
    assert len(_drawn(svg, "tick")) == 2 * len(result.rows)
    assert sum(_words(svg).values()) == 2 * (len(result.rows) - known)


@pytest.mark.parametrize("name", BARS)
def test_the_length_of_a_bar_is_its_value(name: str) -> None:
    result = _result(name)
    svg = svg_of(picture_of(result))
    lengths = [float(one) for one in re.findall(r'description="bar" d="M[^h]*h([\d.]+)v', svg)]
    values = [abs(row.estimate) for row in result.rows if row.estimate is not None]
    assert len(lengths) == len(values)
    scale = max(lengths) / max(values)
    assert sorted(lengths) == pytest.approx(sorted(scale * one for one in values), abs=0.01)


def test_what_is_suppressed_is_a_word_and_what_is_zero_is_a_bar() -> None:
    whole = _result("a count by three")
    first = whole.rows[0]
    zero = replace(first, estimate=0, ci_low=0.0, ci_high=0.0)
    result = _with_rows(whole, lambda place, row: zero if place == 1 else _suppressed(0, 7)(place, row))
    svg = svg_of(picture_of(result))
    assert len(_drawn(svg, "bar")) == len(result.rows) - 2
    assert any(label.startswith("number of patients: 0;") for label in _drawn(svg, "bar"))
    assert _words(svg) == {"suppressed": 4}
    assert _words(svg_of(picture_of(whole))) == {}


def test_a_suppressed_bin_is_a_word_and_no_gap() -> None:
    whole = _result("a histogram")
    svg = svg_of(picture_of(_with_rows(whole, _suppressed(0, low=1.0, high=9.0))))
    assert len(_drawn(svg, "rect mark")) == len(whole.rows) - 1
    assert _words(svg) == {"suppressed": 1}
    # What is known of it is drawn as a broken line.
    assert len(re.findall('stroke-dasharray="4,3"', svg)) == 1


def test_an_answer_that_says_nothing_says_so_and_does_not_press_the_others_together() -> None:
    result = results.result(results.question(STATISTICS["a mean by two"], rho="0.005"))
    silent = [row for row in result.rows if row.estimate is None]
    assert silent
    chart = picture_of(result)
    assert _words(svg_of(chart)) == {"says nothing": 2 * len(silent)}
    marks = chart["layer"][-1]["layer"]
    (scale,) = [one["encoding"]["x"]["scale"] for one in marks if "scale" in one["encoding"].get("x", {})]
    low, high = scale["domain"]
    known = [row for row in result.rows if row.estimate is not None]
    assert low <= min(row.ci_low or 0.0 for row in known)
    assert high >= max(row.ci_high or 0.0 for row in known)
    limits = _field("thalach").range
    assert limits is not None
    assert high - low < float(limits.maximum - limits.minimum)


def test_a_picture_by_centre_has_who_did_not_answer_and_the_combined_row_last() -> None:
    result = _result("a mean by two", missing=("switzerland",), refused=("hungary",))
    chart = centres_picture_of(result)
    panels = {one["panel"] for one in _values(chart)}
    by_row = Counter(one["row"] for one in _values(chart))
    names = ("cleveland", "hungary", "long-beach", "switzerland", POOLED)
    assert by_row == dict.fromkeys(names, len(panels))
    svg = svg_of(chart)
    assert _words(svg)["missing"] == _words(svg)["refused"] == 2 * len(panels)
    labels = re.findall(r">([^<>]*)</text>", svg)
    assert labels.index("cleveland") < labels.index(POOLED)
    pooled = [one for one in _values(chart) if one["is_pooled"]]
    assert [one["estimate"] for one in pooled] == [row.estimate for row in result.rows]


def test_histograms_by_centre_leave_no_centre_unnamed() -> None:
    result = _result("a histogram by one", missing=("switzerland",))
    chart = centres_picture_of(result)
    assert "Missing: switzerland." in " ".join(chart["title"]["subtitle"])
    rows = [one["row"] for one in _values(chart)]
    assert Counter(rows) == dict.fromkeys(("cleveland", "hungary", "long-beach", POOLED), len(result.rows))


def test_a_picture_says_what_was_asked_of_whom_and_what_is_promised() -> None:
    query = results.question(
        STATISTICS["a mean by two"], rho="0.05", cohort={"not": {"field": "age", "between": [40, 65]}}
    )
    chart = picture_of(results.result(query, missing=("switzerland",), refused=("hungary",)))
    assert "Greatest heart rate reached in beats per minute" in " ".join(chart["title"]["text"])
    text = " ".join(chart["title"]["subtitle"])
    for words in (
        "where not (Age is 40 to 65 years)",
        "2 of 4 centres answered: cleveland, long-beach.",
        "Missing: switzerland. Refused: hungary.",
        "rho 0.05 zCDP",
        "epsilon 1.48 at delta",
        "intervals cover 95 %",
    ):
        assert words in text


def test_the_missing_level_has_a_name_and_like_labels_stay_apart() -> None:
    field = replace(_field("exang"), labels=((Decimal(0), "same"), (Decimal(1), "same")))
    dictionary = results.heart_with(field)
    result = results.result(results.question({"kind": "count", "by": "exang"}), dictionary=dictionary)
    assert [one["row"] for one in _values(picture_of(result))] == ["same (0)", "same (1)", "(missing)"]


def test_a_label_that_is_called_like_the_missing_level_stays_apart() -> None:
    field = replace(_field("exang"), labels=((Decimal(0), "(missing)"), (Decimal(1), "yes")))
    result = results.result(
        results.question({"kind": "count", "by": "exang"}), dictionary=results.heart_with(field)
    )
    assert [one["row"] for one in _values(picture_of(result))] == ["(missing) (0)", "yes", "(missing)"]


def test_quantiles_are_points_by_probability() -> None:
    mean = _result("a mean by two")
    probabilities = (Decimal("0.25"), Decimal("0.5"), Decimal("0.75"))
    statistic = replace(mean.query.statistic, kind=Kind.QUANTILES, probabilities=probabilities)
    rows = tuple(replace(row, probability=one) for row in mean.rows for one in probabilities)
    result = results.with_rows(replace(mean, query=replace(mean.query, statistic=statistic)), rows)
    chart = picture_of(result)
    assert {one["row"] for one in _values(chart)} == {"25 %", "50 %", "75 %"}
    assert len(_points(result, svg_of(chart))) == sum(row.estimate is not None for row in rows)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_labels_are_text_in_a_picture(payload: str) -> None:
    field = replace(_field("sex"), title=payload, labels=((Decimal(0), payload), (Decimal(1), "male")))
    result = results.result(
        results.question({"kind": "count", "by": "sex"}), dictionary=results.heart_with(field)
    )
    svg = svg_of(picture_of(result))
    plain = svg_of(picture_of(results.result(result.query)))
    assert _elements(svg) <= _elements(plain)
    assert payload.split(maxsplit=1)[0] in "".join(ET.fromstring(svg).itertext())  # noqa: S314 -- our own SVG


def _elements(svg: str) -> set[tuple[str, frozenset[str]]]:
    return {(one.tag, frozenset(one.attrib)) for one in ET.fromstring(svg).iter()}  # noqa: S314 -- as above


@pytest.mark.parametrize("name", STATISTICS)
def test_altair_takes_every_chart(name: str) -> None:
    result = _result(name, missing=("switzerland",))
    assert result.plot().to_dict()["data"]
    assert result.plot_by_centre().to_dict()["data"]


def test_a_picture_is_written_as_its_suffix_says(tmp_path: Path) -> None:
    result = _result("a count")
    result.plot(tmp_path / "one.svg")
    result.plot_by_centre(str(tmp_path / "two.PNG"))
    assert ET.parse(tmp_path / "one.svg").getroot().tag.endswith("svg")  # noqa: S314 -- our own SVG
    assert (tmp_path / "two.PNG").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("one.pdf", "must end with .svg or .png"),
        ("one", "must end with"),
        ("no-folder/one.svg", "there is no folder"),
        ("folder.svg", "is a folder"),
    ],
)
def test_a_picture_that_cannot_be_written_is_refused(tmp_path: Path, place: str, says: str) -> None:
    (tmp_path / "folder.svg").mkdir()
    with pytest.raises(DrawingError, match=says):
        _result("a count").plot(tmp_path / place)
    assert [path.name for path in tmp_path.rglob("*")] == ["folder.svg"]


@pytest.mark.parametrize(("kind", "most"), [(Kind.COUNT, MAX_MARKS), (Kind.HISTOGRAM, MAX_PANELS)])
def test_what_nobody_could_read_is_not_drawn(kind: Kind, most: int) -> None:
    for levels, is_drawn in ((most, True), (most + 1, False)):
        codes = tuple(Decimal(number) for number in range(levels))
        dictionary = results.heart_with(replace(_field("num"), codes=codes, labels=(), required=True))
        more = {"variable": "age", "edges": EDGES} if kind is Kind.HISTOGRAM else {}
        query = results.question({"kind": kind.value, "by": "num", **more})
        result = results.result(query, dictionary=dictionary)
        if is_drawn:
            assert len({(one["row"], one["panel"]) for one in _values(picture_of(result))}) == most
        else:
            with pytest.raises(DrawingError, match="cannot be read"):
                picture_of(result)


def _field(name: str) -> Field:
    found = results.heart().tables[0].field(name)
    assert found is not None
    return found
