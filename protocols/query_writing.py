"""The query back to its text form: what an analyst would write to ask it again. spec/queries.md 2.

Reading what is written here gives the same query: `read_request(question_text(q)) == q` for every
query in canonical form. A loss is written as rho, whatever it was asked as.
"""

import json
import re
from decimal import Decimal
from typing import assert_never

from privacy.accountant import DEFAULT_DELTA
from protocols.canonical import decimal_text
from protocols.dictionary import Code, Dictionary
from protocols.documents import Tree
from protocols.ids import StudyId
from protocols.queries import All, Any, Between, Cohort, Missing, Mode, Not, OneOf, Query, ReleaseTerms

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_QUOTED = frozenset(["null", "true", "false", "yes", "no", "on", "off", "y", "n"])
"""Words that some reader of YAML takes for something else than text."""


def question_text(query: Query, dictionary: Dictionary, study: StudyId) -> str:
    """Write a question as YAML: one line for each part, ended by a line feed."""
    tree = question_tree(query, dictionary, study)
    return "".join(f"{key}: {_flow(value)}\n" for key, value in tree.items())


def question_tree(query: Query, dictionary: Dictionary, study: StudyId) -> dict[str, Tree]:
    """Give a question as the tree that a query file holds."""
    tree: dict[str, Tree] = {"study": str(study), "statistic": _statistic(query, dictionary)}
    if query.cohort is not None:
        tree["cohort"] = _cohort(query.cohort, dictionary)
    tree["release"] = _release(query.release)
    return tree


def _statistic(query: Query, dictionary: Dictionary) -> Tree:
    asked = query.statistic
    tree: dict[str, Tree] = {"kind": asked.kind.value}
    if asked.table != (asked.variable.table if asked.variable else dictionary.patient_table):
        tree["table"] = asked.table
    if asked.variable is not None:
        tree["variable"] = dictionary.shown(asked.variable)
    if asked.codes:
        tree["in"] = _codes(asked.codes)
    if asked.edges:
        tree["edges"] = list[Tree](asked.edges)
    if asked.probabilities:
        tree["probabilities"] = list[Tree](asked.probabilities)
    if asked.by:
        tree["by"] = [dictionary.shown(name) for name in asked.by]
    return tree


def _cohort(cohort: Cohort, dictionary: Dictionary) -> Tree:
    match cohort:
        case All(parts=parts):
            return {"and": [_cohort(part, dictionary) for part in parts]}
        case Any(parts=parts):
            return {"or": [_cohort(part, dictionary) for part in parts]}
        case Not(part=part):
            return {"not": _cohort(part, dictionary)}
        case OneOf(field=name, codes=codes):
            return {"field": str(name), "in": _codes(codes)}
        case Between(field=name, low=low, high=high):
            return {"field": str(name), "between": [low, high]}
        case Missing(field=name):
            return {"field": str(name), "missing": True}
        case _:
            assert_never(cohort)


def _codes(codes: tuple[Code, ...]) -> Tree:
    return list[Tree](codes)


def _release(terms: ReleaseTerms) -> Tree:
    tree: dict[str, Tree] = {"mode": terms.mode.value, "scope": terms.scope.value}
    match terms.mode:
        case Mode.SUPPRESSED:
            return tree
        case Mode.DP:
            tree["rho"] = Decimal(str(terms.loss))
        case _:
            assert_never(terms.mode)
    if terms.delta != Decimal(str(DEFAULT_DELTA)):
        tree["delta"] = terms.delta
    return tree


def _flow(tree: Tree) -> str:
    """Write a tree on one line, so that every reader of YAML reads the same (documents.md 1)."""
    match tree:
        case None:
            return "null"
        case bool():
            return "true" if tree else "false"
        case Decimal():
            return decimal_text(tree)
        case str():
            is_plain = _PLAIN.fullmatch(tree) and tree.lower() not in _QUOTED
            return tree if is_plain else json.dumps(tree, ensure_ascii=not tree.isprintable())
        case list():
            return "[" + ", ".join(_flow(item) for item in tree) + "]"
        case dict():
            return "{" + ", ".join(f"{key}: {_flow(item)}" for key, item in tree.items()) + "}"
        case _:
            assert_never(tree)
