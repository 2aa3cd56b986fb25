"""Wrong uses of `skerry-sandbox`."""

from tests.integration.wrong.line import SEE, line_mistakes
from tests.integration.wrong.use import Command, Row, WrongUse

UP = Command(
    name="skerry-sandbox up",
    start="skerry-sandbox up",
    rest="{files}/new --dictionary {files}/small.yaml --centre alone={files}/people.csv",
)
DOWN = Command(name="skerry-sandbox down", start="skerry-sandbox down", rest="{box}")
STATUS = Command(name="skerry-sandbox status", start="skerry-sandbox status", rest="{box}")
LOGS = Command(name="skerry-sandbox logs", start="skerry-sandbox logs", rest="{box}")
_DATA = "--centre alone={files}/people.csv"
_NEW = "{files}/new"
_SMALL = "--dictionary {files}/small.yaml"


UPS: list[Row] = [
    (
        "no centre",
        f"{_NEW} {_SMALL}",
        "the option --centre is missing",
        "^add --centre NAME=FILE_OR_FOLDER; ",
    ),
    ("no dictionary", f"{_NEW} {_DATA}", "the option --dictionary is missing", "^add --dictionary PATH; "),
    ("no folder", f"{_SMALL} {_DATA}", "DIR", SEE),
    (
        "a centre without a file",
        f"{_NEW} {_SMALL} --centre alone",
        "--centre 'alone' is not NAME=FILE_OR_FOLDER",
        "write --centre berlin=data.csv",
    ),
    (
        "a centre without a name",
        f"{_NEW} {_SMALL} --centre ={{files}}/people.csv",
        "'' is not a name",
        "write --centre berlin=data.csv",
    ),
    ("a centre of nothing", f"{_NEW} {_SMALL} --centre ''", "is not NAME=FILE_OR_FOLDER", ""),
    (
        "a centre and its file as two words",
        f"{_NEW} {_SMALL} --centre alone {{files}}/people.csv",
        "unexpected extra argument",
        SEE,
    ),
    (
        "a centre whose file is not there",
        f"{_NEW} {_SMALL} --centre a={{files}}/absent.csv",
        "the data of 'a', .*absent.csv, are not there",
        "name an existing file or folder",
    ),
    (
        "a centre whose file is a link to itself",
        f"{_NEW} {_SMALL} --centre a={{files}}/loop",
        "are not there",
        "",
    ),
    (
        "a centre's name with a path",
        f"{_NEW} {_SMALL} --centre ../a={{files}}/people.csv",
        "'../a' is not a name",
        "",
    ),
    (
        "a centre's name with a space",
        f"{_NEW} {_SMALL} --centre 'my town={{files}}/people.csv'",
        "'my town' is not a name",
        "",
    ),
    (
        "a centre's name in Greek",
        f"{_NEW} {_SMALL} --centre Αθήνα={{files}}/people.csv",
        "'Αθήνα' is not a name",
        "",
    ),
    (
        "a centre's name with an escape",
        f"{_NEW} {_SMALL} --centre 'a\x1b[2J={{files}}/people.csv'",
        r"'a\\x1b\[2J' is not a name",
        "",
    ),
    (
        "two centres of one name",
        f"{_NEW} {_SMALL} {_DATA} {_DATA}",
        "the centre 'alone' stands twice",
        "give each centre a name of its own",
    ),
    (
        "two names that differ in case",
        f"{_NEW} {_SMALL} {_DATA} --centre Alone={{files}}/people.csv",
        "stands twice",
        "",
    ),
    (
        "a dictionary that is not there",
        f"{_NEW} --dictionary {{files}}/absent {_DATA}",
        "absent cannot be read",
        "",
    ),
    (
        "a folder for a dictionary",
        f"{_NEW} --dictionary {{files}}/folder {_DATA}",
        "folder cannot be read",
        "",
    ),
    (
        "an empty dictionary",
        f"{_NEW} --dictionary {{files}}/empty {_DATA}",
        "the dictionary .*empty is wrong: the text is empty",
        "dictionary.md",
    ),
    (
        "a picture for a dictionary",
        f"{_NEW} --dictionary {{files}}/picture {_DATA}",
        "the text is not UTF-8",
        "dictionary.md",
    ),
    (
        "a table for a dictionary",
        f"{_NEW} --dictionary {{files}}/people.csv {_DATA}",
        "is wrong: ",
        "dictionary.md",
    ),
    (
        "a mistyped dictionary",
        f"{_NEW} --dictionary {{files}}/mistyped.yaml {_DATA}",
        "line 11: .*'constraint'; did you mean 'constraints'",
        "dictionary.md",
    ),
    (
        "a dictionary that is a draft",
        f"{_NEW} --dictionary {{files}}/drafted.yaml {_DATA}",
        "is a draft: nobody has confirmed people.age",
        "skerry-node dictionary check",
    ),
    (
        "a policy by a name that is none",
        f"{_NEW} {_SMALL} {_DATA} --policy lax",
        "the policy lax cannot be read",
        "name permissive, strict or a TOML file",
    ),
    (
        "a folder for a policy",
        f"{_NEW} {_SMALL} {_DATA} --policy {{files}}/folder",
        "folder cannot be read",
        "",
    ),
    (
        "a picture for a policy",
        f"{_NEW} {_SMALL} {_DATA} --policy {{files}}/picture",
        "picture cannot be read .it is not UTF-8",
        "",
    ),
    (
        "an empty policy",
        f"{_NEW} {_SMALL} {_DATA} --policy {{files}}/empty",
        "the policy .*empty is wrong: .*format",
        "policy.md",
    ),
    (
        "a policy of a mode that is none",
        f"{_NEW} {_SMALL} {_DATA} --policy {{files}}/policy-has-an-unknown-mode.toml",
        "'modes' does not know 'dpp'",
        "policy.md",
    ),
    (
        "a policy that forbids nothing",
        f"{_NEW} {_SMALL} {_DATA} --policy {{files}}/policy-forbids-a-field-that-is-none.toml",
        "'people.agee' is no field of the registry",
        "policy.md",
    ),
    (
        "a budget for a policy without one",
        f"{_NEW} {_SMALL} {_DATA} --budget-epsilon 4 --policy {{files}}/empty",
        "has no line registry_rho",
        "",
    ),
    (
        "a budget of nothing",
        f"{_NEW} {_SMALL} {_DATA} --budget-epsilon 0",
        "--budget-epsilon: ",
        "give a number such as 4",
    ),
    (
        "a negative budget",
        f"{_NEW} {_SMALL} {_DATA} --budget-epsilon=-1",
        "--budget-epsilon: ",
        "give a number such as 4",
    ),
    (
        "a budget that is no number",
        f"{_NEW} {_SMALL} {_DATA} --budget-epsilon nan",
        "--budget-epsilon: ",
        "give a number such as 4",
    ),
    (
        "a budget without end",
        f"{_NEW} {_SMALL} {_DATA} --budget-epsilon inf",
        "--budget-epsilon: ",
        "give a number such as 4",
    ),
    (
        "a budget in words",
        f"{_NEW} {_SMALL} {_DATA} --budget-epsilon four",
        "'four' is not a valid float",
        SEE,
    ),
    (
        "a budget with a comma",
        f"{_NEW} {_SMALL} {_DATA} --budget-epsilon 0,5",
        "'0,5' is not a valid float",
        SEE,
    ),
    (
        "a file where the sandbox should be",
        f"{{files}}/empty {_SMALL} {_DATA}",
        "empty cannot be read or written",
        "",
    ),
    ("a sandbox below a file", f"{{files}}/empty/new {_SMALL} {_DATA}", "cannot be read or written", ""),
    (
        "a folder that holds other files",
        f"{{files}} {_SMALL} {_DATA}",
        "holds other files, and no sandbox",
        "name a folder that is empty or not there yet",
    ),
    ("a link to itself", f"{{files}}/loop {_SMALL} {_DATA}", "loop", ""),
    (
        "an endless name",
        f"{{files}}/{'x' * 300} {_SMALL} {_DATA}",
        "cannot be read or written .File name too long",
        "",
    ),
    (
        "a folder that the system keeps",
        f"/proc/nothing {_SMALL} {_DATA}",
        "/proc/nothing cannot be read or written",
        "",
    ),
]
_THEN = "name the folder of a sandbox"
PLACES = [
    ("a folder that is not there", "{files}/absent", "there is no sandbox in .*absent", _THEN),
    ("a folder that is empty", "{files}/folder", "there is no sandbox in .*folder", _THEN),
    ("a folder that holds other files", "{files}", "there is no sandbox in", _THEN),
    ("a file", "{files}/people.csv", "there is no sandbox in .*people.csv", _THEN),
    ("the analyst's profile", "{box}/analyst.toml", "there is no sandbox in .*analyst.toml", _THEN),
    ("a folder within the sandbox", "{box}/centres", "there is no sandbox in .*centres", _THEN),
    ("the coordinator's folder", "{box}/coordinator", "there is no sandbox in .*coordinator", _THEN),
    ("an empty name", "''", "there is no sandbox in [.]", _THEN),
    ("a link to itself", "{files}/loop", "loop is a link to itself", "name another folder"),
    ("a link to nothing", "{files}/dangling", "there is no sandbox in .*dangling", _THEN),
    ("a name in Greek", "{files}/δοκιμή", "there is no sandbox in .*δοκιμή", _THEN),
    ("a name with an escape", "'{files}/a\x1b[2J'", r"there is no sandbox in .*a\\x1b\[2J", _THEN),
    ("an endless name", "{files}/" + "x" * 300, "there is no sandbox in", _THEN),
    ("a centre's name", "alone", "there is no sandbox in alone", _THEN),
    ("two folders", "{box} {files}/absent", "unexpected extra argument", SEE),
    ("an address", "localhost:8000", "there is no sandbox in localhost:8000", _THEN),
    ("standard input", "-", "there is no sandbox in -", _THEN),
]
LINES = [
    ("no lines", "{box} --lines 0", "'--lines': 0 is not in the range", SEE),
    ("lines below nought", "{box} --lines -5", "'--lines': -5 is not in the range", SEE),
    ("lines in words", "{box} --lines all", "'all' is not a whole number", SEE),
    ("half a line", "{box} --lines 0.5", "'0.5' is not a whole number", SEE),
    ("lines without a number", "--lines {box}", "is not a whole number", SEE),
    ("a centre's log by name", "{box} centre-alone", "unexpected extra argument", SEE),
]


def sandbox_uses() -> list[WrongUse]:
    """Give every wrong use of the sandbox's commands."""
    every = [use for command in (UP, DOWN, STATUS, LOGS) for use in line_mistakes(command)]
    every += UP.with_rest(UPS)
    every += [use for command in (DOWN, STATUS, LOGS) for use in command.with_rest(PLACES)]
    return every + LOGS.with_rest(LINES)
