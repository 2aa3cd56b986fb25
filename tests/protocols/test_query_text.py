"""Queries as people write them: valid ones of every form, and wrong ones with line and sentence."""

from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

import pytest

from privacy.accountant import loss_of_epsilon
from privacy.loss import Loss
from protocols.documents import Tree, parse
from protocols.errors import TextError
from protocols.queries import All, Any, Between, Cohort, Kind, Missing, Not, OneOf, Statistic
from protocols.query_text import Request, read_request, request_from_tree
from tests.protocols.examples import DICTIONARY, field

RELEASE = "release: {mode: dp, scope: centre, rho: 0.05}"


def _request(statistic: str, cohort: str = "", release: str = RELEASE, rest: str = "") -> Request:
    lines = ["study: survival", f"statistic: {statistic}", f"cohort: {cohort}", release, rest]
    return read_request("\n".join(lines).encode(), DICTIONARY)


STATISTICS = {
    "{kind: count}": Statistic(kind=Kind.COUNT, table="patients"),
    "{kind: count, table: visits, by: visits.site}": Statistic(
        kind=Kind.COUNT, table="visits", by=(field("visits.site"),)
    ),
    "{kind: count, by: [grade, sex, smokes]}": Statistic(
        kind=Kind.COUNT,
        table="patients",
        by=(field("patients.grade"), field("patients.sex"), field("patients.smokes")),
    ),
    "{kind: count, table: visits, by: site}": Statistic(
        kind=Kind.COUNT, table="visits", by=(field("visits.site"),)
    ),
    "{kind: sum, variable: age}": Statistic(kind=Kind.SUM, table="patients", variable=field("patients.age")),
    "{kind: mean, variable: score, by: sex}": Statistic(
        kind=Kind.MEAN, table="visits", variable=field("visits.score"), by=(field("patients.sex"),)
    ),
    "{kind: mean, variable: sex}": Statistic(
        kind=Kind.MEAN, table="patients", variable=field("patients.sex")
    ),
    "{kind: variance, variable: drugs.dose, by: []}": Statistic(
        kind=Kind.VARIANCE, table="drugs", variable=field("drugs.dose")
    ),
    "{kind: proportion, variable: grade, in: [high, low, high]}": Statistic(
        kind=Kind.PROPORTION, table="patients", variable=field("patients.grade"), codes=("low", "high")
    ),
    "{kind: proportion, variable: smokes, in: [true]}": Statistic(
        kind=Kind.PROPORTION, table="patients", variable=field("patients.smokes"), codes=(True,)
    ),
    "{kind: histogram, variable: score, edges: [0, 10.50, 60]}": Statistic(
        kind=Kind.HISTOGRAM,
        table="visits",
        variable=field("visits.score"),
        edges=(Decimal(0), Decimal("10.5"), Decimal(60)),
    ),
    "{kind: histogram, variable: sex, edges: [-0.5, 0.5, 1.5]}": Statistic(
        kind=Kind.HISTOGRAM,
        table="patients",
        variable=field("patients.sex"),
        edges=(Decimal("-0.5"), Decimal("0.5"), Decimal("1.5")),
    ),
    "{kind: quantiles, variable: age, probabilities: [0.25, 0.5, 0.75], by: sex}": Statistic(
        kind=Kind.QUANTILES,
        table="patients",
        variable=field("patients.age"),
        by=(field("patients.sex"),),
        probabilities=(Decimal("0.25"), Decimal("0.5"), Decimal("0.75")),
    ),
    "{kind: quantiles, variable: score, probabilities: [9e-1, 0.5, 0.50]}": Statistic(
        kind=Kind.QUANTILES,
        table="visits",
        variable=field("visits.score"),
        probabilities=(Decimal("0.5"), Decimal("0.9")),
    ),
    "{kind: count, table: ~, by: ~, variable: null}": Statistic(kind=Kind.COUNT, table="patients"),
}

