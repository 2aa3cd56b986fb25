"""Everything that is wrong with a policy file, at once, each with its place. Pure.

The node reads a policy until the first thing that is wrong, and does not start. An officer who writes one
wants to know all of them: so each key is read by itself, in a policy whose other keys are those of the
shipped `strict` one, by the same reader that the node uses.
"""

import re
from dataclasses import replace
from typing import Any, Final

from node.policy import policy_of, read_policy
from protocols.dictionary import Dictionary, FieldName
from protocols.documents import nearest
from protocols.errors import Problem, SignatureError, TextError
from protocols.queries import Mode
from protocols.signed_text import SignedText, read_toml

_SUPPRESSED: Final = {"rule": "strict10", "questions": 0, "study_questions": 0, "unlisted_tables": False}
_WITH_SUPPRESSED: Final = {"modes": [Mode.DP.value, Mode.SUPPRESSED.value], "suppressed": _SUPPRESSED}


def problems_of(octets: bytes, strict: bytes) -> tuple[Problem, ...]:
    """Say everything that is wrong with a policy file, in the order of its lines.

    `strict` is a policy in which nothing is wrong, and which names every key.
    """
    try:
        body = SignedText.parse(octets).body
        tree, right = read_toml(body, "policy"), read_toml(SignedText.parse(strict).body, "policy")
    except SignatureError as error:
        return (Problem(line=0, where="policy", what=str(error)),)
    except TextError as error:
        return error.problems
    found = [
        replace(problem, line=_line(body, key))
        for key, probe in _probes(tree, right)
        for problem in _problems(probe)
    ]
    if not found:
        # What only shows when keys stand together, such as a table of a mode that is not allowed.
        found = [replace(problem, line=_line(body, "suppressed")) for problem in _problems(tree)]
    return tuple(sorted(dict.fromkeys(found), key=lambda one: one.line))


def _probes(tree: dict[str, Any], right: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Give, for each key of either policy, the right one with only that key as it is in the other."""
    probes = []
    for key in dict.fromkeys((*tree, *right)):
        if key == "budget":
            parts = _table(tree.get(key), right[key])
            probes += [(name, right | {key: part}) for name, part in parts]
        elif key == "suppressed":
            parts = _table(tree[key], _SUPPRESSED)
            probes += [(name, right | _WITH_SUPPRESSED | {key: part}) for name, part in parts]
        else:
            base = right | ({"suppressed": _SUPPRESSED} if _names_suppressed(tree) else {})
            if key != "modes" and "suppressed" in base:
                base |= {"modes": _WITH_SUPPRESSED["modes"]}
            probes.append((key, _with(base, key, tree)))
    return probes


def _table(there: object, right: dict[str, Any]) -> list[tuple[str, object]]:
    if not isinstance(there, dict):
        return [("budget", there if there is not None else {})]
    return [(key, _with(right, key, there)) for key in dict.fromkeys((*there, *right))]


def _with(right: dict[str, Any], key: str, tree: dict[str, Any]) -> dict[str, Any]:
    rest = {name: value for name, value in right.items() if name != key}
    return rest | ({key: tree[key]} if key in tree else {})


def _names_suppressed(tree: dict[str, Any]) -> bool:
    modes = tree.get("modes")
    return isinstance(modes, list) and Mode.SUPPRESSED.value in modes


def _problems(tree: dict[str, Any]) -> tuple[Problem, ...]:
    try:
        policy_of(tree)
    except TextError as error:
        return error.problems
    return ()


def _line(body: bytes, key: str) -> int:
    """Find the line of a key; 0 where it does not stand."""
    for number, line in enumerate(body.decode("utf-8", "replace").splitlines(), start=1):
        if re.match(rf"""\s*["']?{re.escape(key)}["']?\s*=|\s*\[{re.escape(key)}\]""", line):
            return number
    return 0


def forbidden_problems(octets: bytes, dictionary: Dictionary) -> tuple[Problem, ...]:
    """Say which forbidden fields of a right policy are no fields of the registry: they forbid nothing."""
    names = [str(FieldName(table.name, one.name)) for table in dictionary.tables for one in table.fields]
    wrong = sorted(read_policy(octets).forbidden_fields - set(names))
    line = _line(SignedText.parse(octets).body, "forbidden_fields")
    return tuple(
        Problem(
            line=line,
            where="policy",
            what=f"forbids {name!r}, which is no field of the registry",
            next_step=nearest(name, names),
        )
        for name in wrong
    )
