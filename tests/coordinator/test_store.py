"""The contract of the store's transactions, the same on SQLite and on PostgreSQL; and SQLite's file."""

import stat
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import Engine, event, text

from coordinator import schema, store
from coordinator.errors import StoreError, TakenError, TooManyOpenError, UnknownQuestionError
from coordinator.questions import Arrived, Kept, Question
from coordinator.store import Store, open_store
from protocols.ids import CentreId, QueryId
from tests.coordinator.relay_desk import ADA, BERLIN, BOB, CENTRES, HOUR, OSLO, PARIS, asked
from tests.protocols.examples import NOW

EVERY_BYTE = bytes(range(256))


@pytest.fixture
def kept(engine: Engine) -> Store:
    schema.migrate(engine)
    return Store(engine)


def arrived(question: Question, centre: CentreId = BERLIN, body: bytes = EVERY_BYTE) -> Arrived:
    received_at = NOW + timedelta(seconds=1)
    return Arrived(query_id=question.query_id, centre=centre, body=body, received_at=received_at)


def due_ids(kept: Store, centre: CentreId, limit: int = 99) -> list[QueryId]:
    return [one.query_id for one in kept.due_for(centre, NOW, limit)]


def test_a_question_comes_back_as_it_was_asked(kept: Store) -> None:
    question = asked()
    fresh = kept.open_question(question)
    assert (fresh.question, fresh.received) == (question, {})
    assert kept.kept(question.query_id, ADA) == fresh
    for centre in CENTRES:
        (due,) = kept.due_for(centre, NOW, 9)
        assert (due.query_id, due.envelope) == (question.query_id, question.envelope)


def test_asked_again_the_first_one_stays(kept: Store) -> None:
    question = asked()
    kept.open_question(question)
    kept.record_answers([arrived(question)])
    later = replace(question, asked_at=NOW + timedelta(minutes=1), deadline_at=NOW + timedelta(minutes=2))
    again = kept.open_question(later)
    assert (again.question, list(again.received)) == (question, [BERLIN])
    assert due_ids(kept, BERLIN) == []


def test_one_id_stands_for_one_content(kept: Store) -> None:
    question = asked()
    kept.open_question(question)
    for other in (
        replace(question, envelope=question.envelope + b"x"),
        asked(query_id=question.query_id, analyst=BOB),
    ):
        with pytest.raises(TakenError):
            kept.open_question(other)
    assert kept.kept(question.query_id, ADA).question == question


def test_an_answer_comes_back_as_it_came_and_the_first_one_stays(kept: Store) -> None:
    question = asked()
    kept.open_question(question)
    assert kept.record_answers([arrived(question), arrived(question, OSLO, b"")]) == [True, True]
    assert kept.record_answers([arrived(question, body=b"another")]) == [False]
    assert kept.body(question.query_id, BERLIN) == EVERY_BYTE
    assert kept.body(question.query_id, OSLO) == b""
    assert kept.body(question.query_id, PARIS) is None
    assert kept.kept(question.query_id, ADA).received == dict.fromkeys(
        (BERLIN, OSLO), NOW + timedelta(seconds=1)
    )
    assert [due_ids(kept, centre) for centre in CENTRES] == [[], [], [question.query_id]]


def test_an_answer_that_nobody_asked_for_is_dropped(kept: Store) -> None:
    question, unknown = asked(audience=(BERLIN,)), asked()
    kept.open_question(question)
    both = [arrived(question, OSLO), arrived(unknown), arrived(question)]
    assert kept.record_answers(both) == [False, False, True]


def test_what_is_due_comes_oldest_first_and_no_more_than_wanted(kept: Store) -> None:
    questions = [asked(NOW + timedelta(seconds=second), audience=(BERLIN,)) for second in (3, 1, 2)]
    for question in questions:
        kept.open_question(question)
    third, first, second = (question.query_id for question in questions)
    assert due_ids(kept, BERLIN) == [first, second, third]
    assert due_ids(kept, BERLIN, 2) == [first, second]
    assert due_ids(kept, OSLO) == []


def test_what_has_expired_is_due_no_more_and_its_answer_is_still_taken(kept: Store) -> None:
    question = asked()
    kept.open_question(question)
    assert kept.due_for(BERLIN, NOW + HOUR - timedelta(milliseconds=1), 9)
    assert kept.due_for(BERLIN, NOW + HOUR, 9) == ()
    later = asked(NOW + HOUR, not_after_ms=int((NOW + 2 * HOUR).timestamp() * 1000))
    kept.open_question(later)
    assert due_ids(kept, BERLIN) == [later.query_id]
    assert kept.record_answers([arrived(question)]) == [True]
    assert list(kept.kept(question.query_id, ADA).received) == [BERLIN]


