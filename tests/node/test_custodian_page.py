"""The import report as a page: the report's content, no patient's value, and nothing but text."""

import json
import re
import stat
from html.parser import HTMLParser
from pathlib import Path

import pytest

from node.importing.page import report_page
from node.importing.report import ImportReport
from tests.node.custodian_desk import CustodianDesk, open_desk
from tests.node.importing_desk import AGE, NOTE, NOW, PATIENT, SEX, Desk, one_table

HEAD = "id,age,sex,surname\n"
GOOD = HEAD + "".join(f"Zqxid{i},{20 + i % 60},{'fm'[i % 2]},Zqxname{i}\n" for i in range(40))
BAD = GOOD.replace(",25,", ",Zqxage,").replace(",m,Zqxname7", ",Zqxsex,Zqxname7")
TORN = GOOD[:-9] + '"Zqxtorn'


class _Page(HTMLParser):
    """The tags, the attributes and the text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: dict[str, list[str]] = {}
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            self.attributes.setdefault(name, []).append(value or "")

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> CustodianDesk:
    return open_desk(tmp_path, capsys)


def _import(desk: CustodianDesk, content: str) -> tuple[int, str, str]:
    """Import a file; give the exit code, the page and the JSON that were kept."""
    path = desk.folder / "people.csv"
    path.write_text(content, encoding="utf-8")
    said = desk.run("import", path)
    (page,), (kept,) = desk.data.glob("imports/*.html"), desk.data.glob("imports/*.json")
    assert str(page) in said.stdout + said.stderr
    assert page.stem == kept.stem
    assert {stat.S_IMODE(one.stat().st_mode) for one in (page, kept)} == {0o600}
    return said.exit_code, page.read_text(encoding="utf-8"), kept.read_text(encoding="utf-8")


def test_a_page_says_what_was_committed(desk: CustodianDesk) -> None:
    exit_code, page, kept = _import(desk, GOOD)
    assert exit_code == 0
    text, tree = _Page(page).text, json.loads(kept)
    assert tree["snapshot"] in text
    assert "40 rows of 40 patients" in text
    for field in ("age", "sex", "surname"):
        assert field in text


def test_a_page_lists_what_is_wrong_by_row_field_and_reason(desk: CustodianDesk) -> None:
    exit_code, page, kept = _import(desk, BAD)
    assert exit_code == 2
    findings = json.loads(kept)["tables"][0]["findings"]
    assert len(findings) == 2
    rows = re.findall(r'<tr><td class="num">(\d+)</td><td>(\w+)</td><td>(\w+)</td><td>([^<]*)</td>', page)
    assert [(int(row), field, reason) for row, field, reason, _ in rows] == [
        (one["row"], one["field"], one["reason"]) for one in findings
    ]
    assert "below the header" in page


@pytest.mark.parametrize("content", [GOOD, BAD, TORN, "Zqxno header at all\n"])
def test_no_value_of_a_patient_is_in_any_byte_of_page_or_report(desk: CustodianDesk, content: str) -> None:
    assert "Zqx" in content
    _, page, kept = _import(desk, content)
    assert "Zqx" not in page
    assert "Zqx" not in kept


def test_a_page_runs_nothing_and_loads_nothing(desk: CustodianDesk) -> None:
    _, page, _ = _import(desk, BAD)
    parsed = _Page(page)
    assert not {"script", "iframe", "link", "object", "embed", "form", "base"} & set(parsed.tags)
    assert not {"src", "href", "style", "action"} & set(parsed.attributes)
    assert not [name for name in parsed.attributes if name.startswith("on")]
    (policy,) = [value for value in parsed.attributes["content"] if "default-src" in value]
    assert policy.startswith("default-src 'none'")
    assert "://" not in page


def test_missing_values_are_bars_with_their_numbers(tmp_path: Path) -> None:
    outside = AGE + ", skerry: {outside: missing}"
    dictionary = one_table([PATIENT, outside, SEX, NOTE])
    desk = Desk(tmp_path)
    rows = "".join(f"p{i},{'' if i < 3 else 999 if i < 4 else 30},F,\n" for i in range(8))
    report = desk.load(desk.file("visits.csv", "id,age,sex,note\n" + rows), dictionary)
    page = report_page(report, made_at=NOW, version="0")
    assert "4 (50 %)" in page
    assert "1 (12.5 %)" in page
    assert "8 (100 %)" in page
    assert 'width="50.00%"' in page


def test_what_a_dictionary_says_is_text_on_the_page(tmp_path: Path) -> None:
    evil = '<script>alert("x")</script>'
    field = f"name: '{evil}', type: integer, constraints: {{minimum: 0, maximum: 9}}"
    dictionary = one_table([PATIENT, field])
    desk = Desk(tmp_path)
    head = '"id","' + evil.replace('"', '""') + '"\n'
    refusal = desk.refusal(desk.file("visits.csv", head + "a,77\n"), dictionary)
    page = report_page(refusal.report, made_at=NOW, version="0")
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def _refused(tmp_path: Path, rows: int) -> ImportReport:
    desk = Desk(tmp_path)
    text = "id,age,sex,note\n" + "".join(f"p{i},999,F,\n" for i in range(rows))
    return desk.refusal(desk.file("visits.csv", text), one_table([PATIENT, AGE, SEX, NOTE])).report


def test_a_long_list_says_how_long_it_is(tmp_path: Path) -> None:
    page = report_page(_refused(tmp_path, 1_500), made_at=NOW, version="0")
    assert "the first 1,000 of 1,500" in page
    assert page.count("outside_range") == 1_001


def test_a_report_of_a_whole_file_has_no_rows_to_show(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    refusal = desk.refusal(desk.file("visits.csv", ""), one_table([PATIENT, AGE]))
    page = report_page(refusal.report, made_at=NOW, version="0")
    assert "empty_file" in page
    assert "the whole row or file" in page


@pytest.mark.parametrize(("header", "says"), [("true", "row 2 below the header: "), ("false", "row 2: ")])
def test_a_sentence_says_from_where_rows_are_counted(tmp_path: Path, header: str, says: str) -> None:
    dictionary = one_table([PATIENT, AGE], resource=f"dialect: {{header: {header}}}")
    head = "id,age\n" if header == "true" else ""
    desk = Desk(tmp_path)
    for content in (head + "a,1\nb,999\n", head + "a,1\nb\n", head + 'a,1\nb,"9\n'):
        assert says in desk.refusal(desk.file("visits.csv", content), dictionary).what
