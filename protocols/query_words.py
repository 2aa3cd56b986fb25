"""Takes words, numbers, lists and fields' names out of a query's text; the first wrong one ends it.

Where `text_reader` collects problems, because a dictionary is long and read once by its author, a
query is short: one sentence, with its line, is what an analyst acts on.
"""

from collections.abc import Iterable
from decimal import Decimal

from protocols.dictionary import Code, Dictionary, FieldName
from protocols.documents import Item, nearest, shown
from protocols.errors import Problem, QueryError, TextError


def wrong(item: Item, where: str, what: str, next_step: str = "") -> TextError:
    """Make the error for something wrong at an item."""
    return TextError([Problem(line=item.line, where=where, what=what, next_step=next_step)])


def mapping(item: Item, where: str, keys: Iterable[str], needed: Iterable[str] = ()) -> dict[str, Item]:
    """Take a mapping with no other keys than these, and with the needed ones."""
    valid = list(keys)
    if not isinstance(item.value, dict):
        raise wrong(item, where, "must be a mapping with the keys " + ", ".join(valid))
    for key in item.value:
        if key not in valid:
            place = Item(None, item.key_lines.get(key, item.line))
            raise wrong(place, where, f"has an unknown key {shown(key)}", nearest(key, valid))
    for key in needed:
        if key not in item.value:
            raise wrong(item, where, f"lacks {key!r}", f"add {key}: ...")
    return item.value


def text(item: Item, where: str) -> str:
    """Take a text."""
    if not isinstance(item.value, str):
        raise wrong(item, where, "must be text (write it in quotes)")
    return item.value


def sequence(item: Item, where: str) -> list[Item]:
    """Take a list."""
    if not isinstance(item.value, list):
        raise wrong(item, where, "must be a list, such as [a, b]")
    return item.value


def number(item: Item, where: str) -> Decimal:
    """Take a number."""
    if isinstance(item.value, Decimal):
        return item.value
    raise wrong(item, where, "must be a number, such as 0.5 (no quotes, no comma)")


def code(item: Item, where: str) -> Code:
    """Take one code."""
    if isinstance(item.value, str | Decimal | bool):
        return item.value
    raise wrong(
        item,
        where,
        "must be one code: text, a number, true or false",
        "to ask for rows without a value, write {field: ..., missing: true}",
    )


def codes(item: Item, where: str) -> tuple[Code, ...]:
    """Take a list of at least one code."""
    entries = sequence(item, where)
    if not entries:
        raise wrong(item, where, "the code list is empty", "name at least one code")
    return tuple(code(entry, where) for entry in entries)


def choice(item: Item, where: str, valid: list[str]) -> str:
    """Take one of several words."""
    word = text(item, where)
    if word not in valid:
        raise wrong(
            item, where, f"{shown(word)} is not one of the {where.rpartition(' ')[2]}s", nearest(word, valid)
        )
    return word


def field_name(item: Item, where: str, dictionary: Dictionary, table: str | None = None) -> FieldName:
    """Take a field's name, bare or as `table.field`; a bare one must be unique, or lie in `table`."""
    word = text(item, where)
    if "." in word:
        before, after = word.split(".", 1)
        name = FieldName(before, after)
        try:
            dictionary.field(name)
        except QueryError as error:
            raise wrong(item, where, error.what, error.next_step) from None
        return name
    bearers = [one.name for one in dictionary.tables if one.field(word) is not None]
    if not bearers:
        raise wrong(item, where, f"the registry has no field {shown(word)}", dictionary.advice(word))
    if len(bearers) > 1 and table not in bearers:
        choices = ", ".join(f"{bearer}.{word}" for bearer in bearers)
        raise wrong(item, where, f"more than one table has a field {word!r}", f"write one of {choices}")
    return FieldName(table if table in bearers and table else bearers[0], word)
