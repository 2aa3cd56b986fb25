"""One small federation on paper: a dictionary of three tables, keys, a roster, a study, terms, answers."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from privacy.disclosure import RULES, SUPPRESSED
from privacy.events import GaussianEvent
from privacy.loss import Loss
from protocols.dictionary import FieldName
from protocols.dictionary_text import read_dictionary
from protocols.ids import AnalystId, CentreId, Digest, OfficerId, QueryId, SnapshotId, StudyId
from protocols.keys import keys_to_text
from protocols.queries import (
    All,
    Any,
    Between,
    Kind,
    Missing,
    Mode,
    Not,
    OneOf,
    Query,
    ReleaseTerms,
    Scope,
    SignedTerms,
    Statistic,
)
from protocols.refusals import Refusal, RefusalCode
from protocols.releases import (
    Answer,
    Granted,
    Planned,
    Quote,
    Receipt,
    Release,
    ReleasedBlock,
    SuppressedTable,
)
from protocols.signed_text import SignedText
from tests.members import keys_of, root_of, signed_roster

DICTIONARY_TEXT = b"""\
name: heart
title: Hearts
version: "2"
resources:
  - name: patients
    path: patients.csv
    schema:
      fields:
        - {name: pid, type: string}
        - name: sex
          type: integer
          constraints: {enum: [0, 1], required: true}
          skerry: {labels: {0: f, 1: m}}
        - {name: smokes, type: boolean}
        - {name: centre_note, type: string}
        - {name: surname, type: string, skerry: {role: identifier}}
        - name: age
          type: number
          constraints: {minimum: 0, maximum: 110}
          skerry: {unit: years, precision: 1}
        - {name: grade, type: string, constraints: {enum: [low, mid, high]}}
        - {name: site, type: string, constraints: {enum: [apex, base]}}
  - name: visits
    path: visits.csv
    schema:
      fields:
        - {name: pid, type: string, skerry: {role: key}}
        - {name: score, type: integer, constraints: {minimum: 0, maximum: 60}}
        - {name: site, type: string, constraints: {enum: [apex, base]}}
    skerry: {rows_per_patient: 4}
  - name: drugs
    path: drugs.csv
    schema:
      fields:
        - {name: person, type: string}
        - {name: dose, type: number, constraints: {minimum: 0, maximum: 2.5}, skerry: {precision: 0.01}}
      foreignKeys:
        - {fields: person, reference: {resource: patients, fields: pid}}
    skerry: {rows_per_patient: 9}
skerry: {patient: {table: patients, key: pid}}
"""
DICTIONARY = read_dictionary(DICTIONARY_TEXT)

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
OFFICER_KEY, CENTRE_KEY, ANALYST_KEY = (
    Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32) for number in (2, 3, 4)
)
BERLIN, OFFICER, ANALYST = CentreId("berlin"), OfficerId("officer-berlin"), AnalystId("ada")


def _three(key: Ed25519PrivateKey) -> str:
    """The lines of an entry's keys."""
    return "\n".join(f'{name} = "{text}"' for name, text in keys_to_text(keys_of(key)).items())


CONSORTIUM = root_of("hearts")
ROSTER_BODY = f"""\
format = "skerry.roster/1"
consortium = "hearts"
version = 1
expires = 2027-01-01T00:00:00Z

[[centre]]
id = "berlin"
institution = "Charite"
{_three(CENTRE_KEY)}

[[officer]]
id = "officer-berlin"
centre = "berlin"
{_three(OFFICER_KEY)}

[[analyst]]
id = "ada"
institution = "Charite"
{_three(ANALYST_KEY)}
"""

STUDY_BODY = f"""\
format = "skerry.study/1"
id = "survival"
title = "Survival"
purpose = "To learn."
legal_basis = "Consent."
permit = "EK 12/2026"
readers = "The study group."
registry = "heart"
dictionary = "{DICTIONARY.digest}"
statistics = ["count", "mean"]
modes = ["dp"]
scopes = ["centre"]
fields = ["patients.sex", "patients.age"]
analysts = ["ada"]
centres = ["berlin", "oslo"]
quorum = 1
min_centres = 1
colluders = 0
centres_per_person = 1
review = "none"
expires = 2027-01-01T00:00:00Z

[budget]
study_rho = "0.5"
analyst_rho = "unlimited"
"""

POLICY_BODY = """\
format = "skerry.policy/1"
modes = ["dp"]
scopes = ["centre"]
forbidden_fields = ["patients.grade"]
charged_rounds_per_question = 2
longest_validity_hours = 24
hours = "always"
release_tick_ms = 1000

[budget]
query_rho = "0.05"
registry_rho = "1"
period_rho = "0.5"
period_days = 30
study_rho = "0.4"
analyst_rho = "unlimited"
"""


def signed(body: str, kind: str) -> bytes:
    """Sign a body as whoever signs its kind."""
    if kind == "roster":
        return signed_roster(body)
    return SignedText(body=body.encode(), signatures=()).signed_by(OFFICER.text, OFFICER_KEY, kind).to_bytes()


def field(name: str) -> FieldName:
    """Name a field as `table.field`."""
    table, _, own = name.partition(".")
    return FieldName(table, own)


