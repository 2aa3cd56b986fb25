"""The small-number rules of mode `suppressed`: which counts are shown, and how exactly.

A rule is no differential privacy: it is what statistical offices ask for. `privacy/suppression.py`
applies one; `privacy/proofs/suppression.md` says what it promises and what it does not.
"""

from dataclasses import dataclass

from privacy.errors import PrivacyError

SUPPRESSED = -1
"""Stands in a published table where a count is not shown. Zero is a count, and is shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Counts of 1 to `minimum` - 1 patients are not shown; others are rounded to multiples of `rounding`."""

    name: str
    minimum: int
    rounding: int

    def __post_init__(self) -> None:
        # A count that is shown must not round to zero: zero would then no longer mean nobody.
        if self.minimum < 2 or self.rounding < 1 or 2 * self.minimum <= self.rounding:
            msg = "a rule has a minimum of at least 2, and rounds to less than twice that"
            raise PrivacyError(msg)

    def is_looser_than(self, other: "Rule") -> bool:
        """Whether this rule shows something that the other would not."""
        return self.minimum < other.minimum or self.rounding < other.rounding


RULES = {
    rule.name: rule
    for rule in (
        Rule(name="five", minimum=5, rounding=1),
        # CMS cell size suppression policy: no cell of 1 to 10, zero is allowed.
        Rule(name="cms", minimum=11, rounding=1),
        # OpenSAFELY: counts of 7 and fewer are redacted, the others rounded to 5.
        Rule(name="opensafely", minimum=8, rounding=5),
        Rule(name="strict10", minimum=11, rounding=5),
    )
}


def bounds_of(published: int, rule: Rule) -> tuple[int, int | None]:
    """Give the least and the greatest count behind a published cell, by the rule alone; None: no limit.

    A suppressed cell holds somebody: a zero is shown.
    """
    if published == SUPPRESSED:
        return 1, None
    if published == 0:
        return 0, 0
    # Halves are rounded up: an even rounding reaches one further down than up.
    return max(rule.minimum, published - rule.rounding // 2), published + (rule.rounding - 1) // 2


def rule_of(minimum: int, rounding: int) -> Rule | None:
    """Find the rule with these numbers; None when this version has none."""
    return next((one for one in RULES.values() if (one.minimum, one.rounding) == (minimum, rounding)), None)
