"""A consortium on paper for enrolments: a root, a roster, a coordinator's authority and tokens, one node.

Each side has a clock of its own. A restart of the coordinator opens its files again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from coordinator.authority import Authority, write_new
from coordinator.enrolment import Enrolment
from coordinator.tokens import Tokens, open_tokens
from node.settings import Settings, load_settings
from protocols.admission import Purpose, csr_for
from protocols.codec.enrolment import encode_request, encode_signed
from protocols.enrolment import EnrolmentRequest, Invitation, Member, SignedEnrolment, Token
from protocols.ids import AnalystId, CentreId
from protocols.root import root_text
from protocols.roster import Analyst, Centre, Roster, roster_text
from protocols.trust import Trusted, remembered
from tests.members import keys_of, root_of, signed_roster
from tests.protocols.examples import NOW

BERLIN, BERLIN_2, ERLIN, OSLO = (CentreId(name) for name in ("berlin", "berlin-2", "erlin", "oslo"))
ADA, NAMESAKE = AnalystId("ada"), AnalystId("berlin")
EVERYBODY: tuple[Member, ...] = (BERLIN, BERLIN_2, ERLIN, OSLO, ADA, NAMESAKE)
KEYS: dict[Member, Ed25519PrivateKey] = {
    who: Ed25519PrivateKey.from_private_bytes(bytes([at]) * 32) for at, who in enumerate(EVERYBODY, start=10)
}
ROOT = root_of("test")
YEARS = timedelta(days=3652)
MINUTE = timedelta(minutes=1)


def roster_of(
    *members: Member,
    version: int = 1,
    expires: datetime = NOW + 3 * YEARS,
    keys: Mapping[Member, Ed25519PrivateKey] = KEYS,
) -> bytes:
    """A signed roster of some members."""
    return signed_roster(
        roster_text(
            Roster(
                consortium="test",
                version=version,
                expires=expires,
                centres={
                    one: Centre(id=one, institution=one.text, keys=keys_of(keys[one]))
                    for one in members
                    if isinstance(one, CentreId)
                },
                analysts={
                    one: Analyst(id=one, institution="x", keys=keys_of(keys[one]))
                    for one in members
                    if isinstance(one, AnalystId)
                },
                officers={},
            )
        )
    )


def transport_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@dataclass
class World:
    """A coordinator that can enrol, and what a member asks of it."""

    folder: Path
    now: datetime = NOW
    node_now: datetime = NOW
    roster: Trusted = field(default_factory=lambda: remembered(roster_of(*EVERYBODY), ROOT))
    key: ec.EllipticCurvePrivateKey = field(default_factory=transport_key)
    authority: Authority = field(init=False)
    tokens: Tokens = field(init=False)
    enrolment: Enrolment = field(init=False)

    def __post_init__(self) -> None:
        write_new(self.folder / "authority.pem", Authority.generate("test", NOW).to_file(), 0o600)
        self.start()

    def start(self) -> None:
        self.authority = Authority.load(self.folder / "authority.pem")
        self.tokens = open_tokens(self.folder / "coordinator.db")
        self.enrolment = Enrolment(self.authority, self.tokens, lambda: self.roster, lambda: self.now)

    def restart(self) -> None:
        self.tokens.close()
        self.start()

    def believe(self, octets: bytes) -> None:
        """Have the coordinator believe another roster."""
        self.roster = remembered(octets, ROOT)

    def pass_time(self, passed: timedelta) -> None:
        """Let time pass at both sides."""
        self.now += passed
        self.node_now += passed

    def token(self, who: Member = BERLIN) -> Token:
        return self.tokens.make(who, self.now)

    def invitation(self, who: Member = BERLIN) -> Invitation:
        return Invitation(token=self.token(who), authority=self.authority.digest)

    def request(
        self,
        token: Token | None,
        *,
        who: Member = BERLIN,
        csr: bytes | None = None,
        signer: Ed25519PrivateKey | None = None,
        purpose: Purpose = Purpose.ENROL,
    ) -> bytes:
        """A request, in which a test may change anything and sign it all the same."""
        octets = encode_request(
            EnrolmentRequest(who=who, token=token, csr=csr or csr_for(self.key), made_at=self.node_now)
        )
        return sealed(octets, signer or KEYS[who], purpose)

    def renewal(self, **changes: object) -> bytes:
        """A renewal of a fresh key, unless a test changes it."""
        plain = {"csr": csr_for(transport_key()), "purpose": Purpose.RENEW}
        return self.request(None, **{**plain, **changes})  # type: ignore[arg-type]

    def shown(self, who: Member = BERLIN) -> bytes:
        """The certificate that a member's stream shows, PEM."""
        return self.authority.issue(who, self.key.public_key(), self.now)


def sealed(octets: bytes, signer: Ed25519PrivateKey, purpose: Purpose = Purpose.ENROL) -> bytes:
    """Sign bytes as a request."""
    return encode_signed(SignedEnrolment(request=octets, signature=signer.sign(purpose.value + octets)))


def node_settings(folder: Path, authority_pem: bytes) -> Settings:
    """A node's folder before its first enrolment: identity, root, the authority's certificate, settings."""
    (folder / "keys").mkdir(parents=True)
    write_new(folder / "keys" / "identity.key", KEYS[BERLIN].private_bytes_raw(), 0o600)
    (folder / "root.toml").write_text(root_text(ROOT), encoding="utf-8")
    (folder / "ca.pem").write_bytes(authority_pem)
    names = {"dictionary": "d.yaml", "roster": "roster.toml", "root": "root.toml", "studies": "s"}
    names |= {"policy": "p.toml", "keys": "keys", "tls_ca": "ca.pem", "tls_certificate": "tls.pem"}
    names |= {"centre": "berlin", "officer": "o", "coordinator": "127.0.0.1:1", "data": "data"}
    text = "".join(f'{key} = "{value}"\n' for key, value in names.items())
    (folder / "node.toml").write_text(text, encoding="utf-8")
    return load_settings(folder / "node.toml")


def other_keys() -> Ed25519PrivateKey:
    """A key that no roster has."""
    return Ed25519PrivateKey.from_private_bytes(bytes([99]) * 32)
