"""Valid dictionaries: what they mean, that Frictionless takes them too, and what their hash covers."""

import json
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from frictionless import Package

from protocols.dictionary import (
    Code,
    Dictionary,
    Field,
    FieldName,
    FieldType,
    Grid,
    Outside,
    Role,
    code_text,
)
from protocols.dictionary_text import read_dictionary
from protocols.documents import Tree, parse
from protocols.errors import QueryError
from tests.architecture.checkout import ROOT
from tests.protocols.examples import DICTIONARY, DICTIONARY_TEXT

SHIPPED = sorted((ROOT / "protocols" / "dictionaries").glob("*.yaml"))


def one_field(field: str) -> Field:
    """Read a dictionary of one field."""
    return _read(f"name: a\nresources: [{{name: t, schema: {{fields: [{field}]}}}}]").tables[0].fields[0]


def _read(text: str) -> Dictionary:
    return read_dictionary(text.encode())


VALID = {
    "the example": DICTIONARY_TEXT.decode(),
    **{path.name: path.read_text(encoding="utf-8") for path in SHIPPED},
    "the least": "name: a\nresources: [{name: t, path: t.csv, schema: {fields: [{name: x, type: string}]}}]",
    "json with tabs": '{\n\t"name": "a",\n\t"resources": [\n\t\t{"name": "t", "path": "t.csv",'
    ' "schema": {"fields": [{"name": "x", "type": "any"}]}}]\n}',
    "every key": """\
name: every-key
title: Every key
description: All there is
version: "1"
id: x
homepage: https://example.org
keywords: [a]
licenses: [{name: CC-BY-4.0}]
sources: [{title: s}]
contributors: [{title: c}]
created: "2026-01-01T00:00:00Z"
resources:
  - name: t
    title: T
    description: d
    path: t.csv
    type: table
    format: csv
    mediatype: text/csv
    encoding: iso-8859-1
    dialect: {delimiter: ;, quoteChar: "'", header: false}
    sources: [{title: s}]
    licenses: [{name: CC-BY-4.0}]
    schema:
      missingValues: ["", NA]
      primaryKey: [pid, day]
      fields:
        - {name: pid, type: string, skerry: {role: key}}
        - {name: day, type: date, title: Day, description: d, example: "2026-01-01"}
        - {name: weight, type: number, decimalChar: ",", constraints: {minimum: -0.5, maximum: 300.5}}
        - {name: ill, type: boolean, trueValues: [yes], falseValues: [no], constraints: {required: true}}
        - name: grade
          type: string
          constraints: {enum: ["1", on]}
          skerry: {labels: {"1": one}, outside: missing}
    skerry: {rows_per_patient: 10}
""",
}


@pytest.mark.parametrize("name", VALID)
def test_it_is_read_and_frictionless_takes_it_too(name: str, tmp_path: Path) -> None:
    assert _read(VALID[name]).tables
    tree = _plain(VALID[name])
    assert isinstance(tree, dict)
    report = Package.validate_descriptor(tree, basepath=str(tmp_path))
    assert report.valid, report.to_descriptor()


@pytest.mark.parametrize(
    ("field", "role"),
    [
        ("{name: x}", Role.LOCAL),
        ("{name: x, type: number}", Role.LOCAL),
        ("{name: x, type: boolean}", Role.QUERYABLE),
        ("{name: x, constraints: {enum: [a]}}", Role.QUERYABLE),
        ("{name: x, type: number, constraints: {minimum: 0, maximum: 1}}", Role.QUERYABLE),
        ("{name: x, constraints: {enum: [a]}, skerry: {role: local}}", Role.LOCAL),
        ("{name: x, constraints: {enum: [a]}, skerry: {role: identifier}}", Role.IDENTIFIER),
        ("{name: x, skerry: {role: key}}", Role.KEY),
    ],
)
def test_a_field_is_queryable_only_with_public_bounds_and_unless_it_says_otherwise(
    field: str, role: Role
) -> None:
    assert one_field(field).role is role


@pytest.mark.parametrize(
    ("field", "codes", "levels"),
    [
        ("{name: x, type: boolean}", (False, True), (False, True, None)),
        ("{name: x, constraints: {enum: [yes, no, on]}}", ("yes", "no", "on"), ("yes", "no", "on", None)),
        ("{name: x, type: integer, constraints: {enum: [2, 1.0], required: true}}", (2, 1), (2, 1)),
    ],
)
def test_codes_keep_their_order_and_a_missing_level_comes_last(
    field: str, codes: tuple[Code, ...], levels: tuple[Code | None, ...]
) -> None:
    assert one_field(field).codes == codes
    assert one_field(field).levels == levels


