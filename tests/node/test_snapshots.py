"""The list, the keys and the locked-down connection of snapshots."""

import sqlite3
import stat
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from node.encrypted_files import attach, connect
from node.errors import SnapshotError
from node.snapshots import Snapshot, Snapshots
from protocols.ids import Digest, SnapshotId
from tests.node.importing_desk import KEY, NOW, SIMPLE, Desk

CANARY = "Zz9KestrelSpill"
CONTENT = "id,age,sex,score,note\np,1,F,2,x\nq,2,M,3,y\n"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = Desk(tmp_path)
    desk.load(desk.file("visits.csv", CONTENT), SIMPLE)
    return desk


def _current(desk: Desk) -> Snapshot:
    snapshot = desk.snapshots.current()
    assert snapshot is not None
    return snapshot


def test_an_empty_folder_has_no_snapshot(tmp_path: Path) -> None:
    snapshots = Snapshots(tmp_path / "new", KEY)

    assert snapshots.current() is None
    assert snapshots.all() == ()


def test_making_the_object_touches_nothing(tmp_path: Path) -> None:
    Snapshots(tmp_path / "new", KEY)

    assert not (tmp_path / "new").exists()


def test_the_snapshot_says_what_it_is(desk: Desk) -> None:
    snapshot = _current(desk)

    with closing(desk.snapshots.open_read_only(snapshot)) as con:
        meta = con.execute("SELECT format, snapshot, dictionary FROM s.meta").fetchall()
        tables = con.execute(
            "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns"
            " WHERE table_catalog = 's' AND table_name = 't0' ORDER BY ordinal_position"
        ).fetchall()
    assert meta == [(1, str(snapshot.id), str(SIMPLE.digest))]
    assert [row[1:] for row in tables] == [
        ("patient", "BIGINT", "NO"),
        ("rk", "INTEGER", "NO"),
        ("c1", "DOUBLE", "YES"),
        ("c2", "USMALLINT", "YES"),
        ("c3", "DOUBLE", "YES"),
        ("c4", "VARCHAR", "YES"),
    ]
    assert (snapshot.dictionary, snapshot.committed_at) == (SIMPLE.digest, NOW)


def test_files_are_for_this_account_only(desk: Desk) -> None:
    desk.snapshots.open_read_only(_current(desk)).close()

    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in (desk.folder, *desk.folder.rglob("*"))}
    assert {mode for name, mode in modes.items() if mode not in (0o600, 0o700)} == set(), modes
    assert modes["snapshots"] == 0o700


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE s.x (i INTEGER)",
        "DELETE FROM s.t0",
        "SELECT * FROM read_csv('visits.csv')",
        "SELECT * FROM read_text('*')",
        "SELECT * FROM read_csv('https://example.org/x.csv')",
        "COPY (SELECT 1) TO 'out.csv'",
        "ATTACH 'other.duckdb' AS o",
        "INSTALL json",
        "LOAD 'x.duckdb_extension'",
        "SET enable_external_access=true",
        "SET temp_file_encryption=false",
        "SET memory_limit='9GB'",
        "SELECT * FROM desk",
    ],
)
def test_a_reader_reaches_nothing_but_the_snapshot(desk: Desk, statement: str) -> None:
    with closing(desk.snapshots.open_read_only(_current(desk))) as con, pytest.raises(duckdb.Error):
        con.execute(statement)


def test_keys_are_not_shown(desk: Desk) -> None:
    snapshot = _current(desk)
    key = desk.snapshots.key(snapshot)
    with closing(desk.snapshots.open_read_only(snapshot)) as con:
        shown = str(con.execute("SELECT * FROM duckdb_databases()").fetchall())
        shown += str(con.execute("SELECT * FROM duckdb_settings()").fetchall())

    shown += repr(snapshot) + repr(desk.snapshots) + repr(desk.snapshots.secrets)
    for secret in (
        key,
        KEY.hex(),
        snapshot.salt.hex(),
        repr(snapshot.salt),
        desk.snapshots.secrets.patients,
        desk.snapshots.secrets.ranks,
    ):
        assert secret not in shown


def test_every_derived_key_is_another(desk: Desk) -> None:
    snapshots, other = desk.snapshots, Snapshots(desk.folder, bytes(32))
    fresh = [snapshots.fresh(SIMPLE.digest, NOW) for _ in range(2)]
    fresh.append(replace(fresh[0], salt=fresh[1].salt))
    derived = [s.key(one) for s in (snapshots, other) for one in fresh]
    derived += [s.secrets.patients for s in (snapshots, other)] + [
        s.secrets.ranks for s in (snapshots, other)
    ]

    assert len(set(derived)) == len(derived)
    assert snapshots.fingerprint(b"a", b"bc") != snapshots.fingerprint(b"ab", b"c")
    assert snapshots.fingerprint(b"a") != other.fingerprint(b"a")


