"""Append-only while it runs, and an audit that finds every single change made behind the ledger's back."""

import random
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from node.errors import LedgerError
from node.ledger.audit import audit
from privacy.loss import ZERO
from protocols.ids import Digest
from protocols.refusals import RefusalCode
from protocols.releases import Granted
from tests.node.ledger_desk import FREE, charged, ledger_at, released, spend
from tests.node.seeds import draws, fresh_seed, told

TABLES = {
    "event": ("seq", "leaf", "nodes"),
    "head": ("id", "size"),
    "charge": ("seq", "key", "snapshot", "family", "question", "mode", "state", "release"),
    "asked": ("query", "content", "charge"),
    "spent": ("scope", "name", "nano_rho", "questions"),
    "policy": ("seq", "octets"),
}
CHANGES = 400


def _filled(folder: Path) -> Path:
    """A ledger with every kind of event and every state of a charge."""
    ledger = ledger_at(folder)
    for number in range(12):
        released(ledger, spend(f"q{number}", analyst=f"a{number % 3}"), f"release {number}".encode())
    for number in range(6):
        assert isinstance(ledger.charge(spend(f"q{number}"), FREE), Granted)
    for number in range(3):
        released(ledger, spend(f"table {number}", ZERO))
        ledger.withhold(charged(ledger, spend(f"withheld {number}", ZERO, study="tables")))
        ledger.fail(charged(ledger, spend(f"failed {number}")))
        charged(ledger, spend(f"open {number}"))
        one = spend("nobody")
        ledger.note_refusal(one.analyst, one.study, one.query_id, RefusalCode.OUTSIDE_POLICY)
        ledger.put_in_force(f"policy {number}".encode(), frozenset(["officer"]))
    path = folder / "ledger.sqlite"
    findings = audit(path)
    assert findings.faults == []
    kinds = {"charged", "released", "failed", "withheld", "repeated", "refused", "policy"}
    assert set(findings.counts) == kinds
    return path


def _settle(path: Path) -> None:
    """Bring everything from the write-ahead log into the file, which is then the whole ledger."""
    db = sqlite3.connect(path)
    assert db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
    db.close()


def _open(path: Path) -> sqlite3.Connection:
    """As somebody with the file opens it: no triggers, no foreign keys, no checks."""
    db = sqlite3.connect(path, isolation_level=None)
    for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        db.execute(f"DROP TRIGGER {name}")
    db.execute("PRAGMA foreign_keys = OFF")
    db.execute("PRAGMA ignore_check_constraints = ON")
    return db


@pytest.mark.parametrize("table", ["event", "charge", "policy"])
def test_the_log_refuses_to_be_changed_or_shortened(tmp_path: Path, table: str) -> None:
    path = _filled(tmp_path)
    db = sqlite3.connect(path, isolation_level=None)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        db.execute(f"DELETE FROM {table} WHERE seq = (SELECT min(seq) FROM {table})")  # noqa: S608
    (still_open,) = db.execute("SELECT min(seq) FROM charge WHERE state = 'charged'").fetchone()
    (kept,) = db.execute("SELECT min(seq) FROM policy").fetchone()
    place = kept if table == "policy" else still_open
    for column in TABLES[table]:
        if (table, column) in (("charge", "state"), ("charge", "release")):
            continue
        other = {"seq": "seq + 100", "mode": "'other'"}.get(column, "X'00'")
        with pytest.raises(sqlite3.IntegrityError, match=r"append-only|only moves forward"):
            db.execute(f"UPDATE {table} SET {column} = {other} WHERE seq = {place}")  # noqa: S608
    db.close()
    assert audit(path).is_clean


@pytest.mark.parametrize("state", ["charged", "failed", "released", "withheld"])
def test_a_charge_that_was_released_stays_so(tmp_path: Path, state: str) -> None:
    db = sqlite3.connect(_filled(tmp_path), isolation_level=None)
    release = b"other" if state == "released" else None
    with pytest.raises(sqlite3.IntegrityError, match="moves forward"):
        db.execute("UPDATE charge SET state = ?, release = ? WHERE state = 'released'", (state, release))
    db.close()


def _changed(value: object, draw: random.Random) -> object:
    """Another value of the same column, near or far."""
    if isinstance(value, bytes):
        edited = bytearray(value)
        place = draw.randrange(len(edited))
        edited[place] ^= 1 << draw.randrange(8)
        return draw.choice([bytes(edited), value[:-1], value + b"\x00", b"[" * 5_000])
    if isinstance(value, int):
        return value + draw.choice([-1, 1, 1_000, -(2**40), 2**40])
    if isinstance(value, str):
        if value.isdigit():
            return draw.choice([str(int(value) + 1), str(int(value) - 1), "0", "", "-5", "many"])
        return draw.choice([value + "x", value[:-1], "released", "charged", "dp", "suppressed"])
    return b"made up"


def _edit(db: sqlite3.Connection, table: str, draw: random.Random) -> str:
    column = draw.choice(TABLES[table])
    rows = db.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608
    row = draw.choice(rows)
    old = row[TABLES[table].index(column)]
    new = _changed(old, draw)
    where = " AND ".join(f"{name} IS ?" for name in TABLES[table])
    db.execute(f"UPDATE {table} SET {column} = ? WHERE {where}", (new, *row))  # noqa: S608
    return f"{table}.{column}: {old!r} to {new!r}" if new != old else ""


def _delete(db: sqlite3.Connection, table: str, draw: random.Random) -> str:
    row = draw.choice(db.execute(f"SELECT * FROM {table}").fetchall())  # noqa: S608
    where = " AND ".join(f"{name} IS ?" for name in TABLES[table])
    db.execute(f"DELETE FROM {table} WHERE {where}", row)  # noqa: S608
    return f"{table}: without {row!r}"


