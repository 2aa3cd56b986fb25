"""Who belongs now, as the running coordinator believes it; and the end of who belongs no longer.

spec/roster.md 4, spec/link.md 7.

* Whoever is on the line is here under the URI of their certificate. When a newer roster is believed, all
  who are not in it are told to go, whatever they were doing.
* A roster comes from the settings' file, or from a centre that holds a newer one. `trust.py` decides.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from protocols.belief import Belief, Shown
from protocols.clock import Clock
from protocols.errors import ProtocolError
from protocols.ids import AnalystId, CentreId
from protocols.roster import Roster
from protocols.trust import Trusted

_log = logging.getLogger("skerry.coordinator")
_LOOK_EVERY_S = 1.0
"""How soon a roster that somebody put into the settings' file is seen. A removal is done within 2 s."""

Listener: TypeAlias = Callable[[Trusted, frozenset[CentreId]], None]
"""Hears of a newer roster, and of the centres that are not in it any more."""


class Membership:
    """The believed roster, and who of it is on the line. One event loop's own."""

    def __init__(self, belief: Belief, clock: Clock) -> None:
        self._belief = belief
        self._clock = clock
        self._here: dict[asyncio.Event, CentreId | AnalystId] = {}
        self._obeyed = belief.roster
        self._listeners: list[Listener] = []
        self._deciding: set[asyncio.Task[Shown | None]] = set()

    @property
    def held(self) -> Trusted:
        """The roster that is believed now, with its bytes."""
        return self._belief.held

    def roster(self) -> Roster:
        """Give the roster that is believed now."""
        return self._belief.roster

    def listen(self, listener: Listener) -> None:
        """Have somebody told of each newer roster, after those who left it were told to go."""
        self._listeners.append(listener)

    def centre(self, uri: str | None) -> CentreId | None:
        """Find the centre of a certificate's URI."""
        return next((one for one in self.roster().centres if one.uri == uri), None)

    def analyst(self, uri: str | None) -> AnalystId | None:
        """Find the analyst of a certificate's URI."""
        return next((one for one in self.roster().analysts if one.uri == uri), None)

    @contextmanager
    def here(self, who: CentreId | AnalystId) -> Iterator[asyncio.Event]:
        """Note that somebody is on the line; the event is set when they belong no longer."""
        is_gone = asyncio.Event()
        self._here[is_gone] = who
        try:
            yield is_gone
        finally:
            del self._here[is_gone]

    async def show(self, octets: bytes, source: str) -> Shown | None:
        """Decide on a roster that somebody brings; None where it must not be believed."""
        # To its end, also when whoever brought it goes: what is believed must be obeyed.
        deciding = asyncio.create_task(self._show(octets, source))
        self._deciding.add(deciding)
        deciding.add_done_callback(self._deciding.discard)
        return await asyncio.shield(deciding)

    async def _show(self, octets: bytes, source: str) -> Shown | None:
        try:
            # Elsewhere, because it waits for the disk; what is believed is seen here at once.
            shown = await asyncio.to_thread(self._belief.show, octets, self._clock())
        except ProtocolError as error:
            _log.warning("event=roster_refused source=%s why=%s", source, error)
            return None
        except OSError as error:
            _log.error("event=roster_not_stored source=%s why=%s", source, error.strerror)
            return None
        if shown is Shown.NEWER:
            _log.info("event=roster_believed version=%d source=%s", self.roster().version, source)
            self._obey()
        elif shown is Shown.OLDER:
            _log.info("event=roster_older source=%s believed=%d", source, self.roster().version)
        return shown

    async def follow(self, path: Path, is_asked: asyncio.Event) -> None:
        """Read a roster's file whenever it changes, or is asked for; until cancelled."""
        seen: tuple[int, ...] | None = ()  # it may have changed since the start read it
        while True:
            try:
                await asyncio.wait_for(is_asked.wait(), _LOOK_EVERY_S)
            except TimeoutError:
                if _look(path) == seen:
                    continue
            is_asked.clear()
            seen = _look(path)
            try:
                octets = await asyncio.to_thread(path.read_bytes)
            except OSError as error:
                _log.warning("event=roster_refused source=file why=%s", error.strerror)
            else:
                await self.show(octets, "file")

    def _obey(self) -> None:
        held, before = self.held, self._obeyed
        self._obeyed = held.roster
        belong = {*held.roster.centres, *held.roster.analysts}
        for is_gone, who in self._here.items():
            if who not in belong:
                is_gone.set()
        for listener in self._listeners:
            listener(held, frozenset(before.centres.keys() - held.roster.centres.keys()))


def _look(path: Path) -> tuple[int, ...] | None:
    """Give what changes when a file is written or replaced; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