def test_nobody_has_the_questions_of_another(kept: Store) -> None:
    own, other = asked(), asked(analyst=BOB)
    kept.open_question(own)
    kept.open_question(other)
    for analyst, foreign in ((ADA, other), (BOB, own), (ADA, asked())):
        with pytest.raises(UnknownQuestionError):
            kept.kept(foreign.query_id, analyst)
        with pytest.raises(UnknownQuestionError):
            kept.questions_of(analyst, 9, foreign.query_id)
    assert [one.question for one in kept.questions_of(BOB, 9, None)] == [other]


def test_a_list_is_newest_first_and_its_pages_meet(kept: Store) -> None:
    """Some were asked in the same millisecond: no page may lose or repeat one."""
    questions = [asked(NOW + timedelta(milliseconds=number // 3)) for number in range(10)]
    for question in questions:
        kept.open_question(question)
        kept.record_answers([arrived(question, OSLO)])
    whole = kept.questions_of(ADA, 99, None)
    assert {one.question.query_id for one in whole} == {one.query_id for one in questions}
    assert all(one.question.asked_at >= next_.question.asked_at for one, next_ in pairwise(whole))
    assert all(list(one.received) == [OSLO] for one in whole)
    pages: list[Kept] = []
    last = None
    while page := kept.questions_of(ADA, 4, last):
        pages += page
        last = page[-1].question.query_id
    assert pages == list(whole)


def test_a_flood_for_a_centre_that_is_away_has_an_end(kept: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MOST_DUE", 7)
    first = asked()
    kept.open_question(first)
    kept.open_question(asked())
    with pytest.raises(TooManyOpenError):
        kept.open_question(asked())
    kept.open_question(first)
    kept.open_question(asked(analyst=BOB))
    kept.record_answers([arrived(first), arrived(first, OSLO)])
    kept.open_question(asked())


def test_a_transaction_that_fails_leaves_nothing(kept: Store, engine: Engine) -> None:
    """The second statement of an answer fails: the first is taken back, and it is said."""
    question = asked()
    kept.open_question(question)

    def fail(_c: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("DELETE FROM due WHERE due.query_id"):
            raise StoreError("the power went")

    event.listen(engine, "before_cursor_execute", fail)
    with pytest.raises(StoreError):
        kept.record_answers([arrived(question)])
    event.remove(engine, "before_cursor_execute", fail)
    assert kept.body(question.query_id, BERLIN) is None
    assert kept.record_answers([arrived(question)]) == [True]


def test_a_broken_store_says_so_without_its_contents(kept: Store, engine: Engine) -> None:
    question = asked()
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE due"))
    with pytest.raises(StoreError) as error:
        kept.open_question(question)
    assert question.envelope.hex() not in str(error.value)
    assert error.value.__cause__ is None


def test_the_file_is_durable_and_private(tmp_path: Path) -> None:
    path = tmp_path / "coordinator.db"
    path.touch(mode=0o644)
    kept = open_store(path)
    kept.open_question(asked())
    for one in tmp_path.iterdir():
        assert stat.S_IMODE(one.stat().st_mode) == 0o600, one
    with schema.sqlite_engine(path).connect() as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
    kept.close()


def test_where_no_log_can_be_kept_nothing_is_opened() -> None:
    """In memory there is no write-ahead log, as on some network file systems."""
    with pytest.raises(StoreError, match="WAL"):
        schema.migrate(schema.sqlite_engine(Path(":memory:")))


def test_a_store_survives_its_program(tmp_path: Path) -> None:
    question = asked()
    first = open_store(tmp_path / "coordinator.db")
    first.open_question(question)
    first.record_answers([arrived(question)])
    # Not closed: the program was killed.
    again = open_store(tmp_path / "coordinator.db")
    assert again.body(question.query_id, BERLIN) == EVERY_BYTE
    assert due_ids(again, BERLIN) == []
    assert due_ids(again, OSLO) == [question.query_id]
    first.close()
    again.close()


@pytest.mark.parametrize("content", [b"not a database", b"\x00" * 4096])
def test_a_file_that_is_no_store_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "coordinator.db"
    path.write_bytes(content)
    with pytest.raises(StoreError, match="cannot be opened"):
        open_store(path)
    assert path.read_bytes() == content
