"""The consortium's root: the keys that sign rosters, and how many of them must. spec/roster.md 1.

It is pinned: a custodian gets it once, compares its fingerprint by another channel, and every roster is
checked against it. It bears no signature, because whoever could replace it could replace that too.
"""

from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from protocols.errors import WireError
from protocols.ids import RootKeyId
from protocols.keys import key_from_text, key_to_text
from protocols.signed_text import Fields, quoted, read_toml


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """The keys of the root by the name under which each signs, and how many must sign a roster."""

    consortium: str
    threshold: int
    keys: dict[str, Ed25519PublicKey]

    @property
    def octets(self) -> bytes:
        """What a fingerprint is made of: threshold and keys, in the order of the keys' names."""
        return self.threshold.to_bytes(4, "big") + b"".join(
            self.keys[name].public_bytes_raw() for name in sorted(self.keys)
        )


def read_root(octets: bytes) -> Root:
    """Read a pinned root file. Raises TextError."""
    fields = Fields(read_toml(octets, "root"), "root")
    fields.take("format", str)
    try:
        entries = [_entry(one) for one in fields.tables("key")]
    except WireError as error:
        raise fields.wrong(str(error)) from None
    root = Root(
        consortium=fields.take("consortium", str),
        threshold=fields.take("threshold", int),
        keys=dict(entries),
    )
    fields.done()
    # One key under two names would sign twice.
    if len({key.public_bytes_raw() for _, key in entries}) < len(entries) or len(root.keys) < len(entries):
        raise fields.wrong("has a name or a key twice")
    if not 1 <= root.threshold <= len(root.keys):
        raise fields.wrong(f"'threshold' is 1 to {len(root.keys)}, the number of its keys")
    return root


def _entry(fields: Fields) -> tuple[str, Ed25519PublicKey]:
    name, key = RootKeyId(fields.take("id", str)), key_from_text(fields.take("key", str))
    fields.done()
    return name.text, key


def root_text(root: Root) -> str:
    """Write a root file."""
    head = f'format = "skerry.root/1"\nconsortium = {quoted(root.consortium)}\nthreshold = {root.threshold}\n'
    entries = (
        f"[[key]]\nid = {quoted(name)}\nkey = {quoted(key_to_text(key))}\n"
        for name, key in sorted(root.keys.items())
    )
    return "\n".join([head, *entries])
