"""The commands of `skerry-coordinator`."""

import asyncio
import json
import logging
import os
import signal
from pathlib import Path
from typing import Annotated

import typer

from coordinator.errors import CoordinatorError
from coordinator.hub import Hub
from coordinator.service import Service
from coordinator.settings import Settings, load_settings
from protocols.errors import ProtocolError
from protocols.ids import CentreId
from protocols.keys import key_from_text
from protocols.program import Exit, ProgramError
from protocols.program import run as run_program
from protocols.roster import Roster, open_roster

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
    try:
        settings = load_settings(config)
        roster = _roster(settings)
        transport = _transport(settings)
    except CoordinatorError as error:
        raise ProgramError(
            Exit.WRONG_USE, "settings", str(error), "correct the file and start again"
        ) from None
    asyncio.run(_serve(settings, roster, transport))


def _roster(settings: Settings) -> Roster:
    try:
        root = key_from_text(settings.root_key.read_text(encoding="ascii", errors="replace").strip())
        return open_roster(settings.roster.read_bytes(), root)
    except OSError as error:
        raise CoordinatorError(f"{error.filename} cannot be read ({error.strerror})") from None
    except ProtocolError as error:
        raise CoordinatorError(f"the roster {settings.roster} cannot be used: {error}") from None


def _transport(settings: Settings) -> tuple[bytes, bytes, bytes]:
    """Read the transport key, the certificate and the authority's certificate."""
    try:
        key, certificate = settings.tls_key.read_bytes(), settings.tls_certificate.read_bytes()
        return key, certificate, settings.tls_ca.read_bytes()
    except OSError as error:
        raise CoordinatorError(f"{error.filename} cannot be read ({error.strerror})") from None


async def _serve(settings: Settings, roster: Roster, transport: tuple[bytes, bytes, bytes]) -> None:
    from coordinator.link import Doors, build_server, credentials_of

    centres = tuple(sorted(roster.centres))
    settings.data.mkdir(parents=True, exist_ok=True)
    hub = Hub(on_change=lambda: _write_status(settings.data / "status.json", hub, centres))
    service = Service(hub, centres)
    doors = Doors(hub=hub, service=service, roster=roster, heartbeat_s=settings.heartbeat_s)
    server = build_server(doors)
    credentials = credentials_of(*transport)
    try:
        server.add_secure_port(settings.listen, credentials)
    except RuntimeError:
        raise ProgramError(
            Exit.UNREACHABLE, "address_in_use", f"cannot listen on {settings.listen}", "choose another port"
        ) from None
    await server.start()
    _write_status(settings.data / "status.json", hub, centres)
    logging.getLogger("skerry.coordinator").info("event=listening address=%s", settings.listen)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()
    await server.stop(grace=0.5)


def _write_status(path: Path, hub: Hub, centres: tuple[CentreId, ...]) -> None:
    """Write who is on the link, for whoever watches the process; replaced whole."""
    online = [str(centre) for centre in centres if hub.session(centre) is not None]
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps({"pid": os.getpid(), "online": online}), encoding="utf-8")
    temporary.replace(path)


def main() -> None:
    """Run the program."""
    raise SystemExit(run_program(app, "skerry-coordinator"))
