"""A PostgreSQL server for a test, and a driver for it that is just large enough for SQLAlchemy.

No driver is among the packages, because no coordinator uses PostgreSQL yet; the client library that
every server brings along is enough to show that the store's statements run there. Types: what the
store has (bytes, text, whole numbers) and what SQLAlchemy asks the catalogue for.
"""

import ctypes
import ctypes.util
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, types
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.base import PGDialect

_BYTES_OID, _TRUTH_OID, _VECTOR_OID = 17, 16, 22
_NUMBER_OIDS = frozenset({20, 21, 23, 26})
_ARRAY_OIDS = {1000: _TRUTH_OID, 1003: 25, 1005: 21, 1007: 23, 1009: 25, 1016: 20, 1028: 26}
"""Arrays in the catalogue, and what each is of; names in it have no commas."""
_COMMAND_DONE, _ROWS_THERE = 1, 2

paramstyle = "numeric_dollar"
"""Read by SQLAlchemy, as of any driver's module."""


Binary = bytes


class Error(Exception):
    """What the server says."""


class _Cursor:
    def __init__(self, link: "Connection") -> None:
        self._link = link
        self._rows: Iterator[tuple[Any, ...]] = iter(())
        self.description: list[tuple[Any, ...]] | None = None
        self.rowcount = -1

    def execute(self, statement: str, parameters: Sequence[object] = ()) -> None:
        """Run a statement, in a transaction."""
        self._link.begin()
        self.description, rows, self.rowcount = self._link.run(statement, parameters)
        self._rows = iter(rows)

    def executemany(self, statement: str, rows: Sequence[Sequence[object]]) -> None:
        """Run a statement for each row."""
        for row in rows:
            self.execute(statement, row)

    def fetchone(self) -> tuple[Any, ...] | None:
        """Give the next row."""
        return next(self._rows, None)

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Give the other rows."""
        return list(self._rows)

    def close(self) -> None:
        """Nothing is held."""


class Connection:
    """A connection: transactions begin at the first statement."""

    def __init__(self, library: ctypes.CDLL, target: str) -> None:
        self._library = library
        self._handle = ctypes.c_void_p(library.PQconnectdb(target.encode()))
        if library.PQstatus(self._handle):
            raise Error(library.PQerrorMessage(self._handle).decode())
        self._is_open = False

    def cursor(self) -> _Cursor:
        """Make a cursor."""
        return _Cursor(self)

    def begin(self) -> None:
        """Begin a transaction, unless one is open."""
        if not self._is_open:
            self._is_open = True
            self.run("BEGIN", ())

    def commit(self) -> None:
        """Commit."""
        self._end("COMMIT")

    def rollback(self) -> None:
        """Take everything back."""
        self._end("ROLLBACK")

    def close(self) -> None:
        """Close."""
        self._library.PQfinish(self._handle)

    def _end(self, word: str) -> None:
        if self._is_open:
            self._is_open = False
            self.run(word, ())

    def run(
        self, statement: str, parameters: Sequence[object]
    ) -> tuple[list[tuple[Any, ...]] | None, list[tuple[Any, ...]], int]:
        """Run one statement; give the columns, the rows and their number."""
        library = self._library
        texts = [_text(one) for one in parameters]
        values = (ctypes.c_char_p * len(texts))(*texts) if texts else None
        found = ctypes.c_void_p(
            library.PQexecParams(self._handle, statement.encode(), len(texts), None, values, None, None, 0)
        )
        try:
            status = library.PQresultStatus(found)
            if status not in (_COMMAND_DONE, _ROWS_THERE):
                raise Error(library.PQresultErrorMessage(found).decode())
            if status == _COMMAND_DONE:
                return None, [], int(library.PQcmdTuples(found) or 0)
            rows = [self._row(found, number) for number in range(library.PQntuples(found))]
            names = [library.PQfname(found, place).decode() for place in range(library.PQnfields(found))]
            return [(name, *[None] * 6) for name in names], rows, len(rows)
        finally:
            library.PQclear(found)

    def _row(self, found: ctypes.c_void_p, number: int) -> tuple[Any, ...]:
        return tuple(
            None
            if self._library.PQgetisnull(found, number, place)
            else _value(self._library.PQgetvalue(found, number, place), self._library.PQftype(found, place))
            for place in range(self._library.PQnfields(found))
        )


def _text(value: object) -> bytes | None:
    if value is None:
        return None
    return rb"\x" + value.hex().encode() if isinstance(value, bytes) else str(value).encode()


def _value(text: bytes, oid: int) -> object:
    if oid == _BYTES_OID:
        return bytes.fromhex(text.decode().removeprefix(r"\x"))
    if oid == _TRUTH_OID:
        return text == b"t"
    if oid == _VECTOR_OID:
        return [int(one) for one in text.split()]
    if (of := _ARRAY_OIDS.get(oid)) is not None:
        return [None if one == b"NULL" else _value(one, of) for one in text.strip(b"{}").split(b",")]
    return int(text) if oid in _NUMBER_OIDS else text.decode()


def connect(target: str) -> Connection:
    """Connect, as the DB-API has it."""
    library = ctypes.CDLL(ctypes.util.find_library("pq"))
    for name, gives in (
        ("PQconnectdb", ctypes.c_void_p),
        ("PQexecParams", ctypes.c_void_p),
        ("PQerrorMessage", ctypes.c_char_p),
        ("PQresultErrorMessage", ctypes.c_char_p),
        ("PQcmdTuples", ctypes.c_char_p),
        ("PQfname", ctypes.c_char_p),
        ("PQgetvalue", ctypes.c_char_p),
    ):
        getattr(library, name).restype = gives
    return Connection(library, target)


class _Text(types.String):
    render_bind_cast = True


class _Whole(types.Integer):
    render_bind_cast = True


class _Big(types.BigInteger):
    render_bind_cast = True


_TYPES = {
    **PGDialect.colspecs,
    types.String: _Text,
    types.Integer: _Whole,
    types.BigInteger: _Big,
}


class SmallDialect(PGDialect):
    """SQLAlchemy's PostgreSQL over this driver, with each parameter's type written out."""

    driver = "small"
    default_paramstyle = paramstyle
    supports_statement_cache = True
    colspecs = _TYPES

    @classmethod
    def import_dbapi(cls) -> Any:  # noqa: ANN401 -- the DB-API is a module
        """Give this module: it has what a driver has."""
        return sys.modules[__name__]


def why_not() -> str | None:
    """Say why no server can be started here; None where one can."""
    if shutil.which("pg_ctl") is None:
        return "no PostgreSQL server on this machine (pg_ctl is not on the PATH)"
    if ctypes.util.find_library("pq") is None:
        return "no client library of PostgreSQL on this machine (libpq)"
    if os.geteuid() == 0 and "postgres" not in {one.pw_name for one in pwd.getpwall()}:
        return "PostgreSQL does not run as root, and there is no account postgres"
    return None


@contextmanager
def server() -> Iterator[Callable[[], Engine]]:
    """Start a server in a folder of its own; give what makes an engine for an empty database."""
    tools = Path(shutil.which("pg_ctl") or "").resolve().parent
    account = "postgres" if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="pg") as name:
        if account:
            shutil.chown(name, account)
        data, target = Path(name) / "data", f"host={name} user=postgres dbname=postgres"

        def run(tool: str, *words: str) -> None:
            command = [str(tools / tool), "-D", str(data), *words]
            subprocess.run(command, check=True, user=account, cwd=name, stdout=subprocess.DEVNULL)

        run("initdb", "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale", "C")
        log = str(Path(name) / "log")
        run("pg_ctl", "-w", "-l", log, "-o", f"-k {name} -c listen_addresses= -F", "start")
        try:
            yield lambda: _emptied(target)
        finally:
            run("pg_ctl", "-m", "immediate", "stop")


def _emptied(target: str) -> Engine:
    connection = connect(target)
    connection.run("SET client_min_messages = warning", ())
    for statement in ("DROP SCHEMA public CASCADE", "CREATE SCHEMA public"):
        connection.run(statement, ())
    connection.close()
    return create_engine("postgresql+small://", creator=lambda: connect(target))


registry.register("postgresql.small", __name__, "SmallDialect")
