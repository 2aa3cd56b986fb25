"""Studies that cannot be read, or that mean nobody; each the sandbox's study with one mistake."""

import re
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deploy.sandbox.authority import signing_key
from protocols.signed_text import SignedText
from protocols.study_signing import APPROVAL, PROPOSAL
from tests.integration.wrong.papers import STRANGER, folder_of, signed

LINES: dict[str, tuple[str, str, str]] = {
    "has no id": ("id", "", "lacks 'id'"),
    "has an id that is no name": ("id", '"a b"', "'id'"),
    "has an empty title": ("title", '""', "'title' is a line of 1 to"),
    "has a number for a title": ("title", "5", "'title' must be text in quotes"),
    "has a purpose of two lines": ("purpose", r'"one\ntwo"', "without control characters"),
    "has a purpose to be filled in": ("purpose", '"FILL IN"', "'purpose' is not filled in yet"),
    "has no legal basis": ("legal_basis", "", "lacks 'legal_basis'"),
    "has an empty permit": ("permit", '""', "'permit' is empty"),
    "has readers of control characters": ("readers", r'"a\u001b[31m"', "without control characters"),
    "has a digest that is none": ("dictionary", '"abc"', "'dictionary': a digest"),
    "has a mistyped statistic": ("statistics", '["meen"]', "does not know 'meen'"),
    "has a mode that is none": ("modes", '["exact"]', "does not know 'exact'"),
    "has a word for scopes": ("scopes", '"centre"', "'scopes' must be a list"),
    "has a bare field": ("fields", '["age"]', "names fields as table.field, not 'age'"),
    "has every analyst": ("analysts", '["*"]', "not a name"),
    "has an analyst twice": ("analysts", '["ada", "ada"]', "names 'ada' twice"),
    "has no centre": ("centres", "[]", "names no centre"),
    "has a quorum of nobody": ("quorum", "0", "'quorum' is 1 to 1"),
    "has a quorum of a part": ("quorum", "0.5", "'quorum' must be a whole number"),
    "has a quorum beyond its centres": ("quorum", "2", "'quorum' is 1 to 1"),
    "has colluders below nought": ("colluders", "-1", "'colluders' is 0 to 0"),
    "has people of no centre": ("centres_per_person", "0", "must be at least 1"),
    "has a review that is none": ("review", '"all"', "'review' does not know 'all'"),
    "has an end in words": ("expires", '"soon"', "'expires'"),
    "has an end without a zone": ("expires", "2999-01-01T00:00:00", "time zone"),
    "has a budget as a number": ("study_rho", "0.5", "'study_rho' must be text in quotes"),
    "has a negative budget": ("analyst_rho", '"-1"', "'analyst_rho'"),
    "has a rule that is none": ("rule", '"six"', "'rule' does not know 'six'"),
    "has questions below nought": ("questions", "-1", "a number of questions is 0 or more"),
}
"""Studies that cannot be read: a key, its value (none: without it), and the sentence."""

BESIDE: dict[str, tuple[str, str, str]] = {
    "has another registry": ("registry", '"large"', "names the registry 'large'"),
    "has another dictionary": ("dictionary", f'"{"00" * 32}"', "'dictionary' names another one"),
    "has a mistyped field": ("fields", '["people.agee"]', "did you mean 'people.age'"),
    "has an identifier among its fields": ("fields", '["people.name"]', "which no question may name"),
    "has an analyst of nobody": ("analysts", '["eve"]', "'eve', which is no analyst of the roster"),
    "has a centre of nobody": (
        "centres",
        '["berlin"]',
        "which is no centre of the roster|does not name this centre",
    ),
    "has no statistics": ("statistics", "[]", "'statistics' is empty"),
    "has expired": ("expires", "2020-01-01T00:00:00Z", "'expires' has passed"),
}
"""Studies that can be read, and of which dictionary, roster or date show what is wrong."""

TEXTS: dict[str, str] = {
    "is empty": "lacks 'format'|format",
    "is bytes": "not TOML",
    "is Latin-1": "not TOML|not UTF-8",
    "is YAML": "not TOML",
    "ends in the middle": "not TOML|lacks",
    "is of a later format": "its format is not skerry.study/1",
    "is a policy": "its format is not skerry.study/1",
    "is too large": "too large",
    "has an unknown key": "has an unknown key 'colour'",
    "has a key twice": "not TOML",
    "has a signature that is cut": "only signature lines may follow",
}


def file_of(name: str) -> str:
    """Give the name of the file with a study."""
    return f"study-{re.sub('[^a-z]+', '-', name.lower())}.toml"


def _edited(body: str, key: str, value: str) -> str:
    line = f"{key} = {value}".replace("\\", r"\\") + "\n" if value else ""
    changed, count = re.subn(rf"(?m)^{key} = .*\n", line, body)
    assert count == 1, key
    return changed


def _texts(body: str, policy: bytes) -> dict[str, bytes]:
    return {
        "is empty": b"",
        "is bytes": bytes(range(128, 256)),
        "is Latin-1": body.encode() + "# Zürich\n".encode("latin-1"),
        "is YAML": body.replace(" = ", ": ").encode(),
        "ends in the middle": body.encode()[:300],
        "is of a later format": body.replace("study/1", "study/2").encode(),
        "is a policy": policy,
        "is too large": body.encode() + b"# " + b"x" * (4 * 2**20),
        "has an unknown key": f'colour = "red"\n{body}'.encode(),
        "has a key twice": f'id = "twice"\n{body}'.encode(),
        "has a signature that is cut": f"{body}# skerry-signature: analyst ab\n".encode(),
    }


def _proposed(body: bytes, key: Ed25519PrivateKey) -> bytes:
    return signed(body, PROPOSAL, "analyst", key)


def write_studies(files: Path, box: Path) -> None:
    """Write a right study, `mine.toml`, what is wrong beside it, and what came of it."""
    home = folder_of(box)
    right = SignedText.parse((home / "studies" / "sandbox.toml").read_bytes()).body
    body = right.decode().replace('id = "sandbox"', 'id = "mine"', 1)
    analyst = signing_key(box / "analyst" / "signing.key")
    proposed = _proposed(body.encode(), analyst)
    texts = {
        "mine.toml": body.encode(),
        "changed.toml": _proposed(right.replace(b"The sandbox study", b"Another study", 1), analyst),
        "in-force.toml": _proposed(right, analyst),
        "proposed.toml": proposed,
        "changed-after.toml": proposed.replace(b"The sandbox study", b"Another study", 1),
        "of-a-stranger.toml": signed(body.encode(), PROPOSAL, "eve", STRANGER),
        "approved.toml": signed(body.encode(), APPROVAL, "analyst", analyst),
    }
    texts |= {file_of(name): made for name, made in _texts(body, (home / "policy.toml").read_bytes()).items()}
    texts |= {file_of(name): _edited(body, key, value).encode() for name, (key, value, _) in LINES.items()}
    texts |= {
        file_of(name): _proposed(_edited(body, key, value).encode(), analyst)
        for name, (key, value, _) in BESIDE.items()
    }
    for name, octets in texts.items():
        (files / name).write_bytes(octets)
    (files / "decisions").mkdir()