@pytest.mark.parametrize(
    ("field", "grid"),
    [
        ("type: integer, constraints: {minimum: -3, maximum: 7}", Grid(step=Fraction(1), low=-3, high=7)),
        (
            "type: number, constraints: {minimum: 0, maximum: 1}",
            Grid(step=Fraction(1, 2**20), low=0, high=2**20),
        ),
        (
            "type: number, constraints: {minimum: -0.25, maximum: 1}, skerry: {precision: 0.1}",
            Grid(step=Fraction(1, 10), low=-3, high=10),  # -2.5 steps: half away from zero
        ),
        ("type: number, constraints: {enum: [3, 6, 7]}", Grid(step=Fraction(1), low=3, high=7)),
    ],
)
def test_a_number_has_a_grid(field: str, grid: Grid) -> None:
    bounds = one_field("{name: x, " + field + "}").numeric_range
    assert bounds is not None
    assert bounds.grid == grid


@pytest.mark.parametrize(
    "codes", ["[1]", "[0.5, 1]", "[0, 1e30]", "[0, 67108865]", "[1e17, 100000000000000001]"]
)
def test_codes_that_make_no_grid_are_codes_only(codes: str) -> None:
    assert one_field(f"{{name: x, type: number, constraints: {{enum: {codes}}}}}").numeric_range is None


def test_defaults_are_frictionless_defaults() -> None:
    table = _read(VALID["the least"]).tables[0]
    assert (table.dialect.delimiter, table.dialect.quote, table.dialect.has_header) == (",", '"', True)
    assert (table.dialect.encoding, table.dialect.missing_values) == ("utf-8", ("",))
    field = one_field("{name: x}")
    assert (field.type, field.required, field.outside) == (FieldType.STRING, False, Outside.ERROR)
    assert (field.title, field.decimal_char) == ("x", ".")
    assert _read("name: a\nresources: [{name: t, schema: {fields: [{name: x}]}}]").tables[0].path == "t.csv"


def test_everything_written_is_read() -> None:
    dictionary = _read(VALID["every key"])
    (table,) = dictionary.tables
    assert (dictionary.title, dictionary.version, dictionary.description) == (
        "Every key",
        "1",
        "All there is",
    )
    assert (table.dialect.delimiter, table.dialect.quote, table.dialect.has_header) == (";", "'", False)
    assert (table.dialect.encoding, table.dialect.missing_values) == ("latin-1", ("", "NA"))
    assert (table.key, table.cap, table.unique) == ("pid", 10, ("pid", "day"))
    ill, grade = table.fields[3], table.fields[4]
    assert (ill.true_values, ill.false_values, ill.required) == (("yes",), ("no",), True)
    assert (grade.codes, grade.labels, grade.outside) == (("1", "on"), (("1", "one"),), Outside.MISSING)


ONE = "name: a\nresources: [{{name: t, schema: {{fields: [{{name: p}}, {{name: q{}}}]{}}}{}}}]{}"


@pytest.mark.parametrize(
    ("parts", "key", "cap"),
    [
        (("", "", "", ""), None, 1),
        (("", ", primaryKey: p", "", ""), "p", 1),
        (("", ", primaryKey: [p]", "", ""), "p", 1),
        (("", ", primaryKey: [p, q]", "", ""), None, 1),
        ((", skerry: {role: key}", "", "", ""), "q", 1),
        ((", skerry: {role: key}", ", primaryKey: p", "", ""), "q", 1),
        ((", skerry: {role: key}", ", primaryKey: p", ", skerry: {rows_per_patient: 3}", ""), "q", 3),
        (("", "", "", "\nskerry: {patient: {table: t, key: q}}"), "q", 1),
    ],
)
def test_the_patient_key_and_cap_of_a_single_table(parts: tuple[str, ...], key: str | None, cap: int) -> None:
    (table,) = _read(ONE.format(*parts)).tables
    assert (table.key, table.cap) == (key, cap)
    assert [field.name for field in table.fields if field.role is Role.KEY] == ([key] if key else [])


def test_the_patient_key_and_cap_of_each_of_many_tables() -> None:
    assert [(table.name, table.key, table.cap) for table in DICTIONARY.tables] == [
        ("patients", "pid", 1),
        ("visits", "pid", 4),
        ("drugs", "person", 9),
    ]
    assert DICTIONARY.patient_table == "patients"


