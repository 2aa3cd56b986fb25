"""Wrong uses of `skerry-node dictionary`: dictionaries that are wrong, tables of which none is drafted."""

from tests.integration.wrong.files import NOWHERE
from tests.integration.wrong.line import line_mistakes
from tests.integration.wrong.use import CONFIG, Command, Row, WrongUse
from tests.protocols.test_dictionary_wrong import WRONG

CHECK = Command(
    name="skerry-node dictionary check", start=f"{CONFIG} dictionary check", rest="{files}/small.yaml"
)
DRAFT = Command(
    name="skerry-node dictionary draft",
    start=f"{CONFIG} dictionary draft",
    rest="{files}/people.csv --out {files}/new.yaml",
)

NO_TABLES: list[Row] = [
    ("a table that is not there", "{files}/absent", "absent: there is no such file", "check its name"),
    (
        "a table in no folder",
        "{files}/gone/people.csv",
        "people.csv: there is no such file",
        "check its name",
    ),
    (
        "a link to nothing for a table",
        "{files}/dangling",
        "dangling: there is no such file",
        "check its name",
    ),
    ("a folder for a table", "{files}/folder", "folder is a folder", "name one CSV file"),
    ("a table without a name", "''", "[.] is a folder", "name one CSV file"),
    ("a table with an endless name", "{files}/" + "x" * 300, "xxx", "name an existing CSV file"),
    ("a table from standard input", "-", "-: there is no such file", "check its name"),
    ("an empty table", "{files}/empty", "empty: the file is empty", "export the table again"),
    ("a blank table", "{files}/blank", "blank has a single column", "separate the columns"),
    (
        "a dictionary for a table",
        "{files}/small.yaml",
        "small.yaml has a single column",
        "separate the columns",
    ),
    ("a picture for a table", "{files}/picture", "picture is not text", "save the table as CSV"),
    (
        "a workbook for a table",
        "{files}/table-is-an-excel-workbook.csv",
        "Excel workbook, not text",
        "as CSV",
    ),
    ("a PDF for a table", "{files}/table-is-a-pdf.csv", "this is a PDF, not text", "as CSV"),
    ("a table with a NUL", "{files}/table-has-a-nul.csv", "is not text", "as CSV"),
    (
        "a table without rows",
        "{files}/table-is-a-header-alone.csv",
        "the table has no rows",
        "export it again",
    ),
    (
        "a table with a column twice",
        "{files}/table-has-a-column-twice.csv",
        "have the same name",
        "rename one",
    ),
    (
        "a table with a short row",
        "{files}/table-has-a-short-row.csv",
        "2 values instead of 8",
        "a delimiter inside",
    ),
    ("a table with an open quote", "{files}/table-has-an-open-quote.csv", "not closed", "double each quote"),
]
DRAFTS = [
    (
        "a dictionary that is there already",
        "{files}/people.csv --out {files}/small.yaml",
        "small.yaml is there already, and is kept",
        "--out",
    ),
    (
        "a folder for the dictionary",
        "{files}/people.csv --out {files}/folder",
        "folder is there already, and is kept",
        "--out",
    ),
    (
        "a link to nothing for the dictionary",
        "{files}/people.csv --out {files}/dangling",
        "dangling is there already, and is kept",
        "--out",
    ),
    (
        "a dictionary in no folder",
        "{files}/people.csv --out {files}/gone/new.yaml",
        "new.yaml cannot be written",
        "--out",
    ),
    (
        "a dictionary below a file",
        "{files}/people.csv --out {files}/small.yaml/new.yaml",
        "new.yaml cannot be written",
        "--out",
    ),
    (
        "a dictionary with an endless name",
        "{files}/people.csv --out {files}/" + "x" * 300,
        "cannot be written",
        "--out",
    ),
    ("a dictionary without a name", "{files}/people.csv --out ''", "there already", "--out"),
]


def dictionary_uses() -> list[WrongUse]:
    """Give every wrong use of the commands about dictionaries."""
    absent = [
        (f"for a dictionary, {name}", word, says, "name an existing dictionary")
        for name, word, says in NOWHERE
    ]
    wrong = [(f"a dictionary with {name}", f"{{files}}/{file_of(name)}", "is wrong: ", "") for name in WRONG]
    tables = [(name, f"{word} --out {{files}}/new.yaml", says, then) for name, word, says, then in NO_TABLES]
    return [
        *line_mistakes(CHECK),
        *line_mistakes(DRAFT),
        *CHECK.with_rest([*absent, *wrong]),
        *DRAFT.with_rest([*DRAFTS, *tables]),
    ]


def file_of(name: str) -> str:
    """Give the name of the file with a wrong dictionary."""
    return f"dictionary-{list(WRONG).index(name)}.yaml"
