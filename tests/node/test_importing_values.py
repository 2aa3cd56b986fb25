"""What is stored is what the file says, against pandas and against a reading of our own."""

import io
import re
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from node.errors import ImportRefused
from node.importing.report import Status
from protocols.dictionary import Dictionary
from tests.node.importing_desk import AGE, NOTE, PATIENT, SCORE, SEX, SIMPLE, TWO_TABLES, Desk, one_table

MISSING = 'missingValues: ["", "NA", "?", " - "]'
FIELDS = [AGE, SEX, SCORE, NOTE]
SEXES = ["F", "M"]
FEW = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


MESSY = """ age ,note,extra,sex,score
42,"a ""quoted"" word, and a comma",1,F,1.5
 7 ,"two
lines",2,M,.25
NA,?,3, F ,60
120, - ,4,?,+1e1
00012,  padded  ,5,M,0.
0,caf\u00e9 \u20ac,6,,-0
"""

WAYS = {
    "utf-8": ("utf-8", ",", "\n", "."),
    "byte-order mark": ("utf-8-sig", ",", "\n", "."),
    "Windows line ends": ("utf-8", ",", "\r\n", "."),
    "old Mac line ends": ("utf-8", ",", "\r", "."),
    "UTF-16": ("utf-16", ",", "\r\n", "."),
    "semicolon and decimal comma": ("utf-8", ";", "\n", ","),
    "latin-1 and tabs": ("latin-1", "\t", "\n", "."),
}


def _written(way: str) -> tuple[bytes, Dictionary]:
    """The messy table written in another way, and the dictionary that declares it."""
    encoding, delimiter, end, sign = WAYS[way]
    frame = pd.read_csv(io.StringIO(MESSY), dtype=str, keep_default_na=False)
    frame["score"] = [value.replace(".", sign) for value in frame["score"]]
    if encoding == "latin-1":
        frame["note"] = [value.replace("\u20ac", "EUR") for value in frame["note"]]
    text = frame.to_csv(index=False, sep=delimiter, lineterminator="\n").replace("\n", end)
    declared = "utf-8" if encoding == "utf-8-sig" else encoding
    fields = [line + (f', decimalChar: "{sign}"' if line is SCORE else "") for line in FIELDS]
    resource = f'encoding: {declared}\n    dialect: {{delimiter: "{delimiter}"}}'
    return text.encode(encoding), one_table(fields, resource=resource, schema=MISSING)


@pytest.mark.parametrize("way", WAYS)
def test_a_messy_file_is_stored_as_pandas_reads_it(desk: Desk, way: str) -> None:
    content, dictionary = _written(way)
    encoding, delimiter, _, sign = WAYS[way]

    report = desk.load(desk.file("visits.csv", content), dictionary, confirmed=True)

    frame = pd.read_csv(
        io.BytesIO(content), dtype=str, keep_default_na=False, sep=delimiter, encoding=encoding
    )
    frame.columns = frame.columns.str.strip()
    frame = frame.map(str.strip).replace({"NA": None, "?": None, "-": None, "": None})
    # " - " is missing with its blanks only; trimmed by this reading it is missing all the same.
    score = pd.to_numeric(frame["score"].str.replace(sign, "."))
    expected = [
        (
            row,
            1,
            None if age is None else float(age),
            None if sex is None else SEXES.index(sex),
            float(number) + 0.0,
            note,
        )
        for row, age, sex, number, note in zip(
            range(1, 7), frame["age"], frame["sex"], score, frame["note"], strict=True
        )
    ]
    assert report.status is Status.COMMITTED
    assert report.tables[0].left_out == ("extra",)
    assert [_with_line_ends(row) for row in desk.rows()] == [_with_line_ends(row) for row in expected]


def _with_line_ends(row: tuple[object, ...]) -> tuple[object, ...]:
    return tuple(re.sub(r"\r\n?", "\n", v) if isinstance(v, str) else v for v in row)


def test_real_files_without_header_are_stored_as_pandas_reads_them(desk: Desk) -> None:
    path = Path(__file__).parents[2] / "deploy/data/uci-heart/processed.cleveland.data"
    names = [f"x{i}" for i in range(14)]
    fields = [f"name: {name}, type: number, constraints: {{minimum: -10, maximum: 1000}}" for name in names]
    fields[2] = "name: x2, type: number, constraints: {enum: [1, 2, 3, 4]}"
    dictionary = one_table(fields, resource="dialect: {header: false}", schema='missingValues: ["?"]')

    desk.load(path, dictionary, confirmed=True)

    frame = pd.read_csv(path, header=None, na_values="?")
    frame[2] -= 1
    stored = pd.DataFrame([row[2:] for row in desk.rows()], columns=range(14), dtype=float)
    pd.testing.assert_frame_equal(stored, frame.astype(float))


