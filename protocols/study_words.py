"""A study in plain language: for who proposes it, and for the officer who decides. spec/study.md 4. Pure.

Every key of a study has its sentence here, and a test holds that it stays so: what is not said to the
officer is not approved.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, assert_never

from privacy.accountant import DEFAULT_DELTA, epsilon_of, shown_epsilon
from privacy.disclosure import Rule
from privacy.loss import Loss
from protocols.dictionary import Dictionary, Field, FieldName
from protocols.queries import Mode, Scope
from protocols.roster import Roster
from protocols.studies import EVERY, Review, Study


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One thing that a study says: the key that says it, and the sentence."""

    section: str
    key: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Beside:
    """What a study is read beside."""

    dictionary: Dictionary
    roster: Roster


def statements(study: Study, dictionary: Dictionary, roster: Roster) -> tuple[Statement, ...]:
    """Say what a study would allow, key by key, in sections; names are those of roster and dictionary."""
    beside = _Beside(dictionary=dictionary, roster=roster)
    return tuple(
        Statement(section=section, key=key, words=words)
        for section, keys in _SECTIONS.items()
        for key, say in keys.items()
        for words in say(study, beside)
    )


def shown_loss(loss: Loss | None) -> str:
    """Write a budget as rho and as epsilon."""
    if loss is None:
        return "any amount: there is no limit"
    return f"rho {loss} (epsilon {shown_epsilon(epsilon_of(loss))} at delta {DEFAULT_DELTA:g})"


def shown_rule(rule: Rule) -> str:
    """Say what a small-number rule shows."""
    rounding = "not rounded" if rule.rounding == 1 else f"rounded to {rule.rounding}"
    return f"{rule.name} (counts of 1 to {rule.minimum - 1} patients are not shown, others are {rounding})"


def field_words(name: str, dictionary: Dictionary) -> str:
    """Name a field with its title and unit, where the dictionary has them."""
    table, _, own = name.partition(".")
    one = next((each.field(own) for each in dictionary.tables if each.name == table), None)
    # Without a title in the dictionary, a field's name stands as its title.
    parts = () if one is None else (one.title if one.title != own else "", one.unit)
    more = ", ".join(text for text in parts if text)
    return f"{name} ({more})" if more else name


def queryable_of(dictionary: Dictionary) -> dict[str, Field]:
    """Give every field that a question may name, as `table.field`."""
    return {
        str(FieldName(table.name, one.name)): one
        for table in dictionary.tables
        for one in table.fields
        if one.is_queryable
    }


def promise_of(mode: Mode) -> str:
    """Say what a mode promises to a patient: privacy/README.md."""
    match mode:
        case Mode.DP:
            return (
                "Mode dp, differential privacy: what leaves a centre says almost the same whether or not any"
                " one patient is in its data. How nearly the same is the budget, and the node refuses what"
                " would pass it. It hides a patient, not a centre's totals."
            )
        case Mode.SUPPRESSED:
            return (
                "Mode suppressed, which is no differential privacy: the centre shows counts of at least a"
                " minimum, hides the small ones and what they would follow from, and withholds a table that"
                " differs too little from an earlier one. That stops what is known to be done with such"
                " tables, and nothing else."
            )
        case _:
            assert_never(mode)


_Words = Callable[[Study, _Beside], Iterable[str]]


def _permit(study: Study, _: _Beside) -> Iterable[str]:
    is_none = study.permit.strip().casefold() == "none"
    yield "Permit: none; the study says that it has no permit." if is_none else f"Permit: {study.permit}"


def _dictionary(study: Study, beside: _Beside) -> Iterable[str]:
    is_same = study.dictionary == beside.dictionary.digest
    yield f"Data dictionary: {study.dictionary}, {'the one' if is_same else 'not the one'} in use here."


def _analysts(study: Study, beside: _Beside) -> Iterable[str]:
    for one in sorted(study.analysts):
        known = beside.roster.analysts.get(one)
        yield f"May ask: {one} ({known.institution if known else 'not in the roster'})."
    yield "Nobody else may ask." if study.analysts else "Nobody may ask."


def _centres(study: Study, beside: _Beside) -> Iterable[str]:
    for one in sorted(study.centres):
        known = beside.roster.centres.get(one)
        yield f"May be asked: {one} ({known.institution if known else 'not in the roster'})."


def _min_centres(study: Study, _: _Beside) -> Iterable[str]:
    least, all_of_them = study.min_centres, len(study.centres)
    yield f"A result needs {least} of the {all_of_them} centres at least: a question to fewer is refused."


