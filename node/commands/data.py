"""The custodian's commands about data: `import`."""

import json as json_text
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.commands.opening import (
    Json,
    check_not_lost,
    confirmed_dictionary_at,
    ledger_path,
    settings_of,
    snapshots_of,
)
from node.errors import NodeError
from node.settings import Settings
from protocols.clock import system_clock
from protocols.program import Exit, ProgramError, print_json

if TYPE_CHECKING:
    from node.importing.report import ImportReport


def import_command(
    context: typer.Context,
    source: Annotated[Path, typer.Argument(help="A CSV file, or a folder with one file a table.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, commit nothing.")] = False,
    json: Json = False,
) -> None:
    """Import a file or folder as the current snapshot, whole or not at all.

    Each row is checked against the dictionary; the reasons of rows that do not fit stay in a report
    at this node, as a page and as JSON. The same file again changes nothing. A running node answers
    from the new snapshot.
    """
    from node.errors import ImportRefused
    from node.importing.importer import import_snapshot
    from node.ledger.ledger import Ledger

    settings = settings_of(context)
    dictionary = confirmed_dictionary_at(settings.dictionary)
    snapshots = snapshots_of(settings)
    try:
        check_not_lost(settings)
        settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        Ledger(ledger_path(settings), system_clock).spent()  # made before the first snapshot
    except NodeError as error:
        raise ProgramError(Exit.INTERNAL, "ledger", str(error), "run: skerry-node audit") from None
    try:
        report = import_snapshot(
            source,
            dictionary=dictionary,
            snapshots=snapshots,
            rows_are_patients=settings.rows_are_patients,
            dry_run=dry_run,
            progress=lambda line: typer.echo(line, err=True),
            now=datetime.now(UTC),
        )
    except ImportRefused as error:
        page = _keep_report(settings, error.report)
        has_rows = any(one.row is not None for table in error.report.tables for one in table.findings)
        see = f"every row's reason is in {page}" if has_rows else f"the report is {page}"
        advice = f"{error.next_step}; {see}" if error.next_step else see
        raise ProgramError(
            Exit.WRONG_USE, "import_refused", error.what, advice, report=error.report.to_json()
        ) from None
    page = _keep_report(settings, report)
    if json:
        print_json(report.to_json() | {"page": str(page)})
    else:
        sys.stdout.write(f"{report.summary}\nreport: {page}\n")


def _keep_report(settings: Settings, report: "ImportReport") -> Path:
    """Keep an import's report at the node, as JSON and as a page; it never leaves it. Give the page."""
    from node.importing.page import report_page

    folder = settings.data / "imports"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    made_at = datetime.now(UTC)
    kept = folder / f"{made_at:%Y%m%dT%H%M%S.%fZ}.json"
    page = kept.with_suffix(".html")
    _write_private(kept, json_text.dumps(report.to_json(), indent=1))
    _write_private(page, report_page(report, made_at=made_at, version=version("skerry")))
    return page


def _write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
