"""How the next roster comes from the last: who enters, who leaves, until when. Pure. spec/roster.md 6.

A change gives a new roster, in which nobody stands twice; what would make it a wrong one is said with
the name of whoever is in the way.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from coordinator.consortium.errors import ConsortiumError
from coordinator.consortium.papers import Papers
from protocols.documents import nearest, shown
from protocols.roster import Analyst, Centre, Entry, Officer, Roster, Sort, sort_of


class Mark(Enum):
    """What became of an entry, as it is shown."""

    ENTERED = "+"
    LEFT = "-"
    CHANGED = "~"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One difference between two rosters: the entry as it is, or as it was when it left."""

    mark: Mark
    entry: Entry


def entries(roster: Roster) -> list[Entry]:
    """Give everybody: centres, officers, analysts, each in the order of their names."""
    everybody: list[Entry] = [*roster.centres.values(), *roster.officers.values(), *roster.analysts.values()]
    order = {sort: place for place, sort in enumerate(Sort)}
    return sorted(everybody, key=lambda one: (order[sort_of(one)], one.id.text))


def following(papers: Papers, expires: datetime) -> Roster:
    """Give the draft; where there is none yet, the last roster with the next version and a new expiry."""
    if papers.draft is not None:
        return papers.draft.roster
    if papers.held is None:
        return Roster(
            consortium=papers.root.consortium,
            version=1,
            expires=expires,
            centres={},
            analysts={},
            officers={},
        )
    last = papers.held.roster
    return replace(last, version=last.version + 1, expires=expires)


def joined(roster: Roster, entry: Entry) -> Roster:
    """Take somebody in. Raises ConsortiumError when somebody there is in the way."""
    for one in entries(roster):
        _check_beside(one, entry)
    match entry:
        case Centre():
            return replace(roster, centres={**roster.centres, entry.id: entry})
        case Analyst():
            return replace(roster, analysts={**roster.analysts, entry.id: entry})
        case Officer():
            if entry.centre not in roster.centres:
                raise _no_centre(roster, entry)
            return replace(roster, officers={**roster.officers, entry.id: entry})


def _check_beside(there: Entry, new: Entry) -> None:
    sort = sort_of(new).value
    if there == new:
        raise ConsortiumError(
            "is_there", f"the {sort} {there.id} is in the roster already", "nothing is to do"
        )
    # Names that differ in capitals only would be taken for each other.
    if sort_of(there) is sort_of(new) and there.id.text.casefold() == new.id.text.casefold():
        what = f"the name of the {sort} {new.id} is taken by another entry, {there.id}"
        advice = (
            f"let it choose another name; for new keys, first: skerry consortium remove {sort} {there.id}"
        )
        raise ConsortiumError("name_taken", what, advice)
    if isinstance(there, Centre) and isinstance(new, Centre) and _are_one(there, new):
        what = f"the institution {shown(new.institution)} has a centre already, {there.id}"
        raise ConsortiumError("institution_taken", what, "one legal institution has one entry")
    if shares_key(there, new):
        what = f"a key of the card is that of the {sort_of(there).value} {there.id} already"
        raise ConsortiumError("key_taken", what, "everybody has keys of their own: let them make new ones")


def _are_one(one: Centre, other: Centre) -> bool:
    return one.institution.casefold() == other.institution.casefold()


def shares_key(one: Entry, other: Entry) -> bool:
    """Whether two entries have any of their three keys in common."""
    return (
        one.keys.signing == other.keys.signing
        or one.keys.sealing.x25519 == other.keys.sealing.x25519
        or one.keys.sealing.mlkem768 == other.keys.sealing.mlkem768
    )


def _no_centre(roster: Roster, officer: Officer) -> ConsortiumError:
    what = f"the officer {officer.id} is of the centre {officer.centre}, which is not in the roster"
    advice = nearest(officer.centre.text, [one.text for one in roster.centres])
    return ConsortiumError(
        "no_centre", what, advice or "add the centre first: skerry consortium add-centre CARD"
    )


def left(roster: Roster, sort: Sort, name: str) -> tuple[Roster, tuple[Entry, ...]]:
    """Let somebody go, a centre with its officers; say who went. Raises ConsortiumError if not there."""
    there = [one for one in entries(roster) if sort_of(one) is sort]
    if name not in [one.id.text for one in there]:
        advice = nearest(name, [one.id.text for one in there]) or "see: skerry consortium show"
        raise ConsortiumError("not_there", f"the roster has no {sort.value} {shown(name)}", advice)
    gone = tuple(one for one in entries(roster) if _goes(one, sort, name))
    centres = {one.id for one in gone if isinstance(one, Centre)}
    officers = {one.id for one in gone if isinstance(one, Officer)}
    analysts = {one.id for one in gone if isinstance(one, Analyst)}
    return (
        replace(
            roster,
            centres={name: one for name, one in roster.centres.items() if name not in centres},
            officers={name: one for name, one in roster.officers.items() if name not in officers},
            analysts={name: one for name, one in roster.analysts.items() if name not in analysts},
        ),
        gone,
    )


def _goes(entry: Entry, sort: Sort, name: str) -> bool:
    if sort_of(entry) is sort and entry.id.text == name:
        return True
    return sort is Sort.CENTRE and isinstance(entry, Officer) and entry.centre.text == name


def changes(before: Roster | None, after: Roster) -> tuple[Change, ...]:
    """Say who entered, left and changed between two rosters."""
    old = {} if before is None else {(sort_of(one), one.id): one for one in entries(before)}
    new = {(sort_of(one), one.id): one for one in entries(after)}
    found = [Change(mark=Mark.ENTERED, entry=one) for key, one in new.items() if key not in old]
    found += [Change(mark=Mark.CHANGED, entry=one) for key, one in new.items() if old.get(key, one) != one]
    found += [Change(mark=Mark.LEFT, entry=one) for key, one in old.items() if key not in new]
    return tuple(found)
