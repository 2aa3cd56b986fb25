"""The custodian's brake: one durable flag file in the data folder. While it is there, nothing is answered.

* It is looked for on the disk each time: the gate asks before everything that costs, so a pause holds
  from the next query of a running node on, and outlives a restart.
* Whatever cannot be read counts as paused. Only a flag that is certainly absent, in a folder that is
  there, lets queries pass.
* The reason is for the people at this centre. It never leaves the node: a refusal says `paused` alone.
"""

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from node.errors import PauseError

FLAG = "paused.json"
"""The name of the flag in the data folder."""

LONGEST_REASON = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Paused:
    """Since when, in UTC, and why; None and nothing where the flag is there and cannot be read."""

    since: datetime | None
    reason: str


@dataclass(frozen=True, slots=True)
class Pause:
    """The flag at one path. Making this object touches nothing."""

    path: Path

    def is_on(self) -> bool:
        """Whether the node is paused; true also where that cannot be told."""
        try:
            self.path.lstat()
        except FileNotFoundError:
            return not self.path.parent.is_dir()
        except OSError:
            return True
        return True

    def state(self) -> Paused | None:
        """Say since when and why the node is paused; None when it is not."""
        if not self.is_on():
            return None
        try:
            tree = json.loads(self.path.read_bytes())
            since = datetime.fromisoformat(tree["since"])
            return Paused(since=since if since.tzinfo else None, reason=str(tree["reason"]))
        except (OSError, ValueError, TypeError, KeyError):
            return Paused(since=None, reason="")

    def begin(self, reason: str, now: datetime) -> Paused:
        """Set the flag. One that is there keeps its time, and its reason unless another is given.

        Raises PauseError when the reason is no line of at most 200 characters, or the disk refuses.
        """
        if len(reason) > LONGEST_REASON or not reason.isprintable():
            raise PauseError(f"a reason is one line of at most {LONGEST_REASON} characters")
        before = self.state()
        paused = Paused(
            since=(before and before.since) or now.astimezone(UTC),
            reason=reason or (before.reason if before else ""),
        )
        if paused != before:
            self._write(paused)
        return paused

    def end(self) -> bool:
        """Take the flag away; false when there was none. Raises PauseError when the disk refuses."""
        try:
            self.path.unlink()
            _sync(self.path.parent)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise PauseError(f"the flag {self.path} cannot be removed ({error.strerror})") from None
        return True

    def _write(self, paused: Paused) -> None:
        """Write beside and rename, so that the flag is never half there; then to the disk."""
        since = paused.since.isoformat() if paused.since else None
        partial = self.path.with_suffix(".partial")
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump({"since": since, "reason": paused.reason}, file, ensure_ascii=False)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(self.path)
            _sync(self.path.parent)
        except OSError as error:
            with suppress(OSError):
                partial.unlink()
            raise PauseError(f"the flag {self.path} cannot be written ({error.strerror})") from None


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
