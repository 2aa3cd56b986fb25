"""What can be asked: the dictionary and the centres as one object, with a valid question a table.

No data: everything here is the dictionary's, or what centres say of themselves when they come to the
link (spec/results.md 3).
"""

from collections.abc import Iterable, Iterator
from typing import Any

from protocols.dictionary import Dictionary, Field, FieldName, Table, code_text
from protocols.documents import Tree
from protocols.errors import TextError
from protocols.ids import StudyId
from protocols.link import CentreStatus
from protocols.query_text import request_from_tree
from protocols.query_writing import question_text

_STUDY = "your-study"
_RELEASE: dict[str, Tree] = {"mode": "dp", "scope": "centre", "rho": "0.01"}


def described(dictionary: Dictionary, statuses: Iterable[CentreStatus]) -> dict[str, Any]:
    """Give the `skerry.registry/1` object."""
    known = list(statuses)
    holders = [str(one.centre) for one in known if one.dictionary == dictionary.digest]
    return {
        "format": "skerry.registry/1",
        "registry": dictionary.name,
        "title": dictionary.title,
        "version": dictionary.version,
        "description": dictionary.description,
        "dictionary": str(dictionary.digest),
        "tables": [_table(dictionary, table) for table in dictionary.tables],
        "fields": [_field(table, one, holders) for table in dictionary.tables for one in table.fields],
        "centres": [_centre(dictionary, one) for one in known],
    }


def example_question(dictionary: Dictionary, table: Table) -> str:
    """Write a question about a table that every centre can read: a mean, where there is a number.

    It is checked by reading it. Its study is a name to be replaced, and its loss is small.
    """
    for statistic in _statistics(dictionary, table):
        tree: dict[str, Tree] = {"study": _STUDY, "statistic": statistic, "release": _RELEASE}
        try:
            query = request_from_tree(tree, dictionary).query
        except TextError:
            continue  # such as too fine a step for a sum of squares; the next is simpler
        return question_text(query, dictionary, StudyId(_STUDY))
    raise RuntimeError("a count of a table's rows can always be asked")


def _statistics(dictionary: Dictionary, table: Table) -> Iterator[dict[str, Tree]]:
    askable = [one for one in table.fields if one.is_queryable]
    numbers = [one for one in askable if one.range is not None]
    coded = [one for one in askable if one.codes]
    by: list[Tree] = [dictionary.shown(FieldName(table.name, one.name)) for one in coded[:1]]
    for one in numbers[:1]:
        variable = dictionary.shown(FieldName(table.name, one.name))
        yield {"kind": "mean", "table": table.name, "variable": variable, "by": by}
    yield {"kind": "count", "table": table.name, "by": by}
    yield {"kind": "count", "table": table.name}


def _table(dictionary: Dictionary, table: Table) -> dict[str, Any]:
    return {
        "table": table.name,
        "title": table.title,
        "description": table.description,
        "rows_per_patient": table.cap,
        "example": example_question(dictionary, table),
    }


def _field(table: Table, one: Field, holders: list[str]) -> dict[str, Any]:
    bounds = one.numeric_range
    return {
        "table": table.name,
        "field": one.name,
        "role": one.role.value,
        "type": one.type.value,
        "title": one.title,
        "description": one.description,
        "unit": one.unit,
        "codes": [code_text(code) for code in one.codes],
        "labels": {code_text(code): text for code, text in one.labels},
        "minimum": float(bounds.minimum) if bounds else None,
        "maximum": float(bounds.maximum) if bounds else None,
        "step": float(bounds.step) if bounds else None,
        "may_be_missing": not one.required,
        "rows_per_patient": table.cap,
        "centres": holders,
    }


def _centre(dictionary: Dictionary, one: CentreStatus) -> dict[str, Any]:
    return {
        "centre": str(one.centre),
        "is_online": one.is_online,
        "has_this_dictionary": one.dictionary == dictionary.digest,
        "snapshot_at": one.snapshot_at.isoformat(timespec="seconds") if one.snapshot_at else None,
    }
