"""Wrong uses of the commands by which a centre comes in: `enrol`, `token`, `authority init`."""

from tests.integration.wrong.line import SEE, line_mistakes
from tests.integration.wrong.settings import settings_mistakes
from tests.integration.wrong.use import CONFIG, Command, WrongUse

_OF = "--config {box}/coordinator/coordinator.toml"
_TOKEN = f"skerry-{'a' * 26}.{'a' * 52}"
ENROL = Command(name="skerry-node enrol", start=f"{CONFIG} enrol", rest=f"--at 127.0.0.1:1 --token {_TOKEN}")
TOKEN = Command(name="skerry-coordinator token", start="skerry-coordinator token", rest=f"centre alone {_OF}")
INIT = Command(
    name="skerry-coordinator authority init",
    start="skerry-coordinator authority init",
    rest=f"{_OF} --host localhost",
)
_AT = "--at 127.0.0.1:1"
_NO_TOKEN = "a token begins with skerry-"
_PASTE = "^paste the whole token"
ENROLMENTS = [
    ("a token of no kind", f"{_AT} --token abc", _NO_TOKEN, _PASTE),
    ("half a token", f"{_AT} --token skerry-{'a' * 26}", _NO_TOKEN, _PASTE),
    ("a token cut", f"{_AT} --token {_TOKEN[:-1]}", "a half of the token has a wrong character", _PASTE),
    ("a token with a wrong letter", f"{_AT} --token {_TOKEN[:-1]}1", "a half of the token", _PASTE),
    ("a token of another authority", f"{_AT} --token {_TOKEN}", "is not that of the authority", _PASTE),
    ("no address", f"--token {_TOKEN}", "'--at' is missing|is missing", SEE),
]
TOKENS = [
    ("no name", f"centre {_OF}", "is missing", SEE),
    ("a sort that is none", f"officer alone {_OF}", "'officer' is neither centre nor analyst", "^write: "),
    ("a name that is none", f"centre a/b {_OF}", "'a/b' is not a name", "^give the name in the roster"),
    ("a name of nobody", f"centre berlin {_OF}", "the roster has no centre 'berlin'", "^see the names"),
    ("a centre as analyst", f"analyst alone {_OF}", "the roster has no analyst 'alone'", "^see the names"),
    ("no authority", f"centre alone {_OF}", "the authority .* cannot be read", "authority init$"),
]
AUTHORITIES = [
    ("no host", _OF, "is missing", SEE),
    (
        "another authority there",
        f"{_OF} --host localhost",
        "is there already, of another authority",
        "^nothing",
    ),
]


def enrolment_uses() -> list[WrongUse]:
    """Give every wrong use of the three."""
    uses = [one for command in (ENROL, TOKEN, INIT) for one in line_mistakes(command)]
    uses += [one for command in (ENROL, TOKEN, INIT) for one in settings_mistakes(command)]
    uses += [*ENROL.with_rest(ENROLMENTS), *TOKEN.with_rest(TOKENS), *INIT.with_rest(AUTHORITIES)]
    return uses
