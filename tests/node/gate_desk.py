"""A desk in front of a real gate: real snapshots, ledger and engine, papers made without signing them.

The engine is watched: it counts its reads, and a test may act at the moment of a read.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from node.cohorts import Cohorts
from node.engines.duckdb_engine import DuckDBEngine
from node.gate import Gate, Stores
from node.ledger.charge import Charge
from node.ledger.ledger import Ledger
from node.pause import FLAG, Pause
from node.plan import Plan
from node.policy import Policy, SuppressedPolicy
from node.rules import NoRules, Rules
from node.snapshots import Snapshot, Snapshots
from node.tables import Tables
from privacy.disclosure import RULES
from privacy.loss import Loss
from privacy.opendp_core import Vector
from privacy.overlap import Membership
from protocols.dictionary import Dictionary
from protocols.envelope import Purpose, seal
from protocols.ids import UNREAD, AnalystId, CentreId, Digest, QueryId, StudyId
from protocols.queries import Cohort, Kind, Mode, Query, ReleaseTerms, Scope, SignedTerms, Statistic
from protocols.query_rules import canonical
from protocols.refusals import Refusal
from protocols.releases import Answer, Granted, Planned
from protocols.roster import Analyst, Centre, Roster
from protocols.studies import EVERY, Review, Study, SuppressedStudy
from protocols.study_tables import tables_of
from tests.members import keys_of
from tests.node.importing_desk import KEY, Desk
from tests.node.questions import AGE, ARM, SITE
from tests.node.worlds import NOW, dictionary, question

CENTRE, OTHER = CentreId("berlin"), CentreId("oslo")
ADA, BOB, EVE = AnalystId("ada"), AnalystId("bob"), AnalystId("eve")
STUDY = StudyId("mood")
CAP = 2
DICTIONARY = dictionary(CAP)
KEYS = {who: Ed25519PrivateKey.from_private_bytes(who.text.encode().ljust(32)) for who in (ADA, BOB, EVE)}
COUNT = question(Statistic(kind=Kind.COUNT, table="visits", by=(SITE, ARM)), rho="0.5")
MEAN_AGE = question(Statistic(kind=Kind.MEAN, table="people", variable=AGE), rho="0.5")

FEW = ("id,sex,arm,age\np1,F,a,30\n", "person,site,dose,score,grade\np1,n,1,2,0\n")
MANY = (
    "id,sex,arm,age\n" + "".join(f"p{i},{'FM'[i % 2]},{'abc'[i % 3]},{i % 121}\n" for i in range(400)),
    "person,site,dose,score,grade\n"
    + "".join(f"p{i % 400},{'ns'[i % 2]},{i % 60},{i % 1000},5\n" for i in range(1000)),
)
"""Two centres' files that have nothing in common but the dictionary."""


def imported(root: Path, files: tuple[str, str]) -> Snapshots:
    """Import the two files as a new snapshot under a folder."""
    desk = Desk(root)
    for name, text in zip(("people.csv", "visits.csv"), files, strict=True):
        desk.file(name, text)
    desk.load(desk.files, DICTIONARY)
    return Snapshots(desk.folder, KEY)


def _nothing(plan: Plan, snapshot: Snapshot, charge: Charge) -> None:
    """What happens at a read that nobody disturbs."""


class WatchedEngine(DuckDBEngine):
    """The real engine; `on_read` is called first, with the charge in hand."""

    def __init__(self, snapshots: Snapshots) -> None:
        super().__init__(snapshots)
        self.reads = 0
        self.on_read: Callable[[Plan, Snapshot, Charge], None] = _nothing

    def aggregate(self, plan: Plan, snapshot: Snapshot, charge: Charge) -> tuple[Vector, ...]:
        self.reads += 1
        self.on_read(plan, snapshot, charge)
        return super().aggregate(plan, snapshot, charge)

    def membership(self, plan: Plan, snapshot: Snapshot, charge: Charge) -> Membership:
        self.reads += 1
        self.on_read(plan, snapshot, charge)
        return super().membership(plan, snapshot, charge)


def _policy() -> Policy:
    return Policy(
        modes=frozenset(Mode),
        scopes=frozenset(Scope),
        forbidden_fields=frozenset(),
        charged_rounds_per_question=2,
        longest_validity=timedelta(hours=24),
        query_cap=Loss.parse("2"),
        registry_cap=Loss.parse("6"),
        study_cap=Loss.parse("5"),
        analyst_cap=Loss.parse("4"),
        period_cap=None,
        period_days=30,
        hours=None,
        release_tick_ms=0,
        suppressed=SuppressedPolicy(
            rule=RULES["five"], questions=50, study_questions=40, unlisted_tables=True
        ),
    )


def the_study() -> Study:
    return Study(
        id=STUDY,
        title="Mood",
        purpose="to test",
        legal_basis="none",
        permit="none",
        readers="the tests",
        registry=DICTIONARY.name,
        dictionary=DICTIONARY.digest,
        statistics=frozenset(Kind),
        modes=frozenset(Mode),
        scopes=frozenset(Scope),
        fields=frozenset([EVERY]),
        analysts=frozenset([ADA, BOB]),
        centres=frozenset([CENTRE, OTHER]),
        quorum=1,
        min_centres=1,
        colluders=0,
        centres_per_person=1,
        review=Review.NONE,
        expires=NOW + timedelta(days=30),
        study_budget=None,
        analyst_budget=None,
        suppressed=SuppressedStudy(rule=RULES["five"], questions=30, tables=None),
    )


