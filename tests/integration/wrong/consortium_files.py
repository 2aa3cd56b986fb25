"""A consortium's folders, cards and keys: right ones, and each way in which they can be wrong.

All keys follow from numbers, so that the fingerprints that stand on command lines are known beforehand.
"""

import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocols.card import MAX_CARD_BYTES, card_text, signed_card
from protocols.fingerprint import fingerprint_of
from protocols.ids import AnalystId, CentreId, OfficerId
from protocols.keys import PublicKeys
from protocols.root import Root, root_text
from protocols.roster import Analyst, Centre, Entry, Officer, Roster, roster_text, sort_of
from protocols.signed_text import SignedText
from tests.members import keys_of

EXPIRES = (datetime.now(UTC) + timedelta(days=90)).replace(microsecond=0)
ROOT_KEYS = {
    name: Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)
    for number, name in enumerate(("anna", "ben", "carla"), start=61)
}
STRANGER = Ed25519PrivateKey.from_private_bytes(bytes([99]) * 32)
ROOT = Root(
    consortium="ketamine", threshold=2, keys={name: key.public_key() for name, key in ROOT_KEYS.items()}
)


@cache
def key(number: int) -> Ed25519PrivateKey:
    """The signing key of an entry."""
    return Ed25519PrivateKey.from_private_bytes(number.to_bytes(32, "big"))


@cache
def keys(number: int) -> PublicKeys:
    """The public keys of an entry."""
    return keys_of(key(number))


BERLIN = Centre(id=CentreId("berlin"), institution="Charite", keys=keys(1))
OLGA = Officer(id=OfficerId("olga"), centre=BERLIN.id, keys=keys(2))
ADA = Analyst(id=AnalystId("ada"), institution="University of Bergen", keys=keys(3))
PARIS = Centre(id=CentreId("paris"), institution="Necker", keys=keys(4))
OSLO = Centre(id=CentreId("oslo"), institution="Ulleval", keys=keys(5))
OTTO = Officer(id=OfficerId("otto"), centre=BERLIN.id, keys=keys(6))
BOB = Analyst(id=AnalystId("bob"), institution="University of Oslo", keys=keys(7))

HELD = Roster(
    consortium="ketamine",
    version=2,
    expires=EXPIRES,
    centres={BERLIN.id: BERLIN},
    officers={OLGA.id: OLGA},
    analysts={ADA.id: ADA},
)
NEXT = replace(HELD, version=3, centres={BERLIN.id: BERLIN, PARIS.id: PARIS})


def words_of(entry: Entry) -> str:
    """The fingerprint of an entry."""
    return fingerprint_of(sort_of(entry).value, entry.id.text, entry.keys)


def signed(body: str, *names: str) -> bytes:
    """A roster's body with the signatures of these keepers."""
    text = SignedText(body=body.encode(), signatures=())
    for name in names:
        text = text.signed_by(name, ROOT_KEYS[name], "roster")
    return text.to_bytes()


def _thief(of: Entry, **changes: object) -> Centre:
    """Oslo with a key of somebody who is there."""
    sealing = replace(OSLO.keys.sealing, **changes)  # type: ignore[arg-type]
    return replace(OSLO, keys=PublicKeys(signing=OSLO.keys.signing, sealing=sealing))


_OSLO_BODY = card_text(OSLO)


def _changed(before: str, after: str) -> bytes:
    """Oslo's card, changed after it was signed."""
    return signed_card(OSLO, key(5)).replace(before.encode(), after.encode(), 1)


def _by_oslo(body: str) -> bytes:
    return SignedText(body=body.encode(), signatures=()).signed_by("oslo", key(5), "card").to_bytes()


