"""Questions, cells and promises in words: what stands above tables, pictures and pages.

Titles, units and labels come from the dictionary; where a field has no title its name stands for it.
What is written here is text: whoever prints it escapes it.
"""

from collections import Counter
from typing import assert_never

from privacy.accountant import epsilon_of, shown_epsilon
from protocols.canonical import decimal_text
from protocols.dictionary import Code, Dictionary, Field, FieldName, code_text
from protocols.queries import (
    All,
    Any,
    Between,
    Cohort,
    Kind,
    Missing,
    Mode,
    Not,
    OneOf,
    Query,
)

PER_CENT = "95 %"
"""What every interval of a result covers (spec/results.md 1)."""

_MISSING = "(missing)"


def title_of(name: FieldName, dictionary: Dictionary) -> str:
    """Name a field for people: its title, or its name where it has none."""
    return dictionary.field(name).title or dictionary.shown(name)


def level_names(one: Field) -> dict[Code | None, str]:
    """Name every level of a field, each differently: a label, or the code where there is none.

    Two codes with one label are told apart by their codes, else they would be drawn as one.
    """
    labels = dict(one.labels)
    plain = {code: labels.get(code) or code_text(code) for code in one.codes}
    used = Counter([*plain.values(), _MISSING])
    names: dict[Code | None, str] = {
        code: name if used[name] == 1 else f"{name} ({code_text(code)})" for code, name in plain.items()
    }
    return names | {None: _MISSING}


def rows_words(query: Query, dictionary: Dictionary) -> str:
    """Say what is counted: patients, where each has one row, or rows."""
    return "patients" if dictionary.table(query.statistic.table).cap == 1 else "rows"


def value_words(query: Query, dictionary: Dictionary) -> str:
    """Name the quantity that the figures are of, with its unit."""
    variable = query.statistic.variable
    rows = rows_words(query, dictionary)
    if variable is None:
        return f"number of {rows}"
    title, unit = title_of(variable, dictionary), dictionary.field(variable).unit
    match query.statistic.kind:
        case Kind.COUNT | Kind.HISTOGRAM:
            return f"number of {rows}"
        case Kind.PROPORTION:
            return f"share of {rows}"
        case Kind.VARIANCE:
            return f"{title}, variance" + (f" in ({unit})²" if unit else "")
        case Kind.SUM | Kind.MEAN | Kind.QUANTILES:
            word = query.statistic.kind.value
            return f"{title}, {word}" + (f" in {unit}" if unit else "")
        case _:
            assert_never(query.statistic.kind)


def question_words(query: Query, dictionary: Dictionary) -> str:
    """Write what is asked as one phrase, such as `Mean of age in years by sex`."""
    statistic = query.statistic
    words = _statistic_words(query, dictionary)
    if statistic.by:
        words += " by " + _listed([title_of(name, dictionary) for name in statistic.by], "and")
    return words


def _statistic_words(query: Query, dictionary: Dictionary) -> str:
    statistic, rows = query.statistic, rows_words(query, dictionary)
    if statistic.variable is None:
        return f"Number of {rows}"
    field = dictionary.field(statistic.variable)
    title = title_of(statistic.variable, dictionary)
    measured = f"{title} in {field.unit}" if field.unit else title
    match statistic.kind:
        case Kind.COUNT:
            return f"Number of {rows}"
        case Kind.PROPORTION:
            names = level_names(field)
            listed = _listed([names.get(code, code_text(code)) for code in statistic.codes], "or")
            return f"Share of {rows} with {title}: {listed}"
        case Kind.HISTOGRAM:
            return f"Histogram of {measured}"
        case Kind.SUM | Kind.MEAN | Kind.VARIANCE | Kind.QUANTILES:
            return f"{statistic.kind.value.capitalize()} of {measured}"
        case _:
            assert_never(statistic.kind)


def cohort_words(query: Query, dictionary: Dictionary) -> str:
    """Say which rows are asked about."""
    rows, table = rows_words(query, dictionary), query.statistic.table
    if query.cohort is None:
        return f"All {rows} of table {table}"
    return f"{rows.capitalize()} of table {table} where {_condition(query.cohort, dictionary)}"


def _condition(cohort: Cohort, dictionary: Dictionary, *, is_inner: bool = False) -> str:
    match cohort:
        case All(parts=parts) | Any(parts=parts):
            link = " and " if isinstance(cohort, All) else " or "
            words = link.join(_condition(part, dictionary, is_inner=True) for part in parts)
            return f"({words})" if is_inner else words
        case Not(part=part):
            return f"not ({_condition(part, dictionary)})"
        case OneOf(field=name, codes=codes):
            names = level_names(dictionary.field(name))
            listed = [names.get(code, code_text(code)) for code in codes]
            return f"{title_of(name, dictionary)} is {_listed(listed, 'or')}"
        case Between(field=name, low=low, high=high):
            unit = dictionary.field(name).unit
            span = f"{decimal_text(low)} to {decimal_text(high)}" + (f" {unit}" if unit else "")
            return f"{title_of(name, dictionary)} is {span}"
        case Missing(field=name):
            return f"{title_of(name, dictionary)} is missing"
        case _:
            assert_never(cohort)


def promise_words(query: Query) -> str:
    """Say in one sentence what the release promises to a patient, and what the intervals hold."""
    terms = query.release
    match terms.mode:
        case Mode.DP:
            epsilon = shown_epsilon(epsilon_of(terms.loss, float(terms.delta)))
            return (
                f"Differential privacy at each centre: rho {terms.loss} zCDP for a patient"
                f" (epsilon {epsilon} at delta {float(terms.delta):g});"
                f" intervals cover {PER_CENT}, noise included."
            )
        case Mode.SUPPRESSED:
            return (
                "Small-number rules at each centre: small cells, and those that would give them away,"
                " are suppressed. This is not differential privacy."
            )
        case _:
            assert_never(terms.mode)


def _listed(words: list[str], link: str) -> str:
    """Join words as people do, and shorten a long list."""
    shown = words if len(words) <= 8 else [*words[:7], f"{len(words) - 7} more"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} {link} {shown[-1]}"
