"""The node's private keys at rest: one file each, readable by their owner only.

`identity.key` signs answers (Ed25519, 32 bytes), `snapshots.key` encrypts snapshots (32 bytes),
`tls.key` is the transport key (P-256, PEM). A file that others may read is refused: it may have
been read.
"""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from node.errors import RulesError

_SIZE = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeKeys:
    """The keys, never shown."""

    identity: Ed25519PrivateKey
    snapshots: bytes
    tls_pem: bytes

    def __repr__(self) -> str:
        """Show nothing of the keys."""
        return "NodeKeys(...)"


def read_secret(path: Path) -> bytes:
    """Read a secret file. Raises RulesError when it is absent, or open to others."""
    try:
        mode = path.stat().st_mode
        octets = path.read_bytes()
    except OSError as error:
        raise RulesError(f"the key {path} cannot be read ({error.strerror})") from None
    if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
        raise RulesError(f"the key {path} is open to others; replace it, or run: chmod 600 {path}")
    return octets


def load_keys(folder: Path) -> NodeKeys:
    """Load the node's keys. Raises RulesError."""
    identity, snapshots = read_secret(folder / "identity.key"), read_secret(folder / "snapshots.key")
    if len(identity) != _SIZE or len(snapshots) != _SIZE:
        raise RulesError(f"identity.key and snapshots.key in {folder} have 32 bytes each")
    return NodeKeys(
        identity=Ed25519PrivateKey.from_private_bytes(identity),
        snapshots=snapshots,
        tls_pem=read_secret(folder / "tls.key"),
    )
