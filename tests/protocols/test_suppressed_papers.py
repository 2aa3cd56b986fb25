"""Studies and policies that allow mode `suppressed`: what they must say, and what is outside them."""

import re
from dataclasses import replace
from decimal import Decimal
from importlib.resources import files

import pytest

from node.policy import Policy, outside_policy, questions_of, read_policy
from privacy.disclosure import RULES
from privacy.loss import ZERO
from protocols.dictionary import Dictionary
from protocols.dictionary_text import read_dictionary
from protocols.errors import TextError
from protocols.queries import Mode, Query, Scope
from protocols.query_text import request_from_tree
from protocols.studies import Study, outside_study
from protocols.study_reading import open_study
from protocols.study_tables import tables_of
from tests.protocols import examples
from tests.protocols.examples import NOW, OFFICER, OFFICER_KEY, terms_of

HEART = read_dictionary((files("protocols.dictionaries") / "uci-heart.yaml").read_bytes())
_LISTED = """
[suppressed]
rule = "cms"
questions = 20
tables = [
    "statistic: {kind: count, by: [sex, num]}",
    "{statistic: {kind: histogram, variable: age, edges: [30, 45, 60]}, cohort: {field: sex, equals: 1}}",
]
"""


def _study(text: str = _LISTED, modes: str = '["dp", "suppressed"]') -> Study:
    body = re.sub(r"(?m)^modes = .*", f"modes = {modes}", examples.STUDY_BODY)
    body = re.sub(r"(?m)^statistics = .*", 'statistics = ["count", "histogram"]', body)
    body = re.sub(r"(?m)^fields = .*", 'fields = ["*"]', body) + text
    return open_study(examples.signed(body, "study"), OFFICER, OFFICER_KEY.public_key())


def _policy(rule: str = "cms", *, unlisted: bool = False) -> Policy:
    body = re.sub(r"(?m)^modes = .*", 'modes = ["dp", "suppressed"]', examples.POLICY_BODY)
    truth = str(unlisted).lower()
    table = (
        f'\n[suppressed]\nrule = "{rule}"\nquestions = 30\nstudy_questions = 10\nunlisted_tables = {truth}\n'
    )
    return read_policy((body + table).encode())


def _asked(statistic: dict[str, object], cohort: object = None, dictionary: Dictionary = HEART) -> Query:
    tree = {
        "study": "s",
        "statistic": statistic,
        "cohort": cohort,
        "release": {"mode": "suppressed", "scope": "centre"},
    }
    return request_from_tree(tree, dictionary).query


def test_a_question_has_no_loss_and_no_delta() -> None:
    release = _asked({"kind": "count"}).release
    assert (release.mode, release.scope, release.loss, release.delta) == (
        Mode.SUPPRESSED,
        Scope.CENTRE,
        ZERO,
        Decimal(0),
    )


@pytest.mark.parametrize(
    ("statistic", "release", "says"),
    [
        ({"kind": "mean", "variable": "age"}, {}, "not mean"),
        ({"kind": "sum", "variable": "age"}, {}, "not sum"),
        ({"kind": "count"}, {"rho": "0.1"}, "no rho"),
        ({"kind": "count"}, {"epsilon": 1}, "no epsilon"),
        ({"kind": "count"}, {"delta": 0.1}, "no delta"),
        ({"kind": "histogram", "variable": "age", "edges": list(range(401))}, {}, ""),
        ({"kind": "histogram", "variable": "age", "edges": list(range(402))}, {}, "at most 400"),
    ],
)
def test_what_the_mode_does_not_answer(
    statistic: dict[str, object], release: dict[str, object], says: str
) -> None:
    tree = {
        "study": "s",
        "statistic": statistic,
        "release": {"mode": "suppressed", "scope": "centre", **release},
    }
    if not says:  # 400 bins are as many cells as the mode takes
        assert request_from_tree(tree, HEART).query.release.mode is Mode.SUPPRESSED
        return
    with pytest.raises(TextError, match=says):
        request_from_tree(tree, HEART)


def test_a_table_with_many_rows_of_a_patient_is_not_counted() -> None:
    dictionary = examples.DICTIONARY
    capped = next(table for table in dictionary.tables if table.cap > 1)
    with pytest.raises(TextError, match="counts patients"):
        _asked({"kind": "count", "table": capped.name}, dictionary=dictionary)


