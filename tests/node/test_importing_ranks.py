"""Caps, keys and repeats: what one patient's rows become never depends on anybody else's."""

import random
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from node.importing.checks import check
from node.importing.importer import import_snapshot
from node.importing.report import Status, TableReport
from node.importing.staging import staged_tables, staging
from node.snapshots import Snapshots
from tests.node.importing_desk import AGE, KEY, NOTE, NOW, PATIENT, SIMPLE, Desk, one_table

CAPPED = one_table([PATIENT, AGE, NOTE], resource="skerry: {rows_per_patient: 2}")
WORLDS = st.dictionaries(
    st.sampled_from(["p", "q", "r", "s"]),
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["", "x", "y"])), min_size=1, max_size=6),
    min_size=2,
)
Row = tuple[str, int, str]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def _rows(world: dict[str, list[tuple[int, str]]], seed: int) -> list[Row]:
    """The rows of a world, those of different patients mixed; each patient's in their own order."""
    queues = {key: list(values) for key, values in world.items()}
    order = [key for key, values in world.items() for _ in values]
    random.Random(seed).shuffle(order)  # noqa: S311 -- a test's order
    return [(key, *queues[key].pop(0)) for key in order]


def _stored(desk: Desk, rows: list[Row]) -> set[tuple[object, ...]]:
    content = "id,age,note\n" + "".join(f"{key},{age},{note}\n" for key, age, note in rows)
    desk.load(desk.file("visits.csv", content), CAPPED)
    return set(desk.rows())


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(world=WORLDS, seed=st.integers(0, 99), data=st.data())
def test_the_cap_is_stable_when_another_patient_leaves(
    tmp_path_factory: pytest.TempPathFactory,
    world: dict[str, list[tuple[int, str]]],
    seed: int,
    data: st.DataObject,
) -> None:
    desk = Desk(tmp_path_factory.mktemp("desk"))
    rows = _rows(world, seed)
    leaver = data.draw(st.sampled_from(sorted(world)))

    before = _stored(desk, rows)
    after = _stored(desk, [row for row in rows if row[0] != leaver])

    number = _number(leaver)
    assert after == {row for row in before if row[0] != number}
    assert {row for row in before if row[0] == number} or not world[leaver]
    assert len([row for row in before if row[0] == number]) == min(2, len(world[leaver]))


def _number(key: str) -> int:
    """The patient number of the spec, by another way than the importer's."""
    from hashlib import sha256  # noqa: PLC0415 -- the oracle's own

    secret = Snapshots(Path(), KEY).secrets.patients
    return int.from_bytes(sha256((secret + key).encode()).digest()[:8], "big") >> 1


def test_the_order_of_the_file_does_not_choose_the_rows(desk: Desk) -> None:
    rows = [("p", age, "x") for age in range(50)]

    forward = {row[2:] for row in _stored(desk, rows)}
    backward = {row[2:] for row in _stored(desk, rows[::-1])}

    assert forward == backward
    assert forward != {(0.0, "x"), (1.0, "x")}  # nor are they simply the first


def test_another_key_chooses_other_rows(desk: Desk) -> None:
    rows = "".join(f"p,{age},\n" for age in range(100))
    path = desk.file("visits.csv", "id,age,note\n" + rows)
    chosen = set()
    for key in (bytes(32), bytes([1] * 32)):
        snapshots = Snapshots(desk.root / key.hex()[:4], key)
        import_snapshot(
            path,
            dictionary=CAPPED,
            snapshots=snapshots,
            rows_are_patients=False,
            progress=desk.told.append,
            now=NOW,
        )
        snapshot = snapshots.current()
        assert snapshot is not None
        con = snapshots.open_read_only(snapshot)
        chosen.add(tuple(con.execute("SELECT patient, c1 FROM s.t0 ORDER BY rk").fetchall()))
        con.close()

    assert len(chosen) == 2


def test_ranks_run_from_one_to_the_cap(desk: Desk) -> None:
    stored = _stored(desk, [("p", age, "") for age in range(9)] + [("q", 1, "")])

    ranks = sorted((row[0] == _number("p"), row[1]) for row in stored)
    assert ranks == [(False, 1), (True, 1), (True, 2)]


def test_the_report_counts_rows_over_the_cap(desk: Desk) -> None:
    report = desk.load(desk.file("visits.csv", "id,age,note\np,1,\np,2,\np,3,\nq,1,\n"), CAPPED)

    (table,) = report.tables
    assert (table.rows, table.patients, table.stored, table.over_cap) == (4, 2, 3, 1)


def test_blanks_around_a_key_do_not_make_another_patient(desk: Desk) -> None:
    stored = _stored(desk, [("p", 1, ""), (" p\t", 2, ""), ("\u00a0p", 3, ""), ("P", 4, "")])

    assert len({row[0] for row in stored}) == 2


@pytest.mark.parametrize("cap", [1, 5])
def test_two_keys_with_one_number_are_refused(desk: Desk, cap: int) -> None:
    """Nobody can find such keys, so the staged rows are made by hand."""
    resource = f"skerry: {{rows_per_patient: {cap}}}"
    (staged,) = staged_tables(one_table([PATIENT, AGE], resource=resource))
    with desk.snapshots.importing() as folder, staging(folder, None) as con:
        con.execute("CREATE TABLE st.a0 (row BIGINT, patient BIGINT, k VARCHAR, e_k UTINYINT, e1 UTINYINT)")
        con.execute("INSERT INTO st.a0 VALUES (1, 7, 'p', 0, 0), (2, 8, 'q', 0, 0), (3, 7, 'r', 0, 0)")
        report = check(con, staged, staged, TableReport(table="visits", file="visits.csv"))

    assert [(f.row, f.reason.value) for f in report.findings] == [(1, "key_collision"), (3, "key_collision")]


def test_the_same_files_again_commit_nothing(desk: Desk) -> None:
    path = desk.file("visits.csv", "id,age,sex,score,note\np,1,F,2,x\n")
    first = desk.load(path, SIMPLE)

    again = desk.load(path, SIMPLE)

    assert (again.status, again.snapshot) == (Status.UNCHANGED, first.snapshot)
    assert len(desk.snapshots.all()) == 1
    assert str(first.snapshot) in again.summary


@pytest.mark.parametrize("change", ["bytes", "dictionary", "file gone", "back to an older file"])
def test_anything_else_is_a_new_snapshot(desk: Desk, change: str) -> None:
    content = "id,age,note\np,1,x\n"
    path = desk.file("visits.csv", content)
    first = desk.load(path, CAPPED)
    dictionary = CAPPED
    if change == "bytes":
        path.write_text(content + "q,1,x\n")
    elif change == "dictionary":
        dictionary = one_table([PATIENT, AGE, NOTE], resource="skerry: {rows_per_patient: 3}")
    elif change == "file gone":
        (desk.folder / f"{first.snapshot}.duckdb").unlink()
    else:
        desk.load(desk.file("other.csv", content + "q,2,x\n"), CAPPED)

    second = desk.load(path, dictionary)

    current = desk.snapshots.current()
    assert second.status is Status.COMMITTED
    assert current is not None
    assert current.id == second.snapshot != first.snapshot
    assert current.dictionary == dictionary.digest
    assert current.committed_at - NOW == timedelta(0)
