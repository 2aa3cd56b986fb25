"""Wrong uses of `skerry consortium`, `skerry keys` and `skerry-node init`."""

from mnemonic import Mnemonic

from protocols.roster import Entry
from tests.integration.wrong.consortium_files import BERLIN, BOB, OSLO, OTTO, words_of
from tests.integration.wrong.line import SEE, line_mistakes
from tests.integration.wrong.use import Command, Row, WrongUse

_GOOD = "--folder {files}/good"
_WORDS = f"--fingerprint '{words_of(OSLO)}'"
ADD_CENTRE = Command(
    name="skerry consortium add-centre",
    start="skerry consortium add-centre",
    rest=f"{{files}}/cards/oslo {_WORDS} {_GOOD}",
)
ADD_OFFICER = Command(
    name="skerry consortium add-officer",
    start="skerry consortium add-officer",
    rest=f"{{files}}/cards/otto --fingerprint '{words_of(OTTO)}' {_GOOD}",
)
ADD_ANALYST = Command(
    name="skerry consortium add-analyst",
    start="skerry consortium add-analyst",
    rest=f"{{files}}/cards/bob --fingerprint '{words_of(BOB)}' {_GOOD}",
)
REMOVE = Command(
    name="skerry consortium remove", start="skerry consortium remove", rest=f"analyst ada {_GOOD}"
)
EXPIRE = Command(name="skerry consortium expire", start="skerry consortium expire", rest=f"--days 30 {_GOOD}")
SHOW = Command(name="skerry consortium show", start="skerry consortium show")
SIGN = Command(
    name="skerry consortium sign",
    start="skerry consortium sign",
    rest=f"--key {{files}}/keys/root-ben.key {_GOOD}",
)
INIT = Command(
    name="skerry consortium init",
    start="skerry consortium init",
    rest="{files}/new --name ketamine --keys anna,ben --threshold 2",
)
KEYS = Command(
    name="skerry keys init",
    start="skerry keys init",
    rest="{files}/new --sort analyst --id ada --institution Bergen",
)
NODE = Command(
    name="skerry-node init",
    start="skerry-node init",
    rest="{files}/new --centre berlin --institution Charite",
)
ALL = (ADD_CENTRE, ADD_OFFICER, ADD_ANALYST, REMOVE, EXPIRE, SHOW, SIGN, INIT, KEYS, NODE)

FOLDERS: list[tuple[str, str, str, str]] = [
    ("a folder that is not there", "absent", "the folder .*absent cannot be read", "--folder"),
    ("a folder that is a file", "a-file", "the folder .*a-file cannot be read", "--folder"),
    ("a folder below a file", "a-file/x", "the folder .* cannot be read", "--folder"),
    ("a folder of a name beyond all measure", "x" * 300, "cannot be read", "--folder"),
    ("an empty folder", "bare", "holds no root.toml", "skerry consortium init FOLDER"),
    ("no root", "no-root", "holds no root.toml", "skerry consortium init FOLDER"),
    ("a root of garbage", "root-garbage", "root.toml cannot be used", "put the right one back"),
    ("a root that nobody can satisfy", "root-of-nobody", "'threshold' is 1 to 3", "put the right one back"),
    ("the root of another", "root-of-another", "roster.toml cannot be used: .* bears 0 of the 1", "put the"),
    ("a roster of garbage", "roster-garbage", "roster.toml cannot be used: .* bears 0 of the 2", "put the"),
    ("a roster that one has signed", "roster-half-signed", "bears 1 of the 2 signatures", "put the right"),
    ("a roster that one has signed twice", "roster-twice-signed", "bears 1 of the 2 signatures", "put the"),
    ("a roster that was changed", "roster-changed", "bears 0 of the 2 signatures", "put the right one back"),
    ("a roster that is a link to itself", "loop", "roster.toml cannot be read", "name the right file"),
    ("a draft of garbage", "draft-garbage", "roster.draft.toml cannot be used: .*not TOML", "correct it, or"),
    ("a draft that is a folder", "draft-folder", "roster.draft.toml cannot be read", "name the right file"),
    ("a draft of another consortium", "draft-of-another", "is that of 'lungs'", "correct it, or move it"),
    ("a draft of a version that is signed", "draft-stale", "version 2 is signed already", "move it away"),
    ("a draft of a version far ahead", "draft-ahead", "not follow the roster here, of version 2", "put the"),
    (
        "a draft without the roster before it",
        "no-roster",
        "does not follow the first roster",
        "version 2 here",
    ),
    ("a draft with an institution twice", "draft-twice", "two centres to one institution", "correct it, or"),
    ("a draft with something behind its signature", "draft-with-a-tail", "only signature lines", "correct"),
    (
        "two drafts",
        "two-drafts",
        r"there is a second draft in .*: roster\.draft \(1\)\.toml",
        "keep the right",
    ),
]
_CARDS: list[Row] = [
    ("a card that is not there", "absent", "cards/absent cannot be read", "name the right file"),
    ("a card that is a folder", "", "cards/? cannot be read", "name the right file"),
    ("an empty card", "empty", "the card .*empty cannot be used: .* bears 0 signatures", "ask for the card"),
    ("a card of garbage", "garbage", "bears 0 signatures, and must bear one", "ask for the card again"),
    ("a card that is too large", "large", "is larger than 4,096 bytes", "ask for the card again"),
    ("a roster for a card", "roster", "is larger than 4,096 bytes", "ask for the card again"),
    ("an unsigned card", "unsigned", "bears 0 signatures, and must bear one", "ask for the card again"),
    (
        "a card that a stranger signed",
        "stolen",
        "the signature of 'oslo' .* is wrong",
        "ask for the card again",
    ),
    ("a card with a changed name", "changed-name", "bears no signature of 'osla'", "ask for the card again"),
    ("a card that was changed", "changed-institution", "signature of 'oslo' .* is wrong", "ask for the card"),
    ("a card with a changed sort", "changed-sort", "signature of 'oslo' .* is wrong", "ask for the card"),
    ("a card with an unknown key", "unknown-key", "unknown key 'admin'", "ask for the card again"),
    ("a card of no name", "no-name", "'os lo' is not a name", "ask for the card again"),
]
_READ = "read the twelve words again"


