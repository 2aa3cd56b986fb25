"""Suppressed tables under attack: no cell derivable, while hiding the small counts alone fails."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from privacy.disclosure import RULES, Rule
from privacy.suppression import suppressed


def _ours(inner: NDArray[np.int64], minimum: int, rounding: int) -> NDArray[np.int64]:
    return suppressed(inner, Rule(name="under attack", minimum=minimum, rounding=rounding))


def prove_suppression(tables: int, seed: int) -> dict[str, Any]:
    """Attack so many random tables, the four rules in turn; then the same tables suppressed naively.

    `minimality` is what an attacker gains who also runs the algorithm himself, on every small table.
    """
    # The tests are no part of the distribution: this command is for a checkout.
    from tests.privacy.attacker import attack_many, invert, naive  # noqa: PLC0415 -- as above

    rules = {name: (rule.minimum, rule.rounding) for name, rule in RULES.items()}
    ours, control = (attack_many(way, rules, tables, seed) for way in (_ours, naive))
    return {
        "ours": ours,
        "control": control,
        "minimality": {
            "3 cells to 12": invert(_ours, (3,), 12, 3),
            "2 x 2 to 6": invert(_ours, (2, 2), 6, 3),
        },
        "holds": ours["derivable cells"] == 0
        and control["broken tables"] > 0.3 * control["tables with a small count"],
    }
