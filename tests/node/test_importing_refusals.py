"""Each wrong input: one sentence, its reason code, nothing committed and nothing left behind."""

# ruff: noqa: E501 -- the table of wrong files has one line for each

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from protocols.dictionary import Dictionary
from tests.node.importing_desk import AGE, NOTE, PATIENT, SCORE, SEX, SIMPLE, TWO_TABLES, Desk, one_table

HEADER = "id,age,sex,score,note\n"
CANARY = "Zz9Kestrel"


@dataclass(frozen=True, kw_only=True)
class Wrong:
    """A file, why it is refused, in which row (None: as a whole), and what the sentence says."""

    name: str
    content: str | bytes
    reason: str
    says: str
    row: int | None = None
    dictionary: Dictionary = field(default=SIMPLE)
    is_confirmed: bool = False


def _row(age: str = "5", sex: str = "F", score: str = "1", key: str = "p1") -> str:
    return f"{HEADER}{key},{age},{sex},{score},{CANARY}\n"


NO_HEADER = one_table([PATIENT, AGE], resource="dialect: {header: false}")
KEYLESS = one_table([AGE, NOTE])
REQUIRED = one_table([PATIENT, AGE.replace("{minimum", "{required: true, minimum")])
STRICT_MISSING = one_table(
    [
        PATIENT,
        "name: age, type: integer, constraints: {required: true, minimum: 0, maximum: 9}, skerry: {outside: missing}",
    ]
)
COMMA = one_table([PATIENT, SCORE + ', decimalChar: ","'], resource='dialect: {delimiter: ";"}')
BOOL = one_table([PATIENT, "name: smoker, type: boolean"])
NUMERIC_CODES = one_table([PATIENT, "name: grade, type: integer, constraints: {enum: [1, 2]}"])
REAL_CODES = one_table([PATIENT, "name: grade, type: number, constraints: {enum: [1, 2]}"])
UTF16 = one_table([PATIENT, AGE], resource="encoding: utf-16")
LATIN = one_table([PATIENT, AGE], resource="encoding: latin-1")
UNIQUE = one_table(
    [PATIENT, AGE, NOTE], resource="skerry: {rows_per_patient: 5}", schema="primaryKey: [id, age]"
)
SAME_CODES = one_table(
    [PATIENT, "name: g, type: number, constraints: {enum: [9007199254740992, 9007199254740993]}"]
)