def _misheard() -> str:
    """Oslo's words with one exchanged, so that the checksum notices; of sixteen words it misses one."""
    rest = words_of(OSLO).partition(" ")[2]
    words = (f"{one} {rest}" for one in Mnemonic("english").wordlist)
    return next(one for one in words if not Mnemonic("english").check(one))


CENTRES: list[Row] = [
    (
        "a card of an officer",
        "otto",
        "is that of an entry of the sort officer, and not centre",
        "add-officer",
    ),
    ("a card of an analyst", "bob", "is that of an entry of the sort analyst, and not centre", "add-analyst"),
    ("a centre that is there", "berlin", "the centre berlin is in the roster already", "nothing is to do"),
    ("a name that is taken", "id-taken", "the name of the centre berlin is taken", "remove centre berlin"),
    (
        "a name but for a capital",
        "id-alike",
        "name of the centre Berlin is taken by .*berlin",
        "another name",
    ),
    (
        "an institution that is there",
        "institution-taken",
        "'CHARITE' has a centre already, berlin",
        "one entry",
    ),
    ("a signing key that is there", "key-taken", "is that of the centre berlin already", "keys of their own"),
    (
        "an X25519 key that is there",
        "x25519-taken",
        "is that of the officer olga already",
        "keys of their own",
    ),
    (
        "an ML-KEM key that is there",
        "mlkem768-taken",
        "is that of the analyst ada already",
        "keys of their own",
    ),
]
OFFICERS: list[Row] = [
    ("a card of a centre", "oslo", "is that of an entry of the sort centre, and not officer", "add-centre"),
    ("an officer who is there", "olga", "the officer olga is in the roster already", "nothing is to do"),
    ("a name that is taken", "officer-id-taken", "name of the officer olga is taken", "remove officer olga"),
    (
        "an officer of no centre",
        "officer-of-nobody",
        "centre bonn, which is not in the roster",
        "it can be|add",
    ),
    ("an officer of a centre but for a capital", "officer-of-alike", "the centre Berlin, which", "'berlin'"),
    ("a key that is there", "officer-key-taken", "is that of the centre berlin already", "keys of their own"),
]
ANALYSTS: list[Row] = [
    ("a card of a centre", "oslo", "is that of an entry of the sort centre, and not analyst", "add-centre"),
    ("a card of an officer", "otto", "is that of an entry of the sort officer, and not", "add-officer"),
    ("an analyst who is there", "ada", "the analyst ada is in the roster already", "nothing is to do"),
    ("a name but for capitals", "analyst-id-taken", "name of the analyst ADA is taken", "another name"),
    ("a key that is there", "analyst-key-taken", "is that of the officer olga already", "keys of their own"),
]
WORDS: list[Row] = [
    (
        "no fingerprint",
        "",
        r"nobody has compared the fingerprint of centre oslo \(Ulleval\)",
        "--fingerprint",
    ),
    ("an empty fingerprint", "--fingerprint ''", "12 words, and here are 0", _READ),
    (
        "a fingerprint of eleven words",
        f"--fingerprint '{words_of(OSLO).rpartition(' ')[0]}'",
        "are 11",
        _READ,
    ),
    ("a fingerprint of one word", "--fingerprint yes", "12 words, and here are 1", _READ),
    (
        "a word that is none",
        f"--fingerprint 'oslo {words_of(OSLO).partition(' ')[2]}'",
        "word 1, 'oslo'",
        _READ,
    ),
    ("words that were misheard", f"--fingerprint '{_misheard()}'", "misheard: its checksum is wrong", _READ),
    (
        "the words of another",
        f"--fingerprint '{words_of(BERLIN)}'",
        "another fingerprint than the",
        "not theirs",
    ),
]
REMOVES: list[Row] = [
    ("a sort that is none", f"hospital berlin {_GOOD}", "'hospital' is not one of", SEE),
    ("a sort in capitals", f"CENTRE berlin {_GOOD}", "'CENTRE' is not one of", ""),
    ("a sort without a name", "centre", "ID is missing", SEE),
    (
        "somebody who is not there",
        f"centre oslo {_GOOD}",
        "the roster has no centre 'oslo'",
        "it can be|mean",
    ),
    ("a name but for a capital", f"centre Berlin {_GOOD}", "no centre 'Berlin'", "did you mean 'berlin'"),
    ("a name that begins alike", f"centre berli {_GOOD}", "no centre 'berli'", "did you mean 'berlin'"),
    ("a name of another sort", f"officer ada {_GOOD}", "the roster has no officer 'ada'", "'olga'"),
    ("everybody", f"centre '*' {_GOOD}", r"the roster has no centre '\*'", ""),
    ("an empty name", f"centre '' {_GOOD}", "the roster has no centre ''", ""),
    ("a name of control characters", f"centre '\x1b[31m' {_GOOD}", "the roster has no centre", ""),
]
EXPIRES: list[Row] = [
    ("no days", f"--days 0 {_GOOD}", "0 is not in the range", SEE),
    ("days gone by", f"--days -3 {_GOOD}", "-3 is not in the range", SEE),
    ("days beyond a year", f"--days 367 {_GOOD}", "367 is not in the range", SEE),
    ("days without end", f"--days {'9' * 30} {_GOOD}", "is not in the range", SEE),
    ("days in words", f"--days ninety {_GOOD}", "'ninety' is not a whole number", SEE),
    ("half a day", f"--days 0.5 {_GOOD}", "'0.5' is not a whole number", SEE),
    ("a date", f"--days 2027-01-01 {_GOOD}", "is not a whole number", SEE),
]
_KEY = "--key {files}/keys"
SIGNS: list[Row] = [
    ("a key that is not there", f"{_KEY}/absent.key {_GOOD}", "absent.key cannot be read", "name the right"),
    ("a key that is a folder", f"{_KEY} {_GOOD}", "keys cannot be read", "name the right"),
    ("a key that is open to all", f"{_KEY}/open.key {_GOOD}", "open.key is open to others", "chmod 600"),
    ("a key that is open to a group", f"{_KEY}/group.key {_GOOD}", "is open to others", "chmod 600"),
    (
        "the key of a stranger",
        f"{_KEY}/stranger.key {_GOOD}",
        "none of the root of ketamine",
        "anna, ben, carla",
    ),
    ("an empty key", f"{_KEY}/empty.key {_GOOD}", "is no key of a root, which has 32 bytes", "root-NAME.key"),
    ("a short key", f"{_KEY}/short.key {_GOOD}", "is no key of a root, which has 32 bytes", "root-NAME.key"),
    ("a long key", f"{_KEY}/long.key {_GOOD}", "is no key of a root, which has 32 bytes", "root-NAME.key"),
    (
        "a key in digits",
        f"{_KEY}/hex.key {_GOOD}",
        "is no key of a root, which has 32 bytes",
        "root-NAME.key",
    ),
    (
        "a key that has signed",
        f"{_KEY}/root-anna.key {_GOOD}",
        "anna has signed this draft already",
        "another",
    ),
    ("nothing to sign", f"{_KEY}/root-ben.key --folder {{files}}/no-draft", "no draft to sign", "make one"),
    (
        "a draft that has expired",
        f"{_KEY}/root-ben.key --folder {{files}}/draft-expired",
        "the draft has expired on",
        "skerry consortium expire --days 90",
    ),
    ("a card for a key", f"--key {{files}}/cards/oslo {_GOOD}", "open to others|is no key", ""),
]
_NAMED = "{files}/new --name ketamine"
INITS: list[Row] = [
    ("no name", "{files}/new", "the option --name is missing", "^add --name TEXT; "),
    (
        "a name that is none",
        "{files}/new --name 'the ketamine'",
        "'the ketamine' is not a name",
        "write --name",
    ),
    ("an empty name", "{files}/new --name ''", "'' is not a name", "write --name"),
    ("a name with a path", "{files}/new --name ../x", "'../x' is not a name", "write --name"),
    ("a name of control characters", "{files}/new --name '\x1b[31m'", "is not a name", "write --name"),
    ("a name of a page", f"{{files}}/new --name {'k' * 64}", "is not a name", "write --name"),
    ("a keeper whose name is none", f"{_NAMED} --keys 'anna,ben b'", "'ben b' is not a name", "write --name"),
    ("a keeper with a path", f"{_NAMED} --keys anna,../ben", "'../ben' is not a name", "write --name"),
    ("a comma too many", f"{_NAMED} --keys anna,", "'' is not a name", "write --name"),
    ("a space behind a comma", f"{_NAMED} --keys 'anna, ben'", "' ben' is not a name", "write --name"),
    ("no keepers", f"{_NAMED} --keys ''", "'' is not a name", "write --name"),
    ("a keeper twice", f"{_NAMED} --keys anna,anna", "--keys names somebody twice", "a name of their own"),
    (
        "a keeper twice but for a capital",
        f"{_NAMED} --keys anna,Anna",
        "names somebody twice",
        "of their own",
    ),
    (
        "a threshold above the keys",
        f"{_NAMED} --keys anna,ben --threshold 3",
        "3 is not 1 to 2",
        "more keepers",
    ),
    ("a threshold for the one key", f"{_NAMED} --threshold 2", "--threshold 2 is not 1 to 1", "more keepers"),
    ("a threshold of nobody", f"{_NAMED} --threshold 0", "0 is not in the range", SEE),
    ("a threshold in words", f"{_NAMED} --threshold two", "'two' is not a whole number", SEE),
    ("a folder that is a file", "{files}/a-file --name ketamine", "a-file is a file", "name another folder"),
    ("a folder below a file", "{files}/a-file/x --name ketamine", "cannot be written", "check the folder"),
    (
        "a folder of a consortium",
        "{files}/good --name ketamine",
        "root.toml is there already",
        "another folder",
    ),
    (
        "a folder with a roster",
        "{files}/no-root --name ketamine",
        "roster.toml is there already",
        "another folder",
    ),
    (
        "a folder with a key",
        "{files}/has-root-anna.key --name k --keys anna,ben",
        "root-anna.key is there already, and is kept",
        "another folder",
    ),
    ("a folder of the system", "/proc/skerry --name ketamine", "cannot be written", "check the folder"),
]
_ADA = "--sort analyst --id ada --institution Bergen"
KEY_SETS: list[Row] = [
    ("no sort", "{files}/new --id ada --institution Bergen", "the option --sort is missing", "^add --sort"),
    ("no name", "{files}/new --sort analyst --institution Bergen", "the option --id is missing", "^add --id"),
    (
        "the sort of a centre",
        "{files}/new --sort centre --id b --institution B",
        "'centre' is not one of",
        SEE,
    ),
    (
        "an analyst without an institution",
        "{files}/new --sort analyst --id ada",
        "has an --institution",
        "write:",
    ),
    ("an analyst of a centre", "{files}/new --sort analyst --id a --centre b", "and no --centre", "write:"),
    ("an analyst with both", f"{{files}}/new {_ADA} --centre berlin", "and no --centre", "write:"),
    ("an officer without a centre", "{files}/new --sort officer --id olga", "has a --centre", "write:"),
    (
        "an officer of an institution",
        "{files}/new --sort officer --id o --institution B",
        "no --inst",
        "write:",
    ),
    (
        "a name that is none",
        "{files}/new --sort analyst --id 'a b' --institution B",
        "--id: 'a b' is not",
        "--id",
    ),
    ("an officer's name that is none", "{files}/new --sort officer --id '' --centre b", "--id: ''", "--id"),
    (
        "a centre that is no name",
        "{files}/new --sort officer --id o --centre ../b",
        "--centre: '../b'",
        "--centre",
    ),
    (
        "an empty institution",
        "{files}/new --sort analyst --id a --institution ''",
        "--institution is",
        "legal",
    ),
    (
        "a blank institution",
        "{files}/new --sort analyst --id a --institution ' '",
        "--institution is",
        "legal",
    ),
    ("two lines", "{files}/new --sort analyst --id a --institution 'A\nB'", "--institution is", "legal name"),
    ("a page", f"{{files}}/new --sort analyst --id a --institution {'A' * 201}", "1 to 200", "legal name"),
    ("a folder that is a file", f"{{files}}/a-file {_ADA}", "a-file is a file", "name another folder"),
    ("a folder below a file", f"{{files}}/a-file/x {_ADA}", "cannot be written", "check the folder"),
    ("a folder of the system", f"/proc/skerry {_ADA}", "cannot be written", "check the folder"),
    *(
        (
            f"a folder with {name}",
            f"{{files}}/has-{name} {_ADA}",
            f"{name} is there already, and is",
            "another",
        )
        for name in ("signing.key", "sealing.key", "tls.key", "card.toml")
    ),
]
_BERLIN = "--centre berlin --institution Charite"
NODES: list[Row] = [
    ("no centre", "{files}/new --institution Charite", "the option --centre is missing", "^add --centre"),
    ("no institution", "{files}/new --centre berlin", "the option --institution is missing", "^add --inst"),
    (
        "a centre that is no name",
        "{files}/new --centre 'a b' --institution B",
        "--centre: 'a b' is not",
        "--centre",
    ),
    ("an empty centre", "{files}/new --centre '' --institution B", "--centre: '' is not a name", "--centre"),
    ("a centre with a path", "{files}/new --centre ../b --institution B", "--centre: '../b'", "--centre"),
    (
        "an empty institution",
        "{files}/new --centre b --institution ''",
        "--institution is a name",
        "legal name",
    ),
    ("two lines", "{files}/new --centre b --institution 'A\nB'", "--institution is a name", "legal name"),
    ("a page", f"{{files}}/new --centre b --institution {'A' * 201}", "1 to 200", "legal name"),
    ("a folder that is a file", f"{{files}}/a-file {_BERLIN}", "a-file is a file", "name another folder"),
    ("a folder below a file", f"{{files}}/a-file/x {_BERLIN}", "cannot be written", "check the folder"),
    ("a folder of the system", f"/proc/skerry {_BERLIN}", "cannot be written", "check the folder"),
    ("keys that are a file", f"{{files}}/node-file {_BERLIN}", "keys is a file", "name another folder"),
    (
        "a folder with card.toml",
        f"{{files}}/has-card.toml {_BERLIN}",
        "card.toml is there already",
        "another",
    ),
    ("a key that is a link to nowhere", f"{{files}}/node-link {_BERLIN}", "tls.key is there", "another"),
    *(
        (
            f"a folder with {name}",
            f"{{files}}/node-{name} {_BERLIN}",
            f"keys/{name} is there already",
            "another",
        )
        for name in ("identity.key", "sealing.key", "snapshots.key", "tls.key")
    ),
]


