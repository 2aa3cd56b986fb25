"""The Merkle tree of a ledger: RFC 6962 section 2.1, as pure functions.

A store of complete subtrees makes an append and a proof cost a logarithm: node (level, index)
covers the leaves index * 2^level up to the next. Who keeps the nodes is the ledger's business.
"""

import hashlib
from collections.abc import Callable, Sequence

from protocols.errors import ProofError
from protocols.ids import Digest

Fetch = Callable[[int, int], bytes]
"""Gives the hash of the complete subtree at (level, index)."""

EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(leaf: bytes) -> bytes:
    """Hash a leaf. RFC 6962 2.1: prefix 0x00."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash an inner node. RFC 6962 2.1: prefix 0x01."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def appended(leaf: bytes, size: int, fetch: Fetch) -> list[tuple[int, int, bytes]]:
    """Give the complete subtrees that a new leaf hash finishes, as (level, index, hash).

    `size` is the number of leaves before it.
    """
    nodes = [(0, size, leaf)]
    level, index, value = 0, size, leaf
    while index % 2 == 1:
        value = node_hash(fetch(level, index - 1), value)
        level, index = level + 1, index // 2
        nodes.append((level, index, value))
    return nodes


def _subtree(start: int, end: int, fetch: Fetch) -> bytes:
    """MTH of the leaves start..end-1, where start is a multiple of the largest power of two below."""
    width = end - start
    if width & (width - 1) == 0:
        level = width.bit_length() - 1
        return fetch(level, start >> level)
    split = 1 << ((width - 1).bit_length() - 1)
    return node_hash(_subtree(start, start + split, fetch), _subtree(start + split, end, fetch))


def root(size: int, fetch: Fetch) -> bytes:
    """Give the root of the first `size` leaves."""
    return EMPTY_ROOT if size == 0 else _subtree(0, size, fetch)


def inclusion_proof(index: int, size: int, fetch: Fetch) -> list[bytes]:
    """Give the audit path of a leaf in the tree of `size` leaves. RFC 6962 2.1.1."""
    if not 0 <= index < size:
        raise RuntimeError("the leaf is not in the tree")
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        split = 1 << ((end - start - 1).bit_length() - 1)
        if index < start + split:
            path.append(_subtree(start + split, end, fetch))
            end = start + split
        else:
            path.append(_subtree(start, start + split, fetch))
            start += split
    return path[::-1]


def check_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root_hash: bytes) -> None:
    """Verify an audit path from a leaf hash to the root. RFC 9162 2.1.3.2. Raises ProofError."""
    if not 0 <= index < size:
        raise ProofError("the leaf's index lies outside the tree")
    if any(len(part) != 32 for part in (leaf, root_hash, *proof)):
        raise ProofError("a hash in the proof has not 32 bytes")
    node, last, value = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise ProofError("the proof is too long")
        if node % 2 == 1 or node == last:
            value = node_hash(sibling, value)
            while node % 2 == 0 and node != 0:
                node >>= 1
                last >>= 1
        else:
            value = node_hash(value, sibling)
        node >>= 1
        last >>= 1
    if last != 0:
        raise ProofError("the proof is too short")
    if value != root_hash:
        raise ProofError("the proof does not lead to the root")


def tree_of(leaves: Sequence[bytes]) -> tuple[bytes, Fetch]:
    """Build a whole tree in memory from leaf hashes: its root, and its nodes. For audits."""
    nodes: dict[tuple[int, int], bytes] = {}

    def fetch(level: int, index: int) -> bytes:
        return nodes[level, index]

    for size, leaf in enumerate(leaves):
        for level, index, value in appended(leaf, size, fetch):
            nodes[level, index] = value
    return Digest(root(len(leaves), fetch)).octets, fetch