WRONG = [
    Wrong(name="empty file", content="", reason="empty_file", says="is empty"),
    Wrong(name="blank lines only", content="\n\n", reason="empty_file", says="blank lines"),
    Wrong(name="header only", content=HEADER, reason="no_rows", says="no rows"),
    Wrong(name="header and blank lines", content=HEADER + "\n\n", reason="no_rows", says="no rows"),
    Wrong(name="no rows, no header", content="\n", reason="no_rows", says="no rows", dictionary=NO_HEADER),
    Wrong(name="xlsx", content=b"PK\x03\x04" + b"\0" * 50, reason="not_text", says="Excel"),
    Wrong(name="xls", content=b"\xd0\xcf\x11\xe0" + b"\0" * 50, reason="not_text", says="Excel"),
    Wrong(name="gzip", content=b"\x1f\x8b\x08" + b"\0" * 50, reason="not_text", says="gzip"),
    Wrong(name="UTF-16 under utf-8", content=_row().encode("utf-16"), reason="wrong_encoding", says="UTF-16"),
    Wrong(
        name="latin-1 under utf-8",
        content=HEADER.encode() + b"p1,5,F,1,x\np2,5,F,1,caf\xe9 " + CANARY.encode() + b"\n",
        reason="wrong_encoding",
        says="line 3 is not UTF-8",
    ),
    Wrong(name="UTF-8 under utf-16", content="id,age\np,1\n", reason="wrong_encoding", says="byte-order mark", dictionary=UTF16),
    Wrong(name="cut UTF-16", content="id,age\np,1\n".encode("utf-16")[:-1], reason="wrong_encoding", says="UTF-16", dictionary=UTF16),
    Wrong(name="UTF-8 mark under latin-1", content="\ufeffid,age\np,1\n", reason="wrong_encoding", says="is UTF-8", dictionary=LATIN),
    Wrong(name="semicolons", content=_row().replace(",", ";"), reason="wrong_delimiter", says="separated by ';'"),
    Wrong(name="tabs", content=_row().replace(",", "\t"), reason="wrong_delimiter", says="separated by a tab"),
    Wrong(name="semicolons, no header", content="p1;5\n", reason="wrong_delimiter", says="separated by ';'", dictionary=NO_HEADER),
    Wrong(name="field not in header", content=f"id,age,sex,score\np1,5,F,{CANARY}\n", reason="header", says="no column 'note'"),
    Wrong(name="header in capitals", content=_row().replace("sex", "SEX"), reason="header", says="no column 'sex'"),
    Wrong(name="no header at all", content=f"{CANARY},5,F,1,x\n", reason="header", says="names none of the fields"),
    Wrong(name="header twice", content=f"id,age,sex,score,note,age\np1,5,F,1,{CANARY},6\n", reason="header", says="'age' twice"),
    Wrong(name="header where none is declared", content="id,age\np1,5\n", reason="header", says="names of the fields", dictionary=NO_HEADER),
    Wrong(name="columns, no header", content=f"p1,5,{CANARY}\n", reason="column_count", says="3 columns", dictionary=NO_HEADER),
    Wrong(name="short row", content=_row() + f"{CANARY},5\n", reason="row_length", says="2 values instead of 5", row=2),
    Wrong(name="long row", content=_row() + f"{CANARY},5,F,1,x,y\n", reason="row_length", says="6 values instead of 5", row=2),
    Wrong(name="trailing delimiter", content=_row() + f"p2,5,F,1,{CANARY},\n", reason="row_length", says="6 values", row=2),
    Wrong(name="quote never closed", content=_row() + f'p2,5,F,1,"{CANARY}\np3,5,F,1,x\n', reason="quotes", says="quoted value", row=2),
    Wrong(name="text behind a quote", content=_row() + f'p2,5,F,1,"{CANARY}"x\n', reason="quotes", says="quoted value", row=2),
    Wrong(name="endless value", content=_row() + f"p2,5,F,1,{CANARY * 20000}\n", reason="quotes", says="longer than", row=2),
    Wrong(name="NUL", content=_row() + f"p2,5,F,1,{CANARY}\0\n", reason="nul", says="NUL character", row=2),
    Wrong(name="NUL in UTF-16", content="id,age\np\0,1\n".encode("utf-16"), reason="nul", says="NUL", row=1, dictionary=UTF16),
    Wrong(name="keyless and not confirmed", content=f"age,note\n5,{CANARY}\n", reason="patients_not_confirmed", says="no patient key", dictionary=KEYLESS),
    Wrong(name="codes that are one number", content="id,g\np,1\n", reason="codes", says="'g'", dictionary=SAME_CODES),
    Wrong(name="no key", content=_row(key=" "), reason="key_missing", says="patient key is missing", row=1),
    Wrong(name="key twice", content=_row() + f" p1 ,6,M,2,{CANARY}\n", reason="key_repeated", says="more than one row", row=1),
    Wrong(name="not a number", content=_row(score=CANARY), reason="not_a_number", says="not a number", row=1),
    Wrong(name="nan", content=_row(score="nan"), reason="not_a_number", says="not a number", row=1),
    Wrong(name="inf", content=_row(score="inf"), reason="not_a_number", says="not a number", row=1),
    Wrong(name="huge exponent", content=_row(score="1e999"), reason="outside_range", says="outside 0 to 60", row=1),
    Wrong(name="hexadecimal", content=_row(score="0x10"), reason="not_a_number", says="not a number", row=1),
    Wrong(name="two signs", content=_row(score="+-1"), reason="not_a_number", says="not a number", row=1),
    Wrong(name="underscore", content=_row(score="1_0"), reason="not_a_number", says="not a number", row=1),
    Wrong(name="thousands", content=_row(score='"1,000,000"'), reason="not_a_number", says="not a number", row=1),
    Wrong(name="decimal comma", content=_row(score='"3,5"'), reason="decimal_sign", says="decimal sign '.'", row=1),
    Wrong(name="decimal point", content="id;score\np1;3.5\n", reason="decimal_sign", says="decimal sign ','", row=1, dictionary=COMMA),
    Wrong(name="other digits", content=_row(score="٣"), reason="not_a_number", says="not a number", row=1),
    Wrong(name="outside the range", content=_row(age="121"), reason="outside_range", says="outside 0 to 120", row=1),
    Wrong(name="very long integer", content=_row(age="9" * 60), reason="outside_range", says="outside 0 to 120", row=1),
    Wrong(name="integer with point", content=_row(age="1.0"), reason="not_an_integer", says="declare type number", row=1),
    Wrong(name="code of an integer with point", content="id,grade\np,1.0\n", reason="not_an_integer", says="declare type number", row=1, dictionary=NUMERIC_CODES),
    Wrong(name="unknown code", content=_row(sex=CANARY), reason="unknown_code", says="none of the 2 declared codes", row=1),
    Wrong(name="code in another case", content=_row(sex="f"), reason="unknown_code", says="declared codes", row=1),
    Wrong(name="unknown number code", content="id,grade\np,1.5\n", reason="unknown_code", says="declared codes", row=1, dictionary=REAL_CODES),
    Wrong(name="no boolean", content=f"id,smoker\np,{CANARY}\n", reason="not_a_boolean", says="trueValues", row=1, dictionary=BOOL),
    Wrong(name="required", content="id,age\np,\n", reason="required", says="required value is missing", row=1, dictionary=REQUIRED),
    Wrong(name="required, outside is missing", content="id,age\np,77\n", reason="required", says="required", row=1, dictionary=STRICT_MISSING),
    Wrong(name="primary key twice", content=f"id,age,note\np,5,{CANARY}\nq,5,x\np,05,y\n", reason="primary_key_repeated", says="primary key", row=1, dictionary=UNIQUE),
    Wrong(name="primary key missing", content=f"id,age,note\np,5,x\np,,{CANARY}\n", reason="primary_key_missing", says="primary key", row=2, dictionary=UNIQUE),
]  # fmt: skip


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.name)
def test_a_wrong_file_is_refused_in_one_sentence(desk: Desk, wrong: Wrong) -> None:
    path = desk.file("visits.csv", wrong.content)

    refused = desk.refusal(path, wrong.dictionary, confirmed=wrong.is_confirmed)

    tables = refused.report.tables
    assert [total.reason.value for table in tables for total in table.totals] == [wrong.reason]
    first = tables[0].findings[0]
    assert (first.reason.value, first.row) == (wrong.reason, wrong.row)
    assert wrong.says in refused.what
    assert refused.next_step
    assert "\n" not in refused.what
    assert CANARY not in str(refused) + json.dumps(refused.report.to_json()) + refused.report.summary
    assert CANARY not in "".join(desk.told)
    assert desk.snapshots.current() is None
    assert desk.is_clean()