def test_the_patients_table_may_say_its_key_as_a_primary_key() -> None:
    text = DICTIONARY_TEXT.decode().replace(", key: pid}", "}")
    text = text.replace(
        "    path: patients.csv\n    schema:\n",
        "    path: patients.csv\n    schema:\n      primaryKey: pid\n",
    )
    assert [table.key for table in _read(text).tables] == ["pid", "pid", "person"]


def test_the_patient_key_has_no_codes_and_no_range() -> None:
    schema = "{primaryKey: p, fields: [{name: p, constraints: {enum: [a]}}]}"
    text = f"name: a\nresources: [{{name: t, schema: {schema}}}]"
    (key,) = _read(text).tables[0].fields
    assert (key.role, key.codes, key.range) == (Role.KEY, (), None)


@pytest.mark.parametrize("name", VALID)
def test_yaml_and_json_of_one_dictionary_have_one_hash(name: str) -> None:
    for indent, ensure_ascii in ((None, True), (2, False)):
        text = json.dumps(_plain(VALID[name]), indent=indent, ensure_ascii=ensure_ascii)
        assert _read(text).digest == _read(VALID[name]).digest


def _plain(text: str) -> object:
    """Give a text's tree with JSON's own types; not by a reader of YAML 1.1, which turns `on` into true."""

    def plain(tree: Tree) -> object:
        match tree:
            case dict():
                return {key: plain(value) for key, value in tree.items()}
            case list():
                return [plain(value) for value in tree]
            case Decimal():
                return float(tree) if tree != tree.to_integral_value() else int(tree)
            case _:
                return tree

    return plain(parse(text.encode()).tree)


CHANGES = [
    ("name: heart", "name: hearts"),
    ('version: "2"', 'version: "3"'),
    ("path: patients.csv", "path: people.csv"),
    ("enum: [0, 1], required: true", "enum: [1, 0], required: true"),
    ("required: true", "required: false"),
    ("labels: {0: f, 1: m}", "labels: {0: m, 1: f}"),
    ("role: identifier", "role: local"),
    ("maximum: 110", "maximum: 111"),
    ("precision: 1}", "precision: 2}"),
    ("unit: years", "unit: months"),
    ("enum: [low, mid, high]", "enum: [low, mid, high, top]"),
    ("rows_per_patient: 4", "rows_per_patient: 5"),
    ("fields: person, reference", "fields: [person], reference"),
]


@pytest.mark.parametrize(("before", "after"), CHANGES)
def test_whatever_changes_the_meaning_changes_the_hash(before: str, after: str) -> None:
    text = DICTIONARY_TEXT.decode()
    assert before in text
    assert _read(text.replace(before, after, 1)).digest != DICTIONARY.digest


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("maximum: 110", "maximum: 110.0"),
        ("precision: 0.01", "precision: 1e-2"),
        ("name: heart", "# a comment\nname: 'heart'"),
        ('version: "2"', "version: '2'"),
    ],
)
def test_another_spelling_is_the_same_dictionary(before: str, after: str) -> None:
    assert _read(DICTIONARY_TEXT.decode().replace(before, after, 1)).digest == DICTIONARY.digest


def test_a_field_is_shown_bare_where_its_name_is_unique() -> None:
    assert DICTIONARY.shown(FieldName("patients", "age")) == "age"
    assert DICTIONARY.shown(FieldName("patients", "site")) == "patients.site"


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        (FieldName("patients", "Age"), "did you mean 'age'?"),
        (FieldName("patients", "scoore"), "did you mean 'score'?"),
        (FieldName("patients", "xyzzy"), "it can be 'sex'"),
        (FieldName("patient", "age"), "did you mean 'patients'?"),
    ],
)
def test_a_wrong_name_gets_the_nearest_valid_one(name: FieldName, advice: str) -> None:
    with pytest.raises(QueryError) as caught:
        DICTIONARY.field(name)
    assert caught.value.next_step.startswith(advice)


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (None, ""),
        (True, "true"),
        ("x", "x"),
        (Decimal("1.0"), "1"),
        (Decimal("1e3"), "1000"),
        (Decimal(10**39 + 7), str(10**39 + 7)),
    ],
)
def test_a_code_is_written_as_a_person_would(code: Code | None, text: str) -> None:
    assert code_text(code) == text
