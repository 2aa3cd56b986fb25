"""The only file that knows the solver: HiGHS, through SciPy, on small sparse systems.

An answer is never trusted for its last digits: `privacy/secondary.py` checks whole tables in exact
arithmetic, and `privacy/attacker.py` widens a bound by more than the solver's tolerance.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csc_array

Floats = NDArray[np.float64]

# Branching stops here, at the same place on every machine; a limit in seconds would not.
_MOST_NODES = 20


def solution(  # noqa: PLR0913 -- a linear program has these parts, and a type for them would say no more
    price: Floats,
    equations: csc_array,
    sums: Floats,
    low: Floats,
    high: Floats,
    *,
    whole: bool = False,
) -> Floats | None:
    """Give x with the least price·x under equations·x = sums and low <= x <= high, or None.

    None means that there is no such x, or that the solver gave up, or, for `whole` numbers, that it
    found none in the first few branches.
    """
    if not len(price):
        return None if np.any(sums) else np.zeros(0)
    found = milp(
        price,
        integrality=np.full(len(price), int(whole)),
        constraints=LinearConstraint(equations, sums, sums),
        bounds=Bounds(low, high),
        options={"mip_rel_gap": 0.0, "node_limit": _MOST_NODES} if whole else None,
    )
    return None if found.x is None else np.asarray(found.x, dtype=np.float64)