def test_identifiers_and_keys_are_not_stored(desk: Desk) -> None:
    secret = "name: name, type: string, skerry: {role: identifier}"
    dictionary = one_table([secret, PATIENT, AGE])

    desk.load(desk.file("visits.csv", "name,id,age\nAda,p1,5\nBob,p2,6\n"), dictionary)

    assert {row[2] for row in desk.rows()} == {5.0, 6.0}
    assert all(len(row) == 3 for row in desk.rows())
    assert desk.rows(columns="c2")


def test_booleans_are_places_in_false_and_true(desk: Desk) -> None:
    smoker = "name: smoker, type: boolean, trueValues: [ja, 'x '], falseValues: [nein]"
    content = "smoker\nja\nnein\nx \n\nja \n"

    desk.load(desk.file("visits.csv", content), one_table([smoker]), confirmed=True)

    assert [row[2] for row in desk.rows()] == [1, 0, 1, 1]
    assert [row[0] for row in desk.rows()] == [1, 2, 3, 5]  # the blank line is counted, and is no row


def test_number_codes_compare_as_numbers(desk: Desk) -> None:
    grade = "name: grade, type: number, constraints: {enum: [3, 1, 0, 0.5]}"
    content = "grade\n1\n1.0\n+1e0\n.5\n0.50\n-0\n3.\n"

    desk.load(desk.file("visits.csv", content), one_table([grade]), confirmed=True)

    assert [row[2] for row in desk.rows()] == [1, 1, 1, 3, 3, 2, 0]


def test_integer_codes_take_whole_numbers_as_they_are_written(desk: Desk) -> None:
    grade = "name: grade, type: integer, constraints: {enum: [9007199254740993, 9007199254740992, -1, 0]}"
    apart = grade.replace("9007199254740993, ", "")

    desk.load(
        desk.file("visits.csv", "grade\n+9007199254740992\n-01\n-0\n"), one_table([apart]), confirmed=True
    )

    assert [row[2] for row in desk.rows()] == [0, 1, 2]
    refused = desk.refusal(desk.file("visits.csv", "grade\n0\n"), one_table([grade]), confirmed=True)
    assert "same number" in refused.what


def test_text_codes_with_quotes_and_statements_are_only_text(desk: Desk) -> None:
    words = ["O'Brien", 'say ""no""', "'); DROP TABLE st.a0; --", "$m0", "\u00e9"]
    enum = ", ".join('"' + word.replace('"', '\\"') + '"' for word in words)
    name = 'name: "x\'; DROP", type: string'
    dictionary = one_table([f"{name}, constraints: {{enum: [{enum}]}}"])
    content = "x'; DROP\n" + "".join('"' + word.replace('"', '""') + '"\n' for word in words)

    desk.load(desk.file("visits.csv", content), dictionary, confirmed=True)

    assert [row[2] for row in desk.rows()] == [0, 1, 2, 3, 4]


def test_outside_values_are_missing_only_where_the_dictionary_says_so(desk: Desk) -> None:
    fields = [line + ", skerry: {outside: missing}" for line in (AGE, SEX, SCORE, "name: b, type: boolean")]
    content = "age,sex,score,b\n121,X,-1,maybe\n1,F,2,true\n" + "9" * 50 + ",,1e999,false\n"

    report = desk.load(desk.file("visits.csv", content), one_table(fields), confirmed=True)

    assert [row[2:] for row in desk.rows()] == [(None,) * 4, (1.0, 0, 2.0, 1), (None, None, None, 0)]
    counted = {f.name: (f.missing, f.outside) for f in report.tables[0].fields}
    assert counted == {"age": (2, 2), "sex": (2, 1), "score": (2, 2), "b": (1, 1)}


def test_bounds_are_inside(desk: Desk) -> None:
    score = "name: score, type: number, constraints: {minimum: -0.1, maximum: 0.3}, skerry: {precision: 0.1}"

    desk.load(desk.file("visits.csv", "score\n-0.1\n0.3\n.30\n"), one_table([score]), confirmed=True)

    assert [row[2] for row in desk.rows()] == [-0.1, 0.3, 0.3]


