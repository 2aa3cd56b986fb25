"""Mistakes of the settings that a command reads: the profile, a node's settings, the coordinator's."""

from collections.abc import Iterable

from tests.integration.wrong.papers import SETTINGS
from tests.integration.wrong.use import Command, Row, WrongUse

FILES = [
    ("are not there", "{files}/absent.toml", "absent.toml cannot be read"),
    ("are a folder", "{files}", "cannot be read .Is a directory"),
    ("have no name", "''", "cannot be read .Is a directory"),
    ("are a link to itself", "{files}/loop", "loop cannot be read"),
    ("have a name that is too long", "{files}/" + "x" * 300, "cannot be read .File name too long"),
    ("are asked for on standard input", "-", "the (profile|settings) - cannot be read"),
    ("are a dictionary", "{files}/small.yaml", "not TOML"),
    ("are a table", "{files}/people.csv", "not TOML"),
]
TEXTS = [
    ("are empty", "empty", "lacks"),
    ("are YAML", "yaml", "not TOML"),
    ("are not UTF-8", "latin", "not TOML in UTF-8"),
    ("are bytes", "binary", "not TOML in UTF-8"),
    ("are cut off", "cut", "not TOML"),
    ("have an unknown key", "unknown-key", "unknown key 'colour'"),
    ("have a mistyped key", "mistyped-key", "(lacks 'roster'|unknown key 'rooster')"),
    ("lack a key", "missing-key", "lacks 'tls_ca'"),
    ("have a key twice", "twice", "not TOML .*(overwrite|twice|duplicate)"),
    ("have a number for a path", "number", "roster: must be text in quotes"),
    ("have a list for a path", "list", "root: must be text in quotes"),
    ("have a name of control characters", "control", r"(not a name|HOST:PORT)"),
    ("have a blank name", "blank", "(not a name|HOST:PORT)"),
    ("have a path for a name", "path", "(not a name|HOST:PORT)"),
    ("have a NUL in a path", "nul", "roster: no file's name holds a NUL"),
]
THEN = "correct it"


def settings_mistakes(command: Command) -> list[WrongUse]:
    """Give the mistakes of the settings file itself."""
    rows = [(f"settings that {name}", place, says) for name, place, says in FILES]
    rows += [(f"settings that {name}", wrong_settings(command, file), says) for name, file, says in TEXTS]
    return [command.wrong((name, with_settings(command, place), says, THEN)) for name, place, says in rows]


def paper_mistakes(command: Command, rows: Iterable[Row], exit_code: int = 2) -> list[WrongUse]:
    """Give mistakes of papers: each row has its name, the wrong settings, the sentence and the next step."""
    return [
        command.wrong((name, with_settings(command, wrong_settings(command, file)), says, then), exit_code)
        for name, file, says, then in rows
    ]


def wrong_settings(command: Command, name: str) -> str:
    """Give the place of wrong settings."""
    right = SETTINGS[command.right.split()[0]]
    return "{box}/" + right.rpartition("/")[0] + ("/" if "/" in right else "") + f"wrong-{name}.toml"


def with_settings(command: Command, place: str) -> str:
    """Give a right use with other settings."""
    return command.right.replace("{box}/" + SETTINGS[command.right.split()[0]], place, 1)


_BEARS = "the roster bears 0 of the 1 signatures that it needs"
SHARED = [
    ("no roster", "roster-absent", "roster-absent cannot be read", ""),
    ("an empty roster", "roster-empty", f"roster-empty: {_BEARS}", ""),
    ("a roster that nobody signed", "roster-unsigned", _BEARS, ""),
    (
        "a roster that was edited",
        "roster-edited",
        _BEARS,
        "",
    ),
    (
        "a roster of another root",
        "roster-of-another-root",
        _BEARS,
        "",
    ),
    ("a roster of another format", "roster-of-other-format", "its format is not skerry.roster/1", ""),
    ("a study for a roster", "roster-with-a-study", _BEARS, ""),
    ("no root", "root-absent", "root-absent cannot be read", ""),
    ("a root that is none", "root-no-key", "root-no-key: root: not TOML", ""),
    ("a certificate for a root", "root-of-another", "root: not TOML", ""),
    ("a root of bytes", "root-binary", "root: not TOML", ""),
]
DICTIONARY = [
    ("no dictionary", "dictionary-absent", "dictionary-absent cannot be read", ""),
    ("an empty dictionary", "dictionary-empty", "dictionary-empty.*the text is empty", ""),
    ("a dictionary of bytes", "dictionary-binary", "not YAML or JSON", ""),
    ("a mistyped dictionary", "dictionary-mistyped", "line .*'constraint'", ""),
    ("a policy for a dictionary", "dictionary-of-policy", "dictionary-of-policy", ""),
]
TRANSPORT = [
    ("no certificate", "tls-absent", "tls-absent cannot be read", ""),
    ("no authority", "ca-absent", "ca-absent cannot be read", ""),
    ("a certificate that is none", "tls-garbage", "certificate", ""),
    ("an authority that is none", "ca-garbage", "certificate", ""),
]
