"""What a running program believes of who belongs, and how a roster that is shown changes it.

spec/roster.md 3, spec/link.md 7. `trust.py` decides; here what was decided is kept first and obeyed then.
The port `keep` stores bytes durably: it is the program's own disk.
"""

from collections.abc import Callable
from datetime import datetime
from enum import Enum
from threading import Lock

from protocols.errors import RosterError
from protocols.root import Root
from protocols.roster import Roster, open_roster
from protocols.trust import Trusted, believe


class Shown(Enum):
    """What a roster was that somebody showed. OLDER: whoever shows it should be shown the believed one."""

    NEWER = "newer"
    SAME = "same"
    OLDER = "older"


class Belief:
    """The one roster that a program believes. For several threads: a reader sees one whole roster."""

    def __init__(self, root: Root, held: Trusted, keep: Callable[[bytes], None]) -> None:
        self._root = root
        self._held = held
        self._keep = keep
        self._deciding = Lock()

    @property
    def held(self) -> Trusted:
        """The roster that is believed now."""
        return self._held

    @property
    def roster(self) -> Roster:
        """Who belongs now."""
        return self._held.roster

    def show(self, octets: bytes, now: datetime) -> Shown:
        """Decide on a roster that somebody brings, and believe a newer one once it is kept.

        Raises SignatureError, TextError, RosterError, or what `keep` raises; then nothing has changed.
        """
        with self._deciding:
            held = self._held
            try:
                trusted = believe(octets, self._root, held, now)
            except RosterError:
                # Its signatures are right, or the error were another one.
                if open_roster(octets, self._root).version < held.roster.version:
                    return Shown.OLDER
                raise
            if trusted is held:
                return Shown.SAME
            self._keep(trusted.octets)
            self._held = trusted
            return Shown.NEWER