def test_all_rows_are_counted_and_the_first_thousand_listed(desk: Desk) -> None:
    rows = "".join(f"p{i},{'x' if i % 2 else '5'},F,99,\n" for i in range(1, 2501))

    refused = desk.refusal(desk.file("visits.csv", HEADER + rows), SIMPLE)

    (table,) = refused.report.tables
    assert {(t.field, t.reason.value, t.rows) for t in table.totals} == {
        ("age", "not_an_integer", 1250),
        ("score", "outside_range", 2500),
    }
    assert len(table.findings) == 1000
    assert [f.row for f in table.findings[:4]] == [1, 1, 2, 3]
    assert table.wrong == 3750
    assert "and 3,749 more" in refused.what


def test_ragged_rows_are_all_counted(desk: Desk) -> None:
    rows = "".join("p,5\n" for _ in range(1500))

    refused = desk.refusal(desk.file("visits.csv", HEADER + rows), SIMPLE)

    (table,) = refused.report.tables
    assert table.wrong == 1500
    assert len(table.findings) == 1000


def _no_file(desk: Desk) -> Path:
    return desk.files / "nothing.csv"


def _pipe(desk: Desk) -> Path:
    import os  # noqa: PLC0415 -- this case only

    os.mkfifo(desk.files / "visits.csv")
    return desk.files / "visits.csv"


