"""The query as people write it: YAML or JSON to the typed query, with errors that help. spec/queries.md 2.

This file reads words; what the words may say about a dictionary is `query_rules`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from privacy.accountant import DEFAULT_DELTA, loss_of_epsilon
from privacy.errors import PrivacyError
from privacy.loss import Loss
from protocols.dictionary import Code, Dictionary, FieldName
from protocols.documents import Item, nearest, parse
from protocols.errors import Problem, QueryError, TextError, WireError
from protocols.ids import StudyId
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
    ReleaseTerms,
    Scope,
    Statistic,
)
from protocols.query_rules import canonical

_TESTS = ("equals", "in", "between", "missing")
_MAX_NESTING = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A query file: the query in canonical form, its study, and how many centres must answer (None: all)."""

    study: StudyId
    query: Query
    quorum: int | None


def read_request(octets: bytes, dictionary: Dictionary) -> Request:
    """Read a query file against a dictionary. Raises TextError with the line, and nothing else."""
    return _request(parse(octets), dictionary)


def request_from_tree(tree: Mapping[str, object], dictionary: Dictionary) -> Request:
    """Read a query from a mapping, as a program writes it. Raises TextError, without lines."""
    return _request(_item(tree), dictionary)


def _item(tree: object) -> Item:
    """Give a plain tree the shape of a document; numbers become the decimals that they show as."""
    match tree:
        case None | bool() | str() | Decimal():
            return Item(tree, 0)
        case int() | float():
            try:
                return Item(parse(str(tree).encode()).value, 0)
            except TextError:
                return Item(str(tree), 0)
        case Mapping():
            return Item({str(key): _item(value) for key, value in tree.items()}, 0)
        case list() | tuple():
            return Item([_item(value) for value in tree], 0)
        case _:
            what = f"holds a {type(tree).__name__}, which no query has"
            raise TextError([Problem(line=0, where="the query", what=what)])


def _request(document: Item, dictionary: Dictionary) -> Request:
    top = _mapping(
        document,
        "the query",
        ("study", "statistic", "cohort", "release", "quorum"),
        ("study", "statistic", "release"),
    )
    try:
        statistic = _statistic(top["statistic"], dictionary)
        cohort = (
            _cohort(top["cohort"], dictionary, 1)
            if "cohort" in top and top["cohort"].value is not None
            else None
        )
        release = _release(top["release"])
        query = canonical(Query(statistic=statistic, cohort=cohort, release=release), dictionary)
    except QueryError as error:
        line = _line_of(document, error.what)
        raise TextError([Problem(line=line, where="", what=error.what, next_step=error.next_step)]) from None
    return Request(study=_study(top["study"]), query=query, quorum=_quorum(top.get("quorum")))


def _line_of(document: Item, what: str) -> int:
    """Find the part of the file that a rule's sentence names first."""
    part = what.split(":", 1)[0]
    top = document.value if isinstance(document.value, dict) else {}
    return top[part].line if part in top else document.line


def _wrong(item: Item, where: str, what: str, next_step: str = "") -> TextError:
    return TextError([Problem(line=item.line, where=where, what=what, next_step=next_step)])


def _mapping(item: Item, where: str, keys: Iterable[str], needed: Iterable[str] = ()) -> dict[str, Item]:
    valid = list(keys)
    if not isinstance(item.value, dict):
        raise _wrong(item, where, "must be a mapping with the keys " + ", ".join(valid))
    for key, value in item.value.items():
        if key not in valid:
            raise _wrong(value, where, f"has an unknown key {key!r}", nearest(key, valid))
    for key in needed:
        if key not in item.value:
            raise _wrong(item, where, f"lacks {key!r}")
    return item.value


def _text(item: Item, where: str) -> str:
    if not isinstance(item.value, str):
        raise _wrong(item, where, "must be text (write it in quotes)")
    return item.value


def _list(item: Item, where: str) -> list[Item]:
    if not isinstance(item.value, list):
        raise _wrong(item, where, "must be a list, such as [a, b]")
    return item.value


def _number(item: Item, where: str) -> Decimal:
    if isinstance(item.value, Decimal):
        return item.value
    raise _wrong(item, where, "must be a number")


def _code(item: Item, where: str) -> Code:
    if isinstance(item.value, str | Decimal | bool):
        return item.value
    raise _wrong(
        item,
        where,
        "must be one code: text, a number, true or false",
        "ask for rows without a value with {field, missing: true}",
    )


def _study(item: Item) -> StudyId:
    try:
        return StudyId(_text(item, "study"))
    except WireError as error:
        raise _wrong(item, "study", str(error)) from None


def _quorum(item: Item | None) -> int | None:
    if item is None or item.value is None or item.value == "all":
        return None
    number = _number(item, "quorum")
    if number != number.to_integral_value() or not 1 <= number <= 10_000:
        raise _wrong(item, "quorum", "must be a whole number of centres, at least 1, or all")
    return int(number)


def _name(item: Item, where: str, dictionary: Dictionary, table: str | None = None) -> FieldName:
    """Read a field's name, bare or as `table.field`; a bare one must be unique, or lie in `table`."""
    text = _text(item, where)
    if "." in text:
        before, after = text.split(".", 1)
        name = FieldName(before, after)
        dictionary.field(name)
        return name
    bearers = [one.name for one in dictionary.tables if one.field(text) is not None]
    if not bearers:
        raise _wrong(item, where, f"the registry has no field {text!r}", dictionary.advice(text))
    if len(bearers) > 1 and table not in bearers:
        choices = ", ".join(f"{bearer}.{text}" for bearer in bearers)
        raise _wrong(item, where, f"more than one table has a field {text!r}", f"write one of {choices}")
    return FieldName(table if table in bearers and table else bearers[0], text)


