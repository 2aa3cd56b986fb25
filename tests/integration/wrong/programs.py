"""Wrong uses of `skerry-coordinator` and `skerry-sandbox`."""

from tests.integration.wrong.line import SEE, line_mistakes
from tests.integration.wrong.settings import SHARED, TRANSPORT, paper_mistakes, settings_mistakes
from tests.integration.wrong.use import Command, WrongUse

COORDINATOR = Command(
    name="skerry-coordinator run",
    start="skerry-coordinator run",
    rest="--config {box}/coordinator/coordinator.toml",
    takes_json=False,
)
UP = Command(
    name="skerry-sandbox up",
    start="skerry-sandbox up",
    rest="{files}/new --dictionary {files}/small.yaml --centre alone={files}/people.csv",
)
DOWN = Command(name="skerry-sandbox down", start="skerry-sandbox down", rest="{box}")
STATUS = Command(name="skerry-sandbox status", start="skerry-sandbox status", rest="{box}")
LOGS = Command(name="skerry-sandbox logs", start="skerry-sandbox logs", rest="{box}")

PAPERS = [
    *SHARED,
    *TRANSPORT,
    (
        "a certificate of another",
        "tls-of-another",
        "it names skerry://centre/b, and must name skerry://coordinator",
        "",
    ),
    ("no transport key", "tls-key-absent", "tls-key-absent cannot be read", ""),
    ("a transport key that is none", "tls-key-garbage", "its private key is none in PEM", ""),
    ("a transport key of another", "tls-key-of-another", "it belongs to another private key", ""),
    (
        "a heartbeat of nothing",
        "heartbeat-of-nothing",
        "heartbeat_s: must be greater than or equal to 0.1",
        "",
    ),
    ("a heartbeat in words", "heartbeat-in-words", "heartbeat_s: ", ""),
    ("a heartbeat of a day", "heartbeat-of-a-day", "heartbeat_s: must be less than or equal to 60", ""),
    ("a port in words", "port-in-words", "listen: must be HOST:PORT", ""),
    ("a port that cannot be", "port-too-great", "listen: must be HOST:PORT, the port at most 65535", ""),
    ("no host", "no-host", "listen: must be HOST:PORT", ""),
    (
        "a second coordinator of one folder",
        "data-held",
        "a coordinator with the data folder .* is running already",
        "leave it, or stop it first",
    ),
]
LISTENING = [
    (
        "a port that another program has",
        "port-in-use",
        "cannot listen on 127.0.0.1:",
        "^choose another port, at an address of this machine",
    ),
    (
        "an address of another machine",
        "address-of-another",
        "cannot listen on 192.0.2.1:9999",
        "^choose another port, at an address of this machine",
    ),
    (
        "a host that nobody knows",
        "host-of-nobody",
        "cannot listen on no-such-host.invalid:9999",
        "at an address of this machine",
    ),
]
STORES = [
    ("a file for the data", "data-file", "the data folder .* cannot be used", ""),
    ("a store of bytes", "store-garbage", "store", ""),
    ("a store that is a folder", "store-folder", "store", ""),
    ("another program's store", "store-of-another", "store", ""),
    ("a store of a later version", "store-of-tomorrow", "store", ""),
]
VALUES = {
    "heartbeat-of-nothing": ("heartbeat_s", "0"),
    "heartbeat-in-words": ("heartbeat_s", '"often"'),
    "heartbeat-of-a-day": ("heartbeat_s", "86400"),
    "port-in-words": ("listen", '"localhost:https"'),
    "port-too-great": ("listen", '"127.0.0.1:65536"'),
    "no-host": ("listen", '":9999"'),
    "address-of-another": ("listen", '"192.0.2.1:9999"'),
    "host-of-nobody": ("listen", '"no-such-host.invalid:9999"'),
}
_DATA = "--centre alone={files}/people.csv"
_NEW = "{files}/new"
_SMALL = "--dictionary {files}/small.yaml"


def _up(name: str, rest: str, says: str, then: str = "") -> tuple[str, str, str, str]:
    return name, rest, says, then


