"""Strict parsing: bytes are accepted only if they are the one encoding of what they say.

Unknown fields, repeated singular fields and non-minimal forms are refused, because two readers
could take them differently. Every decoder turns every failure into WireError.
"""

import functools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import TypeVar

from google.protobuf.message import DecodeError, EncodeError, Message

from privacy.errors import PrivacyError
from privacy.loss import Loss
from protocols.canonical import decimal_text
from protocols.errors import WireError

_M = TypeVar("_M", bound=Message)
_T = TypeVar("_T")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_INTEGER_DIGITS = 60
_MAX_MS = 253_402_300_799_000
"""The end of the year 9999."""


def parsed(kind: type[_M], octets: bytes) -> _M:
    """Parse bytes as the one encoding of a message. Raises WireError."""
    message = kind()
    try:
        message.ParseFromString(octets)
        message.DiscardUnknownFields()
        again = message.SerializeToString(deterministic=True)
    except (DecodeError, EncodeError, ValueError):
        raise WireError(f"not a {kind.__name__}") from None
    if again != octets:
        raise WireError(f"not the one encoding of a {kind.__name__}")
    return message


def encoded(message: Message) -> bytes:
    """Encode a message deterministically."""
    return message.SerializeToString(deterministic=True)


def decoder(function: Callable[[bytes], _T]) -> Callable[[bytes], _T]:
    """Make a decoder raise WireError, and nothing else, for whatever is wrong with the bytes."""

    @functools.wraps(function)
    def wrapped(octets: bytes) -> _T:
        try:
            return function(octets)
        except (ValueError, PrivacyError, OverflowError) as error:
            raise WireError(f"a value is out of its range ({type(error).__name__})") from None

    return wrapped


def number(text: str) -> Decimal:
    """Read a decimal in its shortest form."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise WireError("a number is a decimal text") from None
    if not value.is_finite() or decimal_text(value) != text:
        raise WireError("a number is written in its shortest form")
    return value


def integer(text: str) -> int:
    """Read a natural number of any size (up to 60 digits), without leading zeros."""
    if not (text.isascii() and text.isdigit()) or len(text) > _MAX_INTEGER_DIGITS or str(int(text)) != text:
        raise WireError("an integer is written with digits only, without leading zeros")
    return int(text)


def loss(text: str) -> Loss:
    """Read a loss in nano-rho."""
    return Loss(integer(text))


def ms_of(moment: datetime) -> int:
    """Give a time as whole milliseconds since 1970, UTC."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def time_of(ms: int) -> datetime:
    """Give the time of milliseconds since 1970, UTC."""
    if ms > _MAX_MS:
        raise WireError("a time lies beyond the year 9999")
    return _EPOCH + timedelta(milliseconds=ms)
