"""Settings, keys and signed papers that are wrong, each beside the right ones of a sandbox.

Paths in settings are relative to their file, so a wrong copy `wrong-NAME.toml` lies in the same folder.
Signed papers are signed as the consortium and the officer sign, so that only what a case means to be
wrong is wrong.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deploy.sandbox.papers import ROOT
from deploy.sandbox.places import write_secret
from protocols.signed_text import SignedText

CENTRE = "alone"
OFFICER = f"officer-{CENTRE}"
SETTINGS = {
    "skerry": "analyst.toml",
    "skerry-node": f"centres/{CENTRE}/node.toml",
    "skerry-coordinator": "coordinator/coordinator.toml",
}
"""Where the settings of each program lie in a sandbox."""
NAME_KEY = {"skerry": "analyst", "skerry-node": "centre", "skerry-coordinator": "listen"}

STRANGER = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def with_value(text: str, key: str, value: str) -> str:
    """Give settings with another value of one key, as TOML writes it."""
    changed, count = re.subn(rf"(?m)^{key} = .*$", lambda _: f"{key} = {value}", text)
    assert count == 1, key
    return changed


def without(text: str, key: str) -> str:
    """Give settings without one key."""
    changed, count = re.subn(rf"(?m)^{key} = .*\n", "", text)
    assert count == 1, key
    return changed


TEXTS: dict[str, Callable[[str, str], bytes]] = {
    "empty": lambda text, key: b"",
    "yaml": lambda text, key: text.replace(" = ", ": ").encode(),
    "latin": lambda text, key: text.encode() + "# Zürich\n".encode("latin-1"),
    "binary": lambda text, key: bytes(range(256)),
    "cut": lambda text, key: text.encode()[: text.index('"') + 4],
    "unknown-key": lambda text, key: f'colour = "red"\n{text}'.encode(),
    "mistyped-key": lambda text, key: text.replace("roster =", "rooster =").encode(),
    "missing-key": lambda text, key: without(text, "tls_ca").encode(),
    "twice": lambda text, key: f'{text}\nroster = "roster.toml"\n'.encode(),
    "number": lambda text, key: with_value(text, "roster", "5").encode(),
    "list": lambda text, key: with_value(text, "root", "[]").encode(),
    "control": lambda text, key: with_value(text, key, r'"a\u001b[31m"').encode(),
    "blank": lambda text, key: with_value(text, key, '""').encode(),
    "path": lambda text, key: with_value(text, key, '"../../etc"').encode(),
    "nul": lambda text, key: with_value(text, "roster", r'"ros\u0000ter"').encode(),
    "long": lambda text, key: with_value(text, "roster", f'"{"r" * 5000}"').encode(),
}
"""Settings that are wrong as a text, made of the right ones and the key that names their owner."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """A key of the settings, and what stands in the file that it then names; None: no such file."""

    key: str
    make: Callable[[Path], bytes] | None
    is_secret: bool = False


def signed(body: bytes, kind: str, signer: str, key: Ed25519PrivateKey) -> bytes:
    """Sign a paper."""
    return SignedText(body=body, signatures=()).signed_by(signer, key, kind).to_bytes()


def _root(box: Path) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes((box / "consortium/root.key").read_bytes())


def officer_key(box: Path) -> Ed25519PrivateKey:
    """Give the key of the centre's officer."""
    return Ed25519PrivateKey.from_private_bytes((box / f"centres/{CENTRE}/officer/officer.key").read_bytes())


def folder_of(box: Path) -> Path:
    """Give the folder of the centre."""
    return box / "centres" / CENTRE


def _body(path: Path) -> bytes:
    return SignedText.parse(path.read_bytes()).body


def _roster(box: Path, old: bytes = b"", new: bytes = b"", key: Ed25519PrivateKey | None = None) -> bytes:
    body = _body(box / "shared/roster.toml")
    assert old in body
    return signed(body.replace(old, new, 1) if old else body, "roster", ROOT, key or _root(box))


def _policy(
    box: Path, old: bytes = b"", new: bytes = b"", signer: str = OFFICER, key: Ed25519PrivateKey | None = None
) -> bytes:
    body = _body(box / f"centres/{CENTRE}/policy.toml")
    assert old in body
    return signed(body.replace(old, new, 1) if old else body, "policy", signer, key or officer_key(box))


def _dictionary(box: Path, old: str = "", new: str = "") -> bytes:
    text = (box / "shared/dictionary").read_text(encoding="utf-8")
    assert old in text
    return text.replace(old, new, 1).encode()


