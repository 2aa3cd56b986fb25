"""Whether a dictionary admits a query, and the query's canonical form. spec/queries.md 3 and 4.

The analyst's program and every node run the same rules: the first to help, the second to be sure.
Canonical form: values in dictionary order without repeats, `and` and `or` flattened, without
repeats and sorted by their bytes on the wire, `not not` taken away, numbers in shortest form. Equal
questions then have equal bytes.
"""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from typing import assert_never

from privacy.accountant import check_delta
from privacy.errors import PrivacyError
from privacy.loss import MAX_QUERY_NANO_RHO, ZERO
from protocols.canonical import decimal_text
from protocols.codec.queries import encode_cohort
from protocols.dictionary import NUMERIC, Code, Dictionary, Field, FieldName, Range, Role, code_text
from protocols.documents import MAX_DIGITS, nearest, shown, some
from protocols.errors import QueryError
from protocols.queries import (
    COUNTED,
    MAX_BY,
    MAX_CODES_IN_QUERY,
    MAX_COHORT_DEPTH,
    MAX_COHORT_NODES,
    MAX_EDGES,
    MAX_PROBABILITIES,
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
    ReleaseTerms,
    Statistic,
)

_FORMS = {str: "text", Decimal: "a number", bool: "true or false"}
_ROLES = {
    Role.KEY: "the patient key (role key)",
    Role.IDENTIFIER: "an identifier, which no centre stores (role identifier)",
    Role.LOCAL: "kept at the centres (role local)",
}


def canonical(query: Query, dictionary: Dictionary) -> Query:
    """Give the canonical form of a query. Raises QueryError, naming the field and the nearest valid one."""
    _check_confirmed(dictionary)
    statistic = _statistic(query.statistic, dictionary)
    cohort = query.cohort
    if cohort is not None:
        _check_size(cohort)
        cohort = _cohort(cohort, dictionary, statistic.table)
    if query.release.mode is Mode.SUPPRESSED:
        _check_suppressed(statistic, query.release, dictionary)
        return Query(statistic=statistic, cohort=cohort, release=query.release)
    return Query(statistic=statistic, cohort=cohort, release=_release(query.release))


def _check_confirmed(dictionary: Dictionary) -> None:
    """Refuse bounds that were read from patients: a loss is only worth its bounds (spec/dictionary.md 7)."""
    if dictionary.unconfirmed:
        what = f"the dictionary is a draft: nobody has confirmed {some(dictionary.unconfirmed)}"
        raise QueryError(what, "the registry's custodian confirms each bound by taking its mark out")


def _check_suppressed(statistic: Statistic, terms: ReleaseTerms, dictionary: Dictionary) -> None:
    if terms.loss != ZERO or terms.delta != 0:
        raise QueryError("release: mode suppressed has no loss and no delta")
    if statistic.kind not in COUNTED:
        kinds = "count, proportion and histogram"
        what = f"statistic: mode suppressed answers {kinds}, not {statistic.kind.value}"
        raise QueryError(what, "ask in mode dp")
    if dictionary.table(statistic.table).cap != 1:
        # A small number of patients may have many rows: counting rows would hide them.
        what = f"release: mode suppressed counts patients, and {statistic.table!r} has many rows of one"
        raise QueryError(what, "ask in mode dp, or over a table with one row a patient")


def _release(terms: ReleaseTerms) -> ReleaseTerms:
    if not 1 <= terms.loss.nano_rho <= MAX_QUERY_NANO_RHO:
        raise QueryError("release: rho must lie between 0.000000001 and 1000000000")
    try:
        check_delta(float(terms.delta))
    except (PrivacyError, ValueError, OverflowError):
        raise QueryError("release: delta must lie between 0 and 1, both excluded") from None
    return replace(terms, delta=_number(terms.delta, "release: delta"))


def _number(number: Decimal, where: str) -> Decimal:
    """Give the shortest form of a number, so that 1.0 and 1 have the same bytes."""
    try:
        return Decimal(decimal_text(number))
    except ValueError:
        what = f"{where}: a number is finite, with at most {MAX_DIGITS} digits on either side of the point"
        raise QueryError(what) from None


def _readable(name: FieldName, dictionary: Dictionary, table: str) -> Field:
    """Find a field that a question over `table` may name: of the table itself or of the patients."""
    field = dictionary.field(name)
    if not field.is_queryable:
        what = f"the field {dictionary.shown(name)!r} is {_ROLES[field.role]}, and cannot be asked about"
        raise QueryError(what, dictionary.other_than(name.name))
    if name.table not in (table, dictionary.patient_table):
        what = f"the field {str(name)!r} has many rows per patient and cannot be joined to {table!r}"
        raise QueryError(what, f"ask over the table {name.table!r} (statistic: table)")
    return field


