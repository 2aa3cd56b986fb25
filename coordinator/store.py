"""The coordinator's store: questions, answers and who has still to be asked, in named transactions.

spec/store.md. Each method is one transaction: done and durable when it returns, or not done at all.

* A question is kept as it came and never changed; a query id stands for one content.
* The first answer of a centre is kept as it came; nothing here reads one. A later one is dropped.
* A centre has a question due until its answer is there, or until the question's time is over.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Row, delete, func, insert, select, tuple_
from sqlalchemy.exc import SQLAlchemyError

from coordinator import schema
from coordinator.errors import StoreError, TakenError, TooManyOpenError, UnknownQuestionError
from coordinator.questions import Arrived, Kept, Question
from protocols.codec.strict import ms_of, time_of
from protocols.ids import AnalystId, CentreId, QueryId

MOST_DUE = 10_000
"""What one analyst may have waiting, counted by question and centre: it bounds what a flood can store."""

_question, _due, _answer = schema.question, schema.due, schema.answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """What is to be sent to a centre."""

    query_id: QueryId
    envelope: bytes


class Store:
    """One coordinator's memory. Not for several threads at once, and for one program."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def close(self) -> None:
        """Close the connection."""
        self._engine.dispose()

    def open_question(self, question: Question) -> Kept:
        """Keep a question, and have it due at its audience; give what is kept under its id.

        A question that is there already, of the same bytes, stays as it is. What is due and whose time
        is over is let go. Raises TakenError, TooManyOpenError or StoreError.
        """
        with self._transaction() as connection:
            _close_expired(connection, question.asked_at)
            there = _found(connection, question.query_id)
            if there is None:
                _insert(connection, question)
                return Kept(question=question, received={})
            if there.envelope != question.envelope:
                raise TakenError("the query id stands for another question")
            return _kept(connection, [there])[0]

    def due_for(self, centre: CentreId, now: datetime, limit: int) -> tuple[Due, ...]:
        """Give what a centre has still to be asked, the oldest first. Raises StoreError."""
        asked = (
            select(_question.c.query_id, _question.c.envelope)
            .join(_due, _due.c.query_id == _question.c.query_id)
            .where(_due.c.centre == centre.text, _due.c.open_until_ms > ms_of(now))
            .order_by(_question.c.asked_at_ms, _question.c.query_id)
            .limit(limit)
        )
        with self._transaction() as connection:
            rows = connection.execute(asked).all()
        return tuple(Due(query_id=QueryId(row.query_id), envelope=row.envelope) for row in rows)

    def record_answers(self, arrived: Sequence[Arrived]) -> list[bool]:
        """Keep answers; say of each whether it is the first of its centre. Raises StoreError."""
        with self._transaction() as connection:
            return [_record(connection, one) for one in arrived]

    def kept(self, query_id: QueryId, analyst: AnalystId) -> Kept:
        """Give a question of an analyst. Raises UnknownQuestionError, also where it is another's."""
        with self._transaction() as connection:
            return _kept(connection, [_own(connection, query_id, analyst)])[0]

    def questions_of(self, analyst: AnalystId, limit: int, before: QueryId | None) -> tuple[Kept, ...]:
        """Give an analyst's questions, newest first: those asked before one of them, if it is named.

        Raises UnknownQuestionError when `before` is no question of this analyst.
        """
        order = (_question.c.asked_at_ms, _question.c.query_id)
        page = select(_question).where(_question.c.analyst == analyst.text)
        with self._transaction() as connection:
            if before is not None:
                last = _own(connection, before, analyst)
                page = page.where(tuple_(*order) < tuple_(ms_of(last.asked_at), last.query_id.octets))
            page = page.order_by(*(column.desc() for column in order)).limit(limit)
            return tuple(_kept(connection, [_question_of(row) for row in connection.execute(page)]))

    def body(self, query_id: QueryId, centre: CentreId) -> bytes | None:
        """Give a centre's answer as it came; None where there is none. Raises StoreError."""
        stored = select(_answer.c.body).where(
            _answer.c.query_id == query_id.octets, _answer.c.centre == centre.text
        )
        with self._transaction() as connection:
            return connection.execute(stored).scalar_one_or_none()

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            # Its text has the statement's parameters: envelopes and answers do not belong in a log.
            raise StoreError(f"the store cannot be used ({type(error).__name__})") from None


def open_store(path: Path) -> Store:
    """Open the store in a file, made and brought up to date if need be. Raises StoreError."""
    schema.make_private(path)
    engine = schema.sqlite_engine(path)
    schema.migrate(engine)
    return Store(engine)


def _found(connection: Connection, query_id: QueryId) -> Question | None:
    found = select(_question).where(_question.c.query_id == query_id.octets)
    row = connection.execute(found).one_or_none()
    return None if row is None else _question_of(row)


def _own(connection: Connection, query_id: QueryId, analyst: AnalystId) -> Question:
    found = _found(connection, query_id)
    if found is None or found.analyst != analyst:
        raise UnknownQuestionError("there is no question of yours with this id")
    return found


def _insert(connection: Connection, question: Question) -> None:
    open_ones = select(func.count()).select_from(_due).where(_due.c.analyst == question.analyst.text)
    if connection.execute(open_ones).scalar_one() + len(question.audience) > MOST_DUE:
        raise TooManyOpenError("too many of your questions wait for centres that are away")
    values = {
        "query_id": question.query_id.octets,
        "analyst": question.analyst.text,
        "open_until_ms": ms_of(question.open_until),
    }
    connection.execute(
        insert(_question).values(
            envelope=question.envelope,
            audience=" ".join(centre.text for centre in question.audience),
            asked_at_ms=ms_of(question.asked_at),
            deadline_at_ms=ms_of(question.deadline_at),
            **values,
        )
    )
    connection.execute(insert(_due), [{"centre": centre.text, **values} for centre in question.audience])


def _close_expired(connection: Connection, now: datetime) -> None:
    connection.execute(delete(_due).where(_due.c.open_until_ms <= ms_of(now)))


def _record(connection: Connection, arrived: Arrived) -> bool:
    place = {"query_id": arrived.query_id.octets, "centre": arrived.centre.text}
    there = select(_answer.c.centre).filter_by(**place)
    if connection.execute(there).one_or_none() is not None:
        return False
    question = _found(connection, arrived.query_id)
    if question is None or arrived.centre not in question.audience:
        return False
    connection.execute(
        insert(_answer).values(body=arrived.body, received_at_ms=ms_of(arrived.received_at), **place)
    )
    connection.execute(delete(_due).filter_by(**place))
    return True


def _kept(connection: Connection, questions: Sequence[Question]) -> list[Kept]:
    """Give questions with the times of their answers."""
    received: dict[bytes, dict[CentreId, datetime]] = {one.query_id.octets: {} for one in questions}
    times = select(_answer.c.query_id, _answer.c.centre, _answer.c.received_at_ms).where(
        _answer.c.query_id.in_(list(received))
    )
    for row in connection.execute(times):
        received[row.query_id][CentreId(row.centre)] = time_of(row.received_at_ms)
    return [Kept(question=one, received=received[one.query_id.octets]) for one in questions]


def _question_of(row: Row[Any]) -> Question:
    return Question(
        query_id=QueryId(row.query_id),
        analyst=AnalystId(row.analyst),
        envelope=row.envelope,
        audience=tuple(CentreId(name) for name in row.audience.split()),
        asked_at=time_of(row.asked_at_ms),
        deadline_at=time_of(row.deadline_at_ms),
        open_until=time_of(row.open_until_ms),
    )
