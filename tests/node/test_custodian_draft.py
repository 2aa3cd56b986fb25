"""Drafts of dictionaries: valid for every file we have, importable once confirmed, and silent on patients."""

import random
import re
from decimal import Decimal
from pathlib import Path

import pytest
from frictionless import Package

from node.drafting.bounds import round_cap, round_range
from node.drafting.draft import draft, read_columns
from node.drafting.form import encoding_of, form_of
from node.drafting.names import names_identity, rank_as_key
from node.drafting.text import dictionary_text
from protocols.dictionary import Code, Dictionary, Drafted, Field, FieldType, Role, code_text
from protocols.dictionary_text import read_dictionary
from tests.node.importing_desk import Desk
from tests.shared_data import shared

SEED = 20260301
FILES = [
    "nhanes-phq9/nhanes_phq9_cycles_DEF.csv",
    "r-packages/HSAUR3_BtheB.csv",
    "r-packages/HSAUR3_respiratory.csv",
    "r-packages/metadat_dat.bcg.csv",
    "r-packages/survival_lung.csv",
    "uci-heart/flamby_complete_case_740.csv",
    "uci-heart/processed.va.data",
    "cnsim/CNSIM1.csv",
    "redcap/simple",
    "redcap/longitudinal",
    "pharmacovigilance/statin49.csv",
    "exareme2/test_data/dementia_v_0_1/edsd0.csv",
    "exareme2/test_data/longitudinal_dementia_v_0_1/longitudinal_dementia0.csv",
    "exareme2/test_data/tbi_v_0_1/dummy_tbi0.csv",
    "lifelines/rossi.csv",
    "vantage6-glm/poisson/a.csv",
    "vantage6-crosstab/test_data.csv",
]


def _file(name: str) -> Path:
    path = shared(name)
    return path / "data.csv" if path.is_dir() else path


def _text(path: Path) -> str:
    return dictionary_text(draft(path))


def _read(path: Path) -> Dictionary:
    return read_dictionary(_text(path).encode())


def _confirmed(text: str) -> Dictionary:
    return read_dictionary(re.sub(r"drafted: \[[^\]]*\]", "drafted: []", text).encode())


def _field(dictionary: Dictionary, name: str) -> Field:
    found = dictionary.tables[0].field(name)
    assert found is not None, name
    return found


