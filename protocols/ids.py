"""Ids are types of their own, never plain text: a centre is not an analyst.

Names are short printable words that are safe in a URI, a file name and a terminal.
"""

import os
import re
from dataclasses import dataclass
from typing import Self

from protocols.errors import WireError

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?!\.)){0,62}", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class _Name:
    text: str

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.text):
            msg = (
                f"{self.text[:70]!r} is not a name: letters, digits, '-', '_' and single '.',"
                " beginning with a letter or digit, at most 63"
            )
            raise WireError(msg)

    def __str__(self) -> str:
        """Give the bare name."""
        return self.text


@dataclass(frozen=True, slots=True, order=True)
class CentreId(_Name):
    """The name of a centre, unique in a roster."""

    @property
    def uri(self) -> str:
        """The URI that stands in the centre's transport certificate."""
        return f"skerry://centre/{self.text}"


@dataclass(frozen=True, slots=True, order=True)
class AnalystId(_Name):
    """The name of an analyst, unique in a roster."""

    @property
    def uri(self) -> str:
        """The URI that stands in the analyst's transport certificate."""
        return f"skerry://analyst/{self.text}"


@dataclass(frozen=True, slots=True, order=True)
class OfficerId(_Name):
    """The name of a privacy officer, unique in a roster."""


@dataclass(frozen=True, slots=True, order=True)
class ConsortiumId(_Name):
    """The name of a consortium, as it is given to a new one."""


@dataclass(frozen=True, slots=True, order=True)
class RootKeyId(_Name):
    """The name under which one key of the consortium's root signs."""


@dataclass(frozen=True, slots=True, order=True)
class StudyId(_Name):
    """The name of a study."""


COORDINATOR_URI = "skerry://coordinator"


def _octets(text: str, size: int, what: str) -> bytes:
    # Not bytes.fromhex alone: it skips spaces, and one id would have many texts.
    if not re.fullmatch(rf"[0-9a-f]{{{2 * size}}}", text, re.ASCII):
        msg = f"{what} is written as {2 * size} hexadecimal digits, in small letters"
        raise WireError(msg)
    return bytes.fromhex(text)


@dataclass(frozen=True, slots=True, order=True)
class _Token:
    octets: bytes

    SIZE = 16

    def __post_init__(self) -> None:
        if not isinstance(self.octets, bytes) or len(self.octets) != self.SIZE:
            msg = f"{type(self).__name__} has {self.SIZE} bytes"
            raise WireError(msg)

    @classmethod
    def new(cls) -> Self:
        """Draw a fresh one from the operating system's randomness."""
        return cls(os.urandom(cls.SIZE))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the hexadecimal form; WireError when it is not one."""
        return cls(_octets(text, cls.SIZE, cls.__name__))

    def __str__(self) -> str:
        """Write as hexadecimal digits."""
        return self.octets.hex()


@dataclass(frozen=True, slots=True, order=True)
class QueryId(_Token):
    """The nonce of a signed query: one id, one content, one release."""


UNREAD = QueryId(bytes(_Token.SIZE))
"""The query id in the answer to bytes that could not be read."""


@dataclass(frozen=True, slots=True, order=True)
class ExchangeId(_Token):
    """One exchange of messages on the link."""


@dataclass(frozen=True, slots=True, order=True)
class SnapshotId(_Token):
    """A snapshot, named at random: outside a node it says nothing about the rows."""


@dataclass(frozen=True, slots=True, order=True)
class Digest:
    """A SHA-256 value."""

    octets: bytes

    def __post_init__(self) -> None:
        if not isinstance(self.octets, bytes) or len(self.octets) != 32:
            msg = "a digest has 32 bytes"
            raise WireError(msg)

    @classmethod
    def parse(cls, text: str) -> "Digest":
        """Read the hexadecimal form; WireError when it is not one."""
        return cls(_octets(text, 32, "a digest"))

    def __str__(self) -> str:
        """Write as hexadecimal digits."""
        return self.octets.hex()
