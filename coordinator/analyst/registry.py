"""The analyst's view of the federation: describe it, and ask it. spec/queries.md, spec/link.md."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

from coordinator.analyst.link import Desk
from coordinator.analyst.profile import Profile, load_profile
from coordinator.analyst.result import Result
from coordinator.analyst.verify import Verified, verified
from coordinator.errors import RefusedError, UnverifiableError
from protocols.clock import Clock, system_clock
from protocols.dictionary import Dictionary, Field, code_text
from protocols.envelope import seal
from protocols.errors import Problem, TextError
from protocols.ids import CentreId, QueryId
from protocols.link import Ask, CentreState, Progress
from protocols.queries import SignedTerms
from protocols.query_text import Request, read_request, request_from_tree
from protocols.refusals import Refusal

Watch = Callable[[Progress], None]
_VALID_FOR = timedelta(minutes=15)


class Registry:
    """A connection to one federation, as one analyst."""

    def __init__(self, profile: Profile, clock: Clock = system_clock) -> None:
        self._profile = profile
        self._clock = clock
        self._desk = Desk(profile)

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

    def describe(self) -> dict[str, Any]:
        """Say what can be asked: fields, units, bounds, codes, and which centres hold them. No data.

        Raises UnreachableError.
        """
        dictionary = self._profile.dictionary
        statuses = self._desk.describe().centres
        holders = [str(one.centre) for one in statuses if one.dictionary == dictionary.digest]
        return {
            "format": "skerry.registry/1",
            "registry": dictionary.name,
            "title": dictionary.title,
            "dictionary": str(dictionary.digest),
            "fields": [
                _described(dictionary, table.name, one, holders)
                for table in dictionary.tables
                for one in table.fields
            ],
            "centres": [
                {
                    "centre": str(one.centre),
                    "is_online": one.is_online,
                    "has_this_dictionary": one.dictionary == dictionary.digest,
                    "snapshot_at": one.snapshot_at.isoformat(timespec="seconds") if one.snapshot_at else None,
                }
                for one in statuses
            ],
        }

    def read(self, query: str | bytes | Path | Mapping[str, Any]) -> Request:
        """Read a query: a file, its text, or a mapping of the same shape. Raises TextError."""
        if isinstance(query, Path):
            query = query.read_bytes()
        if isinstance(query, str):
            query = query.encode()
        request = (
            read_request(query, self._profile.dictionary)
            if isinstance(query, bytes)
            else request_from_tree(query, self._profile.dictionary)
        )
        self._check_quorum(request)
        return request

    def ask(
        self, query: str | bytes | Path | Mapping[str, Any], on_progress: Watch = lambda _: None
    ) -> Result:
        """Ask every centre, wait, verify, and combine.

        Raises TextError for a wrong query, UnreachableError, and RefusedError when fewer centres
        answered than the quorum: its `result` has the answers that did come.
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
        for progress in self._desk.ask(ask):
            if progress.state is CentreState.ANSWERED and progress.centre in terms.audience:
                outcomes[progress.centre] = self._outcome(progress, terms)
            on_progress(progress)
        return _result(terms, self._profile.dictionary, outcomes)

    def _terms(self, request: Request) -> SignedTerms:
        not_after = self._clock() + _VALID_FOR
        return SignedTerms(
            query=request.query,
            query_id=QueryId.new(),
            study=request.study,
            analyst=self._profile.analyst,
            audience=self._profile.centres,
            dictionary=self._profile.dictionary.digest,
            not_after_ms=int(not_after.timestamp() * 1000),
        )

    def _outcome(self, progress: Progress, terms: SignedTerms) -> Verified | Refusal | UnverifiableError:
        try:
            profile = self._profile
            return verified(progress.answer, progress.centre, terms, profile.roster, profile.dictionary)
        except UnverifiableError as error:
            return error


def _result(
    terms: SignedTerms,
    dictionary: Dictionary,
    outcomes: dict[CentreId, Verified | Refusal | UnverifiableError],
) -> Result:
    # In the order of the audience, whatever the order of arrival.
    ordered = {centre: outcomes[centre] for centre in terms.audience if centre in outcomes}
    return Result(
        query_id=terms.query_id,
        query=terms.query,
        dictionary=dictionary,
        answered={centre: one for centre, one in ordered.items() if isinstance(one, Verified)},
        missing=tuple(centre for centre in terms.audience if centre not in outcomes),
        refused={centre: one for centre, one in ordered.items() if isinstance(one, Refusal)},
        unverifiable={c: str(one) for c, one in ordered.items() if isinstance(one, UnverifiableError)},
    )


def _described(dictionary: Dictionary, table: str, one: Field, holders: list[str]) -> dict[str, Any]:
    bounds = one.numeric_range
    labels = {code_text(code): text for code, text in one.labels}
    return {
        "table": table,
        "field": one.name,
        "role": one.role.value,
        "type": one.type.value,
        "title": one.title,
        "unit": one.unit,
        "codes": [code_text(code) for code in one.codes],
        "labels": labels,
        "minimum": float(bounds.minimum) if bounds else None,
        "maximum": float(bounds.maximum) if bounds else None,
        "step": float(bounds.step) if bounds else None,
        "may_be_missing": not one.required,
        "rows_per_patient": dictionary.table(table).cap,
        "centres": holders,
    }


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
