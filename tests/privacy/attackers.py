"""Attackers of mode `suppressed`, as code: what they ask, whom they are after, how they compute it.

Each has a group of fewer patients than may be shown, and questions of which none shows it. Their
`recover` uses the published numbers alone. Sources: Denning, Denning, Schwartz, *The tracker*, TODS 4
(1979) 76 (trackers and double trackers); Schlörer, TODS 5 (1980) 467 (union trackers).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from random import Random

from privacy.disclosure import RULES, Rule
from privacy.overlap import Shown
from tests.privacy.table_oracle import Index, Patients, shown

FIVE, OPENSAFELY = RULES["five"], RULES["opensafely"]
Published = Sequence[Sequence[int]]


@dataclass(frozen=True, kw_only=True)
class Attack:
    """Questions in their order, each with the number of its snapshot; `recover` finds `truth` from them.

    `truth` is a fact about the `secret` patients: how many they are, or how many took a step.
    """

    questions: Sequence[Shown]
    secret: Patients
    recover: Callable[[Published], float]
    truth: float
    snapshots: Sequence[int] = ()

    @property
    def published(self) -> Published:
        return [one.published.tolist() for one in self.questions]


class Ward:
    """A few hundred patients, drawn from a seed, and sets among them."""

    def __init__(self, draw: Random, rule: Rule = FIVE) -> None:
        self.draw, self.rule = draw, rule
        self.everybody = frozenset(draw.sample(range(10**6), draw.randint(150, 250)))

    def some(self, least: int, most: int, among: Iterable[int] | None = None) -> Patients:
        """So many patients, of everybody or of some."""
        pool = sorted(self.everybody if among is None else among)
        return frozenset(self.draw.sample(pool, self.draw.randint(least, most)))

    def few(self, among: Iterable[int] | None = None) -> Patients:
        """A group that must not be shown."""
        return self.some(1, self.rule.minimum - 1, among)

    def count(self, patients: Patients) -> Shown:
        """The answer to a count without groups."""
        return shown((1,), {(0,): patients}, self.rule)

    def table(self, *cells: Patients, hidden: Sequence[Index] = ()) -> Shown:
        """The answer to a count by one field."""
        return shown((len(cells),), {(i,): one for i, one in enumerate(cells)}, self.rule, hidden)


def individual_tracker(ward: Ward) -> Attack:
    """C = A and B, which is too small. Ask for A, and for A and not B."""
    a = ward.some(60, 100)
    c = ward.few(a)
    asked = [ward.count(a), ward.count(a - c)]
    return Attack(questions=asked, secret=c, recover=lambda p: p[0][0] - p[1][0], truth=len(c))


def general_tracker(ward: Ward) -> Attack:
    """With any T of middling size: C or T, C or not T, T, and not T."""
    c, t = ward.few(), ward.some(60, 80)
    rest = ward.everybody - t
    asked = [ward.count(one) for one in (t, rest, c | t, c | rest)]
    return Attack(
        questions=asked,
        secret=c,
        recover=lambda p: p[2][0] + p[3][0] - p[0][0] - p[1][0],
        truth=len(c),
    )


def double_tracker(ward: Ward) -> Attack:
    """With T inside U: q(C) = q(U) + q(C or T) - q(T) - q(U and not (C and T))."""
    u = ward.some(90, 110)
    t, c = ward.some(40, 50, u), ward.few()
    asked = [ward.count(one) for one in (u, t, c | t, u - (c & t))]
    return Attack(
        questions=asked,
        secret=c,
        recover=lambda p: p[0][0] + p[2][0] - p[1][0] - p[3][0],
        truth=len(c),
    )


def union_tracker(ward: Ward) -> Attack:
    """With disjoint T1, T2, ...: at least one does not meet C, and C or T less T is largest there."""
    shuffled = ward.draw.sample(sorted(ward.everybody), 120)
    trackers = [frozenset(shuffled[at : at + 20]) for at in range(0, 120, 20)]
    c = ward.few()
    asked = [ward.count(one) for t in trackers for one in (t, c | t)]
    whole = max(len(c - t) for t in trackers)
    return Attack(
        questions=asked,
        secret=c,
        recover=lambda p: max(p[at + 1][0] - p[at][0] for at in range(0, len(p), 2)),
        truth=whole,
    )


def one_row_difference(ward: Ward) -> Attack:
    """Everybody by a field, and again without one patient."""
    victim = ward.some(1, 1)
    half = ward.some(60, 80) | victim
    other = ward.everybody - half
    asked = [ward.table(half, other), ward.table(half - victim, other)]
    return Attack(questions=asked, secret=victim, recover=lambda p: p[0][0] - p[1][0], truth=1)


def dropping_rewrite(ward: Ward) -> Attack:
    """A condition that means the same to everybody but one: her age is written in another way."""
    a = ward.some(60, 100)
    victim = ward.some(1, 1, a)
    asked = [ward.count(a), ward.count(a), ward.count(a - victim)]
    return Attack(questions=asked, secret=victim, recover=lambda p: p[1][0] - p[2][0], truth=1)


def admission(ward: Ward) -> Attack:
    """The same question on the day before somebody comes, and after."""
    ill = ward.some(60, 80)
    comes = frozenset([10**6 + 1])
    asked = [ward.table(ill, ward.everybody - ill), ward.table(ill | comes, ward.everybody - ill)]
    return Attack(
        questions=asked, secret=comes, recover=lambda p: p[1][0] - p[0][0], truth=1, snapshots=(1, 2)
    )


def discharge(ward: Ward) -> Attack:
    """The same question before somebody leaves, and after."""
    ill = ward.some(60, 80)
    goes = ward.some(1, 1, ill)
    asked = [ward.table(ill, ward.everybody - ill), ward.table(ill - goes, ward.everybody - ill)]
    return Attack(
        questions=asked, secret=goes, recover=lambda p: p[0][0] - p[1][0], truth=1, snapshots=(1, 2)
    )


def recovery(ward: Ward) -> Attack:
    """The same question before and after somebody's diagnosis changes: the total stays."""
    ill = ward.some(60, 80)
    mends = ward.some(1, 1, ill)
    well = ward.everybody - ill
    asked = [ward.table(ill, well), ward.table(ill - mends, well | mends)]
    return Attack(
        questions=asked, secret=mends, recover=lambda p: p[0][0] - p[1][0], truth=1, snapshots=(1, 2)
    )


