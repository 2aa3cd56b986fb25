"""Signed documents that people can read: TOML with its signatures as comments at the end.

A roster, a study and a policy are such files (spec/signed-text.md):

    format = "skerry.study/1"
    ...
    # skerry-signature: officer-of-berlin QmFzZTY0...

The body is every byte before the first signature line. An Ed25519 signature covers the document's
format and the body's exact bytes; nothing is parsed before a signature has been checked.
"""

import base64
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from protocols.documents import nearest, shown
from protocols.errors import Problem, SignatureError, TextError

# The last character before == holds four bits that no byte takes; they are zero, so that one signature
# has one text.
_LINE = re.compile(rb"# skerry-signature: ([A-Za-z0-9._-]{1,63}) ([A-Za-z0-9+/]{85}[AQgw]==)")
_START = b"# skerry-signature:"
MAX_BYTES = 4 * 2**20
_T = TypeVar("_T")
_E = TypeVar("_E", bound=Enum)
_KINDS = {
    str: "text in quotes",
    int: "a whole number",
    list: "a list",
    dict: "a table",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedText:
    """A body, and who says to have signed it; `opened` checks one of them."""

    body: bytes
    signatures: tuple[tuple[str, bytes], ...]

    @classmethod
    def parse(cls, octets: bytes) -> "SignedText":
        """Split a file. Raises SignatureError when the signature lines are not well formed."""
        if len(octets) > MAX_BYTES:
            raise SignatureError("the file is too large")
        start = octets.find(b"\n" + _START) + 1
        body, tail = (octets[:start], octets[start:]) if start else (octets, b"")
        signatures = []
        for line in tail.splitlines():
            found = _LINE.fullmatch(line)
            if not found:
                raise SignatureError("only signature lines may follow the first signature line")
            signatures.append((found[1].decode(), base64.b64decode(found[2])))
        return cls(body=body, signatures=tuple(signatures))

    def signed_by(self, signer: str, key: Ed25519PrivateKey, kind: str) -> "SignedText":
        """Add a signature."""
        body = self.body if self.body.endswith(b"\n") else self.body + b"\n"
        signature = key.sign(_message(kind, body))
        return SignedText(body=body, signatures=(*self.signatures, (signer, signature)))

    def to_bytes(self) -> bytes:
        """Write the file."""
        lines = [
            f"# skerry-signature: {who} {base64.b64encode(sig).decode()}\n" for who, sig in self.signatures
        ]
        return self.body + "".join(lines).encode()

    def opened(self, signer: str, key: Ed25519PublicKey, kind: str) -> dict[str, Any]:
        """Give the document, once `signer`'s signature is right. Raises SignatureError or TextError."""
        signatures = [sig for who, sig in self.signatures if who == signer]
        if not signatures:
            raise SignatureError(f"the {kind} bears no signature of {signer!r}")
        # An officer who proposed a study and approves it signs it twice, with two meanings.
        if not any(self._is_right(one, key, kind) for one in signatures):
            raise SignatureError(f"the signature of {signer!r} under the {kind} is wrong")
        return read_toml(self.body, kind)

    def signers(self, keys: Mapping[str, Ed25519PublicKey], kind: str) -> frozenset[str]:
        """Say whose signatures are right; each signer counts once, and a wrong signature not at all."""
        return frozenset(
            who for who, sig in self.signatures if who in keys and self._is_right(sig, keys[who], kind)
        )

    def opened_by(self, keys: Mapping[str, Ed25519PublicKey], threshold: int, kind: str) -> dict[str, Any]:
        """Give the document, once so many have signed it. Raises SignatureError or TextError."""
        found = len(self.signers(keys, kind))
        if found < max(threshold, 1):
            raise SignatureError(f"the {kind} bears {found} of the {threshold} signatures that it needs")
        return read_toml(self.body, kind)

    def _is_right(self, signature: bytes, key: Ed25519PublicKey, kind: str) -> bool:
        try:
            key.verify(signature, _message(kind, self.body))
        except InvalidSignature:
            return False
        return True


def quoted(text: str) -> str:
    """Write a text as a TOML string."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _message(kind: str, body: bytes) -> bytes:
    return b"skerry/1 " + kind.encode() + b"\x00" + body


def read_toml(body: bytes, kind: str) -> dict[str, Any]:
    """Read a body and check its format line. Raises TextError."""
    try:
        tree = tomllib.loads(body.decode())
    except (ValueError, RecursionError) as error:
        # A TOMLDecodeError and a UnicodeDecodeError are ValueErrors; so is an integer of thousands of digits.
        is_sentence = isinstance(error, tomllib.TOMLDecodeError)
        text = str(error) if is_sentence else "not UTF-8, or a number or nesting beyond all measure"
        raise TextError([Problem(line=0, where=kind, what=f"not TOML ({text})")]) from None
    if tree.get("format") != f"skerry.{kind}/1":
        raise TextError(
            [
                Problem(
                    line=0,
                    where=kind,
                    what=f"its format is not skerry.{kind}/1",
                    next_step=f'the first line is: format = "skerry.{kind}/1"',
                )
            ]
        )
    return tree


class Fields:
    """Takes typed values out of a TOML table, and refuses what is missing, mistyped or unknown."""

    def __init__(self, tree: Mapping[str, Any], where: str) -> None:
        self._tree = dict(tree)
        self._where = where

    def wrong(self, what: str, next_step: str = "") -> TextError:
        """Make the error for something wrong in this table."""
        return TextError([Problem(line=0, where=self._where, what=what, next_step=next_step)])

    def take(self, name: str, kind: type[_T], default: _T | None = None) -> _T:
        """Take a value of a type out of the table."""
        value = self._tree.pop(name, default)
        if value is None:
            raise self.wrong(f"lacks {name!r}")
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise self.wrong(f"{name!r} must be {_KINDS.get(kind, f'a {kind.__name__}')}")
        return value

    def names(self, name: str, default: list[str] | None = None) -> list[str]:
        """Take a list of texts."""
        values = self.take(name, list, default)
        if not all(isinstance(value, str) for value in values):
            raise self.wrong(f"{name!r} must be a list of texts")
        return values

    def has(self, name: str, value: object) -> bool:
        """Whether an entry stands there with this value; takes nothing."""
        return bool(self._tree.get(name) == value)

    def choices(self, name: str, kind: type[_E]) -> frozenset[_E]:
        """Take a list of words of a closed list."""
        valid = {str(one.value): one for one in kind}
        words = self.names(name)
        for word in words:
            if word not in valid:
                raise self.wrong(f"{name!r} does not know {shown(word)}", nearest(word, list(valid)))
        return frozenset(valid[word] for word in words)

    def field_names(self, name: str) -> frozenset[str]:
        """Take a list of fields, each as `table.field`: a bare one would match nothing."""
        words = self.names(name)
        for word in words:
            table, _, field = word.partition(".")
            if not table or not field or "." in field:
                raise self.wrong(f"{name!r} names fields as table.field, not {shown(word)}")
        return frozenset(words)

    def table(self, name: str) -> "Fields":
        """Take a sub-table; an absent one is empty."""
        return Fields(self.take(name, dict, {}), f"{self._where}: {name}")

    def tables(self, name: str) -> list["Fields"]:
        """Take a list of tables."""
        values = self.take(name, list, [])
        if not all(isinstance(value, dict) for value in values):
            raise self.wrong(f"{name!r} must be a list of tables")
        return [Fields(value, f"{self._where}: {name} {i}") for i, value in enumerate(values, start=1)]

    def done(self) -> None:
        """Refuse what nobody took: an unknown key is a mistyped one."""
        if self._tree:
            raise self.wrong(f"has an unknown key {shown(next(iter(self._tree)))}")
