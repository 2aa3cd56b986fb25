"""Questions drawn at random: valid ones over the example dictionary, in no particular form."""

from decimal import Decimal

from hypothesis import strategies as st

from protocols.dictionary import Code, FieldName
from protocols.queries import (
    COUNTED,
    All,
    Any,
    Between,
    Cohort,
    Kind,
    Missing,
    Not,
    OneOf,
    Query,
    Statistic,
)
from tests.protocols.examples import RELEASE_TERMS, SUPPRESSED_TERMS, field

# Ages have the range 0 to 110: a condition that lies wholly outside is refused.
NUMBERS = st.decimals(-200, 200, places=3) | st.integers(-200, 200).map(Decimal)
AGES = st.decimals(0, 110, places=3) | st.integers(0, 110).map(Decimal)
CODED: dict[str, tuple[Code, ...]] = {
    "patients.sex": (Decimal(0), Decimal(1)),
    "patients.smokes": (False, True),
    "patients.grade": ("low", "mid", "high"),
}


def _codes(name: str) -> st.SearchStrategy[OneOf]:
    codes = st.lists(st.sampled_from(CODED[name]), min_size=1, max_size=4)
    return codes.map(lambda chosen: OneOf(field=field(name), codes=tuple(chosen)))


def _between(name: FieldName) -> st.SearchStrategy[Between]:
    return st.tuples(AGES, NUMBERS).map(lambda ends: Between(field=name, low=min(ends), high=max(ends)))


_CONDITIONS: st.SearchStrategy[Cohort] = (
    st.sampled_from(sorted(CODED)).flatmap(_codes)
    | _between(field("patients.age"))
    | st.tuples(AGES, st.lists(NUMBERS, max_size=2)).map(
        lambda numbers: OneOf(field=field("patients.age"), codes=(numbers[0], *numbers[1]))
    )
    | st.sampled_from(["patients.age", "patients.grade"]).map(lambda name: Missing(field=field(name)))
)


def _joined(inner: st.SearchStrategy[Cohort]) -> st.SearchStrategy[Cohort]:
    parts = st.lists(inner, min_size=1, max_size=3).map(tuple)
    return (
        parts.map(lambda some: All(parts=some))
        | parts.map(lambda some: Any(parts=some))
        | inner.map(lambda one: Not(part=one))
    )


def cohorts() -> st.SearchStrategy[Cohort]:
    """Draw a cohort that stays below the limits of depth and size."""
    return st.recursive(_CONDITIONS, _joined, max_leaves=6).filter(lambda one: _depth(one) <= 8)


def _depth(cohort: Cohort) -> int:
    match cohort:
        case All(parts=parts) | Any(parts=parts):
            return 1 + max(_depth(part) for part in parts)
        case Not(part=part):
            return 1 + _depth(part)
        case _:
            return 1


@st.composite
def questions(draw: st.DrawFn) -> Query:
    """Draw a valid query."""
    by = draw(st.lists(st.sampled_from(sorted(CODED)), max_size=3, unique=True))
    kind = draw(st.sampled_from(Kind))
    groups = tuple(field(name) for name in by)
    match kind:
        case Kind.COUNT:
            statistic = Statistic(kind=kind, table="patients", by=groups)
        case Kind.PROPORTION:
            name = draw(st.sampled_from(sorted(CODED)))
            codes = draw(st.lists(st.sampled_from(CODED[name]), min_size=1, max_size=4))
            statistic = Statistic(
                kind=kind, table="patients", variable=field(name), by=groups, codes=tuple(codes)
            )
        case Kind.HISTOGRAM:
            edges = {draw(AGES), *draw(st.lists(NUMBERS, max_size=3)), Decimal(201)}
            statistic = Statistic(
                kind=kind,
                table="patients",
                variable=field("patients.age"),
                by=groups,
                edges=tuple(sorted(edges)),
            )
        case Kind.QUANTILES:
            thousandths = draw(st.lists(st.integers(1, 999), min_size=1, max_size=5))
            statistic = Statistic(
                kind=kind,
                table="visits",
                variable=field("visits.score"),
                by=groups,
                probabilities=tuple(Decimal(one) / 1000 for one in thousandths),
            )
        case _:
            name = draw(st.sampled_from(["patients.age", "visits.score"]))
            table = name.partition(".")[0]
            statistic = Statistic(kind=kind, table=table, variable=field(name), by=groups)
    cohort = draw(st.none() | cohorts())
    # Counts of patients may be asked for in either mode.
    can_be_shown = kind in COUNTED and statistic.table == "patients"
    terms = draw(st.sampled_from((RELEASE_TERMS, SUPPRESSED_TERMS))) if can_be_shown else RELEASE_TERMS
    return Query(statistic=statistic, cohort=cohort, release=terms)
