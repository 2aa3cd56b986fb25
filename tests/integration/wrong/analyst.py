"""Wrong uses of `skerry`: everything that the analyst asks."""

from tests.integration.wrong.files import NOWHERE
from tests.integration.wrong.line import SEE, line_mistakes
from tests.integration.wrong.questions import QUESTIONS, file_of
from tests.integration.wrong.settings import DICTIONARY, SHARED, TRANSPORT, paper_mistakes, settings_mistakes
from tests.integration.wrong.use import PROFILE, Command, WrongUse

RUN = Command(name="skerry query run", start=f"{PROFILE} query run", rest="{files}/valid.yaml")
CHECK = Command(name="skerry query check", start=f"{PROFILE} query check", rest="{files}/valid.yaml")
PLAN = Command(name="skerry query plan", start=f"{PROFILE} query plan", rest="{files}/valid.yaml")
STATUS = Command(name="skerry query status", start=f"{PROFILE} query status", rest="00" * 16)
RESULT = Command(name="skerry query result", start=f"{PROFILE} query result", rest="00" * 16)
LIST = Command(name="skerry query list", start=f"{PROFILE} query list")
DESCRIBE = Command(name="skerry registry describe", start=f"{PROFILE} registry describe")
ALL = (RUN, CHECK, PLAN, STATUS, RESULT, LIST, DESCRIBE)

PAPERS = [
    *SHARED,
    *DICTIONARY,
    *TRANSPORT,
    ("no signing key", "signing-key-absent", "signing-key-absent cannot be read", ""),
    ("a signing key that is short", "signing-key-short", "is not an Ed25519 key of 32 bytes", ""),
    ("a signing key that is open to others", "signing-key-open", "is open to others", ""),
    ("a transport key that is open to others", "tls-key-open", "is open to others", ""),
    ("a transport key that is none", "tls-key-garbage", "its private key is none in PEM", ""),
    ("a transport key of another", "tls-key-of-another", "it belongs to another private key", ""),
    (
        "a certificate of another",
        "tls-of-another",
        "it names skerry://analyst/eve, and must name skerry://analyst/analyst",
        "",
    ),
    ("a centre that the roster does not know", "other-centre", "does not know the centre 'berlin'", ""),
    ("no centres", "no-centres", "centres: must have at least one entry", ""),
    ("a centre that is no name", "centre-path", "not a name", ""),
    ("a deadline of nothing", "no-deadline", "deadline_s: must be greater than 0", ""),
    ("a deadline in words", "deadline-words", "deadline_s: ", ""),
    ("a deadline beyond all patience", "deadline-year", "deadline_s: must be less than or equal to 600", ""),
    (
        "a question that is valid for a year",
        "valid-year",
        "valid_hours: must be less than or equal to 168",
        "",
    ),
    ("a port that is no port", "port-words", "coordinator: must be HOST:PORT", ""),
    ("a port that cannot be", "port-too-great", "coordinator: must be HOST:PORT, the port at most 65535", ""),
    ("an address of the web", "address-of-the-web", "coordinator: must be HOST:PORT", ""),
]
AWAY = [
    (
        "no coordinator",
        "closed-port",
        "the coordinator at 127.0.0.1:1 does not answer",
        "check that the coordinator runs",
    ),
    (
        "a coordinator of no host",
        "host-of-nobody",
        "at no-such-host.invalid:1 does not answer",
        "names its address",
    ),
]
VALUES = {
    "host-of-nobody": ("coordinator", '"no-such-host.invalid:1"'),
    "other-centre": ("centres", '["alone", "berlin"]'),
    "no-centres": ("centres", "[]"),
    "centre-path": ("centres", '["../alone"]'),
    "no-deadline": ("deadline_s", "0"),
    "deadline-words": ("deadline_s", '"soon"'),
    "deadline-year": ("deadline_s", "1e7"),
    "valid-year": ("valid_hours", "8760"),
    "port-words": ("coordinator", '"localhost:https"'),
    "port-too-great": ("coordinator", '"localhost:99999"'),
    "address-of-the-web": ("coordinator", '"https://localhost:1"'),
    "closed-port": ("coordinator", '"127.0.0.1:1"'),
}
IDS = [
    ("an empty id", "''"),
    ("an id that is cut", "0123456789abcdef"),
    ("an id that is too long", "00" * 17),
    ("an id in capitals", "AB" * 16),
    ("an id with dashes", "01234567-89ab-cdef-0123-456789abcdef"),
    ("an id with 0x", "0x" + "00" * 16),
    ("an id with spaces", f"' {'00' * 16}'"),
    ("an id that is no number", "zz" * 16),
    ("an id in other digits", "\u0661" * 32),
    ("an id with a control character", f"'{'00' * 15}\x1b0'"),
    ("a question for an id", "{files}/valid.yaml"),
    ("the latest as an id", "latest"),
]
ID_SAYS = "written as 32 hexadecimal digits"
ID_THEN = "skerry query list"
OUTPUTS = [
    ("a page that is a picture", "--page {files}/out.svg", "out.svg", ""),
    ("a page without a suffix", "--page {files}/out", "out", ""),
    ("a page in a folder that is not there", "--page {files}/gone/out.html", "gone", ""),
    ("a page that is a folder", "--page {files}/folder.html", "folder.html", ""),
    ("a page without a name", "--page ''", "", ""),
    ("a page below a file", "--page {files}/valid.yaml/out.html", "out.html", ""),
]
PLOTS = [
    ("a picture that is a page", "--plot {files}/out.html", "out.html", ""),
    ("a picture that is a PDF", "--plot {files}/out.pdf", "out.pdf", ""),
    ("a picture without a suffix", "--plot {files}/out", "out", ""),
    ("a picture in a folder that is not there", "--plot {files}/gone/out.svg", "gone", ""),
    ("a picture that is a folder", "--plot {files}/folder.svg", "folder.svg", ""),
]


