"""The root and the roster: who signs, who stands once, what is read. spec/roster.md 1 and 2."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import combinations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.errors import ProtocolError, SignatureError, TextError
from protocols.ids import AnalystId, CentreId, OfficerId
from protocols.keys import PublicKeys
from protocols.root import Root, read_root, root_text
from protocols.roster import (
    Analyst,
    Centre,
    Entry,
    Officer,
    Roster,
    Sort,
    open_roster,
    read_draft,
    read_entry,
    roster_text,
    sort_of,
)
from protocols.signed_text import Fields, SignedText
from tests.members import keys_of, root_of, signed_roster
from tests.node.seeds import draws, fresh_seed, told

ANNA, BEN, CARLA, EVE = (
    Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32) for number in range(41, 45)
)
ONE = root_of("hearts", ANNA)
TWO_OF_THREE = root_of("hearts", ANNA, BEN, CARLA, threshold=2)
EXPIRES = datetime(2027, 1, 1, tzinfo=UTC)
FLIPS = 2_000


@cache
def _keys(number: int) -> PublicKeys:
    return keys_of(Ed25519PrivateKey.from_private_bytes(number.to_bytes(32, "big")))


BERLIN = Centre(id=CentreId("berlin"), institution="Charite", keys=_keys(1))
PARIS = Centre(id=CentreId("paris"), institution="Necker", keys=_keys(2))
OLGA = Officer(id=OfficerId("olga"), centre=BERLIN.id, keys=_keys(3))
OTTO = Officer(id=OfficerId("otto"), centre=BERLIN.id, keys=_keys(4))
ADA = Analyst(id=AnalystId("ada"), institution="Charite", keys=_keys(5))
BOB = Analyst(id=AnalystId("bob"), institution="Bergen", keys=_keys(6))


def roster_of(*entries: Entry, version: int = 1, expires: datetime = EXPIRES) -> Roster:
    """A roster of the consortium `hearts`."""
    return Roster(
        consortium="hearts",
        version=version,
        expires=expires,
        centres={one.id: one for one in entries if isinstance(one, Centre)},
        officers={one.id: one for one in entries if isinstance(one, Officer)},
        analysts={one.id: one for one in entries if isinstance(one, Analyst)},
    )


EVERYBODY = roster_of(BERLIN, PARIS, OLGA, OTTO, ADA, BOB)
BODY = roster_text(EVERYBODY)


def by(*signers: tuple[str, Ed25519PrivateKey]) -> bytes:
    """The roster with these signatures, each under the name that is given."""
    text = SignedText(body=BODY.encode(), signatures=())
    for name, key in signers:
        text = text.signed_by(name, key, "roster")
    return text.to_bytes()


# Round trips.

_names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,20}", fullmatch=True)
_institutions = st.text(min_size=1, max_size=40).filter(
    lambda text: text.isprintable() and text == text.strip()
)


@st.composite
def rosters(draw: st.DrawFn) -> Roster:
    """Rosters of up to four entries of a sort, each with keys of its own."""
    numbers = iter(range(100, 200))
    institutions = draw(st.lists(_institutions, max_size=4, unique_by=str.casefold))
    ids = draw(st.lists(_names, min_size=len(institutions), max_size=len(institutions), unique=True))
    centres = [
        Centre(id=CentreId(name), institution=institution, keys=_keys(next(numbers)))
        for name, institution in zip(ids, institutions, strict=True)
    ]
    officers = [
        Officer(id=OfficerId(name), centre=draw(st.sampled_from(centres)).id, keys=_keys(next(numbers)))
        for name in draw(st.lists(_names, max_size=4 if centres else 0, unique=True))
    ]
    analysts = [
        Analyst(id=AnalystId(name), institution=draw(_institutions), keys=_keys(next(numbers)))
        for name in draw(st.lists(_names, max_size=4, unique=True))
    ]
    version = draw(st.integers(min_value=1, max_value=2**63 - 1))
    expires = draw(st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30)))  # noqa: DTZ001 -- made aware below
    expires = expires.replace(microsecond=0, tzinfo=UTC)
    return roster_of(*centres, *officers, *analysts, version=version, expires=expires)


@given(roster=rosters())
@settings(deadline=None)
def test_what_is_read_is_what_was_written(roster: Roster) -> None:
    text = roster_text(roster)
    assert open_roster(signed_roster(text, ANNA), ONE) == roster
    assert read_draft(text.encode(), ONE) == roster
    assert roster_text(read_draft(text.encode(), ONE)) == text


@given(roster=rosters())
@settings(deadline=None)
def test_the_order_of_entries_changes_no_byte(roster: Roster) -> None:
    turned = replace(
        roster,
        centres=dict(reversed(roster.centres.items())),
        officers=dict(reversed(roster.officers.items())),
        analysts=dict(reversed(roster.analysts.items())),
    )
    assert roster_text(turned) == roster_text(roster)


def test_a_time_of_another_zone_is_the_same_time() -> None:
    (line,) = (one for one in BODY.splitlines() if one.startswith("expires"))
    other = BODY.replace(line, "expires = 2027-01-01T09:00:00+09:00")
    assert open_roster(signed_roster(other, ANNA), ONE) == EVERYBODY


def test_the_officers_of_a_centre_are_its_own() -> None:
    assert EVERYBODY.officers_of(BERLIN.id) == (OLGA, OTTO)
    assert EVERYBODY.officers_of(PARIS.id) == ()
    assert EVERYBODY.officers_of(CentreId("Berlin")) == ()


@pytest.mark.parametrize("entry", [BERLIN, OLGA, ADA], ids=lambda one: one.id.text)
def test_an_entry_read_as_another_sort_is_refused(entry: Entry) -> None:
    tree = {"id": entry.id.text, **({"centre": "b"} if isinstance(entry, Officer) else {"institution": "B"})}
    for sort in Sort:
        with pytest.raises(TextError, match="lacks"):  # all lack their keys, one sort lacks more
            read_entry(sort, Fields(tree, "entry"))
    assert sort_of(entry) in Sort


# Who must sign.

A, B, C = ("root-1", ANNA), ("root-2", BEN), ("root-3", CARLA)
WRONG_A = ("root-1", EVE)


def test_one_of_one() -> None:
    assert open_roster(by(A), ONE) == EVERYBODY


@pytest.mark.parametrize("signers", [*combinations((A, B, C), 2), (A, B, C), (C, A), (A, A, B), (B, A, A)])
def test_two_of_three(signers: tuple[tuple[str, Ed25519PrivateKey], ...]) -> None:
    assert open_roster(by(*signers), TWO_OF_THREE) == EVERYBODY


ENOUGH: dict[str, tuple[tuple[str, Ed25519PrivateKey], ...]] = {
    "a wrong one first": (WRONG_A, B, C),
    "a wrong one last": (B, C, WRONG_A),
    "a wrong one of a name that is right as well": (WRONG_A, A, B),
    "a stranger's": (("eve", EVE), A, B),
    "a stranger's between": (A, ("eve", EVE), B),
    "many strangers'": (*((f"eve-{number}", EVE) for number in range(20)), A, B),
}


@pytest.mark.parametrize("name", ENOUGH)
def test_a_wrong_signature_beside_enough_right_ones_counts_for_nothing(name: str) -> None:
    assert open_roster(by(*ENOUGH[name]), TWO_OF_THREE) == EVERYBODY


TOO_FEW: dict[str, tuple[tuple[str, Ed25519PrivateKey], ...]] = {
    "the same key twice": (A, A),
    "the same key three times": (B, B, B),
    "one key under two names": (A, ("root-2", ANNA)),
    "one key under three names": (A, ("root-2", ANNA), ("root-3", ANNA)),
    "one right, two wrong": (A, ("root-2", EVE), ("root-3", EVE)),
    "two strangers": (("eve", EVE), ("mallory", EVE)),
    "a name that begins with a signer's": (A, ("root-22", BEN)),
    "a name with which a signer's begins": (A, ("root-", BEN)),
    "a name with which a signer's ends": (A, ("oot-2", BEN)),
    "a name that ends with a signer's": (A, ("my-root-2", BEN)),
    "a name in capitals": (A, ("Root-2", BEN)),
    "names that are exchanged": (("root-2", ANNA), ("root-1", BEN)),
}


@pytest.mark.parametrize("name", TOO_FEW)
def test_too_few_right_signatures_are_refused(name: str) -> None:
    octets = by(*TOO_FEW[name])
    with pytest.raises(SignatureError, match=r"bears [01] of the 2 signatures"):
        open_roster(octets, TWO_OF_THREE)
    # The control: whoever counts lines, and looks at no signature, takes each of them.
    assert len(SignedText.parse(octets).signatures) >= TWO_OF_THREE.threshold


@pytest.mark.parametrize("signer", [(), (A,), (B,), (C,)])
def test_one_alone_does_not_sign_for_two(signer: tuple[tuple[str, Ed25519PrivateKey], ...]) -> None:
    with pytest.raises(SignatureError):
        open_roster(by(*signer), TWO_OF_THREE)


@pytest.mark.parametrize("kind", ["study", "policy", "card", "rosters", "", "Roster"])
def test_a_signature_under_another_kind_is_none(kind: str) -> None:
    text = SignedText(body=BODY.encode(), signatures=()).signed_by("root-1", ANNA, kind)
    with pytest.raises(SignatureError):
        open_roster(text.to_bytes(), ONE)


def test_a_key_signs_under_its_own_of_two_names_that_begin_alike() -> None:
    root = Root(
        consortium="hearts",
        threshold=2,
        keys={"root-1": ANNA.public_key(), "root-11": BEN.public_key(), "1": CARLA.public_key()},
    )
    assert open_roster(by(A, ("root-11", BEN)), root) == EVERYBODY
    for signers in ((A, ("root-11", ANNA)), (("root-11", ANNA), ("root-1", BEN)), (A, ("1", BEN))):
        with pytest.raises(SignatureError):
            open_roster(by(*signers), root)


# Whatever is changed.


def _is_meaningless(octets: bytes) -> bool:
    """Whether bytes split into the same body and the same signatures: a line end, and nothing else."""
    try:
        return SignedText.parse(octets) == SignedText.parse(by(A, B))
    except SignatureError:
        return False


def _refused(octets: bytes, root: Root) -> bool:
    try:
        return open_roster(octets, root) is None
    except ProtocolError:
        return True


def _control(octets: bytes) -> bool:
    """Whether it would be read as another roster if nobody looked at its signatures."""
    try:
        return read_draft(SignedText.parse(octets).body, TWO_OF_THREE) != EVERYBODY
    except ProtocolError:
        return False


def test_every_line_that_is_taken_away_is_missed() -> None:
    octets, read = by(A, B), 0
    lines = octets.splitlines(keepends=True)
    for place in range(len(lines)):
        changed = b"".join(lines[:place] + lines[place + 1 :])
        assert _refused(changed, TWO_OF_THREE), lines[place]
        read += _control(changed)
    told("lines", len(lines), "read without a look at the signatures", read)


def test_every_pair_of_lines_that_is_exchanged_is_missed() -> None:
    lines = by(A, B).splitlines(keepends=True)
    signatures = len(lines) - 2
    for place in range(len(lines) - 1):
        changed = [*lines[:place], lines[place + 1], lines[place], *lines[place + 2 :]]
        if changed == lines or place == signatures:
            continue  # the order of signatures says nothing
        assert _refused(b"".join(changed), TWO_OF_THREE), lines[place]


def test_every_changed_byte_is_missed() -> None:
    octets, random = by(A, B), draws(fresh_seed())
    meaningless = other = 0
    for _ in range(FLIPS):
        place = random.randrange(len(octets))
        changed = bytearray(octets)
        changed[place] ^= random.randrange(1, 256)
        if _is_meaningless(bytes(changed)):
            meaningless += 1
            continue
        assert _refused(bytes(changed), TWO_OF_THREE), place
        other += _control(bytes(changed))
    told("of", FLIPS, "outside the meaning", meaningless, "another roster but for the signatures", other)
    assert meaningless <= 10
    assert other > 100, "the control: without signatures many changes are read"


def test_every_entry_that_is_taken_away_is_missed_by_the_signatures_only() -> None:
    parts = BODY.split("\n\n")
    (otto,) = (number for number, part in enumerate(parts) if '"otto"' in part)
    without = "\n\n".join(parts[:otto] + parts[otto + 1 :]).encode()
    octets = without + by(A, B)[len(BODY) :]
    assert OTTO.id not in read_draft(without, TWO_OF_THREE).officers
    with pytest.raises(SignatureError):
        open_roster(octets, TWO_OF_THREE)


# What must stand once.


@pytest.mark.parametrize("institution", ["Charite", "CHARITE", "charite", "cHARITe"])
def test_one_institution_has_one_centre(institution: str) -> None:
    body = roster_text(roster_of(BERLIN, replace(PARIS, institution=institution)))
    with pytest.raises(TextError, match="two centres to one institution"):
        open_roster(signed_roster(body, ANNA), ONE)


def test_one_institution_has_one_centre_also_where_capitals_are_two_letters() -> None:
    body = roster_text(
        roster_of(replace(BERLIN, institution="Weißenau"), replace(PARIS, institution="WEISSENAU"))
    )
    with pytest.raises(TextError, match="two centres to one institution"):
        open_roster(signed_roster(body, ANNA), ONE)


def test_an_institution_may_have_a_centre_and_analysts() -> None:
    roster = roster_of(BERLIN, ADA, replace(BOB, institution="Charite"))
    assert open_roster(signed_roster(roster_text(roster), ANNA), ONE) == roster


_WITH_KEY: dict[str, Callable[[Entry, Entry], PublicKeys]] = {
    "signing": lambda one, of: replace(one.keys, signing=of.keys.signing),
    "x25519": lambda one, of: replace(
        one.keys, sealing=replace(one.keys.sealing, x25519=of.keys.sealing.x25519)
    ),
    "mlkem768": lambda one, of: replace(
        one.keys, sealing=replace(one.keys.sealing, mlkem768=of.keys.sealing.mlkem768)
    ),
}
_PAIRS = list(combinations([BERLIN, PARIS, OLGA, OTTO, ADA, BOB], 2))


@pytest.mark.parametrize("kind", _WITH_KEY)
@pytest.mark.parametrize("pair", _PAIRS, ids=lambda pair: f"{pair[0].id}-{pair[1].id}")
def test_no_key_of_any_kind_stands_twice(kind: str, pair: tuple[Entry, Entry]) -> None:
    first, second = pair
    others = [one for one in (BERLIN, PARIS, OLGA, OTTO, ADA, BOB) if one not in (first, second)]
    thief = replace(second, keys=_WITH_KEY[kind](second, first))
    body = roster_text(roster_of(*others, first, thief))
    with pytest.raises(TextError, match="one key to two entries"):
        open_roster(signed_roster(body, ANNA), ONE)


@pytest.mark.parametrize("name", ["berlin", "paris", "olga", "ada"])
def test_no_name_stands_twice_among_its_sort(name: str) -> None:
    (part,) = (one for one in BODY.split("\n\n") if f'id = "{name}"' in one)
    with pytest.raises(TextError, match="twice"):
        open_roster(signed_roster(f"{BODY}\n{part}\n", ANNA), ONE)


def test_one_name_may_stand_in_two_sorts() -> None:
    roster = roster_of(BERLIN, replace(OLGA, id=OfficerId("berlin")), replace(ADA, id=AnalystId("berlin")))
    assert open_roster(signed_roster(roster_text(roster), ANNA), ONE) == roster


WRONG_ROSTERS: dict[str, tuple[str, str, str]] = {
    "an officer of nobody": ('centre = "berlin"', 'centre = "bonn"', "belongs to no centre"),
    "an officer of a centre in capitals": ('centre = "berlin"', 'centre = "Berlin"', "belongs to no centre"),
    "an officer of a centre that begins alike": (
        'centre = "berlin"',
        'centre = "berl"',
        "belongs to no centre",
    ),
    "another consortium": ('consortium = "hearts"', 'consortium = "heart"', "is that of 'heart'"),
    "a consortium in capitals": ('consortium = "hearts"', 'consortium = "Hearts"', "is that of 'Hearts'"),
    "version 0": ("version = 1", "version = 0", "1 or more"),
    "a version below 0": ("version = 1", "version = -1", "1 or more"),
    "a version that is true": ("version = 1", "version = true", "whole number"),
    "a version that is a fraction": ("version = 1", "version = 1.0", "whole number"),
}


@pytest.mark.parametrize("name", WRONG_ROSTERS)
def test_a_wrong_roster_is_refused_though_it_is_signed(name: str) -> None:
    before, after, says = WRONG_ROSTERS[name]
    assert before in BODY
    body = BODY.replace(before, after, 1)
    with pytest.raises(TextError, match=says):
        open_roster(signed_roster(body, ANNA), ONE)
    with pytest.raises(TextError, match=says):
        read_draft(body.encode(), ONE)


# The root.


@given(
    names=st.lists(_names, min_size=1, max_size=6, unique=True),
    consortium=st.text(min_size=1, max_size=40).filter(str.isprintable),
    data=st.data(),
)
@settings(deadline=None)
def test_a_root_that_is_read_is_the_one_that_was_written(
    names: list[str], consortium: str, data: st.DataObject
) -> None:
    keys = {
        name: Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32).public_key()
        for number, name in enumerate(names)
    }
    threshold = data.draw(st.integers(min_value=1, max_value=len(names)))
    root = Root(consortium=consortium, threshold=threshold, keys=keys)
    assert read_root(root_text(root).encode()) == root


_ROOT = root_text(TWO_OF_THREE)
_FIRST, _SECOND = (
    next(one for one in root_text(root_of("hearts", key)).splitlines() if one.startswith("key = "))
    for key in (ANNA, BEN)
)
WRONG_ROOTS: dict[str, tuple[str, str, str]] = {
    "a key under two names": (_SECOND, _FIRST, "a name or a key twice"),
    "a name with two keys": ('id = "root-2"', 'id = "root-1"', "a name or a key twice"),
    "no threshold": ("threshold = 2\n", "", "lacks 'threshold'"),
    "a threshold of nobody": ("threshold = 2", "threshold = 0", "1 to 3"),
    "a threshold below nobody": ("threshold = 2", "threshold = -2", "1 to 3"),
    "a threshold above everybody": ("threshold = 2", "threshold = 4", "1 to 3"),
    "a threshold that is true": ("threshold = 2", "threshold = true", "whole number"),
    "no keys": (_ROOT[_ROOT.index("[[key]]") :], "", "1 to 0"),
    "a key without a name": ('id = "root-1"\n', "", "lacks 'id'"),
    "a name without a key": (_FIRST + "\n", "", "lacks 'key'"),
    "a name that is none": ('id = "root-1"', 'id = "root 1"', "not a name"),
    "a short key": (_FIRST, 'key = "AAAA"', "32 bytes"),
    "a key with spare bits": (_FIRST, _FIRST.replace('="', 'x="').replace("==", "="), "32 bytes|not TOML"),
    "an unknown key": ("threshold = 2", "threshold = 2\nexpires = 1", "unknown key 'expires'"),
    "an unknown key of a key": (_FIRST, _FIRST + "\nuses = 1", "unknown key 'uses'"),
    "another format": ("skerry.root/1", "skerry.root/2", "format"),
    "a roster": ("skerry.root/1", "skerry.roster/1", "format"),
}


@pytest.mark.parametrize("name", WRONG_ROOTS)
def test_a_wrong_root_is_refused(name: str) -> None:
    before, after, says = WRONG_ROOTS[name]
    assert before in _ROOT
    with pytest.raises(TextError, match=says):
        read_root(_ROOT.replace(before, after, 1).encode())


def test_no_threshold_lets_an_unsigned_roster_in() -> None:
    """A root of threshold 0 cannot be read; made by our own code, it still wants one signature."""
    root = replace(ONE, threshold=0)
    with pytest.raises(SignatureError):
        open_roster(by(), root)


def test_a_roster_of_another_root_is_refused() -> None:
    with pytest.raises(SignatureError):
        open_roster(by(A), root_of("hearts", EVE))


def test_an_expiry_is_read_and_not_judged_here() -> None:
    long_ago = replace(EVERYBODY, expires=EXPIRES - timedelta(days=9999))
    assert open_roster(signed_roster(roster_text(long_ago), ANNA), ONE) == long_ago