def _colluders(study: Study, _: _Beside) -> Iterable[str]:
    if study.colluders == 0:
        yield "It is assumed that no centre works with the coordinator against the others."
    else:
        yield (
            f"Up to {study.colluders} of the centres may work with the coordinator against the others, and"
            " what is promised still holds."
        )


def _fields(study: Study, beside: _Beside) -> Iterable[str]:
    if study.fields == {EVERY}:
        yield "Questions may name every queryable field of the registry:"
        names = sorted(queryable_of(beside.dictionary))
    else:
        yield "Questions may name these fields and no other:" if study.fields else "No field may be named."
        names = sorted(study.fields)
    for name in names:
        yield f"Field {field_words(name, beside.dictionary)}."


def _modes(study: Study, _: _Beside) -> Iterable[str]:
    for one in sorted(study.modes, key=lambda mode: mode.value):
        yield promise_of(one)
    if not study.modes:
        yield "No mode is allowed: nothing could be asked."


def _scopes(study: Study, _: _Beside) -> Iterable[str]:
    for one in sorted(study.scopes, key=lambda scope: scope.value):
        match one:
            case Scope.CENTRE:
                yield "Scope centre: each centre's own answer leaves, with its full noise; who asks sees it."
            case _:
                assert_never(one)
    if not study.scopes:
        yield "No scope is allowed: nothing could be asked."


def _suppressed(study: Study, _: _Beside) -> Iterable[str]:
    one = study.suppressed
    if one is None:
        yield "No table of mode suppressed may be asked."
        return
    yield f"Mode suppressed wants no looser rule than {shown_rule(one.rule)}."
    yield f"Mode suppressed: {one.questions} questions at each centre at most."
    if one.tables is None:
        yield "Mode suppressed: any table may be asked, without a list."
    for text in one.tables or ():
        yield f"Mode suppressed, a table that may be asked: {text}"


def _review(study: Study, _: _Beside) -> Iterable[str]:
    match study.review:
        case Review.NONE:
            yield "Releases leave by themselves: no person looks at each of them first."
        case Review.ONE_PERSON | Review.TWO_PERSONS:
            who = "one person" if study.review is Review.ONE_PERSON else "two persons"
            yield (
                f"The study demands that {who} review each release before it leaves. This version cannot"
                " hold releases for that: no node obeys the study."
            )
        case _:
            assert_never(study.review)


def _begins(study: Study, _: _Beside) -> Iterable[str]:
    yield f"It begins on {study.begins:%Y-%m-%d %H:%M} UTC." if study.begins else "It begins at once."


def _per_person(study: Study, _: _Beside) -> Iterable[str]:
    r = study.centres_per_person
    if r == 1:
        yield "It is assumed that no person is treated at more than one of the centres."
    else:
        yield (
            f"One person may be treated at {r} of the centres, and then loses up to {r} times what she loses"
            " at one."
        )


_SECTIONS: Final[dict[str, dict[str, _Words]]] = {
    "The study": {
        "title": lambda study, _: [f"Title: {study.title}"],
        "id": lambda study, _: [f"Questions name it as {study.id}."],
        "purpose": lambda study, _: [f"Purpose: {study.purpose}"],
        "legal_basis": lambda study, _: [f"Legal basis: {study.legal_basis}"],
        "permit": _permit,
        "registry": lambda study, _: [f"Registry: {study.registry}"],
        "dictionary": _dictionary,
    },
    "Who": {
        "analysts": _analysts,
        "readers": lambda study, _: [f"Who sees the results: {study.readers}"],
        "centres": _centres,
        "min_centres": _min_centres,
        "quorum": lambda study, _: [
            f"Quorum: of the centres asked, {study.quorum} must answer; a question to fewer is refused."
        ],
        "colluders": _colluders,
    },
    "What": {
        "statistics": lambda study, _: [
            f"Statistics: {', '.join(sorted(one.value for one in study.statistics)) or 'none'}."
        ],
        "fields": _fields,
    },
    "How": {
        "modes": _modes,
        "scopes": _scopes,
        "suppressed": _suppressed,
        "review": _review,
    },
    "When": {
        "begins": _begins,
        "expires": lambda study, _: [f"It ends on {study.expires:%Y-%m-%d %H:%M} UTC."],
    },
    "At what loss": {
        "study_budget": lambda study, _: [
            f"All its questions together may lose, at each centre: {shown_loss(study.study_budget)}."
        ],
        "analyst_budget": lambda study, _: [
            f"The analysts of one institution may lose of that: {shown_loss(study.analyst_budget)}."
        ],
        "centres_per_person": _per_person,
    },
}
