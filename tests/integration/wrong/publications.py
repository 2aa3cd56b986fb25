"""Wrong uses of `skerry query publish` and `skerry publication show`; publications that nobody believes."""

import re
from pathlib import Path

from deploy.sandbox.authority import signing_key
from protocols.publication import KIND
from tests.integration.wrong.analyst import AWAY, ID_SAYS, ID_THEN, IDS, OUTPUTS, PAPERS, PLOTS
from tests.integration.wrong.files import NOWHERE
from tests.integration.wrong.line import SEE, line_mistakes
from tests.integration.wrong.papers import STRANGER, signed
from tests.integration.wrong.settings import paper_mistakes, settings_mistakes
from tests.integration.wrong.use import PROFILE, Command, Row, WrongUse

_ID = "00" * 16
_TITLE = "--title 'Mean age'"
PUBLISH = Command(
    name="skerry query publish", start=f"{PROFILE} query publish", rest=f"{_ID} {{files}}/new.toml {_TITLE}"
)
SHOW = Command(
    name="skerry publication show", start=f"{PROFILE} publication show", rest="{files}/publication-empty.toml"
)

PLACES: list[Row] = [
    ("a file that is there", "{files}/valid.yaml", "valid.yaml is there already", "^choose another name"),
    ("a folder for a file", "{files}/folder", "folder is there already", "^choose another name"),
    ("a link to itself", "{files}/loop", "loop is there already", "^choose another name"),
    ("a link to nothing", "{files}/dangling", "dangling is there already", "^choose another name"),
    ("a name that is empty", "''", "is there already", "^choose another name"),
    ("a folder that is not there", "{files}/gone/new.toml", "cannot be written", "^name a file in a folder"),
    ("a folder that is a file", "{files}/valid.yaml/new.toml", "cannot be written", "^name a file in a"),
    (
        "a folder with an endless name",
        "{files}/" + "x" * 300 + "/a.toml",
        "cannot be written",
        "^name a file",
    ),
]
_LINE = "a title is a line of 1 to 200 characters"
TITLES = [
    ("an empty title", "''"),
    ("a title of spaces", "'   '"),
    ("a title that is too long", "x" * 201),
    ("a title of two lines", "'one\ntwo'"),
    ("a title with an escape", "'red \x1b[31m'"),
    ("a title that turns the terminal round", "'a\u202eb'"),
]
WORDS: list[Row] = [
    ("no title", f"{_ID} {{files}}/new.toml", "the option --title is missing", "^add --title"),
    ("no file", f"{_ID} {_TITLE}", "FILE is missing", SEE),
    ("a title without quotes", f"{_ID} {{files}}/new.toml --title Mean age", "extra argument .age", SEE),
    ("a title without its option", f"{_ID} {{files}}/new.toml Mean", "(extra argument|is missing)", SEE),
]

