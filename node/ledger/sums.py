"""What is noted as spent, read for people: by scope, and by the day. Cheap, and checked cheaply.

A node keeps these sums in the same transactions as its events, and decides by them. Reading them does
not recount them: that is the audit's, which takes seconds where this takes milliseconds. What holds in
every ledger is checked, so that a sum that somebody changed alone is not shown as a budget:

* the days of an institution's analysts in a study add up to its sum, the institutions of a study to the
  study's, and the studies to the registry's;
* the last charge's event, which the tree holds, has the registry's sum;
* the events are as many as were written.
"""

import sqlite3
from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from node.errors import LedgerError
from node.ledger import events, log
from node.ledger.balances import Sum
from privacy.loss import Loss


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What one analyst spent within one study on one day, UTC."""

    day: date
    study: str
    analyst: str
    institution: str
    spent: Sum


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """What is spent, by scope (`registry`, `study`, `institution`) and name, and by the day, oldest first.

    An institution's name is `study/institution`.
    """

    by_scope: dict[tuple[str, str], Sum]
    days: tuple[Day, ...]

    def of(self, scope: tuple[str, str]) -> tuple[Day, ...]:
        """Give the days that belong to a scope."""
        match scope:
            case ("study", name):
                return tuple(one for one in self.days if one.study == name)
            case ("institution", name):
                return tuple(one for one in self.days if f"{one.study}/{one.institution}" == name)
            case _:
                return self.days


NOTHING = Sums(by_scope={}, days=())
"""The sums of a node that has no ledger yet."""


def read_sums(path: Path) -> Sums:
    """Read the sums of a ledger. Raises LedgerError when they cannot be read, or do not add up."""
    with log.Log(path).reading() as db:
        try:
            return _checked(_read(db), db)
        except sqlite3.Error as error:
            raise LedgerError(f"the ledger cannot be read ({error})") from None


def _read(db: sqlite3.Connection) -> Sums:
    by_scope, days = {}, []
    for scope, name, nano_rho, questions in db.execute("SELECT scope, name, nano_rho, questions FROM spent"):
        try:
            spent = Sum(loss=Loss(int(nano_rho)), questions=questions)
            if scope == "day":
                days.append(_day(name, spent))
            else:
                by_scope[scope, name] = spent
        except ValueError:
            raise LedgerError(f"what is noted as spent by {scope} {name[:200]!r} cannot be read") from None
    return Sums(by_scope=by_scope, days=tuple(sorted(days, key=lambda one: one.day)))


def _day(name: str, spent: Sum) -> Day:
    """Read the name of a day's sum. Raises ValueError."""
    day, study, analyst, institution = name.split("/", 3)
    return Day(
        day=date.fromisoformat(day), study=study, analyst=analyst, institution=institution, spent=spent
    )


def _checked(sums: Sums, db: sqlite3.Connection) -> Sums:
    parts: defaultdict[tuple[str, str], Sum] = defaultdict(Sum)
    for one in sums.days:
        parts["institution", f"{one.study}/{one.institution}"] += one.spent
    for (scope, name), spent in sums.by_scope.items():
        if scope == "institution":
            parts["study", name.partition("/")[0]] += spent
    expected = {scope: spent for scope, spent in sums.by_scope.items() if scope[0] != "registry"}
    if expected != dict(parts):
        wrong = min(key for key in expected.keys() | parts.keys() if expected.get(key) != parts.get(key))
        raise LedgerError(f"the ledger does not add up: the parts of {wrong[0]} {wrong[1]!r} are another sum")
    if _total(sums, "registry") != _total(sums, "study"):
        raise LedgerError("the ledger does not add up: the studies' sums are not the registry's")
    last = db.execute("SELECT leaf FROM event WHERE seq = (SELECT max(seq) FROM charge)").fetchone()
    if _total(sums, "registry") != (_said(last[0]) if last else Sum()):
        raise LedgerError("the ledger does not add up: the last charge's event has another sum")
    (written,) = db.execute("SELECT size FROM head").fetchone() or (0,)
    if (there := log.size_of(db)) != written:
        raise LedgerError(f"the ledger does not add up: {written} events were written, {there} are there")
    return sums


def _said(leaf: bytes) -> Sum:
    """Read the registry's sum from the event of a charge."""
    event = events.read_leaf(leaf)
    try:
        return Sum(loss=Loss(int(event["total_nano_rho"])), questions=int(event["total_questions"]))
    except (KeyError, ValueError, TypeError):
        raise LedgerError("the event of the last charge cannot be read") from None


def _total(sums: Sums, scope: str) -> Sum:
    return sum((one for (kind, _), one in sums.by_scope.items() if kind == scope), start=Sum())
