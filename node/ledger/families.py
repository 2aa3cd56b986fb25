"""Which paid questions are looked at for a roll-up: an index, so that few are. spec/ledger.md 2. Pure.

A finer question asks of the same cohort, or of one that lacks some of the asked one's conditions
(`protocols/roll_up.py`). So each paid question is filed under its family and its own conditions, and is
looked for under those of the asked one and under what is left when up to three are taken away: as many
as fields that a question may group by. One that lacks more is not found, and is paid for.
"""

from itertools import combinations

from protocols.canonical import sha256
from protocols.codec.queries import encode_cohort
from protocols.ids import Digest
from protocols.queries import MAX_BY, All, Query
from protocols.roll_up import family_of

MOST_NAMES = 64
"""A question of many conditions is looked for under so many names at most."""


def family_name(query: Query) -> Digest:
    """Give the name that a question is filed under."""
    return _name(family_of(query), _conditions(query))


def finer_names(query: Query) -> tuple[Digest, ...]:
    """Give the names that a question which contains this one's answer may be filed under; its own first."""
    family, conditions = family_of(query), _conditions(query)
    names = [_name(family, conditions)]
    for removed in range(1, min(MAX_BY, len(conditions)) + 1):
        fewer = list(combinations(conditions, len(conditions) - removed))
        if len(names) + len(fewer) > MOST_NAMES:
            break
        names += [_name(family, kept) for kept in fewer]
    return tuple(names)


def _conditions(query: Query) -> tuple[bytes, ...]:
    """Give the conditions that must all hold, as bytes, in order."""
    cohort = query.cohort
    parts = () if cohort is None else cohort.parts if isinstance(cohort, All) else (cohort,)
    return tuple(sorted(encode_cohort(part) for part in parts))


def _name(family: Digest, conditions: tuple[bytes, ...]) -> Digest:
    return sha256("skerry/1 family and cohort", family.octets, *conditions)
