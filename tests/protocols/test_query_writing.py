"""Writing inverts reading: what a result says was asked can be asked again, and is the same question."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import assume, given

from privacy.loss import ZERO, Loss
from protocols.dictionary import Dictionary
from protocols.dictionary_text import read_dictionary
from protocols.errors import QueryError
from protocols.ids import StudyId
from protocols.queries import Kind, Mode, OneOf, Query, ReleaseTerms, Statistic
from protocols.query_rules import canonical
from protocols.query_text import read_request, request_from_tree
from protocols.query_writing import question_text, question_tree
from tests.architecture.checkout import ROOT
from tests.protocols.examples import DICTIONARY, RELEASE_TERMS, field
from tests.protocols.questions import questions

STUDY = StudyId("sandbox")
HARD_CODES = [
    "yes",
    "1",
    "1e5",
    "null",
    "a b",
    "é",
    "a: b",
    "#x",
    "- x",
    "",
    "'",
    '"',
    "\\",
    "x\u2028y",
    "\U0001d538",
]


def _again(query: Query, dictionary: Dictionary = DICTIONARY) -> Query:
    request = read_request(question_text(query, dictionary, STUDY).encode(), dictionary)
    assert request.study == STUDY
    return request.query


@given(questions())
def test_a_question_written_and_read_is_the_same(drawn: Query) -> None:
    try:
        query = canonical(drawn, DICTIONARY)
    except QueryError:
        assume(False)
    assert _again(query) == query
    assert request_from_tree(question_tree(query, DICTIONARY, STUDY), DICTIONARY).query == query


@pytest.mark.parametrize("code", HARD_CODES)
def test_a_code_stays_text_whatever_it_looks_like(code: str) -> None:
    (one,) = (name for name in DICTIONARY.tables[0].fields if name.name == "grade")
    hard = replace(one, codes=(code, "other"))
    fields = tuple(hard if name.name == "grade" else name for name in DICTIONARY.tables[0].fields)
    tables = (replace(DICTIONARY.tables[0], fields=fields), *DICTIONARY.tables[1:])
    dictionary = replace(DICTIONARY, tables=tables)
    count = Statistic(kind=Kind.COUNT, table="patients")
    cohort = OneOf(field=field("patients.grade"), codes=(code,))
    query = canonical(Query(statistic=count, cohort=cohort, release=RELEASE_TERMS), dictionary)
    assert _again(query, dictionary) == query


@pytest.mark.parametrize(
    "terms",
    [
        replace(RELEASE_TERMS, loss=Loss(1), delta=Decimal("1e-9")),
        replace(RELEASE_TERMS, mode=Mode.SUPPRESSED, loss=ZERO, delta=Decimal(0)),
    ],
)
def test_release_terms_are_kept(terms: ReleaseTerms) -> None:
    count = Statistic(kind=Kind.COUNT, table="patients")
    query = canonical(Query(statistic=count, cohort=None, release=terms), DICTIONARY)
    assert _again(query) == query


def test_the_text_is_what_a_person_would_write() -> None:
    heart = read_dictionary((ROOT / "protocols/dictionaries/uci-heart.yaml").read_bytes())
    text = (
        "study: sandbox\n"
        "statistic: {kind: mean, variable: thalach, by: [sex, cp]}\n"
        "cohort: {field: patients.age, between: [40, 65]}\n"
        "release: {mode: dp, scope: centre, rho: 0.05}\n"
    )
    query = read_request(text.encode(), heart).query
    assert question_text(query, heart, STUDY) == text
