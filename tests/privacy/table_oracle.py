"""What may be shown and what can be computed from it, by sets and programs of our own. Proof: overlap.md.

Nothing here is taken from `privacy.overlap` but the two types that its caller hands in. Patients stand in
Python sets; an attacker's program has one variable for each kind of patient (in the same cell of every
table, and in the secret or not), and is written row by row from spec/suppressed.md 2.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import product

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from privacy.disclosure import SUPPRESSED, Rule
from privacy.overlap import Membership, Shown

Patients = frozenset[int]
Index = tuple[int, ...]

_MANY = 10_000
"""More patients than any world here has: stands for `no limit` in a program."""


def shown(
    dims: Index, cells: Mapping[Index, Iterable[int]], rule: Rule, hidden: Sequence[Index] = ()
) -> Shown:
    """A table as a centre might publish it, by sets of patients.

    Small counts are not shown, no margin over a small count, and nothing in `hidden`: that protects
    each small count by itself, and shows more than `privacy.suppression` sometimes does elsewhere.
    """
    filled = {index: frozenset(cells.get(index, ())) for index in product(*map(range, dims))}
    place = {index: number for number, index in enumerate(filled)}
    pairs = sorted((patient, place[index]) for index, members in filled.items() for patient in members)
    published = [_published(index, dims, filled, rule, hidden) for index in extended(dims)]
    return Shown(
        members=Membership(
            patients=np.array([patient for patient, _ in pairs], dtype=np.int64),
            cells=np.array([cell for _, cell in pairs], dtype=np.int64),
        ),
        dims=dims,
        published=np.array(published, dtype=np.int64),
        rule=rule,
    )


def _published(
    index: Index, dims: Index, filled: Mapping[Index, Patients], rule: Rule, hidden: Sequence[Index]
) -> int:
    parts = [filled[one] for one in inner(index, dims)]
    if index in hidden or any(0 < len(part) < rule.minimum for part in parts):
        return SUPPRESSED
    return rounded(sum(map(len, parts)), rule)


def rounded(count: int, rule: Rule) -> int:
    """The nearest multiple, halves up."""
    return (2 * count + rule.rounding) // (2 * rule.rounding) * rule.rounding


def extended(dims: Index) -> list[Index]:
    """The places of a table and its margins; a dimension's size stands for its total."""
    return list(product(*(range(size + 1) for size in dims)))


def inner(index: Index, dims: Index) -> list[Index]:
    """The cells that a place of the extended table adds up."""
    return list(
        product(*(range(size) if at == size else (at,) for at, size in zip(index, dims, strict=True)))
    )


def sets_of(table: Shown) -> list[Patients]:
    """The patients behind each published number, in its order."""
    place = {index: number for number, index in enumerate(product(*map(range, table.dims)))}
    pairs = list(zip(table.members.patients.tolist(), table.members.cells.tolist(), strict=True))
    wanted = [{place[one] for one in inner(index, table.dims)} for index in extended(table.dims)]
    return [frozenset(patient for patient, cell in pairs if cell in cells) for cells in wanted]


def interval(tables: Sequence[Shown], secret: Patients, *, whole: bool = False) -> tuple[float, float]:
    """The least and the greatest number of patients in a set, for all that the tables say.

    With `whole`, counts are whole numbers, as they are; without, the program is relaxed.
    """
    cells = [dict(zip(t.members.patients.tolist(), t.members.cells.tolist(), strict=True)) for t in tables]
    everybody = sorted(set(secret).union(*cells))
    kinds = sorted({(one in secret, *(table.get(one, -1) for table in cells)) for one in everybody})
    if not any(kind[0] for kind in kinds):
        return 0.0, 0.0
    aim = np.array([float(kind[0]) for kind in kinds])
    rows, low, high = [], [], []
    for number, table in enumerate(tables, start=1):
        place = {index: at for at, index in enumerate(product(*map(range, table.dims)))}
        for index, value in zip(extended(table.dims), table.published.tolist(), strict=True):
            wanted = {place[one] for one in inner(index, table.dims)}
            rows.append([float(kind[number] in wanted) for kind in kinds])
            least, most = _known(value, table.rule)
            low.append(least)
            high.append(most)
    knows = [LinearConstraint(np.array(rows), low, high)] if rows else []
    ends = []
    for sign in (1, -1):
        integrality = np.full(len(kinds), int(whole))
        found = milp(sign * aim, constraints=knows, bounds=Bounds(0, _MANY), integrality=integrality)
        assert found.status == 0, found.message
        ends.append(float(sign * found.fun))
    return ends[0], ends[1] if ends[1] < _MANY / 2 else float("inf")


def _known(value: int, rule: Rule) -> tuple[float, float]:
    if value == SUPPRESSED:
        return 1, np.inf
    if value == 0:
        return 0, 0
    return max(rule.minimum, value - rule.rounding // 2), value + rule.rounding // 2


def must_withhold(new: Shown, earlier: Sequence[Shown]) -> bool:
    """Claims 1 and 2 of overlap.md, word by word."""
    if any(_differs(new, old) or _differs(old, new) for old in earlier):
        return True
    return bool(earlier) and _is_narrow([*earlier, new])


def _differs(one: Shown, other: Shown) -> bool:
    """Whether a number of one table is nearly one of the other's, or nearly the rest of its patients."""
    k = max(one.rule.minimum, other.rule.minimum)
    mine, theirs = sets_of(one), sets_of(other)
    everybody = frozenset(other.members.patients.tolist())
    return any(
        0 < len(a ^ another) < k
        for a, is_shown in zip(mine, one.published != SUPPRESSED, strict=True)
        for b, is_b_shown in zip(theirs, other.published != SUPPRESSED, strict=True)
        if a and b and is_shown and is_b_shown
        for another in (b, everybody - b)
    )


def _is_narrow(tables: Sequence[Shown]) -> bool:
    k = max(one.rule.minimum for one in tables)
    targets = [(atom, k) for atom in atoms_of(tables) if len(atom) < k]
    for table in tables:
        for members, value in zip(sets_of(table), table.published.tolist(), strict=True):
            if value == SUPPRESSED:
                targets.append((members, table.rule.minimum))
    return any(width(interval(tables, secret)) < wanted - 1e-6 for secret, wanted in targets)


def width(ends: tuple[float, float]) -> float:
    return ends[1] - ends[0]


def atoms_of(tables: Sequence[Shown]) -> list[Patients]:
    """The patients who are in the same cell of every table, together."""
    cells = [dict(zip(t.members.patients.tolist(), t.members.cells.tolist(), strict=True)) for t in tables]
    atoms: dict[tuple[int, ...], set[int]] = {}
    for patient in set().union(*cells):
        atoms.setdefault(tuple(table.get(patient, -1) for table in cells), set()).add(patient)
    return [frozenset(one) for one in atoms.values()]