def _truncate(db: sqlite3.Connection, table: str, draw: random.Random) -> str:
    """Take the newest rows away."""
    columns = ", ".join(f"{name} DESC" for name in TABLES[table])
    rows = db.execute(f"SELECT * FROM {table} ORDER BY {columns}").fetchall()  # noqa: S608
    where = " AND ".join(f"{name} IS ?" for name in TABLES[table])
    for row in rows[: draw.randint(1, len(rows))]:
        db.execute(f"DELETE FROM {table} WHERE {where}", row)  # noqa: S608
    return f"{table}: shortened"


def _reorder(db: sqlite3.Connection, table: str, draw: random.Random) -> str:
    """Let two rows change the places of one column's values."""
    column = draw.choice(TABLES[table][1:])
    where = " AND ".join(f"{name} IS ?" for name in TABLES[table])
    rows = db.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608
    if len(rows) < 2:
        return ""
    one, other = draw.sample(rows, 2)
    place = TABLES[table].index(column)
    if one[place] == other[place] or column in ("idx", "name"):
        return ""
    for row, value in ((one, other[place]), (other, one[place])):
        db.execute(f"UPDATE {table} SET {column} = ? WHERE {where}", (value, *row))  # noqa: S608
    return f"{table}.{column}: {one!r} and {other!r}"


_Change = Callable[[sqlite3.Connection, str, random.Random], str]
_CHANGES: tuple[_Change, ...] = (_edit, _edit, _delete, _truncate, _reorder)


def test_every_single_edit_deletion_reorder_and_truncation_is_found(tmp_path: Path) -> None:
    draw = draws(fresh_seed())
    original = _filled(tmp_path)
    _open(original).close()
    assert audit(original).is_clean  # dropping the triggers alone changes nothing that is counted
    _settle(original)
    copy = tmp_path / "copy.sqlite"
    made: Counter[str] = Counter()
    while made.total() < CHANGES:
        shutil.copyfile(original, copy)
        db = _open(copy)
        table, change = draw.choice(list(TABLES)), draw.choice(_CHANGES)
        try:
            what = change(db, table, draw)
        except sqlite3.IntegrityError:  # a type or a key that the table itself holds
            what = ""
        db.close()
        if what:
            made[f"{change.__name__} {table}"] += 1
            assert not audit(copy).is_clean, what
    told(dict(made))
    # Rows change places in every table but that of one row.
    assert len(made) == 4 * len(TABLES) - 1


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM event WHERE seq = (SELECT max(seq) FROM event)",
        "DELETE FROM head",
        "UPDATE head SET size = 0",
    ],
)
def test_nothing_is_charged_on_top_of_a_log_that_was_cut(tmp_path: Path, change: str) -> None:
    """The next event is numbered by what was written, not by what is left of it."""
    path = _filled(tmp_path)
    if audit(path).size % 2 == 0:  # the next event is to have a brother on its left, whose hash it needs
        one = spend("nobody")
        ledger_at(tmp_path).note_refusal(one.analyst, one.study, one.query_id, RefusalCode.OUTSIDE_POLICY)
    before = _open(path)
    before.execute(change)
    left = before.execute("SELECT count(*) FROM event").fetchone()
    with pytest.raises(LedgerError):
        ledger_at(tmp_path).charge(spend("on top"), FREE)
    assert before.execute("SELECT count(*) FROM event").fetchone() == left
    before.close()


def test_bytes_changed_in_the_file_are_found_or_refused(tmp_path: Path) -> None:
    """Below SQLite: flip single bits of the file itself, where a stored value is."""
    original = _filled(tmp_path)
    _settle(original)
    db = sqlite3.connect(original)
    stored = [one for (one,) in db.execute("SELECT release FROM charge WHERE state = 'released'")]
    db.close()
    octets = original.read_bytes()
    copy = tmp_path / "copy.sqlite"
    for release in stored:
        place = octets.index(release) + len(release) // 2
        copy.write_bytes(octets[:place] + bytes([octets[place] ^ 4]) + octets[place + 1 :])
        assert not audit(copy).is_clean


def test_an_answer_charged_twice_is_found_however_well_the_ledger_adds_up(tmp_path: Path) -> None:
    """Two charges that stand for one answer are two draws of noise, in a tree and sums that all fit."""
    ledger = ledger_at(tmp_path)
    one, other = spend("q"), spend("another q")
    ledger.fail(charged(ledger, one))
    released(ledger, spend("q"))
    assert audit(tmp_path / "ledger.sqlite").is_clean
    # A ledger that does not see the earlier charge: its index of keys is changed, and put back.
    _rekey(tmp_path, one.key, other.key)
    charged(ledger, spend("q"))
    _rekey(tmp_path, other.key, one.key)
    assert audit(tmp_path / "ledger.sqlite").faults == ["event 4: charges again for the answer of event 2"]


def _rekey(folder: Path, old: Digest, new: Digest) -> None:
    db = _open(folder / "ledger.sqlite")
    db.execute("UPDATE charge SET key = ? WHERE key = ? AND seq < 4", (new.octets, old.octets))
    db.close()


def test_a_query_id_that_is_asked_twice_is_found(tmp_path: Path) -> None:
    ledger = ledger_at(tmp_path)
    one = spend("q")
    released(ledger, one)
    db = _open(tmp_path / "ledger.sqlite")
    db.execute("DELETE FROM asked")
    assert isinstance(ledger.charge(one, FREE), Granted)
    assert audit(tmp_path / "ledger.sqlite").faults == ["event 2: takes a query id a second time"]
