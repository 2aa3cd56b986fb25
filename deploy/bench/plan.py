"""The plan of a query at the node, from envelope to quote, against compiling the same query."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deploy.bench.figures import Figure, paired_seconds
from deploy.bench.rows import DICTIONARY, write_rows
from node.cohorts import Cohorts
from node.engines.duckdb_engine import DuckDBEngine
from node.gate import Asked, Gate, Stores
from node.importing.importer import import_snapshot
from node.ledger.ledger import Ledger
from node.ledger.paid import MOST_COMPARED
from node.pause import FLAG, Pause
from node.plan import compile_plan
from node.policy import Policy
from node.rules import Rules
from node.snapshots import Snapshots
from node.tables import Tables
from protocols.dictionary_text import read_dictionary
from protocols.envelope import Purpose, seal
from protocols.ids import AnalystId, CentreId, QueryId, StudyId
from protocols.keys import PublicKeys, SealingSecret
from protocols.queries import Kind, Mode, Query, Scope, SignedTerms
from protocols.query_text import request_from_tree
from protocols.refusals import Refusal
from protocols.releases import Granted, Quote
from protocols.roster import Analyst, Centre, Roster
from protocols.studies import EVERY, Review, Study

_DICTIONARY = read_dictionary(DICTIONARY)
_CENTRE, _ANALYST, _STUDY = CentreId("bench"), AnalystId("bench"), StudyId("bench")
_LONG = timedelta(days=365)
_ROWS = 4_000


def _policy() -> Policy:
    return Policy(
        modes=frozenset([Mode.DP]),
        scopes=frozenset(Scope),
        forbidden_fields=frozenset(),
        charged_rounds_per_question=2,
        longest_validity=_LONG,
        query_cap=None,
        registry_cap=None,
        study_cap=None,
        analyst_cap=None,
        period_cap=None,
        period_days=30,
        hours=None,
        release_tick_ms=0,
    )


def _study(expires: datetime) -> Study:
    return Study(
        id=_STUDY,
        title="Bench",
        purpose="to measure",
        legal_basis="none",
        permit="none",
        readers="the bench",
        registry=_DICTIONARY.name,
        dictionary=_DICTIONARY.digest,
        statistics=frozenset(Kind),
        modes=frozenset([Mode.DP]),
        scopes=frozenset(Scope),
        fields=frozenset([EVERY]),
        analysts=frozenset([_ANALYST]),
        centres=frozenset([_CENTRE]),
        quorum=1,
        min_centres=1,
        colluders=0,
        centres_per_person=1,
        review=Review.NONE,
        expires=expires,
        study_budget=None,
        analyst_budget=None,
    )


def _rules(key: Ed25519PrivateKey) -> Rules:
    expires = datetime.now(UTC) + _LONG
    keys = PublicKeys(signing=key.public_key(), sealing=SealingSecret.generate().public)
    analyst = Analyst(id=_ANALYST, institution="bench", keys=keys)
    return Rules(
        centre=_CENTRE,
        roster=Roster(
            consortium="bench",
            version=1,
            expires=expires,
            centres={_CENTRE: Centre(id=_CENTRE, institution="bench", keys=keys)},
            analysts={_ANALYST: analyst},
            officers={},
        ),
        studies={_STUDY: _study(expires)},
        tables={_STUDY: None},
        policy=_policy(),
        dictionary=_DICTIONARY,
        dictionary_text=DICTIONARY,
    )


@contextmanager
def _gate(folder: Path, seed: int, key: Ed25519PrivateKey) -> Iterator[Gate]:
    csv = folder / "sessions.csv"
    write_rows(csv, _ROWS, seed)
    snapshots = Snapshots(folder / "snapshots", bytes(32))
    import_snapshot(
        csv,
        dictionary=_DICTIONARY,
        snapshots=snapshots,
        rows_are_patients=False,
        progress=lambda _: None,
        now=datetime.now(UTC),
    )
    engine = DuckDBEngine(snapshots)
    stores = Stores(
        snapshots=snapshots,
        ledger=Ledger(folder / "ledger.sqlite", lambda: datetime.now(UTC)),
        engine=engine,
        tables=Tables(engine, Cohorts(folder / "cohorts.db", bytes(32))),
        pause=Pause(folder / FLAG),
    )
    try:
        rules = _rules(key)
        yield Gate(lambda: rules, stores, lambda: datetime.now(UTC))
    finally:
        engine.close()


def _query(number: int) -> Query:
    """One of many questions of the same family, of which none contains another's answer."""
    tree = {
        "study": "bench",
        "statistic": {"kind": "mean", "variable": "dose", "by": ["arm"]},
        "cohort": {"field": "weight", "between": [30, Decimal(100) + Decimal(number) / 10]},
        "release": {"mode": "dp", "scope": "centre", "rho": "0.001"},
    }
    return request_from_tree(tree, _DICTIONARY).query


def _envelope(query: Query, key: Ed25519PrivateKey, purpose: Purpose) -> bytes:
    soon = datetime.now(UTC) + timedelta(hours=1)
    terms = SignedTerms(
        query=query,
        query_id=QueryId.new(),
        study=_STUDY,
        analyst=_ANALYST,
        audience=(_CENTRE,),
        dictionary=_DICTIONARY.digest,
        not_after_ms=int(soon.timestamp() * 1000),
    )
    return seal(terms, key, purpose)


def _opened(gate: Gate, envelope: bytes, purpose: Purpose) -> Asked:
    match gate.opened(envelope, purpose):
        case Asked() as asked:
            return asked
        case Refusal(code=code):
            raise RuntimeError(f"the bench's own envelope was refused: {code.word}")


def _check(outcome: Granted | Quote | Refusal) -> None:
    """A refusal would be quick, and measure nothing."""
    match outcome:
        case Refusal(code=code):
            raise RuntimeError(f"the bench's own question was refused: {code.word}")
        case _:
            return


def measure(seed: int, runs: int = 50) -> Figure:
    """Measure the plan of a grouped mean where as many paid answers are looked through as ever are."""
    key = Ed25519PrivateKey.generate()
    with tempfile.TemporaryDirectory() as name, _gate(Path(name), seed, key) as gate:
        for number in range(MOST_COMPARED):
            paid = _envelope(_query(number), key, Purpose.QUERY)
            _check(gate.answer(_opened(gate, paid, Purpose.QUERY)).outcome)
        asked = _query(MOST_COMPARED)
        envelope = _envelope(asked, key, Purpose.PLAN)
        _check(gate.plan(_opened(gate, envelope, Purpose.PLAN)).outcome)
        ours, compiling = paired_seconds(
            lambda: gate.plan(_opened(gate, envelope, Purpose.PLAN)),
            lambda: compile_plan(asked, _DICTIONARY),
            runs,
        )
    return Figure(
        name=f"plan of a query at the node, {MOST_COMPARED} paid answers looked through",
        value=ours * 1000,
        unit="ms",
        peer="compiling the query alone",
        peer_value=compiling * 1000,
        wanted="at most 30 ms",
        is_reached=ours <= 0.030,
    )