_MALE = OneOf(field=field("patients.sex"), codes=(Decimal(1),))
_ADULT = Between(field=field("patients.age"), low=Decimal(18), high=Decimal("64.5"))
_UNAGED = Missing(field=field("patients.age"))
COHORTS: dict[str, Cohort | None] = {
    "": None,
    "~": None,
    "{field: sex, equals: 1.0}": _MALE,
    "{field: patients.sex, in: [1, 1]}": _MALE,
    "{field: smokes, equals: false}": OneOf(field=field("patients.smokes"), codes=(False,)),
    "{field: age, equals: 40}": OneOf(field=field("patients.age"), codes=(Decimal(40),)),
    "{field: age, between: [18, 64.50]}": _ADULT,
    "{field: age, missing: true}": _UNAGED,
    "{field: age, missing: false}": Not(part=_UNAGED),
    "{not: {field: age, missing: false}}": _UNAGED,
    "{not: [{field: sex, equals: 1}]}": Not(part=_MALE),
    "{and: [{field: sex, equals: 1}]}": _MALE,
    "{and: [{or: [{field: age, missing: true}, {field: sex, equals: 1}]}, {field: age, between: [18, 64.5]}]}"
    "": All(parts=(_ADULT, Any(parts=(_MALE, _UNAGED)))),
}


@pytest.mark.parametrize("text", STATISTICS)
def test_every_form_of_a_statistic_is_read(text: str) -> None:
    assert _request(text).query.statistic == STATISTICS[text]


@pytest.mark.parametrize("text", COHORTS)
def test_every_form_of_a_cohort_is_read(text: str) -> None:
    cohort, wanted = _request("{kind: count}", text).query.cohort, COHORTS[text]
    if isinstance(cohort, All | Any) and isinstance(wanted, All | Any):
        assert type(cohort) is type(wanted)
        assert len(cohort.parts) == len(wanted.parts)
    else:
        assert cohort == wanted


@pytest.mark.parametrize(
    ("release", "loss", "delta"),
    [
        ("{mode: dp, scope: centre, rho: 0.05}", Loss.parse("0.05"), "0.000001"),
        ("{mode: dp, scope: centre, rho: '0.05', delta: 1e-9}", Loss.parse("0.05"), "0.000000001"),
        ("{mode: dp, scope: centre, rho: 1e9}", Loss.parse("1000000000"), "0.000001"),
        ("{mode: dp, scope: centre, epsilon: 1}", loss_of_epsilon(1.0), "0.000001"),
        ("{mode: dp, scope: centre, epsilon: 1, delta: 1e-5}", loss_of_epsilon(1.0, 1e-5), "0.00001"),
    ],
)
def test_every_form_of_a_release_is_read(release: str, loss: Loss, delta: str) -> None:
    terms = _request("{kind: count}", release=f"release: {release}").query.release
    assert (terms.loss, terms.delta) == (loss, Decimal(delta))


@pytest.mark.parametrize(
    ("rest", "quorum"), [("", None), ("quorum: all", None), ("quorum: ~", None), ("quorum: 3", 3)]
)
def test_every_form_of_a_quorum_is_read(rest: str, quorum: int | None) -> None:
    assert _request("{kind: count}", rest=rest).quorum == quorum


class Wrong(NamedTuple):
    """A text, the line of the mistake, and what the sentence must say."""

    text: str
    line: int
    says: tuple[str, ...]


def _with(statistic: str = "{kind: count}", *rest: str) -> str:
    """Lines 1 to 3 are study, statistic, release; what follows begins on line 4."""
    return "\n".join(["study: survival", f"statistic: {statistic}", RELEASE, *rest])


def _released(release: str) -> str:
    return _with().replace(RELEASE, f"release: {release}")


_DEEP = "{not: " * 8 + "{field: age, missing: true}" + "}" * 8
_WIDE = "{and: [" + ", ".join(f"{{field: age, between: [{n}, 99]}}" for n in range(64)) + "]}"

