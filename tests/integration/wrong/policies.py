"""Policies that no node obeys: the permissive one, each with one mistake."""

import re
from collections.abc import Callable

POLICIES: dict[str, tuple[Callable[[str], str | bytes], str]] = {
    "is empty": (lambda _: "", "format"),
    "is not TOML": (lambda _: "modes: [dp]\n", "not TOML"),
    "is cut off": (lambda text: text[: text.index("[budget]") - 30], "(not TOML|lacks)"),
    "is bytes": (lambda _: b"\x89PNG\r\n\x1a\n\0\0\xff\xfe", "not UTF-8"),
    "is Latin-1": (lambda text: (text + "# Zürich\n").encode("latin-1"), "not UTF-8"),
    "is a study": (
        lambda text: text.replace("skerry.policy/1", "skerry.study/1"),
        "its format is not skerry.policy/1",
    ),
    "is of a later format": (
        lambda text: text.replace("policy/1", "policy/2"),
        "its format is not skerry.policy/1",
    ),
    "is too large": (lambda text: text + "# " + "x" * (4 * 2**20), "too large"),
    "has a key twice": (lambda text: text.replace("scopes =", 'modes = ["dp"]\nscopes =', 1), "not TOML"),
    "has an unknown key": (lambda text: 'colour = "red"\n' + text, "'colour'"),
    "has a mistyped key": (lambda text: text.replace("scopes =", "scope ="), "lacks 'scopes'"),
    "lacks its modes": (lambda text: re.sub(r"(?m)^modes.*\n", "", text), "lacks 'modes'"),
    "lacks its budget": (
        lambda text: text.partition("[budget]")[0].replace(', "suppressed"', ""),
        "lacks 'query_rho'",
    ),
    "has an unknown mode": (lambda text: text.replace('"dp"', '"dpp"'), "'modes' does not know 'dpp'"),
    "has an unknown scope": (
        lambda text: text.replace('"centre"', '"world"'),
        "'scopes' does not know 'world'",
    ),
    "has a word for modes": (
        lambda text: re.sub(r"(?m)^modes.*", 'modes = "dp"', text),
        "'modes' must be a list",
    ),
    "has a number among its modes": (
        lambda text: text.replace('"dp"', "1"),
        "'modes' must be a list of texts",
    ),
    "forbids a bare field": (
        lambda text: text.replace("forbidden_fields = []", 'forbidden_fields = ["age"]'),
        "names fields as table.field, not 'age'",
    ),
    "forbids a field that is none": (
        lambda text: text.replace("forbidden_fields = []", 'forbidden_fields = ["people.agee"]'),
        "forbids 'people.agee', which is no field of the registry",
    ),
    "charges no round": (
        lambda text: text.replace("charged_rounds_per_question = 2", "charged_rounds_per_question = 0"),
        "charged_rounds_per_question must be at least 1",
    ),
    "charges rounds in words": (
        lambda text: text.replace("charged_rounds_per_question = 2", 'charged_rounds_per_question = "2"'),
        "must be a whole number",
    ),
    "charges half a round": (
        lambda text: text.replace("charged_rounds_per_question = 2", "charged_rounds_per_question = 2.5"),
        "must be a whole number",
    ),
    "is valid for no time": (
        lambda text: text.replace("longest_validity_hours = 24", "longest_validity_hours = 0"),
        "longest_validity_hours must be at least 1",
    ),
    "is valid for ever": (
        lambda text: text.replace("longest_validity_hours = 24", "longest_validity_hours = 99999999999"),
        "longest_validity_hours is too large",
    ),
    "has a number for a budget": (
        lambda text: text.replace('query_rho = "unlimited"', "query_rho = 0.5"),
        "'query_rho' must be text in quotes",
    ),
    "has a budget in words": (
        lambda text: text.replace('query_rho = "unlimited"', 'query_rho = "much"'),
        "'query_rho'",
    ),
    "has a negative budget": (
        lambda text: text.replace('query_rho = "unlimited"', 'query_rho = "-1"'),
        "'query_rho'",
    ),
    "has a budget with a comma": (
        lambda text: text.replace('query_rho = "unlimited"', 'query_rho = "0,5"'),
        "'query_rho'",
    ),
    "has an unknown rule": (
        lambda text: text.replace('rule = "five"', 'rule = "six"'),
        "'rule' does not know 'six'",
    ),
    "has questions below nought": (
        lambda text: text.replace("questions = 1000", "questions = -1", 1),
        "a number of questions is 0 or more",
    ),
    "has a word for a truth": (
        lambda text: text.replace("unlisted_tables = true", 'unlisted_tables = "yes"'),
        "'unlisted_tables'",
    ),
    "has rules of a mode that is off": (lambda text: text.replace(', "suppressed"', ""), "'suppressed'"),
    "lacks the rules of a mode": (lambda text: text.partition("[suppressed]")[0], "lacks"),
    "goes on behind a signature": (lambda text: text + "# skerry-signature: a b\nmodes = []\n", "signature"),
}


def file_of(name: str) -> str:
    """Give the name of the file with a policy."""
    return f"policy-{re.sub('[^a-z]+', '-', name.lower())}.toml"
