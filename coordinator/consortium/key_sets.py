"""Which key files somebody begins with, and the public paper that goes with them. Makes, and writes nothing.

* the consortium: `root-NAME.key` for each keeper, and `root.toml`;
* an analyst: `signing.key`, `sealing.key`, `tls.key`, and `card.toml`;
* an officer: the same without `tls.key`.
"""

from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from coordinator.consortium.errors import ConsortiumError
from coordinator.consortium.papers import ROOT
from protocols.card import signed_card
from protocols.errors import WireError
from protocols.ids import AnalystId, CentreId, ConsortiumId, OfficerId, RootKeyId
from protocols.keys import PublicKeys, SealingSecret
from protocols.root import Root, root_text
from protocols.roster import MAX_INSTITUTION, Analyst, Entry, Officer, is_institution

CARD = "card.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySet:
    """Private files by their names, and the public one."""

    secrets: dict[str, bytes]
    public_name: str
    public: bytes

    def __repr__(self) -> str:
        """Show nothing of the keys."""
        return f"KeySet({', '.join(sorted(self.secrets))})"


def root_set(consortium: str, keepers: list[str], threshold: int) -> tuple[Root, KeySet]:
    """Make a root of one key for each keeper. Raises ConsortiumError."""
    try:
        name, keys = ConsortiumId(consortium), [RootKeyId(one) for one in keepers]
    except WireError as error:
        advice = "write --name ketamine --keys anna,ben,carla"
        raise ConsortiumError("no_name", str(error), advice) from None
    # Names that differ in capitals only may be one file.
    if len({one.text.casefold() for one in keys}) < len(keys):
        raise ConsortiumError("twice", "--keys names somebody twice", "give each keeper a name of their own")
    if not 1 <= threshold <= len(keys):
        what = f"--threshold {threshold} is not 1 to {len(keys)}, the number of the keys"
        raise ConsortiumError("threshold", what, "name more keepers with --keys, or let fewer sign")
    secrets = {one.text: Ed25519PrivateKey.generate() for one in keys}
    public = {one: key.public_key() for one, key in secrets.items()}
    root = Root(consortium=name.text, threshold=threshold, keys=public)
    private = {f"root-{one}.key": key.private_bytes_raw() for one, key in secrets.items()}
    return root, KeySet(secrets=private, public_name=ROOT, public=root_text(root).encode())


def analyst_set(name: str, institution: str) -> tuple[Entry, KeySet]:
    """Make the keys and the card of an analyst. Raises ConsortiumError."""
    if not is_institution(institution):
        what = f"--institution is a name of 1 to {MAX_INSTITUTION} characters, without control characters"
        raise ConsortiumError("institution", what, "write the institution's legal name")
    signing, sealing = Ed25519PrivateKey.generate(), SealingSecret.generate()
    try:
        entry = Analyst(id=AnalystId(name), institution=institution, keys=_public(signing, sealing))
    except WireError as error:
        raise _no_name("--id", error) from None
    return entry, _set(entry, signing, sealing, {"tls.key": _transport_key()})


def officer_set(name: str, centre: str) -> tuple[Entry, KeySet]:
    """Make the keys and the card of a privacy officer. Raises ConsortiumError."""
    signing, sealing = Ed25519PrivateKey.generate(), SealingSecret.generate()
    try:
        of = CentreId(centre)
    except WireError as error:
        raise _no_name("--centre", error) from None
    try:
        entry = Officer(id=OfficerId(name), centre=of, keys=_public(signing, sealing))
    except WireError as error:
        raise _no_name("--id", error) from None
    return entry, _set(entry, signing, sealing, {})


def _no_name(option: str, error: WireError) -> ConsortiumError:
    return ConsortiumError("no_name", f"{option}: {error}", f"write {option} as in the example: --help")


def _public(signing: Ed25519PrivateKey, sealing: SealingSecret) -> PublicKeys:
    return PublicKeys(signing=signing.public_key(), sealing=sealing.public)


def _set(entry: Entry, signing: Ed25519PrivateKey, sealing: SealingSecret, more: dict[str, bytes]) -> KeySet:
    secrets = {"signing.key": signing.private_bytes_raw(), "sealing.key": sealing.to_octets(), **more}
    return KeySet(secrets=secrets, public_name=CARD, public=signed_card(entry, signing))


def _transport_key() -> bytes:
    # P-256: gRPC does not take Ed25519 certificates.
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
