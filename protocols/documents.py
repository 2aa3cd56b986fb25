"""YAML and JSON as people write them, read into a plain tree that remembers its lines.

What this room decides (spec/documents.md):
* JSON is read as the YAML that it is; one reader, one set of rules.
* A plain scalar is a number, true, false or null when JSON says so, and text otherwise: `no`, `on`
  and `1_000` are text, so a code list [yes, no] keeps its words.
* Numbers are exact decimals. Not-a-number and infinity are text.
* Refused: anchors and aliases, tags, a key twice, keys that are not text, more than one document,
  nesting beyond 40, files over 4 MiB. No tag or text ever chooses a class.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from typing import TypeAlias

import yaml

from protocols.errors import Problem, TextError

MAX_BYTES = 4 * 2**20
MAX_DEPTH = 40
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,39})(?:\.[0-9]{1,40})?(?:[eE][+-]?[0-9]{1,2})?")

Scalar: TypeAlias = str | Decimal | bool | None
Tree: TypeAlias = "Scalar | list[Tree] | dict[str, Tree]"


@dataclass(frozen=True, slots=True)
class Item:
    """A value with the line it stands on, counted from 1."""

    value: "Scalar | list[Item] | dict[str, Item]"
    line: int

    @property
    def tree(self) -> Tree:
        """The value without its lines."""
        if isinstance(self.value, dict):
            return {key: item.tree for key, item in self.value.items()}
        if isinstance(self.value, list):
            return [item.tree for item in self.value]
        return self.value


def nearest(word: str, words: list[str]) -> str:
    """Say which valid word was probably meant, or list the valid ones when they are few."""
    close = get_close_matches(word, words, n=1, cutoff=0.6) or get_close_matches(
        word.lower(), [w for w in words if w.lower() == word.lower()] or words, n=1, cutoff=0.6
    )
    if close:
        return f"did you mean {close[0]!r}?"
    if words and len(words) <= 12:
        return "it can be " + ", ".join(repr(word) for word in words)
    return ""


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
        node = super().compose_node(parent, index)  # type: ignore[arg-type]
        self.depth -= 1
        return node


def _refused(line: int, what: str, where: str = "") -> TextError:
    return TextError([Problem(line=line, where=where, what=what)])


def parse(octets: bytes) -> Item:
    """Read one YAML or JSON document. Raises TextError, and nothing else."""
    if len(octets) > MAX_BYTES:
        raise _refused(0, f"the text is larger than {MAX_BYTES // 2**20} MiB")
    try:
        text = octets.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _refused(0, "the text is not UTF-8") from None
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
        pairs: dict[str, Item] = {}
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else None
            if name is None:
                raise _refused(line, "a key is a word")
            if name in pairs:
                raise _refused(key.start_mark.line + 1, f"the key {name!r} stands twice")
            pairs[name] = _item(value)
        return Item(pairs, line)
    if isinstance(node, yaml.SequenceNode):
        return Item([_item(value) for value in node.value], line)
    return Item(_scalar(node), line)


def _scalar(node: yaml.Node) -> Scalar:
    text: str = node.value
    if getattr(node, "style", None) is not None:  # quoted or block: text as it stands
        return text
    if text in ("", "~", "null"):
        return None
    if text in ("true", "false"):
        return text == "true"
    return Decimal(text) if _NUMBER.fullmatch(text) else text
