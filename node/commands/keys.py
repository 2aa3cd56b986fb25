"""The custodian's first command: `skerry-node init` makes a centre's keys, and its card for the consortium.

Everything is made, or nothing is left of it; a file that is there is kept. spec/roster.md 6.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated

import typer
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from node.commands.opening import Json
from protocols.card import signed_card
from protocols.errors import WireError
from protocols.fingerprint import fingerprint_of
from protocols.ids import CentreId
from protocols.keys import KEY_BYTES, PublicKeys, SealingSecret
from protocols.program import Exit, ProgramError, print_json
from protocols.roster import MAX_INSTITUTION, Centre, is_institution

KEYS, CARD = "keys", "card.toml"
_SECRET, _PUBLIC = 0o600, 0o644


def init(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="The node's folder: new, or without keys.")
    ],
    centre: Annotated[str, typer.Option("--centre", help="The centre's name in the roster, such as berlin.")],
    institution: Annotated[str, typer.Option("--institution", help="The legal institution that it is.")],
    json: Json = False,
) -> None:
    """Make the centre's private keys, and a card to send to the consortium; existing files are kept.

    \b
    skerry-node init berlin --centre berlin --institution "Charite, Berlin"

    It makes FOLDER/keys and FOLDER/card.toml. The keys never leave the centre; snapshots.key opens every
    snapshot, so keep a copy of the folder of keys offline. Send card.toml to the consortium, and read the
    fingerprint to them by another channel, such as the telephone: so they know that the card was not
    exchanged on its way.
    """
    entry, files = _made(centre, institution)
    _write(folder, files)
    words = fingerprint_of("centre", entry.id.text, entry.keys)
    secrets = [str(folder / name) for name, (mode, _) in files.items() if mode == _SECRET]
    if json:
        print_json(
            {
                "format": "skerry.keys/1",
                "sort": "centre",
                "id": entry.id.text,
                "fingerprint": words,
                "card": str(folder / CARD),
                "secrets": secrets,
            }
        )
        return
    lines = [
        f"made the keys of {entry.id} in {folder / KEYS}: they stay here; keep a copy offline",
        f"send {folder / CARD} to the consortium, and read them these words by telephone:",
        f"  {words}",
    ]
    sys.stdout.write("\n".join(lines) + "\n")


def _made(centre: str, institution: str) -> tuple[Centre, dict[str, tuple[int, bytes]]]:
    """Make the keys, and give the files to write, each with its mode; nothing is written yet."""
    try:
        name = CentreId(centre)
    except WireError as error:
        raise ProgramError(Exit.WRONG_USE, "no_name", f"--centre: {error}", "write --centre berlin") from None
    if not is_institution(institution):
        what = f"--institution is a name of 1 to {MAX_INSTITUTION} characters, without control characters"
        raise ProgramError(Exit.WRONG_USE, "institution", what, "write the institution's legal name")
    identity, sealing = Ed25519PrivateKey.generate(), SealingSecret.generate()
    keys = PublicKeys(signing=identity.public_key(), sealing=sealing.public)
    entry = Centre(id=name, institution=institution, keys=keys)
    # P-256: gRPC does not take Ed25519 certificates.
    tls = ec.generate_private_key(ec.SECP256R1())
    secrets = {
        "identity.key": identity.private_bytes_raw(),
        "sealing.key": sealing.to_octets(),
        "snapshots.key": os.urandom(KEY_BYTES),
        "tls.key": tls.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    }
    files = {f"{KEYS}/{name}": (_SECRET, octets) for name, octets in secrets.items()}
    return entry, {**files, CARD: (_PUBLIC, signed_card(entry, identity))}


def _write(folder: Path, files: dict[str, tuple[int, bytes]]) -> None:
    try:
        _check_free(folder, list(files))
        with _undone(folder / KEYS) as begun:
            for name, (mode, octets) in files.items():
                _write_new(folder / name, octets, mode, begun)
            for place in (folder / KEYS, folder):
                _settle(place)
    except OSError as error:
        what = f"{folder} cannot be written ({error.strerror})"
        advice = "check the folder, its owner and the disk's room"
        raise ProgramError(Exit.WRONG_USE, "not_written", what, advice) from None


def _check_free(folder: Path, names: list[str]) -> None:
    for place in (folder, folder / KEYS):
        if place.exists() and not place.is_dir():
            what = f"{place} is a file, and no folder"
            raise ProgramError(Exit.WRONG_USE, "no_folder", what, "name another folder")
    for name in names:
        if os.path.lexists(folder / name):
            what = f"{folder / name} is there already, and is kept"
            raise ProgramError(Exit.WRONG_USE, "exists", what, "name another folder")


@contextmanager
def _undone(folder: Path) -> Iterator[list[Path]]:
    """Make a folder, and take away what was begun when anything stops the work, Ctrl-C too."""
    folders = [one for one in (folder, *folder.parents) if not os.path.lexists(one)]
    begun: list[Path] = []
    try:
        for one in reversed(folders):
            one.mkdir(mode=0o700)
        yield begun
    except BaseException:
        for path in begun:
            with suppress(OSError):
                path.unlink()
        for path in folders:
            with suppress(OSError):
                path.rmdir()
        raise


def _write_new(path: Path, octets: bytes, mode: int, begun: list[Path]) -> None:
    """Write a new file durably, and note that it was begun; one that is there is never opened."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    begun.append(path)
    with os.fdopen(descriptor, "wb") as file:
        file.write(octets)
        file.flush()
        os.fsync(file.fileno())


def _settle(folder: Path) -> None:
    """Make the names of files durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
