"""The roster that is believed: it only ever gets newer, it is stored first, and it outlives a restart.

The same suite runs for the node's memory and for the coordinator's.
"""

import dataclasses
import os
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import coordinator.belief
import coordinator.settings
import node.belief
import node.settings
from coordinator.errors import SettingsError, StoreError
from node.errors import RulesError
from protocols.belief import Belief, Shown
from protocols.errors import ProtocolError, RosterError, SignatureError, TextError
from protocols.ids import CentreId
from protocols.root import root_text
from protocols.roster import Roster, open_roster, roster_text
from protocols.trust import Trusted, remembered
from tests.members import ROOT_KEY, root_of, signed_roster
from tests.node.seeds import draws, fresh_seed
from tests.node.worlds import NOW

OTHER_KEY, THIRD_KEY = (Ed25519PrivateKey.from_private_bytes(bytes([one]) * 32) for one in (2, 3))
BERLIN, OSLO = CentreId("berlin"), CentreId("oslo")
ROOT_OF_ONE, TWO_OF_THREE = root_of("test"), root_of("test", ROOT_KEY, OTHER_KEY, THIRD_KEY, threshold=2)


def _roster(version: int, **changes: object) -> Roster:
    empty = Roster(
        consortium="test",
        version=version,
        expires=NOW + timedelta(days=9),
        centres={},
        analysts={},
        officers={},
    )
    return dataclasses.replace(empty, **changes)  # type: ignore[arg-type]


def _signed(version: int, *keys: Ed25519PrivateKey, **changes: object) -> bytes:
    return signed_roster(roster_text(_roster(version, **changes)), *keys)


class Memory:
    """What a belief stored, in order; `fails` for a disk that takes nothing."""

    def __init__(self) -> None:
        self.kept: list[bytes] = []
        self.fails = False

    def keep(self, octets: bytes) -> None:
        if self.fails:
            raise OSError(28, "No space left on device")
        self.kept.append(octets)


def _belief(memory: Memory, version: int = 5) -> Belief:
    return Belief(ROOT_OF_ONE, remembered(_signed(version), ROOT_OF_ONE), memory.keep)


def test_whatever_is_shown_in_whatever_order_the_version_never_falls() -> None:
    draw = draws(fresh_seed())
    for _ in range(50):
        memory = Memory()
        belief, newest = _belief(memory), 5
        for _ in range(20):
            version, is_ours = draw.randint(1, 12), draw.random() < 0.7
            _shown(belief, version, is_ours, draw)
            newest = max(newest, version) if is_ours else newest
            assert belief.roster.version == newest
        versions = [open_roster(one, ROOT_OF_ONE).version for one in memory.kept]
        assert versions == sorted(set(versions))


def _shown(belief: Belief, version: int, is_ours: bool, draw: random.Random) -> None:
    key = ROOT_KEY if is_ours else draw.choice([OTHER_KEY, THIRD_KEY])
    held = belief.roster.version
    octets = _signed(version, key)
    if not is_ours:
        with pytest.raises(SignatureError):
            belief.show(octets, NOW)
        return
    order = (version > held) - (version < held)
    assert belief.show(octets, NOW) is {1: Shown.NEWER, 0: Shown.SAME, -1: Shown.OLDER}[order]


TWIN = {"centres": {}, "expires": NOW + timedelta(days=10)}
NOT_BELIEVED: dict[str, tuple[bytes, type[ProtocolError]]] = {
    "another of the same version": (_signed(5, **TWIN), RosterError),
    "expired": (_signed(6, expires=NOW), RosterError),
    "another root's": (_signed(6, OTHER_KEY), SignatureError),
    "unsigned": (roster_text(_roster(6)).encode(), SignatureError),
    "changed after signing": (_signed(6).replace(b"version = 6", b"version = 7"), SignatureError),
    "another consortium's": (_signed(6, consortium="other"), TextError),
    "of version 0": (_signed(0), TextError),
    "empty": (b"", SignatureError),
    "no text": (b"\xff\x00", SignatureError),
}


@pytest.mark.parametrize("name", NOT_BELIEVED)
def test_what_must_not_be_believed_changes_nothing(name: str) -> None:
    octets, kind = NOT_BELIEVED[name]
    memory = Memory()
    belief = _belief(memory)
    held = belief.held
    with pytest.raises(kind):
        belief.show(octets, NOW)
    assert (belief.held, memory.kept) == (held, [])
    # The control: the next one that is right is believed.
    assert belief.show(_signed(6), NOW) is Shown.NEWER


@pytest.mark.parametrize(
    ("keys", "is_believed"),
    [((ROOT_KEY,), False), ((ROOT_KEY, ROOT_KEY), False), ((ROOT_KEY, OTHER_KEY), True)],
    ids=["one of two", "one twice", "two"],
)
def test_too_few_keys_of_the_root_are_none(keys: tuple[Ed25519PrivateKey, ...], is_believed: bool) -> None:
    held = remembered(_signed(1, ROOT_KEY, OTHER_KEY), TWO_OF_THREE)
    belief = Belief(TWO_OF_THREE, held, Memory().keep)
    if is_believed:
        assert belief.show(_signed(2, *keys), NOW) is Shown.NEWER
    else:
        with pytest.raises(SignatureError, match="1 of the 2"):
            belief.show(_signed(2, *keys), NOW)


def test_a_roster_is_stored_before_it_is_obeyed() -> None:
    memory = Memory()
    believed_then: list[int] = []

    def keep(octets: bytes) -> None:
        believed_then.append(belief.roster.version)
        memory.keep(octets)

    belief = Belief(ROOT_OF_ONE, remembered(_signed(5), ROOT_OF_ONE), keep)
    belief.show(_signed(6), NOW)
    assert (believed_then, memory.kept, belief.roster.version) == ([5], [_signed(6)], 6)