def _in_folders(command: Command, rest: str) -> list[WrongUse]:
    """Give the mistakes of the folder; where it is the place of the words, they come from it."""
    rows = [(name, f"{rest} --folder {{files}}/{folder}", says, then) for name, folder, says, then in FOLDERS]
    return command.with_rest(rows)


def _with_cards(command: Command, cards: list[Row], entry: Entry) -> list[WrongUse]:
    rest = f"--fingerprint '{words_of(entry)}' {_GOOD}"
    rows = [(name, f"{{files}}/cards/{card} {rest}", says, then) for name, card, says, then in cards]
    return command.with_rest(rows)


def consortium_uses() -> list[WrongUse]:
    """Give every wrong use of these commands; no server is needed for any."""
    words = [(name, f"{{files}}/cards/oslo {one} {_GOOD}", says, then) for name, one, says, then in WORDS]
    return [
        *(use for command in ALL for use in line_mistakes(command)),
        *_with_cards(ADD_CENTRE, [*_CARDS, *CENTRES], OSLO),
        *_with_cards(ADD_OFFICER, [*_CARDS, *OFFICERS], OTTO),
        *_with_cards(ADD_ANALYST, [*_CARDS, *ANALYSTS], BOB),
        *ADD_CENTRE.with_rest(words),
        *_in_folders(ADD_CENTRE, f"{{files}}/cards/oslo {_WORDS}"),
        *_in_folders(REMOVE, "centre berlin"),
        *_in_folders(EXPIRE, "--days 30"),
        *_in_folders(SHOW, ""),
        *_in_folders(SIGN, "--key {files}/keys/root-ben.key"),
        *REMOVE.with_rest(REMOVES),
        *EXPIRE.with_rest(EXPIRES),
        *SIGN.with_rest(SIGNS),
        *INIT.with_rest(INITS),
        *KEYS.with_rest(KEY_SETS),
        *NODE.with_rest(NODES),
    ]
