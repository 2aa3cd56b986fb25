"""Fingerprints that people read to each other: twelve words of BIP-39. spec/roster.md 5.

128 bits: nobody finds other keys with the same words. The last word has a checksum, so that a word
that was misheard is noticed.
"""

from mnemonic import Mnemonic

from protocols.canonical import sha256
from protocols.documents import nearest, shown
from protocols.errors import WireError
from protocols.keys import PublicKeys
from protocols.root import Root

_BYTES = 16
_WORDS = Mnemonic("english")
_COUNT = 12


def fingerprint_of(sort: str, name: str, keys: PublicKeys) -> str:
    """Give the words for an entry's keys; `sort` is `centre`, `officer` or `analyst`."""
    return _words(sort, name, keys.octets)


def fingerprint_of_root(root: Root) -> str:
    """Give the words for a root."""
    return _words("root", root.consortium, root.octets)


def read_words(text: str) -> str:
    """Read a fingerprint that somebody heard and typed: capitals, commas and hyphens do not matter.

    Raises WireError when it is none: another number of words, an unknown word, or a wrong checksum.
    """
    words = text.replace(",", " ").replace("-", " ").casefold().split()
    if len(words) != _COUNT:
        raise WireError(f"a fingerprint has {_COUNT} words, and here are {len(words)}")
    for place, word in enumerate(words, start=1):
        if word not in _WORDS.wordlist:
            advice = nearest(word, _WORDS.wordlist)
            raise WireError(
                f"word {place}, {shown(word)}, is none of a fingerprint" + f"; {advice}" * bool(advice)
            )
    if not _WORDS.check(" ".join(words)):
        raise WireError("a word of this fingerprint was misheard: its checksum is wrong")
    return " ".join(words)


def _words(sort: str, name: str, octets: bytes) -> str:
    digest = sha256("skerry/1 fingerprint", sort.encode(), name.encode(), octets).octets
    return str(_WORDS.to_mnemonic(digest[:_BYTES]))
