"""A coordinator that shows a node every roster there ever was, and some that never were.

What must never happen: the version that is believed falls; somebody who was removed comes back without a
newer roster that says so; entries change without the root's signatures. What may happen: a newer roster
is withheld, until the older one expires.
"""

import random
from collections import Counter
from dataclasses import replace
from datetime import timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocols.errors import ProtocolError
from protocols.ids import AnalystId, CentreId
from protocols.roster import Analyst, Centre, Roster, roster_text
from protocols.trust import Trusted, believe
from tests.members import keys_of, root_of, signed_roster
from tests.node.seeds import draws, fresh_seed, told
from tests.protocols.examples import NOW

SHOWN = 500
VERSIONS = 8
_KEEPERS = tuple(Ed25519PrivateKey.from_private_bytes(bytes([200 + number]) * 32) for number in range(3))
ROOT = root_of("hearts", *_KEEPERS, threshold=2)


def _key(name: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32))


def _roster(version: int, draw: random.Random) -> Roster:
    """A version of the roster: who belongs comes and goes."""
    centres = [CentreId(f"centre-{number}") for number in range(6) if draw.random() < 0.7]
    analysts = [AnalystId(name) for name in ("ada", "bob", "eve") if draw.random() < 0.6]
    return Roster(
        consortium="hearts",
        version=version,
        expires=NOW + timedelta(days=10 * version),
        centres={one: Centre(id=one, institution=one.text, keys=keys_of(_key(one.text))) for one in centres},
        analysts={one: Analyst(id=one, institution="x", keys=keys_of(_key(one.text))) for one in analysts},
        officers={},
    )


def _forged(genuine: Roster, draw: random.Random) -> bytes:
    """A roster that the root did not sign as it stands."""
    mallory = AnalystId("mallory")
    joined = replace(
        genuine,
        version=genuine.version + draw.choice([0, 1, 100]),
        expires=genuine.expires + timedelta(days=3650),
        analysts=genuine.analysts
        | {mallory: Analyst(id=mallory, institution="x", keys=keys_of(_key("mallory")))},
    )
    strangers = (_key("stranger"), _key("another"))
    one_keeper = signed_roster(roster_text(joined), _KEEPERS[0])
    lines = signed_roster(roster_text(genuine), *_KEEPERS[:2]).splitlines(keepends=True)
    borrowed = roster_text(joined).encode() + b"".join(lines[-2:])
    twice = one_keeper + one_keeper.splitlines(keepends=True)[-1]
    renamed = twice.replace(b"root-1", b"root-2", 1)
    return draw.choice(
        [
            signed_roster(roster_text(joined), *strangers),
            one_keeper,
            borrowed,
            twice,
            renamed,
            draw.randbytes(300),
        ]
    )


def _attack(draw: random.Random, *, has_memory: bool) -> Counter[str]:
    """Show rosters in any order, at times that go by; count what must never happen."""
    genuine = [_roster(version, draw) for version in range(1, VERSIONS + 1)]
    signed = {signed_roster(roster_text(one), *_KEEPERS[:2]): one for one in genuine}
    held: Trusted | None = None
    highest, now = 0, NOW
    wrong: Counter[str] = Counter()
    for _ in range(SHOWN):
        now += timedelta(minutes=draw.randrange(60))
        octets = draw.choice(list(signed)) if draw.random() < 0.5 else _forged(draw.choice(genuine), draw)
        try:
            held = believe(octets, ROOT, held if has_memory else None, now)
        except ProtocolError:
            continue
        wrong["never signed"] += held.roster not in genuine
        wrong["older"] += held.roster.version < highest
        highest = max(highest, held.roster.version)
    wrong["nothing believed"] += held is None
    return +wrong


def test_whatever_is_shown_the_roster_only_goes_forward() -> None:
    draw = draws(fresh_seed())
    for _ in range(3):
        assert _attack(draw, has_memory=True) == Counter()


def test_without_a_memory_the_removed_come_back() -> None:
    """The control: the same messages, and a node that remembers nothing."""
    found = _attack(draws(fresh_seed()), has_memory=False)
    told(dict(found))
    assert set(found) == {"older"}
