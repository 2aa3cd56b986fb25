"""One-time tokens at the coordinator: made, taken once, burnt. spec/enrolment.md 2.

Each method is one transaction. A token is in the store as its hash alone, and the hash is of one member:
under another name the same token is another hash, which is not there. The command that makes a token runs
beside the coordinator, on the same file.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, Engine, delete, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from coordinator import schema
from coordinator.errors import StoreError
from protocols.codec.strict import ms_of
from protocols.enrolment import MOST_WRONG_TOKENS, TOKEN_LIFE, Member, Token, sort_of
from protocols.errors import EnrolmentError, EnrolmentFault

_token, _wrong = schema.token, schema.wrong_tokens
_REMEMBERED = timedelta(days=30)
"""How long an ended token's hash stays, so that the log can say why it is refused."""
_WINDOW_MS = TOKEN_LIFE // timedelta(milliseconds=1)
_USED, _BURNT = "used", "burnt"


class Tokens:
    """The tokens of one coordinator. For several threads and programs at once."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    def make(self, who: Member, now: datetime) -> Token:
        """Make a token for one member, good for a quarter of an hour. Raises StoreError."""
        token = Token.new()
        with self._transaction() as connection:
            connection.execute(delete(_token).where(_token.c.expires_at_ms <= ms_of(now - _REMEMBERED)))
            connection.execute(
                insert(_token).values(
                    hash=token.digest_for(who).octets,
                    made_at_ms=ms_of(now),
                    expires_at_ms=ms_of(now + TOKEN_LIFE),
                    **_place(who),
                )
            )
        return token

    def take(self, token: Token | None, who: Member, now: datetime) -> None:
        """Use a token up; whoever returns from here is the only one. Raises EnrolmentError or StoreError.

        The tenth wrong one within a quarter of an hour burns what is open for that member, and so does
        each one after it.
        """
        if token is None:
            raise EnrolmentError(EnrolmentFault.TOKEN_MISSING, "there is no token")
        with self._transaction() as connection:
            fault = _taken(connection, token, who, now)
        if fault is not None:
            raise EnrolmentError(fault, "the token is not good")

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise StoreError(f"the store cannot be used ({type(error).__name__})") from None


def open_tokens(path: Path) -> Tokens:
    """Open the tokens in the store's file, made and brought up to date if need be. Raises StoreError."""
    schema.make_private(path)
    engine = schema.sqlite_engine(path)
    schema.migrate(engine)
    return Tokens(engine)


def _place(who: Member) -> dict[str, str]:
    return {"sort": sort_of(who), "name": who.text}


def _taken(connection: Connection, token: Token, who: Member, now: datetime) -> EnrolmentFault | None:
    """Take a token, or say why not. One statement decides, so that of two at once one finds nothing."""
    octets, now_ms = token.digest_for(who).octets, ms_of(now)
    taking = (
        update(_token)
        .where(
            _token.c.hash == octets,
            _token.c.ended_at_ms.is_(None),
            # A clock that was set back would make a token live longer.
            _token.c.made_at_ms <= now_ms,
            _token.c.expires_at_ms > now_ms,
        )
        .values(ended_at_ms=now_ms, ended_how=_USED)
    )
    if connection.execute(taking).rowcount == 1:
        return None
    row = connection.execute(select(_token.c.ended_how).where(_token.c.hash == octets)).one_or_none()
    if row is None:
        _count_wrong(connection, who, now)
        return EnrolmentFault.TOKEN_UNKNOWN
    if row.ended_how is None:
        return EnrolmentFault.TOKEN_LATE
    return EnrolmentFault.TOKEN_USED if row.ended_how == _USED else EnrolmentFault.TOKEN_BURNT


def _count_wrong(connection: Connection, who: Member, now: datetime) -> None:
    place = _place(who)
    row = connection.execute(select(_wrong).filter_by(**place)).one_or_none()
    # A clock that was set back forgives nothing.
    is_same_window = row is not None and ms_of(now) - row.began_at_ms < TOKEN_LIFE // timedelta(
        milliseconds=1
    )
    tries = row.tries + 1 if row is not None and is_same_window else 1
    if row is None:
        connection.execute(insert(_wrong).values(began_at_ms=ms_of(now), tries=tries, **place))
    else:
        began_at_ms = row.began_at_ms if is_same_window else ms_of(now)
        values = {"began_at_ms": began_at_ms, "tries": min(tries, MOST_WRONG_TOKENS)}
        connection.execute(update(_wrong).filter_by(**place).values(**values))
    if tries >= MOST_WRONG_TOKENS:
        burning = update(_token).filter_by(**place).where(_token.c.ended_at_ms.is_(None))
        connection.execute(burning.values(ended_at_ms=ms_of(now), ended_how=_BURNT))
