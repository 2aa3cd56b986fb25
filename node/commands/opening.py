"""What the commands open: settings, rules, dictionary, keys, ledger; what is wrong ends the command.

Each opener turns its room's error into one sentence and what to do (spec/commands.md), so that the
commands hold no such table of their own.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.errors import LedgerError, RulesError
from node.keys import load_keys
from node.ledger.schema import is_begun
from node.rules import Rules, check_confirmed, load_dictionary, load_rules
from node.settings import Settings, load_settings
from node.snapshot_list import SnapshotList
from privacy.loss import Loss
from protocols.dictionary import Dictionary
from protocols.program import Exit, ProgramError

if TYPE_CHECKING:
    from node.snapshots import Snapshots

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]
SNAPSHOTS = "snapshots"
"""The folder of the snapshots in the data folder."""

SETTINGS_ADVICE = "correct it, or name another settings file with: skerry-node --config FILE ..."


def settings_of(context: typer.Context) -> Settings:
    """Read the settings file that the command line names. Raises ProgramError."""
    try:
        return load_settings(context.find_root().obj)
    except RulesError as error:
        raise _ended("settings", error, SETTINGS_ADVICE) from None


def rules_of(settings: Settings) -> Rules:
    """Read and verify what the node obeys. Raises ProgramError."""
    try:
        return load_rules(settings)
    except RulesError as error:
        advice = "the node obeys only files that verify; ask your officer or the consortium for the right one"
        raise _ended("rules", error, advice) from None


def dictionary_at(path: Path) -> Dictionary:
    """Read a data dictionary, perhaps one that nobody has confirmed. Raises ProgramError."""
    try:
        return load_dictionary(path)[0]
    except RulesError as error:
        raise _ended("dictionary", error) from None


def confirmed_dictionary_at(path: Path) -> Dictionary:
    """Read a data dictionary of which nothing is drafted. Raises ProgramError."""
    dictionary = dictionary_at(path)
    try:
        check_confirmed(dictionary, path)
    except RulesError as error:
        raise _ended("draft", error) from None
    return dictionary


def _ended(code: str, error: RulesError, advice: str = "") -> ProgramError:
    """Make the end of a command of what is wrong with a paper."""
    next_step = error.next_step or advice
    return ProgramError(Exit.WRONG_USE, code, str(error), next_step, problems=error.problems)


def shown_time(text: str | None) -> str:
    """Write an ISO time as people read it, to the minute, UTC."""
    return "unknown" if text is None else f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def snapshots_of(settings: Settings) -> "Snapshots":
    """Open the node's snapshots; nothing is touched yet but the key. Raises ProgramError."""
    from node.snapshots import Snapshots

    try:
        return Snapshots(settings.data / SNAPSHOTS, load_keys(settings.keys).snapshots)
    except RulesError as error:
        raise ProgramError(Exit.WRONG_USE, "keys", str(error), SETTINGS_ADVICE) from None


def ledger_path(settings: Settings) -> Path:
    """Say where a node's ledger is."""
    return settings.data / "ledger.db"


def check_not_lost(settings: Settings) -> None:
    """Refuse a data folder whose ledger is gone: a new one would be a new budget for the same patients.

    An import makes the ledger before its first snapshot, so a list of snapshots without one means a loss,
    also where all of them are erased. A file that holds no ledger would become a new one.
    """
    path = ledger_path(settings)
    if not is_begun(path) and SnapshotList(settings.data / SNAPSHOTS).is_begun():
        lost = f"{path} holds no ledger" if path.exists() else f"the ledger {path} is gone"
        raise LedgerError(
            f"{lost}, and snapshots are there: nobody can say what was spent; put it back from a backup"
        )


def check_registry(spent: dict[tuple[str, str], Loss], dictionary: Dictionary, data: Path) -> None:
    """Refuse a registry by another name: the same patients would get a new budget for life."""
    for scope, name in spent:
        if scope == "registry" and name != dictionary.name:
            raise RulesError(
                f"the data folder {data} is that of the registry {name!r}, and the dictionary names"
                f" {dictionary.name!r}; name it as before, or give another registry a folder of its own"
            )


def check_ledger(settings: Settings) -> None:
    """Refuse a ledger that does not add up, before a node connects or a budget is shown."""
    from node.ledger.audit import audit as audit_ledger

    findings = audit_ledger(ledger_path(settings))
    if not findings.is_clean:
        raise LedgerError(f"the ledger does not add up: {findings.faults[0]}")