WRONG: dict[str, Wrong] = {
    "empty": Wrong("", 0, ("empty",)),
    "a word": Wrong("count", 1, ("mapping", "study")),
    "no study": Wrong("statistic: {kind: count}\n" + RELEASE, 1, ("lacks 'study'",)),
    "no release": Wrong("study: s\nstatistic: {kind: count}", 1, ("lacks 'release'",)),
    "a mistyped key": Wrong(_with("{kind: count}", "cohrt:", "  {}"), 4, ("'cohrt'", "'cohort'")),
    "a study with a slash": Wrong(_with().replace("survival", "a/b"), 1, ("study", "not a name")),
    "a study that is a number": Wrong(_with().replace("survival", "7"), 1, ("text", "quotes")),
    "a quorum of none": Wrong(_with("{kind: count}", "quorum: 0"), 4, ("quorum", "at least 1")),
    "a quorum of a half": Wrong(_with("{kind: count}", "quorum: 1.5"), 4, ("whole number",)),
    "a quorum in words": Wrong(_with("{kind: count}", "quorum: most"), 4, ("or all",)),
    # Statistics.
    "no kind": Wrong(_with("{by: sex}"), 2, ("lacks 'kind'",)),
    "a kind without a value": Wrong(_with("{kind: }"), 2, ("lacks 'kind'", "'mean'")),
    "an unknown kind": Wrong(
        _with("{kind: meen, variable: age}"),
        2,
        ("'meen'", "did you mean 'mean'?", "it can be count, sum, mean, variance", "histogram, quantiles"),
    ),
    "a kind like no other": Wrong(_with("{kind: x, variable: age}"), 2, ("'x'", "it can be count, sum")),
    "a median": Wrong(
        _with("{kind: median, variable: age}"), 2, ("'median'", "kind: quantiles with probabilities: [0.5]")
    ),
    "quartiles": Wrong(_with("{kind: Quartiles, variable: age}"), 2, ("'Quartiles'", "[0.25, 0.5, 0.75]")),
    "percentiles": Wrong(_with("{kind: percentiles, variable: age}"), 2, ("[0.9]",)),
    "a mistyped variable": Wrong(_with("{kind: mean, variabel: age}"), 2, ("'variabel'", "'variable'")),
    "an unknown field": Wrong(_with("{kind: mean, variable: aeg}"), 2, ("'aeg'", "'age'")),
    "another case": Wrong(_with("{kind: mean, variable: AGE}"), 2, ("'AGE'", "'age'")),
    "an unknown table": Wrong(_with("{kind: count, table: visit}"), 2, ("'visit'", "'visits'")),
    "a field of an unknown table": Wrong(_with("{kind: mean, variable: visit.score}"), 2, ("'visits'",)),
    "a name in two tables": Wrong(
        _with("{kind: proportion, variable: site, in: [apex]}"), 2, ("patients.site, visits.site",)
    ),
    "no variable": Wrong(_with("{kind: mean}"), 2, ("mean needs a variable", "variable: ...")),
    "a count of a variable": Wrong(
        _with("{kind: count, variable: age}"), 2, ("takes no variable", "missing: false")
    ),
    "a mean of words": Wrong(
        _with("{kind: mean, variable: grade}"), 2, ("wants a number", "'grade'", "proportion")
    ),
    "a local field": Wrong(_with("{kind: count, by: centre_note}"), 2, ("'centre_note'", "role local")),
    "an identifier": Wrong(_with("{kind: count, by: surname}"), 2, ("'surname'", "no centre stores")),
    "the patient key": Wrong(_with("{kind: count, by: patients.pid}"), 2, ("the patient key",)),
    "by a number": Wrong(_with("{kind: count, by: age}"), 2, ("by wants fields", "'age'", "histogram")),
    "by four": Wrong(
        _with("{kind: count, by: [sex, smokes, grade, patients.site]}"), 2, ("at most 3 fields",)
    ),
    "by one twice": Wrong(_with("{kind: count, by: [sex, patients.sex]}"), 2, ("twice",)),
    "by of another long table": Wrong(
        _with("{kind: mean, variable: dose, by: visits.site}"), 2, ("'visits.site'", "many rows", "'visits'")
    ),
    "edges of a mean": Wrong(
        _with("{kind: mean, variable: age, edges: [0, 1]}"), 2, ("histogram", "not to mean")
    ),
    "probabilities of a mean": Wrong(
        _with("{kind: mean, variable: age, probabilities: [0.5]}"), 2, ("quantiles", "not to mean")
    ),
    "quantiles without probabilities": Wrong(
        _with("{kind: quantiles, variable: age}"), 2, ("1 to 99", "probabilities: [0.25, 0.5, 0.75]")
    ),
    "no probability": Wrong(_with("{kind: quantiles, variable: age, probabilities: []}"), 2, ("these 0",)),
    "a hundred probabilities": Wrong(
        _with(f"{{kind: quantiles, variable: age, probabilities: {[n / 1000 for n in range(1, 101)]}}}"),
        2,
        ("1 to 99", "these 100"),
    ),
    "a percentage": Wrong(
        _with("\n  kind: quantiles\n  variable: age\n  probabilities: [50]"),
        5,
        ("50 does not", "the median as 0.5"),
    ),
    "a probability of zero": Wrong(
        _with("{kind: quantiles, variable: age, probabilities: [0, 0.5]}"), 2, ("0 does not",)
    ),
    "a probability of one": Wrong(
        _with("{kind: quantiles, variable: age, probabilities: [0.5, 1.0]}"), 2, ("1 does not",)
    ),
    "a probability in quotes": Wrong(
        _with("{kind: quantiles, variable: age, probabilities: ['0.5']}"), 2, ("a number",)
    ),
    "one probability without a list": Wrong(
        _with("{kind: quantiles, variable: age, probabilities: 0.5}"), 2, ("must be a list",)
    ),
    "quantiles of words": Wrong(
        _with("{kind: quantiles, variable: grade, probabilities: [0.5]}"), 2, ("wants a number", "'grade'")
    ),
    "in of a count": Wrong(_with("{kind: count, in: [a]}"), 2, ("proportion", "not to count")),
    "a histogram without edges": Wrong(
        _with("{kind: histogram, variable: age}"), 2, ("2 to 1001", "edges: [")
    ),
    "one edge": Wrong(_with("{kind: histogram, variable: age, edges: [1]}"), 2, ("and this one 1",)),
    "edges out of order": Wrong(
        _with("\n  kind: histogram\n  variable: age\n  edges: [0, 20, 10]"), 5, ("20 stands before 10",)
    ),
    "an edge twice": Wrong(_with("{kind: histogram, variable: age, edges: [0, 1, 1.0]}"), 2, ("must rise",)),
    "an edge in quotes": Wrong(_with("{kind: histogram, variable: age, edges: ['0', 1]}"), 2, ("a number",)),
    "edges that are a number": Wrong(_with("{kind: histogram, variable: age, edges: 5}"), 2, ("a list",)),
    "a proportion of nothing": Wrong(
        _with("{kind: proportion, variable: grade, in: []}"), 2, ("'grade'", "code list is empty")
    ),
    "a proportion without in": Wrong(_with("{kind: proportion, variable: grade}"), 2, ("'grade'", "empty")),
    "a proportion of a range": Wrong(
        _with("{kind: proportion, variable: age, in: [1]}"), 2, ("has a range", "edges")
    ),
    "an unknown code": Wrong(
        _with("\n  kind: proportion\n  variable: grade\n  in: [low,\n    hihg]"), 6, ("'hihg'", "'high'")
    ),
    "a code in quotes": Wrong(
        _with("{kind: proportion, variable: sex, in: ['1']}"), 2, ("as a number", "quotes")
    ),
    "a code without quotes": Wrong(
        _with("{kind: proportion, variable: smokes, in: ['true']}"), 2, ("true or false",)
    ),
    # Cohorts.
    "a cohort that is a list": Wrong(_with("{kind: count}", "cohort: []"), 4, ("mapping",)),
    "an empty cohort": Wrong(_with("{kind: count}", "cohort: {}"), 4, ("either and, or, not", "and: [")),
    "an empty and": Wrong(_with("{kind: count}", "cohort: {and: []}"), 4, ("at least one",)),
    "and beside or": Wrong(_with("{kind: count}", "cohort: {and: [], or: []}"), 4, ("either and, or, not",)),
    "not of two": Wrong(_with("{kind: count}", "cohort: {not: [{}, {}]}"), 4, ("takes one condition",)),
    "a test without a field": Wrong(_with("{kind: count}", "cohort: {equals: 1}"), 4, ("or a field",)),
    "a field without a test": Wrong(_with("{kind: count}", "cohort: {field: sex}"), 4, ("exactly one of",)),
    "two tests": Wrong(
        _with("{kind: count}", "cohort: {field: sex, equals: 1, missing: true}"), 4, ("exactly one",)
    ),
    "an unknown test": Wrong(
        _with("{kind: count}", "cohort: {field: sex, equal: 1}"), 4, ("'equal'", "'equals'")
    ),
    "an unknown field of a cohort": Wrong(
        _with(
            "{kind: count}",
            "cohort:",
            "  and:",
            "    - {field: sex, equals: 1}",
            "    - {field: aage, missing: true}",
        ),
        7,
        ("'aage'", "'age'"),
    ),
    "an unknown code of a cohort": Wrong(
        _with(
            "{kind: count}",
            "cohort:",
            "  and:",
            "    - {field: sex, equals: 1}",
            "    - {field: grade, equals: hi}",
        ),
        7,
        ("'grade'", "'hi'"),
    ),
    "a local field of a cohort": Wrong(
        _with("{kind: count}", "cohort:", "  not: {field: centre_note, missing: true}"), 5, ("role local",)
    ),
    "equals a list": Wrong(
        _with("{kind: count}", "cohort: {field: sex, equals: [1]}"), 4, ("one code", "missing: true")
    ),
    "in a word": Wrong(_with("{kind: count}", "cohort: {field: sex, in: 1}"), 4, ("a list",)),
    "in nothing": Wrong(_with("{kind: count}", "cohort: {field: sex, in: []}"), 4, ("'sex'", "empty")),
    "equals a word": Wrong(
        _with("{kind: count}", "cohort: {field: age, equals: old}"), 4, ("with numbers", "'old'")
    ),
    "between words": Wrong(
        _with("{kind: count}", "cohort: {field: grade, between: [1, 2]}"), 4, ("'grade'", "in with")
    ),
    "between outside": Wrong(
        _with("{kind: count}", "cohort: {field: age, between: [500, 600]}"), 4, ("range is 0 to 110", "unit")
    ),
    "equals outside": Wrong(
        _with("{kind: count}", "cohort: {field: age, equals: -1}"), 4, ("range is 0 to 110", "unit")
    ),
    "edges outside": Wrong(
        _with("{kind: histogram, variable: age, edges: [200, 300]}"), 2, ("edges", "range is 0 to 110")
    ),
    "between three": Wrong(
        _with("{kind: count}", "cohort: {field: age, between: [1, 2, 3]}"), 4, ("[low, high]",)
    ),
    "between backwards": Wrong(
        _with("{kind: count}", "cohort: {field: age, between: [9, 1]}"), 4, ("between 9 and 1", "smaller")
    ),
    "missing in words": Wrong(
        _with("{kind: count}", "cohort: {field: age, missing: yes}"), 4, ("true or false",)
    ),
    "too deep": Wrong(_with("{kind: count}", f"cohort: {_DEEP}"), 4, ("8 levels",)),
    "far too deep": Wrong(
        _with("{kind: count}", f"cohort: {_DEEP.replace('{field', '{not: ' * 5 + '{field')}" + "}" * 5),
        4,
        ("deep",),
    ),
    "too wide": Wrong(_with("{kind: count}", f"cohort: {_WIDE}"), 4, ("64 conditions",)),
    # Releases.
    "no scope": Wrong(_released("{mode: dp, rho: 1}"), 3, ("lacks 'scope'",)),
    "an unknown mode": Wrong(_released("{mode: exact, scope: centre, rho: 1}"), 3, ("'exact'", "'dp'")),
    "an unknown scope": Wrong(_released("{mode: dp, scope: center, rho: 1}"), 3, ("'center'", "'centre'")),
    "rho and epsilon": Wrong(
        _released("{mode: dp, scope: centre, rho: 1, epsilon: 1}"), 3, ("both rho and epsilon",)
    ),
    "neither": Wrong(_released("{mode: dp, scope: centre}"), 3, ("neither rho nor epsilon",)),
    "a rho of zero": Wrong(_released("{mode: dp, scope: centre, rho: 0}"), 3, ("0.000000001",)),
    "a negative rho": Wrong(_released("{mode: dp, scope: centre, rho: -1}"), 3, ("zero or more",)),
    "a rho too fine": Wrong(_released("{mode: dp, scope: centre, rho: 1e-10}"), 3, ("nine digits",)),
    "a rho too large": Wrong(_released("{mode: dp, scope: centre, rho: 1000000001}"), 3, ("1000000000",)),
    "a rho in words": Wrong(_released("{mode: dp, scope: centre, rho: low}"), 3, ("'low'",)),
    "an epsilon of zero": Wrong(_released("{mode: dp, scope: centre, epsilon: 0}"), 3, ("above zero",)),
    "an epsilon in quotes": Wrong(_released("{mode: dp, scope: centre, epsilon: '1'}"), 3, ("a number",)),
    "a delta of zero": Wrong(
        _released("{mode: dp, scope: centre, epsilon: 1, delta: 0}"), 3, ("between 0 and 1",)
    ),
    "a delta of one": Wrong(
        _released("{mode: dp, scope: centre, rho: 1, delta: 1}"), 3, ("between 0 and 1",)
    ),
}


