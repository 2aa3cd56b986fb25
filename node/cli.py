"""The commands of `skerry-node`, for the custodian and the privacy officer, put together; and `run`."""

import asyncio
import fcntl
import logging
import os
import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.commands import (
    data,
    dictionaries,
    officer,
    policies,
    releases,
    reports,
    running,
    snapshots,
    studies,
)
from node.commands.enrolment import enrol
from node.commands.keys import init as init_command
from node.commands.opening import (
    SETTINGS_ADVICE,
    check_ledger,
    check_not_lost,
    check_registry,
    ledger_path,
    rules_of,
    settings_of,
)
from node.errors import NodeError, RulesError, SnapshotError
from node.keys import NodeKeys, load_keys
from node.presence import LOCK, is_running, telling
from node.rules import Rules
from node.settings import Settings
from node.transport_pair import settle
from protocols.clock import system_clock
from protocols.errors import WireError
from protocols.program import Exit, ProgramError
from protocols.program import run as run_program
from protocols.transport_papers import check_certificate, check_pair

if TYPE_CHECKING:
    from node.agent import Agent
    from node.engines.duckdb_engine import DuckDBEngine
    from node.in_force import InForce
    from node.link import Transport
    from node.snapshots import Snapshots

_LOOK_EVERY_S = 5.0
"""How soon a running node lets go of a snapshot that was retired or erased."""

app = typer.Typer(
    help="A centre's node: keeps patients' data on site, answers within its policy, and accounts for it.",
    no_args_is_help=True,
    add_completion=False,
)
app.add_typer(dictionaries.app, name="dictionary")
app.add_typer(snapshots.app, name="snapshots")
app.add_typer(releases.app, name="releases")
app.add_typer(policies.app, name="policy")
app.add_typer(studies.app, name="study")


@app.callback()
def _programme(
    context: typer.Context,
    config: Annotated[Path, typer.Option("--config", help="The settings file (TOML).")] = Path("node.toml"),
) -> None:
    """Remember the settings file for the command that follows."""
    context.obj = config


@app.command()
def run(context: typer.Context) -> None:
    """Run the node until it is stopped (SIGTERM or Ctrl-C); SIGHUP reads roster, policy and studies again."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    settings = settings_of(context)
    rules = rules_of(settings)
    try:
        if not is_running(settings.data):
            settle(settings.keys, settings.tls_certificate, settings.centre_id.uri)
        keys = load_keys(settings.keys)
        transport = _transport(settings, keys)
        with _alone(settings.data):
            check_not_lost(settings)
            asyncio.run(_serve(settings, rules, keys, transport))
    except RulesError as error:
        advice = error.next_step or SETTINGS_ADVICE
        raise ProgramError(Exit.WRONG_USE, "settings", str(error), advice) from None
    except NodeError as error:
        advice = "see the log, and run: skerry-node audit"
        raise ProgramError(Exit.INTERNAL, "node", str(error), advice) from None


@contextmanager
def _alone(data: Path) -> Iterator[None]:
    """Hold the node's folder: a second node would end the first one's stream, and that one's in turn."""
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(data / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise RulesError(f"the data folder {data} cannot be used ({error.strerror})") from None
    try:
        _lock(descriptor, data)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, data: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        what = f"a node with the data folder {data} is running already"
        advice = "leave it: it answers from what you import meanwhile; or stop it first"
        raise ProgramError(Exit.WRONG_USE, "running", what, advice) from None


def _transport(settings: Settings, keys: NodeKeys) -> "Transport":
    from node.link import Transport

    authority, certificate = _certificate(settings.tls_ca), _certificate(settings.tls_certificate)
    path = settings.tls_ca
    try:
        check_certificate(authority)
        path = settings.tls_certificate
        check_pair(keys.tls_pem, certificate, settings.centre_id.uri)
    except WireError as error:
        raise RulesError(f"the certificate {path} cannot be used: {error}") from None
    return Transport(
        target=settings.coordinator,
        ca_pem=authority,
        certificate_pem=certificate,
        key_pem=keys.tls_pem,
    )


def _certificate(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise RulesError(f"the certificate {path} cannot be read ({error.strerror})") from None


async def _serve(settings: Settings, rules: Rules, keys: NodeKeys, transport: "Transport") -> None:
    # Loaded here: the commands that only read need neither gRPC nor the engine.
    from node.agent import Agent, Introduction
    from node.answering import Answering
    from node.cohorts import Cohorts
    from node.engines.duckdb_engine import DuckDBEngine
    from node.gate import Gate, Stores
    from node.in_force import take_up
    from node.ledger.ledger import Ledger
    from node.pause import FLAG, Pause
    from node.renewing import Renewing
    from node.snapshots import Snapshots
    from node.tables import Tables

    snapshots = Snapshots(settings.data / "snapshots", keys.snapshots)
    ledger = Ledger(ledger_path(settings), system_clock)
    check_registry(ledger.spent(), rules.dictionary, settings.data)  # makes the ledger, the first time
    check_ledger(settings)
    snapshots.clear_spill()
    engine = DuckDBEngine(snapshots)
    cohorts = Cohorts(settings.data / "cohorts.db", keys.snapshots)
    stores = Stores(
        snapshots=snapshots,
        ledger=ledger,
        engine=engine,
        tables=Tables(engine, cohorts),
        pause=Pause(settings.data / FLAG),
    )
    in_force = take_up(settings, rules, ledger, system_clock)
    gate = Gate(in_force.rules, stores, system_clock)
    who = Introduction(
        centre=rules.centre,
        software=f"skerry {version('skerry')}",
        dictionary=rules.dictionary.digest,
        dictionary_text=rules.dictionary_text,
    )
    answering = Answering(gate, rules.centre, keys.identity)
    agent = Agent(who, answering, in_force, snapshots, telling(settings.data, system_clock))
    renewing = Renewing(settings, system_clock, random.random)
    serving = asyncio.ensure_future(agent.run(transport, renewing))
    looking = asyncio.ensure_future(_let_go(snapshots, engine))
    reading = asyncio.ensure_future(_read_again(in_force, agent))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, serving.cancel)
    try:
        await asyncio.gather(serving, reading)
    except asyncio.CancelledError:
        logging.getLogger("skerry.node").info("event=stopped")
    finally:
        for task in (serving, looking, reading):
            task.cancel()
        engine.close()


async def _read_again(in_force: "InForce", agent: "Agent") -> None:
    """Read all papers again whenever the custodian asks for it (SIGHUP). Raises LedgerError."""
    is_asked = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, is_asked.set)
    while True:
        await is_asked.wait()
        is_asked.clear()
        if await asyncio.to_thread(in_force.reload):
            await agent.spread()


async def _let_go(snapshots: "Snapshots", engine: "DuckDBEngine") -> None:
    """Close a snapshot that was retired, erased or followed by another, also where nobody asks."""
    while True:
        await asyncio.sleep(_LOOK_EVERY_S)
        try:
            current = await asyncio.to_thread(snapshots.current)
        except SnapshotError:
            current = None
        await asyncio.to_thread(engine.let_go, current)


app.command("init")(init_command)
app.command()(enrol)
app.command("import")(data.import_command)
app.command()(running.status)
app.command()(running.pause)
app.command()(running.resume)
app.command()(officer.budget)
app.command()(officer.audit)
app.command()(reports.report)


def main() -> None:
    """Run the program."""
    raise SystemExit(run_program(app, "skerry-node"))
