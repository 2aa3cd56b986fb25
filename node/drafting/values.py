"""What one text may be: a whole number, a number, true or false, a date, an address, a mark for missing.

Pure. The forms of numbers are those of an import (spec/importing.md 4), so that what is drafted is read.
"""

import re
from enum import IntFlag, auto
from functools import lru_cache


class Kind(IntFlag):
    """What a text may be; one text may be several."""

    WHOLE = auto()
    """Digits with an optional sign."""
    POINT = auto()
    """A number with a decimal point, or whole."""
    COMMA = auto()
    """A number with a decimal comma, or whole."""
    PADDED = auto()
    """A whole number that begins with a zero: a code or a number of somebody, no quantity."""
    TRUTH = auto()
    DATE = auto()
    ISO_DATE = auto()
    ADDRESS = auto()
    """An e-mail address, a web address, a telephone number."""
    MARK = auto()
    """A mark for a missing value, whatever the column."""

    EVIDENT = WHOLE | POINT | COMMA | DATE | ADDRESS | MARK
    """What the name of a column is not."""


MARKS = frozenset(["NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NULL", "null", "?"])
"""Marks for missing, in any column."""

DOUBTFUL_MARKS = frozenset([".", "-", "--", "None", "none", "nil", "missing", "Missing", "*"])
"""Marks for missing in a column of numbers, dates or truths; in a column of words they may be a word."""

_TRUTHS = frozenset(["true", "True", "TRUE", "false", "False", "FALSE"])
_WHOLE = re.compile(r"[+-]?[0-9]+", re.ASCII)
_POINT = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)
_COMMA = re.compile(r"[+-]?([0-9]+(,[0-9]*)?|,[0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)
_PADDED = re.compile(r"0[0-9]+", re.ASCII)
_TIME = r"([T ][0-9]{1,2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?"
_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_DATE = re.compile(
    rf"([0-9]{{4}}[-/.][0-9]{{1,2}}[-/.][0-9]{{1,2}}|[0-9]{{1,2}}[-/.][0-9]{{1,2}}[-/.][0-9]{{2,4}}){_TIME}",
    re.ASCII,
)
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+|(https?://|www\.)\S+", re.ASCII)
_TELEPHONE = re.compile(r"\+?[0-9(][0-9()/. -]{5,}[0-9]", re.ASCII)
_TELEPHONE_DIGITS = 7


# Made once: flags are slow to combine, and a file has millions of values.
_NONE = Kind(0)
_ANY_SIGN = Kind.POINT | Kind.COMMA
_WHOLE_NUMBER = Kind.WHOLE | _ANY_SIGN
_PADDED_NUMBER = _WHOLE_NUMBER | Kind.PADDED
_SOME_ISO_DATE = Kind.DATE | Kind.ISO_DATE


@lru_cache(maxsize=65_536)
def kinds_of(text: str) -> Kind:
    """Say what a trimmed text may be; nothing where it is a word like another."""
    if text in MARKS:
        return Kind.MARK
    if text in _TRUTHS:
        return Kind.TRUTH
    if _WHOLE.fullmatch(text):
        return _PADDED_NUMBER if _PADDED.fullmatch(text) else _WHOLE_NUMBER
    if _POINT.fullmatch(text):
        return Kind.POINT if "." in text else _ANY_SIGN
    if _COMMA.fullmatch(text):
        return Kind.COMMA
    if _DATE.fullmatch(text):
        return _SOME_ISO_DATE if _ISO_DATE.fullmatch(text) else Kind.DATE
    digits = sum(character.isdigit() for character in text)
    is_telephone = digits >= _TELEPHONE_DIGITS and _TELEPHONE.fullmatch(text)
    return Kind.ADDRESS if is_telephone or _ADDRESS.fullmatch(text) else _NONE