def analyst_uses() -> list[WrongUse]:
    """Give the wrong uses for which no coordinator is needed."""
    every = [use for command in ALL for use in (*line_mistakes(command), *settings_mistakes(command))]
    every += [use for command in (RUN, STATUS, LIST, DESCRIBE) for use in paper_mistakes(command, PAPERS)]
    for command in (RUN, PLAN, STATUS, RESULT, LIST, DESCRIBE):
        every += paper_mistakes(command, AWAY, exit_code=5)
    for command in (RUN, CHECK, PLAN):
        every += command.with_rest(
            (f"for a question, {name}", word, says, "name an existing YAML or JSON file")
            for name, word, says in NOWHERE
        )
        every += command.with_rest(
            (f"a question that {name}", f"{{files}}/{file_of(name)}", says, then)
            for name, (_, says, then) in QUESTIONS.items()
        )
    for command in (STATUS, RESULT):
        every += command.with_rest((name, word, ID_SAYS, ID_THEN) for name, word in IDS)
    every += LIST.with_rest((f"before {name}", f"--before {word}", ID_SAYS, ID_THEN) for name, word in IDS)
    every += PLAN.with_rest(
        (f"from {name}", f"{{files}}/valid.yaml --from-count {word}", ID_SAYS, ID_THEN) for name, word in IDS
    )
    for command in (RUN, RESULT, DESCRIBE):
        every += command.with_rest(
            (name, f"{command.rest} {rest}", says, then) for name, rest, says, then in OUTPUTS
        )
    for command in (RUN, RESULT):
        every += command.with_rest(
            (name, f"{command.rest} {rest}", says, then) for name, rest, says, then in PLOTS
        )
    limits = (
        ("of nothing", "0"),
        ("below nothing", "-1"),
        ("of a part", "1.5"),
        ("in words", "all"),
        ("beyond the most", "1000000"),
        ("of nowhere", "''"),
    )
    every += LIST.with_rest(
        (f"a limit {name}", f"--limit {value}", "'--limit'", SEE) for name, value in limits
    )
    return every


def online_uses() -> list[WrongUse]:
    """Give the wrong uses that a running coordinator tells; `{count}` and `{table}` were asked before."""
    nobody = "ff" * 16
    unknown = "no question of yours with this id"
    stranger = paper_mistakes(
        RUN,
        [
            (
                "a signing key of nobody",
                "signing-key-of-nobody",
                "does not relay this question",
                "your roster",
            )
        ],
        exit_code=3,
    )
    return [
        *stranger,
        *STATUS.with_rest([("an id of nobody", nobody, unknown, ID_THEN)]),
        *RESULT.with_rest([("an id of nobody", nobody, unknown, ID_THEN)]),
        *LIST.with_rest([("before an id of nobody", f"--before {nobody}", unknown, ID_THEN)]),
        *PLAN.with_rest(
            [
                ("from a count of nobody", f"{{files}}/valid.yaml --from-count {nobody}", unknown, ID_THEN),
                (
                    "from a table that is no count",
                    "{files}/means.yaml --from-count {table}",
                    "the earlier count: it is a mean, not a count",
                    "",
                ),
            ]
        ),
    ]
