"""Which fields a query reads: for studies and policies, which allow or forbid them by name."""

from typing import assert_never

from protocols.dictionary import FieldName
from protocols.queries import All, Any, Between, Cohort, Missing, Not, OneOf, Query


def fields_of(query: Query) -> frozenset[FieldName]:
    """Give every field that the query names: variable, groups and cohort."""
    statistic = query.statistic
    named = set(statistic.by)
    if statistic.variable is not None:
        named.add(statistic.variable)
    if query.cohort is not None:
        named |= fields_of_cohort(query.cohort)
    return frozenset(named)


def fields_of_cohort(cohort: Cohort) -> set[FieldName]:
    """Give every field that a cohort names."""
    match cohort:
        case All(parts=parts) | Any(parts=parts):
            return set().union(*(fields_of_cohort(part) for part in parts))
        case Not(part=part):
            return fields_of_cohort(part)
        case OneOf(field=name) | Between(field=name) | Missing(field=name):
            return {name}
        case _:
            assert_never(cohort)