def _statistic(statistic: Statistic, dictionary: Dictionary) -> Statistic:
    kind = statistic.kind
    dictionary.table(statistic.table)
    if len(statistic.by) > MAX_BY:
        raise QueryError(f"statistic: by takes at most {MAX_BY} fields")
    for name in statistic.by:
        if not _readable(name, dictionary, statistic.table).codes:
            what = f"statistic: by wants fields with a code list, and {dictionary.shown(name)!r} has a range"
            raise QueryError(what, "use a histogram to see a number's distribution")
    if len(set(statistic.by)) < len(statistic.by):
        raise QueryError("statistic: by names a field twice")
    if (statistic.variable is None) != (kind is Kind.COUNT):
        wants = "takes no variable" if kind is Kind.COUNT else "needs a variable"
        advice = (
            "to count rows that have a value, use the cohort {field: ..., missing: false}"
            if kind is Kind.COUNT
            else "name a field: variable: ..."
        )
        raise QueryError(f"statistic: variable: {kind.value} {wants}", advice)
    if statistic.edges and kind is not Kind.HISTOGRAM:
        raise QueryError(f"statistic: edges: they belong to a histogram, not to {kind.value}")
    if statistic.codes and kind is not Kind.PROPORTION:
        raise QueryError(f"statistic: in: it belongs to a proportion, not to {kind.value}")
    if statistic.probabilities and kind is not Kind.QUANTILES:
        raise QueryError(f"statistic: probabilities: they belong to quantiles, not to {kind.value}")
    if statistic.variable is None:
        return statistic
    return _with_variable(statistic, statistic.variable, dictionary)


def _with_variable(statistic: Statistic, variable: FieldName, dictionary: Dictionary) -> Statistic:
    field = _readable(variable, dictionary, statistic.table)
    shown = dictionary.shown(variable)
    match statistic.kind:
        case Kind.PROPORTION:
            if not field.codes:
                what = f"statistic: a proportion wants a field with a code list, and {shown!r} has a range"
                raise QueryError(what, "use a histogram with edges at the cut-off")
            return replace(statistic, codes=_codes(statistic.codes, field, f"statistic: in: {shown!r}"))
        case Kind.HISTOGRAM:
            _check_number(field, shown, statistic.kind)
            return replace(statistic, edges=_edges(statistic.edges, field))
        case Kind.QUANTILES:
            _check_number(field, shown, statistic.kind)
            return replace(statistic, probabilities=_probabilities(statistic.probabilities))
        case Kind.SUM | Kind.MEAN | Kind.VARIANCE:
            _check_number(field, shown, statistic.kind)
            return statistic
        case Kind.COUNT:
            raise RuntimeError("a count has no variable")
        case _:
            assert_never(statistic.kind)


def _check_number(field: Field, shown: str, kind: Kind) -> None:
    if field.numeric_range is None:
        raise QueryError(
            f"statistic: {kind.value} wants a number with a range, and {shown!r} has a code list only",
            "use count with by, or proportion",
        )


def _edges(edges: tuple[Decimal, ...], field: Field) -> tuple[Decimal, ...]:
    if not 2 <= len(edges) <= MAX_EDGES:
        what = f"statistic: edges: a histogram has 2 to {MAX_EDGES} of them, and this one {len(edges)}"
        raise QueryError(what, "write edges: [0, 10, 20]")
    short = tuple(_number(edge, "statistic: edges") for edge in edges)
    for low, high in pairwise(short):
        if low >= high:
            pair = f"{decimal_text(low)} stands before {decimal_text(high)}"
            what = f"statistic: edges: they must rise, and {pair}"
            raise QueryError(what, "write them from the smallest to the largest, each once")
    bounds = field.numeric_range
    if bounds and (short[-1] < bounds.minimum or short[0] > bounds.maximum):
        raise _outside("statistic: edges", bounds)
    return short


def _probabilities(probabilities: tuple[Decimal, ...]) -> tuple[Decimal, ...]:
    """Give them rising and without repeats: in which order they are asked for means nothing."""
    where = "statistic: probabilities"
    short = tuple(sorted({_number(one, where) for one in probabilities}))
    if not 1 <= len(short) <= MAX_PROBABILITIES:
        what = f"{where}: quantiles have 1 to {MAX_PROBABILITIES} of them, and these {len(short)}"
        raise QueryError(what, "write probabilities: [0.25, 0.5, 0.75]")
    for one in short:
        if not 0 < one < 1:
            what = f"{where}: they lie between 0 and 1, both excluded, and {decimal_text(one)} does not"
            raise QueryError(what, "write the median as 0.5 and the 90th percentile as 0.9")
    return short


