"""A desk at the port of plans: four centres of paper that sign what a test lets them say."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from coordinator.analyst.plan import PlanReport, plan_of
from coordinator.analyst.pricing import pricing_for
from coordinator.analyst.profile import Profile
from coordinator.analyst.result import Result
from privacy.loss import Loss
from protocols.answers import context_of, sealed_to, sign_planned
from protocols.envelope import Opened, Purpose, open_envelope
from protocols.ids import AnalystId, CentreId, QueryId
from protocols.link import Ask, CentreState, Progress
from protocols.queries import SignedTerms
from protocols.query_text import Request, request_from_tree
from protocols.refusals import Refusal, RefusalCode
from protocols.releases import Planned, Quote
from protocols.roster import Analyst, Centre, Roster
from tests.coordinator.results import heart
from tests.members import keys_of, sealing_of

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
ADA = AnalystId("ada")
CENTRES = tuple(CentreId(name) for name in ("cleveland", "hungary", "long-beach", "switzerland"))
KEYS = {name: Ed25519PrivateKey.from_private_bytes(str(name).encode().ljust(32)) for name in (ADA, *CENTRES)}
ROSTER = Roster(
    consortium="hearts",
    version=1,
    expires=datetime(2027, 1, 1, tzinfo=UTC),
    centres={one: Centre(id=one, institution=one.text, keys=keys_of(KEYS[one])) for one in CENTRES},
    analysts={ADA: Analyst(id=ADA, institution="Charite", keys=keys_of(KEYS[ADA]))},
    officers={},
)
PROFILE = Profile(
    analyst=ADA,
    target="127.0.0.1:1",
    dictionary=heart(),
    roster=ROSTER,
    signing_key=KEYS[ADA],
    sealing_key=sealing_of(KEYS[ADA]),
    tls_ca_pem=b"",
    tls_certificate_pem=b"",
    tls_key_pem=b"",
    centres=CENTRES,
    deadline_s=5,
    valid_hours=1,
)

Says = Callable[[CentreId, Opened], Planned] | CentreState


def quote(cost: str = "0.05", **changes: object) -> Quote:
    """A quote with something left of every budget."""
    whole = Quote(
        cost=Loss.parse(cost),
        is_repeat=False,
        registry_left=Loss.parse("2.95"),
        study_left=Loss.parse("0.95"),
        analyst_left=None,
        questions_left=None,
        snapshot_at=NOW,
    )
    return replace(whole, **changes)  # type: ignore[arg-type]


def repeat(**changes: object) -> Quote:
    """A quote for what was paid for before."""
    return quote(**{"cost": "0", "is_repeat": True, **changes})  # type: ignore[arg-type]


def says(outcome: Quote | Refusal, query_id: QueryId | None = None) -> Says:
    """A centre that says this, to the plan that it was asked or to another one."""
    return lambda centre, opened: Planned(
        centre=centre, query_id=query_id or opened.terms.query_id, outcome=outcome
    )


def refuses(code: RefusalCode, detail: str = "") -> Says:
    """A centre that would refuse."""
    return says(Refusal(code=code, detail=detail))


@dataclass
class PaperDesk:
    """Relays a plan to centres of paper; those that are not named quote the loss that is asked."""

    said: Mapping[str, Says] = field(default_factory=dict)
    asked: list[Ask] = field(default_factory=list)

    def plan(self, ask: Ask) -> Iterator[Progress]:
        self.asked.append(ask)
        opened = open_envelope(ask.envelope, ROSTER.analysts, Purpose.PLAN)
        # The last one asked is the first to answer.
        for centre in reversed(ask.audience):
            own = self.said.get(str(centre), says(quote(str(opened.terms.query.release.loss))))
            if isinstance(own, CentreState):
                yield Progress(centre=centre, state=own, answer=b"")
                continue
            yield Progress(centre=centre, state=CentreState.ASKED, answer=b"")
            signed = sign_planned(own(centre, opened), KEYS[centre])
            context = context_of(Purpose.PLAN, centre, ADA, opened.terms.query_id)
            answer = sealed_to(signed, keys_of(KEYS[ADA]).sealing, context)
            yield Progress(centre=centre, state=CentreState.ANSWERED, answer=answer)


def request(
    statistic: Mapping[str, object], cohort: Mapping[str, object] | None = None, **release: object
) -> Request:
    """A question to the heart registry, as the analyst's library reads it."""
    words = {"mode": "dp", "scope": "centre", **release}
    tree = {"study": "sandbox", "statistic": statistic, "cohort": cohort, "release": words}
    return request_from_tree(tree, heart(), pricing_for(len(CENTRES)))


def terms(asked: Request) -> SignedTerms:
    """The terms of a question to all four."""
    return SignedTerms(
        query=asked.query,
        query_id=QueryId.new(),
        study=asked.study,
        analyst=ADA,
        audience=CENTRES,
        dictionary=heart().digest,
        not_after_ms=int(NOW.timestamp() * 1000) + 60_000,
    )


def planned(asked: Request, count: Result | None = None, **said: Says) -> PlanReport:
    """The plan of a question; `said` is by centre, with _ for -."""
    desk = PaperDesk({name.replace("_", "-"): own for name, own in said.items()})
    return plan_of(asked, terms(asked), PROFILE, desk, count)
