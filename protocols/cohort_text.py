"""The cohort as people write it: and, or, not over conditions on fields. spec/queries.md 2."""

from protocols.dictionary import Dictionary
from protocols.documents import Item
from protocols.queries import All, Any, Between, Cohort, Missing, Not, OneOf
from protocols.query_words import code, codes, field_name, mapping, number, sequence, wrong

_TESTS = ("equals", "in", "between", "missing")
_JOINS = ("and", "or", "not", "field")
_MAX_NESTING = 12


def read_cohort(item: Item, dictionary: Dictionary, depth: int = 1) -> Cohort:
    """Read a cohort. Raises TextError."""
    if depth > _MAX_NESTING:
        raise wrong(item, "cohort", "is nested too deeply", "write a or b or c as one or: [a, b, c]")
    parts = mapping(item, "cohort", (*_JOINS, *_TESTS))
    words = [word for word in _JOINS if word in parts]
    if len(words) != 1 or (words != ["field"] and len(parts) != 1):
        raise wrong(
            item,
            "cohort",
            "one condition is either and, or, not, or a field with equals, in, between or missing",
            "join several conditions with and: [...]",
        )
    if words == ["field"]:
        return _condition(item, parts, dictionary)
    inner = parts[words[0]]
    if words == ["not"]:
        # `not: [condition]` and `not: condition` say the same; a longer list would be ambiguous.
        if isinstance(inner.value, list):
            if len(inner.value) != 1:
                raise wrong(inner, "cohort: not", "takes one condition", "put the conditions into and or or")
            inner = inner.value[0]
        return Not(part=read_cohort(inner, dictionary, depth + 1))
    entries = sequence(inner, f"cohort: {words[0]}")
    if not entries:
        raise wrong(
            inner, f"cohort: {words[0]}", "needs at least one condition", "leave the cohort out to ask of all"
        )
    made = tuple(read_cohort(entry, dictionary, depth + 1) for entry in entries)
    return All(parts=made) if words == ["and"] else Any(parts=made)


def _condition(item: Item, parts: dict[str, Item], dictionary: Dictionary) -> Cohort:
    name = field_name(parts["field"], "cohort: field", dictionary)
    tests = [word for word in _TESTS if word in parts]
    if len(tests) != 1:
        raise wrong(item, f"cohort: {name.name!r}", "needs exactly one of equals, in, between, missing")
    value = parts[tests[0]]
    where = f"cohort: {name.name!r}: {tests[0]}"
    match tests[0]:
        case "equals":
            return OneOf(field=name, codes=(code(value, where),))
        case "in":
            return OneOf(field=name, codes=codes(value, where))
        case "between":
            ends = [number(entry, where) for entry in sequence(value, where)]
            if len(ends) != 2:
                raise wrong(value, where, "takes two numbers, both included", "write between: [low, high]")
            return Between(field=name, low=ends[0], high=ends[1])
        case _:
            if not isinstance(value.value, bool):
                raise wrong(value, where, "must be true or false")
            return Missing(field=name) if value.value else Not(part=Missing(field=name))
