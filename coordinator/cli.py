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

from coordinator.belief import belief_of, believed
from coordinator.enrolment import open_enrolment
from coordinator.enrolment_commands import authority_app, token
from coordinator.errors import ListenError, SettingsError, StoreError
from coordinator.hub import Hub
from coordinator.membership import Membership
from coordinator.memory import Memory
from coordinator.rounds import RETURN_WITHIN_S, Rounds
from coordinator.service import Service
from coordinator.settings import Settings, load_settings
from coordinator.store import Store, open_store
from protocols.belief import Belief
from protocols.clock import system_clock
from protocols.errors import WireError
from protocols.ids import COORDINATOR_URI, CentreId
from protocols.program import Exit, ProgramError
from protocols.program import run as run_program
from protocols.transport_papers import check_certificate, check_pair
from protocols.trust import Trusted

app = typer.Typer(
    help="The coordinator: relays signed questions and answers between analysts and centres.",
    no_args_is_help=True,
    add_completion=False,
)
app.add_typer(authority_app, name="authority")
app.command()(token)


@app.callback()
def _programme() -> None:
    """Keep `run` a command of its own, so that more can join it."""


@app.command()
def run(
    config: Annotated[Path, typer.Option("--config", help="The settings file (TOML).")],
) -> None:
    """Run the coordinator until it is stopped (SIGTERM or Ctrl-C); SIGHUP reads the roster's file at once."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("alembic").setLevel(logging.WARNING)  # that the store's tables are there is no event
    try:
        settings = load_settings(config)
        believed(settings)  # a wrong roster ends this before anything is made
        transport = _transport(settings)
        with _alone(settings.data):
            # First the store: into a folder of another program no roster is written.
            store = open_store(settings.data / "coordinator.db")
            asyncio.run(_serve(settings, belief_of(settings), store, transport))
    except SettingsError as error:
        advice = "correct it and start again, or name another settings file with --config"
        raise ProgramError(Exit.WRONG_USE, "settings", str(error), advice, problems=error.problems) from None
    except ListenError as error:
        advice = "choose another port, at an address of this machine"
        raise ProgramError(Exit.UNREACHABLE, "address_in_use", str(error), advice) from None
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


async def _serve(
    settings: Settings, belief: Belief, store: Store, transport: tuple[bytes, bytes, bytes]
) -> None:
    from coordinator.enrolment_link import door
    from coordinator.link import Doors, build_server, credentials_of

    membership = Membership(belief, system_clock)
    enrolment = open_enrolment(settings, lambda: membership.held, system_clock)
    hub = Hub(on_change=lambda: _write_status(settings.data / "status.json", hub, membership))
    memory = Memory(store)
    rounds = Rounds(hub, memory, membership.roster, system_clock, RETURN_WITHIN_S)
    service = Service(hub, memory, rounds, membership.roster, system_clock)

    def spread(newer: Trusted, gone: frozenset[CentreId]) -> None:
        rounds.removed(gone)
        hub.spread(newer)
        _write_status(settings.data / "status.json", hub, membership)

    membership.listen(spread)
    doors = Doors(
        hub=hub,
        rounds=rounds,
        service=service,
        membership=membership,
        heartbeat_s=settings.heartbeat_s,
        clock=system_clock,
        enrolment=enrolment,
    )
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
    _write_status(settings.data / "status.json", hub, membership)
    logging.getLogger("skerry.coordinator").info("event=listening address=%s", settings.listen)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    is_asked = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, is_asked.set)
    following = asyncio.ensure_future(membership.follow(settings.roster, is_asked))
    try:
        async with door(settings.enrolment, enrolment, *transport[:2]):
            await stop.wait()
    finally:
        following.cancel()
        await server.stop(grace=0.5)
        await memory.close()


def _write_status(path: Path, hub: Hub, membership: Membership) -> None:
    """Write who is on the link, for whoever watches the process; replaced whole."""
    centres = sorted(membership.roster().centres)
    online = [str(centre) for centre in centres if hub.session(centre) is not None]
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps({"pid": os.getpid(), "online": online}), encoding="utf-8")
    temporary.replace(path)


def main() -> None:
    """Run the program."""
    raise SystemExit(run_program(app, "skerry-coordinator"))
