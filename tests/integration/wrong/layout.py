"""Lays out the bench: a sandbox's papers and data without its programs, and everything wrong beside it."""

import contextlib
import fcntl
import socket
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from coordinator.belief import belief_of
from coordinator.settings import load_settings
from coordinator.store import open_store
from deploy.sandbox.authority import Authority
from deploy.sandbox.papers import Plan, policy_text, write_papers
from deploy.sandbox.places import Places
from node.cli import app
from protocols.dictionary_text import read_dictionary
from protocols.ids import CentreId
from protocols.program import run
from tests.integration import small
from tests.integration.wrong import analyst, coordinator, dictionaries, papers, policies, questions, tables
from tests.integration.wrong.bench import Bench
from tests.integration.wrong.files import write_files
from tests.integration.wrong.folders import write_folders, write_history
from tests.integration.wrong.papers import CENTRE, Paper, folder_of, write_texts, write_values, write_wrong
from tests.integration.wrong.publications import write_publications
from tests.integration.wrong.study_files import write_studies
from tests.protocols.test_dictionary_wrong import WRONG


@contextlib.contextmanager
def laid_out(root: Path) -> Iterator[Bench]:
    """Lay out a bench on which nothing runs; a node, a coordinator and a port are held as if it did."""
    files, box, here = root / "files", root / "box", root / "here"
    _write_sandbox(files, box)
    write_named_files(files)
    _write_node(box)
    write_studies(files, box)
    write_publications(files, box)
    _write_coordinator(box)
    write_analyst(box)
    here.mkdir()
    (snapshot,) = (folder_of(box) / "data" / "snapshots").glob("*.duckdb")
    with contextlib.ExitStack() as held:
        held.enter_context(_held(folder_of(box) / "data-held"))
        held.enter_context(_held(box / "coordinator" / "data-held"))
        port = held.enter_context(_port())
        write_values(box, "skerry-coordinator", {"port-in-use": ("listen", f'"127.0.0.1:{port}"')})
        yield Bench(
            places={"box": box, "files": files, "snapshot": snapshot.stem}, here=here, watched=(box, files)
        )


def _write_sandbox(files: Path, box: Path) -> None:
    """Write the papers of a sandbox, and import its data; none of its programs is started."""
    dictionary, sources = small.written(files, people=12)
    text = dictionary.read_bytes()
    plan = Plan(
        dictionary=read_dictionary(text),
        dictionary_text=text,
        centres={CentreId(CENTRE): sources["people"]},
        policy=policy_text("permissive", None),
        port=1,
    )
    write_papers(Places(box), plan)
    config = str(folder_of(box) / "node.toml")
    assert run(app, "skerry-node", ["--config", config, "import", str(sources["people"])]) == 0
    write_history(folder_of(box) / "data")


def write_named_files(files: Path) -> None:
    """Write what stands on command lines: questions, dictionaries, tables, policies."""
    write_files(files)
    right = policy_text("permissive", None)
    texts: dict[str, str | bytes] = {
        "valid.yaml": questions.VALID,
        "policy.toml": right,
        "mistyped.yaml": small.DICTIONARY.replace("constraints", "constraint", 1),
        "drafted.yaml": small.DICTIONARY.replace("{unit: years}", "{unit: years, drafted: [range]}"),
        **{questions.file_of(name): text for name, (text, *_) in questions.QUESTIONS.items()},
        **{tables.file_of(name): text for name, (text, _) in tables.TABLES.items()},
        **{policies.file_of(name): change(right) for name, (change, _) in policies.POLICIES.items()},
        **{dictionaries.file_of(name): wrong.text for name, wrong in WRONG.items()},
    }
    for name, text in texts.items():
        (files / name).write_bytes(text if isinstance(text, bytes) else text.encode())


def write_analyst(box: Path) -> None:
    """Write the analyst's wrong profiles."""
    write_texts(box, "skerry")
    write_values(box, "skerry", analyst.VALUES)
    write_wrong(
        box,
        "skerry",
        {
            **papers.SHARED,
            **papers.DICTIONARY,
            **papers.ANALYST,
            "tls-of-another": _certificate(box, "analyst/tls.key", "skerry://analyst/eve"),
        },
    )


def _write_node(box: Path) -> None:
    write_texts(box, "skerry-node")
    write_values(
        box,
        "skerry-node",
        {"other-officer": ("officer", '"officer-b"'), "other-centre": ("centre", '"berlin"')},
    )
    key = f"centres/{CENTRE}/keys/tls.key"
    write_wrong(
        box,
        "skerry-node",
        {
            **papers.SHARED,
            **papers.DICTIONARY,
            **papers.NODE,
            "tls-of-another": _certificate(box, key, "skerry://centre/b"),
        },
    )
    write_folders(box)


def _write_coordinator(box: Path) -> None:
    write_texts(box, "skerry-coordinator")
    write_values(box, "skerry-coordinator", coordinator.VALUES)
    write_wrong(
        box,
        "skerry-coordinator",
        {
            **papers.SHARED,
            **papers.COORDINATOR,
            "tls-of-another": _certificate(box, "coordinator/tls.key", "skerry://centre/b"),
        },
    )
    home = box / "coordinator"
    (home / "data").mkdir()
    open_store(home / "data" / "coordinator.db").close()
    belief_of(load_settings(home / "coordinator.toml"))
    (home / "data-file").write_text("data", encoding="utf-8")
    for name in ("data-held", "store-garbage", "store-of-another", "store-of-tomorrow"):
        (home / name).mkdir()
    (home / "store-folder" / "coordinator.db").mkdir(parents=True)
    (home / "store-garbage" / "coordinator.db").write_bytes(b"no store" * 1000)
    _database(home / "store-of-another", "CREATE TABLE recipes (cake TEXT)")
    _database(
        home / "store-of-tomorrow",
        "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)",
        "INSERT INTO alembic_version VALUES ('9999')",
    )
    folders = [path.name for path in home.iterdir() if path.name.startswith(("store-", "data-"))]
    write_values(box, "skerry-coordinator", {name: ("data", f'"{name}"') for name in folders})


def _database(folder: Path, *statements: str) -> None:
    with contextlib.closing(sqlite3.connect(folder / "coordinator.db")) as db, db:
        db.execute("PRAGMA journal_mode=WAL")
        for statement in statements:
            db.execute(statement)


def _certificate(box: Path, key: str, uri: str) -> Paper:
    """Give a certificate of the right authority and key that names somebody else."""
    place = box / "wrong.pem"
    Authority(box / "consortium").issue(box / key, place, uri)
    octets = place.read_bytes()
    return Paper(key="tls_certificate", make=lambda _: octets)


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Hold a data folder as a running program does."""
    with (folder / "run.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def _port() -> Iterator[int]:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        one.listen()
        yield int(one.getsockname()[1])
