"""Wrong dictionaries: each with the line of the mistake and what the sentence must say.

The texts are YAML as people write it, each with one mistake.
"""

from typing import NamedTuple

import pytest

from protocols.dictionary_text import read_dictionary
from protocols.errors import TextError


class Wrong(NamedTuple):
    """A text, the line of its first problem, and parts of that problem's sentence."""

    text: str
    line: int
    says: tuple[str, ...]


def _fields(*lines: str) -> str:
    """Give a dictionary of one table with these fields; the first stands on line 6."""
    head = ["name: heart", "resources:", "  - name: patients", "    schema:", "      fields:"]
    return "\n".join([*head, *(f"        - {line}" for line in lines)])


def _tables(*lines: str) -> str:
    """Give a dictionary with a table of patients and what follows it; line 6 is free."""
    return "\n".join(
        [
            "name: heart",
            "skerry: {patient: {table: patients, key: pid}}",
            "resources:",
            "  - name: patients",
            "    schema: {fields: [{name: pid}, {name: sex, constraints: {enum: [f, m]}}]}",
            *lines,
        ]
    )


GOOD = "{name: sex, type: string, constraints: {enum: [f, m]}}"

WRONG: dict[str, Wrong] = {
    # The document.
    "empty": Wrong("", 0, ("empty",)),
    "a list": Wrong("- a\n- b", 1, ("the data package", "mapping")),
    "not yaml": Wrong("name: heart\nresources: [", 2, ("not YAML or JSON",)),
    "a tab": Wrong("name: heart\nresources:\n\t- name: a", 3, ("not YAML or JSON", "\\t")),
    "an alias": Wrong("name: &x heart\ntitle: *x", 1, ("anchors",)),
    "a tag": Wrong("name: !!str heart", 1, ("tags",)),
    "two documents": Wrong("name: heart\n---\nname: heart", 2, ("not YAML or JSON", "another document")),
    "a key twice": Wrong("name: heart\nname: heart", 2, ("'name'", "twice")),
    "a number too long": Wrong("name: heart\nversion: 1e50", 2, ("40 digits", "quotes")),
    "half a surrogate pair": Wrong('name: "\\ud800"', 1, ("surrogate",)),
    # The package.
    "an unknown key": Wrong("nam: heart\nresources: []", 1, ("'nam'", "did you mean 'name'?")),
    "no name": Wrong(_fields(GOOD).replace("name: heart\n", "title: x\n"), 1, ("needs a name",)),
    "a name of two lines": Wrong(_fields(GOOD).replace("heart", '"he\\nart"'), 1, ("printable",)),
    "a name that is a number": Wrong(_fields(GOOD).replace("heart", "7"), 1, ("must be text", "quotes")),
    "a name with a quote": Wrong(_fields(GOOD).replace("heart", "'he\"art'"), 1, ("quotes",)),
    "no resources": Wrong("name: heart", 1, ("no resources",)),
    "resources that are no list": Wrong("name: heart\nresources: {a: b}", 2, ("must be a list",)),
    "an unknown key of the extension": Wrong(
        _fields(GOOD) + "\nskerry:\n  patients: {table: patients}", 8, ("'patients'", "'patient'")
    ),
    "a title that is a list": Wrong(_fields(GOOD) + "\ntitle: [x]", 7, ("title", "must be text")),
    # A table.
    "a table without a name": Wrong(
        _fields(GOOD).replace("  - name: patients\n    schema", "  - schema"),
        3,
        ("resource 1", "needs a name"),
    ),
    "a table's name with a dot": Wrong(_fields(GOOD).replace("patients", "a.b"), 3, ("without '.'",)),
    "a table without fields": Wrong(
        "name: heart\nresources:\n  - name: a\n    schema: {}", 3, ("no fields",)
    ),
    "a mistyped schema": Wrong(_fields(GOOD).replace("schema", "shema"), 3, ("no fields",)),
    "an unknown key of a schema": Wrong(_fields(GOOD) + "\n      primarykey: sex", 7, ("primaryKey",)),
    "an unknown primary key": Wrong(_fields(GOOD) + "\n      primaryKey: sexe", 7, ("'sexe'", "'sex'")),
    "a primary key that is a number": Wrong(_fields(GOOD) + "\n      primaryKey: [1]", 7, ("must be text",)),
    "a delimiter of two": Wrong(_fields(GOOD) + "\n    dialect: {delimiter: ';;'}", 7, ("one character",)),
    "a header that is a word": Wrong(_fields(GOOD) + "\n    dialect: {header: no}", 7, ("true or false",)),
    "an unknown encoding": Wrong(_fields(GOOD) + "\n    encoding: cp437", 7, ("'cp437'", "UTF-8")),
    "an unknown key of the dialect": Wrong(
        _fields(GOOD) + "\n    dialect: {quotechar: x}", 7, ("quoteChar",)
    ),
    "missing values that are numbers": Wrong(_fields(GOOD) + "\n      missingValues: [-9]", 7, ("quotes",)),
    "a cap of zero": Wrong(
        _fields(GOOD) + "\n    skerry: {rows_per_patient: 0}", 7, ("whole number from 1",)
    ),
    "a cap of a half": Wrong(_fields(GOOD) + "\n    skerry: {rows_per_patient: 1.5}", 7, ("whole number",)),
    "a cap too large": Wrong(_fields(GOOD) + "\n    skerry: {rows_per_patient: 1e6}", 7, ("10000",)),
    "a cap in words": Wrong(_fields(GOOD) + "\n    skerry: {rows_per_patient: four}", 7, ("a number",)),
    "a cap without a key": Wrong(
        _fields(GOOD) + "\n    skerry: {rows_per_patient: 4}", 3, ("no patient key", "role: key")
    ),
    # A field.
    "a field without a name": Wrong(_fields("{type: string}"), 6, ("field 1", "needs a name")),
    "a field's name with a dot": Wrong(_fields("{name: a.b}"), 6, ("without '.'",)),
    "a padded name": Wrong(_fields("{name: ' a'}"), 6, ("padded",)),
    "an endless name": Wrong(_fields("{name: " + "a" * 65 + "}"), 6, ("64",)),
    "a reserved name": Wrong(_fields("{name: estimate}"), 6, ("results use this name", "estimate_value")),
    "a field twice": Wrong(_fields(GOOD, "{name: Sex}"), 7, ("'Sex'", "twice", "case")),
    "a field that is a word": Wrong(_fields("sex"), 6, ("mapping",)),
    "an unknown type": Wrong(_fields("{name: a, type: int}"), 6, ("'int'", "'integer'")),
    "a type that is a list": Wrong(_fields("{name: a, type: [integer]}"), 6, ("one word",)),
    "mistyped constraints": Wrong(
        _fields("name: a\n          constraint:\n            enum: [x]"), 7, ("'constraint'", "'constraints'")
    ),
    "a constraint that no import holds": Wrong(
        _fields("{name: a, constraints: {pattern: x}}"), 6, ("unknown key 'pattern'", "enum")
    ),
    "required in words": Wrong(_fields("{name: a, constraints: {required: True}}"), 6, ("small letters",)),
    "an unknown role": Wrong(_fields("{name: a, skerry: {role: hidden}}"), 6, ("'hidden'", "'local'")),
    "an unknown key of a field": Wrong(_fields("{name: a, skerry: {units: kg}}"), 6, ("'units'", "'unit'")),
    "queryable without bounds": Wrong(
        _fields("{name: a, skerry: {role: queryable}}"), 6, ("neither a code list nor a range", "enum")
    ),
    "an unknown outside": Wrong(_fields("{name: a, skerry: {outside: clip}}"), 6, ("'clip'", "missing")),
    "a decimal sign": Wrong(_fields("{name: a, type: number, decimalChar: ;}"), 6, ("'.' or ','",)),
    "words for both": Wrong(_fields("{name: a, type: boolean, trueValues: ['0']}"), 6, ("in common",)),
    # Codes.
    "an empty code list": Wrong(_fields("{name: a, constraints: {enum: []}}"), 6, ("code list is empty",)),
    "a code list that is a word": Wrong(_fields("{name: a, constraints: {enum: x}}"), 6, ("must be a list",)),
    "codes of numbers as text": Wrong(
        _fields("{name: a, constraints: {enum: [1]}}"), 6, ("string", "quotes")
    ),
    "codes of text as numbers": Wrong(
        _fields("{name: a, type: integer, constraints: {enum: ['1']}}"), 6, ("numbers", "without quotes")
    ),
    "a code that is null": Wrong(_fields("{name: a, constraints: {enum: [x, ~]}}"), 6, ("are text",)),
    "a code that is true": Wrong(_fields("{name: a, constraints: {enum: [true]}}"), 6, ("are text",)),
    "a code twice": Wrong(
        _fields("{name: a, type: number, constraints: {enum: [1, 1.0]}}"), 6, ("'1'", "twice", "one code")
    ),
    "half an integer": Wrong(
        _fields("{name: a, type: integer, constraints: {enum: [0.5]}}"), 6, ("whole numbers",)
    ),
    "codes of a boolean": Wrong(
        _fields("{name: a, type: boolean, constraints: {enum: [true]}}"), 6, ("two codes already",)
    ),
    "a code outside the range": Wrong(
        _fields("{name: a, type: integer, constraints: {enum: [1, 9], minimum: 0, maximum: 5}}"),
        6,
        ("'9'", "outside"),
    ),
    "too many codes": Wrong(
        _fields(
            "{name: a, type: integer, constraints: {enum: [" + ", ".join(map(str, range(10_001))) + "]}}"
        ),
        6,
        ("more than 10000",),
    ),
    "a label without a code": Wrong(
        _fields("{name: a, constraints: {enum: [low, high]}, skerry: {labels: {hihg: x}}}"), 6, ("'high'",)
    ),
    "labels without codes": Wrong(_fields("{name: a, skerry: {labels: {1: x}}}"), 6, ("enum",)),
    "a label that is a number": Wrong(
        _fields("{name: a, constraints: {enum: [low]}, skerry: {labels: {low: 1}}}"), 6, ("must be text",)
    ),
    # Ranges.
    "half a range": Wrong(
        _fields("{name: a, type: number, constraints: {minimum: 0}}"), 6, ("half a range", "both")
    ),
    "a range upside down": Wrong(
        _fields("{name: a, type: number, constraints: {minimum: 5, maximum: 0}}"), 6, ("below maximum",)
    ),
    "a range of one number": Wrong(
        _fields("{name: a, type: number, constraints: {minimum: 5, maximum: 5}}"), 6, ("below maximum",)
    ),
    "a range of words": Wrong(
        _fields("{name: a, type: string, constraints: {minimum: 0, maximum: 5}}"), 6, ("not string", "enum")
    ),
    "a bound in quotes": Wrong(
        _fields("{name: a, type: number, constraints: {minimum: '0', maximum: 5}}"), 6, ("minimum", "number")
    ),
    "a bound that is not a number": Wrong(
        _fields("{name: a, type: number, constraints: {minimum: 0, maximum: .inf}}"), 6, ("maximum", "number")
    ),
    "a range beyond doubles": Wrong(
        _fields("{name: a, type: number, constraints: {minimum: 0, maximum: 1e17}}"), 6, ("2^53",)
    ),
    "a range just beyond doubles": Wrong(
        _fields(
            "{name: a, type: number, constraints: {minimum: 0, maximum: 9007199254740992.000000000000000001}}"
        ),
        6,
        ("2^53",),
    ),
    "precision without a range": Wrong(_fields("{name: a, skerry: {precision: 1}}"), 6, ("belongs to",)),
    "a precision of zero": Wrong(
        _fields("{name: a, type: number, constraints: {minimum: 0, maximum: 5}, skerry: {precision: 0}}"),
        6,
        ("above zero",),
    ),
    "a precision too fine": Wrong(
        _fields("{name: a, type: number, constraints: {minimum: 0, maximum: 5}, skerry: {precision: 1e-9}}"),
        6,
        ("67108864 steps",),
    ),
    "a precision too coarse": Wrong(
        _fields("{name: a, type: number, constraints: {minimum: 0, maximum: 5}, skerry: {precision: 9}}"),
        6,
        ("steps",),
    ),
    "a range far from zero for its precision": Wrong(
        _fields(
            "{name: a, type: number, constraints: {minimum: 1e12, maximum: 1000000000001},"
            " skerry: {precision: 0.00001}}"
        ),
        6,
        ("2^53 steps", "coarser"),
    ),
    "an integer with too many steps": Wrong(
        _fields("{name: a, type: integer, constraints: {minimum: 0, maximum: 1e9}}"), 6, ("precision",)
    ),
    # Patients.
    "an unknown patient table": Wrong(
        _tables().replace("table: patients", "table: patiens"), 2, ("'patiens'", "'patients'")
    ),
    "an unknown patient key": Wrong(_tables().replace("key: pid", "key: pidd"), 4, ("'pidd'", "'pid'")),
    "many tables and no patients": Wrong(
        _tables("  - name: b", "    schema: {fields: [{name: x}]}").replace("skerry:", "title: x #"),
        4,
        ("more than one table", "skerry: {patient:"),
    ),
    "a table twice": Wrong(
        _tables("  - {name: Patients, schema: {fields: [{name: pid}]}}"), 6, ("'Patients'", "twice")
    ),
    "a table of nobody": Wrong(
        _tables("  - name: visits", "    schema: {fields: [{name: x}]}", "    skerry: {rows_per_patient: 2}"),
        6,
        ("whose rows", "role: key"),
    ),
    "a table without a cap": Wrong(
        _tables("  - name: visits", "    schema: {fields: [{name: x, skerry: {role: key}}]}"),
        6,
        ("no public cap", "rows_per_patient"),
    ),
    "two patient keys": Wrong(
        _tables(
            "  - name: visits",
            "    schema: {fields: [{name: x, skerry: {role: key}}, {name: y, skerry: {role: key}}]}",
            "    skerry: {rows_per_patient: 2}",
        ),
        6,
        ("more than one patient key", "'x', 'y'"),
    ),
    "patients with many rows": Wrong(
        _tables(
            "    skerry: {rows_per_patient: 2}",
            "  - name: v",
            "    schema: {fields: [{name: x, skerry: {role: key}}]}",
            "    skerry: {rows_per_patient: 2}",
        ),
        4,
        ("must be 1",),
    ),
    "a patient key that is an identifier": Wrong(
        _fields("{name: pid, skerry: {role: identifier}}") + "\n      primaryKey: pid",
        3,
        ("'pid'", "is the patient key"),
    ),
}


def test_the_table_is_long() -> None:
    assert len(WRONG) >= 60


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_dictionary_is_refused_where_it_is_wrong(name: str) -> None:
    text, line, says = WRONG[name]
    with pytest.raises(TextError) as caught:
        read_dictionary(text.encode())
    first = caught.value.problems[0]
    assert first.line == line, str(caught.value)
    for part in says:
        assert part in str(first), str(first)


def test_all_problems_are_found_in_one_reading() -> None:
    text = _fields("{name: a, type: int}", "{name: n}", "{name: b, constraints: {enum: []}}")
    with pytest.raises(TextError) as caught:
        read_dictionary(text.encode())
    assert [problem.line for problem in caught.value.problems] == [6, 7, 8]


def test_a_long_word_is_cut_in_a_sentence() -> None:
    with pytest.raises(TextError) as caught:
        read_dictionary(b"x" * 100_000 + b": 1")
    assert max(len(str(problem)) for problem in caught.value.problems) < 400


def test_a_file_too_large_is_not_read() -> None:
    with pytest.raises(TextError, match="4 MiB"):
        read_dictionary(b" " * (4 * 2**20 + 1))
