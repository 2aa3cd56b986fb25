"""Canonical form: equal questions have equal bytes, different ones have not. spec/queries.md 4."""

import hashlib
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.canonical import decimal_text, json_bytes, sha256
from protocols.codec.queries import question_digest
from protocols.documents import parse
from protocols.errors import QueryError
from protocols.ids import Digest
from protocols.queries import All, Any, Cohort, Missing, Not, OneOf, Query
from protocols.query_rules import canonical
from tests.protocols.examples import COUNT, DICTIONARY, DICTIONARY_TEXT, QUANTILES, RELEASE_TERMS, field
from tests.protocols.questions import cohorts, questions

AGE, SEX, GRADE = (Missing(field=field(f"patients.{name}")) for name in ("age", "sex", "grade"))


def _digest(query: Query) -> Digest:
    return question_digest(canonical(query, DICTIONARY))


def _of(cohort: Cohort | None) -> Digest:
    return _digest(replace(COUNT, cohort=cohort))


@settings(max_examples=300, deadline=None)
@given(query=questions())
def test_canonical_form_is_its_own_canonical_form(query: Query) -> None:
    once = canonical(query, DICTIONARY)
    twice = canonical(once, DICTIONARY)

    assert twice == once
    assert question_digest(twice) == question_digest(once)


@settings(max_examples=200, deadline=None)
@given(parts=st.lists(cohorts(), min_size=1, max_size=4), data=st.data())
def test_order_repeats_and_nesting_of_joins_do_not_matter(parts: list[Cohort], data: st.DataObject) -> None:
    mixed = data.draw(st.permutations([*parts, parts[0]]))
    cut = data.draw(st.integers(0, len(mixed)))
    for join in (All, Any):
        try:
            plain = _of(join(parts=tuple(parts)))
            nested = tuple(join(parts=some) for some in (tuple(mixed[:cut]), tuple(mixed[cut:])) if some)
            other = _of(join(parts=nested))
        except QueryError as error:
            assert "levels" in str(error)  # noqa: PT017 -- the two forms may differ in depth only
            continue
        assert plain == other


def _one_of(name: str, *codes: str | bool | Decimal) -> OneOf:
    return OneOf(field=field(name), codes=codes)


SAME: dict[str, tuple[Cohort | None, Cohort | None]] = {
    "codes in another order": (
        _one_of("patients.grade", "low", "high"),
        _one_of("patients.grade", "high", "low", "high"),
    ),
    "1.0 and 1": (_one_of("patients.sex", Decimal("1.0")), _one_of("patients.sex", Decimal(1))),
    "numbers of a range": (
        _one_of("patients.age", Decimal("7.50"), Decimal(3)),
        _one_of("patients.age", Decimal(3), Decimal("7.5"), Decimal("3.0")),
    ),
    "a join of one": (AGE, All(parts=(Any(parts=(AGE,)),))),
    "and in and": (All(parts=(AGE, SEX, GRADE)), All(parts=(All(parts=(GRADE, AGE)), SEX))),
    "not not": (AGE, Not(part=Not(part=AGE))),
    "not of a join of one not": (AGE, Not(part=All(parts=(Not(part=AGE),)))),
}
DIFFERENT: list[Cohort | None] = [
    None,
    AGE,
    SEX,
    Not(part=AGE),
    All(parts=(AGE, SEX)),
    Any(parts=(AGE, SEX)),
    Any(parts=(AGE, All(parts=(SEX, GRADE)))),
    All(parts=(AGE, Any(parts=(SEX, GRADE)))),
    _one_of("patients.grade", "low"),
    _one_of("patients.grade", "low", "mid"),
    _one_of("patients.smokes", True),
    _one_of("patients.smokes", False),
    _one_of("patients.sex", Decimal(0)),
    _one_of("patients.sex", Decimal(1)),
]


@pytest.mark.parametrize("name", SAME)
def test_equal_cohorts_have_equal_bytes(name: str) -> None:
    one, other = SAME[name]
    assert _of(one) == _of(other)


def test_different_questions_have_different_digests() -> None:
    statistic, release = COUNT.statistic, COUNT.release
    others = [
        replace(COUNT, statistic=replace(statistic, by=())),
        replace(COUNT, statistic=replace(statistic, by=(*statistic.by, field("patients.grade")))),
        replace(COUNT, statistic=replace(statistic, by=(field("patients.grade"), *statistic.by))),
        replace(COUNT, statistic=replace(statistic, table="visits")),
        replace(COUNT, release=replace(release, delta=Decimal("0.00001"))),
        replace(COUNT, release=replace(release, loss=release.loss + release.loss)),
    ]
    digests = [_of(cohort) for cohort in DIFFERENT] + [_digest(query) for query in others]
    assert len(set(digests)) == len(digests)


def test_probabilities_in_any_order_spelling_and_number_are_one_question() -> None:
    def asked(*texts: str) -> Query:
        probabilities = tuple(Decimal(text) for text in texts)
        statistic = replace(QUANTILES.statistic, probabilities=probabilities)
        return canonical(replace(QUANTILES, statistic=statistic), DICTIONARY)

    assert asked("0.9", "5e-1", "0.50", "0.25") == asked("0.25", "0.5", "0.9")
    assert asked("0.25", "0.5", "0.9").statistic.probabilities == tuple(
        Decimal(text) for text in ("0.25", "0.5", "0.9")
    )


def test_delta_in_any_spelling_is_one_delta() -> None:
    spelt = replace(COUNT, release=replace(RELEASE_TERMS, delta=Decimal("1E-6")))
    assert _digest(spelt) == _digest(COUNT)


@given(number=st.decimals(-(10**30), 10**30, allow_nan=False, allow_infinity=False, places=9))
def test_a_number_has_one_text(number: Decimal) -> None:
    text = decimal_text(number)
    assert Decimal(text) == number
    assert decimal_text(Decimal(text + ("0" if "." in text else ".0"))) == text
    assert "e" not in text.lower()


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e41", "1e-41", "0e41", "1." + "1" * 90])
def test_a_number_beyond_all_measure_has_none(number: str) -> None:
    with pytest.raises(ValueError, match="at most 40 digits"):
        decimal_text(Decimal(number))


def test_canonical_json_follows_rfc_8785() -> None:
    tree = parse(
        '{"\u20ac": "a\\/b\\u000a", "\\ud83d\\ude02": 1.50, "\ufb33": [true, null, -0], "1": {}}'.encode()
    )
    # RFC 8785 3.2.3: keys by UTF-16 code units, so the emoji comes before U+FB33.
    expected = '{"1":{},"\u20ac":"a/b\\n","\U0001f602":1.5,"\ufb33":[true,null,0]}'
    assert json_bytes(tree.tree) == expected.encode()


def test_hashes_of_different_cuts_differ() -> None:
    assert (
        len({sha256("d", b"ab", b"c"), sha256("d", b"a", b"bc"), sha256("d", b"abc"), sha256("e", b"abc")})
        == 4
    )


def test_a_hash_is_made_as_the_spec_says() -> None:
    """A change here means that every study that names a hash must be signed anew."""
    domain, text = b"skerry/1 dictionary", json_bytes(parse(DICTIONARY_TEXT).tree)
    framed = b"".join(len(part).to_bytes(8, "big") + part for part in (domain, text))
    assert DICTIONARY.digest.octets == hashlib.sha256(framed).digest()