def test_columns_may_stand_in_any_order(desk: Desk) -> None:
    desk.load(desk.file("visits.csv", "note,score,x,sex,age,id\nn,2,,M,5,p\n"), SIMPLE)

    assert [row[2:] for row in desk.rows()] == [(5.0, 1, 2.0, "n")]


def test_a_package_of_tables_shares_its_patients(desk: Desk) -> None:
    (desk.files / "sub").mkdir()
    desk.file("people.csv", "id,age\np,1\nq,2\n")
    desk.file("sub/visits.csv", "person,day\nq,1\np,7\n q,3\n")

    report = desk.load(desk.files, TWO_TABLES)

    people = {row[2]: row[0] for row in desk.rows(0)}
    visits = {row[2]: row[0] for row in desk.rows(1)}
    assert visits == {1.0: people[2.0], 3.0: people[2.0], 7.0: people[1.0]}
    assert [(t.table, t.rows, t.patients) for t in report.tables] == [("people", 2, 2), ("visits", 3, 2)]


def test_a_dry_run_checks_and_commits_nothing(desk: Desk) -> None:
    path = desk.file("visits.csv", "id,age,sex,score,note\np,1,F,2,x\n")

    report = desk.load(path, SIMPLE, dry=True)

    assert report.status is Status.VALID
    assert (report.tables[0].rows, report.tables[0].patients) == (1, 1)
    assert desk.snapshots.current() is None
    assert desk.is_clean()


PARTS = [
    "1",
    "0",
    "7",
    "-",
    "+",
    ".",
    ",",
    "e",
    "E",
    " ",
    "\t",
    "nan",
    "inf",
    "_",
    "x",
    "\u0663",
    "\n",
    '"',
    "1e3",
    "12",
    "",
]
TEXTS = st.lists(st.sampled_from(PARTS), max_size=5).map("".join)
NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)
LOW, HIGH = Decimal(-10), Decimal(1000)


def _reading(text: str) -> float | str | None:
    """What a number field with missing value "" makes of a text: a number, None, or a reason."""
    text = text.strip(" \t\r\n\u00a0")
    if not text:
        return None
    if NUMBER.fullmatch(text):
        return float(text) + 0.0 if LOW <= Decimal(text) <= HIGH else "outside_range"
    return "decimal_sign" if "." not in text and NUMBER.fullmatch(text.replace(",", ".")) else "not_a_number"


@FEW
@given(texts=st.lists(TEXTS, min_size=1, max_size=60))
def test_any_text_is_judged_as_the_spec_says(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    desk = Desk(tmp_path_factory.mktemp("desk"))
    field = "name: v, type: number, constraints: {minimum: -10, maximum: 1000}"
    rows = "".join('"' + text.replace('"', '""') + '",k\n' for text in texts)
    path = desk.file("visits.csv", "v,note\n" + rows)
    expected = [_reading(text) for text in texts]
    wrong = [(row, reason) for row, reason in enumerate(expected, start=1) if isinstance(reason, str)]

    found = _findings(desk, path, one_table([field, NOTE]))

    assert found == wrong
    assert wrong or [row[2] for row in desk.rows()] == expected


def _findings(desk: Desk, path: Path, dictionary: Dictionary) -> list[tuple[int | None, str]]:
    try:
        tables = desk.load(path, dictionary, confirmed=True).tables
    except ImportRefused as refused:
        tables = refused.report.tables
    return [(f.row, f.reason.value) for table in tables for f in table.findings]


ANY_BYTES = st.one_of(
    st.binary(max_size=60),
    st.lists(
        st.sampled_from([b"a", b"b", b",", b'"', b"\n", b"\r", b"\0", b"\xff", b"1", b"a,b\n"]), max_size=25
    ).map(b"".join),
)


@settings(max_examples=60, deadline=None)
@given(content=ANY_BYTES, has_header=st.booleans())
def test_any_bytes_are_taken_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, has_header: bool
) -> None:
    desk = Desk(tmp_path_factory.mktemp("desk"))
    resource = "" if has_header else "dialect: {header: false}"
    dictionary = one_table(["name: a, type: string", "name: b, type: string"], resource=resource)
    path = desk.file("visits.csv", (b"a,b\n" if has_header else b"") + content)

    status = _status(desk, path, dictionary)

    assert status in (Status.VALID, Status.REFUSED)
    assert desk.is_clean() or not desk.folder.exists()


def _status(desk: Desk, path: Path, dictionary: Dictionary) -> Status:
    try:
        return desk.load(path, dictionary, confirmed=True, dry=True).status
    except ImportRefused as refused:
        return refused.report.status
