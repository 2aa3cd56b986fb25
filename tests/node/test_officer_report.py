"""`skerry-node report`: a month on one page and as JSON, from the ledger and the papers alone."""

import hashlib
import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from node.ledger.audit import audit
from node.ledger.sums import read_sums
from node.monthly_page import monthly_page
from node.periods import Month
from privacy.loss import Loss
from protocols.codec.answers import decode_release
from tests.node.ledger_desk import release_of, spend
from tests.node.officer_desk import TENTH, OfficerDesk, officer_desk, with_history


@pytest.fixture
def office(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> OfficerDesk:
    desk = officer_desk(tmp_path, capfd)
    desk.desk.load()
    return with_history(desk)


def this_month(office: OfficerDesk) -> str:
    return f"{office.now:%Y-%m}"


def report(office: OfficerDesk, *words: object) -> dict[str, Any]:
    said = office.desk.run("report", *words, "--json")
    assert said.exit_code == 0, said.stderr
    tree: dict[str, Any] = said.json
    return tree


def test_the_month_is_what_the_ledger_has_of_it(office: OfficerDesk) -> None:
    tree = report(office, "--month", this_month(office))
    assert tree["totals"] == {
        "rho": "0.3",
        "questions": 2,
        "released": 3,
        "repeated": 1,
        "refused": 2,
        "failed": 1,
        "withheld": 1,
        "open": 0,
    }
    assert (tree["totals_before"]["rho"], tree["totals_before"]["released"]) == ("0.3", 3)
    assert tree["refusals"] == {"outside_policy": 1, "expired": 1}
    spends = {(one["study"], one["analyst"]): one["rho"] for one in tree["spends"]}
    month = Month.parse(this_month(office)).period
    days = [one for one in read_sums(office.path).days if month.holds(one.day)]
    assert sum((Loss.parse(rho) for rho in spends.values()), start=Loss(0)) == sum(
        (one.spent.loss for one in days), start=Loss(0)
    )
    assert spends["sandbox", "eve"] == "0", "a repeat costs nothing"
    assert [one["outcome"] for one in tree["releases"]] == ["released"] * 3
    assert not tree["is_over"]


def test_without_a_month_it_is_the_last_that_is_over(office: OfficerDesk) -> None:
    tree = report(office)
    assert tree["month"] == str(Month.before(office.now.date()))
    assert tree["is_over"]
    assert tree["totals"]["released"] == 3
    assert tree["snapshots"] == []


def test_audit_papers_and_snapshots_stand_in_it(office: OfficerDesk) -> None:
    tree = report(office, "--month", this_month(office))
    findings = audit(office.path)
    assert (tree["audit"]["size"], tree["audit"]["root"]) == (findings.size, findings.root)
    assert tree["audit"]["second_epsilon"] == pytest.approx(tree["audit"]["epsilon"], rel=0.005)
    policy = (office.desk.folder / "policy.toml").read_bytes()
    assert tree["papers"]["policy"]["sha256"] == hashlib.sha256(policy).hexdigest()
    assert [one["id"] for one in tree["papers"]["studies"]] == ["sandbox"]
    assert [one["what"] for one in tree["snapshots"]] == ["imported"]


def test_what_changed_is_said_in_sentences(office: OfficerDesk) -> None:
    changes = report(office, "--month", this_month(office))["changes"]
    assert "refusals: 2, after 0" in changes
    assert "bob spent in study sandbox for the first time" in changes
    assert not any("ada" in one for one in changes), "she had spent before"
    assert not any("eve" in one for one in changes), "a repeat is free"


def test_nothing_that_was_released_or_imported_is_on_the_page(office: OfficerDesk, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    said = office.desk.run("report", "--month", this_month(office), "--out", out)
    assert said.exit_code == 0
    assert str(out) in said.stdout
    page = out.read_text(encoding="utf-8")
    one = spend("new 1", TENTH, analyst="bob", study="sandbox", registry="small")
    (block,) = decode_release(release_of(one, b"release of new 1")).blocks
    tree = str(report(office, "--month", this_month(office)))
    for number in block.values.tolist():
        assert str(number) not in page
        assert str(number) not in tree
    assert "Zqx" not in page, "a surname of the imported file"


def test_the_page_needs_nothing_else_and_takes_others_words_as_text(
    office: OfficerDesk, tmp_path: Path
) -> None:
    evil = "<script>alert(1)</script>"
    office.release(evil)
    out = tmp_path / "report.html"
    office.desk.run("report", "--month", this_month(office), "--out", out)
    page = out.read_text(encoding="utf-8")
    assert evil not in page
    assert "&lt;script&gt;" in page
    assert re.findall(r"(?:src|href)=\"(?!data:)", page) == []
    assert page.count("<h1>") == 1
    for heading in (
        "Budgets",
        "Who asked",
        "What left",
        "What was refused",
        "Snapshots",
        "Audit",
        "Papers in force",
    ):
        assert f"<h2>{heading}</h2>" in page


def test_a_month_in_which_nothing_happened_has_a_page_too(office: OfficerDesk, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    assert office.desk.run("report", "--month", "2001-01", "--out", out).exit_code == 0
    assert "Nobody." in out.read_text(encoding="utf-8")


def test_a_page_of_what_does_not_fit_says_so_in_words_and_ends_with_6(
    office: OfficerDesk, tmp_path: Path
) -> None:
    office.edit("UPDATE asked SET content = X'00'")
    out = tmp_path / "report.html"
    said = office.desk.run("report", "--month", this_month(office), "--out", out)
    assert said.exit_code == 6
    page = out.read_text(encoding="utf-8")
    assert "the ledger does not add up" in page
    assert "the index of query ids is not what the events say" in page


def test_a_page_is_made_of_the_json_alone(office: OfficerDesk) -> None:
    tree = report(office, "--month", this_month(office))
    pages = {monthly_page(tree, made_at=office.now, version="1") for _ in range(2)}
    assert len(pages) == 1
    assert tree == report(office, "--month", this_month(office)) | {"made_at": tree["made_at"]}


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [("2026-11", 1, 30), ("2026-12", 1, 31), ("2028-02", 1, 29), ("2027-02", 1, 28)],
)
def test_a_month_has_its_days(text: str, first: int, last: int) -> None:
    month = Month.parse(text)
    year, number = (int(part) for part in text.split("-"))
    assert (month.period.since, month.period.until) == (date(year, number, first), date(year, number, last))
    assert month.previous.period.until == month.first - timedelta(days=1)
    assert str(month) == text


WRONG = {
    "a month that is none": (("--month", "2026-13"), "'2026-13' is no month"),
    "a day for a month": (("--month", "2026-11-01"), "is no month"),
    "a month to come": (("--month", "2999-01"), "has not begun"),
    "a folder that is not there": (("--out", "nowhere/at/all/x.html"), "cannot be written"),
    "a folder for a file": (("--out", "."), "cannot be written"),
    "an argument": (("2026-11",), "2026-11"),
}


@pytest.mark.parametrize("name", list(WRONG))
def test_a_wrong_use_is_one_sentence(office: OfficerDesk, name: str) -> None:
    words, says = WRONG[name]
    said = office.desk.run("report", *words, "--json")
    assert (said.exit_code, said.json["format"]) == (2, "skerry.error/1")
    assert says in said.json["message"]


def test_a_node_without_a_ledger_has_nothing_to_report(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    office = officer_desk(tmp_path, capfd)
    said = office.desk.run("report")
    assert said.exit_code == 2
    assert "no ledger yet" in said.stderr
    assert not office.path.exists()
