"""The commands of `skerry-node`, for the custodian and the privacy officer."""

import asyncio
import fcntl
import json as json_text
import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from node.errors import LedgerError, NodeError, RulesError
from node.keys import NodeKeys, load_keys
from node.rules import Rules, load_dictionary, load_rules
from node.settings import Settings, load_settings
from privacy.loss import Loss
from protocols.clock import system_clock
from protocols.dictionary import Dictionary
from protocols.program import Exit, ProgramError, print_json
from protocols.program import run as run_program

if TYPE_CHECKING:
    from node.link import Transport

app = typer.Typer(
    help="A centre's node: keeps patients' data on site, answers within its policy, and accounts for it.",
    no_args_is_help=True,
    add_completion=False,
)
dictionary_app = typer.Typer(help="The registry's data dictionary.", no_args_is_help=True)
app.add_typer(dictionary_app, name="dictionary")

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]
_SETTINGS_ADVICE = "correct it, or name another settings file with: skerry-node --config FILE ..."


@app.callback()
def _programme(
    context: typer.Context,
    config: Annotated[Path, typer.Option("--config", help="The settings file (TOML).")] = Path("node.toml"),
) -> None:
    """Remember the settings file for the command that follows."""
    context.obj = config


def _settings(context: typer.Context) -> Settings:
    try:
        return load_settings(context.find_root().obj)
    except RulesError as error:
        raise ProgramError(Exit.WRONG_USE, "settings", str(error), _SETTINGS_ADVICE) from None


def _rules(settings: Settings) -> Rules:
    try:
        return load_rules(settings)
    except RulesError as error:
        advice = "the node obeys only files that verify; ask your officer or the consortium for the right one"
        raise ProgramError(Exit.WRONG_USE, "rules", str(error), advice) from None


def _certificate(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise RulesError(f"the certificate {path} cannot be read ({error.strerror})") from None


def ledger_path(settings: Settings) -> Path:
    """Say where a node's ledger is."""
    return settings.data / "ledger.db"


def _check_not_lost(settings: Settings) -> None:
    """Refuse a data folder whose ledger is gone: a new one would be a new budget for the same patients.

    An import makes the ledger before its first snapshot, so snapshots without one mean a loss.
    """
    path = ledger_path(settings)
    if not path.exists() and any((settings.data / "snapshots").glob("*.duckdb")):
        raise LedgerError(
            f"the ledger {path} is gone, and snapshots are there: nobody can say what was spent;"
            " put it back from a backup"
        )


@app.command()
def run(context: typer.Context) -> None:
    """Run the node until it is stopped (SIGTERM or Ctrl-C)."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    settings = _settings(context)
    rules = _rules(settings)
    try:
        keys = load_keys(settings.keys)
        transport = _transport(settings, keys)
        with _alone(settings.data):
            _check_not_lost(settings)
            asyncio.run(_serve(settings, rules, keys, transport))
    except RulesError as error:
        raise ProgramError(Exit.WRONG_USE, "settings", str(error), _SETTINGS_ADVICE) from None
    except NodeError as error:
        advice = "see the log, and run: skerry-node audit"
        raise ProgramError(Exit.INTERNAL, "node", str(error), advice) from None


@contextmanager
def _alone(data: Path) -> Iterator[None]:
    """Hold the node's folder: a second node would end the first one's stream, and that one's in turn."""
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(data / "run.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise RulesError(f"the data folder {data} cannot be used ({error.strerror})") from None
    try:
        _lock(descriptor, data)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, data: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        what = f"a node with the data folder {data} is running already"
        advice = "leave it: it answers from what you import meanwhile; or stop it first"
        raise ProgramError(Exit.WRONG_USE, "running", what, advice) from None


def _transport(settings: Settings, keys: NodeKeys) -> "Transport":
    from node.link import Transport

    return Transport(
        target=settings.coordinator,
        ca_pem=_certificate(settings.tls_ca),
        certificate_pem=_certificate(settings.tls_certificate),
        key_pem=keys.tls_pem,
    )


async def _serve(settings: Settings, rules: Rules, keys: NodeKeys, transport: "Transport") -> None:
    # Loaded here: the commands that only read need neither gRPC nor the engine.
    from node.agent import Agent, Introduction
    from node.engines.duckdb_engine import DuckDBEngine
    from node.gate import Gate, Stores
    from node.ledger.ledger import Ledger
    from node.snapshots import Snapshots

    snapshots = Snapshots(settings.data / "snapshots", keys.snapshots)
    snapshots.clear_spill()
    engine = DuckDBEngine(snapshots)
    ledger = Ledger(ledger_path(settings), system_clock)
    _check_registry(ledger.spent(), rules.dictionary, settings.data)  # makes the ledger, the first time
    _check_ledger(settings)
    stores = Stores(snapshots=snapshots, ledger=ledger, engine=engine)
    gate = Gate(rules, stores, system_clock)
    who = Introduction(
        centre=rules.centre,
        software=f"skerry {version('skerry')}",
        dictionary=rules.dictionary.digest,
        dictionary_text=rules.dictionary_text,
    )
    serving = asyncio.ensure_future(Agent(who, gate, snapshots, keys.identity).run(transport))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, serving.cancel)
    try:
        await serving
    except asyncio.CancelledError:
        logging.getLogger("skerry.node").info("event=stopped")
    finally:
        engine.close()


def _check_registry(spent: dict[tuple[str, str], Loss], dictionary: Dictionary, data: Path) -> None:
    """Refuse a registry by another name: the same patients would get a new budget for life."""
    for scope, name in spent:
        if scope == "registry" and name != dictionary.name:
            raise RulesError(
                f"the data folder {data} is that of the registry {name!r}, and the dictionary names"
                f" {dictionary.name!r}; name it as before, or give another registry a folder of its own"
            )


def _check_ledger(settings: Settings) -> None:
    """Refuse a ledger that does not add up, before a node connects or a budget is shown."""
    from node.ledger.audit import audit as audit_ledger

    findings = audit_ledger(ledger_path(settings))
    if not findings.is_clean:
        raise LedgerError(f"the ledger does not add up: {findings.faults[0]}")


@app.command("import")
def import_command(
    context: typer.Context,
    source: Annotated[Path, typer.Argument(help="A CSV file, or a folder with one file a table.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, commit nothing.")] = False,
    json: Json = False,
) -> None:
    """Import a file or folder as the current snapshot, whole or not at all.

    Each row is checked against the dictionary; the reasons of rows that do not fit stay in a report
    at this node. The same file again changes nothing. A running node answers from the new snapshot.
    """
    from node.errors import ImportRefused
    from node.importing.importer import import_snapshot
    from node.ledger.ledger import Ledger
    from node.snapshots import Snapshots

    settings = _settings(context)
    dictionary = _dictionary(settings.dictionary)
    try:
        snapshots = Snapshots(settings.data / "snapshots", load_keys(settings.keys).snapshots)
    except RulesError as error:
        raise ProgramError(Exit.WRONG_USE, "keys", str(error), _SETTINGS_ADVICE) from None
    try:
        _check_not_lost(settings)
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
        kept = _keep_report(settings, error.report.to_json())
        advice = f"{error.next_step}; every row's reason is in {kept}" if error.next_step else f"see {kept}"
        raise ProgramError(
            Exit.WRONG_USE, "import_refused", error.what, advice, report=error.report.to_json()
        ) from None
    _keep_report(settings, report.to_json())
    if json:
        print_json(report.to_json())
    else:
        sys.stdout.write(report.summary + "\n")


def _keep_report(settings: Settings, report: dict[str, object]) -> Path:
    """Keep an import's report at the node; it never leaves it."""
    folder = settings.data / "imports"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}.json"
    path.write_text(json_text.dumps(report, indent=1), encoding="utf-8")
    path.chmod(0o600)
    return path


