"""What stands in a file is in no plain byte of the disk: after an import, a refusal, a kill."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from node.importing.report import Status
from tests.node.importing_desk import Desk, one_table

FIELDS = [
    "name: id, type: string, skerry: {role: key}",
    "name: name, type: string, skerry: {role: identifier}",
    "name: note, type: string",
    'name: word, type: string, constraints: {enum: ["other", "Zz9KestrelWord"]}',
    "name: size, type: number, constraints: {minimum: 0, maximum: 4e9}",
]
CANARIES = [b"Zz9KestrelKey", b"Zz9KestrelName", b"Zz9KestrelNote", b"Zz9KestrelWord", b"3141592653"]
KILLED = """
import os, signal, sys
from pathlib import Path
from tests.node.importing_desk import Desk
from tests.node.test_importing_canaries import DICTIONARY

class Fatal(list):
    def append(self, line):
        if line.startswith(sys.argv[3]):
            os.kill(os.getpid(), signal.SIGKILL)

Desk(Path(sys.argv[1]), told=Fatal()).load(Path(sys.argv[2]), DICTIONARY)
"""
DICTIONARY = one_table(FIELDS, resource="skerry: {rows_per_patient: 3}")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def _content(rows: int, last: str = "") -> str:
    lines = [
        f"Zz9KestrelKey{i // 4},Zz9KestrelName{i},Zz9KestrelNote{i % 50},Zz9KestrelWord,3141592653\n"
        for i in range(rows)
    ]
    return "id,name,note,word,size\n" + "".join(lines) + last


def _plain(folder: Path) -> list[tuple[str, bytes]]:
    """The canaries in the files of a folder, whole or in UTF-16."""
    found: list[tuple[str, bytes]] = []
    for path in sorted(folder.rglob("*")):
        content = path.read_bytes() if path.is_file() else b""
        found += [
            (path.name, canary)
            for canary in CANARIES
            if canary in content or canary.decode().encode("utf-16-le") in content
        ]
    return found


def test_nothing_is_in_plain_after_an_import(desk: Desk) -> None:
    report = desk.load(desk.file("visits.csv", _content(3000)), DICTIONARY)

    assert report.status is Status.COMMITTED
    assert len(desk.rows()) == 2250
    assert {row[2] for row in desk.rows()} == {f"Zz9KestrelNote{i}" for i in range(50)}
    assert _plain(desk.folder) == []
    told = json.dumps(report.to_json()) + report.summary + repr(report) + "".join(desk.told)
    assert not [canary for canary in CANARIES if canary.decode() in told]


def test_nothing_is_in_plain_or_in_the_report_after_a_refusal(desk: Desk) -> None:
    wrong = ",Zz9KestrelName,Zz9KestrelNote,Zz9KestrelWordX,31415926535\n"
    wrong += "Zz9KestrelKey,x,Zz9KestrelNote,,Zz9KestrelWord\n"

    refused = desk.refusal(desk.file("visits.csv", _content(3000, wrong)), DICTIONARY)

    told = json.dumps(refused.report.to_json()) + str(refused) + repr(refused) + repr(refused.report)
    assert len(refused.report.tables[0].findings) == 4
    assert not [canary for canary in CANARIES if canary.decode() in told + "".join(desk.told)]
    assert _plain(desk.folder) == []
    assert desk.is_clean()


@pytest.mark.parametrize("moment", ["303,104 rows", "checking", "writing"])
def test_a_kill_leaves_nothing_in_plain_and_no_snapshot(desk: Desk, moment: str) -> None:
    path = desk.file("visits.csv", _content(320_000))
    earlier = desk.load(desk.file("earlier.csv", _content(8)), DICTIONARY)

    command = [sys.executable, "-c", KILLED, str(desk.root), str(path), moment]
    ended = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, check=False)

    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()
    assert (desk.folder / "staging" / "stage.duckdb").stat().st_size > 0
    assert _plain(desk.folder) == []
    current = desk.snapshots.current()
    assert current is not None
    assert current.id == earlier.snapshot

    again = desk.load(desk.file("visits.csv", _content(12)), DICTIONARY)

    assert again.status is Status.COMMITTED
    assert desk.is_clean()


def test_a_finished_file_that_is_not_in_the_list_is_removed(desk: Desk) -> None:
    """The moment between the file's renaming and its line in the list."""
    desk.load(desk.file("visits.csv", _content(8)), DICTIONARY)
    orphan = desk.folder / ("ab" * 16 + ".duckdb")
    orphan.write_bytes(b"whole, and in no list")

    desk.load(desk.file("visits.csv", _content(12)), DICTIONARY)

    assert not orphan.exists()
    assert desk.is_clean()


def test_the_scan_sees_a_plain_file(desk: Desk) -> None:
    """Negative control: the same values in a file without encryption are found."""
    desk.folder.mkdir()
    con = duckdb.connect(str(desk.folder / "plain.duckdb"))
    con.execute("CREATE TABLE t AS SELECT unnest($words) AS word", {"words": [c.decode() for c in CANARIES]})
    con.close()

    assert {canary for _, canary in _plain(desk.folder)} == set(CANARIES)
