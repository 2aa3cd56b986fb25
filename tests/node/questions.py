"""Every kind of statistic x grouping x form of cohort, over the worlds' two tables."""

from decimal import Decimal
from itertools import product

from protocols.dictionary import FieldName
from protocols.queries import All, Any, Between, Cohort, Kind, Missing, Not, OneOf, Query, Statistic
from tests.node.worlds import question

SEX, ARM, AGE = (FieldName("people", name) for name in ("sex", "arm", "age"))
SITE, DOSE, SCORE, GRADE = (FieldName("visits", name) for name in ("site", "dose", "score", "grade"))


def numbers(*texts: str) -> tuple[Decimal, ...]:
    return tuple(Decimal(text) for text in texts)


DOSE_EDGES = numbers("-3.5", "0", "0.125", "10", "60")
GRADE_EDGES = numbers("-2", "0", "5")
AGE_EDGES = numbers("0", "60", "119.5", "120")
QUARTILES = numbers("0.25", "0.5", "0.75")

VISIT_STATISTICS = (
    Statistic(kind=Kind.COUNT, table="visits"),
    *(Statistic(kind=Kind.SUM, table="visits", variable=one) for one in (DOSE, SCORE, GRADE, AGE)),
    *(Statistic(kind=Kind.MEAN, table="visits", variable=one) for one in (DOSE, GRADE)),
    *(Statistic(kind=Kind.VARIANCE, table="visits", variable=one) for one in (DOSE, SCORE)),
    Statistic(kind=Kind.PROPORTION, table="visits", variable=GRADE, codes=numbers("0", "5")),
    Statistic(kind=Kind.PROPORTION, table="visits", variable=SEX, codes=("M",)),
    Statistic(kind=Kind.HISTOGRAM, table="visits", variable=DOSE, edges=DOSE_EDGES),
    Statistic(kind=Kind.HISTOGRAM, table="visits", variable=GRADE, edges=GRADE_EDGES),
    # Bins of one value, of two values (the last of one), of 4,097 steps, and of codes.
    *(
        Statistic(kind=Kind.QUANTILES, table="visits", variable=one, probabilities=QUARTILES)
        for one in (DOSE, SCORE, GRADE, AGE)
    ),
)
VISIT_GROUPS: tuple[tuple[FieldName, ...], ...] = ((), (SITE,), (SEX,), (ARM, SITE, SEX))
VISIT_COHORTS: tuple[Cohort | None, ...] = (
    None,
    OneOf(field=SITE, codes=("n",)),
    OneOf(field=DOSE, codes=numbers("0.25", "1")),
    Between(field=GRADE, low=Decimal(0), high=Decimal(1)),
    Missing(field=SCORE),
    Not(part=OneOf(field=SEX, codes=("F",))),
    Not(part=Between(field=DOSE, low=Decimal(0), high=Decimal(10))),
    All(
        parts=(
            Not(part=Missing(field=DOSE)),
            Any(parts=(Between(field=SCORE, low=Decimal(0), high=Decimal(500)), Missing(field=SITE))),
        )
    ),
)

PEOPLE_STATISTICS = (
    Statistic(kind=Kind.COUNT, table="people"),
    *(Statistic(kind=kind, table="people", variable=AGE) for kind in (Kind.SUM, Kind.MEAN, Kind.VARIANCE)),
    Statistic(kind=Kind.PROPORTION, table="people", variable=ARM, codes=("a", "c")),
    Statistic(kind=Kind.HISTOGRAM, table="people", variable=AGE, edges=AGE_EDGES),
    Statistic(kind=Kind.QUANTILES, table="people", variable=AGE, probabilities=QUARTILES),
)
PEOPLE_GROUPS: tuple[tuple[FieldName, ...], ...] = ((), (SEX,), (ARM, SEX))
PEOPLE_COHORTS: tuple[Cohort | None, ...] = (
    None,
    Not(part=OneOf(field=SEX, codes=("F",))),
    Between(field=AGE, low=Decimal(60), high=Decimal(120)),
)


def _matrix(
    statistics: tuple[Statistic, ...],
    groups: tuple[tuple[FieldName, ...], ...],
    cohorts: tuple[Cohort | None, ...],
) -> list[Query]:
    return [
        question(
            Statistic(
                kind=one.kind,
                table=one.table,
                variable=one.variable,
                by=by,
                edges=one.edges,
                codes=one.codes,
                probabilities=one.probabilities,
            ),
            cohort,
        )
        for one, by, cohort in product(statistics, groups, cohorts)
    ]


QUESTIONS = _matrix(VISIT_STATISTICS, VISIT_GROUPS, VISIT_COHORTS) + _matrix(
    PEOPLE_STATISTICS, PEOPLE_GROUPS, PEOPLE_COHORTS
)


def of_kind(kind: Kind) -> list[Query]:
    """The questions of one kind."""
    return [one for one in QUESTIONS if one.statistic.kind is kind]
