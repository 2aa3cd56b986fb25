"""The custodian's commands about the data dictionary: `dictionary check` and `dictionary draft`."""

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.commands.opening import Json, dictionary_at
from node.errors import DraftRefused
from protocols.dictionary import Dictionary
from protocols.program import Exit, ProgramError, print_json

if TYPE_CHECKING:
    from node.drafting.draft import Draft

app = typer.Typer(help="The registry's data dictionary.", no_args_is_help=True)


@app.command("check")
def check(
    file: Annotated[Path, typer.Argument(help="The data dictionary, YAML or JSON.")],
    json: Json = False,
) -> None:
    """Say, line by line, what is wrong with a data dictionary; nothing is read but this file.

    A dictionary that is valid and holds bounds that nobody has confirmed cannot be used: each of them
    is listed, and the exit code is 2.
    """
    dictionary = dictionary_at(file)
    if json:
        print_json(_checked_json(dictionary))
    else:
        sys.stdout.write(_checked_text(file, dictionary))
    if dictionary.unconfirmed:
        raise typer.Exit(Exit.WRONG_USE)


def _numbers(dictionary: Dictionary) -> tuple[int, int]:
    """Count the fields, and those that may be asked about."""
    fields = [one for table in dictionary.tables for one in table.fields]
    return len(fields), sum(one.is_queryable for one in fields)


def _checked_json(dictionary: Dictionary) -> dict[str, object]:
    total, queryable = _numbers(dictionary)
    return {
        "format": "skerry.dictionary/1",
        "registry": dictionary.name,
        "dictionary": str(dictionary.digest),
        "tables": len(dictionary.tables),
        "fields": total,
        "queryable": queryable,
        "is_usable": not dictionary.unconfirmed,
        "unconfirmed": list(dictionary.unconfirmed),
    }


def _checked_text(file: Path, dictionary: Dictionary) -> str:
    total, queryable = _numbers(dictionary)
    tables = len(dictionary.tables)
    lines = [
        f"{file} is a valid dictionary: {tables} tables, {total} fields, {queryable} of them queryable",
        f"hash {dictionary.digest}",
    ]
    if dictionary.unconfirmed:
        lines.append("It cannot be used yet. Drafted from patients, and confirmed by nobody:")
        lines += [f"  {one}" for one in dictionary.unconfirmed]
        lines.append("For each: write what can be, not what was, and take its mark out of `drafted`.")
    return "\n".join(lines) + "\n"


@app.command("draft")
def draft_command(
    file: Annotated[Path, typer.Argument(help="The CSV file of one table.")],
    out: Annotated[Path, typer.Option("--out", help="Where to write the dictionary.")] = Path(
        "dictionary.yaml"
    ),
    no_header: Annotated[
        bool, typer.Option("--no-header", help="The first line is a patient, and names no columns.")
    ] = False,
    json: Json = False,
) -> None:
    """Draft a data dictionary from a CSV file, for a person to correct; it stays at this node.

    What was read from patients (ranges, code lists, the patient key) is marked as drafted, and refused
    by every node, import and query until a person has taken the mark out. An existing file is kept.
    """
    from node.drafting.draft import draft
    from node.drafting.text import dictionary_text

    _check_absent(out)
    try:
        drafted = draft(file, no_header=no_header)
    except DraftRefused as refusal:
        raise ProgramError(Exit.WRONG_USE, "no_draft", refusal.what, refusal.next_step) from None
    _write_new(out, dictionary_text(drafted))
    if json:
        print_json(drafted.to_json(out))
    else:
        sys.stdout.write(_drafted_text(out, drafted))


def _drafted_text(out: Path, drafted: "Draft") -> str:
    fields, marks = len(drafted.proposals), drafted.to_confirm
    lines = [
        f"wrote {out}: {fields} fields; {marks} parts of it were read from patients, and are marked",
        *(f"left out: column {one.column}: {one.why}" for one in drafted.left_out),
        f"correct it, take the marks out, and run: skerry-node dictionary check {out}",
    ]
    return "\n".join(lines) + "\n"


def _check_absent(out: Path) -> None:
    if os.path.lexists(out):
        advice = "name another file with --out, or move this one away"
        raise ProgramError(Exit.WRONG_USE, "exists", f"{out} is there already, and is kept", advice)


def _write_new(out: Path, text: str) -> None:
    """Write a new file, for this account only: what is in it came from patients."""
    try:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        _check_absent(out)
        raise
    except OSError as error:
        what = f"{out} cannot be written ({error.strerror})"
        raise ProgramError(Exit.WRONG_USE, "not_written", what, "name another file with --out") from None
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        with suppress(OSError):
            out.unlink()
        what = f"{out} cannot be written ({error.strerror})"
        raise ProgramError(Exit.INTERNAL, "not_written", what, "check the disk's room") from None
