"""YAML and JSON as people write them, read into a plain tree that remembers its lines.

What this room decides (spec/documents.md):
* JSON is read as the YAML that it is; one reader, one set of rules.
* A plain scalar is a number, true, false or null when JSON says so, and text otherwise: `no`, `on`
  and `1_000` are text, so a code list [yes, no] keeps its words.
* Numbers are exact decimals. Not-a-number and infinity are text.
* JSON's two habits that YAML's reader lacks: characters beyond U+FFFF escaped as surrogate pairs,
  and tabs between values.
* Refused: anchors and aliases, tags, a key twice, keys that are not text, more than one document,
  numbers too long to be exact, half a surrogate pair, nesting beyond 40, files over 4 MiB. No tag or
  text ever chooses a class.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from typing import TypeAlias

import yaml

from protocols.errors import Problem, TextError

MAX_BYTES = 4 * 2**20
MAX_DEPTH = 40
MAX_DIGITS = 40
"""A number has at most so many digits on either side of the point."""

_MAX_SHOWN = 60
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")

Scalar: TypeAlias = str | Decimal | bool | None
Tree: TypeAlias = "Scalar | list[Tree] | dict[str, Tree]"


@dataclass(frozen=True, slots=True)
class Item:
    """A value with the line it stands on, counted from 1; of a mapping, also the lines of its keys."""

    value: "Scalar | list[Item] | dict[str, Item]"
    line: int
    key_lines: dict[str, int] = field(default_factory=dict)

    @property
    def tree(self) -> Tree:
        """The value without its lines."""
        if isinstance(self.value, dict):
            return {key: item.tree for key, item in self.value.items()}
        if isinstance(self.value, list):
            return [item.tree for item in self.value]
        return self.value


def shown(text: str) -> str:
    """Quote a text for a sentence; a long one is cut."""
    return repr(text if len(text) <= _MAX_SHOWN else text[:_MAX_SHOWN] + "...")


def closest(word: str, words: list[str]) -> str | None:
    """Find the valid word that was probably meant, if there is one."""
    if word in words:
        return word
    same = [one for one in words if one.casefold() == word.casefold()]
    close = same or get_close_matches(word[:_MAX_SHOWN], words, n=1, cutoff=0.6)
    return close[0] if close else None


def nearest(word: str, words: list[str]) -> str:
    """Say which valid word was probably meant, or list the valid ones when they are few."""
    close = closest(word, words)
    if close is not None:
        return f"did you mean {close!r}?"
    if words and len(words) <= 12:
        return "it can be " + ", ".join(repr(word) for word in words)
    return ""


def some(words: Sequence[str], most: int = 5) -> str:
    """Join the first words of a list, and say how many more there are."""
    rest = f" and {len(words) - most:,} more" if len(words) > most else ""
    return ", ".join(words[:most]) + rest


class _Composer(yaml.SafeLoader):
    """PyYAML's composer: nodes with marks, and no constructor of objects."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: object) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise _refused(self.peek_event().start_mark.line + 1, "aliases (*name) are not read")
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise _refused(self.peek_event().start_mark.line + 1, "the text is nested too deeply")
        event = self.peek_event()
        if getattr(event, "anchor", None) is not None:
            raise _refused(event.start_mark.line + 1, "anchors (&name) are not read")
        if getattr(event, "tag", None) is not None:
            raise _refused(event.start_mark.line + 1, "tags (!name) are not read")
        # The stub narrows what PyYAML passes on.
        node = super().compose_node(parent, index)  # type: ignore[arg-type]
        self.depth -= 1
        return node


def _refused(line: int, what: str, next_step: str = "") -> TextError:
    return TextError([Problem(line=line, where="", what=what, next_step=next_step)])


def parse(octets: bytes) -> Item:
    """Read one YAML or JSON document. Raises TextError, and nothing else."""
    if len(octets) > MAX_BYTES:
        raise _refused(0, f"the text is larger than {MAX_BYTES // 2**20} MiB")
    try:
        text = octets.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _refused(0, "the text is not UTF-8") from None
    if text.lstrip(" \t\r\n")[:1] in ("{", "["):
        text = text.replace("\t", " ")  # JSON indents with tabs too; within its texts they are escaped
    try:
        loader = _Composer(text)
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 0
        raise _refused(line, f"not YAML or JSON ({error.problem or error.context})") from None
    except (yaml.YAMLError, ValueError, OverflowError):
        raise _refused(0, "not YAML or JSON") from None
    if node is None:
        raise _refused(0, "the text is empty")
    return _item(node)


def _item(node: yaml.Node) -> Item:
    line = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, line)
    if isinstance(node, yaml.SequenceNode):
        return Item([_item(value) for value in node.value], line)
    return Item(_scalar(node), line)


def _mapping(node: yaml.MappingNode, line: int) -> Item:
    pairs: dict[str, Item] = {}
    lines: dict[str, int] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise _refused(line, "a key is a word, not a list or a mapping")
        name = _whole(key.value, key)
        if name in pairs:
            raise _refused(key.start_mark.line + 1, f"the key {shown(name)} stands twice")
        pairs[name], lines[name] = _item(value), key.start_mark.line + 1
    return Item(pairs, line, lines)


def _scalar(node: yaml.Node) -> Scalar:
    text = _whole(node.value, node)
    if getattr(node, "style", None) is not None:  # quoted or block: text as it stands
        return text
    if text in ("", "~", "null"):
        return None
    if text in ("true", "false"):
        return text == "true"
    return _number(text, node) if _NUMBER.fullmatch(text) else text


def _number(text: str, node: yaml.Node) -> Decimal:
    """Read a number that all parts of the protocol can hold (canonical.decimal_text)."""
    try:
        number = Decimal(text) if len(text) <= 2 * MAX_DIGITS + 8 else None
    except InvalidOperation:  # an exponent beyond Decimal's own
        number = None
    if number is None or abs(number.adjusted()) > MAX_DIGITS:
        what = f"a number has at most {MAX_DIGITS} digits on either side of the point"
        raise _refused(node.start_mark.line + 1, what, next_step="if it is meant as text, write it in quotes")
    return number


def _whole(text: str, node: yaml.Node) -> str:
    """Join surrogate pairs, as JSON escapes them; refuse a half one, which no UTF-8 can hold."""
    if text.isascii():
        return text
    try:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
    except UnicodeDecodeError:
        raise _refused(node.start_mark.line + 1, "a text holds half a surrogate pair") from None
