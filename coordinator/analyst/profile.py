"""An analyst's profile: one TOML file with who asks, whom, and the keys. Paths are relative to it."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import Field

from coordinator.errors import SettingsError
from protocols.dictionary import Dictionary
from protocols.dictionary_text import read_dictionary
from protocols.errors import ProtocolError, TextError, WireError
from protocols.ids import AnalystId, CentreId
from protocols.keys import SealingSecret
from protocols.root import read_root
from protocols.roster import Analyst, Roster, open_roster
from protocols.settings_text import Address, Name, SettingsModel, read_settings
from protocols.transport_papers import check_certificate, check_pair


class ProfileFile(SettingsModel):
    """Every setting of an analyst."""

    analyst: Name = Field(description="your name in the roster")
    coordinator: Address = Field(description="host:port of the coordinator")
    dictionary: Path = Field(description="the registry's data dictionary")
    roster: Path = Field(description="the signed roster")
    root: Path = Field(description="the consortium's root, pinned: its keys, and how many must sign")
    signing_key: Path = Field(description="your private key, Ed25519, 32 bytes")
    sealing_key: Path = Field(description="your private key for what is sealed to you, 96 bytes")
    tls_ca: Path = Field(description="certificate of the authority that signs transport certificates")
    tls_certificate: Path = Field(description="your transport certificate")
    tls_key: Path = Field(description="its private key, PEM")
    centres: list[Name] | None = Field(
        default=None, min_length=1, description="whom to ask; all of the roster if absent"
    )
    deadline_s: float = Field(default=60.0, gt=0, le=600, description="how long to wait for answers")
    valid_hours: float = Field(
        default=12.0, gt=0, le=168, description="how long a centre that is away may still answer"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A profile with its files read and verified."""

    analyst: AnalystId
    target: str
    dictionary: Dictionary
    roster: Roster
    signing_key: Ed25519PrivateKey
    sealing_key: SealingSecret
    tls_ca_pem: bytes
    tls_certificate_pem: bytes
    tls_key_pem: bytes
    centres: tuple[CentreId, ...]
    deadline_s: float
    valid_hours: float

    def __repr__(self) -> str:
        """Show no key."""
        return f"Profile(analyst={str(self.analyst)!r}, target={self.target!r})"


def load_profile(path: Path) -> Profile:
    """Read a profile and the files it names. Raises SettingsError."""
    try:
        return _profile(read_settings(ProfileFile, path.read_bytes(), path.resolve().parent))
    except OSError as error:
        raise SettingsError(f"the profile {path} cannot be read ({error.strerror})") from None
    except TextError as error:
        what = f"the profile {path} is wrong: {error.problems[0]}"
        raise SettingsError(what, problems=error.problems) from None


def _profile(file: ProfileFile) -> Profile:
    path = file.root
    try:
        root = read_root(_read(path))
        path = file.roster
        roster = open_roster(_read(path), root)
        path = file.dictionary
        dictionary = read_dictionary(_read(path))
    except TextError as error:
        raise SettingsError(f"{path}: {error.problems[0]}", problems=error.problems) from None
    except ProtocolError as error:
        raise SettingsError(f"{path}: {error}") from None
    centres = tuple(sorted({CentreId(name) for name in file.centres or map(str, roster.centres)}))
    unknown = [str(centre) for centre in centres if centre not in roster.centres]
    if unknown:
        raise SettingsError(f"the roster does not know the centre {unknown[0]!r}")
    key = read_secret(file.signing_key)
    if len(key) != 32:
        raise SettingsError(f"{file.signing_key} is not an Ed25519 key of 32 bytes")
    authority, certificate, tls_key = (
        _read(file.tls_ca),
        _read(file.tls_certificate),
        read_secret(file.tls_key),
    )
    path = file.tls_ca
    try:
        check_certificate(authority)
        path = file.tls_certificate
        check_pair(tls_key, certificate, AnalystId(file.analyst).uri)
    except WireError as error:
        raise SettingsError(f"the certificate {path} cannot be used: {error}") from None
    return Profile(
        analyst=AnalystId(file.analyst),
        target=file.coordinator,
        dictionary=dictionary,
        roster=roster,
        signing_key=Ed25519PrivateKey.from_private_bytes(key),
        sealing_key=_sealing_key(file.sealing_key, roster.analysts.get(AnalystId(file.analyst))),
        tls_ca_pem=authority,
        tls_certificate_pem=certificate,
        tls_key_pem=tls_key,
        centres=centres,
        deadline_s=file.deadline_s,
        valid_hours=file.valid_hours,
    )


def _sealing_key(path: Path, entry: Analyst | None) -> SealingSecret:
    """Read the key that opens answers; another one than the roster's would open none, and they are paid."""
    try:
        secret = SealingSecret.from_octets(read_secret(path))
    except WireError as error:
        raise SettingsError(f"{path}: {error}") from None
    if entry is not None and entry.keys.sealing.octets != secret.public.octets:
        raise SettingsError(f"{path} is not the sealing key that the roster holds for {entry.id}")
    return secret


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SettingsError(f"{path} cannot be read ({error.strerror})") from None


def read_secret(path: Path) -> bytes:
    """Read a private key's file. Raises SettingsError when it is absent, or open to others."""
    octets = _read(path)
    if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise SettingsError(f"the key {path} is open to others; replace it, or run: chmod 600 {path}")
    return octets