def _statistic(item: Item, dictionary: Dictionary) -> Statistic:
    parts = _mapping(item, "statistic", ("kind", "table", "variable", "by", "edges", "in"), ("kind",))
    kinds = [kind.value for kind in Kind]
    word = _text(parts["kind"], "statistic: kind")
    if word not in kinds:
        raise _wrong(
            parts["kind"],
            "statistic: kind",
            f"there is no statistic {word!r}",
            nearest(word, kinds),
        )
    asked = _text(parts["table"], "statistic: table") if "table" in parts else None
    if asked is not None:
        dictionary.table(asked)
    variable = (
        _name(parts["variable"], "statistic: variable", dictionary, asked) if "variable" in parts else None
    )
    table = asked or (variable.table if variable else dictionary.patient_table)
    by_item = parts.get("by")
    names: list[Item] = []
    if by_item is not None and by_item.value is not None:
        names = [by_item] if isinstance(by_item.value, str) else _list(by_item, "statistic: by")
    codes = (
        tuple(_code(entry, "statistic: in") for entry in _list(parts["in"], "statistic: in"))
        if "in" in parts
        else ()
    )
    if "in" in parts and not codes:
        raise _wrong(parts["in"], "statistic: in", "the code list is empty", "name at least one code")
    edges = (
        tuple(_number(entry, "statistic: edges") for entry in _list(parts["edges"], "statistic: edges"))
        if "edges" in parts
        else ()
    )
    return Statistic(
        kind=Kind(word),
        table=table,
        variable=variable,
        by=tuple(_name(entry, "statistic: by", dictionary, table) for entry in names),
        edges=edges,
        codes=codes,
    )


def _cohort(item: Item, dictionary: Dictionary, depth: int) -> Cohort:
    if depth > _MAX_NESTING:
        raise _wrong(item, "cohort", "is nested too deeply")
    parts = _mapping(item, "cohort", ("and", "or", "not", "field", *_TESTS))
    words = [word for word in ("and", "or", "not", "field") if word in parts]
    if len(words) != 1 or (words != ["field"] and len(parts) != 1):
        raise _wrong(
            item,
            "cohort",
            "one condition is either and, or, not, or a field with equals, in, between or missing",
        )
    if words == ["field"]:
        return _condition(item, parts, dictionary)
    inner = parts[words[0]]
    if words == ["not"]:
        # `not: [condition]` and `not: condition` say the same; a longer list would be ambiguous.
        if isinstance(inner.value, list):
            if len(inner.value) != 1:
                raise _wrong(inner, "cohort: not", "takes one condition", "put the conditions into and or or")
            inner = inner.value[0]
        return Not(part=_cohort(inner, dictionary, depth + 1))
    made = tuple(_cohort(entry, dictionary, depth + 1) for entry in _list(inner, f"cohort: {words[0]}"))
    return All(parts=made) if words == ["and"] else Any(parts=made)


def _condition(item: Item, parts: dict[str, Item], dictionary: Dictionary) -> Cohort:
    name = _name(parts["field"], "cohort: field", dictionary)
    tests = [word for word in _TESTS if word in parts]
    if len(tests) != 1:
        raise _wrong(item, f"cohort: {name.name!r}", "needs exactly one of equals, in, between, missing")
    value = parts[tests[0]]
    where = f"cohort: {name.name!r}: {tests[0]}"
    match tests[0]:
        case "equals":
            return OneOf(field=name, codes=(_code(value, where),))
        case "in":
            codes = tuple(_code(entry, where) for entry in _list(value, where))
            if not codes:
                raise _wrong(value, where, "the code list is empty", "name at least one code")
            return OneOf(field=name, codes=codes)
        case "between":
            ends = [_number(entry, where) for entry in _list(value, where)]
            if len(ends) != 2:
                raise _wrong(value, where, "takes two numbers, [low, high], both included")
            return Between(field=name, low=ends[0], high=ends[1])
        case _:
            if not isinstance(value.value, bool):
                raise _wrong(value, where, "must be true or false")
            return Missing(field=name) if value.value else Not(part=Missing(field=name))


def _release(item: Item) -> ReleaseTerms:
    parts = _mapping(item, "release", ("mode", "scope", "rho", "epsilon", "delta"), ("mode", "scope"))
    mode, scope = (_text(parts[key], f"release: {key}") for key in ("mode", "scope"))
    if mode not in [one.value for one in Mode]:
        raise _wrong(
            parts["mode"],
            "release: mode",
            f"{mode!r} is not a mode here",
            nearest(mode, [one.value for one in Mode]),
        )
    if scope not in [one.value for one in Scope]:
        raise _wrong(
            parts["scope"],
            "release: scope",
            f"{scope!r} is not a scope here",
            nearest(scope, [one.value for one in Scope]),
        )
    if ("rho" in parts) == ("epsilon" in parts):
        raise _wrong(item, "release", "needs either rho or epsilon, not both and not neither")
    delta = _number(parts["delta"], "release: delta") if "delta" in parts else Decimal(str(DEFAULT_DELTA))
    part = parts.get("rho") or parts["epsilon"]
    try:
        loss = (
            _loss(part)
            if "rho" in parts
            else loss_of_epsilon(float(_number(part, "release: epsilon")), float(delta))
        )
    except (PrivacyError, OverflowError) as error:
        raise _wrong(part, "release", str(error)) from None
    return ReleaseTerms(mode=Mode(mode), scope=Scope(scope), loss=loss, delta=delta)


def _loss(item: Item) -> Loss:
    # Both `rho: 0.05` and `rho: "0.05"` are read: results give rho as text, and people copy it.
    text = item.value if isinstance(item.value, str) else str(_number(item, "release: rho"))
    return Loss.parse(text)
