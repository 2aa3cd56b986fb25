"""The monthly report for the privacy officer: what was spent, what left, what was refused, what holds.

It is made of the ledger, the papers in force and the list of snapshots. No number in it depends on a
patient: it has losses, counts of questions and dates, and not even the released numbers.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from node.ledger.audit import Findings
from node.ledger.budget import budget_report
from node.ledger.history import Entry, Outcome
from node.ledger.second_opinion import Opinion, verdict
from node.ledger.sums import Sums
from node.papers import Papers
from node.periods import Month
from node.rules import Rules
from node.snapshot_list import Line
from privacy.loss import ZERO

_SOON = timedelta(days=60)
"""A paper that expires within so many days is named."""

_WORDS = {
    Outcome.RELEASED: "releases",
    Outcome.REPEATED: "repeats",
    Outcome.REFUSED: "refusals",
    Outcome.FAILED: "answers that failed",
    Outcome.WITHHELD: "answers withheld",
    Outcome.OPEN: "charges without an answer yet",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What a report is made of. `entries` are those of the month and of the month before."""

    rules: Rules
    papers: Papers
    sums: Sums
    entries: tuple[Entry, ...]
    findings: Findings
    opinion: Opinion
    snapshots: tuple[Line, ...]


def monthly_report(month: Month, sources: Sources, now: datetime) -> dict[str, Any]:
    """Give the `skerry.report/1` object."""
    rules = sources.rules
    entries = [one for one in sources.entries if month.period.holds(one.at.date())]
    before = [one for one in sources.entries if month.previous.period.holds(one.at.date())]
    budget = budget_report(rules, sources.sums, now.astimezone(UTC).date(), period=month.period)
    return {
        "format": "skerry.report/1",
        "centre": str(rules.centre),
        "registry": rules.dictionary.name,
        "dictionary": str(rules.dictionary.digest),
        "month": str(month),
        "made_at": now.astimezone(UTC).isoformat(timespec="seconds"),
        "delta": budget["delta"],
        "is_over": now.astimezone(UTC).date() > (month.period.until or date.max),
        "totals": _totals(entries),
        "totals_before": _totals(before),
        "changes": _changes(month, entries, before, sources),
        "budgets": budget["budgets"],
        "spends": _spends(entries),
        "releases": [one.to_json() for one in entries if one.outcome is Outcome.RELEASED],
        "refusals": dict(Counter(one.code for one in entries if one.code).most_common()),
        "snapshots": _snapshots(month, sources.snapshots),
        "audit": verdict(sources.findings, sources.opinion),
        "papers": sources.papers.to_json(),
    }


def _totals(entries: Iterable[Entry]) -> dict[str, Any]:
    entries = tuple(entries)
    counts = Counter(one.outcome for one in entries)
    loss = sum((one.cost for one in entries), start=ZERO)
    questions = sum(one.mode == "suppressed" and one.of == one.seq for one in entries)
    return {"rho": str(loss), "questions": questions} | {one.value: counts[one] for one in Outcome}


def _spends(entries: Iterable[Entry]) -> list[dict[str, Any]]:
    """Give what each analyst did within each study."""
    by_analyst: dict[tuple[str, str], list[Entry]] = {}
    for one in entries:
        by_analyst.setdefault((one.study, one.analyst), []).append(one)
    return [
        {"study": study, "analyst": analyst, **_totals(those)}
        for (study, analyst), those in sorted(by_analyst.items())
    ]


def _snapshots(month: Month, lines: Iterable[Line]) -> list[dict[str, Any]]:
    """Give what happened to snapshots in the month: their random ids and dates, nothing else."""
    happened = (
        (at, what, line)
        for line in lines
        for at, what in (
            (line.committed_at, "imported"),
            (line.retired_at, "retired"),
            (line.erased_at, "erased"),
        )
        if at is not None and month.period.holds(at.date())
    )
    return [
        {"at": at.isoformat(), "what": what, "snapshot": str(line.id)}
        for at, what, line in sorted(happened, key=lambda one: one[0])
    ]


def _changes(month: Month, entries: list[Entry], before: list[Entry], sources: Sources) -> list[str]:
    """Say in sentences what is other than in the month before."""
    here, there = _totals(entries), _totals(before)
    changes = []
    if here["rho"] != there["rho"]:
        changes.append(f"rho {here['rho']} was spent, after {there['rho']} in the month before")
    for outcome, words in _WORDS.items():
        if here[outcome.value] != there[outcome.value]:
            changes.append(f"{words}: {here[outcome.value]}, after {there[outcome.value]}")
    known = {(one.study, one.analyst) for one in sources.sums.days if one.day < month.first}
    first = {(one.study, one.analyst) for one in entries if one.of == one.seq} - known
    changes += [f"{analyst} spent in study {study} for the first time" for study, analyst in sorted(first)]
    return changes + _expiring(month, sources.rules)


def _expiring(month: Month, rules: Rules) -> list[str]:
    """Name the papers that have expired, or will within sixty days of the month's end."""
    end = (month.period.until or month.first) + timedelta(days=1)
    papers = [("the roster", rules.roster.expires)]
    papers += [(f"study {one.id}", one.expires) for one in rules.studies.values()]
    return [
        f"{name} {'expired' if at.date() < end else 'expires'} on {at.date()}"
        for name, at in papers
        if month.first <= at.date() < end + _SOON
    ]
