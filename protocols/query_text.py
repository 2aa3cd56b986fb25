"""The query as people write it: YAML or JSON to the typed query, with errors that help. spec/queries.md 2.

This file reads words; what the words may say about a dictionary is `query_rules`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from numbers import Integral, Real

from privacy.accountant import DEFAULT_DELTA, loss_of_epsilon
from privacy.errors import PrivacyError
from privacy.loss import Loss
from protocols.cohort_text import read_cohort
from protocols.dictionary import Dictionary, code_text
from protocols.documents import MAX_DEPTH, Item, nearest, parse, shown
from protocols.errors import Problem, QueryError, TextError, WireError
from protocols.ids import StudyId
from protocols.queries import Kind, Mode, Query, ReleaseTerms, Scope, Statistic
from protocols.query_rules import canonical
from protocols.query_words import choice, codes, field_name, mapping, number, sequence, text, wrong

_NEEDED = ("study", "statistic", "release")


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
    return _request(_item(tree, 1), dictionary)


def _item(tree: object, depth: int) -> Item:
    """Give a plain tree the shape of a document; numbers become the decimals that they show as."""
    if depth > MAX_DEPTH:
        raise TextError([Problem(line=0, where="the query", what="is nested too deeply")])
    match tree:
        case None | bool() | str():
            return Item(tree, 0)
        case Decimal() | Integral() | Real():
            return Item(_number_of(tree), 0)
        case Mapping():
            return Item({str(key): _item(value, depth + 1) for key, value in tree.items()}, 0)
        case list() | tuple():
            return Item([_item(value, depth + 1) for value in tree], 0)
        case _:
            what = f"holds a {type(tree).__name__}, which no query has"
            advice = "use mappings, lists, texts, numbers, true and false"
            raise TextError([Problem(line=0, where="the query", what=what, next_step=advice)])


def _number_of(tree: object) -> Decimal | str:
    """Read a program's number as a file would: what is not finite or too long is no number."""
    try:
        value = parse(str(tree).encode()).value
    except (TextError, ValueError):  # str of an integer of thousands of digits is a ValueError
        return "too long a number"
    return value if isinstance(value, Decimal) else str(tree)


def _request(document: Item, dictionary: Dictionary) -> Request:
    top = mapping(document, "the query", (*_NEEDED, "cohort", "quorum"), _NEEDED)
    has_cohort = "cohort" in top and top["cohort"].value is not None
    statistic = _statistic(top["statistic"], dictionary)
    cohort = read_cohort(top["cohort"], dictionary) if has_cohort else None
    release = _release(top["release"])
    try:
        query = canonical(Query(statistic=statistic, cohort=cohort, release=release), dictionary)
    except QueryError as error:
        line = _line_of(document, error.what)
        raise TextError([Problem(line=line, where="", what=error.what, next_step=error.next_step)]) from None
    return Request(study=_study(top["study"]), query=query, quorum=_quorum(top.get("quorum")))


def _line_of(document: Item, what: str) -> int:
    """Find the line that a rule's sentence speaks of: the word it quotes, or the part that it names."""
    item = document
    for part in what.split(": "):
        if isinstance(item.value, dict) and part in item.value:
            item = Item(
                item.value[part].value, item.key_lines.get(part, item.line), item.value[part].key_lines
            )
    for word in reversed(re.findall(r"'([^']*)'", what)):
        for leaf in _leaves(item):
            found = code_text(leaf.value) if isinstance(leaf.value, str | Decimal | bool) else ""
            if found == word or found.endswith(f".{word}"):
                return leaf.line
    return item.line


def _leaves(item: Item) -> Iterator[Item]:
    if isinstance(item.value, dict):
        for value in item.value.values():
            yield from _leaves(value)
    elif isinstance(item.value, list):
        for value in item.value:
            yield from _leaves(value)
    else:
        yield item


def _study(item: Item) -> StudyId:
    try:
        return StudyId(text(item, "study"))
    except WireError as error:
        raise wrong(item, "study", str(error)) from None


