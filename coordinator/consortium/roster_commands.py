"""The commands of `skerry consortium`: make the root, change the draft, sign it, see who belongs."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from coordinator.consortium.drafts import following, joined, left
from coordinator.consortium.errors import ConsortiumError
from coordinator.consortium.files import read_paper, read_root_key, write_set
from coordinator.consortium.folder import Folder
from coordinator.consortium.key_sets import root_set
from coordinator.consortium.papers import DRAFT, ROOT, ROSTER
from coordinator.consortium.showing import described, show, show_changes, to_json, words_of
from coordinator.consortium.signing import signed
from protocols.card import MAX_CARD_BYTES, open_card
from protocols.clock import system_clock
from protocols.errors import ProtocolError, TextError, WireError
from protocols.fingerprint import fingerprint_of_root, read_words
from protocols.program import Exit, ProgramError, print_json
from protocols.roster import Entry, Roster, Sort, sort_of

DAYS = 90
_MOST_DAYS = 366

consortium_app = typer.Typer(
    help="Say who belongs: the root, and the rosters that it signs. Works offline, on files.",
    no_args_is_help=True,
)
FolderOption = Annotated[
    Path, typer.Option("--folder", help="The consortium's folder, with root.toml and the roster.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]
CardFile = Annotated[Path, typer.Argument(metavar="CARD", help="The card that they sent: card.toml.")]
Words = Annotated[
    str | None,
    typer.Option(
        "--fingerprint",
        metavar="WORDS",
        help="The twelve words, as they read them to you by another channel.",
    ),
]


@contextmanager
def ended() -> Iterator[None]:
    """End a command with what is wrong with its papers. Raises ProgramError."""
    try:
        yield
    except ConsortiumError as error:
        raise ProgramError(
            Exit.WRONG_USE, error.code, str(error), error.next_step, problems=error.problems
        ) from None


@consortium_app.command("init")
def init(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A folder that is new, or has no root.")],
    name: Annotated[str, typer.Option("--name", help="The consortium's name, such as ketamine.")],
    keys: Annotated[
        str, typer.Option("--keys", metavar="NAME,...", help="Who keeps a key: anna,ben,carla.")
    ] = "consortium",
    threshold: Annotated[int, typer.Option("--threshold", min=1, help="How many must sign a roster.")] = 1,
    json: Json = False,
) -> None:
    """Make the consortium's root: a private key for each keeper, and root.toml for everybody.

    \b
    skerry consortium init ketamine --name ketamine --keys anna,ben,carla --threshold 2

    The key files are for media that are kept offline, each by another person; whoever has as many of them
    as the threshold says who belongs. root.toml is public: every centre, every analyst and the coordinator
    pin it, after they have compared its fingerprint by another channel.
    """
    with ended():
        root, made = root_set(name, keys.split(","), threshold)
        write_set(folder, made, ROSTER, DRAFT)
    words = fingerprint_of_root(root)
    if json:
        print_json(
            {
                "format": "skerry.root-made/1",
                "consortium": root.consortium,
                "threshold": threshold,
                "keys": sorted(root.keys),
                "fingerprint": words,
                "root": str(folder / ROOT),
                "secrets": [str(folder / one) for one in made.secrets],
            }
        )
        return
    count = f"{threshold} of {len(root.keys)}"
    lines = [
        f"made the root of {root.consortium}: {count} keys must sign a roster",
        f"its fingerprint: {words}",
        "move each key file to its keeper's offline medium, and leave no copy here:",
        *(f"  {folder / one}" for one in made.secrets),
        f"give {folder / ROOT} to every centre, every analyst and the coordinator; read them the words",
    ]
    sys.stdout.write("\n".join(lines) + "\n")


@consortium_app.command("add-centre")
def add_centre(
    card: CardFile, words: Words = None, folder: FolderOption = Path(), json: Json = False
) -> None:
    """Take a centre into the draft, from the card that `skerry-node init` made.

    Have the fingerprint read to you by another channel than the card came by, such as the telephone: a card
    that was exchanged on its way has other words. Give them with --fingerprint, or compare them when asked.
    """
    _add(Sort.CENTRE, card, words, folder, json=json)


@consortium_app.command("add-officer")
def add_officer(
    card: CardFile, words: Words = None, folder: FolderOption = Path(), json: Json = False
) -> None:
    """Take a centre's privacy officer into the draft, from the card that `skerry keys init` made.

    The centre must be there. The fingerprint is compared as for a centre.
    """
    _add(Sort.OFFICER, card, words, folder, json=json)


@consortium_app.command("add-analyst")
def add_analyst(
    card: CardFile, words: Words = None, folder: FolderOption = Path(), json: Json = False
) -> None:
    """Take an analyst into the draft, from the card that `skerry keys init` made.

    The fingerprint is compared as for a centre.
    """
    _add(Sort.ANALYST, card, words, folder, json=json)


def _add(sort: Sort, card: Path, words: str | None, folder: Path, *, json: bool) -> None:
    with ended():
        opened = Folder.open(folder)
        now = system_clock()
        entry = _entry_of(card, sort)
        roster = joined(following(opened.papers, _expiry(now, DAYS)), entry)
        _compare(entry, words, json=json)
        _keep(opened, roster, f"{described(entry)} enters", now, json=json)


def _entry_of(card: Path, sort: Sort) -> Entry:
    octets = read_paper(card, MAX_CARD_BYTES)
    try:
        entry = open_card(octets)
    except ProtocolError as error:
        problems = error.problems if isinstance(error, TextError) else ()
        what = f"the card {card} cannot be used: {problems[0] if problems else error}"
        raise ConsortiumError("card", what, "ask for the card again", problems=problems) from None
    if sort_of(entry) is not sort:
        found = sort_of(entry).value
        what = f"the card {card} is that of an entry of the sort {found}, and not {sort.value}"
        raise ConsortiumError("sort", what, f"if that is meant: skerry consortium add-{found} CARD")
    return entry


def _compare(entry: Entry, words: str | None, *, json: bool) -> None:
    """Have a person compare the fingerprint. Raises ConsortiumError when nobody has, or it is another."""
    if words is None:
        _ask(entry, json=json)
        return
    again = "have them read the twelve words again"
    try:
        heard = read_words(words)
    except WireError as error:
        raise ConsortiumError("fingerprint", f"--fingerprint: {error}", again) from None
    if heard != words_of(entry):
        what = f"the card of {described(entry)} has another fingerprint than the one that was read to you"
        raise ConsortiumError(
            "fingerprint", what, f"{again}; if they stay: the card is not theirs, do not use it"
        )


def _ask(entry: Entry, *, json: bool) -> None:
    if json or not sys.stdin.isatty():
        what = f"nobody has compared the fingerprint of {described(entry)}"
        advice = 'have them read it to you by another channel, and add --fingerprint "twelve words"'
        raise ConsortiumError("not_compared", what, advice)
    typer.echo(f"{described(entry)}\n  {words_of(entry)}", err=True)
    if not typer.confirm("Did they read these words to you, by another channel?", err=True):
        raise ConsortiumError("not_compared", "nothing was added", "answer y once the words are the same")


@consortium_app.command("remove")
def remove(
    sort: Annotated[Sort, typer.Argument(metavar="SORT", help="centre, officer or analyst")],
    name: Annotated[str, typer.Argument(metavar="ID", help="Their name in the roster.")],
    folder: FolderOption = Path(),
    json: Json = False,
) -> None:
    """Take somebody out of the draft; a centre goes with its officers.

    Nodes let them go as soon as they hold the roster that is signed then.
    """
    with ended():
        opened = Folder.open(folder)
        now = system_clock()
        roster, gone = left(following(opened.papers, _expiry(now, DAYS)), sort, name)
        what = " and ".join(described(one) for one in gone)
        _keep(opened, roster, f"{what} {'leaves' if len(gone) == 1 else 'leave'}", now, json=json)


@consortium_app.command("expire")
def expire(
    days: Annotated[
        int,
        typer.Option("--days", min=1, max=_MOST_DAYS, help="How long the roster is to hold, from now on."),
    ],
    folder: FolderOption = Path(),
    json: Json = False,
) -> None:
    """Say when the draft expires; without another change, that renews the roster.

    A coordinator can keep a newer roster from a node until the older one expires: let rosters expire soon.
    """
    with ended():
        opened = Folder.open(folder)
        now = system_clock()
        expires = _expiry(now, days)
        roster = replace(following(opened.papers, expires), expires=expires)
        _keep(opened, roster, f"the draft expires on {expires:%Y-%m-%d}", now, json=json)


def _expiry(now: datetime, days: int) -> datetime:
    return (now + timedelta(days=days)).replace(microsecond=0)


def _keep(opened: Folder, roster: Roster, what: str, now: datetime, *, json: bool) -> None:
    dropped = opened.keep(roster)
    if dropped:
        names = ", ".join(sorted(dropped))
        typer.echo(f"dropped the signatures of {names}: the draft says something else now", err=True)
    after = Folder.open(opened.path).papers
    if json:
        print_json(to_json(after, now))
        return
    sys.stdout.write(f"{what} with version {roster.version}\n")
    sys.stdout.write("sign it: skerry consortium sign --key FILE\n")


@consortium_app.command("show")
def show_command(folder: FolderOption = Path(), json: Json = False) -> None:
    """Show who belongs, with fingerprints, and what the draft changes (+ enters, - leaves, ~ changes)."""
    with ended():
        papers = Folder.open(folder).papers
    if json:
        print_json(to_json(papers, system_clock()))
    else:
        show(papers, Console(), system_clock())


@consortium_app.command("sign")
def sign(
    key: Annotated[Path, typer.Option("--key", help="A private key of the root; it may lie on any medium.")],
    folder: FolderOption = Path(),
    json: Json = False,
) -> None:
    """Sign the draft with one key of the root; the last signature that is needed makes it the roster.

    See first what it says: skerry consortium show. Then hand roster.toml to the coordinator.
    """
    with ended():
        opened = Folder.open(folder)
        now = system_clock()
        done = signed(opened.papers, read_root_key(key), now)
        opened.sign(done)
        after = Folder.open(folder).papers
    if json:
        print_json(to_json(after, now))
        return
    show_changes(opened.papers, Console())
    have, need = len(done.signers), opened.papers.root.threshold
    sys.stdout.write(f"{done.signer} has signed: {have} of {need} signatures\n")
    if done.is_enough:
        sys.stdout.write(f"{folder / ROSTER} is the roster now; hand it to the coordinator\n")
    else:
        sys.stdout.write(f"hand {folder / DRAFT} on to the next keeper\n")