SHARED: dict[str, Paper] = {
    "roster-absent": Paper(key="roster", make=None),
    "roster-empty": Paper(key="roster", make=lambda box: b""),
    "roster-unsigned": Paper(key="roster", make=lambda box: _body(box / "shared/roster.toml")),
    "roster-edited": Paper(
        key="roster",
        make=lambda box: (box / "shared/roster.toml").read_bytes().replace(b"sandbox", b"sandbux", 1),
    ),
    "roster-of-another-root": Paper(key="roster", make=lambda box: _roster(box, key=STRANGER)),
    "roster-of-other-format": Paper(key="roster", make=lambda box: _roster(box, b"roster/1", b"roster/2")),
    "roster-with-a-study": Paper(
        key="roster", make=lambda box: (box / f"centres/{CENTRE}/studies/sandbox.toml").read_bytes()
    ),
    "root-absent": Paper(key="root", make=None),
    "root-no-key": Paper(key="root", make=lambda box: b"my key\n"),
    "root-of-another": Paper(key="root", make=lambda box: (box / "shared/tls-ca.pem").read_bytes()),
    "root-binary": Paper(key="root", make=lambda box: bytes(range(128, 256))),
    "tls-absent": Paper(key="tls_certificate", make=None),
    "tls-garbage": Paper(key="tls_certificate", make=lambda box: b"a certificate\n"),
    "ca-absent": Paper(key="tls_ca", make=None),
    "ca-garbage": Paper(key="tls_ca", make=lambda box: b"an authority\n"),
}
"""Papers that analyst, node and coordinator have in common."""

DICTIONARY: dict[str, Paper] = {
    "dictionary-absent": Paper(key="dictionary", make=None),
    "dictionary-empty": Paper(key="dictionary", make=lambda box: b""),
    "dictionary-binary": Paper(key="dictionary", make=lambda box: b"\0\1\2"),
    "dictionary-mistyped": Paper(
        key="dictionary", make=lambda box: _dictionary(box, "constraints", "constraint")
    ),
    "dictionary-of-policy": Paper(
        key="dictionary", make=lambda box: (box / f"centres/{CENTRE}/policy.toml").read_bytes()
    ),
}

ANALYST: dict[str, Paper] = {
    "signing-key-absent": Paper(key="signing_key", make=None),
    "signing-key-short": Paper(key="signing_key", make=lambda box: b"short", is_secret=True),
    "signing-key-open": Paper(key="signing_key", make=lambda box: bytes(32)),
    "tls-key-open": Paper(key="tls_key", make=lambda box: (box / "analyst/tls.key").read_bytes()),
    "tls-key-garbage": Paper(key="tls_key", make=lambda box: b"a key\n", is_secret=True),
    "tls-key-of-another": Paper(
        key="tls_key", make=lambda box: (box / "coordinator/tls.key").read_bytes(), is_secret=True
    ),
}

COORDINATOR: dict[str, Paper] = {
    "tls-key-absent": Paper(key="tls_key", make=None),
    "tls-key-garbage": Paper(key="tls_key", make=lambda box: b"a key\n", is_secret=True),
    "tls-key-of-another": Paper(
        key="tls_key", make=lambda box: (box / "analyst/tls.key").read_bytes(), is_secret=True
    ),
}

NODE: dict[str, Paper] = {
    "dictionary-drafted": Paper(
        key="dictionary",
        make=lambda box: _dictionary(box, "skerry: {unit: years}", "skerry: {unit: years, drafted: [range]}"),
    ),
    "dictionary-renamed": Paper(
        key="dictionary", make=lambda box: _dictionary(box, "name: small", "name: other")
    ),
    "policy-absent": Paper(key="policy", make=None),
    "policy-unsigned": Paper(key="policy", make=lambda box: _body(box / f"centres/{CENTRE}/policy.toml")),
    "policy-edited": Paper(
        key="policy",
        make=lambda box: (
            (box / f"centres/{CENTRE}/policy.toml").read_bytes().replace(b"registry_rho", b"registry_rho ", 1)
        ),
    ),
    "policy-of-another-officer": Paper(
        key="policy", make=lambda box: _policy(box, signer="officer-b", key=STRANGER)
    ),
    "policy-unknown-mode": Paper(
        key="policy", make=lambda box: _policy(box, b'modes = ["', b'modes = ["all", "')
    ),
    "policy-forbids-nothing": Paper(
        key="policy",
        make=lambda box: _policy(box, b"forbidden_fields = [", b'forbidden_fields = ["people.agee", '),
    ),
}


def _write_settings(path: Path, name: str, text: bytes) -> None:
    (path.parent / f"wrong-{name}.toml").write_bytes(text)


def write_texts(box: Path, program: str) -> None:
    """Write the settings that are wrong as texts."""
    path = box / SETTINGS[program]
    right = path.read_text(encoding="utf-8")
    for name, make in TEXTS.items():
        _write_settings(path, name, make(right, NAME_KEY[program]))


def write_values(box: Path, program: str, values: dict[str, tuple[str, str]]) -> None:
    """Write the settings of which one value is wrong; the values are TOML."""
    path = box / SETTINGS[program]
    right = path.read_text(encoding="utf-8")
    for name, (key, value) in values.items():
        text = with_value(right, key, value) if f"\n{key} =" in f"\n{right}" else f"{right}{key} = {value}\n"
        _write_settings(path, name, text.encode())


def write_wrong(box: Path, program: str, papers: dict[str, Paper]) -> None:
    """Write the settings that name wrong papers, and the papers."""
    path = box / SETTINGS[program]
    right = path.read_text(encoding="utf-8")
    for name, paper in papers.items():
        place = path.parent / "wrong-papers" / name
        place.parent.mkdir(exist_ok=True)
        if paper.make is not None:
            octets = paper.make(box)
            if paper.is_secret:
                write_secret(place, octets)
            else:
                place.write_bytes(octets)
                place.chmod(0o644)
        _write_settings(path, name, with_value(right, paper.key, f'"wrong-papers/{name}"').encode())
