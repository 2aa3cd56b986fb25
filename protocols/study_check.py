"""What is wrong with a study that can be read: beside a dictionary, a roster and the date. spec/study.md 4.

Pure. Its author, whoever signs it and the centres' officers all ask here, so that nobody approves what
a node could not obey, or obeys a name that means nobody.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime

from protocols.dictionary import Dictionary, FieldName
from protocols.documents import nearest
from protocols.errors import Problem, TextError
from protocols.queries import COUNTED, Mode
from protocols.roster import Roster
from protocols.studies import EVERY, Study
from protocols.study_reading import line_of
from protocols.study_tables import tables_of


def problems_of(
    study: Study, body: bytes, dictionary: Dictionary, roster: Roster, now: datetime
) -> tuple[Problem, ...]:
    """Say everything that is wrong, in the order of the lines; `body` is what the study was read from."""
    found = [
        *_of_time(study, now),
        *_of_lists(study),
        *_unknown("analysts", map(str, study.analysts), map(str, roster.analysts), "analyst of the roster"),
        *_unknown("centres", map(str, study.centres), map(str, roster.centres), "centre of the roster"),
        *_of_dictionary(study, dictionary),
    ]
    placed = (replace(problem, line=line_of(body, key)) for key, problem in found)
    return tuple(sorted(placed, key=lambda one: one.line))


_Found = Iterator[tuple[str, Problem]]


def _problem(key: str, what: str, next_step: str = "", where: str = "study") -> tuple[str, Problem]:
    return key, Problem(line=0, where=where, what=what, next_step=next_step)


def _of_time(study: Study, now: datetime) -> _Found:
    if now >= study.expires:
        yield _problem("expires", f"'expires' has passed: {study.expires:%Y-%m-%d %H:%M} UTC")


def _of_lists(study: Study) -> _Found:
    for key in ("statistics", "modes", "scopes", "fields", "analysts"):
        # A count needs no field: only the other lists allow nothing when they are empty.
        if key != "fields" and not getattr(study, key):
            yield _problem(key, f"{key!r} is empty: nothing could be asked")
    if study.modes == {Mode.SUPPRESSED} and study.statistics and not study.statistics & set(COUNTED):
        words = ", ".join(one.value for one in COUNTED)
        yield _problem("statistics", f"mode suppressed answers none of these statistics; it answers {words}")


def _unknown(key: str, wanted: Iterable[str], known: Iterable[str], what: str) -> _Found:
    names = sorted(known)
    for name in sorted(set(wanted) - set(names)):
        yield _problem(key, f"{key!r} names {name!r}, which is no {what}", nearest(name, names))


def _of_dictionary(study: Study, dictionary: Dictionary) -> _Found:
    if study.dictionary != dictionary.digest:
        what = f"'dictionary' names another one than that here, whose hash is {dictionary.digest}"
        yield _problem("dictionary", what, "write the study anew for the dictionary that the centres use")
        return
    if study.registry != dictionary.name:
        what = f"names the registry {study.registry!r}, and its dictionary is that of {dictionary.name!r}"
        yield _problem("registry", what)
    yield from _of_fields(study, dictionary)
    try:
        tables_of(study, dictionary)
    except TextError as error:
        for one in error.problems:
            yield "tables", one


def _of_fields(study: Study, dictionary: Dictionary) -> _Found:
    every = {str(FieldName(table.name, one.name)): one for table in dictionary.tables for one in table.fields}
    queryable = [name for name, one in every.items() if one.is_queryable]
    for name in sorted(study.fields - {EVERY}):
        if name not in every:
            # A bare name, or one of another table, is most likely that field.
            own = [one for one in queryable if one.partition(".")[2] == name.partition(".")[2]]
            advice = nearest(own[0] if own else name, queryable)
            yield _problem("fields", f"allows {name!r}, which is no field of the registry", advice)
        elif name not in queryable:
            what = f"allows {name!r}, which no question may name: its role is {every[name].role.value}"
            yield _problem("fields", what, "take it out")