def terms_of(query: Query, **changes: object) -> SignedTerms:
    """Terms of a query as Ada would sign them."""
    parts: dict[str, object] = {
        "query": query,
        "query_id": QueryId(bytes(range(16))),
        "study": StudyId("survival"),
        "analyst": ANALYST,
        "audience": (BERLIN,),
        "dictionary": DICTIONARY.digest,
        "not_after_ms": int(NOW.timestamp() * 1000) + 60_000,
    }
    return SignedTerms(**{**parts, **changes})  # type: ignore[arg-type]


RELEASE_TERMS = ReleaseTerms(
    mode=Mode.DP, scope=Scope.CENTRE, loss=Loss.parse("0.05"), delta=Decimal("0.000001")
)
COUNT = Query(
    statistic=Statistic(kind=Kind.COUNT, table="patients", by=(field("patients.sex"),)),
    cohort=None,
    release=RELEASE_TERMS,
)
RICH = Query(
    statistic=Statistic(
        kind=Kind.PROPORTION,
        table="patients",
        variable=field("patients.grade"),
        by=(field("patients.sex"), field("patients.smokes")),
        codes=("low", "high"),
    ),
    cohort=All(
        parts=(
            Any(
                parts=(
                    OneOf(field=field("patients.sex"), codes=(Decimal(0), Decimal(1))),
                    OneOf(field=field("patients.smokes"), codes=(False, True)),
                )
            ),
            Not(part=Missing(field=field("patients.age"))),
            Between(field=field("patients.age"), low=Decimal("-0.5"), high=Decimal("99.25")),
        )
    ),
    release=RELEASE_TERMS,
)
HISTOGRAM = Query(
    statistic=Statistic(
        kind=Kind.HISTOGRAM,
        table="visits",
        variable=field("visits.score"),
        edges=(Decimal(0), Decimal("7.5"), Decimal(60)),
    ),
    cohort=Missing(field=field("patients.grade")),
    release=RELEASE_TERMS,
)
QUANTILES = Query(
    statistic=Statistic(
        kind=Kind.QUANTILES,
        table="patients",
        variable=field("patients.age"),
        by=(field("patients.sex"),),
        probabilities=(Decimal("0.25"), Decimal("0.5"), Decimal("0.975")),
    ),
    cohort=None,
    release=RELEASE_TERMS,
)
SUPPRESSED_TERMS = ReleaseTerms(mode=Mode.SUPPRESSED, scope=Scope.CENTRE, loss=Loss(0), delta=Decimal(0))
TABLE = replace(COUNT, release=SUPPRESSED_TERMS)
QUERIES = (COUNT, RICH, HISTOGRAM, QUANTILES, TABLE)

RELEASE = Release(
    centre=BERLIN,
    question=Digest(b"q" * 32),
    dictionary=DICTIONARY.digest,
    snapshot=SnapshotId(b"s" * 16),
    snapshot_at=NOW,
    released_at=NOW,
    template_version=1,
    loss=Loss.parse("0.05"),
    cap=4,
    blocks=(
        ReleasedBlock(
            name="count",
            event=GaussianEvent(l2_squared=16, sigma=12.649110640673518),
            values=np.array([12, -3, 2**62, -(2**62)], dtype=np.int64),
        ),
    ),
)
RECEIPT = Receipt(
    charged=Loss.parse("0.05"),
    is_repeat=False,
    registry_left=None,
    study_left=Loss(0),
    analyst_left=Loss(10**40),
    event=b"{}",
    index=0,
    tree_size=2,
    tree_root=Digest(b"r" * 32),
    proof=(Digest(b"p" * 32),),
)
GRANTED = Answer(
    centre=BERLIN, query_id=QueryId(bytes(range(16))), outcome=Granted(release=b"release", receipt=RECEIPT)
)
SHOWN = replace(
    RELEASE,
    loss=Loss(0),
    cap=1,
    blocks=(),
    table=SuppressedTable(
        rule=RULES["opensafely"], cells=np.array([0, SUPPRESSED, 2**62, 10], dtype=np.int64)
    ),
)
FROM_FINER = Answer(
    centre=BERLIN,
    query_id=QueryId(bytes(range(16))),
    outcome=Granted(release=b"release", receipt=replace(RECEIPT, questions_left=0), finer=RICH),
)
QUOTE = Quote(
    cost=Loss.parse("0.05"),
    is_repeat=False,
    registry_left=None,
    study_left=Loss(0),
    analyst_left=Loss(10**40),
    questions_left=7,
    snapshot_at=NOW,
)
PLANNED = Planned(centre=BERLIN, query_id=QueryId(bytes(range(16))), outcome=QUOTE)
PLANNED_FROM_FINER = replace(
    PLANNED,
    outcome=replace(QUOTE, cost=Loss(0), is_repeat=True, questions_left=None, finer=COUNT),
)
PLANNED_REFUSED = replace(PLANNED, outcome=Refusal(code=RefusalCode.WITHHELD, detail=""))
PLANS = (PLANNED, PLANNED_FROM_FINER, PLANNED_REFUSED)
