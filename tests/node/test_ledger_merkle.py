"""The ledger's tree is RFC 6962's: published vectors, every proof of small trees, no bit to spare."""

import base64
import hashlib
import json
from pathlib import Path

import pytest

from protocols import transparency
from protocols.errors import ProofError
from protocols.releases import Granted
from tests.node.ledger_desk import FREE, ledger_at, released, spend
from tests.node.seeds import draws, fresh_seed
from tests.shared_data import shared

SIZES = range(1, 65)


def _octets(text: str | None) -> bytes:
    return base64.b64decode(text or "")


def _accepts(vector: dict[str, object]) -> bool:
    leaf, root, proof = vector["leafHash"], vector["root"], vector["proof"]
    parts = [_octets(part) for part in proof] if isinstance(proof, list) else []
    try:
        transparency.check_inclusion(
            _octets(str(leaf or "")),
            int(str(vector["leafIdx"])),
            int(str(vector["treeSize"])),
            parts,
            _octets(str(root or "")),
        )
    except ProofError:
        return False
    return True


def test_every_published_vector_is_judged_as_published() -> None:
    files: list[Path] = sorted(shared("merkle-rfc6962/inclusion").rglob("*.json"))
    vectors = [json.loads(path.read_text(encoding="utf-8")) for path in files]
    assert len(vectors) >= 60
    assert {vector["wantErr"] for vector in vectors} == {True, False}
    wrong = [str(path) for path, one in zip(files, vectors, strict=True) if _accepts(one) == one["wantErr"]]
    assert wrong == []


def _leaf(number: int) -> bytes:
    return transparency.leaf_hash(number.to_bytes(4, "big"))


def _root_by_definition(leaves: list[bytes]) -> bytes:
    """RFC 6962 2.1, word for word."""
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    left, right = _root_by_definition(leaves[:split]), _root_by_definition(leaves[split:])
    return hashlib.sha256(b"\x01" + left + right).digest()


@pytest.mark.parametrize("size", SIZES)
def test_every_proof_of_a_small_tree_holds_and_with_one_bit_flipped_does_not(size: int) -> None:
    draw = draws(fresh_seed())
    leaves = [_leaf(number) for number in range(size)]
    root, fetch = transparency.tree_of(leaves)
    assert root == _root_by_definition(leaves)
    for index, leaf in enumerate(leaves):
        proof = transparency.inclusion_proof(index, size, fetch)
        transparency.check_inclusion(leaf, index, size, proof, root)
        parts = [leaf, root, *proof]
        for place, part in enumerate(parts):
            bit = draw.randrange(256)
            flipped = bytearray(part)
            flipped[bit // 8] ^= 1 << bit % 8
            wrong = [*parts[:place], bytes(flipped), *parts[place + 1 :]]
            with pytest.raises(ProofError):
                transparency.check_inclusion(wrong[0], index, size, wrong[2:], wrong[1])
        for other in {index + 1, index - 1, size, -1} - {index}:
            with pytest.raises(ProofError):
                transparency.check_inclusion(leaf, other, size, proof, root)
        for parts_of_wrong_number in ([*proof, root], proof[:-1] if proof else [root]):
            with pytest.raises(ProofError):
                transparency.check_inclusion(leaf, index, size, parts_of_wrong_number, root)


def test_a_receipt_proves_that_its_charge_is_in_the_tree_it_names(tmp_path: Path) -> None:
    ledger = ledger_at(tmp_path)
    for number in range(20):
        first, again = released(ledger, spend(f"q{number}")), ledger.charge(spend(f"q{number // 2}"), FREE)
        assert isinstance(again, Granted)
        for receipt in (first.receipt, again.receipt):
            transparency.check_inclusion(
                transparency.leaf_hash(receipt.event),
                receipt.index,
                receipt.tree_size,
                [part.octets for part in receipt.proof],
                receipt.tree_root.octets,
            )
