"""Answers made by hand: a registry of one table, and the vectors its centres would release.

The vector is a plain loop over the rows that follows the docstrings of protocols/layout.py, and
shares no code with the node or the estimators. `with_noise` draws normal noise, rounded: for
scales well above one that is the discrete Gaussian for every purpose here.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from privacy.events import GaussianEvent
from privacy.loss import Loss, split
from protocols.dictionary import (
    Code,
    Dialect,
    Dictionary,
    Field,
    FieldName,
    FieldType,
    Range,
    Role,
    Table,
)
from protocols.ids import CentreId, Digest, SnapshotId
from protocols.layout import TEMPLATE_VERSION, layout_of
from protocols.queries import Kind, Mode, Query, ReleaseTerms, Scope, Statistic
from protocols.releases import Release, ReleasedBlock

TABLE = "visits"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
NO_NOISE = 1e-9
RowOfData = Mapping[str, Code | None]


def number(name: str, minimum: str, maximum: str, step: str) -> Field:
    """A number with a range; `step` may be a fraction such as 1/3."""
    bounds = Range(minimum=Decimal(minimum), maximum=Decimal(maximum), step=Fraction(step))
    return Field(name=name, type=FieldType.NUMBER, role=Role.QUERYABLE, range=bounds)


def coded(name: str, *codes: Code, required: bool = False) -> Field:
    """A field with a code list; text, numbers or truth values."""
    kind = FieldType.STRING
    if isinstance(codes[0], bool):
        kind = FieldType.BOOLEAN
    elif isinstance(codes[0], Decimal):
        kind = FieldType.INTEGER
    return Field(name=name, type=kind, role=Role.QUERYABLE, codes=codes, required=required)


def registry(*fields: Field, cap: int = 1) -> Dictionary:
    """A registry of one table."""
    table = Table(name=TABLE, path="visits.csv", dialect=Dialect(), fields=fields, key="id", cap=cap)
    return Dictionary(
        name="reference",
        title="",
        version="1",
        description="",
        tables=(table,),
        patient_table=TABLE,
        digest=Digest(bytes(32)),
    )


def question(
    kind: Kind,
    variable: str | None = None,
    *,
    by: Sequence[str] = (),
    edges: Sequence[str] = (),
    codes: Sequence[Code] = (),
    probabilities: Sequence[str] = (),
    rho: str = "1",
) -> Query:
    """A query in canonical form, about all rows."""
    statistic = Statistic(
        kind=kind,
        table=TABLE,
        variable=None if variable is None else FieldName(TABLE, variable),
        by=tuple(FieldName(TABLE, name) for name in by),
        edges=tuple(Decimal(edge) for edge in edges),
        codes=tuple(codes),
        probabilities=tuple(Decimal(one) for one in probabilities),
    )
    terms = ReleaseTerms(mode=Mode.DP, scope=Scope.CENTRE, loss=Loss.parse(rho), delta=Decimal("1e-6"))
    return Query(statistic=statistic, cohort=None, release=terms)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixed:
    """A number's grid and powers, worked out from the dictionary's text again."""

    step: Fraction
    low: int
    high: int

    @property
    def width(self) -> int:
        return self.high - self.low


def half_away(value: Fraction) -> int:
    """Round half away from zero."""
    whole = math.floor(abs(value) + Fraction(1, 2))
    return whole if value >= 0 else -whole


def fixed(field: Field) -> Fixed:
    bounds = field.range
    assert bounds is not None
    low, high = (half_away(Fraction(end) / bounds.step) for end in (bounds.minimum, bounds.maximum))
    return Fixed(step=bounds.step, low=low, high=high)


def levels_of(leaves: int) -> list[int]:
    """The number of nodes on each level of the tree over so many leaves, the highest first."""
    sizes = [leaves]
    while sizes[0] > 4:
        sizes.insert(0, math.ceil(sizes[0] / 4))
    return sizes


def nodes(grid: Fixed, group: int, steps: int) -> list[int]:
    """The nodes of a group's tree that a value is counted in: one on each level."""
    run = math.ceil((grid.width + 1) / 256)
    sizes = levels_of(math.ceil((grid.width + 1) / run))
    place = (steps - grid.low) // run
    found = []
    for level in reversed(range(len(sizes))):
        found.append(group * sum(sizes) + sum(sizes[:level]) + place)
        place //= 4
    return found