def test_a_roster_that_cannot_be_stored_is_not_obeyed() -> None:
    memory = Memory()
    belief = _belief(memory)
    memory.fails = True
    with pytest.raises(OSError, match="space"):
        belief.show(_signed(6), NOW)
    assert belief.roster.version == 5
    memory.fails = False
    assert belief.show(_signed(6), NOW) is Shown.NEWER


@dataclass(frozen=True)
class Room:
    """A program's memory on disk: the function under test, and its settings."""

    folder: Path
    believed: Callable[[], Trusted]
    belief_of: Callable[[], Belief]
    keep: Callable[[Path, bytes], None]

    @property
    def named(self) -> Path:
        return self.folder / "named.toml"

    @property
    def stored(self) -> Path:
        return self.folder / "data" / "roster.toml"


@pytest.fixture(params=["node", "coordinator"])
def room(request: pytest.FixtureRequest, tmp_path: Path) -> Room:
    (tmp_path / "data").mkdir()
    (tmp_path / "root.toml").write_text(root_text(ROOT_OF_ONE), encoding="utf-8")
    paths = {"data": tmp_path / "data", "roster": tmp_path / "named.toml", "root": tmp_path / "root.toml"}
    if request.param == "node":
        its = node.settings.Settings.model_construct(**paths)  # type: ignore[arg-type]
        from_node = node.belief
        return Room(
            tmp_path, lambda: from_node.believed(its), lambda: from_node.belief_of(its), from_node.keep
        )
    of = coordinator.settings.Settings.model_construct(**paths)  # type: ignore[arg-type]
    from_hub = coordinator.belief
    return Room(tmp_path, lambda: from_hub.believed(of), lambda: from_hub.belief_of(of), from_hub.keep)


@pytest.mark.parametrize(
    ("named", "stored", "counts"),
    [
        (3, None, 3),
        (3, 3, 3),
        (3, 4, 4),
        (4, 3, 4),
    ],
)
def test_at_a_start_the_greater_version_counts(
    room: Room, named: int, stored: int | None, counts: int
) -> None:
    room.named.write_bytes(_signed(named))
    if stored is not None:
        room.stored.write_bytes(_signed(stored))
    before = room.stored.exists()
    assert room.believed().roster.version == counts
    assert room.stored.exists() == before, "to look stores nothing"
    belief = room.belief_of()
    assert (belief.roster.version, room.stored.read_bytes()) == (counts, _signed(counts))
    belief.show(_signed(9), NOW)
    assert room.stored.read_bytes() == _signed(9)
    # The next start, with the file as it was.
    assert room.belief_of().roster.version == 9


def test_without_its_memory_a_program_believes_an_older_roster_again(room: Room) -> None:
    """The control of the one above: it is the stored file that defends."""
    room.named.write_bytes(_signed(3))
    room.belief_of().show(_signed(4), NOW)
    room.stored.unlink()
    assert room.believed().roster.version == 3


def test_an_expired_roster_is_still_held(room: Room) -> None:
    """It forbids what an older one allowed; and the older one does not come back for its expiry."""
    room.named.write_bytes(_signed(3))
    room.stored.write_bytes(_signed(4, expires=NOW - timedelta(days=1)))
    assert room.believed().roster.version == 4


WRONG_FILES: dict[str, tuple[bytes | None, bytes | None, str]] = {
    "two of one version": (_signed(3), _signed(3, **TWIN), "two different rosters of version 3"),
    "a stored one of another root": (_signed(3), _signed(4, OTHER_KEY), "signatures"),
    "an empty stored one": (_signed(3), b"", "signatures"),
    "a torn stored one": (_signed(3), _signed(4)[:-9], "signature"),
    "a file of another root": (_signed(3, OTHER_KEY), _signed(2), "signatures"),
    "no file": (None, _signed(2), "cannot be read"),
}


@pytest.mark.parametrize("name", WRONG_FILES)
def test_with_a_wrong_file_no_program_starts(room: Room, name: str) -> None:
    named, stored, sentence = WRONG_FILES[name]
    for path, octets in ((room.named, named), (room.stored, stored)):
        if octets is not None:
            path.write_bytes(octets)
    for start in (room.believed, room.belief_of):
        with pytest.raises((RulesError, SettingsError), match=sentence):
            start()
    assert room.stored.read_bytes() == stored


def test_a_data_folder_that_takes_nothing_stops_the_start(room: Room) -> None:
    room.named.write_bytes(_signed(3))
    room.stored.parent.rmdir()
    with pytest.raises((RulesError, StoreError), match="cannot be stored"):
        room.belief_of()


def test_a_stored_roster_is_replaced_whole_and_on_the_disk(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """File, then its name, then the folder: in this order a power cut leaves the old one or the new one."""
    done: list[str] = []
    sync, replace = os.fsync, Path.replace

    def synced(descriptor: int) -> None:
        done.append("folder" if os.path.isdir(f"/proc/self/fd/{descriptor}") else "file")  # noqa: PTH112
        sync(descriptor)

    def replaced(self: Path, target: Path) -> Path:
        done.append("name")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", replaced)
    room.keep(room.stored, b"a roster")
    assert done == ["file", "name", "folder"]
    assert room.stored.read_bytes() == b"a roster"
    assert room.stored.stat().st_mode & 0o077 == 0


def test_a_disk_that_fails_leaves_the_old_roster_and_nothing_beside_it(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    room.keep(room.stored, b"old")

    def fail(_descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="Input"):
        room.keep(room.stored, b"new")
    assert [path.name for path in room.stored.parent.iterdir()] == ["roster.toml"]
    assert room.stored.read_bytes() == b"old"