def _folder_in_place(desk: Desk) -> Path:
    (desk.files / "visits.csv").mkdir()
    return desk.files


def _link_out(desk: Desk) -> Path:
    (desk.root / "elsewhere.csv").write_text(_row())
    (desk.files / "visits.csv").symlink_to(desk.root / "elsewhere.csv")
    return desk.files


def _link_to_itself(desk: Desk) -> Path:
    (desk.files / "visits.csv").symlink_to(desk.files / "visits.csv")
    return desk.files


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (_no_file, "no_file"),
        (_pipe, "not_a_file"),
        (_folder_in_place, "not_a_file"),
        (_link_out, "outside_folder"),
        (_link_to_itself, "no_file"),
        (lambda desk: desk.files, "no_file"),
    ],
)
def test_a_wrong_place_is_refused(desk: Desk, make: Callable[[Desk], Path], reason: str) -> None:
    refused = desk.refusal(make(desk), SIMPLE)

    assert refused.report.tables[0].findings[0].reason.value in (reason, "unreadable")
    assert str(desk.root) not in str(refused)


@pytest.mark.parametrize("path", ["../x.csv", "/x.csv", "a/../../x.csv", "C:\\\\x.csv"])
def test_a_path_that_leaves_the_folder_is_refused(desk: Desk, path: str) -> None:
    dictionary = one_table([PATIENT, AGE], resource=f'title: "{path}"')
    table = dictionary.tables[0]
    from dataclasses import replace  # noqa: PLC0415 -- this test only

    leaving = replace(dictionary, tables=(replace(table, path=path.replace("\\\\", "\\")),))

    refused = desk.refusal(desk.files, leaving)

    assert refused.report.tables[0].findings[0].reason.value == "outside_folder"


def test_one_file_cannot_be_two_tables(desk: Desk) -> None:
    refused = desk.refusal(desk.file("people.csv", "id,age\np,1\n"), TWO_TABLES)

    assert "2 tables" in refused.what
    assert "sub/visits.csv" in refused.next_step


def test_rows_of_strangers_are_refused(desk: Desk) -> None:
    (desk.files / "sub").mkdir()
    desk.file("people.csv", "id,age\np,1\nq,2\n")
    desk.file("sub/visits.csv", "person,day\np,1\nr,1\n q ,3\n")

    refused = desk.refusal(desk.files, TWO_TABLES)

    assert [(f.row, f.reason.value) for t in refused.report.tables for f in t.findings] == [
        (2, "unknown_patient")
    ]
    assert desk.is_clean()


def test_a_second_import_at_the_same_time_is_refused(desk: Desk) -> None:
    path = desk.file("visits.csv", _row())
    with desk.snapshots.importing():
        refused = desk.refusal(path, SIMPLE)

    assert "another import" in refused.what


def test_fields_of_every_kind_of_error_are_told_at_once(desk: Desk) -> None:
    path = desk.file("visits.csv", HEADER + ",x,?,y,\n")

    refused = desk.refusal(path, SIMPLE)

    assert {(f.field, f.reason.value) for f in refused.report.tables[0].findings} == {
        ("id", "key_missing"),
        ("age", "not_an_integer"),
        ("sex", "unknown_code"),
        ("score", "not_a_number"),
    }
    assert SEX
