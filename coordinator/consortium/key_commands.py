"""The command by which an analyst or an officer begins: `skerry keys init`."""

import sys
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from coordinator.consortium.errors import ConsortiumError
from coordinator.consortium.files import write_set
from coordinator.consortium.key_sets import CARD, KeySet, analyst_set, officer_set
from coordinator.consortium.roster_commands import Json, ended
from coordinator.consortium.showing import words_of
from protocols.program import print_json
from protocols.roster import Entry, sort_of

keys_app = typer.Typer(
    help="Make your keys, and the card by which you enter the roster.", no_args_is_help=True
)


class Person(Enum):
    """Whom `keys init` makes keys for; a centre's are made by `skerry-node init`."""

    ANALYST = "analyst"
    OFFICER = "officer"


@keys_app.callback()
def _keys() -> None:
    """Keep `init` a word of its own: Typer would drop the name of an only command."""


@keys_app.command("init")
def init(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the keys are to lie.")],
    *,
    sort: Annotated[Person, typer.Option("--sort", help="What you are.")],
    name: Annotated[str, typer.Option("--id", help="Your name in the roster, such as ada.")],
    institution: Annotated[
        str | None, typer.Option("--institution", help="An analyst: the institution that answers for you.")
    ] = None,
    centre: Annotated[str | None, typer.Option("--centre", help="An officer: your centre's name.")] = None,
    json: Json = False,
) -> None:
    """Make your private keys, and a card to send to the consortium; existing files are kept.

    \b
    skerry keys init keys --sort analyst --id ada --institution "University of Bergen"
    skerry keys init keys --sort officer --id officer-berlin --centre berlin

    The keys stay where they are made. Send card.toml to the consortium, and read the fingerprint to them
    by another channel, such as the telephone: so they know that the card was not exchanged on its way.
    """
    with ended():
        entry, made = _set_of(sort, name, institution, centre)
        write_set(folder, made)
    _told(entry, folder, made, json=json)


def _set_of(sort: Person, name: str, institution: str | None, centre: str | None) -> tuple[Entry, KeySet]:
    match sort, institution, centre:
        case Person.ANALYST, str(), None:
            return analyst_set(name, institution)
        case Person.OFFICER, None, str():
            return officer_set(name, centre)
        case Person.ANALYST, _, _:
            advice = 'write: --sort analyst --id ada --institution "University of Bergen"'
            raise ConsortiumError("no_sort", "an analyst has an --institution, and no --centre", advice)
        case _:
            advice = "write: --sort officer --id officer-berlin --centre berlin"
            raise ConsortiumError("no_sort", "an officer has a --centre, and no --institution", advice)


def _told(entry: Entry, folder: Path, made: KeySet, *, json: bool) -> None:
    words = words_of(entry)
    if json:
        print_json(
            {
                "format": "skerry.keys/1",
                "sort": sort_of(entry).value,
                "id": entry.id.text,
                "fingerprint": words,
                "card": str(folder / CARD),
                "secrets": [str(folder / one) for one in made.secrets],
            }
        )
        return
    lines = [
        f"made {', '.join(made.secrets)} in {folder}: keep them to yourself, and keep a copy offline",
        f"send {folder / CARD} to the consortium, and read them these words by another channel:",
        f"  {words}",
    ]
    sys.stdout.write("\n".join(lines) + "\n")