def test_the_table_is_long() -> None:
    assert len(WRONG) >= 40


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_query_is_refused_where_it_is_wrong(name: str) -> None:
    text, line, says = WRONG[name]
    with pytest.raises(TextError) as caught:
        read_request(text.encode(), DICTIONARY)
    (problem,) = caught.value.problems
    assert problem.line == line, str(problem)
    for part in says:
        assert part in str(problem), str(problem)


@pytest.mark.parametrize(("name", "advice"), [("centre_note", ""), ("surname", ""), ("patients.pid", "")])
def test_advice_for_a_field_that_stays_names_another_one_only_when_it_is_close(
    name: str, advice: str
) -> None:
    with pytest.raises(TextError) as caught:
        read_request(_with(f"{{kind: count, by: {name}}}").encode(), DICTIONARY)
    assert caught.value.problems[0].next_step == advice


def test_a_program_writes_the_same_query_with_its_own_numbers() -> None:
    tree = {
        "study": "survival",
        "statistic": {"kind": "histogram", "variable": "score", "edges": (0, 10.5, Decimal("60.0"))},
        "cohort": {"field": "sex", "in": [1, True and 1]},
        "release": {"mode": "dp", "scope": "centre", "rho": "0.05", "delta": 1e-6},
        "quorum": 2,
    }
    text = _with(
        "{kind: histogram, variable: score, edges: [0, 10.5, 60]}",
        "cohort: {field: sex, in: [1]}",
        "quorum: 2",
    )
    assert request_from_tree(tree, DICTIONARY) == read_request(text.encode(), DICTIONARY)


