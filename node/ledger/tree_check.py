"""The tree of an audit: computed again from the leaves in order, and held against what is stored.

Of each level only the last complete subtree is kept: the next one needs no other, nor does the root.
"""

from protocols import transparency


class TreeCheck:
    """Takes leaves in order, each with the hashes that are stored beside it."""

    def __init__(self) -> None:
        self._last: dict[int, bytes] = {}
        self._wrong = 0
        self.size = 0

    def take(self, leaf: bytes, stored: bytes) -> None:
        """Take the next leaf."""
        nodes = transparency.appended(transparency.leaf_hash(leaf), self.size, self._fetch)
        self._last |= {level: value for level, _, value in nodes}
        self._wrong += b"".join(value for _, _, value in nodes) != stored
        self.size += 1

    @property
    def root(self) -> bytes:
        """The root of all leaves so far."""
        return transparency.root(self.size, self._fetch)

    def faults(self) -> list[str]:
        """Say what does not fit."""
        events = "event" if self._wrong == 1 else "events"
        return (
            [f"the tree does not belong to the events (wrong at {self._wrong} {events})"]
            if self._wrong
            else []
        )

    def _fetch(self, level: int, _index: int) -> bytes:
        # RFC 6962 2.1: an append and the root of all leaves need the last complete subtrees only.
        return self._last[level]