def _quorum(item: Item | None) -> int | None:
    if item is None or item.value is None or item.value == "all":
        return None
    if (
        not isinstance(item.value, Decimal)
        or item.value != item.value.to_integral_value()
        or not 1 <= item.value <= 10_000
    ):
        raise wrong(item, "quorum", "must be a whole number of centres, at least 1, or all")
    return int(item.value)


def _statistic(item: Item, dictionary: Dictionary) -> Statistic:
    parts = mapping(item, "statistic", ("kind", "table", "variable", "by", "edges", "in"), ("kind",))
    # A key without a value is a key that is not there.
    given = {key: part for key, part in parts.items() if part.value is not None}
    if "kind" not in given:
        raise wrong(parts["kind"], "statistic", "lacks 'kind'", nearest("", [kind.value for kind in Kind]))
    kind = choice(given["kind"], "statistic: kind", [kind.value for kind in Kind])
    asked = _table(given["table"], dictionary) if "table" in given else None
    variable = (
        field_name(given["variable"], "statistic: variable", dictionary, asked)
        if "variable" in given
        else None
    )
    table = asked or (variable.table if variable else dictionary.patient_table)
    where = f"statistic: in: {variable.name!r}" if variable else "statistic: in"
    edges = sequence(given["edges"], "statistic: edges") if "edges" in given else []
    return Statistic(
        kind=Kind(kind),
        table=table,
        variable=variable,
        by=tuple(field_name(entry, "statistic: by", dictionary, table) for entry in _by(given.get("by"))),
        edges=tuple(number(entry, "statistic: edges") for entry in edges),
        codes=codes(given["in"], where) if "in" in given else (),
    )


def _table(item: Item, dictionary: Dictionary) -> str:
    name = text(item, "statistic: table")
    try:
        return dictionary.table(name).name
    except QueryError as error:
        raise wrong(item, "statistic: table", error.what, error.next_step) from None


def _by(item: Item | None) -> list[Item]:
    """Take one name, or a list of names."""
    if item is None:
        return []
    return [item] if isinstance(item.value, str) else sequence(item, "statistic: by")


def _release(item: Item) -> ReleaseTerms:
    parts = mapping(item, "release", ("mode", "scope", "rho", "epsilon", "delta"), ("mode", "scope"))
    mode = choice(parts["mode"], "release: mode", [one.value for one in Mode])
    scope = choice(parts["scope"], "release: scope", [one.value for one in Scope])
    if ("rho" in parts) == ("epsilon" in parts):
        what = "has both rho and epsilon" if "rho" in parts else "says neither rho nor epsilon"
        raise wrong(item, "release", what, "give one of them, such as epsilon: 0.5")
    delta = number(parts["delta"], "release: delta") if "delta" in parts else Decimal(str(DEFAULT_DELTA))
    loss = _rho(parts["rho"]) if "rho" in parts else _epsilon(parts["epsilon"], delta)
    return ReleaseTerms(mode=Mode(mode), scope=Scope(scope), loss=loss, delta=delta)


def _rho(item: Item) -> Loss:
    # Both `rho: 0.05` and `rho: "0.05"` are read: results give rho as text, and people copy it.
    word = item.value if isinstance(item.value, str) else str(number(item, "release: rho"))
    try:
        return Loss.parse(word)
    except PrivacyError as error:
        raise wrong(item, "release: rho", str(error)) from None


def _epsilon(item: Item, delta: Decimal) -> Loss:
    epsilon = number(item, "release: epsilon")
    if not 0 < delta < 1:
        raise wrong(
            item, "release: delta", "delta lies between 0 and 1, both excluded", f"not {shown(str(delta))}"
        )
    try:
        return loss_of_epsilon(float(epsilon), float(delta))
    except (PrivacyError, OverflowError) as error:
        raise wrong(item, "release: epsilon", str(error)) from None
