"""Wrong uses of the commands about studies: `skerry study ...`, `skerry-node study ...`."""

from tests.integration.wrong.analyst import PAPERS as ANALYST_PAPERS
from tests.integration.wrong.files import NOWHERE
from tests.integration.wrong.line import SEE, line_mistakes
from tests.integration.wrong.node import PAPERS as NODE_PAPERS
from tests.integration.wrong.papers import CENTRE
from tests.integration.wrong.settings import paper_mistakes, settings_mistakes
from tests.integration.wrong.study_files import BESIDE, LINES, TEXTS, file_of
from tests.integration.wrong.use import CONFIG, PROFILE, Command, Row, WrongUse

_HOME = f"{{box}}/centres/{CENTRE}"
_OFFICER = f"--key {_HOME}/officer/officer.key"
_WHY = "--reason 'no permit for this purpose'"
_MINE = "{files}/mine.toml"
_SENT = "{files}/proposed.toml"
"""What an officer is sent."""
NEW = Command(name="skerry study new", start=f"{PROFILE} study new", rest="{files}/new.toml")
CHECK = Command(name="skerry study check", start=f"{PROFILE} study check", rest=_MINE)
SIGN = Command(name="skerry study sign", start=f"{PROFILE} study sign", rest=_MINE)
STATUS = Command(
    name="skerry study status",
    start=f"{PROFILE} study status",
    rest=f"{_MINE} --decisions {{files}}/decisions",
)
LIST = Command(name="skerry-node study list", start=f"{CONFIG} study list")
SHOW = Command(name="skerry-node study show", start=f"{CONFIG} study show", rest=_MINE)
APPROVE = Command(
    name="skerry-node study approve", start=f"{CONFIG} study approve", rest=f"{_SENT} {_OFFICER}"
)
REJECT = Command(
    name="skerry-node study reject", start=f"{CONFIG} study reject", rest=f"{_SENT} {_OFFICER} {_WHY}"
)
OF_ANALYST = (NEW, CHECK, SIGN, STATUS)
OF_OFFICER = (LIST, SHOW, APPROVE, REJECT)
READING = (CHECK, SIGN, STATUS, SHOW, APPROVE, REJECT)
"""Those that are given a study."""

PLACES: list[Row] = [
    ("a study that is there", "{files}/mine.toml", "mine.toml is there already, and is kept", "another"),
    ("a profile for a new study", "{box}/analyst.toml", "is there already, and is kept", "another"),
    ("a folder for a new study", "{files}/folder", "folder is there already", "another"),
    ("a link to itself", "{files}/loop", "loop is there already", "another"),
    ("a link to nothing", "{files}/dangling", "dangling is there already", "another"),
    ("a folder that is not there", "{files}/gone/new.toml", "cannot be written .No such file", "folder"),
    ("a folder that is a file", "{files}/mine.toml/new.toml", "cannot be written .Not a directory", "folder"),
    ("a name that is empty", "''", "(is there already|cannot be written)", "name"),
    ("a name that is too long", "{files}/" + "x" * 300, "cannot be written .File name too long", "folder"),
]
KEYS: list[Row] = [
    ("no key", "{files}/absent", "absent cannot be read .No such file", "^name the "),
    ("a folder for a key", "{files}/folder", "cannot be read .Is a directory", "^name the "),
    ("a key that is open to others", f"{_HOME}/keys-open/snapshots.key", "is open to others", "^name the "),
    ("a key that is short", f"{_HOME}/keys-short/snapshots.key", "no.* an? Ed25519 key of 32", "^name the "),
    ("a key for sealing", "{box}/analyst/sealing.key", "is not an Ed25519 key of 32 bytes", "^name the "),
    ("a key of the transport", "{box}/analyst/tls.key", "is not an Ed25519 key of 32 bytes", "^name the "),
    ("no name of a key", "''", "cannot be read .Is a directory", "^name the "),
]
STRANGERS = [
    ("the key of the node", f"{_HOME}/keys/identity.key"),
    ("the key of the consortium", "{box}/consortium/root.key"),
    ("a key for the snapshots", f"{_HOME}/keys/snapshots.key"),
]
SIGNED: list[Row] = [
    ("a study that was proposed", "{files}/proposed.toml", "'analyst' has proposed the study", "^send it"),
    (
        "a study that was changed after",
        "{files}/changed-after.toml",
        "the signature of 'analyst' in .* fits neither this text nor the roster",
        "sign it anew",
    ),
    ("a study that a stranger signed", "{files}/of-a-stranger.toml", "signature of 'eve' .* fits", "anew"),
    ("an approval by the analyst", "{files}/approved.toml", "signature of 'analyst' .* fits", "anew"),
    ("two studies", f"{_MINE} {{files}}/changed.toml", "got unexpected extra argument", SEE),
]
FOLDERS: list[Row] = [
    ("no folder of decisions", _MINE, "the option --decisions is missing", "^add --decisions"),
    ("a folder of decisions that is not there", "{files}/gone", "cannot be read .No such file", "sent back$"),
    ("a file for the decisions", _MINE, "cannot be read .Not a directory", "sent back$"),
    ("decisions in a link to itself", "{files}/loop", "cannot be read .Too many levels", "sent back$"),
    ("decisions in an endless name", "{files}/" + "x" * 300, "File name too long", "sent back$"),
]
PAGES: list[Row] = [
    ("a page in a folder that is not there", "{files}/gone/study.html", "cannot be written", "^name a file"),
    ("a page that is a folder", "{files}/folder.html", "cannot be written", "^name a file"),
    ("a page that is a study", _MINE, "a page's name ends with .html", "study.html"),
    ("a page without a name", "''", "cannot be written", "^name "),
    ("a page below a file", f"{_MINE}/study.html", "cannot be written", "^name a file"),
    ("a page with an endless name", "{files}/" + "x" * 300 + ".html", "cannot be written", "^name a file"),
    ("a page that is a link to itself", "{files}/loop.html", "cannot be written", "^name a file"),
]
IN_FORCE = "{files}/in-force.toml"
APPROVALS: list[Row] = [
    ("no key at all", _SENT, "the option --key is missing", "^add --key"),
    ("a study that is in force", f"{IN_FORCE} {_OFFICER}", "is in force here already", "nothing to decide"),
    (
        "that study again, to be replaced",
        f"{IN_FORCE} --replace {_OFFICER}",
        "is in force here already, with the same text",
        "nothing to decide",
    ),
    (
        "another study of its name",
        f"{{files}}/changed.toml {_OFFICER}",
        "another study 'sandbox' is in force here; it would change: ",
        "--replace$",
    ),
    ("a reason for an approval", f"{_SENT} {_OFFICER} {_WHY}", "there is no option '--reason' here", SEE),
]
REASONS = [
    ("an empty reason", "''"),
    ("a reason of spaces", "'   '"),
    ("a reason that is too long", "x" * 501),
    ("a reason of two lines", "'one\ntwo'"),
    ("a reason with an escape", "'red \x1b[31m'"),
    ("a reason that turns the terminal round", "'a\u202eb'"),
]
REJECTIONS: list[Row] = [
    *(
        (name, f"{_SENT} {_OFFICER} --reason {word}", "--reason is a line of 1 to 500", "such as --reason")
        for name, word in REASONS
    ),
    ("no reason at all", f"{_SENT} {_OFFICER}", "the option --reason is missing", "^add --reason"),
    ("a reason without quotes", f"{_SENT} {_OFFICER} --reason no permit", "extra argument .permit", SEE),
    ("no key at all", f"{_SENT} {_WHY}", "the option --key is missing", "^add --key"),
    ("a study that is in force", f"{IN_FORCE} {_OFFICER} {_WHY}", "a rejection would not be true", "first$"),
    ("a rejection that replaces", f"{_SENT} {_OFFICER} {_WHY} --replace", "no option '--replace' here", SEE),
]
DATA: list[Row] = [
    ("a file for the data", "data-file", "data-file.* cannot be written .(File exists|Not a directory)", "")
]


