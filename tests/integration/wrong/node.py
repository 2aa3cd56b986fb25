"""Wrong uses of `skerry-node` by the custodian: its settings, papers, data and snapshots."""

from dataclasses import replace

from tests.integration.wrong.line import SEE, line_mistakes
from tests.integration.wrong.settings import DICTIONARY, SHARED, TRANSPORT, paper_mistakes, settings_mistakes
from tests.integration.wrong.tables import TABLES, file_of
from tests.integration.wrong.use import CONFIG, Command, WrongUse

RUN = Command(name="skerry-node run", start=f"{CONFIG} run", takes_json=False)
IMPORT = Command(name="skerry-node import", start=f"{CONFIG} import", rest="{files}/people.csv")
STATUS = Command(name="skerry-node status", start=f"{CONFIG} status")
PAUSE = Command(name="skerry-node pause", start=f"{CONFIG} pause")
RESUME = Command(name="skerry-node resume", start=f"{CONFIG} resume")
SNAPSHOTS = Command(name="skerry-node snapshots", start=f"{CONFIG} snapshots")
RETIRE = Command(name="skerry-node snapshots retire", start=f"{CONFIG} snapshots retire", rest="{snapshot}")
ERASE = Command(
    name="skerry-node snapshots erase", start=f"{CONFIG} snapshots erase", rest="--yes {snapshot}"
)
WITH_SETTINGS = (RUN, IMPORT, STATUS, PAUSE, RESUME, SNAPSHOTS, RETIRE, ERASE)

DRAFTED = (
    "a dictionary that is a draft",
    "dictionary-drafted",
    "is a draft: nobody has confirmed people.age",
    "take each mark out",
)
PAPERS = [
    *SHARED,
    *DICTIONARY,
    DRAFTED,
    ("no policy", "policy-absent", "policy-absent cannot be read", ""),
    (
        "a policy that nobody signed",
        "policy-unsigned",
        "the policy bears no signature of 'officer-alone'",
        "",
    ),
    (
        "a policy that was edited",
        "policy-edited",
        "the signature of 'officer-alone' under the policy is wrong",
        "",
    ),
    (
        "a policy of another officer",
        "policy-of-another-officer",
        "the policy bears no signature of 'officer-alone'",
        "",
    ),
    ("a policy of a mode that is none", "policy-unknown-mode", "'modes' does not know 'all'", ""),
    (
        "a policy that forbids nothing",
        "policy-forbids-nothing",
        "forbids 'people.agee', .*did you mean 'people.age'",
        "",
    ),
    ("another officer", "other-officer", "the roster knows no officer 'officer-b' of the centre 'alone'", ""),
    ("another centre", "other-centre", "the roster does not know the centre 'berlin'", ""),
    (
        "a study of another officer",
        "study-of-another-officer",
        "the study bears no signature of 'officer-alone'",
        "",
    ),
    ("a study twice", "study-twice", "the study 'sandbox' is there twice", ""),
    ("a study that is cut off", "study-cut", "the study bears no signature of 'officer-alone'", ""),
    (
        "a study of a field that is none",
        "study-of-no-field",
        "allows 'people.agee', .*did you mean 'people.age'",
        "",
    ),
]
KEYS = [
    ("no keys", "keys-absent", "identity.key|snapshots.key", ""),
    ("a file for the keys", "keys-file", "cannot be read .Not a directory", ""),
    ("keys that are short", "keys-short", "have 32 bytes each", ""),
    ("keys that are open to others", "keys-open", "is open to others; replace it, or run: chmod 600", ""),
]
RUNNING = [
    *KEYS,
    *TRANSPORT,
    (
        "a certificate of another",
        "tls-of-another",
        "it names skerry://centre/b, and must name skerry://centre/alone",
        "",
    ),
    ("no transport key", "keys-without-tls", "tls.key cannot be read", ""),
    ("a transport key that is none", "keys-tls-garbage", "its private key is none in PEM", ""),
    ("a file for the data", "data-file", "cannot be used .(File exists|Not a directory)", ""),
    ("a second node of one folder", "data-held", "is running already", "leave it"),
    (
        "a registry by another name",
        "dictionary-renamed",
        "is that of the registry 'small', and the dictionary names 'other'",
        "",
    ),
]
LEDGER_RUN = [
    ("a ledger that is lost", "ledger-lost", "the ledger .* is gone, and snapshots are there", ""),
    ("a ledger of bytes", "ledger-garbage", "ledger", ""),
    ("a ledger that was edited", "ledger-edited", "the ledger does not add up", ""),
    ("a ledger that lacks an event", "ledger-shortened", "the ledger does not add up", ""),
    ("a folder for a ledger", "ledger-folder", "ledger", ""),
    ("an empty file for a ledger", "ledger-empty", "ledger", ""),
    ("another database for a ledger", "ledger-of-another", "ledger", ""),
]
LISTS = [
    ("a list of snapshots that is broken", "list-broken", "list", ""),
    ("a list of snapshots that is cut off", "list-cut", "list", ""),
    ("a list of snapshots of another format", "list-other", "list", ""),
    ("a folder for the list of snapshots", "list-folder", "list", ""),
]
IDS = [
    ("an empty id", "''"),
    ("an id that is cut", "0123456789abcdef"),
    ("an id of no snapshot", "00" * 16),
    ("an id that is too long", "00" * 17),
    ("an id with dashes", "01234567-89ab-cdef-0123-456789abcdef"),
    ("an id with a space", "' {snapshot}'"),
    ("an id in other digits", "\u0661" * 32),
    ("an id with a control character", f"'{'00' * 15}\x1b0'"),
    ("the current one by its word", "current"),
    ("the file of a snapshot", "{snapshot}.duckdb"),
    ("a number of the list", "1"),
    ("every snapshot", "'*'"),
]
REASONS = [
    ("a reason that is too long", f"--reason {'x' * 201}", "one line of at most 200 characters", ""),
    ("a reason of two lines", "--reason 'one\ntwo'", "one line of at most 200 characters", ""),
    ("a reason with an escape", "--reason 'red \x1b[31m'", "one line of at most 200 characters", ""),
    ("a reason without quotes", "--reason two words", "got unexpected extra argument .words", SEE),
    ("a reason without its option", "maintenance", "got unexpected extra argument .maintenance", SEE),
]
FLAGS = [
    ("a folder for the flag", "flag-folder", "the flag .*paused.json cannot be", ""),
    ("a file for the data", "data-file", "the flag .*paused.json cannot be", ""),
]


