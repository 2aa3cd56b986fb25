"""What was asked before: opens what the coordinator keeps of a question. spec/store.md 4.

The coordinator may lie. An envelope counts when the analyst's own key of the roster signed it, under
the query id that was asked for; then its terms are what this analyst once asked. The states and times
are the coordinator's word, and are shown as no more.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from coordinator.analyst.profile import Profile
from coordinator.analyst.result import release_tree
from coordinator.errors import UnverifiableError
from protocols.codec.strict import time_of
from protocols.envelope import open_envelope
from protocols.errors import ProtocolError
from protocols.ids import CentreId, QueryId
from protocols.link import CentreState, KeptQuestion, Standing
from protocols.queries import SignedTerms


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question of this analyst, verified, and where the coordinator says that each centre stands."""

    terms: SignedTerms
    asked_at: datetime
    deadline_at: datetime
    standings: tuple[Standing, ...]

    @property
    def query_id(self) -> QueryId:
        """The id under which it was asked."""
        return self.terms.query_id

    @property
    def valid_until(self) -> datetime:
        """Until when a centre that was away may still answer."""
        return time_of(self.terms.not_after_ms)

    @property
    def answered(self) -> tuple[CentreId, ...]:
        """The centres whose answers the coordinator says it has."""
        return tuple(one.centre for one in self.standings if one.state is CentreState.ANSWERED)

    def to_json(self) -> dict[str, Any]:
        """Give the `skerry.status/1` object."""
        return {"format": "skerry.status/1", **self.entry()}

    def entry(self) -> dict[str, Any]:
        """Give what a list of questions has of this one."""
        statistic = self.terms.query.statistic
        return {
            "query_id": str(self.query_id),
            "study": str(self.terms.study),
            "dictionary": str(self.terms.dictionary),
            "statistic": {
                "kind": statistic.kind.value,
                "table": statistic.table,
                "variable": str(statistic.variable) if statistic.variable else None,
                "by": [str(name) for name in statistic.by],
            },
            "release": release_tree(self.terms.query),
            "asked_at": _shown(self.asked_at),
            "deadline_at": _shown(self.deadline_at),
            "valid_until": _shown(self.valid_until),
            "centres": {
                str(one.centre): {
                    "state": one.state.name.lower(),
                    "received_at": _shown(one.received_at) if one.received_at else None,
                }
                for one in self.standings
            },
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Unverified:
    """A question that does not bear this analyst's signature, as the coordinator names it."""

    query_id: QueryId
    asked_at: datetime
    why: str

    def entry(self) -> dict[str, Any]:
        """Give what a list of questions has of this one."""
        return {"query_id": str(self.query_id), "asked_at": _shown(self.asked_at), "unverifiable": self.why}


def opened_or_not(kept: KeptQuestion, profile: Profile) -> Asked | Unverified:
    """Verify one of a list, where a question that fails must not hide the others."""
    try:
        return opened(kept, profile)
    except UnverifiableError as error:
        return Unverified(query_id=kept.query_id, asked_at=kept.asked_at, why=str(error))


def opened(kept: KeptQuestion, profile: Profile) -> Asked:
    """Verify what the coordinator keeps under a query id. Raises UnverifiableError, with one sentence."""
    myself = {name: one for name, one in profile.roster.analysts.items() if name == profile.analyst}
    try:
        terms = open_envelope(kept.envelope, myself).terms
        time_of(terms.not_after_ms)
    except ProtocolError as error:
        raise UnverifiableError(f"the kept question does not bear your signature ({error})") from None
    if terms.query_id != kept.query_id:
        raise UnverifiableError("the coordinator gave another question of yours in place of this one")
    standings = {one.centre: one for one in kept.standings}
    if list(standings) != list(terms.audience) or len(standings) != len(kept.standings):
        raise UnverifiableError("the coordinator does not speak of the centres that you asked")
    return Asked(
        terms=terms,
        asked_at=kept.asked_at,
        deadline_at=kept.deadline_at,
        standings=tuple(standings.values()),
    )


def _shown(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