def _with_study(command: Command, place: str) -> str:
    """Give what follows a command, with another study."""
    return command.rest.replace(_MINE, place, 1).replace(_SENT, place, 1)


def _study_mistakes(command: Command) -> list[WrongUse]:
    """Give the studies that no command reads."""
    rows = [(f"for a study, {name}", word, says) for name, word, says in NOWHERE]
    wrong = {**TEXTS, **{name: says for name, (_, _, says) in LINES.items()}}
    rows += [(f"a study that {name}", f"{{files}}/{file_of(name)}", says) for name, says in wrong.items()]
    return command.with_rest((name, _with_study(command, place), says, "") for name, place, says in rows)


def _key_mistakes(command: Command, says: str, then: str) -> list[WrongUse]:
    """Give the keys with which nobody signs a study."""
    start = command.rest.replace(_OFFICER, "", 1)
    rows = [*KEYS, *((name, word, says, then) for name, word in STRANGERS)]
    return command.with_rest((name, f"{start} --key {word}", says, then) for name, word, says, then in rows)


def study_uses() -> list[WrongUse]:
    """Give every wrong use of these commands; no server is needed for any."""
    every = [
        use
        for command in (*OF_ANALYST, *OF_OFFICER)
        for use in (*line_mistakes(command), *settings_mistakes(command))
    ]
    every += paper_mistakes(CHECK, ANALYST_PAPERS)
    every += [use for command in (LIST, APPROVE) for use in paper_mistakes(command, NODE_PAPERS)]
    every += [use for command in READING for use in _study_mistakes(command)]
    every += [
        use
        for command in (CHECK, SIGN, APPROVE)
        for use in command.with_rest(
            (f"a study that {name}", _with_study(command, f"{{files}}/{file_of(name)}"), says, "")
            for name, (_, _, says) in BESIDE.items()
        )
    ]
    every += [*NEW.with_rest(PLACES), *SIGN.with_rest(SIGNED)]
    every += STATUS.with_rest(
        (name, word if then.startswith("^add") else f"{_MINE} --decisions {word}", says, then)
        for name, word, says, then in FOLDERS
    )
    every += SHOW.with_rest((name, f"{_MINE} --page {word}", says, then) for name, word, says, then in PAGES)
    every += [*APPROVE.with_rest(APPROVALS), *REJECT.with_rest(REJECTIONS)]
    every += _key_mistakes(SIGN, "the roster knows no analyst and no officer with the key", "^ask the cons")
    for command in (APPROVE, REJECT):
        every += _key_mistakes(command, "is not the key of the officer 'officer-alone'", "^name the signing")
        every += paper_mistakes(command, DATA)
    return every
