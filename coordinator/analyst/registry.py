"""The analyst's view of the federation: describe it, and ask it. spec/queries.md, spec/link.md."""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

from coordinator.analyst.asked import Asked, Unverified, opened, opened_or_not
from coordinator.analyst.description import described
from coordinator.analyst.link import Desk
from coordinator.analyst.plan import PlanReport, plan_of
from coordinator.analyst.pricing import pricing_for
from coordinator.analyst.profile import Profile, load_profile
from coordinator.analyst.publishing import published, read_publication
from coordinator.analyst.result import Result, result_of
from coordinator.analyst.unsealing import unsealed_answer
from coordinator.analyst.verify import Verified, verified
from coordinator.errors import RefusedError, SettingsError, UnreachableError, UnverifiableError
from protocols.answers import Received
from protocols.clock import Clock, system_clock
from protocols.dictionary import Dictionary
from protocols.envelope import seal
from protocols.errors import Problem, TextError
from protocols.ids import CentreId, QueryId
from protocols.link import MOST_LISTED, Ask, CentreState, Listing, Progress
from protocols.queries import SignedTerms
from protocols.query_text import Request, read_request, request_from_tree
from protocols.refusals import Refusal

Watch = Callable[[Progress], None]


class Registry:
    """A connection to one federation, as one analyst."""

    def __init__(self, profile: Profile, clock: Clock = system_clock, desk: Desk | None = None) -> None:
        self._profile = profile
        self._clock = clock
        self._desk = desk or Desk(profile)

    def __enter__(self) -> Self:
        """Use the connection in a `with` block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._desk.close()

    @property
    def dictionary(self) -> Dictionary:
        """The registry's dictionary."""
        return self._profile.dictionary

    @property
    def deadline_s(self) -> float:
        """How long a question waits for answers."""
        return self._profile.deadline_s

    @property
    def centres(self) -> tuple[CentreId, ...]:
        """Who is asked."""
        return self._profile.centres

    def describe(self) -> dict[str, Any]:
        """Say what can be asked: fields, units, bounds, codes, and which centres hold them. No data.

        Raises UnreachableError.
        """
        return described(self._profile.dictionary, self._desk.describe().centres)

    def read(self, query: str | bytes | Path | Mapping[str, Any]) -> Request:
        """Read a query: a file, its text, or a mapping of the same shape. Raises TextError."""
        if isinstance(query, Path):
            query = query.read_bytes()
        if isinstance(query, str):
            query = query.encode()
        dictionary, pricing = self._profile.dictionary, pricing_for(len(self._profile.centres))
        request = (
            read_request(query, dictionary, pricing)
            if isinstance(query, bytes)
            else request_from_tree(query, dictionary, pricing)
        )
        self._check_quorum(request)
        return request

    def ask(
        self, query: str | bytes | Path | Mapping[str, Any], on_progress: Watch = lambda _: None
    ) -> Result:
        """Ask every centre, wait, verify, and combine.

        A centre that was away or late may still answer: `result` with the id of this result has it then.
        Raises TextError for a wrong query, AskError when the coordinator does not relay it,
        UnreachableError, and RefusedError when fewer centres answered than the quorum: its `result` has
        the answers that did come.
        """
        request = self.read(query)
        result = self._asked(request, on_progress)
        quorum = request.quorum or len(self._profile.centres)
        if len(result.answered) >= quorum:
            return result
        refusals = len(result.refused) + len(result.unverifiable)
        answered, centres = len(result.answered), len(self._profile.centres)
        raise RefusedError(
            f"{answered} of {centres} centres answered, and the quorum is {quorum}{_reasons(result)}",
            result,
            is_refusal=answered + refusals >= quorum,
        )

    def plan(
        self, query: str | bytes | Path | Mapping[str, Any] | Request, expected: Result | None = None
    ) -> PlanReport:
        """Say what a question would cost, leave and tell, at every centre; no data is read.

        `expected` is an earlier count of the question's groups, such as `result(query_id)` gives. Raises
        TextError for a wrong query or a count that does not match, and UnreachableError.
        """
        request = query if isinstance(query, Request) else self.read(query)
        return plan_of(request, self._terms(request), self._profile, self._desk, expected)

    def status(self, query_id: QueryId | str) -> Asked:
        """Say where each centre stands with a question of yours, by the id that its result shows.

        Raises UnknownQuestionError, UnverifiableError when the coordinator shows another question,
        WireError for a text that is no id, and UnreachableError.
        """
        wanted = QueryId.parse(query_id) if isinstance(query_id, str) else query_id
        kept = self._desk.status(wanted)
        if kept.query_id != wanted:
            raise UnverifiableError("the coordinator gave another question in place of this one")
        return opened(kept, self._profile)

    def result(self, query_id: QueryId | str) -> Result:
        """Fetch, verify and combine what centres have answered by now; it costs nothing.

        The quorum was for the asking: here is what there is, and `missing` names who is not there yet.
        Raises as `status` does, and SettingsError for a question of another dictionary.
        """
        terms = self._asked_before(query_id).terms
        outcomes = {one.centre: self._outcome(one, terms) for one in self._first_answers(terms)}
        return result_of(terms, self._profile.dictionary, outcomes)

    def publish(self, query_id: QueryId | str, title: str) -> bytes:
        """Sign what centres have answered to a question of yours, for everybody to check; it costs nothing.

        Raises as `result` does, and PublicationError when no centre has answered or the title is none.
        """
        asked = self._asked_before(query_id)
        answers = {
            one.centre: self._unsealed(one, asked.terms).signed
            for one in self._first_answers(asked.terms)
            if isinstance(self._outcome(one, asked.terms), Verified)
        }
        return published(self._profile, asked, answers, title, self._clock())

    def read_publication(self, octets: bytes) -> tuple[str, Result]:
        """Verify what somebody published; give its title, and the result computed anew.

        Raises PublicationError, and SettingsError for one of another dictionary. Asks nobody.
        """
        return read_publication(octets, self._profile.roster, self._profile.dictionary)

    def questions(
        self, limit: int = MOST_LISTED, before: QueryId | str | None = None
    ) -> list[Asked | Unverified]:
        """List your questions, newest first: at most `limit`, those asked before the question `before`.

        A question that does not bear your signature is given as such. Raises UnknownQuestionError for
        a `before` that is none of yours, WireError for a text that is no id, and UnreachableError.
        """
        last = QueryId.parse(before) if isinstance(before, str) else before
        listing = Listing(limit=limit, before=last)
        return [opened_or_not(kept, self._profile) for kept in self._desk.questions(listing)]

    def _check_quorum(self, request: Request) -> None:
        """Refuse a quorum of more centres than there are: it would spend at each of them, for nothing."""
        centres = len(self._profile.centres)
        if request.quorum is not None and request.quorum > centres:
            what = f"{request.quorum} centres cannot answer: the profile and the roster have {centres}"
            next_step = f"write quorum: {centres}, or leave it out"
            raise TextError([Problem(line=0, where="quorum", what=what, next_step=next_step)])

    def _asked(self, request: Request, on_progress: Watch) -> Result:
        terms = self._terms(request)
        ask = Ask(
            envelope=seal(terms, self._profile.signing_key),
            audience=terms.audience,
            deadline_ms=int(self._profile.deadline_s * 1000),
        )
        outcomes: dict[CentreId, Verified | Refusal | UnverifiableError] = {}
        try:
            for progress in self._desk.ask(ask):
                if progress.state is CentreState.ANSWERED and progress.centre in terms.audience:
                    outcomes[progress.centre] = self._outcome(progress, terms)
                on_progress(progress)
        except UnreachableError as error:
            # The question may be kept there: whoever has its id can fetch what was answered.
            raise UnreachableError(str(error), terms.query_id if self._desk.was_reached else None) from None
        return result_of(terms, self._profile.dictionary, outcomes)

    def _terms(self, request: Request) -> SignedTerms:
        not_after = self._clock() + timedelta(hours=self._profile.valid_hours)
        return SignedTerms(
            query=request.query,
            query_id=QueryId.new(),
            study=request.study,
            analyst=self._profile.analyst,
            audience=self._profile.centres,
            dictionary=self._profile.dictionary.digest,
            not_after_ms=int(not_after.timestamp() * 1000),
        )

    def _asked_before(self, query_id: QueryId | str) -> Asked:
        asked = self.status(query_id)
        if asked.terms.dictionary != self._profile.dictionary.digest:
            raise SettingsError(
                f"this was asked with another dictionary than your profile's: {asked.terms.dictionary}"
            )
        return asked

    def _first_answers(self, terms: SignedTerms) -> Iterator[Progress]:
        """Fetch what the coordinator keeps: one answer of each centre that was asked, the first."""
        seen: set[CentreId] = set()
        for one in self._desk.result(terms.query_id):
            if one.centre in terms.audience and one.centre not in seen:
                seen.add(one.centre)
                yield one

    def _unsealed(self, progress: Progress, terms: SignedTerms) -> Received:
        return unsealed_answer(progress.answer, progress.centre, terms, self._profile.sealing_key)

    def _outcome(self, progress: Progress, terms: SignedTerms) -> Verified | Refusal | UnverifiableError:
        try:
            profile, came = self._profile, self._unsealed(progress, terms)
            return verified(came, progress.centre, terms, profile.roster, profile.dictionary)
        except UnverifiableError as error:
            return error


def connect(profile: str | Path) -> Registry:
    """Connect as the analyst of a profile file. Raises SettingsError."""
    return Registry(load_profile(Path(profile)))


def _reasons(result: Result) -> str:
    """Say who did not answer and why, each reason once."""
    names: dict[str, list[str]] = {}
    for name, one in result.centres["refused"].items():
        names.setdefault(one["message"], []).append(name)
    if result.missing:
        names["missing"] = [str(centre) for centre in result.missing]
    said = "; ".join(f"{', '.join(who)}: {why}" for why, who in names.items())
    return f" ({said})" if said else ""
