"""Fingerprints that people read to each other. spec/roster.md 5."""

import hashlib
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from mnemonic import Mnemonic

from protocols.errors import WireError
from protocols.fingerprint import fingerprint_of, fingerprint_of_root, read_words
from protocols.keys import PublicKeys
from tests.members import keys_of, root_of
from tests.node.seeds import draws, fresh_seed, told

KEYS = [Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32) for number in (31, 32, 33)]
BERLIN = keys_of(KEYS[0])
WORDS = fingerprint_of("centre", "berlin", BERLIN)
_LIST = Mnemonic("english").wordlist


def _by_the_spec(*parts: bytes) -> str:
    """The twelve words once more, after documents.md 3 and BIP-39, without the product."""
    framed = b"".join(len(one).to_bytes(8, "big") + one for one in (b"skerry/1 fingerprint", *parts))
    octets = hashlib.sha256(framed).digest()[:16]
    bits = int.from_bytes(octets, "big") << 4 | hashlib.sha256(octets).digest()[0] >> 4
    return " ".join(_LIST[bits >> 11 * place & 2047] for place in reversed(range(12)))


def test_the_words_are_those_of_the_spec() -> None:
    assert _by_the_spec(b"centre", b"berlin", BERLIN.octets) == WORDS
    root = root_of("hearts", *KEYS, threshold=2)
    keys = b"".join(key.public_key().public_bytes_raw() for key in KEYS)
    assert fingerprint_of_root(root) == _by_the_spec(b"root", b"hearts", (2).to_bytes(4, "big") + keys)


def test_the_words_of_bip_39_itself() -> None:
    """The first vector of the standard: sixteen zero bytes."""
    assert read_words("abandon " * 11 + "about") == "abandon " * 11 + "about"
    with pytest.raises(WireError, match="misheard"):
        read_words("abandon " * 12)


def test_whatever_is_other_has_other_words() -> None:
    other = keys_of(KEYS[1])
    words = {
        WORDS,
        fingerprint_of("officer", "berlin", BERLIN),
        fingerprint_of("centre", "berlin2", BERLIN),
        fingerprint_of("centre", "Berlin", BERLIN),
        fingerprint_of("centre", "berlin", PublicKeys(signing=other.signing, sealing=BERLIN.sealing)),
        *(
            fingerprint_of("centre", "berlin", replace(BERLIN, sealing=mixed))
            for mixed in (
                replace(BERLIN.sealing, x25519=other.sealing.x25519),
                replace(BERLIN.sealing, mlkem768=other.sealing.mlkem768),
            )
        ),
        *(fingerprint_of_root(root_of("hearts", *KEYS, threshold=number)) for number in (1, 2, 3)),
        fingerprint_of_root(root_of("heart", *KEYS)),
        fingerprint_of_root(root_of("hearts", *KEYS[:2])),
        fingerprint_of_root(root_of("hearts", *reversed(KEYS))),
    }
    assert len(words) == 13


@pytest.mark.parametrize(
    "heard",
    [
        WORDS,
        WORDS.upper(),
        f"  {WORDS}\n",
        WORDS.replace(" ", ", "),
        WORDS.replace(" ", "-"),
        WORDS.replace(" ", "\n"),
        WORDS.title(),
    ],
)
def test_how_words_are_typed_does_not_matter(heard: str) -> None:
    assert read_words(heard) == WORDS


@pytest.mark.parametrize(
    ("heard", "says"),
    [
        ("", "12 words, and here are 0"),
        (WORDS.rpartition(" ")[0], "12 words, and here are 11"),
        (f"{WORDS} {WORDS}", "12 words, and here are 24"),
        (WORDS.replace(" ", ""), "12 words, and here are 1"),
        (f"skerry {WORDS.partition(' ')[2]}", "word 1, 'skerry', is none"),
        (
            f"abandom {WORDS.partition(' ')[2]}",
            "word 1, 'abandom', is none of a fingerprint; did you mean 'abandon'",
        ),
        (f"{WORDS.rpartition(' ')[0]} \x1b[31m", "word 12, "),
        (" ".join(reversed(WORDS.split())), "misheard"),
    ],
)
def test_words_that_are_no_fingerprint_are_told(heard: str, says: str) -> None:
    with pytest.raises(WireError) as caught:
        read_words(heard)
    assert says in str(caught.value)
    assert str(caught.value).isprintable()


def test_a_misheard_word_never_gives_the_same_words() -> None:
    """The checksum has four bits: of sixteen wrong words it misses about one, and then the words differ."""
    random, missed, tries = draws(fresh_seed()), 0, 2_000
    for _ in range(tries):
        words = WORDS.split()
        place = random.randrange(12)
        words[place] = random.choice([one for one in _LIST if one != words[place]])
        try:
            assert read_words(" ".join(words)) != WORDS
        except WireError:
            continue
        missed += 1
    told("missed by the checksum", missed, "of", tries)
    assert 60 <= missed <= 190, "of 2,000, a sixteenth is 125, with a standard deviation of 11"
