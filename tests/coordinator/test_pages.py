"""The result's page and the registry's: they say everything, and foreign text stays text."""

import base64
import re
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from coordinator.analyst.description import described, example_question
from coordinator.analyst.registry_page import registry_page
from coordinator.analyst.result import Result
from coordinator.errors import DrawingError
from coordinator.estimators.table import Status
from protocols.dictionary import Dictionary
from protocols.dictionary_text import read_dictionary
from protocols.errors import WireError
from protocols.ids import CentreId
from protocols.link import CentreStatus
from protocols.query_text import read_request
from protocols.refusals import Refusal, RefusalCode
from tests.coordinator import results
from tests.protocols import examples
from tests.protocols.page_reader import PAYLOADS, read_page

AT = datetime(2026, 2, 1, 9, 30, tzinfo=UTC)
MEAN: dict[str, Any] = {"kind": "mean", "variable": "thalach", "by": "exang"}


def _page(result: Result) -> str:
    return result.page(clock=lambda: AT)


def _hostile(payload: str) -> Dictionary:
    """The heart registry with a text in every place that a dictionary has for text."""
    (table,) = results.heart().tables
    fields = tuple(
        replace(
            one,
            title=payload,
            description=payload,
            unit=payload if one.range else "",
            labels=tuple((code, payload) for code in one.codes),
        )
        for one in table.fields
    )
    tables = (replace(table, fields=fields, title=payload, description=payload),)
    return replace(results.heart(), tables=tables, title=payload, version=payload, description=payload)


def _statuses(dictionary: Dictionary) -> list[CentreStatus]:
    return [
        CentreStatus(
            centre=CentreId("north"),
            is_online=True,
            dictionary=dictionary.digest,
            snapshot_at=AT,
            software="x",
        ),
        CentreStatus(
            centre=CentreId("south"), is_online=False, dictionary=None, snapshot_at=None, software=""
        ),
        CentreStatus(
            centre=CentreId("west"),
            is_online=True,
            dictionary=examples.DICTIONARY.digest,
            snapshot_at=AT,
            software="x",
        ),
    ]


def _result(dictionary: Dictionary | None = None, detail: str = "") -> Result:
    query = results.question(MEAN, rho="0.05", cohort={"field": "age", "between": [40, 65]})
    made = results.result(query, missing=("switzerland",), refused=("hungary",), dictionary=dictionary)
    refusal = Refusal(code=RefusalCode.REGISTRY_BUDGET, detail=detail)
    return replace(made, refused={CentreId("hungary"): refusal})


def test_a_result_page_says_what_the_json_says() -> None:
    result = _result()
    text = read_page(_page(result)).text
    for row in result.rows:
        if row.estimate is not None:
            assert f"{row.estimate:,.4g}".rstrip("0").rstrip(".") in text
    for words in (
        "Mean of Greatest heart rate reached in beats per minute by Angina induced by exercise",
        "Patients of table patients where Age is 40 to 65 years.",
        "2 of 4 centres answered: cleveland, long-beach. Missing: switzerland. Refused: hungary.",
        "(missing)",
        "The registry's privacy budget at the centre is used up.",
        "registry_budget",
        "Protected unit",
        result.label["not_hidden"],
        result.label["per_person"],
        result.receipts[0]["ledger"]["root"],
        "statistic: {kind: mean, variable: thalach, by: [exang]}",
        str(result.query_id),
        "Made on 2026-02-01 09:30 UTC",
    ):
        assert words in text, words


def test_the_question_on_the_page_is_the_question() -> None:
    result = _result()
    (text,) = re.findall("<pre>(.*?)</pre>", _page(result), re.DOTALL)
    assert read_request(text.encode(), result.dictionary).query == result.query