def _codes(codes: tuple[Code, ...], field: Field, where: str) -> tuple[Code, ...]:
    """Give valid codes in dictionary order; for a field with a range only, numbers in rising order."""
    if not codes:
        raise QueryError(f"{where}: the code list is empty", "name at least one code")
    if len(codes) > MAX_CODES_IN_QUERY:
        raise QueryError(f"{where}: at most {MAX_CODES_IN_QUERY} codes")
    if not field.codes:
        numbers = tuple(sorted({_as_number(code, field, where) for code in codes}))
        if field.range and not any(field.range.minimum <= one <= field.range.maximum for one in numbers):
            raise _outside(where, field.range)
        return numbers
    valid = {(type(code), code): index for index, code in enumerate(field.codes)}
    wanted = set()
    for code in codes:
        if (type(code), code) not in valid:
            word, words = code_text(code), [code_text(c) for c in field.codes]
            if word in words:
                what = f"{where}: {shown(word)} is in the code list as {_FORMS[type(field.codes[0])]}"
                raise QueryError(what, "write text in quotes; numbers, true and false without")
            raise QueryError(f"{where}: {shown(word)} is not in the code list", nearest(word, words))
        wanted.add(valid[type(code), code])
    return tuple(field.codes[index] for index in sorted(wanted))


def _as_number(code: Code, field: Field, where: str) -> Decimal:
    if isinstance(code, bool) or not isinstance(code, Decimal) or field.type not in NUMERIC:
        what = f"{where}: a field with a range is compared with numbers, not with {shown(code_text(code))}"
        raise QueryError(what, "write the number without quotes")
    return _number(code, where)


def _check_size(cohort: Cohort) -> None:
    nodes, level, depth = 0, [cohort], 0
    while level:
        depth += 1
        nodes += len(level)
        if depth > MAX_COHORT_DEPTH or nodes > MAX_COHORT_NODES:
            raise QueryError(f"cohort: at most {MAX_COHORT_DEPTH} levels and {MAX_COHORT_NODES} conditions")
        level = [part for node in level for part in _parts(node)]


def _parts(cohort: Cohort) -> tuple[Cohort, ...]:
    match cohort:
        case All(parts=parts) | Any(parts=parts):
            return parts
        case Not(part=part):
            return (part,)
        case OneOf() | Between() | Missing():
            return ()
        case _:
            assert_never(cohort)


def _cohort(cohort: Cohort, dictionary: Dictionary, table: str) -> Cohort:
    match cohort:
        case All(parts=parts):
            return _joined(parts, All, lambda part: _cohort(part, dictionary, table))
        case Any(parts=parts):
            return _joined(parts, Any, lambda part: _cohort(part, dictionary, table))
        case Not(part=part):
            inner = _cohort(part, dictionary, table)
            # Logic is two-valued (spec/queries.md 3), so the two cancel.
            return inner.part if isinstance(inner, Not) else Not(part=inner)
        case OneOf(field=name, codes=codes):
            field = _readable(name, dictionary, table)
            return OneOf(field=name, codes=_codes(codes, field, f"cohort: {dictionary.shown(name)!r}"))
        case Between():
            return _between(cohort, dictionary, table)
        case Missing(field=name):
            _readable(name, dictionary, table)
            return cohort
        case _:
            assert_never(cohort)


def _outside(where: str, bounds: Range) -> QueryError:
    """A slip of units would otherwise pay for an answer that is empty for sure."""
    low, high = decimal_text(bounds.minimum), decimal_text(bounds.maximum)
    return QueryError(f"{where}: nothing lies there, the range is {low} to {high}", "mind the unit")


def _between(cohort: Between, dictionary: Dictionary, table: str) -> Between:
    name = dictionary.shown(cohort.field)
    bounds = _readable(cohort.field, dictionary, table).numeric_range
    if bounds is None:
        what = f"cohort: between wants a number with a range, and {name!r} has a code list only"
        raise QueryError(what, "use in with its codes")
    low, high = (_number(end, f"cohort: {name!r}") for end in (cohort.low, cohort.high))
    if low > high:
        what = f"cohort: {name!r} between {decimal_text(low)} and {decimal_text(high)} is empty"
        raise QueryError(what, "put the smaller number first")
    if high < bounds.minimum or low > bounds.maximum:
        raise _outside(f"cohort: {name!r} between {decimal_text(low)} and {decimal_text(high)}", bounds)
    return Between(field=cohort.field, low=low, high=high)


def _joined(
    parts: tuple[Cohort, ...], join: type[All] | type[Any], inner: Callable[[Cohort], Cohort]
) -> Cohort:
    """Flatten a join of joins, drop repeats, and sort; a join of one is that one."""
    if not parts:
        raise QueryError(
            "cohort: and / or needs at least one condition", "leave the cohort out to ask about all"
        )
    flat: list[Cohort] = []
    for part in parts:
        done = inner(part)
        flat.extend(done.parts if isinstance(done, join) else [done])
    unique = sorted(set(flat), key=encode_cohort)
    return unique[0] if len(unique) == 1 else join(parts=tuple(unique))
