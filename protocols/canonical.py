"""One deterministic form for what is hashed: numbers, trees.

Canonical JSON here follows RFC 8785 in order and spacing; numbers are exact decimals without
exponent or trailing zeros, because a double would change what people wrote.
"""

import hashlib
import json
from decimal import Decimal

from protocols.documents import MAX_DIGITS, Tree
from protocols.ids import Digest


def decimal_text(number: Decimal) -> str:
    """Write a finite decimal without exponent, trailing zeros or minus zero."""
    digits = number.as_tuple().digits
    if not number.is_finite() or abs(number.adjusted()) > MAX_DIGITS or len(digits) > 2 * MAX_DIGITS + 1:
        msg = f"a number here is finite and has at most {MAX_DIGITS} digits on either side of the point"
        raise ValueError(msg)
    text = format(number, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def json_bytes(tree: Tree) -> bytes:
    """Write a tree as canonical JSON, UTF-8."""
    return _text(tree).encode()


def _text(tree: Tree) -> str:
    match tree:
        case None:
            return "null"
        case bool():
            return "true" if tree else "false"
        case Decimal():
            return decimal_text(tree)
        case str():
            return json.dumps(tree, ensure_ascii=False)
        case list():
            return "[" + ",".join(_text(item) for item in tree) + "]"
        case dict():
            # RFC 8785 3.2.3: keys in order of their UTF-16 code units.
            keys = sorted(tree, key=lambda key: key.encode("utf-16-be"))
            return "{" + ",".join(f"{json.dumps(k, ensure_ascii=False)}:{_text(tree[k])}" for k in keys) + "}"


def sha256(domain: str, *parts: bytes) -> Digest:
    """Hash parts under a domain, each with its length before it, so that no two inputs coincide."""
    framed = b"".join(len(part).to_bytes(8, "big") + part for part in (domain.encode(), *parts))
    return Digest(hashlib.sha256(framed).digest())
