"""What a running node tells its custodian: since when it runs, and whether it is on the link.

A small file in the data folder, replaced on each change; `skerry-node status` reads it. It holds no row
counts, no queries and no names. That a node runs is told by the lock it holds, not by this file: a node
that was killed leaves the file as it was.
"""

import fcntl
import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path

from protocols.clock import Clock

LOCK = "run.lock"
"""Held by the node that runs on a data folder."""

FILE = "running.json"


class LinkState(Enum):
    """Whether the coordinator has welcomed the node on a stream that is open."""

    UP = "connected"
    DOWN = "not connected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a node told last: its process, since when it runs, and its link with the time of the change."""

    pid: int
    since: datetime
    link: LinkState
    changed_at: datetime


def is_running(data: Path) -> bool:
    """Whether a node holds the data folder. Looking takes the lock for a moment where nobody has it."""
    try:
        descriptor = os.open(data / LOCK, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def told(data: Path) -> Told | None:
    """Read what the node told last; None where it told nothing that can be read."""
    try:
        tree = json.loads((data / FILE).read_bytes())
        return Told(
            pid=int(tree["pid"]),
            since=datetime.fromisoformat(tree["since"]),
            link=LinkState(tree["link"]),
            changed_at=datetime.fromisoformat(tree["changed_at"]),
        )
    except (OSError, ValueError, TypeError, KeyError):
        return None


def telling(data: Path, clock: Clock) -> Callable[[LinkState], None]:
    """Make what a node calls on each change of its link. A disk that refuses does not stop the node."""
    since = clock().isoformat()

    def tell(link: LinkState) -> None:
        tree = {
            "pid": os.getpid(),
            "since": since,
            "link": link.value,
            "changed_at": clock().isoformat(),
        }
        with suppress(OSError):
            partial = data / f"{FILE}.partial"
            partial.write_text(json.dumps(tree), encoding="utf-8")
            partial.chmod(0o600)
            partial.replace(data / FILE)

    tell(LinkState.DOWN)
    return tell
