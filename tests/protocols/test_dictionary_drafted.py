"""Marks of what nobody has confirmed: read, kept, listed, and refused in every question."""

import pytest

from protocols.dictionary import Drafted, Role
from protocols.dictionary_text import read_dictionary
from protocols.errors import QueryError, TextError
from protocols.query_text import read_request

DRAFT = """\
name: d
resources:
  - name: t
    skerry: {rows_per_patient: 5, drafted: [rows_per_patient]}
    schema:
      fields:
        - {name: id, skerry: {role: key, drafted: [key]}}
        - {name: age, type: integer, constraints: {minimum: 0, maximum: 90}, skerry: {drafted: [range]}}
        - {name: sex, constraints: {enum: [f, m]}, skerry: {drafted: [codes]}}
        - {name: both, type: integer, constraints: {minimum: 0, maximum: 9, enum: [1, 2]}, \
skerry: {drafted: [range, codes]}}
        - {name: flag, type: boolean, skerry: {drafted: [codes]}}
        - {name: free, skerry: {drafted: []}}
"""
ALL = (
    "t (rows_per_patient)",
    "t.id (key)",
    "t.age (range)",
    "t.sex (codes)",
    "t.both (range)",
    "t.both (codes)",
    "t.flag (codes)",
)
COUNT = b"{study: s, statistic: {kind: count}, release: {mode: dp, scope: centre, rho: 0.1}}"
MEAN = b"{study: s, statistic: {kind: mean, variable: age}, release: {mode: dp, scope: centre, rho: 0.1}}"


def _without(*marks: str) -> str:
    text = DRAFT
    for mark in marks:
        assert f"drafted: [{mark}]" in text
        text = text.replace(f"drafted: [{mark}]", "drafted: []")
    return text


CONFIRMED = _without("rows_per_patient", "key", "range", "codes", "range, codes")


def test_the_marks_are_kept_with_what_they_are_about() -> None:
    table = read_dictionary(DRAFT.encode()).tables[0]
    assert table.drafted == (Drafted.CAP,)
    assert [field.drafted for field in table.fields] == [
        (Drafted.KEY,),
        (Drafted.RANGE,),
        (Drafted.CODES,),
        (Drafted.RANGE, Drafted.CODES),
        (Drafted.CODES,),
        (),
    ]


def test_what_is_to_be_confirmed_is_listed_in_the_order_of_the_text() -> None:
    assert read_dictionary(DRAFT.encode()).unconfirmed == ALL
    assert read_dictionary(CONFIRMED.encode()).unconfirmed == ()


def test_a_mark_is_part_of_the_hash() -> None:
    assert read_dictionary(DRAFT.encode()).digest != read_dictionary(CONFIRMED.encode()).digest


@pytest.mark.parametrize("question", [COUNT, MEAN])
@pytest.mark.parametrize("mark", ["rows_per_patient", "key", "range", "codes", "range, codes"])
def test_one_mark_is_enough_to_refuse_every_question(question: bytes, mark: str) -> None:
    others = {"rows_per_patient", "key", "range", "codes", "range, codes"} - {mark}
    with pytest.raises((QueryError, TextError), match="draft: nobody has confirmed t"):
        read_request(question, read_dictionary(_without(*others).encode()))


@pytest.mark.parametrize("question", [COUNT, MEAN])
def test_a_confirmed_dictionary_is_asked(question: bytes) -> None:
    read_request(question, read_dictionary(CONFIRMED.encode()))


def test_the_key_of_the_package_keeps_its_mark_and_loses_the_others() -> None:
    text = """\
name: d
skerry: {patient: {table: t, key: id}}
resources:
  - name: t
    schema:
      fields:
        - {name: id, constraints: {enum: [a, b]}, skerry: {drafted: [codes]}}
"""
    (field,) = read_dictionary(text.encode()).tables[0].fields
    assert (field.role, field.drafted) == (Role.KEY, ())


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("drafted: [range]", "drafted: [rnage]", 8, "did you mean 'range'"),
        ("drafted: [range]", "drafted: [codes]", 8, "marks its codes as drafted, and has none"),
        ("drafted: [codes]", "drafted: [range]", 9, "marks its range as drafted, and has none"),
        ("drafted: [key]", "drafted: [rows_per_patient]", 7, "'rows_per_patient' is not known here"),
        ("role: key, drafted", "drafted", 7, "marks its key as drafted, and has none"),
        ("drafted: [range]", "drafted: range", 8, "must be a list"),
        ("drafted: [range]", "drafted: [1]", 8, "must be one word"),
        (
            "rows_per_patient: 5, drafted: [rows_per_patient]",
            "drafted: [rows_per_patient]",
            4,
            "marks its rows_per_patient as drafted, and has none",
        ),
        ("rows_per_patient: 5, drafted: [rows_per_patient]", "drafted: [range]", 4, "not known here"),
    ],
)
def test_a_wrong_mark_is_said_to_be_wrong(old: str, new: str, line: int, says: str) -> None:
    assert old in DRAFT
    with pytest.raises(TextError) as caught:
        read_dictionary(DRAFT.replace(old, new, 1).encode())
    assert any(problem.line == line and says in str(problem) for problem in caught.value.problems)
