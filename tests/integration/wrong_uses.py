"""Wrong uses of the four programs, by name: the words, the exit code, and a part of the sentence.

`{box}` is a running sandbox of the centre `alone`, `{files}` a folder with the files that
`write_files` makes. Where the programs take `--json`, each use is tried with it and without.
"""

from dataclasses import dataclass
from pathlib import Path

SKERRY = "skerry --profile {box}/analyst.toml"
NODE = "skerry-node --config {box}/centres/alone/node.toml"
UP = "skerry-sandbox up {files}/new"
DICTIONARY = "--dictionary {files}/small.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongUse:
    """One wrong use and what must come of it."""

    words: str
    says: str
    exit_code: int = 2
    takes_json: bool = True


BROKEN = {
    "coordinator/coordinator.toml": 'tls_key = "tls.key"',
    "centres/alone/node.toml": 'tls_certificate = "tls.pem"',
    "analyst.toml": 'tls_certificate = "analyst/tls.pem"',
}
"""Settings of the sandbox, and the line in which a copy of them, `broken.toml`, names an absent file."""


def write_broken_settings(box: Path) -> None:
    """Write the copies beside the settings."""
    for place, line in BROKEN.items():
        text = (box / place).read_text(encoding="utf-8")
        broken = text.replace(line, line.split(" =")[0] + ' = "absent.pem"')
        (box / place).with_name("broken.toml").write_text(broken, encoding="utf-8")


def _question(statistic: str, release: str = "mode: dp, scope: centre, rho: 1", more: str = "") -> str:
    return f"study: sandbox\nstatistic: {{{statistic}}}\nrelease: {{{release}}}\n{more}"


QUESTIONS = {
    "no-yaml": "statistic: [kind: count",
    "empty": "",
    "list": "- count",
    "no-release": "study: sandbox\nstatistic: {kind: count}\n",
    "unknown-key": _question("kind: count", more="cohrot: {field: sex, equals: M}\n"),
    "unknown-kind": _question("kind: meen, variable: age"),
    "unknown-field": _question("kind: mean, variable: agee"),
    "local-cohort": _question("kind: count", more="cohort: {field: note, equals: x}\n"),
    "identifier": _question("kind: count, by: name"),
    "unknown-code": _question("kind: count", more="cohort: {field: stage, equals: Ii}\n"),
    "empty-codes": _question("kind: proportion, variable: stage, in: []"),
    "falling-edges": _question("kind: histogram, variable: age, edges: [50, 40]"),
    "mean-of-codes": _question("kind: mean, variable: stage"),
    "by-a-number": _question("kind: count, by: age"),
    "by-twice": _question("kind: count, by: [sex, sex]"),
    "by-four": _question("kind: count, by: [sex, stage, smoker, id]"),
    "no-scope": _question("kind: count", "mode: dp, rho: 1"),
    "no-loss": _question("kind: count", "mode: dp, scope: centre"),
    "rho-and-epsilon": _question("kind: count", "mode: dp, scope: centre, rho: 1, epsilon: 1"),
    "rho-zero": _question("kind: count", "mode: dp, scope: centre, rho: 0"),
    "rho-negative": _question("kind: count", "mode: dp, scope: centre, rho: -1"),
    "rho-too-great": _question("kind: count", "mode: dp, scope: centre, rho: 1000000001"),
    "rho-nan": _question("kind: count", "mode: dp, scope: centre, rho: .nan"),
    "delta-one": _question("kind: count", "mode: dp, scope: centre, epsilon: 1, delta: 1"),
    "mode-exact": _question("kind: count", "mode: exact, scope: centre, rho: 1"),
    "quorum-zero": _question("kind: count", more="quorum: 0\n"),
    "quorum-too-great": _question("kind: count", more="quorum: 2\n"),
    "other-study": _question("kind: count").replace("sandbox", "not/a/name"),
    "object": _question("kind: !!python/object:os.system x"),
    "binary": "\0\1\2",
    "valid": _question("kind: count", "mode: dp, scope: centre, rho: 0.001"),
}


