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
from privacy.loss import ZERO, Loss
from protocols.cohort_text import read_cohort
from protocols.dictionary import Dictionary, code_text
from protocols.documents import MAX_DEPTH, Item, closest, nearest, parse, shown
from protocols.errors import Problem, QueryError, TextError, WireError
from protocols.ids import StudyId
from protocols.layout import layout_of
from protocols.precision import (
    EXPECTED_WORDS,
    NO_PRECISION,
    WIDTH_WORDS,
    Precision,
    Pricing,
    priced,
    read_precision,
)
from protocols.queries import Kind, Mode, Query, ReleaseTerms, Scope, Statistic
from protocols.query_rules import canonical
from protocols.query_words import choice, codes, field_name, mapping, number, sequence, text, wrong

_NEEDED = ("study", "statistic", "release")
_LOSSES = ("rho", "epsilon", "half_width")
_RELEASE = ("mode", "scope", "rho", "epsilon", "delta", *WIDTH_WORDS, *EXPECTED_WORDS)

_SUPPRESSED = ReleaseTerms(mode=Mode.SUPPRESSED, scope=Scope.CENTRE, loss=ZERO, delta=Decimal(0))
_MEDIAN = "write kind: quantiles with probabilities: [0.5]"
_QUARTILES = "write kind: quantiles with probabilities: [0.25, 0.5, 0.75]"
_BY_NAME = {
    "median": _MEDIAN,
    **dict.fromkeys(("quantile", "quartile", "quartiles", "iqr"), _QUARTILES),
    **dict.fromkeys(("percentile", "percentiles"), "write kind: quantiles with probabilities: [0.9]"),
}
"""What quantiles are called, and how to ask for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A query file: the query in canonical form, its study, and how many centres must answer (None: all).

    `precision` is for the analyst alone: it is not signed.
    """

    study: StudyId
    query: Query
    quorum: int | None
    precision: Precision = NO_PRECISION


def read_request(octets: bytes, dictionary: Dictionary, pricing: Pricing | None = None) -> Request:
    """Read a query file against a dictionary. Raises TextError with the line, and nothing else.

    `pricing` turns a wanted half-width into a loss; without it, a text with one is refused.
    """
    return _request(parse(octets), dictionary, pricing)


def request_from_tree(
    tree: Mapping[str, object], dictionary: Dictionary, pricing: Pricing | None = None
) -> Request:
    """Read a query from a mapping, as a program writes it. Raises TextError, without lines."""
    return _request(_item(tree, 1), dictionary, pricing)


def read_table(document: Item, dictionary: Dictionary) -> Query:
    """Read a table for mode `suppressed`: a statistic and perhaps a cohort, in canonical form. TextError."""
    top = mapping(document, "the table", ("statistic", "cohort"), ("statistic",))
    return _canonical(document, top, _SUPPRESSED, dictionary)


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


def _request(document: Item, dictionary: Dictionary, pricing: Pricing | None) -> Request:
    top = mapping(document, "the query", (*_NEEDED, "cohort", "quorum"), _NEEDED)
    query = _canonical(document, top, _release(top["release"]), dictionary)
    parts = mapping(top["release"], "release", _RELEASE)
    precision = read_precision(parts, query, dictionary)
    return Request(
        study=_study(top["study"]),
        query=priced(query, precision, parts, dictionary, pricing),
        quorum=_quorum(top.get("quorum")),
        precision=precision,
    )


def _canonical(
    document: Item, top: Mapping[str, Item], release: ReleaseTerms, dictionary: Dictionary
) -> Query:
    has_cohort = "cohort" in top and top["cohort"].value is not None
    statistic = _statistic(top["statistic"], dictionary)
    cohort = read_cohort(top["cohort"], dictionary) if has_cohort else None
    try:
        query = canonical(Query(statistic=statistic, cohort=cohort, release=release), dictionary)
        # A table of too many cells would cost a round, and every centre would refuse it.
        layout_of(query, dictionary)
    except QueryError as error:
        line = _line_of(document, error.what)
        raise TextError([Problem(line=line, where="", what=error.what, next_step=error.next_step)]) from None
    return query


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
    keys = ("kind", "table", "variable", "by", "edges", "in", "probabilities")
    parts = mapping(item, "statistic", keys, ("kind",))
    # A key without a value is a key that is not there.
    given = {key: part for key, part in parts.items() if part.value is not None}
    if "kind" not in given:
        raise wrong(parts["kind"], "statistic", "lacks 'kind'", nearest("", [kind.value for kind in Kind]))
    kind = _kind(given["kind"])
    asked = _table(given["table"], dictionary) if "table" in given else None
    variable = (
        field_name(given["variable"], "statistic: variable", dictionary, asked)
        if "variable" in given
        else None
    )
    table = asked or (variable.table if variable else dictionary.patient_table)
    where = f"statistic: in: {variable.name!r}" if variable else "statistic: in"
    return Statistic(
        kind=kind,
        table=table,
        variable=variable,
        by=tuple(field_name(entry, "statistic: by", dictionary, table) for entry in _by(given.get("by"))),
        edges=_numbers(given, "edges"),
        codes=codes(given["in"], where) if "in" in given else (),
        probabilities=_numbers(given, "probabilities"),
    )


def _kind(item: Item) -> Kind:
    """Take a kind; people also ask for a quantile by its name, and the nearest word would mislead."""
    word = text(item, "statistic: kind")
    kinds = [kind.value for kind in Kind]
    if word in kinds:
        return Kind(word)
    listed = "it can be " + ", ".join(kinds)
    advice = _BY_NAME.get(word.lower())
    if advice is None:
        close = closest(word, kinds)
        advice = f"did you mean {close!r}? {listed}" if close else listed
    raise wrong(item, "statistic: kind", f"{shown(word)} is not one of the kinds", advice)


def _numbers(given: Mapping[str, Item], key: str) -> tuple[Decimal, ...]:
    """Take a list of numbers; none where the key is not there."""
    where = f"statistic: {key}"
    return tuple(number(entry, where) for entry in sequence(given[key], where)) if key in given else ()


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
    parts = mapping(item, "release", _RELEASE, ("mode", "scope"))
    mode = choice(parts["mode"], "release: mode", [one.value for one in Mode])
    scope = choice(parts["scope"], "release: scope", [one.value for one in Scope])
    if mode == Mode.SUPPRESSED.value:
        for word in _RELEASE[2:]:
            if word in parts:
                what = f"mode suppressed has no {word}: it adds no noise and promises no differential privacy"
                raise wrong(parts[word], "release", what, "leave it out, or ask in mode dp")
        return ReleaseTerms(mode=Mode.SUPPRESSED, scope=Scope(scope), loss=ZERO, delta=Decimal(0))
    given = [word for word in _LOSSES if word in parts]
    if len(given) != 1:
        several = f"has both {' and '.join(given)}"
        what = several if given else "says neither rho nor epsilon nor half_width"
        raise wrong(item, "release", what, "give one of the three, such as epsilon: 0.5")
    delta = number(parts["delta"], "release: delta") if "delta" in parts else Decimal(str(DEFAULT_DELTA))
    if "half_width" in parts:
        # The least there is, until the wanted width has its price.
        loss = Loss(1)
    else:
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
        what = f"delta lies between 0 and 1, both excluded, and {shown(str(delta))} does not"
        raise wrong(item, "release: delta", what, "write delta: 1e-6, or leave it out")
    try:
        return loss_of_epsilon(float(epsilon), float(delta))
    except (PrivacyError, OverflowError) as error:
        raise wrong(item, "release: epsilon", str(error)) from None
