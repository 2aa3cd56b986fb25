"""An attacker on suppressed tables, written from the published numbers alone.

It shares no code with `privacy/`: its tables, equations and bounds are its own, every cell of the
table is a variable, and SciPy's solver does the rest. `attack_many` is for `make evidence` too.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from itertools import product
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

Table = NDArray[np.int64]
Index = tuple[int, ...]
Control = Callable[[Table, int, int], Table]
"""From inner counts, minimum and rounding to a published table."""

HIDDEN = -1
_SLACK = 1e-5


def random_tables(number: int, seed: int, most_cells: int = 200) -> Iterator[Table]:
    """Tables of 1 to 3 dimensions of 2 to 8 levels, sparse and dense, some with empty lines."""
    draw = np.random.default_rng(seed)
    made = 0
    while made < number:
        shape = tuple(draw.integers(2, 9, draw.integers(1, 4)).tolist())
        if np.prod(shape) > most_cells:
            continue
        mean = draw.choice([0.5, 3.0, 10.0, 40.0, 300.0])
        counts = draw.poisson(draw.gamma(0.7, mean / 0.7, shape))
        counts[draw.random(shape) < draw.choice([0.0, 0.3, 0.7])] = 0
        made += 1
        yield counts.astype(np.int64)


def extended(inner: Table) -> Table:
    """The table with all margins, cell by cell."""
    whole = np.zeros([size + 1 for size in inner.shape], dtype=np.int64)
    for index, count in np.ndenumerate(inner):
        for at in product(*((place, size) for place, size in zip(index, inner.shape, strict=True))):
            whole[at] += count
    return whole


def naive(inner: Table, minimum: int, rounding: int) -> Table:
    """Hide small counts and nothing else: the control that must fail."""
    whole = extended(inner)
    rounded = np.floor_divide(2 * whole + rounding, 2 * rounding) * rounding
    return np.where((whole > 0) & (whole < minimum), HIDDEN, rounded)


class Attacker:
    """Knows a published table, the minimum and the rounding (odd: no count lies half-way)."""

    def __init__(self, published: Table, minimum: int, rounding: int) -> None:
        assert rounding % 2 == 1
        self.published, self.minimum = published, minimum
        limits = [self._limits(int(value), minimum, rounding) for value in published.ravel()]
        self.low, self.high = np.array(limits).T
        # A hidden cell may be without limit; far above all that is shown is far enough to see that.
        self.high[np.isinf(self.high)] = 10 * (np.abs(published).max() + 1_000)
        self.matrix = self._matrix(published.shape)
        self.least, self.most = np.full(published.size, inf), np.full(published.size, -inf)

    @staticmethod
    def _limits(value: int, minimum: int, rounding: int) -> tuple[float, float]:
        if value == HIDDEN:
            return 1, inf
        if value == 0:
            return 0, 0
        return max(minimum, value - rounding // 2), value + rounding // 2

    @staticmethod
    def _matrix(shape: tuple[int, ...]) -> csr_array:
        """Each margin less the inner cells that are in it."""
        entries = []
        margins = [at for at in np.ndindex(*shape) if any(i == n - 1 for i, n in zip(at, shape, strict=True))]
        for row, margin in enumerate(margins):
            entries.append((row, int(np.ravel_multi_index(margin, shape)), -1.0))
            spans = (range(n - 1) if i == n - 1 else (i,) for i, n in zip(margin, shape, strict=True))
            entries += [(row, int(np.ravel_multi_index(at, shape)), 1.0) for at in product(*spans)]
        rows, columns, values = zip(*entries, strict=True)
        return csr_array((values, (rows, columns)), shape=(len(margins), int(np.prod(shape))))

    def look(self, price: NDArray[np.float64], *, whole: bool = False) -> NDArray[np.float64]:
        """The possible table with the least price, in real or in whole numbers."""
        found = milp(
            price,
            integrality=np.full(len(price), int(whole)),
            bounds=Bounds(self.low, self.high),
            constraints=LinearConstraint(self.matrix, 0, 0),
        )
        assert found.status == 0, found.message
        if not whole:
            self.least, self.most = np.minimum(self.least, found.x), np.maximum(self.most, found.x)
        return np.asarray(found.x)

    def extreme(self, place: int, sign: int, *, whole: bool) -> float:
        """The least (1) or the most (-1) that a cell can be."""
        price = np.zeros(self.published.size)
        price[place] = sign
        return float(self.look(price, whole=whole)[place])

    def derivable(self, *, whole: bool = False) -> list[tuple[Index, float, float]]:
        """Hidden cells that are narrower than the minimum, with their bounds."""
        hidden, found = self.published.ravel() == HIDDEN, []
        if not whole:
            # A few tables in any directions spare most of the programs of single cells.
            for direction in np.random.default_rng(0).normal(size=(8, len(hidden))):
                self.look(direction * hidden)
        for place in np.flatnonzero(hidden):
            # Two solutions met before may already lie far enough apart.
            if self.most[place] - self.least[place] >= self.minimum - _SLACK:
                continue
            low, high = (self.extreme(int(place), sign, whole=whole) for sign in (1, -1))
            if high - low < self.minimum - _SLACK:
                index = tuple(int(i) for i in np.unravel_index(place, self.published.shape))
                found.append((index, low, high))
        return found


def attack_many(
    control: Control, rules: dict[str, tuple[int, int]], number: int, seed: int
) -> dict[str, Any]:
    """Attack tables under each rule in turn; `rules` are (minimum, rounding) by name."""
    report: Counter[str] = Counter()
    for place, inner in enumerate(random_tables(number, seed)):
        minimum, rounding = list(rules.values())[place % len(rules)]
        published = control(inner, minimum, rounding)
        found = Attacker(published, minimum, rounding).derivable()
        whole = extended(inner)
        report["tables"] += 1
        report["tables with a small count"] += bool(np.any((whole > 0) & (whole < minimum)))
        report["small cells"] += int(np.sum((whole > 0) & (whole < minimum)))
        report["hidden cells"] += int(np.sum(published == HIDDEN))
        report["derivable cells"] += len(found)
        report["broken tables"] += bool(found)
    return {"seed": seed, **report}


def invert(control: Control, shape: tuple[int, ...], top: int, minimum: int) -> dict[str, int]:
    """What an attacker gains who also knows the algorithm, by running it on every table up to `top`.

    A group are all tables that are published alike. Groups that reach `top` are not complete and are
    left out. `exact` are tables with a small cell that has one value in its whole group.
    """
    groups: defaultdict[bytes, list[Table]] = defaultdict(list)
    for cells in product(range(top + 1), repeat=int(np.prod(shape))):
        inner = np.array(cells, dtype=np.int64).reshape(shape)
        groups[control(inner, minimum, 1).tobytes()].append(extended(inner).ravel())
    report: Counter[str] = Counter()
    for key, tables in groups.items():
        hidden = np.frombuffer(key, dtype=np.int64) == HIDDEN
        group = np.array(tables)[:, hidden]
        if not hidden.any() or np.max(tables, initial=0, where=_is_inner(shape)) >= top:
            continue
        least, most = group.min(axis=0), group.max(axis=0)
        report["tables"] += len(tables)
        report["exact"] += len(tables) * bool(np.any((least == most) & (most < minimum)))
        report["narrower"] += len(tables) * bool(np.any(most - least < minimum))
    return dict(report)


def _is_inner(shape: tuple[int, ...]) -> NDArray[np.bool_]:
    inner = np.zeros([size + 1 for size in shape], dtype=np.bool_)
    inner[tuple(slice(-1) for _ in shape)] = True
    return inner.ravel()
