"""Takes typed values out of a document, and collects what is wrong with each instead of stopping.

One reading of a file then tells its author everything. What is wrong is noted with its line; the
value that is given back instead is a harmless one of the right type, and must not be used once
there are problems.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeVar

from protocols.documents import Item, nearest, shown
from protocols.errors import Problem

_T = TypeVar("_T")


@dataclass(slots=True)
class Reader:
    """Collects problems while values are taken out of the tree."""

    problems: list[Problem] = field(default_factory=list)

    def wrong(self, line: int, where: str, what: str, next_step: str = "") -> None:
        """Note a problem."""
        self.problems.append(Problem(line=line, where=where, what=what, next_step=next_step))

    def mapping(self, item: Item | None, where: str, keys: list[str]) -> dict[str, Item]:
        """Take a mapping with no other keys than these; an absent one is empty."""
        if item is None or item.value is None:
            return {}
        if not isinstance(item.value, dict):
            self.wrong(item.line, where, "must be a mapping of keys to values")
            return {}
        for key in item.value:
            if key not in keys:
                self.wrong(item.key_lines[key], where, f"has an unknown key {shown(key)}", nearest(key, keys))
        return item.value

    def sequence(self, item: Item | None, where: str) -> list[Item]:
        """Take a list; an absent one is empty."""
        if item is None:
            return []
        if not isinstance(item.value, list):
            self.wrong(item.line, where, "must be a list, such as [a, b]")
            return []
        return item.value

    def text(self, item: Item | None, where: str, default: str = "") -> str:
        """Take a text."""
        if item is None or item.value is None:
            return default
        if not isinstance(item.value, str):
            self.wrong(item.line, where, "must be text (write it in quotes)")
            return default
        return item.value

    def texts(self, item: Item | None, where: str) -> tuple[str, ...]:
        """Take a list of texts; an absent one is empty."""
        return tuple(self.text(entry, where) for entry in self.sequence(item, where))

    def truth(self, item: Item | None, where: str, *, default: bool) -> bool:
        """Take true or false."""
        if item is None:
            return default
        if not isinstance(item.value, bool):
            self.wrong(item.line, where, "must be true or false, in small letters and without quotes")
            return default
        return item.value

    def number(self, item: Item | None, where: str) -> Decimal | None:
        """Take a number."""
        if item is None:
            return None
        if not isinstance(item.value, Decimal):
            self.wrong(item.line, where, "must be a number, such as 0.5 (no quotes, no comma)")
            return None
        return item.value

    def choice(self, item: Item | None, where: str, find: Callable[[str], _T], valid: list[str]) -> _T | None:
        """Take one of several words."""
        if item is None:
            return None
        if not isinstance(item.value, str):
            self.wrong(item.line, where, "must be one word", nearest("", valid))
            return None
        if item.value not in valid:
            self.wrong(item.line, where, f"{shown(item.value)} is not known here", nearest(item.value, valid))
            return None
        return find(item.value)
