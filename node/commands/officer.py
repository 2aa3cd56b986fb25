"""The privacy officer's commands about the budget: `budget` and `audit`."""

import sys
from datetime import UTC, date, datetime
from enum import Enum
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from node.commands.opening import Json, check_not_lost, ledger_path, rules_of, settings_of
from node.commands.periods import Since, Until, period_of
from node.commands.telling import events_read
from node.errors import NodeError
from node.settings import Settings
from protocols.program import Exit, ProgramError, print_json

AUDIT_ADVICE = "run: skerry-node audit"


class By(Enum):
    """How a budget may be listed."""

    MONTH = "month"


def budget(
    context: typer.Context,
    by: Annotated[By | None, typer.Option("--by", help="List what was spent by the month, too.")] = None,
    since: Since = None,
    until: Until = None,
    json: Json = False,
) -> None:
    """Show what has been spent, what is left and how long it lasts, by registry, study and analyst.

    How long is what would be at the rate of the last 30 or 90 days, and nothing more. The sums are those
    by which the node decides; they are checked against each other. To recount them: skerry-node audit.
    """
    from node.ledger.budget import budget_report
    from node.ledger.budget_table import show_budget
    from node.ledger.sums import NOTHING, read_sums

    settings = settings_of(context)
    rules = rules_of(settings)
    period = period_of(since, until)
    try:
        path = existing_ledger(settings)
        sums = read_sums(path) if path else NOTHING
    except NodeError as error:
        raise ProgramError(Exit.INTERNAL, "ledger", str(error), AUDIT_ADVICE) from None
    report = budget_report(rules, sums, today(), period=period, by_month=by is By.MONTH)
    if json:
        print_json(report)
    else:
        show_budget(report, Console())


def today() -> date:
    """Give the day, UTC, as the ledger counts days."""
    return datetime.now(UTC).date()


def existing_ledger(settings: Settings) -> Path | None:
    """Give the ledger's file. A node that has imported nothing has none, and to look makes none.

    Raises LedgerError when it is lost.
    """
    check_not_lost(settings)
    path = ledger_path(settings)
    return path if path.exists() else None


def no_ledger() -> NoReturn:
    """End a command that has nothing to look at. Raises ProgramError."""
    what = "there is no ledger yet: nothing was imported, and nothing asked"
    raise ProgramError(Exit.WRONG_USE, "ledger", what, "import first: skerry-node import SOURCE")


def audit(context: typer.Context, json: Json = False) -> None:
    """Recount everything from the ledger's events, have it counted a second time, and say what differs.

    The second accountant is Google's dp-accounting: another program, another definition, the same events.
    """
    from node.ledger.audit import audit as audit_ledger
    from node.ledger.second_opinion import second_opinion, verdict
    from privacy.accountant import shown_epsilon

    settings = settings_of(context)
    try:
        path = existing_ledger(settings) or no_ledger()
        findings = audit_ledger(path, events_read())
    except NodeError as error:
        advice = "keep a copy of the file and ask for help"
        raise ProgramError(Exit.INTERNAL, "ledger", str(error), advice) from None
    tree = verdict(findings, second_opinion(findings))
    if json:
        print_json(tree)
    else:
        events = ", ".join(f"{count} {kind}" for kind, count in sorted(findings.counts.items())) or "none"
        sys.stdout.write(
            f"{findings.size} events ({events})\nroot {findings.root}\n"
            f"charged rho {findings.charged}: epsilon {shown_epsilon(tree['epsilon'])} at delta"
            f" {tree['delta']:g}, by {tree['accountant']} {shown_epsilon(tree['second_epsilon'])}\n"
        )
        sys.stdout.write("everything fits\n" if tree["is_clean"] else "\n".join(tree["faults"]) + "\n")
    if not tree["is_clean"]:
        raise typer.Exit(Exit.INTERNAL)