def _written(folder: Path, text: str | bytes, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize("name", FILES)
def test_a_draft_is_valid_and_not_in_force_and_imports_once_it_is_confirmed(
    name: str, tmp_path: Path
) -> None:
    path = _file(name)
    text = _text(path)
    dictionary = read_dictionary(text.encode())
    assert dictionary.unconfirmed
    report = Desk(tmp_path).load(path, _confirmed(text), confirmed=True)
    assert report.snapshot is not None


def test_a_draft_is_valid_for_every_csv_file_of_the_shared_data() -> None:
    paths = sorted(shared("README.md").parent.rglob("*.csv"))
    assert len(paths) > 60
    for path in paths:
        assert _read(path).unconfirmed, path


@pytest.mark.parametrize("name", FILES)
def test_a_draft_is_a_data_package(name: str, tmp_path: Path) -> None:
    place = tmp_path / "package.yaml"
    place.write_text(_text(_file(name)), encoding="utf-8")
    assert Package.validate_descriptor(str(place)).valid


@pytest.mark.parametrize("name", FILES)
def test_no_range_ends_at_the_least_or_the_greatest_value_but_nought(name: str) -> None:
    path = _file(name)
    columns = read_columns(path, form_of(path, encoding_of(path), no_header=False))
    ranges = {one.name: one.range for one in draft(path).proposals if one.range is not None}
    for column in columns:
        if column.name in ranges and column.low is not None and column.high is not None:
            low, high = ranges[column.name]
            least, most = Decimal(repr(column.low)), Decimal(repr(column.high))
            assert low <= least <= most <= high
            assert low != least or low == 0
            assert high != most or high == 0


def _patients(folder: Path) -> tuple[Path, list[str]]:
    """A file of 200 patients with canaries wherever a person could be named; and the canaries."""
    print(f"seed {SEED}")  # noqa: T201 -- the seed of a failure is wanted
    draw = random.Random(SEED)  # noqa: S311 -- cases of a test
    rows, canaries = [], []
    for i in range(200):
        mine = [f"Zq{word}{i}x" for word in ("first", "last", "street", "note", "rare")]
        phone, born = (
            f"+49 30 {draw.randrange(10**6, 10**7)}",
            f"19{draw.randrange(30, 99)}-03-{i % 28 + 1:02}",
        )
        canaries += [*mine[: 5 if i < 2 else 4], phone, born, f"zq{i}@example.org", f"MR-77{i:05}"]
        diagnosis = mine[4] if i < 2 else f"F3{i % 3}"
        rows.append(
            [
                f"MR-77{i:05}",
                mine[0],
                mine[1],
                f"{mine[2]} 5",
                phone,
                f"zq{i}@example.org",
                born,
                str(18 + i % 70),
                "mf"[i % 2],
                diagnosis,
                f"seen by {mine[3]} and sent home",
                phone,
            ]
        )
    head = "patient_id;Vorname;lastName;street;tel;contact_2;dateOfBirth;age;sex;diagnosis;remark;misc"
    text = "\n".join([head, *(";".join(row) for row in rows)]) + "\n"
    return _written(folder, text), canaries


def test_no_identifier_free_text_or_rare_value_is_in_a_draft(tmp_path: Path) -> None:
    path, canaries = _patients(tmp_path)
    text = _text(path)
    out = str(draft(path).to_json(tmp_path / "d.yaml"))
    assert all(canary in path.read_text(encoding="utf-8") for canary in canaries)
    assert [canary for canary in canaries if canary in text or canary in out] == []

    roles = {one.name: one.role for one in _read(path).tables[0].fields}
    assert roles == {
        "patient_id": Role.KEY,
        "Vorname": Role.IDENTIFIER,
        "lastName": Role.IDENTIFIER,
        "street": Role.IDENTIFIER,
        "tel": Role.IDENTIFIER,
        "contact_2": Role.IDENTIFIER,
        "dateOfBirth": Role.IDENTIFIER,
        "age": Role.QUERYABLE,
        "sex": Role.QUERYABLE,
        "diagnosis": Role.LOCAL,
        "remark": Role.IDENTIFIER,
        "misc": Role.IDENTIFIER,
    }


def test_a_common_value_is_quoted_so_that_the_rule_for_rare_ones_is_seen_to_decide(tmp_path: Path) -> None:
    rows = "".join(f"p{i},{'abc'[i % 3]}\n" for i in range(9))
    assert _field(_read(_written(tmp_path, "id,arm\n" + rows)), "arm").codes == ("a", "b", "c")
    rare = rows + "p9,d\np10,d\n"
    assert _field(_read(_written(tmp_path, "id,arm\n" + rare)), "arm").codes == ()
    assert _field(_read(_written(tmp_path, "id,arm\n" + rare + "p11,d\n")), "arm").codes == tuple("abcd")


def test_the_same_bytes_give_the_same_draft(tmp_path: Path) -> None:
    path, _ = _patients(tmp_path)
    assert _text(path) == _text(path)


def _table(folder: Path, *columns: tuple[str, list[str]], delimiter: str = ",") -> Dictionary:
    rows = [delimiter.join(name for name, _ in columns)]
    rows += [delimiter.join(cells) for cells in zip(*(cells for _, cells in columns), strict=True)]
    path = _written(folder, "\n".join(rows) + "\n")
    dictionary = _confirmed(_text(path))
    assert Desk(folder).load(path, dictionary, confirmed=True).snapshot is not None
    return dictionary


def test_the_types_of_columns(tmp_path: Path) -> None:
    def cycle(*words: str) -> list[str]:
        return [words[i % len(words)] for i in range(60)]

    dictionary = _table(
        tmp_path,
        ("whole", [str(20 + i % 50) for i in range(60)]),
        ("real", [f"{i / 7:.3f}" for i in range(60)]),
        ("code", cycle("0", "1", "2")),
        ("real_code", cycle("0.0", "1.0")),
        ("padded", cycle("01", "02", "10")),
        ("truth", cycle("TRUE", "FALSE")),
        ("word", cycle("yes", "no", "on")),
        ("day", [f"2026-01-{i % 28 + 1:02}" for i in range(60)]),
        ("german_day", [f"{i % 28 + 1}.1.2026" for i in range(60)]),
        ("running", [str(100 + i) for i in range(60)]),
        ("empty", [""] * 60),
    )
    found = {one.name: (one.type, one.role, one.codes) for one in dictionary.tables[0].fields}
    numbers: tuple[Code, ...] = (Decimal(0), Decimal(1))
    assert found == {
        "whole": (FieldType.INTEGER, Role.QUERYABLE, ()),
        "real": (FieldType.NUMBER, Role.QUERYABLE, ()),
        "code": (FieldType.INTEGER, Role.QUERYABLE, (*numbers, Decimal(2))),
        "real_code": (FieldType.NUMBER, Role.QUERYABLE, numbers),
        "padded": (FieldType.STRING, Role.QUERYABLE, ("01", "02", "10")),
        "truth": (FieldType.BOOLEAN, Role.QUERYABLE, (False, True)),
        "word": (FieldType.STRING, Role.QUERYABLE, ("no", "on", "yes")),
        "day": (FieldType.DATE, Role.LOCAL, ()),
        "german_day": (FieldType.STRING, Role.LOCAL, ()),
        "running": (FieldType.STRING, Role.LOCAL, ()),
        "empty": (FieldType.STRING, Role.LOCAL, ()),
    }


@pytest.mark.parametrize(
    "cells",
    [
        ["1e999999999999999999999", "2", "3"],
        ["1e-999999999999999999999", "1e-5", "2"],
        ["1e-999999999999999999999", "0", "0.0"] * 3,
        ["9" * 400, "1", "2"],
        ["9007199254740993", "1", "2"] * 3,
        ["0." + "3" * 300, "1", "2"],
        ["-0", "0", "1"] * 3,
    ],
)
def test_numbers_that_no_machine_holds_make_no_fault(tmp_path: Path, cells: list[str]) -> None:
    _table(tmp_path, ("value", cells), ("other", ["x"] * len(cells)))


def test_semicolons_and_decimal_commas(tmp_path: Path) -> None:
    cells = [f"{i},{i % 10}" for i in range(1, 41)]
    dictionary = _table(tmp_path, ("dose", cells), ("n_of_it", ["1"] * 40), delimiter=";")
    assert dictionary.tables[0].dialect.delimiter == ";"
    dose = _field(dictionary, "dose")
    assert (dose.type, dose.decimal_char) == (FieldType.NUMBER, ",")
    assert dose.range is not None
    assert dose.range.maximum >= Decimal("40.0")


@pytest.mark.parametrize(("delimiter", "kept"), [("\t", "\t"), ("|", "|"), (",", ",")])
def test_other_delimiters(tmp_path: Path, delimiter: str, kept: str) -> None:
    dictionary = _table(tmp_path, ("a", ["1", "2", "3"]), ("b", ["x;y", "x", "x"]), delimiter=delimiter)
    assert dictionary.tables[0].dialect.delimiter == kept


def test_marks_for_missing_values_are_declared_once_for_the_table(tmp_path: Path) -> None:
    dictionary = _table(
        tmp_path,
        ("score", ["1.5", "NA", "?", "2.5", ".", "", "7"] * 5),
        ("word", ["-", "a", "b", "-", "a", "b", "-"] * 5),
    )
    assert dictionary.tables[0].dialect.missing_values == ("", ".", "?", "NA")
    assert _field(dictionary, "score").type is FieldType.NUMBER
    assert _field(dictionary, "word").codes == ("-", "a", "b")


def test_a_key_with_many_rows_has_a_round_cap_that_is_marked(tmp_path: Path) -> None:
    rows = "".join(f"p{i // 4},{i % 7}.5\n" for i in range(80))
    table = _read(_written(tmp_path, "subject_id,score\n" + rows)).tables[0]
    assert (table.key, table.cap) == ("subject_id", 5)
    assert table.drafted == (Drafted.CAP,)
    assert _field(_read(tmp_path / "t.csv"), "subject_id").drafted == (Drafted.KEY,)


@pytest.mark.parametrize(
    ("head", "rows", "key"),
    [
        ("patient,age", "a,1\nb,2\n", "patient"),
        ("visit_id,patient_id", "1,a\n2,a\n3,b\n4,c\n5,d\n6,e\n", "patient_id"),
        ("hospital_id,age", "1,30\n1,40\n2,50\n", None),
        ("patient_id,age", "a,1\n,2\nb,3\n", None),
        ("given,age", "x,1\ny,2\nz,3\n", None),
        ("sample_id,age", "x,1\ny,2\nz,3\n", "sample_id"),
    ],
)
def test_which_column_is_proposed_as_the_key(tmp_path: Path, head: str, rows: str, key: str | None) -> None:
    assert _read(_written(tmp_path, f"{head}\n{rows}")).tables[0].key == key


def test_a_file_without_header_quotes_no_patient_as_a_name(tmp_path: Path) -> None:
    words = _written(tmp_path, "m,yes,north\nf,no,south\nm,no,north\nf,yes,south\n")
    values = _written(tmp_path, "Zqxmaier,63\nZqxweber,37\n", "u.csv")
    for path in (words, values):
        text = _text(path)
        assert "header: false" in text
        assert "field_1" in text
        assert "Zqx" not in text
    headed = draft(_written(tmp_path, "Zqxa,Zqxb\nc,d\ne,f\n", "v.csv"), no_header=True)
    assert "Zqx" not in dictionary_text(headed)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    text = "größe,art\n" + "".join(f"{150 + i},{'äö'[i % 2]}\n" for i in range(20))
    path = _written(tmp_path, text.encode(encoding))
    dictionary = _confirmed(_text(path))
    assert _field(dictionary, "art").codes == ("ä", "ö")
    assert Desk(tmp_path).load(path, dictionary, confirmed=True).snapshot is not None


def test_columns_that_no_dictionary_can_name_are_left_out_with_the_reason(tmp_path: Path) -> None:
    path = _written(tmp_path, ",a.b,status,age\n1,2,3,44\n2,3,4,55\n3,5,6,66\n")
    found = draft(path)
    assert [(one.column, one.why.split()[0]) for one in found.left_out] == [
        (1, "it"),
        (2, "its"),
        (3, "results"),
    ]
    assert [one.name for one in found.proposals] == ["age"]
    assert "Column 3 of the file is left out: results have a column status" in dictionary_text(found)


def test_names_and_codes_that_yaml_would_misread(tmp_path: Path) -> None:
    names = ["yes", "Null", "a: b", "#x", "- y", '"q"', "ümlaut", "x{y}"]
    codes = ["no", "~", "1e3x", "#", "a: b", "[", "ü"]
    head = ",".join('"' + name.replace('"', '""') + '"' for name in names)
    rows = "".join(",".join([codes[i % 7]] * 8) + "\n" for i in range(28))
    dictionary = _confirmed(_text(_written(tmp_path, f"{head}\n{rows}")))
    assert [one.name for one in dictionary.tables[0].fields] == names
    assert {code_text(code) for code in _field(dictionary, "yes").codes} == set(codes)


@pytest.mark.parametrize(
    ("low", "high", "is_whole", "expected"),
    [
        ("29", "77", True, ("20", "80")),
        ("20", "80", True, ("10", "90")),
        ("0", "3", True, ("0", "4")),
        ("0", "0", True, ("0", "1")),
        ("-7", "0", True, ("-8", "0")),
        ("1.08", "10.79", False, ("0", "12")),
        ("5", "5", False, ("4", "6")),
        ("1e-7", "3e-7", False, ("0.00000005", "0.00000035")),
        ("1e30", "2e30", False, None),
        ("1e-40", "3e-40", False, None),
        ("1e15", "1000000000000000.5", False, None),
    ],
)
def test_ranges_are_rounded_outward(
    low: str, high: str, is_whole: bool, expected: tuple[str, str] | None
) -> None:
    found = round_range(Decimal(low), Decimal(high), is_whole=is_whole)
    assert found == (None if expected is None else tuple(map(Decimal, expected)))


def test_a_range_holds_what_was_seen_and_not_as_its_end() -> None:
    print(f"seed {SEED}")  # noqa: T201 -- the seed of a failure is wanted
    draw = random.Random(SEED)  # noqa: S311 -- cases of a test
    for _ in range(2_000):
        low, high = sorted(Decimal(repr(draw.uniform(-1, 1) * 10 ** draw.randint(-4, 8))) for _ in range(2))
        found = round_range(low, high, is_whole=False)
        assert found is None or found[0] < low <= high < found[1]


@pytest.mark.parametrize(("most", "cap"), [(1, 2), (2, 5), (4, 5), (5, 10), (10, 20), (99, 100), (100, 200)])
def test_caps_are_rounded_up(most: int, cap: int) -> None:
    assert round_cap(most) == cap


@pytest.mark.parametrize(
    "name",
    [
        "name",
        "Name",
        "first_name",
        "lastName",
        "SURNAME",
        "Vorname",
        "date_of_birth",
        "dob",
        "DOB",
        "birthYear",
        "e-mail",
        "email",
        "Telefon",
        "patient_name",
        "home address",
        "zip",
        "PLZ",
        "mugshot",
        "ip_address",
    ],
)
def test_names_of_identifiers(name: str) -> None:
    assert names_identity(name)


@pytest.mark.parametrize("name", ["age", "given_birth", "birthweight", "drug_name", "sex", "status"])
def test_names_of_none(name: str) -> None:
    assert not names_identity(name)


@pytest.mark.parametrize(
    ("name", "rank"),
    [
        ("patient_id", 0),
        ("PatientID", 0),
        ("subjid", 0),
        ("SEQN", 0),
        ("id", 1),
        ("visit_id", 2),
        ("age", None),
    ],
)
def test_names_of_keys(name: str, rank: int | None) -> None:
    assert rank_as_key(name) == rank
