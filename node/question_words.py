"""A stored question in words, without a dictionary: the one that it was asked of may be gone.

Fields stand by their names, as in the query that was written; titles and labels are for the analyst.
"""

from typing import assert_never

from protocols.canonical import decimal_text
from protocols.dictionary import Code, code_text
from protocols.queries import All, Any, Between, Cohort, Kind, Missing, Not, OneOf, Query

_MOST_LISTED = 8


def question_words(query: Query) -> str:
    """Write a question as one phrase: statistic, grouping, cohort."""
    statistic = query.statistic
    what = f"{statistic.kind.value} of {statistic.variable or statistic.table}"
    if statistic.variable and statistic.variable.table != statistic.table:
        what += f" over {statistic.table}"
    if statistic.kind is Kind.PROPORTION:
        what += f" in ({_codes(statistic.codes)})"
    if statistic.kind is Kind.HISTOGRAM:
        what += f" at the edges {_listed([decimal_text(edge) for edge in statistic.edges])}"
    if statistic.kind is Kind.QUANTILES:
        what += f" at {_listed([decimal_text(one) for one in statistic.probabilities])}"
    by = f" by {', '.join(str(name) for name in statistic.by)}" if statistic.by else ""
    return what + by + (f", where {cohort_words(query.cohort)}" if query.cohort else "")


def cohort_words(cohort: Cohort, *, is_inner: bool = False) -> str:
    """Write a cohort as one condition."""
    match cohort:
        case All(parts=parts) | Any(parts=parts):
            link = " and " if isinstance(cohort, All) else " or "
            words = link.join(cohort_words(part, is_inner=True) for part in parts)
            return f"({words})" if is_inner else words
        case Not(part=part):
            return f"not ({cohort_words(part)})"
        case OneOf(field=name, codes=codes):
            return f"{name} is {_codes(codes)}" if len(codes) == 1 else f"{name} in ({_codes(codes)})"
        case Between(field=name, low=low, high=high):
            return f"{name} is {decimal_text(low)} to {decimal_text(high)}"
        case Missing(field=name):
            return f"{name} is missing"
        case _:
            assert_never(cohort)


def _codes(codes: tuple[Code, ...]) -> str:
    return _listed([code_text(code) for code in codes])


def _listed(words: list[str]) -> str:
    more = [f"{len(words) - _MOST_LISTED} more"] if len(words) > _MOST_LISTED else []
    return ", ".join([*words[:_MOST_LISTED], *more])
