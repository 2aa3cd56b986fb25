"""Cards: by which people and centres enter the roster. spec/roster.md 6."""

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.card import MAX_CARD_BYTES, card_text, open_card, signed_card
from protocols.errors import ProtocolError, SignatureError, TextError
from protocols.ids import AnalystId, CentreId, OfficerId
from protocols.keys import PublicKeys, keys_to_text
from protocols.roster import MAX_INSTITUTION, Analyst, Centre, Entry, Officer, entry_lines, sort_of
from protocols.signed_text import Fields, SignedText, read_toml
from tests.members import keys_of
from tests.node.seeds import draws, fresh_seed

KEY, STRANGER = (Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32) for number in (21, 22))
KEYS = keys_of(KEY)
CENTRE = Centre(id=CentreId("berlin"), institution="Charité, „Haus 1“", keys=KEYS)
ENTRIES: dict[str, Entry] = {
    "centre": CENTRE,
    "officer": Officer(id=OfficerId("officer-berlin"), centre=CentreId("berlin"), keys=KEYS),
    "analyst": Analyst(id=AnalystId("ada"), institution="University of Bergen", keys=KEYS),
}
FLIPS = 2_000

_names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}", fullmatch=True)
_institutions = st.text(min_size=1, max_size=MAX_INSTITUTION).filter(
    lambda text: text.isprintable() and text == text.strip()
)


@pytest.mark.parametrize("sort", ENTRIES)
def test_what_is_read_is_what_was_written(sort: str) -> None:
    card = signed_card(ENTRIES[sort], KEY)
    assert open_card(card) == ENTRIES[sort]
    assert sort_of(ENTRIES[sort]).value == sort
    assert card_text(ENTRIES[sort]).encode() == SignedText.parse(card).body


@given(name=_names, institution=_institutions)
@settings(deadline=None)
def test_a_round_trip_within_the_size(name: str, institution: str) -> None:
    for entry in (
        Centre(id=CentreId(name), institution=institution, keys=KEYS),
        Analyst(id=AnalystId(name), institution=institution, keys=KEYS),
    ):
        card = signed_card(entry, KEY)
        assert len(card) <= MAX_CARD_BYTES
        assert open_card(card) == entry


def test_the_longest_card_is_within_the_size() -> None:
    longest = Centre(id=CentreId("b" * 63), institution="\U0001f3e5" * MAX_INSTITUTION, keys=KEYS)
    assert open_card(signed_card(longest, KEY)) == longest


def test_a_card_that_is_too_large_is_not_read() -> None:
    text = SignedText(body=card_text(CENTRE).encode() + b"#" * MAX_CARD_BYTES, signatures=())
    with pytest.raises(TextError, match="larger"):
        open_card(text.signed_by("berlin", KEY, "card").to_bytes())


def test_to_sign_with_another_key_is_a_fault_of_ours() -> None:
    with pytest.raises(RuntimeError):
        signed_card(CENTRE, STRANGER)


def _bare() -> SignedText:
    return SignedText(body=card_text(CENTRE).encode(), signatures=())


def _stolen() -> SignedText:
    """The card of a stranger who shows another's signing key as their own."""
    return _bare().signed_by("berlin", STRANGER, "card")


UNSIGNED: dict[str, SignedText] = {
    "no signature": _bare(),
    "the signature of a stranger": _stolen(),
    "under another name": _bare().signed_by("paris", KEY, "card"),
    "under a name that begins alike": _bare().signed_by("berlin2", KEY, "card"),
    "under a name that ends alike": _bare().signed_by("erlin", KEY, "card"),
    "of another kind": _bare().signed_by("berlin", KEY, "roster"),
    "two signatures": _bare().signed_by("berlin", KEY, "card").signed_by("berlin", KEY, "card"),
    "a second signer": _bare().signed_by("berlin", KEY, "card").signed_by("eve", STRANGER, "card"),
}


@pytest.mark.parametrize("name", UNSIGNED)
def test_a_card_without_its_own_signature_is_refused(name: str) -> None:
    with pytest.raises(SignatureError):
        open_card(UNSIGNED[name].to_bytes())


def test_without_the_signature_a_stranger_would_enter_with_the_key_of_another() -> None:
    """The control: nothing but the signature tells this card from the right one."""
    fields = Fields(read_toml(_stolen().body, "card"), "card")
    assert fields.take("key", str) == keys_to_text(KEYS)["key"]


_INSTITUTION = "institution = "


def _line(start: str) -> str:
    return next(line for line in card_text(CENTRE).splitlines() if line.startswith(start))