_HEAD = 'format = "skerry.publication/1"\ntitle = "T"\npublished_at = 2026-11-01T00:00:00Z\n'
BODIES: dict[str, tuple[str, str]] = {
    "of another format": (_HEAD.replace("publication/1", "publication/2"), "skerry.publication/1"),
    "that is not TOML": ("title: T\n", "not TOML"),
    "without a question": (_HEAD, "lacks 'question'"),
    "without a title": (_HEAD.replace('title = "T"\n', ""), "lacks 'title'"),
    "of no time": (_HEAD.replace("2026-11-01T00:00:00Z", '"soon"'), "'published_at'"),
    "whose question is no base64": (f'{_HEAD}question = "?"\n', "'question' is not base64"),
    "whose question is none": (f'{_HEAD}question = "AAAA"\n', "cannot be believed"),
    "with an unknown key": (f'{_HEAD}question = "AAAA"\ncolour = "red"\n', "unknown key 'colour'"),
    "of a centre that is no name": (
        f'{_HEAD}question = "AAAA"\n[[answer]]\ncentre = "a b"\nsigned = "AAAA"\n',
        "not a name",
    ),
    "of an answer that is none": (
        f'{_HEAD}question = "AAAA"\n[[answer]]\ncentre = "alone"\nsigned = "AAAA"\n',
        "cannot be believed",
    ),
    "of a centre for a list": (f'{_HEAD}question = "AAAA"\nanswer = "alone"\n', "'answer'"),
}
"""Publications that the analyst signed, with one mistake each."""
_ONE = "bears one signature: that of the analyst who asked"
FILES: dict[str, str] = {
    "{files}/publication-empty.toml": _ONE,
    "{files}/picture": _ONE,
    "{files}/valid.yaml": _ONE,
    "{files}/huge": "the file is too large",
    "{files}/proposed.toml": "the signature of 'analyst' under the publication is wrong",
    "{files}/of-a-stranger.toml": "the roster has no analyst 'eve'",
    "{files}/publication-edited.toml": "the signature of 'analyst' under the publication is wrong",
    "{files}/publication-of-a-stranger.toml": "the roster has no analyst 'eve'",
    "{files}/publication-of-two.toml": _ONE,
    "{files}/publication-cut.toml": "only signature lines may follow",
    "{box}/shared/roster.toml": "the roster has no analyst 'sandbox-root'",
    "{box}/centres/alone/policy.toml": "the roster has no analyst 'officer-alone'",
}
"""Files that are no publication, and what is said of each."""


def _file_of(name: str) -> str:
    return f"publication-{re.sub('[^a-z]+', '-', name.lower())}.toml"


def write_publications(files: Path, box: Path) -> None:
    """Write publications that are signed by somebody, and that nobody believes."""
    analyst = signing_key(box / "analyst" / "signing.key")
    right = signed(_HEAD.encode(), KIND, "analyst", analyst)
    texts = {
        "publication-empty.toml": b"",
        "publication-edited.toml": right.replace(b'"T"', b'"U"'),
        "publication-of-a-stranger.toml": signed(_HEAD.encode(), KIND, "eve", STRANGER),
        "publication-of-two.toml": right + right.splitlines(keepends=True)[-1],
        "publication-cut.toml": right[:-20],
        **{
            _file_of(name): signed(body.encode(), KIND, "analyst", analyst)
            for name, (body, _) in BODIES.items()
        },
    }
    for name, octets in texts.items():
        (files / name).write_bytes(octets)


def publication_uses() -> list[WrongUse]:
    """Give the wrong uses for which no coordinator is needed."""
    every = [use for one in (PUBLISH, SHOW) for use in (*line_mistakes(one), *settings_mistakes(one))]
    every += [use for one in (PUBLISH, SHOW) for use in paper_mistakes(one, PAPERS)]
    every += paper_mistakes(PUBLISH, AWAY, exit_code=5)
    every += PUBLISH.with_rest(
        (name, f"{word} {{files}}/new.toml {_TITLE}", ID_SAYS, ID_THEN) for name, word in IDS
    )
    every += PUBLISH.with_rest(
        (name, f"{_ID} {word} {_TITLE}", says, then) for name, word, says, then in PLACES
    )
    every += PUBLISH.with_rest(
        (name, f"{_ID} {{files}}/new.toml --title {word}", _LINE, "^write one with: --title")
        for name, word in TITLES
    )
    every += PUBLISH.with_rest(WORDS)
    every += SHOW.with_rest(
        (f"for a publication, {name}", word, says, "^name the file that was published")
        for name, word, says in NOWHERE
    )
    every += SHOW.with_rest(
        (name, f"{SHOW.rest} {rest}", says, then) for name, rest, says, then in (*OUTPUTS, *PLOTS)
    )
    wrong = FILES | {f"{{files}}/{_file_of(name)}": says for name, (_, says) in BODIES.items()}
    return every + SHOW.with_rest(
        (
            ((f"a file that is no publication: {place}", place, says, "^do not use it; ask whoever gave it"))
            for place, says in wrong.items()
        ),
        exit_code=3,
    )