def test_a_wrong_key_is_said_to_be_wrong(desk: Desk) -> None:
    snapshots = Snapshots(desk.folder, bytes(32))

    with pytest.raises(SnapshotError, match="file or its key"):
        snapshots.open_read_only(_current(desk))


@pytest.mark.parametrize("size", [0, 16, 31, 33])
def test_a_key_has_its_size(tmp_path: Path, size: int) -> None:
    with pytest.raises(RuntimeError):
        Snapshots(tmp_path, bytes(size))


def test_a_changed_file_is_refused(desk: Desk) -> None:
    snapshot = _current(desk)
    content = bytearray(snapshot.path.read_bytes())
    for place in range(4096 * 3, len(content), 997):
        content[place] ^= 1
    snapshot.path.write_bytes(content)

    with pytest.raises((SnapshotError, duckdb.Error)):  # noqa: PT012 -- where it is noticed is DuckDB's affair
        con = desk.snapshots.open_read_only(snapshot)
        with closing(con):
            con.execute("SELECT * FROM s.t0").fetchall()


def test_a_broken_list_is_refused(desk: Desk) -> None:
    for path in desk.folder.glob("snapshots.sqlite*"):
        path.write_bytes(b"no database at all, but longer than a header would be" * 20)

    with pytest.raises(SnapshotError, match="list of snapshots"):
        desk.snapshots.current()


def test_a_list_with_a_strange_line_is_refused(desk: Desk) -> None:
    with closing(sqlite3.connect(desk.folder / "snapshots.sqlite")) as con, con:
        con.execute("UPDATE snapshots SET id = 'x'")

    with pytest.raises(SnapshotError, match="list of snapshots"):
        desk.snapshots.current()


def test_a_file_that_does_not_open_is_not_committed(desk: Desk) -> None:
    before = _current(desk)
    new = SnapshotId.new()
    partial = desk.folder / f"{new}.duckdb.partial"
    partial.write_bytes(b"x" * 5000)
    snapshot = Snapshot(id=new, dictionary=Digest(bytes(32)), committed_at=NOW, path=desk.snapshots.path(new))

    with pytest.raises(SnapshotError):
        desk.snapshots.commit(partial, snapshot, b"f" * 32)

    assert _current(desk) == before


def test_readers_and_an_import_do_not_disturb_each_other(desk: Desk) -> None:
    first = _current(desk)
    with (
        closing(desk.snapshots.open_read_only(first)) as one,
        closing(desk.snapshots.open_read_only(first)) as two,
    ):
        desk.load(desk.file("visits.csv", CONTENT + "r,3,F,1,z\n"), SIMPLE)
        assert one.execute("SELECT count(*) FROM s.t0").fetchall() == [(2,)]
        assert two.execute("SELECT count(*) FROM s.t0").fetchall() == [(2,)]

    assert len(desk.rows()) == 3
    assert [snapshot.id for snapshot in desk.snapshots.all()] == [first.id, _current(desk).id]


# ruff: noqa: S608 -- a constant
SPILLING = f"SELECT '{CANARY}' || i AS w, sha256(i::VARCHAR) AS s FROM range(900000) r(i) ORDER BY s"


def _spilled(folder: Path) -> tuple[int, int]:
    """The bytes of the spill files in a folder, and the canaries among them."""
    contents = [path.read_bytes() for path in folder.rglob("*.tmp")]
    return sum(map(len, contents)), sum(content.count(CANARY.encode()) for content in contents)


def test_spill_files_are_encrypted(desk: Desk) -> None:
    with closing(desk.snapshots.open_read_only(_current(desk), memory="60MB")) as con:
        con.execute(SPILLING).fetchmany(5)
        size, canaries = _spilled(desk.folder)
    assert size > 0
    assert canaries == 0
    assert _spilled(desk.folder) == (0, 0)


def test_the_scan_sees_plain_spill_files(tmp_path: Path) -> None:
    """Negative control: DuckDB's own default writes them in plain."""
    with closing(connect(tmp_path / "spill", memory="60MB")) as con:
        con.execute("SET temp_file_encryption=false")
        con.execute(SPILLING).fetchmany(5)
        size, canaries = _spilled(tmp_path)
    assert size > 0
    assert canaries > 0


def test_an_attached_file_needs_its_key(tmp_path: Path) -> None:
    with closing(connect(tmp_path / "spill", memory="100MB")) as con:
        attach(con, tmp_path / "it's.duckdb", "x", "a" * 43 + "=", read_only=False)
        con.execute("CREATE TABLE x.t AS SELECT 1")
        con.execute("DETACH x")
        with pytest.raises(duckdb.Error):
            attach(con, tmp_path / "it's.duckdb", "x", "b" * 43 + "=", read_only=True)