def write_files(folder: Path, dictionary: str) -> None:
    """Write the questions, dictionaries, profiles and tables that the wrong uses name."""
    for name, text in QUESTIONS.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    (folder / "typo.yaml").write_text(dictionary.replace("constraints", "constraint", 1), encoding="utf-8")
    (folder / "reserved.yaml").write_text(
        dictionary.replace("name: note", "name: estimate"), encoding="utf-8"
    )
    (folder / "profile.toml").write_text('analyst = "analyst"\ncolour = "red"\n', encoding="utf-8")
    (folder / "policy.toml").write_text('format = "skerry.policy/1"\nmodes = ["all"]\n', encoding="utf-8")
    (folder / "header.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    (folder / "empty.csv").write_text("", encoding="utf-8")
    (folder / "picture.csv").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\xff\xfe")
    (folder / "empty").mkdir()


def _asked(name: str, says: str, exit_code: int = 2) -> WrongUse:
    return WrongUse(words=f"{SKERRY} query run {{files}}/{name}.yaml", says=says, exit_code=exit_code)


WRONG_USES = {
    "a question that is not YAML": _asked("no-yaml", "not YAML or JSON"),
    "an empty question": _asked("empty", "empty"),
    "a list for a question": _asked("list", "mapping"),
    "no release": _asked("no-release", "lacks 'release'"),
    "a mistyped key": _asked("unknown-key", "cohrot"),
    "a statistic that does not exist": _asked("unknown-kind", "meen"),
    "a field that does not exist": _asked("unknown-field", "agee"),
    "a cohort on a local field": _asked("local-cohort", "'note'"),
    "grouping by an identifier": _asked("identifier", "'name'"),
    "a code that does not exist": _asked("unknown-code", "'Ii'"),
    "an empty code list": _asked("empty-codes", "empty"),
    "edges out of order": _asked("falling-edges", "edges"),
    "a mean of codes": _asked("mean-of-codes", "'stage'"),
    "grouping by a number": _asked("by-a-number", "'age'"),
    "grouping twice by one field": _asked("by-twice", "twice"),
    "grouping by four fields": _asked("by-four", "at most 3"),
    "no scope": _asked("no-scope", "lacks 'scope'"),
    "neither rho nor epsilon": _asked("no-loss", "epsilon"),
    "rho and epsilon": _asked("rho-and-epsilon", "rho and epsilon"),
    "a loss of nothing": _asked("rho-zero", "rho"),
    "a negative loss": _asked("rho-negative", "release"),
    "a loss beyond the greatest": _asked("rho-too-great", "1000000000"),
    "a loss that is no number": _asked("rho-nan", "release"),
    "a delta of one": _asked("delta-one", "delta"),
    "a mode that does not exist here": _asked("mode-exact", "'exact'"),
    "a quorum of nobody": _asked("quorum-zero", "quorum"),
    "a quorum beyond the centres": _asked("quorum-too-great", "quorum"),
    "a study that is no name": _asked("other-study", "not/a/name"),
    "an object in a question": _asked("object", "tags"),
    "bytes for a question": _asked("binary", "YAML"),
    "a question that is not there": _asked("nowhere", "cannot be read"),
    "a folder for a question": WrongUse(words=f"{SKERRY} query run {{files}}", says="cannot be read"),
    "no question": WrongUse(words=f"{SKERRY} query run", says="FILE"),
    "an unknown command of skerry": WrongUse(words=f"{SKERRY} ask", says="ask"),
    "an unknown option of skerry": WrongUse(words=f"{SKERRY} query run x.yaml --fast", says="--fast"),
    "a check of a wrong question": WrongUse(
        words=f"{SKERRY} query check {{files}}/unknown-field.yaml", says="agee"
    ),
    "a profile that is not there": WrongUse(
        words="skerry --profile {files}/nowhere.toml fields", says="cannot be read"
    ),
    "a profile with an unknown key": WrongUse(
        words="skerry --profile {files}/profile.toml fields", says="colour"
    ),
    "a dictionary for a profile": WrongUse(words="skerry --profile {files}/small.yaml fields", says="TOML"),
    "settings that are not there": WrongUse(
        words="skerry-node --config {files}/nowhere.toml budget", says="cannot be read"
    ),
    "a profile for settings": WrongUse(words="skerry-node --config {box}/analyst.toml audit", says="analyst"),
    "running a node without settings": WrongUse(
        words="skerry-node --config {files}/nowhere.toml run", says="cannot be read", takes_json=False
    ),
    "importing a file that is not there": WrongUse(
        words=f"{NODE} import {{files}}/nowhere.csv", says="nowhere.csv"
    ),
    "importing an empty folder": WrongUse(words=f"{NODE} import {{files}}/empty", says="people"),
    "importing another table": WrongUse(words=f"{NODE} import {{files}}/header.csv", says="first line"),
    "importing an empty file": WrongUse(words=f"{NODE} import {{files}}/empty.csv", says="empty"),
    "importing a picture": WrongUse(words=f"{NODE} import {{files}}/picture.csv", says="picture.csv"),
    "a mistyped dictionary": WrongUse(
        words=f"{NODE} dictionary check {{files}}/typo.yaml", says="constraint"
    ),
    "a dictionary with a reserved name": WrongUse(
        words=f"{NODE} dictionary check {{files}}/reserved.yaml", says="'estimate'"
    ),
    "a dictionary that is not there": WrongUse(
        words=f"{NODE} dictionary check {{files}}/nowhere.yaml", says="cannot be read"
    ),
    "a draft of a file that is not there": WrongUse(
        words=f"{NODE} dictionary draft {{files}}/nowhere.csv --out {{files}}/new.yaml", says="nowhere.csv"
    ),
    "a draft of an empty file": WrongUse(
        words=f"{NODE} dictionary draft {{files}}/empty.csv --out {{files}}/new.yaml", says="empty"
    ),
    "a draft of a picture": WrongUse(
        words=f"{NODE} dictionary draft {{files}}/picture.csv --out {{files}}/new.yaml", says="not text"
    ),
    "a draft of a folder": WrongUse(
        words=f"{NODE} dictionary draft {{files}}/empty --out {{files}}/new.yaml", says="folder"
    ),
    "a draft over a dictionary that is there": WrongUse(
        words=f"{NODE} dictionary draft {{files}}/header.csv --out {{files}}/small.yaml", says="there already"
    ),
    "a draft into a folder that is not there": WrongUse(
        words=f"{NODE} dictionary draft {{files}}/header.csv --out {{files}}/no/new.yaml",
        says="cannot be written",
    ),
    "retiring nothing": WrongUse(words=f"{NODE} snapshots retire", says="ID"),
    "retiring a snapshot that is not there": WrongUse(
        words=f"{NODE} snapshots retire 0123", says="no snapshot '0123'"
    ),
    "erasing a snapshot that is not there": WrongUse(
        words=f"{NODE} snapshots erase 0123 --yes", says="no snapshot '0123'"
    ),
    "an unknown command of snapshots": WrongUse(words=f"{NODE} snapshots burn", says="burn"),
    "a pause with a wrong option": WrongUse(words=f"{NODE} pause --because x", says="--because"),
    "a status with too many words": WrongUse(words=f"{NODE} status now", says="now"),
    "an unknown command of a node": WrongUse(words=f"{NODE} spend", says="spend"),
    "a coordinator without settings": WrongUse(
        words="skerry-coordinator run --config {files}/nowhere.toml", says="cannot be read", takes_json=False
    ),
    "a coordinator with a node's settings": WrongUse(
        words="skerry-coordinator run --config {box}/centres/alone/node.toml", says="centre", takes_json=False
    ),
    "a coordinator without its key": WrongUse(
        words="skerry-coordinator run --config {box}/coordinator/broken.toml",
        says="absent.pem cannot be read",
        takes_json=False,
    ),
    "a node without its certificate": WrongUse(
        words="skerry-node --config {box}/centres/alone/broken.toml run",
        says="absent.pem cannot be read",
        takes_json=False,
    ),
    "an analyst without a certificate": WrongUse(
        words="skerry --profile {box}/broken.toml fields", says="absent.pem cannot be read"
    ),
    "a coordinator without an option": WrongUse(
        words="skerry-coordinator run", says="--config", takes_json=False
    ),
    "a second coordinator of one folder": WrongUse(
        words="skerry-coordinator run --config {box}/coordinator/coordinator.toml",
        says="is running already",
        takes_json=False,
    ),
    "a sandbox that is up": WrongUse(
        words=f"skerry-sandbox up {{box}} {DICTIONARY} --centre alone={{files}}/alone.csv", says="is up"
    ),
    "a sandbox without centres": WrongUse(words=f"{UP} {DICTIONARY}", says="--centre"),
    "a centre without a file": WrongUse(
        words=f"{UP} {DICTIONARY} --centre alone", says="NAME=FILE_OR_FOLDER"
    ),
    "a centre whose file is not there": WrongUse(
        words=f"{UP} {DICTIONARY} --centre a={{files}}/nowhere.csv", says="nowhere.csv"
    ),
    "a centre's name with a path": WrongUse(
        words=f"{UP} {DICTIONARY} --centre ../a={{files}}/alone.csv", says="not a name"
    ),
    "two centres of one name": WrongUse(
        words=f"{UP} {DICTIONARY} --centre a={{files}}/alone.csv --centre A={{files}}/alone.csv", says="twice"
    ),
    "a sandbox with a mistyped dictionary": WrongUse(
        words=f"{UP} --dictionary {{files}}/typo.yaml --centre a={{files}}/alone.csv", says="constraint"
    ),
    "a sandbox without its dictionary": WrongUse(
        words=f"{UP} --dictionary {{files}}/nowhere.yaml --centre a={{files}}/alone.csv", says="nowhere.yaml"
    ),
    "a policy that is not there": WrongUse(
        words=f"{UP} {DICTIONARY} --centre a={{files}}/alone.csv --policy lax", says="lax"
    ),
    "a policy that says nothing": WrongUse(
        words=f"{UP} {DICTIONARY} --centre a={{files}}/alone.csv --policy {{files}}/policy.toml",
        says="policy",
    ),
    "a budget of nothing": WrongUse(
        words=f"{UP} {DICTIONARY} --centre a={{files}}/alone.csv --budget-epsilon 0", says="epsilon"
    ),
    "a negative budget": WrongUse(
        words=f"{UP} {DICTIONARY} --centre a={{files}}/alone.csv --budget-epsilon=-1", says="epsilon"
    ),
    "a budget that is no number": WrongUse(
        words=f"{UP} {DICTIONARY} --centre a={{files}}/alone.csv --budget-epsilon nan", says="epsilon"
    ),
    "a file where the sandbox should be": WrongUse(
        words=f"skerry-sandbox up {{files}}/empty.csv {DICTIONARY} --centre a={{files}}/alone.csv",
        says="empty.csv",
    ),
}
