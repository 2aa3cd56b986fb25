"""The typed query: what is asked, of whom in the cohort, at what loss. spec/queries.md.

No text is ever parsed as code, and an analyst makes no columns: a query names fields of the
dictionary and values within it. These types hold any query; `query_rules.canonical` says whether a
dictionary admits it, and returns the one form in which equal questions have equal bytes.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import TypeAlias

from privacy.loss import Loss
from protocols.dictionary import Code, FieldName
from protocols.ids import AnalystId, CentreId, Digest, QueryId, StudyId

MAX_COHORT_DEPTH = 8
MAX_COHORT_NODES = 64
MAX_CODES_IN_QUERY = 1_000
MAX_BY = 3
MAX_EDGES = 1_001
MAX_PROBABILITIES = 99
MAX_CELLS = 10_000
MAX_SUPPRESSED_CELLS = 400
"""Cells of a table in mode `suppressed`, margins aside: its linear programs end in seconds."""


class Kind(Enum):
    """The statistics."""

    COUNT = "count"
    SUM = "sum"
    MEAN = "mean"
    VARIANCE = "variance"
    PROPORTION = "proportion"
    HISTOGRAM = "histogram"
    QUANTILES = "quantiles"


COUNTED = (Kind.COUNT, Kind.PROPORTION, Kind.HISTOGRAM)
"""What mode `suppressed` answers: how many patients are in each cell."""


class Mode(Enum):
    """What kind of guarantee the release carries."""

    DP = "dp"
    SUPPRESSED = "suppressed"


class Scope(Enum):
    """Whose vector carries the noise."""

    CENTRE = "centre"


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistic:
    """One statistic over the rows of `table`.

    `variable` is absent for a count only; `edges` are for a histogram, `codes` (the `in` list) for
    a proportion, `probabilities` for quantiles.
    """

    kind: Kind
    table: str
    variable: FieldName | None = None
    by: tuple[FieldName, ...] = ()
    edges: tuple[Decimal, ...] = ()
    codes: tuple[Code, ...] = ()
    probabilities: tuple[Decimal, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class All:
    """Every part holds."""

    parts: "tuple[Cohort, ...]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Any:
    """At least one part holds."""

    parts: "tuple[Cohort, ...]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Not:
    """The part does not hold (a comparison with a missing value does not, so `Not` of it does)."""

    part: "Cohort"


@dataclass(frozen=True, slots=True, kw_only=True)
class OneOf:
    """The field has one of these values; `equals` is the list of one."""

    field: FieldName
    codes: tuple[Code, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Between:
    """The number lies between the two, both included."""

    field: FieldName
    low: Decimal
    high: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """The field has no value."""

    field: FieldName


Cohort: TypeAlias = All | Any | Not | OneOf | Between | Missing


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseTerms:
    """The guarantee that is asked for: mode, scope, loss at each centre, and delta for people.

    Mode `suppressed` promises no differential privacy: its loss and its delta are zero.
    """

    mode: Mode
    scope: Scope
    loss: Loss
    delta: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A question. Two queries with the same canonical bytes have the same answer."""

    statistic: Statistic
    cohort: Cohort | None
    release: ReleaseTerms


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedTerms:
    """What an analyst signs: the question and everything that it is bound to. spec/envelope.md 2."""

    query: Query
    query_id: QueryId
    study: StudyId
    analyst: AnalystId
    audience: tuple[CentreId, ...]
    dictionary: Digest
    not_after_ms: int
