"""Fingerprints that people read to each other: twelve words of BIP-39. spec/roster.md 5.

128 bits: nobody finds other keys with the same words. The last word has a checksum, so that a word
that was misheard is noticed.
"""

from mnemonic import Mnemonic

from protocols.canonical import sha256
from protocols.keys import PublicKeys
from protocols.root import Root

_BYTES = 16
_WORDS = Mnemonic("english")


def fingerprint_of(sort: str, name: str, keys: PublicKeys) -> str:
    """Give the words for an entry's keys; `sort` is `centre`, `officer` or `analyst`."""
    return _words(sort, name, keys.octets)


def fingerprint_of_root(root: Root) -> str:
    """Give the words for a root."""
    return _words("root", root.consortium, root.octets)


def _words(sort: str, name: str, octets: bytes) -> str:
    digest = sha256("skerry/1 fingerprint", sort.encode(), name.encode(), octets).octets
    return str(_WORDS.to_mnemonic(digest[:_BYTES]))