CARDS: dict[str, bytes] = {
    "oslo": signed_card(OSLO, key(5)),
    "otto": signed_card(OTTO, key(6)),
    "bob": signed_card(BOB, key(7)),
    "berlin": signed_card(BERLIN, key(1)),
    "olga": signed_card(OLGA, key(2)),
    "ada": signed_card(ADA, key(3)),
    "changed-name": _changed('id = "oslo"', 'id = "osla"'),
    "changed-institution": _changed("Ulleval", "Ulleva!"),
    "changed-sort": _changed('sort = "centre"', 'sort = "analyst"'),
    "unsigned": _OSLO_BODY.encode(),
    "stolen": SignedText(body=_OSLO_BODY.encode(), signatures=())
    .signed_by("oslo", STRANGER, "card")
    .to_bytes(),
    "unknown-key": _by_oslo(_OSLO_BODY + "admin = true\n"),
    "no-name": _by_oslo(_OSLO_BODY.replace('"oslo"', '"os lo"')),
    "empty": b"",
    "garbage": b"\x00\xff\x1b[31m" * 20,
    "large": _by_oslo(_OSLO_BODY + "#" * MAX_CARD_BYTES),
    "roster": signed(roster_text(HELD), "anna", "ben"),
    "id-taken": signed_card(replace(OSLO, id=CentreId("berlin")), key(5)),
    "id-alike": signed_card(replace(OSLO, id=CentreId("Berlin")), key(5)),
    "institution-taken": signed_card(replace(OSLO, institution="CHARITE"), key(5)),
    "key-taken": signed_card(replace(OSLO, keys=replace(OSLO.keys, signing=keys(1).signing)), key(1)),
    "x25519-taken": signed_card(_thief(OLGA, x25519=keys(2).sealing.x25519), key(5)),
    "mlkem768-taken": signed_card(_thief(ADA, mlkem768=keys(3).sealing.mlkem768), key(5)),
    "officer-id-taken": signed_card(replace(OTTO, id=OfficerId("olga")), key(6)),
    "officer-of-nobody": signed_card(replace(OTTO, centre=CentreId("bonn")), key(6)),
    "officer-of-alike": signed_card(replace(OTTO, centre=CentreId("Berlin")), key(6)),
    "officer-key-taken": signed_card(replace(OTTO, keys=keys(1)), key(1)),
    "analyst-id-taken": signed_card(replace(BOB, id=AnalystId("ADA")), key(7)),
    "analyst-key-taken": signed_card(replace(BOB, keys=keys(2)), key(2)),
}
KEYS: dict[str, tuple[int, bytes]] = {
    **{f"root-{name}.key": (0o600, one.private_bytes_raw()) for name, one in ROOT_KEYS.items()},
    "open.key": (0o644, ROOT_KEYS["ben"].private_bytes_raw()),
    "group.key": (0o640, ROOT_KEYS["ben"].private_bytes_raw()),
    "stranger.key": (0o600, STRANGER.private_bytes_raw()),
    "empty.key": (0o600, b""),
    "short.key": (0o600, ROOT_KEYS["ben"].private_bytes_raw()[:31]),
    "long.key": (0o600, ROOT_KEYS["ben"].private_bytes_raw() + b"\n"),
    "hex.key": (0o600, ROOT_KEYS["ben"].private_bytes_raw().hex().encode()),
}
_GOOD: dict[str, bytes] = {
    "root.toml": root_text(ROOT).encode(),
    "roster.toml": signed(roster_text(HELD), "anna", "carla"),
    "roster.draft.toml": signed(roster_text(NEXT), "anna"),
}
_OTHER = Root(consortium="ketamine", threshold=1, keys={"eve": STRANGER.public_key()})
FOLDERS: dict[str, dict[str, bytes]] = {
    "good": {},
    "root-garbage": {"root.toml": b"\x00\x01"},
    "root-of-nobody": {"root.toml": _GOOD["root.toml"].replace(b"threshold = 2", b"threshold = 4")},
    "root-of-another": {"root.toml": root_text(_OTHER).encode()},
    "roster-garbage": {"roster.toml": b"no roster"},
    "roster-half-signed": {"roster.toml": signed(roster_text(HELD), "anna")},
    "roster-twice-signed": {"roster.toml": signed(roster_text(HELD), "anna", "anna")},
    "roster-changed": {"roster.toml": _GOOD["roster.toml"].replace(b'"olga"', b'"olgo"')},
    "draft-garbage": {"roster.draft.toml": b"\xff"},
    "draft-of-another": {"roster.draft.toml": roster_text(replace(NEXT, consortium="lungs")).encode()},
    "draft-stale": {"roster.draft.toml": roster_text(replace(NEXT, version=2)).encode()},
    "draft-ahead": {"roster.draft.toml": roster_text(replace(NEXT, version=2**62)).encode()},
    "draft-twice": {
        "roster.draft.toml": roster_text(
            replace(NEXT, centres={BERLIN.id: BERLIN, PARIS.id: replace(PARIS, institution="charite")})
        ).encode()
    },
    "draft-with-a-tail": {"roster.draft.toml": _GOOD["roster.draft.toml"] + b"version = 9\n"},
    "two-drafts": {"roster.draft (1).toml": roster_text(NEXT).encode()},
    "draft-expired": {
        "roster.draft.toml": roster_text(replace(NEXT, expires=EXPIRES - timedelta(days=200))).encode()
    },
}


def write_folder(path: Path, changes: dict[str, bytes] | None = None) -> Path:
    """Write a folder of the consortium: the right one, with these changes."""
    path.mkdir(parents=True)
    for name, octets in {**_GOOD, **(changes or {})}.items():
        (path / name).write_bytes(octets)
    return path


def write_consortium(files: Path) -> None:
    """Write every folder, card and key."""
    for name, changes in FOLDERS.items():
        write_folder(files / name, changes)
    (write_folder(files / "no-draft") / "roster.draft.toml").unlink()
    (write_folder(files / "no-roster") / "roster.toml").unlink()
    (write_folder(files / "no-root") / "root.toml").unlink()
    folder = write_folder(files / "draft-folder") / "roster.draft.toml"
    folder.unlink()
    folder.mkdir()
    (write_folder(files / "loop") / "roster.toml").unlink()
    (files / "loop" / "roster.toml").symlink_to("roster.toml")
    (files / "bare").mkdir()
    (files / "a-file").write_text("a file", encoding="utf-8")
    (files / "cards").mkdir()
    for name, octets in CARDS.items():
        (files / "cards" / name).write_bytes(octets)
    (files / "keys").mkdir()
    for name, (mode, octets) in KEYS.items():
        (files / "keys" / name).touch(mode=0o600)
        (files / "keys" / name).write_bytes(octets)
        (files / "keys" / name).chmod(mode)
    _write_taken(files)


def _write_taken(files: Path) -> None:
    """Write folders in each of which one file of a new set is there already."""
    for name in ("signing.key", "sealing.key", "tls.key", "card.toml", "root-anna.key"):
        (files / f"has-{name}").mkdir()
        (files / f"has-{name}" / name).write_bytes(b"mine")
    for name in ("identity.key", "sealing.key", "snapshots.key", "tls.key"):
        (files / f"node-{name}" / "keys").mkdir(parents=True)
        (files / f"node-{name}" / "keys" / name).write_bytes(b"mine")
    (files / "node-link" / "keys").mkdir(parents=True)
    (files / "node-link" / "keys" / "tls.key").symlink_to("nowhere")
    (files / "node-file").mkdir()
    (files / "node-file" / "keys").write_bytes(b"mine")


def copied(folder: Path, place: Path) -> Path:
    """Copy a folder, to change it."""
    return Path(shutil.copytree(folder, place, symlinks=True))
