"""The commands of `skerry-coordinator`."""

import asyncio
import fcntl
import json
import logging
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from coordinator.errors import SettingsError, StoreError
from coordinator.hub import Hub
from coordinator.memory import Memory
from coordinator.rounds import RETURN_WITHIN_S, Rounds
from coordinator.service import Service
from coordinator.settings import Settings, load_settings
from coordinator.store import open_store
from protocols.clock import system_clock
from protocols.errors import ProtocolError, TextError, WireError
from protocols.ids import COORDINATOR_URI, CentreId
from protocols.program import Exit, ProgramError
from protocols.program import run as run_program
from protocols.root import read_root
from protocols.roster import Roster, open_roster
from protocols.transport_papers import check_certificate, check_pair

app = typer.Typer(
    help="The coordinator: relays signed questions and answers between analysts and centres.",
    no_args_is_help=True,
    add_completion=False,
)


@app.callback()
def _programme() -> None:
    """Keep `run` a command of its own, so that more can join it."""


@app.command()
def run(
    config: Annotated[Path, typer.Option("--config", help="The settings file (TOML).")],
) -> None:
    """Run the coordinator until it is stopped (SIGTERM or Ctrl-C)."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("alembic").setLevel(logging.WARNING)  # that the store's tables are there is no event
    try:
        settings = load_settings(config)
        roster = _roster(settings)
        transport = _transport(settings)
    except SettingsError as error:
        advice = "correct it and start again, or name another settings file with --config"
        raise ProgramError(Exit.WRONG_USE, "settings", str(error), advice, problems=error.problems) from None
    try:
        with _alone(settings.data):
            asyncio.run(_serve(settings, roster, transport))
    except StoreError as error:
        advice = "keep the folder as it is; see that it is this coordinator's own, and that the disk has room"
        raise ProgramError(Exit.INTERNAL, "store", str(error), advice) from None


@contextmanager
def _alone(data: Path) -> Iterator[None]:
    """Hold the coordinator's folder: a second one on another port would share its store."""
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(data / "run.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StoreError(f"the data folder {data} cannot be used ({error.strerror})") from None
    try:
        _lock(descriptor, data)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, data: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        what = f"a coordinator with the data folder {data} is running already"
        raise ProgramError(Exit.WRONG_USE, "running", what, "leave it, or stop it first") from None


def _roster(settings: Settings) -> Roster:
    path = settings.root
    try:
        root = read_root(path.read_bytes())
        path = settings.roster
        return open_roster(path.read_bytes(), root)
    except OSError as error:
        raise SettingsError(f"{path} cannot be read ({error.strerror})") from None
    except TextError as error:
        raise SettingsError(f"{path}: {error.problems[0]}", problems=error.problems) from None
    except ProtocolError as error:
        raise SettingsError(f"{path}: {error}") from None


def _transport(settings: Settings) -> tuple[bytes, bytes, bytes]:
    """Read the transport key, the certificate and the authority's certificate."""
    try:
        key, certificate = settings.tls_key.read_bytes(), settings.tls_certificate.read_bytes()
        authority = settings.tls_ca.read_bytes()
    except OSError as error:
        raise SettingsError(f"{error.filename} cannot be read ({error.strerror})") from None
    path = settings.tls_ca
    try:
        check_certificate(authority)
        path = settings.tls_certificate
        check_pair(key, certificate, COORDINATOR_URI)
    except WireError as error:
        raise SettingsError(f"the certificate {path} cannot be used: {error}") from None
    return key, certificate, authority


async def _serve(settings: Settings, roster: Roster, transport: tuple[bytes, bytes, bytes]) -> None:
    from coordinator.link import Doors, build_server, credentials_of

    centres = tuple(sorted(roster.centres))
    hub = Hub(on_change=lambda: _write_status(settings.data / "status.json", hub, centres))
    memory = Memory(open_store(settings.data / "coordinator.db"))
    rounds = Rounds(hub, memory, system_clock, RETURN_WITHIN_S)
    service = Service(hub, memory, rounds, roster, system_clock)
    doors = Doors(hub=hub, rounds=rounds, service=service, roster=roster, heartbeat_s=settings.heartbeat_s)
    server = build_server(doors)
    credentials = credentials_of(*transport)
    try:
        server.add_secure_port(settings.listen, credentials)
    except RuntimeError:
        await server.stop(grace=None)
        await memory.close()
        what = f"cannot listen on {settings.listen}"
        advice = "choose another port, at an address of this machine"
        raise ProgramError(Exit.UNREACHABLE, "address_in_use", what, advice) from None
    await server.start()
    _write_status(settings.data / "status.json", hub, centres)
    logging.getLogger("skerry.coordinator").info("event=listening address=%s", settings.listen)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()
    await server.stop(grace=0.5)
    await memory.close()


def _write_status(path: Path, hub: Hub, centres: tuple[CentreId, ...]) -> None:
    """Write who is on the link, for whoever watches the process; replaced whole."""
    online = [str(centre) for centre in centres if hub.session(centre) is not None]
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps({"pid": os.getpid(), "online": online}), encoding="utf-8")
    temporary.replace(path)


def main() -> None:
    """Run the program."""
    raise SystemExit(run_program(app, "skerry-coordinator"))
