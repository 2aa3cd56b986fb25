"""Questions that the dictionary alone shows to be wrong: the same for `query run`, `check` and `plan`."""

import re

DP = "mode: dp, scope: centre, rho: 0.01"
TABLE = "mode: suppressed, scope: centre"


def question(statistic: str, release: str = DP, more: str = "") -> str:
    """Write a question as an analyst would."""
    return f"study: sandbox\nstatistic: {{{statistic}}}\nrelease: {{{release}}}\n{more}"


COUNT = "kind: count"
VALID = question(COUNT)

QUESTIONS: dict[str, tuple[str, str, str]] = {
    # as a text
    "is not YAML": ("statistic: [kind: count", "line 1.*not YAML or JSON", ""),
    "is cut off": ("{study: sandbox, statistic: {kind:", "not YAML or JSON", ""),
    "is empty": ("", "the text is empty", ""),
    "is a list": ("- count", "must be a mapping", ""),
    "is a word": ("count", "must be a mapping", ""),
    "is two documents": (f"{VALID}---\n{VALID}", "YAML|document", ""),
    "has a tab": ("study:\tsandbox\n\tstatistic: {kind: count}\n", "not YAML", ""),
    "has an anchor": (f"{VALID}cohort: &a {{field: sex, equals: M}}\n", "anchors", ""),
    "has a tag": (question("kind: !!python/object:os.system x"), "tags", ""),
    "is nested too deeply": ("cohort: " + "[" * 60 + "]" * 60, "nested too deeply", ""),
    "has a key twice": (f"{VALID}study: other\n", "'study' stands twice", ""),
    "has a control character": (f"{VALID}\x07\n", "YAML", ""),
    "is too large": (f"{VALID}# {'x' * (4 * 2**20)}\n", "larger than 4 MiB", ""),
    # its parts
    "lacks its release": ("study: sandbox\nstatistic: {kind: count}\n", "lacks 'release'", ""),
    "lacks its statistic": (f"study: sandbox\nrelease: {{{DP}}}\n", "lacks 'statistic'", ""),
    "lacks its study": (f"statistic: {{kind: count}}\nrelease: {{{DP}}}\n", "lacks 'study'", ""),
    "has a mistyped key": (
        question(COUNT, more="cohrot: {field: sex, equals: M}\n"),
        "cohrot",
        "did you mean 'cohort'",
    ),
    "has a study that is no name": (VALID.replace("sandbox", "not/a/name"), "not/a/name", ""),
    "has a number for a study": (VALID.replace("sandbox", "5"), "study", ""),
    "has a word for a statistic": (VALID.replace("{kind: count}", "count"), "statistic", ""),
    "asks a quorum of nobody": (question(COUNT, more="quorum: 0\n"), "quorum", ""),
    "asks a quorum of a part": (question(COUNT, more="quorum: 1.5\n"), "quorum", ""),
    "asks a quorum in words": (question(COUNT, more="quorum: two\n"), "quorum", ""),
    "asks a quorum beyond the centres": (
        question(COUNT, more="quorum: 2\n"),
        "2 centres cannot answer",
        "write quorum: 1",
    ),
    # the statistic
    "has no kind": (question("variable: age"), "kind", ""),
    "has a mistyped kind": (question("kind: meen, variable: age"), "'meen'", "did you mean 'mean'"),
    "has a mistyped field": (question("kind: mean, variable: agee"), "'agee'", "did you mean 'age'"),
    "has a table that is none": (question("kind: count, table: visits"), "'visits'", ""),
    "has a mean without a variable": (question("kind: mean"), "variable", ""),
    "has a count of a variable": (question("kind: count, variable: age"), "variable", ""),
    "has a mean of codes": (question("kind: mean, variable: stage"), "'stage'", ""),
    "has a mean of a truth value": (question("kind: mean, variable: smoker"), "'smoker'", ""),
    "has a proportion without codes": (question("kind: proportion, variable: stage"), "in", ""),
    "has a proportion of no codes": (question("kind: proportion, variable: stage, in: []"), "empty", ""),
    "has a proportion of a code that is none": (
        question("kind: proportion, variable: stage, in: [V]"),
        "'V'",
        "",
    ),
    "has a histogram without edges": (question("kind: histogram, variable: age"), "edges", ""),
    "has falling edges": (question("kind: histogram, variable: age, edges: [50, 40]"), "edges", ""),
    "has edges twice": (question("kind: histogram, variable: age, edges: [40, 40]"), "edges", ""),
    "has one edge": (question("kind: histogram, variable: age, edges: [40]"), "edges", ""),
    "has edges for a mean": (question("kind: mean, variable: age, edges: [1, 2]"), "edges", ""),
    "has quantiles without probabilities": (question("kind: quantiles, variable: age"), "probabilities", ""),
    "has a probability in per cent": (
        question("kind: quantiles, variable: age, probabilities: [50]"),
        "probabilities",
        "",
    ),
    "groups by a number": (question("kind: count, by: age"), "'age'", ""),
    "groups by an identifier": (question("kind: count, by: name"), "'name'", ""),
    "groups twice by one field": (question("kind: count, by: [sex, sex]"), "twice", ""),
    "groups by four fields": (question("kind: count, by: [sex, stage, smoker, id]"), "at most 3", ""),
    # the cohort
    "has a cohort on a local field": (
        question(COUNT, more="cohort: {field: note, equals: x}\n"),
        "'note'",
        "",
    ),
    "has a cohort of a code that is none": (
        question(COUNT, more="cohort: {field: stage, equals: Ii}\n"),
        "'Ii'",
        "did you mean 'II'",
    ),
    "has a cohort between falling bounds": (
        question(COUNT, more="cohort: {field: age, between: [65, 18]}\n"),
        "between",
        "",
    ),
    "has a cohort between words": (
        question(COUNT, more="cohort: {field: age, between: [young, old]}\n"),
        "between",
        "",
    ),
    "has a cohort without a field": (question(COUNT, more="cohort: {equals: M}\n"), "field", ""),
    "has a cohort with a mistyped word": (
        question(COUNT, more="cohort: {field: sex, eqals: M}\n"),
        "eqals",
        "equals",
    ),
    # the release
    "has a mode that is none": (question(COUNT, "mode: exact, scope: centre, rho: 1"), "'exact'", ""),
    "has no scope": (question(COUNT, "mode: dp, rho: 1"), "lacks 'scope'", ""),
    "has a scope that is none": (question(COUNT, "mode: dp, scope: world, rho: 1"), "'world'", ""),
    "has no loss": (question(COUNT, "mode: dp, scope: centre"), "epsilon", ""),
    "has rho and epsilon": (
        question(COUNT, "mode: dp, scope: centre, rho: 1, epsilon: 1"),
        "rho and epsilon",
        "",
    ),
    "has a loss of nothing": (question(COUNT, "mode: dp, scope: centre, rho: 0"), "rho", ""),
    "has a negative loss": (question(COUNT, "mode: dp, scope: centre, rho: -1"), "rho", ""),
    "has a loss beyond the greatest": (
        question(COUNT, "mode: dp, scope: centre, rho: 1000000001"),
        "1000000000",
        "",
    ),
    "has a loss that is no number": (question(COUNT, "mode: dp, scope: centre, rho: .nan"), "rho", ""),
    "has a loss with a comma": (question(COUNT, "mode: dp, scope: centre, rho: '0,05'"), "rho", ""),
    "has a delta of one": (question(COUNT, "mode: dp, scope: centre, epsilon: 1, delta: 1"), "delta", ""),
    "wants a width of nothing": (
        question(COUNT, "mode: dp, scope: centre, half_width: 0, confidence: 0.95"),
        "half_width",
        "",
    ),
    "wants a certainty": (
        question(COUNT, "mode: dp, scope: centre, half_width: 5, confidence: 1"),
        "confidence",
        "",
    ),
    "wants a confidence in per cent": (
        question(COUNT, "mode: dp, scope: centre, half_width: 5, confidence: 95"),
        "confidence",
        "",
    ),
    "wants a mean's width of unknown rows": (
        question("kind: mean, variable: age", "mode: dp, scope: centre, half_width: 5, confidence: 0.95"),
        "depends on the number of rows",
        "add expected_n",
    ),
    "wants a suppressed mean": (question("kind: mean, variable: age", TABLE), "suppressed", ""),
    "wants a suppressed table at a loss": (
        question("kind: count, by: sex", f"{TABLE}, rho: 1"),
        "suppressed",
        "",
    ),
}


def file_of(name: str) -> str:
    """Give the name of the file with a question."""
    return f"it-{re.sub('[^a-z]+', '-', name.lower())}.yaml"
