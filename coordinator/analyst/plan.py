"""The plan of a question: what it would cost, leave and show, without asking it. protocols/spec/plans.md.

A plan is signed for its own purpose, so that nobody can ask it as a question; a node that answers it
reads no row, charges nothing and notes nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from coordinator.analyst.expectations import Expectation, ExpectedRow, expectation
from coordinator.analyst.profile import Profile
from coordinator.analyst.quotes import verified_quote
from coordinator.analyst.result import (
    Result,
    refusal_tree,
    release_tree,
    statistic_tree,
    unverifiable_tree,
)
from coordinator.analyst.unsealing import unsealed_quote
from coordinator.errors import UnverifiableError
from coordinator.estimators.table import json_code
from privacy.loss import Loss
from protocols.canonical import decimal_text
from protocols.dictionary import Dictionary
from protocols.envelope import Purpose, seal
from protocols.ids import CentreId
from protocols.link import Ask, CentreState, Progress
from protocols.precision import Precision
from protocols.queries import Mode, Query, SignedTerms
from protocols.query_text import Request
from protocols.refusals import Refusal
from protocols.releases import Quote

_SAID = Quote | Refusal | UnverifiableError | None
"""What a centre said to a plan; None for a centre that is not on the link."""


class PlanDesk(Protocol):
    """Whoever relays a plan to the centres and gives back what they say."""

    def plan(self, ask: Ask) -> Iterator[Progress]:
        """Relay a plan; give each centre's steps. Raises UnreachableError."""


@dataclass(frozen=True, kw_only=True)
class PlanReport:
    """What the centres said to a plan, and what is expected of the answer.

    `quotes` are of the centres that would answer; `offline` were not on the link, `late` silent.
    """

    request: Request
    dictionary: Dictionary
    audience: tuple[CentreId, ...]
    quotes: dict[CentreId, Quote]
    refused: dict[CentreId, Refusal]
    unverifiable: dict[CentreId, str]
    offline: tuple[CentreId, ...]
    late: tuple[CentreId, ...]
    expected: Expectation

    @property
    def quorum(self) -> int:
        """How many centres must answer."""
        return self.request.quorum or len(self.audience)

    @property
    def is_quorum_reached(self) -> bool:
        """Whether enough centres would answer now."""
        return len(self.quotes) >= self.quorum

    @property
    def is_refused(self) -> bool:
        """Whether the quorum would not be reached for the refusals: with those centres it would be."""
        refusals = len(self.refused) + len(self.unverifiable)
        return not self.is_quorum_reached and len(self.quotes) + refusals >= self.quorum

    @property
    def refusals(self) -> dict[str, dict[str, str]]:
        """Why each centre would refuse, and what the analyst can do about it, by its name."""
        refused = {str(centre): refusal_tree(one) for centre, one in self.refused.items()}
        return refused | {str(centre): unverifiable_tree(why) for centre, why in self.unverifiable.items()}

    def to_json(self) -> dict[str, Any]:
        """Give the `skerry.plan/1` object."""
        query = self.request.query
        return {
            "format": "skerry.plan/1",
            "study": str(self.request.study),
            "statistic": statistic_tree(query, self.dictionary),
            "release": {**release_tree(query), **_wanted(self.request.precision)},
            "centres": {str(centre): self._centre(centre) for centre in self.audience},
            "quorum": self.quorum,
            "would_answer": len(self.quotes),
            "is_quorum_reached": self.is_quorum_reached,
            "expected": {
                "confidence": self.request.precision.confidence,
                "rows": [_row(row) for row in self.expected.rows],
            },
            "assumptions": list(self.expected.assumptions),
        }

    def _centre(self, centre: CentreId) -> dict[str, Any]:
        if centre in self.quotes:
            return {"would": "answer", **_quote(self.quotes[centre], self.request.query, self.dictionary)}
        if str(centre) in self.refusals:
            return {"would": "refuse", **self.refusals[str(centre)]}
        return {"would": "offline" if centre in self.offline else "late"}


def _quote(quote: Quote, query: Query, dictionary: Dictionary) -> dict[str, Any]:
    return {
        "cost_rho": str(quote.cost),
        "cost_questions": int(query.release.mode is Mode.SUPPRESSED and not quote.is_repeat),
        "is_repeat": quote.is_repeat,
        "finer": None if quote.finer is None else statistic_tree(quote.finer, dictionary),
        "registry_left_rho": _left(quote.registry_left),
        "study_left_rho": _left(quote.study_left),
        "analyst_left_rho": _left(quote.analyst_left),
        "questions_left": quote.questions_left,
        "snapshot_at": quote.snapshot_at.isoformat(timespec="milliseconds"),
    }


def _left(loss: Loss | None) -> str | None:
    return None if loss is None else str(loss)


def _wanted(precision: Precision) -> dict[str, Any]:
    if precision.wanted is None:
        return {}
    return {"half_width": decimal_text(precision.wanted.value), "confidence": precision.confidence}


def _row(row: ExpectedRow) -> dict[str, Any]:
    return {
        **{name: json_code(code) for name, code in row.groups},
        "n": row.n,
        "half_width": row.half_width,
        "without_noise": row.without_noise,
    }


def plan_of(
    request: Request, terms: SignedTerms, profile: Profile, desk: PlanDesk, count: Result | None = None
) -> PlanReport:
    """Ask every centre of the terms what the question would cost; charge nothing.

    `count` is an earlier count of the question's groups. Raises UnreachableError, and TextError when
    the count does not match.
    """
    ask = Ask(
        envelope=seal(terms, profile.signing_key, Purpose.PLAN),
        audience=terms.audience,
        deadline_ms=int(profile.deadline_s * 1000),
    )
    said: dict[CentreId, _SAID] = {}
    for progress in desk.plan(ask):
        if progress.state is CentreState.ANSWERED and progress.centre in terms.audience:
            said[progress.centre] = _said(progress, terms, profile)
        elif progress.state is CentreState.OFFLINE:
            said[progress.centre] = None
    return _report(request, profile.dictionary, terms.audience, said, count)


def _said(progress: Progress, terms: SignedTerms, profile: Profile) -> _SAID:
    try:
        came = unsealed_quote(progress.answer, progress.centre, terms, profile.sealing_key)
        return verified_quote(came, progress.centre, terms, profile.roster, profile.dictionary)
    except UnverifiableError as error:
        return error


def _report(
    request: Request,
    dictionary: Dictionary,
    audience: tuple[CentreId, ...],
    said: dict[CentreId, _SAID],
    count: Result | None,
) -> PlanReport:
    # In the order of the audience, whatever the order of arrival.
    ordered = {centre: said[centre] for centre in audience if centre in said}
    quotes = {centre: one for centre, one in ordered.items() if isinstance(one, Quote)}
    return PlanReport(
        request=request,
        dictionary=dictionary,
        audience=audience,
        quotes=quotes,
        refused={centre: one for centre, one in ordered.items() if isinstance(one, Refusal)},
        unverifiable={c: str(one) for c, one in ordered.items() if isinstance(one, UnverifiableError)},
        offline=tuple(centre for centre, one in ordered.items() if one is None),
        late=tuple(centre for centre in audience if centre not in said),
        expected=expectation(request, dictionary, tuple(quotes), len(audience), count),
    )
