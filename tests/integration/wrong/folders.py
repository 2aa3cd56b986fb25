"""Data folders that are damaged, each a copy of a right one; and folders of keys, studies and others."""

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

from node.ledger.ledger import Ledger
from privacy.loss import Loss
from protocols.clock import system_clock
from tests.integration.wrong.papers import OFFICER, STRANGER, folder_of, officer_key, signed, write_values
from tests.node.ledger_desk import released, spend

EVENTS = 4


def write_history(data: Path) -> None:
    """Let a ledger have released something."""
    ledger = Ledger(data / "ledger.db", system_clock)
    for number in range(EVENTS):
        one = spend(
            f"question {number}", Loss.parse("0.1"), study="sandbox", registry="small", analyst="analyst"
        )
        released(ledger, one, b"a release")


def _away(path: Path) -> None:
    """Take a database away, with what lies beside it."""
    for one in path.parent.glob(f"{path.name}*"):
        one.unlink()


def _rewritten(path: Path, octets: bytes) -> None:
    _away(path)
    path.write_bytes(octets)


def _folder(path: Path) -> None:
    _away(path)
    path.mkdir()


def _edited(path: Path, statement: str) -> None:
    db = sqlite3.connect(path, isolation_level=None)
    for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        db.execute(f"DROP TRIGGER {name}")
    assert db.execute(statement).rowcount != 0
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()


def _another(path: Path) -> None:
    _rewritten(path, b"")
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE recipes (cake TEXT)")
    db.close()


def _list(path: Path) -> Path:
    return path / "snapshots" / "snapshots.sqlite"


DAMAGES: dict[str, Callable[[Path], object]] = {
    "ledger-lost": lambda data: _away(data / "ledger.db"),
    "ledger-garbage": lambda data: _rewritten(data / "ledger.db", b"no ledger" * 1000),
    "ledger-empty": lambda data: _rewritten(data / "ledger.db", b""),
    "ledger-folder": lambda data: _folder(data / "ledger.db"),
    "ledger-edited": lambda data: _edited(data / "ledger.db", "UPDATE spent SET nano_rho = '1'"),
    "ledger-shortened": lambda data: _edited(data / "ledger.db", "DELETE FROM event WHERE seq = 3"),
    "ledger-of-another": lambda data: _another(data / "ledger.db"),
    "list-broken": lambda data: _rewritten(_list(data), b"no list" * 1000),
    "list-cut": lambda data: _rewritten(_list(data), _list(data).read_bytes()[:5000]),
    "list-other": lambda data: _edited(_list(data), "PRAGMA user_version = 99"),
    "list-folder": lambda data: _folder(_list(data)),
    "flag-folder": lambda data: (data / "paused.json").mkdir(),
    "data-held": lambda data: None,
}


def write_folders(box: Path) -> None:
    """Write the folders that wrong settings of the node name, and those settings."""
    home = folder_of(box)
    right = home / "data"
    for name, damage in DAMAGES.items():
        shutil.copytree(right, home / name)
        damage(home / name)
    (home / "data-file").write_text("data", encoding="utf-8")
    write_values(box, "skerry-node", {name: ("data", f'"{name}"') for name in (*DAMAGES, "data-file")})
    _write_keys(home)
    _write_studies(box, home)
    names = [path.name for path in home.iterdir() if path.name.startswith("keys-")]
    write_values(box, "skerry-node", {name: ("keys", f'"{name}"') for name in (*names, "keys-absent")})


def _write_keys(home: Path) -> None:
    (home / "keys-file").write_text("keys", encoding="utf-8")
    for name in ("keys-short", "keys-open", "keys-without-tls", "keys-tls-garbage"):
        shutil.copytree(home / "keys", home / name)
    (home / "keys-short" / "snapshots.key").write_bytes(b"short")
    (home / "keys-open" / "snapshots.key").chmod(0o644)
    (home / "keys-without-tls" / "tls.key").unlink()
    (home / "keys-tls-garbage" / "tls.key").write_bytes(b"a key\n")


def _write_studies(box: Path, home: Path) -> None:
    right = (home / "studies" / "sandbox.toml").read_bytes()
    body = right.partition(b"# skerry-signature")[0]
    studies = {
        "study-of-another-officer": {"a.toml": signed(body, "study", "officer-b", STRANGER)},
        "study-twice": {"a.toml": right, "b.toml": right},
        "study-cut": {"a.toml": right[:200]},
        "study-of-no-field": {
            "a.toml": signed(
                body.replace(b'fields = ["*"]', b'fields = ["people.agee"]'),
                "study",
                OFFICER,
                officer_key(box),
            )
        },
    }
    for name, files in studies.items():
        (home / name).mkdir()
        for file, octets in files.items():
            (home / name / file).write_bytes(octets)
    write_values(box, "skerry-node", {name: ("studies", f'"{name}"') for name in studies})