def _dictionary(path: Path) -> Dictionary:
    try:
        return load_dictionary(path)[0]
    except RulesError as error:
        raise ProgramError(
            Exit.WRONG_USE, "dictionary", str(error), "the format is in protocols/spec/dictionary.md"
        ) from None


@dictionary_app.command("check")
def dictionary_check(
    file: Annotated[Path, typer.Argument(help="The data dictionary, YAML or JSON.")],
    json: Json = False,
) -> None:
    """Say, line by line, what is wrong with a data dictionary; nothing is read but this file."""
    dictionary = _dictionary(file)
    queryable = sum(one.is_queryable for table in dictionary.tables for one in table.fields)
    total = sum(len(table.fields) for table in dictionary.tables)
    if json:
        print_json(
            {
                "format": "skerry.dictionary/1",
                "registry": dictionary.name,
                "dictionary": str(dictionary.digest),
                "tables": len(dictionary.tables),
                "fields": total,
                "queryable": queryable,
            }
        )
    else:
        sys.stdout.write(
            f"{file} is a valid dictionary: {len(dictionary.tables)} tables, {total} fields,"
            f" {queryable} of them queryable\nhash {dictionary.digest}\n"
        )


@app.command()
def budget(context: typer.Context, json: Json = False) -> None:
    """Show what has been spent, and what is left, for the registry, each study and each analyst."""
    from node.ledger.budget import budget_report, show_budget
    from node.ledger.ledger import Ledger

    settings = _settings(context)
    rules = _rules(settings)
    path = ledger_path(settings)
    try:
        _check_not_lost(settings)
        if path.exists():
            _check_ledger(settings)
        # A node that has imported nothing has no ledger and has spent nothing; to look makes none.
        spent = Ledger(path, system_clock).spent() if path.exists() else {}
        report = budget_report(rules, spent)
    except NodeError as error:
        raise ProgramError(Exit.INTERNAL, "ledger", str(error), "run: skerry-node audit") from None
    if json:
        print_json(report)
    else:
        show_budget(report, Console())


@app.command()
def audit(context: typer.Context, json: Json = False) -> None:
    """Recount everything from the ledger's events, and say what does not fit."""
    from node.ledger.audit import audit as audit_ledger

    settings = _settings(context)
    try:
        findings = audit_ledger(ledger_path(settings))
    except NodeError as error:
        advice = "keep a copy of the file and ask for help"
        raise ProgramError(Exit.INTERNAL, "ledger", str(error), advice) from None
    if json:
        print_json(findings.to_json())
    else:
        events = ", ".join(f"{count} {kind}" for kind, count in sorted(findings.counts.items())) or "none"
        sys.stdout.write(f"{findings.size} events ({events})\nroot {findings.root}\n")
        sys.stdout.write("everything fits\n" if findings.is_clean else "\n".join(findings.faults) + "\n")
    if not findings.is_clean:
        raise typer.Exit(Exit.INTERNAL)


def main() -> None:
    """Run the program."""
    raise SystemExit(run_program(app, "skerry-node"))
