"""The study: what may be asked, by whom, of whom, until when, at what loss. spec/study.md.

A centre obeys a study only if its own privacy officer signed it. Whether a query lies inside one is
decided here, from public facts alone; the node's policy comes on top and is stricter, never looser.
"""

from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from privacy.disclosure import RULES, Rule
from privacy.errors import LossError
from privacy.loss import Loss
from protocols.codec.queries import question_digest
from protocols.documents import nearest, shown
from protocols.errors import WireError
from protocols.ids import AnalystId, CentreId, Digest, OfficerId, StudyId
from protocols.queries import Kind, Mode, Scope, SignedTerms
from protocols.query_fields import fields_of
from protocols.roster import when
from protocols.signed_text import Fields, SignedText

EVERY = "*"
"""In a list of fields: all that the dictionary calls queryable. Centres and analysts are always named."""


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
    """A verified study. A budget is None where the study sets no limit.

    `suppressed` is there exactly when the modes name it.
    """

    id: StudyId
    title: str
    purpose: str
    registry: str
    dictionary: Digest
    statistics: frozenset[Kind]
    modes: frozenset[Mode]
    scopes: frozenset[Scope]
    fields: frozenset[str]
    analysts: frozenset[AnalystId]
    centres: frozenset[CentreId]
    centres_per_person: int
    expires: datetime
    study_budget: Loss | None
    analyst_budget: Loss | None
    suppressed: SuppressedStudy | None = None


def open_study(octets: bytes, officer: OfficerId, key: Ed25519PublicKey) -> Study:
    """Verify an officer's signature under a study file, and read it. Raises SignatureError or TextError."""
    fields = Fields(SignedText.parse(octets).opened(officer.text, key, "study"), "study")
    fields.take("format", str)
    budget = fields.table("budget")
    modes = fields.choices("modes", Mode)
    try:
        study = Study(
            id=StudyId(fields.take("id", str)),
            title=fields.take("title", str),
            purpose=fields.take("purpose", str),
            registry=fields.take("registry", str),
            dictionary=Digest.parse(fields.take("dictionary", str)),
            statistics=fields.choices("statistics", Kind),
            modes=modes,
            suppressed=_suppressed(fields.table("suppressed")) if Mode.SUPPRESSED in modes else None,
            scopes=fields.choices("scopes", Scope),
            fields=_fields(fields),
            analysts=frozenset(AnalystId(name) for name in fields.names("analysts")),
            centres=frozenset(CentreId(name) for name in fields.names("centres")),
            centres_per_person=fields.take("centres_per_person", int),
            expires=when(fields, "expires"),
            study_budget=limit(budget, "study_rho"),
            analyst_budget=limit(budget, "analyst_rho"),
        )
    except WireError as error:
        raise fields.wrong(str(error)) from None
    budget.done()
    fields.done()
    if study.centres_per_person < 1:
        raise fields.wrong("centres_per_person must be at least 1")
    return study


def _fields(fields: Fields) -> frozenset[str]:
    """Take the fields that may be read: every queryable one, or names."""
    if fields.has("fields", [EVERY]):
        return frozenset(fields.names("fields"))
    return fields.field_names("fields")


def _suppressed(fields: Fields) -> SuppressedStudy:
    is_any = fields.has("tables", [EVERY])
    tables = tuple(fields.names("tables"))
    suppressed = SuppressedStudy(
        rule=rule_named(fields), questions=fields.take("questions", int), tables=None if is_any else tables
    )
    fields.done()
    if suppressed.questions < 0:
        raise fields.wrong("a number of questions is 0 or more")
    return suppressed


def rule_named(fields: Fields) -> Rule:
    """Take a small-number rule by its name."""
    name = fields.take("rule", str)
    if name not in RULES:
        raise fields.wrong(f"'rule' does not know {shown(name)}", nearest(name, list(RULES)))
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
    checks = (
        (now >= study.expires, "the study has expired"),
        (
            terms.analyst not in study.analysts,
            f"the study does not name the analyst {str(terms.analyst)!r}",
        ),
        (bool(others), f"the study does not name the centre {others[0]!r}" if others else ""),
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
