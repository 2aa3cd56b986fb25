"""The privacy officer's command for the file: `report`."""

import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from node.commands.officer import AUDIT_ADVICE, existing_ledger, no_ledger
from node.commands.opening import SNAPSHOTS, Json, rules_of, settings_of
from node.commands.periods import month_of
from node.commands.telling import events_read
from node.errors import NodeError, RulesError
from node.periods import Month, Period
from node.rules import Rules
from node.settings import Settings
from protocols.program import Exit, ProgramError, print_json

if TYPE_CHECKING:
    from node.monthly import Sources


def report(
    context: typer.Context,
    month: Annotated[
        str | None,
        typer.Option("--month", metavar="MONTH", help="Such as 2026-11; without, the last one over."),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Write the report as a page, FILE.html.")] = None,
    json: Json = False,
) -> None:
    """Report on one month: budgets, who asked, what left, what was refused, the audit, the papers.

    No number in it depends on a patient: not even the released ones are in it. The whole ledger is
    audited for it, which takes seconds.
    """
    from node.monthly import monthly_report

    settings = settings_of(context)
    rules = rules_of(settings)
    now = datetime.now(UTC)
    which = month_of(month, now.date())
    if out is not None:
        _check_page(out)
    tree = monthly_report(which, _sources(settings, rules, which), now)
    if out is not None:
        _write(out, tree, now)
    if json:
        print_json(tree)
    else:
        sys.stdout.write(_summary(tree, out))
    if not tree["audit"]["is_clean"]:
        raise typer.Exit(Exit.INTERNAL)


def _sources(settings: Settings, rules: Rules, month: Month) -> "Sources":
    from node.ledger.audit import audit
    from node.ledger.history import Wanted, history
    from node.ledger.second_opinion import second_opinion
    from node.ledger.sums import read_sums
    from node.monthly import Sources
    from node.papers import papers_of
    from node.snapshot_list import SnapshotList

    period = Period(since=month.previous.period.since, until=month.period.until)
    try:
        path = existing_ledger(settings) or no_ledger()
        findings = audit(path, events_read())
        listed = SnapshotList(settings.data / SNAPSHOTS)
        return Sources(
            rules=rules,
            papers=papers_of(settings, rules),
            sums=read_sums(path),
            entries=history(path, Wanted(period=period, everything=True), None),
            findings=findings,
            opinion=second_opinion(findings),
            snapshots=listed.lines() if listed.is_begun() else (),
        )
    except RulesError as error:
        raise ProgramError(Exit.WRONG_USE, "rules", str(error), "put the file back") from None
    except NodeError as error:
        raise ProgramError(Exit.INTERNAL, "ledger", str(error), AUDIT_ADVICE) from None


def _check_page(out: Path) -> None:
    """Refuse, before the audit, what is no page: a mistyped name must not overwrite another file."""
    if out.suffix != ".html":
        what = f"the report cannot be written to {out}: a page's name ends with .html"
        raise ProgramError(Exit.WRONG_USE, "out", what, "name it such as report.html")


def _write(out: Path, tree: dict[str, Any], now: datetime) -> None:
    from node.monthly_page import monthly_page

    page = monthly_page(tree, made_at=now, version=version("skerry"))
    try:
        out.write_text(page, encoding="utf-8")
    except OSError as error:
        what = f"the report cannot be written to {out} ({error.strerror})"
        raise ProgramError(Exit.WRONG_USE, "out", what, "name a file in a folder that is there") from None


def _summary(tree: dict[str, Any], out: Path | None) -> str:
    totals = tree["totals"]
    verdict = "everything fits" if tree["audit"]["is_clean"] else "; ".join(tree["audit"]["faults"][:3])
    parts = {
        "releases": "released",
        "asked again": "repeated",
        "refused": "refused",
        "withheld": "withheld",
        "failed": "failed",
    }
    counts = ", ".join(f"{totals[key]} {words}" for words, key in parts.items())
    lines = [
        f"{tree['centre']}, {tree['month']}: rho {totals['rho']} spent, {counts}",
        f"audit of {tree['audit']['size']} events: {verdict}",
        *(f"* {change}" for change in tree["changes"]),
        f"written to {out}" if out else "for the page: --out FILE.html",
    ]
    return "\n".join(lines) + "\n"