def the_roster() -> Roster:
    return Roster(
        consortium="test",
        version=1,
        expires=NOW + timedelta(days=60),
        centres={
            one: Centre(id=one, institution=one.text, keys=keys_of(KEYS[ADA])) for one in (CENTRE, OTHER)
        },
        analysts={who: Analyst(id=who, institution=who.text, keys=keys_of(KEYS[who])) for who in (ADA, BOB)},
        officers={},
    )


@dataclass(frozen=True, slots=True)
class Door:
    """A gate with the opening before it: an envelope in, and out what a node signs and seals."""

    gate: Gate
    centre: CentreId

    def answer(self, envelope: bytes) -> Answer:
        asked = self.gate.opened(envelope, Purpose.QUERY)
        if isinstance(asked, Refusal):
            return Answer(centre=self.centre, query_id=UNREAD, outcome=asked)
        return self.gate.answer(asked)

    def plan(self, envelope: bytes) -> Planned:
        asked = self.gate.opened(envelope, Purpose.PLAN)
        if isinstance(asked, Refusal):
            return Planned(centre=self.centre, query_id=UNREAD, outcome=asked)
        return self.gate.plan(asked)


@dataclass
class GateDesk:
    """One centre's gate; change `policy`, `study`, `roster` or `now` before asking."""

    folder: Path
    snapshots: Snapshots
    now: datetime = NOW
    policy: Policy = field(default_factory=_policy)
    study: Study = field(default_factory=the_study)
    roster: Roster = field(default_factory=the_roster)
    dictionary: Dictionary = DICTIONARY
    centre: CentreId = CENTRE

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.ledger = Ledger(self.ledger_path, lambda: self.now)
        self.engine = WatchedEngine(self.snapshots)
        self.pause = Pause(self.folder / FLAG)
        self.cohorts = Cohorts(self.folder / "cohorts.db", KEY)

    @property
    def ledger_path(self) -> Path:
        return self.folder / "ledger.sqlite"

    @property
    def rules(self) -> Rules:
        return Rules(
            centre=self.centre,
            roster=self.roster,
            studies={self.study.id: self.study},
            tables={self.study.id: tables_of(self.study, self.dictionary)},
            policy=self.policy,
            dictionary=self.dictionary,
            dictionary_text=b"",
        )

    @property
    def gate(self) -> Door:
        rules = self.rules
        return self.gate_under(lambda: rules)

    def gate_under(self, rules: Callable[[], Rules | NoRules]) -> Door:
        """A gate under other rules than the desk's, or under rules that change."""
        stores = Stores(
            snapshots=self.snapshots,
            ledger=self.ledger,
            engine=self.engine,
            tables=Tables(self.engine, self.cohorts),
            pause=self.pause,
        )
        return Door(Gate(rules, stores, lambda: self.now), self.centre)

    def terms(self, query: Query = COUNT, analyst: AnalystId = ADA) -> SignedTerms:
        """Fresh terms; `dataclasses.replace` makes the wrong ones."""
        return SignedTerms(
            query=query,
            query_id=QueryId.new(),
            study=STUDY,
            analyst=analyst,
            audience=(self.centre,),
            dictionary=self.dictionary.digest,
            not_after_ms=int((self.now + timedelta(hours=1)).timestamp() * 1000),
        )

    def envelope(self, query: Query = COUNT, analyst: AnalystId = ADA) -> bytes:
        return seal(self.terms(query, analyst), KEYS[analyst])

    def planned(self, query: Query = COUNT, analyst: AnalystId = ADA) -> Planned:
        return self.gate.plan(seal(self.terms(query, analyst), KEYS[analyst], Purpose.PLAN))

    def ask(self, query: Query = COUNT, analyst: AnalystId = ADA) -> Answer:
        return self.gate.answer(self.envelope(query, analyst))

    def granted(self, query: Query = COUNT, analyst: AnalystId = ADA) -> Granted:
        outcome = self.ask(query, analyst).outcome
        assert isinstance(outcome, Granted), outcome
        return outcome

    @property
    def spent(self) -> dict[tuple[str, str], Loss]:
        return self.ledger.spent()


def suppressed(statistic: Statistic, cohort: Cohort | None = None) -> Query:
    """A canonical question of mode `suppressed`."""
    terms = ReleaseTerms(mode=Mode.SUPPRESSED, scope=Scope.CENTRE, loss=Loss(0), delta=Decimal(0))
    return canonical(Query(statistic=statistic, cohort=cohort, release=terms), DICTIONARY)


def with_rho(query: Query, rho: str) -> Query:
    """The same question at another loss."""
    return replace(query, release=replace(query.release, loss=Loss.parse(rho)))


OTHER_DIGEST = Digest(bytes(32))