def custodian_uses() -> list[WrongUse]:
    """Give every wrong use of the custodian's commands but those about dictionaries."""
    every = [use for command in WITH_SETTINGS for use in line_mistakes(command)]
    every += [use for command in WITH_SETTINGS for use in settings_mistakes(command)]
    every += paper_mistakes(RUN, [*PAPERS, *RUNNING])
    every += paper_mistakes(RUN, LEDGER_RUN, exit_code=6)
    every += PAUSE.with_rest(REASONS)
    every += [use for command in (PAUSE, RESUME) for use in paper_mistakes(command, FLAGS)]
    return [*every, *_import_uses(), *_snapshot_uses()]


def _import_uses() -> list[WrongUse]:
    then = "(every row's reason is in|the report is) .*[.]html$"
    rows = [
        (f"a table that {name}", f"{{files}}/{file_of(name)}", says, then)
        for name, (_, says) in TABLES.items()
    ]
    return [
        *paper_mistakes(IMPORT, [*DICTIONARY, DRAFTED, *KEYS]),
        *paper_mistakes(IMPORT, LEDGER_RUN[:1], exit_code=6),
        # One form is enough: to read a table takes half a second, and what is said stands in both places.
        *(replace(use, forms=("--json",)) for use in IMPORT.with_rest(rows)),
    ]


def _snapshot_uses() -> list[WrongUse]:
    every = []
    for command in (SNAPSHOTS, RETIRE, ERASE):
        every += paper_mistakes(command, KEYS) + paper_mistakes(command, LISTS, exit_code=6)
    for command, yes in ((RETIRE, ""), (ERASE, "--yes ")):
        every += command.with_rest((name, yes + word, "this node has no snapshot", "") for name, word in IDS)
    unasked = ("without --yes", "{snapshot}", "cannot be undone, and nobody has confirmed it", "add --yes")
    return every + ERASE.with_rest([unasked])