def test_the_pictures_lie_in_the_page_and_hold_no_script() -> None:
    pictures = re.findall('src="data:image/svg[+]xml;base64,([^"]*)" alt="([^"]+)"', _page(_result()))
    assert len(pictures) == 2
    for data, _ in pictures:
        for one in ET.fromstring(base64.b64decode(data)).iter():  # noqa: S314 -- our own SVG
            assert not one.tag.endswith(("script", "foreignObject", "image", "use"))
            assert not [name for name in one.attrib if name.startswith("on") or name.endswith("href")]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_text_of_a_dictionary_or_a_centre_becomes_an_element(payload: str) -> None:
    hostile, plain = _hostile(payload), _hostile("plain")
    page = read_page(_page(_result(hostile, detail=payload)))
    assert page.elements == read_page(_page(_result(plain, detail="plain"))).elements
    assert page.text.count(payload) > 5
    page = read_page(registry_page(described(hostile, _statuses(hostile)), None, AT))
    other = read_page(registry_page(described(plain, _statuses(plain)), None, AT))
    assert page.elements == other.elements
    assert page.text.count(payload) > 20


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_centre_has_a_name_that_is_more_than_a_name(payload: str) -> None:
    with pytest.raises(WireError):
        CentreId(payload)
    # The page holds even where such a name came from elsewhere.
    description = described(results.heart(), _statuses(results.heart()))
    plain = read_page(registry_page(description, None, AT))
    description["centres"][0]["centre"] = payload
    page = read_page(registry_page(description, None, AT))
    assert page.elements == plain.elements
    assert payload in page.text


def test_suppressed_cells_and_margins_are_words_on_a_page() -> None:
    made = results.result(results.question({"kind": "count", "by": ["sex", "exang"]}, rho="1"))
    first, *rest = made.rows
    hidden = replace(first, status=Status.SUPPRESSED, estimate=None, ci_low=1.0, ci_high=9.0)
    result = results.with_rows(made, (hidden, *rest))
    result.__dict__["margins"] = (replace(rest[0], groups=rest[0].groups[:1]),)
    text = _page(result)
    assert '<td class="num">suppressed</td><td class="num">1</td><td class="num">9</td>' in text
    assert "Margins, as the centres showed them" in text
    assert '<th scope="row">all</th>' in text
    assert "Margins" not in _page(made)


def test_a_table_too_large_for_a_picture_still_has_its_page() -> None:
    codes = tuple(Decimal(number) for number in range(401))
    field = results.heart().tables[0].field("num")
    assert field is not None
    dictionary = results.heart_with(replace(field, codes=codes, labels=(), required=True))
    text = _page(results.result(results.question({"kind": "count", "by": "num"}), dictionary=dictionary))
    assert text.count("No picture here: a picture of") == 2
    assert text.count('<th scope="row">400</th>') == 2


def test_every_table_of_a_page_has_a_caption_and_heads_with_a_scope() -> None:
    for text in (_page(_result()), registry_page(described(results.heart(), []), None, AT)):
        assert text.count("<table>") == text.count("<caption>") > 0
        assert "<th>" not in text
        levels = [int(level) for level in re.findall(r"<h(\d)>", text)]
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(after - before <= 1 for before, after in pairwise(levels))


def test_a_registry_page_says_what_can_be_asked_and_what_cannot() -> None:
    dictionary = examples.DICTIONARY
    text = read_page(registry_page(described(dictionary, _statuses(dictionary)), None, AT)).text
    for table in dictionary.tables:
        for one in table.fields:
            assert one.name in text
    for words in (
        "At most 4 rows of one patient count.",
        "0 to 110, in steps of 1",
        "years",
        "could name a patient",
    ):
        assert words in text
    assert re.search(r"north\s*on the link\s*2026-02-01", text)
    assert re.search(r"south\s*offline\s*–", text)


@pytest.mark.parametrize("dictionary", [results.heart(), examples.DICTIONARY], ids=["heart", "three tables"])
def test_every_table_has_an_example_that_can_be_read(dictionary: Dictionary) -> None:
    for table in dictionary.tables:
        request = read_request(example_question(dictionary, table).encode(), dictionary)
        assert request.query.statistic.table == table.name


def test_a_table_without_a_number_has_a_count_for_its_example() -> None:
    text = b"""{name: x, version: "1", resources: [{name: t, path: t.csv, schema: {fields: [
      {name: id, type: string}, {name: colour, type: string, constraints: {enum: [red, blue]}}]}}],
      skerry: {patient: {table: t, key: id}}}"""
    dictionary = read_dictionary(text)
    assert "{kind: count, by: [colour]}" in example_question(dictionary, dictionary.tables[0])


def test_pages_are_written_where_they_are_wanted_and_nowhere_else(tmp_path: Path) -> None:
    text = _result().page(tmp_path / "one.html", clock=lambda: AT)
    assert (tmp_path / "one.html").read_text(encoding="utf-8") == text
    for place in ("one.htm", "none/one.html"):
        with pytest.raises(DrawingError):
            _result().page(tmp_path / place)
    assert [path.name for path in tmp_path.iterdir()] == ["one.html"]
