"""Tables that no import takes: for the small registry, each with one mistake."""

import re

HEADER = "id,name,note,sex,stage,smoker,age,change\n"


def _row(**changed: str) -> str:
    row = {
        "id": "p1",
        "name": "A",
        "note": "x",
        "sex": "M",
        "stage": "I",
        "smoker": "true",
        "age": "40",
        "change": "0.5",
    }
    return ",".join((row | changed).values()) + "\n"


TABLES: dict[str, tuple[str | bytes, str]] = {
    "is empty": ("", "the file is empty"),
    "is blank": ("\n\n", "blank"),
    "is a header alone": (HEADER, "no rows"),
    "is an Excel workbook": (b"PK\x03\x04" + b"\0" * 50, "Excel"),
    "is a PDF": (b"%PDF-1.7\n" + b"\0" * 50, "a PDF"),
    "is a picture": (b"\x89PNG\r\n\x1a\n\0\0\xff\xfe", "line 1 is not UTF-8"),
    "is UTF-16": ((HEADER + _row()).encode("utf-16"), "UTF-16"),
    "is Latin-1": ((HEADER + _row(note="Zürich")).encode("latin-1"), "not UTF-8"),
    "has semicolons": ((HEADER + _row()).replace(",", ";"), "separated by ';'"),
    "has tabs": ((HEADER + _row()).replace(",", "\t"), "separated by a tab"),
    "has no header": (_row(), "names none of the fields"),
    "lacks a column": (HEADER.replace(",age", "") + _row(), "no column 'age'"),
    "has a column twice": ("age," + HEADER + "40," + _row(), "'age' twice"),
    "has a header in capitals": (HEADER.replace("sex", "SEX") + _row(), "no column 'sex'"),
    "has a short row": (HEADER + "p1,A\n", "2 values instead of 8"),
    "has a long row": (HEADER + _row().replace("\n", ",more\n"), "9 values instead of 8"),
    "has an open quote": (HEADER + _row(note='"x'), "quoted value"),
    "has a NUL": (HEADER + _row(note="a\0b"), "NUL"),
    "has no key": (HEADER + _row(id=""), "patient key is missing"),
    "has a key twice": (HEADER + _row() + _row(age="41"), "more than one row"),
    "has a word for a number": (HEADER + _row(age="forty"), "not a whole number"),
    "has a number beyond the bounds": (HEADER + _row(age="400"), "outside 0 to 120"),
    "has a point in a whole number": (HEADER + _row(age="40.0"), "declare type number"),
    "has a decimal comma": (HEADER + _row(change='"0,5"'), "decimal sign"),
    "has a code that is none": (HEADER + _row(sex="X"), "none of the 2 declared codes"),
    "has a code in another case": (HEADER + _row(sex="m"), "none of the 2 declared codes"),
    "has a word for true": (HEADER + _row(smoker="perhaps"), "trueValues"),
    "lacks what is required": (HEADER + _row(age=""), "required value is missing"),
    "lacks most of what is required": (HEADER + _row(age="", sex=""), "required value is missing"),
}


def file_of(name: str) -> str:
    """Give the name of the file with a table."""
    return f"table-{re.sub('[^a-z0-9]+', '-', name.lower())}.csv"
