"""Roster, study and policy: what they must hold, and what they allow. spec/roster.md, study.md, policy.md."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from node.policy import Policy, caps_of, has_expired, open_policy, outside_policy, read_policy, stricter
from privacy.loss import Loss
from protocols.errors import SignatureError, TextError
from protocols.ids import AnalystId, CentreId
from protocols.queries import Between, Kind, Missing, Mode, Scope, SignedTerms, Statistic
from protocols.roster import Roster, open_roster
from protocols.signed_text import SignedText
from protocols.studies import Review, Study, outside_study
from protocols.study_reading import open_study
from tests.architecture.checkout import ROOT
from tests.members import ROOT_KEY
from tests.protocols import examples
from tests.protocols.examples import NOW, OFFICER, OFFICER_KEY, field, terms_of

Open = Callable[[bytes], Roster | Study | Policy]
PAPERS: dict[str, tuple[str, Open]] = {
    "roster": (examples.ROSTER_BODY, lambda octets: open_roster(octets, examples.CONSORTIUM)),
    "study": (examples.STUDY_BODY, lambda octets: open_study(octets, OFFICER, OFFICER_KEY.public_key())),
    "policy": (examples.POLICY_BODY, lambda octets: open_policy(octets, OFFICER, OFFICER_KEY.public_key())),
}


def _opened(kind: str, body: str) -> Roster | Study | Policy:
    return PAPERS[kind][1](examples.signed(body, kind))


STUDY = open_study(examples.signed(examples.STUDY_BODY, "study"), OFFICER, OFFICER_KEY.public_key())
POLICY = read_policy(examples.POLICY_BODY.encode())

LINES = [
    (kind, line)
    for kind, (body, _) in PAPERS.items()
    for line in body.splitlines()
    if re.match(r"\w+ = ", line)
]


@pytest.mark.parametrize(("kind", "line"), LINES)
def test_every_key_must_be_there(kind: str, line: str) -> None:
    with pytest.raises(TextError, match=r"lacks|format"):
        _opened(kind, PAPERS[kind][0].replace(line + "\n", "", 1))


@pytest.mark.parametrize(("kind", "line"), LINES)
def test_every_key_has_one_type(kind: str, line: str) -> None:
    key = line.partition(" = ")[0]
    for value in ("true", "{}", "1.5", "[[1]]"):
        with pytest.raises(TextError):
            _opened(kind, PAPERS[kind][0].replace(line, f"{key} = {value}", 1))


@pytest.mark.parametrize(("kind", "line"), LINES)
def test_no_key_stands_twice_and_none_is_unknown(kind: str, line: str) -> None:
    with pytest.raises(TextError):
        _opened(kind, PAPERS[kind][0].replace(line, f"{line}\n{line}", 1))
    with pytest.raises(TextError, match="unknown key 'extra'"):
        _opened(kind, PAPERS[kind][0].replace(line, f"{line}\nextra = 1", 1))


@pytest.mark.parametrize("kind", PAPERS)
def test_another_signer_another_kind_and_no_signature_are_refused(kind: str) -> None:
    body, open_one = PAPERS[kind]
    who, key = ("root-1", ROOT_KEY) if kind == "roster" else (OFFICER.text, OFFICER_KEY)
    bare = SignedText(body=body.encode(), signatures=())
    for octets in (
        body.encode(),
        bare.signed_by(who, examples.ANALYST_KEY, kind).to_bytes(),
        bare.signed_by("somebody", key, kind).to_bytes(),
        bare.signed_by(who, key, "other").to_bytes(),
        bare.signed_by(who, key, kind).to_bytes() + b"extra = 1\n",
        bare.signed_by(who, key, kind).to_bytes() + b"# a comment\n",
    ):
        with pytest.raises(SignatureError):
            open_one(octets)
    open_one(bare.signed_by("somebody", examples.ANALYST_KEY, kind).signed_by(who, key, kind).to_bytes())


@pytest.mark.parametrize(
    ("kind", "before", "after", "says"),
    [
        ("roster", 'id = "berlin"', 'id = "ber lin"', "not a name"),
        ("roster", "2027-01-01T00:00:00Z", "2027-01-01T00:00:00", "time zone"),
        ("roster", "2027-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59", "outside the calendar"),
        ("roster", "2027-01-01T00:00:00Z", "2027-01-01", "datetime"),
        ("roster", "skerry.roster/1", "skerry.roster/2", "format"),
        ("roster", '[[analyst]]\nid = "ada"', '[[analyst]]\nid = "ada"\nage = 3', "unknown key 'age'"),
        ("roster", "version = 1", "version = " + "9" * 5000, "not TOML"),
        ("study", '"count", "mean"', '"count", "meen"', "did you mean 'mean'"),
        ("study", 'modes = ["dp"]', 'modes = ["exact"]', "it can be 'dp'"),
        ("study", 'scopes = ["centre"]', 'scopes = ["pooled"]', "'pooled'"),
        ("study", '"patients.sex", ', '"sex", ', "table.field"),
        ("study", '"patients.sex", ', '"*", ', "table.field"),
        ("study", 'analysts = ["ada"]', 'analysts = ["*"]', "not a name"),
        ("study", "centres_per_person = 1", "centres_per_person = 0", "at least 1"),
        ("study", "quorum = 1", "quorum = 3", "1 to 2"),
        ("study", "min_centres = 1", "min_centres = 0", "1 to 2"),
        ("study", "colluders = 0", "colluders = 2", "0 to 1"),
        ("study", 'permit = "EK 12/2026"', 'permit = ""', "empty"),
        ("study", 'review = "none"', 'review = "nobody"', "it can be 'none'"),
        ("study", 'title = "Survival"', 'title = "FILL IN"', "not filled in"),
        ("study", 'study_rho = "0.5"', 'study_rho = "-1"', "study_rho"),
        ("study", 'study_rho = "0.5"', 'study_rho = "none"', "study_rho"),
        ("study", str(examples.DICTIONARY.digest), str(examples.DICTIONARY.digest).upper(), "64 hexadecimal"),
        ("policy", '"patients.grade"', '"grade"', "table.field"),
        ("policy", 'modes = ["dp"]', 'modes = ["pd"]', "'dp'"),
        ("policy", "charged_rounds_per_question = 2", "charged_rounds_per_question = 0", "at least 1"),
        ("policy", "longest_validity_hours = 24", "longest_validity_hours = 0", "at least 1"),
        ("policy", "longest_validity_hours = 24", "longest_validity_hours = 99999999999", "too large"),
    ],
)
def test_a_wrong_entry_is_refused_with_a_sentence(kind: str, before: str, after: str, says: str) -> None:
    body = PAPERS[kind][0]
    assert before in body
    with pytest.raises(TextError) as caught:
        _opened(kind, body.replace(before, after, 1))
    assert says in str(caught.value)


def test_nobody_stands_twice_in_a_roster() -> None:
    entry = examples.ROSTER_BODY[examples.ROSTER_BODY.index("[[analyst]]") :]
    with pytest.raises(TextError, match="twice"):
        _opened("roster", examples.ROSTER_BODY + entry)


# What a study allows.

_COUNT, _MEAN = (
    replace(examples.COUNT, statistic=Statistic(kind=Kind.COUNT, table="patients")),
    replace(
        examples.COUNT,
        statistic=Statistic(kind=Kind.MEAN, table="patients", variable=field("patients.age")),
    ),
)


@pytest.mark.parametrize("query", [_COUNT, _MEAN, examples.COUNT])
def test_a_query_inside_a_study(query: object) -> None:
    assert outside_study(terms_of(query), STUDY, NOW, None) is None  # type: ignore[arg-type]


OUTSIDE: dict[str, tuple[SignedTerms, Study, datetime, str]] = {
    "expired": (terms_of(_COUNT), STUDY, STUDY.expires, "expired"),
    "another analyst": (terms_of(_COUNT, analyst=AnalystId("eve")), STUDY, NOW, "'eve'"),
    "an analyst whose name begins alike": (terms_of(_COUNT, analyst=AnalystId("ada2")), STUDY, NOW, "'ada2'"),
    "an analyst in capitals": (terms_of(_COUNT, analyst=AnalystId("Ada")), STUDY, NOW, "'Ada'"),
    "another centre": (
        terms_of(_COUNT, audience=(CentreId("berlin"), CentreId("paris"))),
        STUDY,
        NOW,
        "'paris'",
    ),
    "a centre whose name ends alike": (terms_of(_COUNT, audience=(CentreId("lin"),)), STUDY, NOW, "'lin'"),
    "another statistic": (terms_of(examples.HISTOGRAM), STUDY, NOW, "histogram"),
    "not begun": (
        terms_of(_COUNT),
        replace(STUDY, begins=NOW + timedelta(milliseconds=1)),
        NOW,
        "has not begun",
    ),
    "fewer centres than the study's minimum": (
        terms_of(_COUNT),
        replace(STUDY, min_centres=2),
        NOW,
        "wants 2 centres asked at least, and this asks 1",
    ),
    "fewer centres than the quorum": (
        terms_of(_COUNT),
        replace(STUDY, quorum=2),
        NOW,
        "quorum is 2 centres, and this asks 1",
    ),
    "no more centres than may collude": (
        terms_of(_COUNT),
        replace(STUDY, colluders=1),
        NOW,
        "counts on 1 colluding centres",
    ),
    "a review by one person": (
        terms_of(_COUNT),
        replace(STUDY, review=Review.ONE_PERSON),
        NOW,
        "cannot hold releases",
    ),
    "a review by two persons": (
        terms_of(_COUNT),
        replace(STUDY, review=Review.TWO_PERSONS),
        NOW,
        "cannot hold releases",
    ),
    "no mode": (terms_of(_COUNT), replace(STUDY, modes=frozenset()), NOW, "mode dp"),
    "no scope": (terms_of(_COUNT), replace(STUDY, scopes=frozenset()), NOW, "scope centre"),
    "no field": (terms_of(_MEAN), replace(STUDY, fields=frozenset()), NOW, "'patients.age'"),
    "a field whose name begins alike": (
        terms_of(_MEAN),
        replace(STUDY, fields=frozenset({"patients.ag", "patients.age2", "visits.age"})),
        NOW,
        "'patients.age'",
    ),
    "a field of the cohort": (
        terms_of(replace(_COUNT, cohort=Missing(field=field("patients.grade")))),
        STUDY,
        NOW,
        "'patients.grade'",
    ),
    "a field of by": (
        terms_of(replace(_COUNT, statistic=replace(_COUNT.statistic, by=(field("patients.grade"),)))),
        STUDY,
        NOW,
        "'patients.grade'",
    ),
}


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_query_outside_a_study(name: str) -> None:
    terms, study, now, says = OUTSIDE[name]
    assert says in str(outside_study(terms, study, now, None))


@pytest.mark.parametrize(
    "study",
    [
        replace(STUDY, min_centres=2),
        replace(STUDY, quorum=2),
        replace(STUDY, colluders=1),
        replace(STUDY, begins=NOW),
    ],
)
def test_what_a_larger_audience_or_the_time_lets_in(study: Study) -> None:
    """The same studies as above, with both centres asked; the audience is what the analyst signed."""
    both = terms_of(_COUNT, audience=(CentreId("berlin"), CentreId("oslo")))
    assert outside_study(both, study, NOW, None) is None


def test_a_centre_named_twice_counts_once() -> None:
    twice = terms_of(_COUNT, audience=(CentreId("berlin"), CentreId("berlin")))
    assert "asks 1" in str(outside_study(twice, replace(STUDY, min_centres=2), NOW, None))


def test_a_star_allows_every_field() -> None:
    study = _opened("study", re.sub(r"fields = .*", 'fields = ["*"]', examples.STUDY_BODY))
    assert isinstance(study, Study)
    assert (
        outside_study(
            terms_of(replace(_COUNT, cohort=Missing(field=field("visits.score")))), study, NOW, None
        )
        is None
    )


# What a policy allows.


def test_a_query_within_the_policy() -> None:
    assert outside_policy(terms_of(_MEAN), STUDY, POLICY) is None


@pytest.mark.parametrize(
    ("terms", "policy", "says"),
    [
        (terms_of(_COUNT), replace(POLICY, modes=frozenset[Mode]()), "mode dp"),
        (terms_of(_COUNT), replace(POLICY, scopes=frozenset[Scope]()), "scope centre"),
        (
            terms_of(replace(_COUNT, cohort=Missing(field=field("patients.grade")))),
            POLICY,
            "'patients.grade'",
        ),
        (terms_of(examples.RICH), POLICY, "'patients.grade'"),
        (
            terms_of(_MEAN),
            replace(POLICY, forbidden_fields=frozenset({"patients.age"})),
            "'patients.age'",
        ),
        (terms_of(_COUNT), replace(POLICY, query_cap=Loss.parse("0.049999999")), "asks for 0.05"),
    ],
)
def test_a_query_against_the_policy(terms: SignedTerms, policy: Policy, says: str) -> None:
    assert says in str(outside_policy(terms, STUDY, policy))


def test_a_forbidden_field_is_that_field_only() -> None:
    policy = replace(POLICY, forbidden_fields=frozenset({"visits.age", "patients.ag", "patients.age2"}))
    cohort = Between(field=field("patients.age"), low=Decimal(0), high=Decimal(1))
    assert outside_policy(terms_of(replace(_COUNT, cohort=cohort)), STUDY, policy) is None


@pytest.mark.parametrize(
    ("ahead", "expired"),
    [
        (timedelta(0), True),
        (timedelta(milliseconds=1), False),
        (timedelta(hours=24), False),
        (timedelta(hours=24, milliseconds=1), True),
        (timedelta(hours=-1), True),
    ],
)
def test_an_expiry_lies_ahead_but_not_too_far(ahead: timedelta, expired: bool) -> None:
    not_after_ms = int((NOW + ahead).timestamp() * 1000)
    assert has_expired(terms_of(_COUNT, not_after_ms=not_after_ms), POLICY, NOW) is expired


def test_of_two_caps_the_stricter_one_holds() -> None:
    small, large = Loss.parse("0.4"), Loss.parse("0.5")
    assert stricter(small, large) == stricter(large, small) == small
    assert stricter(None, small) == stricter(small, None) == small
    assert stricter(None, None) is None
    assert caps_of(POLICY, STUDY) == (Loss.parse("1"), small, None)


def _shipped(name: str) -> Path:
    return ROOT / "deploy" / "policies" / f"{name}.toml"


def test_the_shipped_policies_are_read_and_the_permissive_one_has_no_limit() -> None:
    strict, permissive = (read_policy(_shipped(name).read_bytes()) for name in ("strict", "permissive"))
    caps = ("query_cap", "registry_cap", "study_cap", "analyst_cap")
    assert all(getattr(permissive, cap) is None for cap in caps)
    assert all(getattr(strict, cap) is not None for cap in caps)
