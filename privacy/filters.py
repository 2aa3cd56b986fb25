"""The privacy filter: state in, decision out. Rogers, Roth, Ullman and Vadhan 2016.

Under zCDP a fixed cap on the sum of losses is valid also when queries are chosen adaptively
(Feldman and Zrnic 2021, arXiv 2008.11193), so the filter is a comparison of integers.
"""

from dataclasses import dataclass

from privacy.loss import Loss


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """A cap on a running sum of losses; no limit means an odometer only."""

    limit: Loss | None
    spent: Loss

    def admits(self, cost: Loss) -> bool:
        """Say whether the sum stays within the cap after this cost."""
        return self.limit is None or self.spent + cost <= self.limit

    def remaining_rounded_down(self) -> Loss | None:
        """Give what is left; None when there is no limit, zero when a lowered cap is passed."""
        if self.limit is None:
            return None
        return Loss(max(0, self.limit.nano_rho - self.spent.nano_rho))
