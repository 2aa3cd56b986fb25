"""The ledger's tables, and how its file is opened. spec/ledger.md 2.

* `event` holds the log and its Merkle tree: append-only, by trigger. Beside a leaf stand the hashes of
  the subtrees that it completes, so that an append writes one row, and an audit reads them once.
  `head` says how many there are: events that are cut off at the end are missed.
* `charge`, `asked` and `spent` are an index over the events, kept in the same transactions;
  the audit rebuilds them from the events and says what does not fit.
* `policy` keeps the exact bytes of every policy that came into force, beside its event.
* WAL with synchronous=FULL is set and read back on every connection: with NORMAL, a power cut
  loses charges whose release has left (measured in the research: 1,781 of 2,000).
"""

import sqlite3
import stat
from contextlib import closing
from pathlib import Path

from node.errors import LedgerError

SCHEMA_VERSION = 3
BUSY_MS = 30_000
"""So long a transaction waits for another's end before the ledger is busy, in milliseconds."""

_TABLES = """
CREATE TABLE IF NOT EXISTS event (seq INTEGER PRIMARY KEY, leaf BLOB NOT NULL, nodes BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS head (id INTEGER PRIMARY KEY CHECK (id = 1), size INTEGER NOT NULL) STRICT;
INSERT OR IGNORE INTO head (id, size) VALUES (1, 0);
CREATE TABLE IF NOT EXISTS charge (
    seq INTEGER PRIMARY KEY REFERENCES event (seq),
    key BLOB NOT NULL,
    snapshot BLOB NOT NULL,
    family BLOB NOT NULL,
    question BLOB NOT NULL,
    mode TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('charged', 'released', 'failed', 'withheld')),
    release BLOB CHECK ((release IS NOT NULL) = (state = 'released'))
) STRICT;
CREATE INDEX IF NOT EXISTS charge_by_key ON charge (key);
CREATE INDEX IF NOT EXISTS charge_by_family ON charge (family, snapshot) WHERE state = 'released';
CREATE INDEX IF NOT EXISTS charge_suppressed ON charge (seq)
WHERE mode = 'suppressed' AND state = 'released';
CREATE TABLE IF NOT EXISTS asked (
    query BLOB PRIMARY KEY, content BLOB NOT NULL, charge INTEGER NOT NULL REFERENCES charge (seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS spent (
    scope TEXT NOT NULL CHECK (scope IN ('registry', 'study', 'institution', 'day')),
    name TEXT NOT NULL,
    nano_rho TEXT NOT NULL,
    questions INTEGER NOT NULL,
    PRIMARY KEY (scope, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS policy (
    seq INTEGER PRIMARY KEY REFERENCES event (seq), octets BLOB NOT NULL
) STRICT;
CREATE TRIGGER IF NOT EXISTS policy_stays BEFORE UPDATE ON policy
BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER IF NOT EXISTS policy_remains BEFORE DELETE ON policy
BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER IF NOT EXISTS event_stays BEFORE UPDATE ON event
BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER IF NOT EXISTS event_remains BEFORE DELETE ON event
BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER IF NOT EXISTS charge_remains BEFORE DELETE ON charge
BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER IF NOT EXISTS charge_moves_forward BEFORE UPDATE ON charge
WHEN OLD.state <> 'charged' OR OLD.seq <> NEW.seq OR OLD.key <> NEW.key OR OLD.snapshot <> NEW.snapshot
    OR OLD.family <> NEW.family OR OLD.question <> NEW.question OR OLD.mode <> NEW.mode
BEGIN SELECT RAISE(ABORT, 'a charge only moves forward'); END;
"""


def is_begun(path: Path) -> bool:
    """Whether a ledger was ever begun in a file, be it damaged since; to look changes nothing.

    An absent file has none, nor has an empty one, nor another program's database.
    """
    if not path.exists():
        return False
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            return bool(connection.execute("PRAGMA user_version").fetchone()[0])
    except sqlite3.Error:
        return True  # what is wrong with it is said where it is opened


def connect(path: Path) -> sqlite3.Connection:
    """Open the ledger's file, making it if need be. Raises LedgerError when it cannot be trusted."""
    try:
        # The log gives its one connection to a thread at a time, behind a lock.
        connection = sqlite3.connect(
            path, isolation_level=None, timeout=BUSY_MS / 1000, check_same_thread=False
        )
        _make_private(path)
        connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        _assert_durable(connection)
        _migrate(connection)
    except (sqlite3.Error, OSError) as error:
        raise LedgerError(f"the ledger {path} cannot be opened ({error})") from None
    return connection


def _make_private(path: Path) -> None:
    """Take other accounts' rights off the file before there is a log, which takes the file's mode.

    By its name: opening and closing it here would take away the locks of this process's other
    connections (sqlite.org/howtocorrupt.html 2.2), and another process would then throw away their log.
    """
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        path.chmod(0o600)


def _assert_durable(connection: sqlite3.Connection) -> None:
    journal = connection.execute("PRAGMA journal_mode").fetchone()[0]
    synchronous = connection.execute("PRAGMA synchronous").fetchone()[0]
    if journal != "wal" or synchronous != 2:  # 2 is FULL
        raise LedgerError("the ledger's file system does not allow WAL with synchronous=FULL")


def _migrate(connection: sqlite3.Connection) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == SCHEMA_VERSION:
        return
    if version > SCHEMA_VERSION:
        raise LedgerError("the ledger was written by a newer version; update this node")
    if version:
        # Schemas 1 and 2 did not keep questions and institutions; no release of this program wrote them.
        raise LedgerError("the ledger was written before the first release; begin with a new data folder")
    # executescript would commit by itself: statements are run one by one inside the transaction.
    connection.execute("BEGIN IMMEDIATE")
    for statement in _statements(_TABLES):
        connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    connection.execute("COMMIT")


def _statements(script: str) -> list[str]:
    statements, text = [], ""
    for line in script.strip().splitlines():
        text += line + "\n"
        if sqlite3.complete_statement(text):
            statements.append(text)
            text = ""
    return statements
