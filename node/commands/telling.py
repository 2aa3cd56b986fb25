"""What a command tells on standard error while it works, once that takes more than a second."""

import time
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from node.ledger.audit import Progress

_EVERY_S = 1.0


def events_read() -> "Progress":
    """Give what tells how many events of the ledger have been read, once a second."""
    told = time.monotonic()

    def tell(done: int, total: int) -> None:
        nonlocal told
        if done < total and time.monotonic() - told >= _EVERY_S:
            told = time.monotonic()
            typer.echo(f"{done:,} of {total:,} events read", err=True)

    return tell
