"""DuckDB over encrypted files: a connection that spills encrypted, the attached file, the lock.

spec/snapshot.md 5 and 6. Snapshots and the staging files of an import are opened here, and nowhere else.
"""

from pathlib import Path

import duckdb
import duckdb_extension_httpfs


def connect(spill: Path, *, memory: str) -> duckdb.DuckDBPyConnection:
    """Open an empty database in memory whose spill files are encrypted.

    DuckDB's default is plain spill files, also beside encrypted databases; encrypting them needs
    the packaged extension, which is loaded by its path, never looked for or downloaded.
    """
    con = duckdb.connect(
        ":memory:",
        config={
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "allow_community_extensions": "false",
            "python_enable_replacements": "false",
            "memory_limit": memory,
            "temp_directory": str(spill),
            "threads": 2,
        },
    )
    con.execute("SET temp_file_encryption=true")
    con.execute(f"LOAD {_quoted(_extension())}")
    return con


def attach(con: duckdb.DuckDBPyConnection, path: Path, name: str, key: str, *, read_only: bool) -> None:
    """Attach an encrypted file under a name of ours; the key is a bound parameter."""
    mode = "READ_ONLY, " if read_only else ""
    con.execute(f"ATTACH {_quoted(path)} AS {name} ({mode}ENCRYPTION_KEY ?)", [key])
    if not read_only:
        path.chmod(0o600)  # DuckDB makes files by the umask; the folder around is private already


def lock_down(con: duckdb.DuckDBPyConnection) -> None:
    """Refuse every other file, the network, extensions and changes of settings from here on."""
    con.execute("SET enable_external_access=false")
    con.execute("SET lock_configuration=true")


def _extension() -> Path:
    folder = Path(duckdb_extension_httpfs.__file__).parent / "extensions" / f"v{duckdb.__version__}"
    return folder / "httpfs.duckdb_extension"


def _quoted(path: Path) -> str:
    # ATTACH and LOAD take no parameter for a path. It comes from the node's settings, not from data.
    return "'" + str(path).replace("'", "''") + "'"
