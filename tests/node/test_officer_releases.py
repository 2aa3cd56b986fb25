"""`skerry-node releases`: what left, to whom, when; nothing of a result unless it is asked for."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from node.ledger.history import Wanted, history
from node.question_words import question_words
from protocols.codec.answers import decode_release
from protocols.codec.queries import decode_query, encode_query
from protocols.queries import Kind
from tests.node.ledger_desk import release_of, spend
from tests.node.officer_desk import TENTH, OfficerDesk, officer_desk, with_history
from tests.node.questions import QUESTIONS


@pytest.fixture
def office(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> OfficerDesk:
    return with_history(officer_desk(tmp_path, capfd))


def listed(office: OfficerDesk, *words: object) -> list[dict[str, Any]]:
    said = office.desk.run("releases", *words, "--json")
    assert said.exit_code == 0, said.stderr
    entries: list[dict[str, Any]] = said.json["entries"]
    return entries


def test_every_release_is_listed_newest_first_with_who_and_what(office: OfficerDesk) -> None:
    entries = listed(office)
    assert [one["outcome"] for one in entries] == ["released"] * 6
    assert [one["event"] for one in entries] == sorted((one["event"] for one in entries), reverse=True)
    table, newest = entries[0], entries[1]
    assert (table["mode"], table["rho"], table["analyst"]) == ("suppressed", "0", "ada")
    assert (newest["mode"], newest["rho"], newest["analyst"]) == ("dp", "0.1", "bob")
    assert newest["question"] == "count of people, where people.code is new 1"
    assert newest["repeats"] == 0
    assert entries[2]["repeats"] == 1, "it was asked for again, by another"


def test_everything_that_was_asked_is_listed_on_demand(office: OfficerDesk) -> None:
    outcomes = [one["outcome"] for one in listed(office, "--all")]
    assert outcomes == ["withheld", "failed", "refused", "refused", "repeated", *["released"] * 6]
    repeat = next(one for one in listed(office, "--all") if one["outcome"] == "repeated")
    charge = next(one for one in listed(office) if one["event"] == repeat["charge"])
    assert (repeat["question"], repeat["rho"]) == (charge["question"], "0")
    assert {one["code"] for one in listed(office, "--all")} == {None, "outside_policy", "expired"}


def test_filters_choose_and_the_limit_keeps_the_latest(office: OfficerDesk) -> None:
    first = office.now.date().replace(day=1)
    assert {one["analyst"] for one in listed(office, "--analyst", "bob")} == {"bob"}
    assert len(listed(office, "--analyst", "bob")) == 2
    assert listed(office, "--study", "another") == []
    assert len(listed(office, "--since", first)) == 3
    assert len(listed(office, "--until", first - timedelta(days=1))) == 3
    assert listed(office, "--limit", 2) == listed(office)[:2]
    assert office.desk.run("releases", "--limit", 2, "--json").json["is_more"]
    assert not office.desk.run("releases", "--limit", 6, "--json").json["is_more"]


def test_no_released_number_is_shown_unless_it_is_asked_for(office: OfficerDesk) -> None:
    event = listed(office)[1]["event"]
    one = spend("new 1", TENTH, analyst="bob", study="sandbox", registry="small")
    (block,) = decode_release(release_of(one, b"release of new 1")).blocks
    numbers = [str(value) for value in block.values.tolist()]
    quiet = [office.desk.run("releases", *words).stdout for words in ((), ("--all",), ("show", event))]
    quiet += [
        office.desk.run("releases", *words, "--json").stdout for words in ((), ("--all",), ("show", event))
    ]
    assert not any(number in text for text in quiet for number in numbers)
    shown = office.desk.run("releases", "show", event, "--values", "--json").json
    assert shown["blocks"][0]["values"] == block.values.tolist()
    assert shown["blocks"][0]["sigma"] == block.event.sigma
    assert numbers[0] in office.desk.run("releases", "show", event, "--values").stdout


def test_a_suppressed_table_shows_its_rule_and_null_for_what_is_hidden(office: OfficerDesk) -> None:
    event = listed(office)[0]["event"]
    shown = office.desk.run("releases", "show", event, "--values", "--json").json
    assert shown["rule"]["name"] == "five"
    assert (shown["cells"], shown["cells_not_shown"], shown["values"]) == (3, 1, [0, 7, None])
    assert "values" not in office.desk.run("releases", "show", event, "--json").json


def test_the_label_says_what_an_officer_is_asked_about(office: OfficerDesk) -> None:
    shown = office.desk.run("releases", "show", listed(office)[1]["event"], "--json").json
    for key in ("at", "released_at", "study", "analyst", "question", "rho", "snapshot", "dictionary", "mode"):
        assert shown[key] is not None, key


def test_a_node_without_a_ledger_released_nothing_and_gets_none(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    office = officer_desk(tmp_path, capfd)
    assert listed(office) == []
    assert office.desk.run("releases").exit_code == 0
    assert not office.path.exists()


def test_every_kind_of_question_and_cohort_has_words_of_its_own() -> None:
    words = {question_words(query) for query in QUESTIONS}
    assert len(words) == len({encode_query(query) for query in QUESTIONS})
    for query in QUESTIONS:
        assert question_words(decode_query(encode_query(query))) == question_words(query)
        for name in query.statistic.by:
            assert str(name) in question_words(query)
    assert {query.statistic.kind for query in QUESTIONS} >= {Kind.COUNT, Kind.MEAN, Kind.HISTOGRAM}


def test_markup_in_a_code_is_text(office: OfficerDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "240")
    office.release("[red]no[/red]")
    assert "[red]no[/red]" in office.desk.run("releases").stdout


def test_the_history_is_complete_beside_the_audits_counts(office: OfficerDesk) -> None:
    entries = history(office.path, Wanted(everything=True), None)
    assert len(entries) == len({one.seq for one in entries}) == 11


WRONG = {
    "a day that is none": (("--since", "1.1.2026"), 2, "is no day"),
    "a limit of nothing": (("--limit", "0"), 2, "--limit"),
    "an unknown command": (("list",), 2, "list"),
    "no event": (("show",), 2, "EVENT"),
    "a word for an event": (("show", "latest"), 2, "latest"),
    "an event that is no charge": (("show", "1"), 2, "no release at event 1"),
    "an event beyond the last": (("show", "10000"), 2, "no release at event 10000"),
    "a number of no event": (("show", "-1"), 2, "-1"),
}


@pytest.mark.parametrize("name", list(WRONG))
def test_a_wrong_use_is_one_sentence(office: OfficerDesk, name: str) -> None:
    words, exit_code, says = WRONG[name]
    said = office.desk.run("releases", *words, *(("--json",) if "show" in words or "--" in words[0] else ()))
    assert said.exit_code == exit_code
    assert says in said.stderr
    assert "Traceback" not in said.stderr


@pytest.mark.parametrize("state", ["withheld", "failed"])
def test_what_was_withheld_or_failed_has_nothing_to_show(office: OfficerDesk, state: str) -> None:
    event = next(one["event"] for one in listed(office, "--all") if one["outcome"] == state)
    assert office.desk.run("releases", "show", event).exit_code == 2


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE event SET leaf = X'5B5D' WHERE seq = 0",
        "UPDATE charge SET question = X'00'",
        "UPDATE charge SET release = X'00' WHERE state = 'released'",
    ],
)
def test_a_ledger_that_cannot_be_read_ends_with_one_sentence(office: OfficerDesk, statement: str) -> None:
    office.edit(statement)
    words = ("show", "0") if "release" in statement else ("--all",)
    said = office.desk.run("releases", *words, "--json")
    assert (said.exit_code, said.json["code"]) == (6, "ledger")