def contribution(query: Query, dictionary: Dictionary, row: RowOfData) -> dict[str, dict[int, int]]:
    """What one row adds: for every block, the cell and the integer."""
    statistic, group = query.statistic, 0
    for name in statistic.by:
        field = dictionary.field(name)
        levels = list(field.codes) + ([] if field.required else [None])
        group = group * len(levels) + levels.index(row[name.name])
    if statistic.variable is None:
        return {"count": {group: 1}}
    value = row[statistic.variable.name]
    if value is None:
        return {}
    if statistic.kind is Kind.PROPORTION:
        return {"in_out": {2 * group + (value not in statistic.codes): 1}}
    assert isinstance(value, Decimal)
    if statistic.kind is Kind.HISTOGRAM:
        return _bin(statistic.edges, group, value)
    if statistic.kind is Kind.QUANTILES:
        grid = fixed(dictionary.field(statistic.variable))
        return {"tree": dict.fromkeys(nodes(grid, group, half_away(Fraction(value) / grid.step)), 1)}
    return {name: {group: amount} for name, amount in _powers(query, dictionary, value).items()}


def _bin(edges: Sequence[Decimal], group: int, value: Decimal) -> dict[str, dict[int, int]]:
    last = len(edges) - 2
    for index, (low, high) in enumerate(pairwise(edges)):
        if low <= value < high or (index == last and value == high):
            return {"bins": {group * (last + 1) + index: 1}}
    return {}


def _powers(query: Query, dictionary: Dictionary, value: Decimal) -> dict[str, int]:
    assert query.statistic.variable is not None
    grid = fixed(dictionary.field(query.statistic.variable))
    steps = half_away(Fraction(value) / grid.step)
    if query.statistic.kind is Kind.SUM:
        return {"sum": steps}
    moments = layout_of(query, dictionary).moments
    assert moments is not None
    x = 2 * steps - (grid.low + grid.high)
    y = half_away(Fraction(x, moments.square_divisor))
    z = half_away(Fraction(x, moments.fourth_divisor))
    most_y = half_away(Fraction(grid.width, moments.square_divisor))
    most_z = half_away(Fraction(grid.width, moments.fourth_divisor))
    all_powers = {
        "n": 1,
        "first": x,
        "second": 2 * y**2 - most_y**2,
        "third": z**3,
        "fourth": 2 * z**4 - most_z**4,
    }
    kept = 3 if query.statistic.kind is Kind.MEAN else 5
    return dict(list(all_powers.items())[:kept])


def vector(query: Query, dictionary: Dictionary, rows: Sequence[RowOfData]) -> dict[str, NDArray[np.int64]]:
    """A centre's exact vector, block by block."""
    blocks = {b.name: [0] * b.size for b in layout_of(query, dictionary).blocks}
    for row in rows:
        for name, cells in contribution(query, dictionary, row).items():
            for cell, amount in cells.items():
                blocks[name][cell] += amount
    return {name: np.array(values, dtype=np.int64) for name, values in blocks.items()}


def scales(query: Query, dictionary: Dictionary) -> dict[str, float]:
    """The noise scales that the query's loss pays for."""
    layout = layout_of(query, dictionary)
    parts = split(query.release.loss, layout.weights)
    return {
        block.name: math.sqrt(block.l2_squared / (2 * float(part.rho)))
        for block, part in zip(layout.blocks, parts, strict=True)
    }


def release(
    query: Query,
    dictionary: Dictionary,
    blocks: Mapping[str, NDArray[np.int64]],
    *,
    centre: str = "north",
    sigmas: Mapping[str, float] | None = None,
) -> Release:
    """A release of these values; without `sigmas`, it says that the noise is negligible."""
    layout = layout_of(query, dictionary)
    claimed = sigmas or dict.fromkeys(blocks, NO_NOISE)
    return Release(
        centre=CentreId(centre),
        question=Digest(bytes(32)),
        dictionary=dictionary.digest,
        snapshot=SnapshotId(bytes(16)),
        snapshot_at=NOW,
        released_at=NOW,
        template_version=TEMPLATE_VERSION,
        loss=query.release.loss,
        cap=layout.cap,
        blocks=tuple(
            ReleasedBlock(
                name=block.name,
                event=GaussianEvent(l2_squared=block.l2_squared, sigma=claimed[block.name]),
                values=blocks[block.name],
            )
            for block in layout.blocks
        ),
    )


def with_noise(
    blocks: Mapping[str, NDArray[np.int64]], sigmas: Mapping[str, float], rng: np.random.Generator
) -> dict[str, NDArray[np.int64]]:
    """The values with rounded normal noise."""
    return {
        name: values + np.rint(rng.normal(0.0, sigmas[name], values.shape)).astype(np.int64)
        for name, values in blocks.items()
    }