def complement(ward: Ward) -> Attack:
    """N, and everybody who is not in C."""
    c = ward.few()
    asked = [ward.count(ward.everybody), ward.count(ward.everybody - c)]
    return Attack(questions=asked, secret=c, recover=lambda p: p[0][0] - p[1][0], truth=len(c))


def two_complements(ward: Ward) -> Attack:
    """Two wholes and what both leave out, in parts of which none is nearly another."""
    c = ward.few()
    rest = ward.draw.sample(sorted(ward.everybody - c), 140)
    a, b, left, right, middle = (
        frozenset(rest[low:high]) for low, high in ((0, 30), (30, 70), (70, 90), (90, 110), (110, 140))
    )
    asked = [ward.table(a, left | c, right | middle), ward.table(b, left | right, middle)]
    return Attack(
        questions=asked,
        secret=c,
        recover=lambda p: (p[0][3] - p[0][0]) - (p[1][3] - p[1][0]),
        truth=len(c),
    )


def partition(ward: Ward) -> Attack:
    """Everybody, and everybody but C in three parts: no two of these are near each other."""
    c = ward.few()
    rest = ward.draw.sample(sorted(ward.everybody - c), len(ward.everybody) - len(c))
    parts = [frozenset(rest[at::3]) for at in range(3)]
    asked = [ward.count(ward.everybody), *map(ward.count, parts)]
    return Attack(
        questions=asked, secret=c, recover=lambda p: p[0][0] - p[1][0] - p[2][0] - p[3][0], truth=len(c)
    )


def margin_against_cell(ward: Ward) -> Attack:
    """A margin of a cross-table less the same people counted without a few."""
    shuffled = ward.draw.sample(sorted(ward.everybody), 120)
    cells: dict[Index, Patients] = {
        (a, b): frozenset(shuffled[30 * (2 * a + b) : 30 * (2 * a + b + 1)]) for a in (0, 1) for b in (0, 1)
    }
    first = cells[0, 0] | cells[0, 1]
    c = ward.few(first)
    asked = [shown((2, 2), cells, ward.rule), ward.count(first - c)]
    return Attack(questions=asked, secret=c, recover=lambda p: p[0][2] - p[1][0], truth=len(c))


def linked_tables(ward: Ward) -> Attack:
    """Two tables that share a field: one hides a large cell to guard a small one, the other shows it."""
    shuffled = ward.draw.sample(sorted(ward.everybody), 100)
    parts = [frozenset(shuffled[low:high]) for low, high in ((0, 2), (2, 20), (20, 60), (60, 100))]
    first = ward.table(*parts, hidden=[(1,)])
    # By the same field and another; everybody in the hidden large cell is on one side of it.
    halves: dict[Index, Patients] = {
        (i, half): frozenset(sorted(parts[i])[half::2]) for i in (2, 3) for half in (0, 1)
    }
    second = shown((4, 2), {(0, 0): parts[0], (1, 0): parts[1], **halves}, ward.rule)
    total = ward.count(frozenset(shuffled))
    return Attack(
        questions=[total, first, second],
        secret=parts[0],
        recover=lambda p: p[0][0] - p[1][2] - p[1][3] - p[2][5],
        truth=2,
    )


def rounding_step(ward: Ward) -> Attack:
    """Rounded counts with one patient more and less, where one patient changes the rounding."""
    victim = ward.some(1, 1)
    others = ward.some(62, 62, ward.everybody - victim)
    asked = [ward.count(others), ward.count(others | victim)]
    return Attack(questions=asked, secret=victim, recover=lambda p: float(p[1][0] > p[0][0]), truth=1)


def averaging(ward: Ward) -> Attack:
    """Rounded counts of C with five groups of all remainders: their mean less that without C is |C|."""
    c = ward.few()
    pool = ward.draw.sample(sorted(ward.everybody - c), 40)
    groups = [frozenset(pool[: 20 + more]) for more in range(0, 15, 3)]
    asked = [ward.count(one) for group in groups for one in (group, group | c)]
    return Attack(
        questions=asked,
        secret=c,
        recover=lambda p: sum(p[at + 1][0] - p[at][0] for at in range(0, len(p), 2)) / 5,
        truth=len(c),
    )


EXACT: dict[str, Callable[[Ward], Attack]] = {
    one.__name__: one
    for one in (
        individual_tracker,
        general_tracker,
        double_tracker,
        union_tracker,
        one_row_difference,
        dropping_rewrite,
        admission,
        discharge,
        recovery,
        complement,
        two_complements,
        partition,
        margin_against_cell,
        linked_tables,
    )
}
ROUNDED: dict[str, Callable[[Ward], Attack]] = {one.__name__: one for one in (rounding_step, averaging)}