WRONG: dict[str, tuple[str, str, str]] = {
    "no sort": ('sort = "centre"\n', "", "lacks 'sort'"),
    "another sort": ('sort = "centre"', 'sort = "coordinator"', "centre, officer or analyst"),
    "a sort in capitals": ('sort = "centre"', 'sort = "Centre"', "centre, officer or analyst"),
    "a sort that is no text": ('sort = "centre"', "sort = 1", "'sort' must be text"),
    "an officer without a centre": ('sort = "centre"', 'sort = "officer"', "lacks 'centre'"),
    "another format": ("skerry.card/1", "skerry.card/2", "format"),
    "a roster": ("skerry.card/1", "skerry.roster/1", "format"),
    "a name with a space": ('"berlin"', '"ber lin"', "not a name"),
    "an empty name": ('"berlin"', '""', "not a name"),
    "a name with a path": ('"berlin"', '"../berlin"', "not a name"),
    "no institution": (_line(_INSTITUTION) + "\n", "", "lacks 'institution'"),
    "an empty institution": (_line(_INSTITUTION), 'institution = ""', "'institution' is a name"),
    "a blank institution": (_line(_INSTITUTION), 'institution = "  "', "'institution' is a name"),
    "an institution with a space before it": (_line(_INSTITUTION), 'institution = " A"', "is a name"),
    "an institution of two lines": (_line(_INSTITUTION), 'institution = "A\\nB"', "is a name"),
    "an institution that turns the writing": (_line(_INSTITUTION), 'institution = "A\\u202eB"', "is a name"),
    "an institution of a page": (
        _line(_INSTITUTION),
        f'institution = "{"A" * (MAX_INSTITUTION + 1)}"',
        "is a name",
    ),
    "an officer's centre besides": (_line(_INSTITUTION), _line(_INSTITUTION) + '\ncentre = "b"', "unknown"),
    "an unknown key": ('sort = "centre"', 'sort = "centre"\nadmin = true', "unknown key 'admin'"),
    "a key twice": ('sort = "centre"', 'sort = "centre"\nsort = "centre"', "not TOML"),
    "no signing key": (_line("key = ") + "\n", "", "lacks 'key'"),
    "no X25519 key": (_line("x25519 = ") + "\n", "", "lacks 'x25519'"),
    "no ML-KEM key": (_line("mlkem768 = ") + "\n", "", "lacks 'mlkem768'"),
    "a short signing key": (_line("key = "), 'key = "AAAA"', "32 bytes"),
    "a short X25519 key": (_line("x25519 = "), 'x25519 = "AAAA"', "32 bytes"),
    "a short ML-KEM key": (_line("mlkem768 = "), 'mlkem768 = "AAAA"', "1184 bytes"),
    "an ML-KEM key beyond the modulus": (
        _line("mlkem768 = "),
        f'mlkem768 = "{"/" * 1578}8="',
        "ML-KEM-768|1184",
    ),
    "brackets without an end": ('sort = "centre"', "sort = " + "[" * 2000, "not TOML"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_card_is_refused_though_it_is_signed(name: str) -> None:
    before, after, says = WRONG[name]
    body = card_text(CENTRE)
    assert before in body
    changed = SignedText(body=body.replace(before, after, 1).encode(), signatures=())
    with pytest.raises(TextError, match=says):
        open_card(changed.signed_by("berlin", KEY, "card").to_bytes())


def test_a_changed_byte_is_refused() -> None:
    card, random = signed_card(CENTRE, KEY), draws(fresh_seed())
    for _ in range(FLIPS):
        place = random.randrange(len(card) - 1)  # the last byte is a line end, and says nothing
        octets = bytearray(card)
        octets[place] ^= random.randrange(1, 256)
        with pytest.raises((SignatureError, TextError)):
            open_card(bytes(octets))


def test_a_cut_card_is_refused() -> None:
    card = signed_card(CENTRE, KEY)
    for size in range(len(card) - 1):
        with pytest.raises((SignatureError, TextError)):
            open_card(card[:size])


@given(octets=st.binary(max_size=300))
def test_any_bytes_are_refused_by_an_error_of_this_room(octets: bytes) -> None:
    with pytest.raises(ProtocolError):
        open_card(octets)


def test_a_card_vouches_for_the_signing_key_only() -> None:
    """A stranger's sealing key in a card is not noticed: spec/roster.md 6 says so."""
    mixed = PublicKeys(signing=KEYS.signing, sealing=keys_of(STRANGER).sealing)
    entry = replace(CENTRE, keys=mixed)
    assert open_card(signed_card(entry, KEY)) == entry


def test_an_entry_of_the_roster_and_a_card_are_the_same_lines() -> None:
    assert card_text(CENTRE).endswith(entry_lines(CENTRE))
