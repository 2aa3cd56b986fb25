"""A second accountant: the same events, counted by other people's program and by another definition.

Google's dp-accounting composes Gaussians in Rényi differential privacy, order by order, and converts
by its own code. It shares with ours the events and nothing else: where the two part, one of them, or
the ledger, is wrong. The research found both within half a per cent of each other.

It enforces nothing. Only an audit pays for its import, which takes about a second.
"""

from collections.abc import Mapping
from typing import Final

from dp_accounting import GaussianDpEvent
from dp_accounting.rdp import RdpAccountant

from privacy.accountant import check_delta

TOLERANCE = 0.005
"""The two may differ by this share. Orders twenty a decade cost 0.2 per cent at most: an order that
misses the best by a factor r loses (log r)^2 / 2 of the epsilon, and r is at most 10^(1/40)."""

_ORDERS: Final = tuple(1 + 10 ** (step / 20) for step in range(-39, 121))
"""From 1.011, the least that dp-accounting converts, to a million, beyond the best order of rho 1e-9."""


def epsilon_by_renyi(noise: Mapping[float, int], delta: float) -> float:
    """Give the epsilon at delta of so many Gaussians of each noise multiplier (scale over sensitivity).

    Infinite where no order gives a finite one. Raises PrivacyError when delta is none.
    """
    check_delta(delta)
    accountant = RdpAccountant(orders=_ORDERS)
    for multiplier, count in noise.items():
        accountant.compose(GaussianDpEvent(multiplier), count)
    return float(accountant.get_epsilon(delta))


def agree(ours: float, theirs: float) -> bool:
    """Say whether two epsilons are the same to within the tolerance."""
    return abs(theirs - ours) <= TOLERANCE * ours