UPS = [
    _up(
        "no centre",
        f"{_NEW} {_SMALL}",
        "the option --centre is missing",
        "^add --centre NAME=FILE_OR_FOLDER; ",
    ),
    _up("no dictionary", f"{_NEW} {_DATA}", "the option --dictionary is missing", "^add --dictionary PATH; "),
    _up("no folder", f"{_SMALL} {_DATA}", "DIR", SEE),
    _up(
        "a centre without a file",
        f"{_NEW} {_SMALL} --centre alone",
        "--centre 'alone' is not NAME=FILE_OR_FOLDER",
        "write --centre berlin=data.csv",
    ),
    _up(
        "a centre without a name",
        f"{_NEW} {_SMALL} --centre ={{files}}/people.csv",
        "'' is not a name",
        "write --centre berlin=data.csv",
    ),
    _up("a centre of nothing", f"{_NEW} {_SMALL} --centre ''", "is not NAME=FILE_OR_FOLDER", ""),
    _up(
        "a centre and its file as two words",
        f"{_NEW} {_SMALL} --centre alone {{files}}/people.csv",
        "unexpected extra argument",
        SEE,
    ),
    _up(
        "a centre whose file is not there",
        f"{_NEW} {_SMALL} --centre a={{files}}/absent.csv",
        "the data of 'a', .*absent.csv, are not there",
        "name an existing file or folder",
    ),
    _up(
        "a centre whose file is a link to itself",
        f"{_NEW} {_SMALL} --centre a={{files}}/loop",
        "are not there",
        "",
    ),
    _up(
        "a centre's name with a path",
        f"{_NEW} {_SMALL} --centre ../a={{files}}/people.csv",
        "'../a' is not a name",
        "",
    ),
    _up(
        "a centre's name with a space",
        f"{_NEW} {_SMALL} --centre 'my town={{files}}/people.csv'",
        "'my town' is not a name",
        "",
    ),
    _up(
        "a centre's name in Greek",
        f"{_NEW} {_SMALL} --centre Αθήνα={{files}}/people.csv",
        "'Αθήνα' is not a name",
        "",
    ),
    _up(
        "a centre's name with an escape",
        f"{_NEW} {_SMALL} --centre 'a\x1b[2J={{files}}/people.csv'",
        r"'a\\x1b\[2J' is not a name",
        "",
    ),
    _up(
        "two centres of one name",
        f"{_NEW} {_SMALL} {_DATA} {_DATA}",
        "the centre 'alone' stands twice",
        "give each centre a name of its own",
    ),
    _up(
        "two names that differ in case",
        f"{_NEW} {_SMALL} {_DATA} --centre Alone={{files}}/people.csv",
        "stands twice",
        "",
    ),
    _up(
        "a dictionary that is not there",
        f"{_NEW} --dictionary {{files}}/absent {_DATA}",
        "absent cannot be read",
        "",
    ),
    _up(
        "a folder for a dictionary",
        f"{_NEW} --dictionary {{files}}/folder {_DATA}",
        "folder cannot be read",
        "",
    ),
    _up(
        "an empty dictionary",
        f"{_NEW} --dictionary {{files}}/empty {_DATA}",
        "the dictionary .*empty is wrong: the text is empty",
        "dictionary.md",
    ),
    _up(
        "a picture for a dictionary",
        f"{_NEW} --dictionary {{files}}/picture {_DATA}",
        "the text is not UTF-8",
        "dictionary.md",
    ),
    _up(
        "a table for a dictionary",
        f"{_NEW} --dictionary {{files}}/people.csv {_DATA}",
        "is wrong: ",
        "dictionary.md",
    ),
    _up(
        "a mistyped dictionary",
        f"{_NEW} --dictionary {{files}}/mistyped.yaml {_DATA}",
        "line 11: .*'constraint'; did you mean 'constraints'",
        "dictionary.md",
    ),
    _up(
        "a dictionary that is a draft",
        f"{_NEW} --dictionary {{files}}/drafted.yaml {_DATA}",
        "is a draft: nobody has confirmed people.age",
        "skerry-node dictionary check",
    ),
    _up(
        "a policy by a name that is none",
        f"{_NEW} {_SMALL} {_DATA} --policy lax",
        "the policy lax cannot be read",
        "name permissive, strict or a TOML file",
    ),
    _up(
        "a folder for a policy",
        f"{_NEW} {_SMALL} {_DATA} --policy {{files}}/folder",
        "folder cannot be read",
        "",
    ),
    _up(
        "a picture for a policy",
        f"{_NEW} {_SMALL} {_DATA} --policy {{files}}/picture",
        "picture cannot be read .it is not UTF-8",
        "",
    ),
    _up(
        "an empty policy",
        f"{_NEW} {_SMALL} {_DATA} --policy {{files}}/empty",
        "the policy .*empty is wrong: .*format",
        "policy.md",
    ),
    _up(
        "a policy of a mode that is none",
        f"{_NEW} {_SMALL} {_DATA} --policy {{files}}/policy-has-an-unknown-mode.toml",
        "'modes' does not know 'dpp'",
        "policy.md",
    ),
    _up(
        "a policy that forbids nothing",
        f"{_NEW} {_SMALL} {_DATA} --policy {{files}}/policy-forbids-a-field-that-is-none.toml",
        "'people.agee' is no field of the registry",
        "policy.md",
    ),
    _up(
        "a budget for a policy without one",
        f"{_NEW} {_SMALL} {_DATA} --budget-epsilon 4 --policy {{files}}/empty",
        "has no line registry_rho",
        "",
    ),
    _up(
        "a budget of nothing",
        f"{_NEW} {_SMALL} {_DATA} --budget-epsilon 0",
        "--budget-epsilon: ",
        "give a number such as 4",
    ),
    _up(
        "a negative budget",
        f"{_NEW} {_SMALL} {_DATA} --budget-epsilon=-1",
        "--budget-epsilon: ",
        "give a number such as 4",
    ),
    _up(
        "a budget that is no number",
        f"{_NEW} {_SMALL} {_DATA} --budget-epsilon nan",
        "--budget-epsilon: ",
        "give a number such as 4",
    ),
    _up(
        "a budget without end",
        f"{_NEW} {_SMALL} {_DATA} --budget-epsilon inf",
        "--budget-epsilon: ",
        "give a number such as 4",
    ),
    _up(
        "a budget in words",
        f"{_NEW} {_SMALL} {_DATA} --budget-epsilon four",
        "'four' is not a valid float",
        SEE,
    ),
    _up(
        "a budget with a comma",
        f"{_NEW} {_SMALL} {_DATA} --budget-epsilon 0,5",
        "'0,5' is not a valid float",
        SEE,
    ),
    _up(
        "a file where the sandbox should be",
        f"{{files}}/empty {_SMALL} {_DATA}",
        "empty cannot be read or written",
        "",
    ),
    _up("a sandbox below a file", f"{{files}}/empty/new {_SMALL} {_DATA}", "cannot be read or written", ""),
    _up(
        "a folder that holds other files",
        f"{{files}} {_SMALL} {_DATA}",
        "holds other files, and no sandbox",
        "name a folder that is empty or not there yet",
    ),
    _up("a link to itself", f"{{files}}/loop {_SMALL} {_DATA}", "loop", ""),
    _up(
        "an endless name",
        f"{{files}}/{'x' * 300} {_SMALL} {_DATA}",
        "cannot be read or written .File name too long",
        "",
    ),
    _up(
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


def coordinator_uses() -> list[WrongUse]:
    """Give every wrong use of the coordinator's command."""
    return [
        *line_mistakes(COORDINATOR),
        *settings_mistakes(COORDINATOR),
        *paper_mistakes(COORDINATOR, PAPERS),
        *paper_mistakes(COORDINATOR, LISTENING, exit_code=5),
        *paper_mistakes(COORDINATOR, STORES, exit_code=6),
    ]


def sandbox_uses() -> list[WrongUse]:
    """Give every wrong use of the sandbox's commands."""
    every = [use for command in (UP, DOWN, STATUS, LOGS) for use in line_mistakes(command)]
    every += UP.with_rest(UPS)
    every += [use for command in (DOWN, STATUS, LOGS) for use in command.with_rest(PLACES)]
    return every + LOGS.with_rest(LINES)
