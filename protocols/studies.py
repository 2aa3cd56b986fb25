"""The study: what may be asked, by whom, of whom, until when, at what loss. spec/study.md.

A centre obeys a study only if its own privacy officer signed it. Whether a query lies inside one is
decided here, from public facts alone; the node's policy comes on top and is stricter, never looser.
A study is read in study_reading.py.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from privacy.disclosure import RULES, Rule
from privacy.errors import LossError
from privacy.loss import Loss
from protocols.codec.queries import question_digest
from protocols.documents import nearest, shown
from protocols.ids import AnalystId, CentreId, Digest, StudyId
from protocols.queries import Kind, Mode, Scope, SignedTerms
from protocols.query_fields import fields_of
from protocols.signed_text import Fields

EVERY = "*"
"""In a list of fields: all that the dictionary calls queryable. Centres and analysts are always named."""


NO_REVIEW = "the study wants people to review each release, and this version cannot hold releases for that"
"""Why a centre refuses such a study: a demand that is not understood must not be passed over."""


class Review(Enum):
    """Whether people look at each release before it leaves a centre. spec/study.md 5."""

    NONE = "none"
    ONE_PERSON = "one_person"
    TWO_PERSONS = "two_persons"


@dataclass(frozen=True, slots=True, kw_only=True)
class SuppressedStudy:
    """What a study may ask in mode `suppressed`: these tables (None: any), under no looser a rule.

    A table is a query's `statistic` and `cohort`, as text; study_tables.py reads it.
    """

    rule: Rule
    questions: int
    tables: tuple[str, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """A study that could be read. A budget is None where the study sets no limit.

    `centres` may be asked, at least `min_centres` of them together, of which `colluders` (t) may work with
    the coordinator against the others; one person may be treated at `centres_per_person` (r) of them.
    `suppressed` is there exactly when the modes name it. `begins` is None where it begins at once.
    """

    id: StudyId
    title: str
    purpose: str
    legal_basis: str
    permit: str
    readers: str
    registry: str
    dictionary: Digest
    statistics: frozenset[Kind]
    modes: frozenset[Mode]
    scopes: frozenset[Scope]
    fields: frozenset[str]
    analysts: frozenset[AnalystId]
    centres: frozenset[CentreId]
    quorum: int
    min_centres: int
    colluders: int
    centres_per_person: int
    review: Review
    expires: datetime
    study_budget: Loss | None
    analyst_budget: Loss | None
    begins: datetime | None = None
    suppressed: SuppressedStudy | None = None


def rule_named(fields: Fields, key: str = "rule") -> Rule:
    """Take a small-number rule by its name."""
    name = fields.take(key, str)
    if name not in RULES:
        raise fields.wrong(f"{key!r} does not know {shown(name)}", nearest(name, list(RULES)))
    return RULES[name]


def limit(fields: Fields, name: str) -> Loss | None:
    """Take a budget: a rho as text, or `unlimited`. There is no default: a budget is a decision."""
    text = fields.take(name, str)
    if text == "unlimited":
        return None
    try:
        return Loss.parse(text)
    except LossError as error:
        raise fields.wrong(f"{name!r}: {error}") from None


def outside_study(
    terms: SignedTerms, study: Study, now: datetime, tables: frozenset[Digest] | None
) -> str | None:
    """Say in one public sentence why a query lies outside a study; None when it lies inside.

    `tables` are the questions that the study lists for mode `suppressed` (study_tables.py); None: any.
    """
    query = terms.query
    is_listed = (
        query.release.mode is not Mode.SUPPRESSED or tables is None or question_digest(query) in tables
    )
    unknown = sorted(
        str(name) for name in fields_of(query) if study.fields != {EVERY} and str(name) not in study.fields
    )
    others = sorted(str(centre) for centre in terms.audience if centre not in study.centres)
    asked = len(set(terms.audience))
    checks = (
        (study.review is not Review.NONE, NO_REVIEW),
        (study.begins is not None and now < study.begins, "the study has not begun"),
        (now >= study.expires, "the study has expired"),
        (
            terms.analyst not in study.analysts,
            f"the study does not name the analyst {str(terms.analyst)!r}",
        ),
        (bool(others), f"the study does not name the centre {others[0]!r}" if others else ""),
        (
            asked < study.min_centres,
            f"the study wants {study.min_centres} centres asked at least, and this asks {asked}",
        ),
        (asked < study.quorum, f"the study's quorum is {study.quorum} centres, and this asks {asked}"),
        (
            asked <= study.colluders,
            f"the study counts on {study.colluders} colluding centres, and this asks {asked} in all",
        ),
        (
            query.statistic.kind not in study.statistics,
            f"the study does not allow {query.statistic.kind.value}",
        ),
        (
            query.release.mode not in study.modes,
            f"the study does not allow mode {query.release.mode.value}",
        ),
        (
            query.release.scope not in study.scopes,
            f"the study does not allow scope {query.release.scope.value}",
        ),
        (bool(unknown), f"the study does not allow the field {unknown[0]!r}" if unknown else ""),
        (not is_listed, "the study does not list this table for mode suppressed"),
    )
    return next((sentence for failed, sentence in checks if failed), None)
