"""Cards: what somebody sends to the consortium to be taken into the roster. spec/roster.md 6.

A card is signed by the very key that it names, so whoever made it holds that key's private half. It
says nothing about who that is: people compare its fingerprint by another channel.
"""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocols.errors import Problem, SignatureError, TextError, WireError
from protocols.roster import Entry, Sort, entry_lines, read_entry, sort_of
from protocols.signed_text import Fields, SignedText, read_toml

MAX_CARD_BYTES = 4096
_SORTS = {sort.value: sort for sort in Sort}


def card_text(entry: Entry) -> str:
    """Write a card's body, to be signed."""
    return f'format = "skerry.card/1"\nsort = "{sort_of(entry).value}"\n{entry_lines(entry)}'


def signed_card(entry: Entry, key: Ed25519PrivateKey) -> bytes:
    """Write a card. `key` is the private half of the entry's signing key; any other is our own fault."""
    if key.public_key() != entry.keys.signing:
        raise RuntimeError("a card is signed by the key that it names")
    text = SignedText(body=card_text(entry).encode(), signatures=())
    return text.signed_by(entry.id.text, key, "card").to_bytes()


def open_card(octets: bytes) -> Entry:
    """Read a card, and verify that its maker holds the signing key. Raises TextError or SignatureError.

    The one signed text that is read before it is verified, because the key stands in it: hence its size.
    """
    if len(octets) > MAX_CARD_BYTES:
        raise TextError([Problem(line=0, where="card", what=f"is larger than {MAX_CARD_BYTES:,} bytes")])
    text = SignedText.parse(octets)
    if len(text.signatures) != 1:
        raise SignatureError(f"the card bears {len(text.signatures)} signatures, and must bear one")
    fields = Fields(read_toml(text.body, "card"), "card")
    fields.take("format", str)
    sort = _SORTS.get(fields.take("sort", str))
    if sort is None:
        raise fields.wrong("'sort' is centre, officer or analyst")
    try:
        entry = read_entry(sort, fields)
    except WireError as error:
        raise fields.wrong(str(error)) from None
    text.opened(entry.id.text, entry.keys.signing, "card")
    return entry