@pytest.mark.parametrize(
    "number", [float("nan"), float("inf"), Decimal("NaN"), Decimal("1e41"), Fraction(1, 3), 1e300]
)
def test_a_number_that_no_file_could_hold_is_refused(number: object) -> None:
    _is_no_number(number)


def test_an_integer_that_python_would_not_even_write_is_refused() -> None:
    _is_no_number(10**5000)


def _is_no_number(number: object) -> None:
    tree = {
        "study": "s",
        "statistic": {"kind": "count"},
        "cohort": {"field": "age", "between": [0, number]},
        "release": {"mode": "dp", "scope": "centre", "rho": 1},
    }
    with pytest.raises(TextError, match="must be a number"):
        request_from_tree(tree, DICTIONARY)


def test_an_object_is_refused_by_its_type() -> None:
    with pytest.raises(TextError, match="holds a set"):
        request_from_tree({"study": {1}}, DICTIONARY)


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        (b"a: no", {"a": "no"}),
        (b"a: 0x10", {"a": "0x10"}),
        (b"a: 1_000", {"a": "1_000"}),
        (b"a: 010", {"a": "010"}),
        (b"a: 1.", {"a": "1."}),
        (b"a: .nan", {"a": ".nan"}),
        (b"a: 2026-01-01", {"a": "2026-01-01"}),
        (b"a: True", {"a": "True"}),
        (b"a: true", {"a": True}),
        (b"a: ~", {"a": None}),
        (b"a: -1.50e1", {"a": Decimal(-15)}),
        (b"a: '1'", {"a": "1"}),
        (b"<<: {b: 1}", {"<<": {"b": Decimal(1)}}),
        (b'{"a":"\\u00e9","b":[1,2]}', {"a": "\u00e9", "b": [Decimal(1), Decimal(2)]}),
    ],
)
def test_a_scalar_is_what_json_says_and_text_otherwise(text: bytes, tree: Tree) -> None:
    assert parse(text).tree == tree
