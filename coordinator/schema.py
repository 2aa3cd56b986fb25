"""The store's tables, and how its file is opened and brought up to date. spec/store.md 2.

* WAL with synchronous=FULL is set and read back on every connection: an answer that an analyst was
  told of must outlive a power cut.
* The migrations in `migrations/` make the tables; a test holds them against `metadata`. A store that a
  newer version wrote is refused: an older program would misread it.
* Types and statements are those that PostgreSQL has too; only `sqlite_engine` knows SQLite.
"""

import stat
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    Table,
    Text,
    create_engine,
    event,
    inspect,
)
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from coordinator.errors import StoreError

_BUSY_MS = 30_000
_FULL = 2

metadata = MetaData(
    naming_convention={
        "ix": "%(table_name)s_by_%(column_0_N_name)s",
        "fk": "%(table_name)s_%(column_0_name)s_fkey",
        "pk": "%(table_name)s_pkey",
    }
)

question = Table(
    "question",
    metadata,
    Column("query_id", LargeBinary, primary_key=True),
    Column("analyst", Text, nullable=False),
    Column("envelope", LargeBinary, nullable=False),
    Column("audience", Text, nullable=False),
    Column("asked_at_ms", BigInteger, nullable=False),
    Column("deadline_at_ms", BigInteger, nullable=False),
    Column("open_until_ms", BigInteger, nullable=False),
    Index(None, "analyst", "asked_at_ms", "query_id"),
)
"""As it was asked; never changed. The audience: names, with a space between."""

due = Table(
    "due",
    metadata,
    Column("centre", Text, primary_key=True),
    Column("query_id", LargeBinary, ForeignKey("question.query_id"), primary_key=True),
    Column("analyst", Text, nullable=False),
    Column("open_until_ms", BigInteger, nullable=False),
    Index(None, "analyst"),
    Index(None, "open_until_ms"),
)
"""Who has still to be asked what: gone once there is an answer, or none can come any more."""

answer = Table(
    "answer",
    metadata,
    Column("query_id", LargeBinary, ForeignKey("question.query_id"), primary_key=True),
    Column("centre", Text, primary_key=True),
    Column("received_at_ms", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
"""As it came, the first of each centre; never changed."""

token = Table(
    "token",
    metadata,
    Column("hash", LargeBinary, primary_key=True),
    Column("sort", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("made_at_ms", BigInteger, nullable=False),
    Column("expires_at_ms", BigInteger, nullable=False),
    Column("ended_at_ms", BigInteger),
    Column("ended_how", Text),
    Index(None, "sort", "name"),
)
"""One-time tokens by their hashes. `ended_how`: `used` or `burnt`; null while it is open."""

wrong_tokens = Table(
    "wrong_tokens",
    metadata,
    Column("sort", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("began_at_ms", BigInteger, nullable=False),
    Column("tries", BigInteger, nullable=False),
)
"""How many wrong tokens came for whom since when."""


def sqlite_engine(path: Path) -> Engine:
    """Make the engine of a store in one file; nothing is opened yet."""
    engine = create_engine(f"sqlite:///{path}")
    event.listen(engine, "connect", _make_durable)
    event.listen(engine, "begin", _begin)
    return engine


def _make_durable(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    # Transactions are begun by `_begin`: the driver's own way begins none before a SELECT.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout = {_BUSY_MS}",
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    found = [cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]
    cursor.close()
    if found != ["wal", _FULL]:
        raise StoreError("the store's file system does not allow WAL with synchronous=FULL")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def make_private(path: Path) -> None:
    """Make the store's file, for this account alone; its log takes the file's mode. Raises StoreError."""
    try:
        path.touch(mode=0o600)
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            path.chmod(0o600)
    except OSError as error:
        raise StoreError(f"the store {path} cannot be written ({error.strerror})") from None


def migrate(engine: Engine, revision: str = "head") -> None:
    """Bring a store up to a revision of its tables. Raises StoreError, with one sentence."""
    config = Config()
    config.set_main_option("script_location", "coordinator:migrations")
    script = ScriptDirectory.from_config(config)
    try:
        with engine.begin() as connection:
            known = {one.revision for one in script.walk_revisions()}
            heads = set(MigrationContext.configure(connection).get_current_heads())
            if heads - known:
                raise StoreError("the store was written by a newer version; update this coordinator")
            if not heads and inspect(connection).get_table_names():
                raise StoreError("the store's file holds the tables of another program")
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
    except SQLAlchemyError as error:
        why = str(error.orig) if isinstance(error, DBAPIError) else "its database refuses"
        raise StoreError(f"the store cannot be opened ({why})") from None
