"""What one column holds, in so far as a proposal needs it. It is kept in memory and shown to nobody."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from node.drafting.values import DOUBTFUL_MARKS, MARKS, Kind, kinds_of

MAX_DISTINCT = 2_000
"""Values that are told apart in a column that is no candidate for the patient key."""

LONG_WORDS = 4
"""A text of so many words is a sentence, and may say anything about anybody."""

_EVERY = Kind.WHOLE | Kind.POINT | Kind.COMMA | Kind.TRUTH | Kind.DATE | Kind.ISO_DATE | Kind.ADDRESS
_NONE = Kind(0)


@dataclass(slots=True)
class Column:
    """One column as it is read. `kinds` are what every value may be, `some_kinds` what some value is."""

    name: str
    is_candidate: bool
    rows: int = 0
    missing: int = 0
    marks: set[str] = field(default_factory=set)
    doubtful: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    is_cut: bool = False
    kinds: Kind = _EVERY
    some_kinds: Kind = _NONE
    last_kinds: Kind | None = None
    is_last_number: bool = False
    low: float | None = None
    high: float | None = None
    is_whole: bool = True
    has_sentences: bool = False

    def take(self, values: Iterable[str]) -> None:
        """Take the values of some rows, trimmed."""
        for value, number in Counter(values).items():
            self.rows += number
            if not value or value in MARKS:
                self.missing += number
                self.marks |= {value} if value else set()
            elif value in DOUBTFUL_MARKS:
                self.doubtful[value] += number
            else:
                self._take(value, number)

    def _take(self, value: str, number: int) -> None:
        if value in self.counts or self.is_candidate or len(self.counts) < MAX_DISTINCT:
            self.counts[value] += number
        else:
            self.is_cut = True
        kinds = kinds_of(value)
        if kinds is not self.last_kinds:  # flags are slow to combine, and most values are of one kind
            self.last_kinds = kinds
            self.is_last_number = bool(kinds & (Kind.POINT | Kind.COMMA))
            self.kinds &= kinds
            self.some_kinds |= kinds
        if self.is_last_number:
            self._measure(value.replace(",", "."))
        elif not self.has_sentences:
            self.has_sentences = len(value.split()) >= LONG_WORDS

    def _measure(self, text: str) -> None:
        number = float(text)  # as an import compares it
        self.is_whole = self.is_whole and number.is_integer()
        self.low = number if self.low is None else min(self.low, number)
        self.high = number if self.high is None else max(self.high, number)

    @property
    def present(self) -> int:
        """The rows with a value; doubtful marks are values of a column of words only."""
        return self.rows - self.missing - (0 if self.is_words else self.doubtful.total())

    @property
    def is_number(self) -> bool:
        """Whether every value is a number with one decimal sign, and none is padded with zeros."""
        has_form = bool(self.kinds & (Kind.POINT | Kind.COMMA))
        return bool(self.counts) and has_form and not self.some_kinds & Kind.PADDED

    @property
    def is_words(self) -> bool:
        """Whether the column holds words: neither numbers, nor truths, nor dates."""
        return not self.counts or not (self.is_number or self.kinds & (Kind.TRUTH | Kind.DATE))

    @property
    def words(self) -> Counter[str]:
        """The values of a column of words, with those that could be marks for missing."""
        return self.counts + self.doubtful

    @property
    def is_unique(self) -> bool:
        """Whether no value was seen on two rows."""
        return bool(self.counts) and max(self.counts.values()) == 1

    @property
    def missing_words(self) -> set[str]:
        """The marks for missing that this column needs declared."""
        return self.marks | (set() if self.is_words else set(self.doubtful))