@pytest.mark.parametrize(
    ("statistic", "cohort", "is_inside"),
    [
        ({"kind": "count", "by": ["sex", "num"]}, None, True),
        ({"kind": "count", "by": ["num", "sex"]}, None, False),  # another table: its margins stand elsewhere
        ({"kind": "count", "by": ["sex"]}, None, False),
        ({"kind": "count", "by": ["sex", "num"]}, {"field": "age", "between": [40, 60]}, False),
        (
            {"kind": "histogram", "variable": "age", "edges": [30, 45, 60]},
            {"not": {"not": {"field": "sex", "in": [1]}}},
            True,  # written differently, the same in canonical form
        ),
        (
            {"kind": "histogram", "variable": "age", "edges": [30, 46, 60]},
            {"field": "sex", "equals": 1},
            False,
        ),
    ],
)
def test_only_listed_tables_are_inside(
    statistic: dict[str, object], cohort: object, *, is_inside: bool
) -> None:
    study = _study()
    why = outside_study(terms_of(_asked(statistic, cohort)), study, NOW, tables_of(study, HEART))
    assert why == (None if is_inside else "the study does not list this table for mode suppressed")


def test_mode_dp_needs_no_list() -> None:
    study = _study()
    query = replace(examples.COUNT, statistic=_asked({"kind": "count"}).statistic)
    assert outside_study(terms_of(query), study, NOW, tables_of(study, HEART)) is None


@pytest.mark.parametrize(
    ("text", "modes", "says"),
    [
        ("", '["dp", "suppressed"]', "lacks 'tables'"),
        (_LISTED.replace('"cms"', '"cmd"'), '["suppressed"]', "cms"),
        (_LISTED.replace("20", "-1"), '["suppressed"]', "0 or more"),
        (_LISTED.replace("20", "true"), '["suppressed"]', "whole number"),
        (_LISTED + "more = 1\n", '["suppressed"]', "unknown key"),
        (_LISTED, '["dp"]', "unknown key 'suppressed'"),
    ],
)
def test_a_study_that_is_wrong(text: str, modes: str, says: str) -> None:
    with pytest.raises(TextError, match=says):
        _study(text, modes)


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("statistic: {kind: count, by: [sexx]}", "table 1.*sexx"),
        ("statistic: {kind: mean, variable: age}", "table 1.*not mean"),
        ("cohort: {field: sex, equals: 1}", "table 1.*lacks 'statistic'"),
        ("{statistic: {kind: count}, release: {mode: dp}}", "table 1.*release"),
        ("[", "table 1"),
    ],
)
def test_a_listed_table_that_is_none(table: str, says: str) -> None:
    study = _study(f'\n[suppressed]\nrule = "five"\nquestions = 1\ntables = ["{table}"]\n')
    with pytest.raises(TextError, match=says):
        tables_of(study, HEART)


def test_the_policy_is_stricter_never_looser() -> None:
    listed = _study()
    any_table = _study('\n[suppressed]\nrule = "five"\nquestions = 99\ntables = ["*"]\n')
    terms = terms_of(_asked({"kind": "count", "by": ["sex", "num"]}))
    assert outside_policy(terms, listed, _policy("cms")) is None
    assert outside_policy(terms, listed, _policy("strict10")) is None
    assert "shows more" in str(outside_policy(terms, listed, _policy("five")))
    assert "shows more" in str(outside_policy(terms, listed, _policy("opensafely")))
    assert "lists no tables" in str(outside_policy(terms, any_table, _policy("cms")))
    assert outside_policy(terms, any_table, _policy("cms", unlisted=True)) is None
    assert "mode suppressed" in str(
        outside_policy(terms, listed, replace(_policy(), modes=frozenset({Mode.DP})))
    )
    assert questions_of(_policy(), listed) == (30, 10)
    assert questions_of(_policy(), replace(listed, suppressed=None)) == (0, 0)


def test_rules_are_ordered_by_what_they_show() -> None:
    five, cms, safely, strict = (RULES[name] for name in ("five", "cms", "opensafely", "strict10"))
    assert five.is_looser_than(cms)
    assert not strict.is_looser_than(cms)
    assert cms.is_looser_than(safely)  # it rounds less
    assert safely.is_looser_than(cms)  # it shows smaller counts
