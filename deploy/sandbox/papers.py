"""The papers of a sandbox: roster, study, policies, settings, profile, written and signed.

In a real consortium people sign these; the sandbox plays the consortium and every officer.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deploy.sandbox.authority import Authority, random_key, signing_key
from deploy.sandbox.errors import SandboxError
from deploy.sandbox.places import Places, write_text
from privacy.accountant import loss_of_epsilon
from privacy.errors import PrivacyError
from protocols.dictionary import Dictionary
from protocols.ids import COORDINATOR_URI, AnalystId, CentreId
from protocols.keys import key_to_text
from protocols.queries import Kind, Mode, Scope
from protocols.roster import ROOT
from protocols.signed_text import SignedText

STUDY = "sandbox"
ANALYST = "analyst"
SHIPPED = ("permissive", "strict")
"""Policies that are chosen by name."""
_VALID_FOR = timedelta(days=365)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a sandbox is to be: its registry, its centres with their data, its rules, its port."""

    dictionary: Dictionary
    dictionary_text: bytes
    centres: dict[CentreId, Path]
    policy: str
    port: int

    @property
    def address(self) -> str:
        """Where the coordinator listens."""
        return f"127.0.0.1:{self.port}"


def policy_text(choice: str, budget_epsilon: float | None) -> str:
    """Give the text of a policy: a shipped one by name, or a file; with another registry budget if wished."""
    if choice in SHIPPED:
        text = files("deploy.policies").joinpath(f"{choice}.toml").read_text(encoding="utf-8")
    else:
        try:
            text = Path(choice).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            what = f"the policy {choice} cannot be read ({why})"
            raise SandboxError(what, "name permissive, strict or a TOML file") from None
    if budget_epsilon is None:
        return text
    try:
        loss = loss_of_epsilon(budget_epsilon)
    except PrivacyError as error:
        raise SandboxError(f"--budget-epsilon: {error}", "give a number such as 4") from None
    changed, count = re.subn(r'(?m)^registry_rho = ".*"', f'registry_rho = "{loss}"', text)
    if count != 1:
        raise SandboxError(f"the policy {choice} has no line registry_rho", "see deploy/policies/strict.toml")
    return changed


def write_papers(places: Places, plan: Plan) -> None:
    """Write and sign everything that the programs read."""
    write_text(places.root / ".gitignore", "# Private keys and data: nothing here is for a repository.\n*\n")
    root = signing_key(places.consortium / "root.key")
    authority = Authority(places.consortium)
    write_text(places.shared / "root.pub", key_to_text(root.public_key()) + "\n")
    (places.shared / "tls-ca.pem").write_bytes(authority.certificate)
    (places.shared / "dictionary").write_bytes(plan.dictionary_text)
    roster = SignedText(body=_roster(places, plan).encode(), signatures=()).signed_by(ROOT, root, "roster")
    (places.shared / "roster.toml").write_bytes(roster.to_bytes())
    for centre in plan.centres:
        _centre_papers(places, plan, centre, authority)
    _coordinator_papers(places, plan, authority)
    _analyst_papers(places, plan, authority)


def _expires() -> str:
    return (datetime.now(UTC) + _VALID_FOR).strftime("%Y-%m-%dT%H:%M:%SZ")


def _quoted(words: list[str]) -> str:
    return "[" + ", ".join(f'"{word}"' for word in words) + "]"


def _officer(centre: CentreId) -> str:
    return f"officer-{centre}"[:63]


def _officer_key(places: Places, centre: CentreId) -> Ed25519PrivateKey:
    return signing_key(places.centre(centre.text) / "officer" / "officer.key")


def _public(path: Path) -> str:
    return key_to_text(signing_key(path).public_key())


def _roster(places: Places, plan: Plan) -> str:
    parts = [f'format = "skerry.roster/1"\nconsortium = "sandbox"\nversion = 1\nexpires = {_expires()}\n']
    for centre in plan.centres:
        key = _public(places.centre(centre.text) / "keys" / "identity.key")
        parts.append(f'[[centre]]\nid = "{centre}"\nkey = "{key}"\n')
        officer_key = key_to_text(_officer_key(places, centre).public_key())
        parts.append(f'[[officer]]\nid = "{_officer(centre)}"\ncentre = "{centre}"\nkey = "{officer_key}"\n')
    key = _public(places.analyst / "signing.key")
    parts.append(f'[[analyst]]\nid = "{ANALYST}"\ninstitution = "sandbox"\nkey = "{key}"\n')
    return "\n".join(parts)


def _study(plan: Plan) -> str:
    return "\n".join(
        [
            'format = "skerry.study/1"',
            f'id = "{STUDY}"',
            'title = "The sandbox study"',
            'purpose = "To try Skerry out: every statistic and mode is allowed."',
            f'registry = "{plan.dictionary.name}"',
            f'dictionary = "{plan.dictionary.digest}"',
            f"statistics = {_quoted([kind.value for kind in Kind])}",
            f"modes = {_quoted([mode.value for mode in Mode])}",
            f"scopes = {_quoted([scope.value for scope in Scope])}",
            'fields = ["*"]',
            f"analysts = {_quoted([ANALYST])}",
            f"centres = {_quoted([str(centre) for centre in plan.centres])}",
            "centres_per_person = 1",
            f"expires = {_expires()}",
            "",
            "[budget]",
            'study_rho = "unlimited"',
            'analyst_rho = "unlimited"',
            "",
            "[suppressed]",
            'rule = "five"',
            "questions = 1000",
            'tables = ["*"]',
            "",
        ]
    )


def _centre_papers(places: Places, plan: Plan, centre: CentreId, authority: Authority) -> None:
    folder = places.centre(centre.text)
    random_key(folder / "keys" / "snapshots.key")
    authority.issue(folder / "keys" / "tls.key", folder / "tls.pem", centre.uri)
    key, officer = _officer_key(places, centre), _officer(centre)
    for name, kind, body in (("policy", "policy", plan.policy), (f"studies/{STUDY}", "study", _study(plan))):
        signed = SignedText(body=body.encode(), signatures=()).signed_by(officer, key, kind)
        path = folder / f"{name}.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(signed.to_bytes())
    settings = f"""\
centre = "{centre}"
officer = "{officer}"
coordinator = "{plan.address}"
data = "data"
dictionary = "../../shared/dictionary"
roster = "../../shared/roster.toml"
root_key = "../../shared/root.pub"
studies = "studies"
policy = "policy.toml"
keys = "keys"
tls_ca = "../../shared/tls-ca.pem"
tls_certificate = "tls.pem"
# The sandbox confirms what a custodian must decide: without a patient key, each row is a patient.
rows_are_patients = true
"""
    write_text(folder / "node.toml", settings)
    (folder / "data").mkdir(exist_ok=True, mode=0o700)


def _coordinator_papers(places: Places, plan: Plan, authority: Authority) -> None:
    folder = places.coordinator
    authority.issue(folder / "tls.key", folder / "tls.pem", COORDINATOR_URI, is_server=True)
    settings = f"""\
listen = "{plan.address}"
data = "data"
roster = "../shared/roster.toml"
root_key = "../shared/root.pub"
tls_ca = "../shared/tls-ca.pem"
tls_certificate = "tls.pem"
tls_key = "tls.key"
"""
    write_text(folder / "coordinator.toml", settings)


def _analyst_papers(places: Places, plan: Plan, authority: Authority) -> None:
    authority.issue(places.analyst / "tls.key", places.analyst / "tls.pem", AnalystId(ANALYST).uri)
    profile = f"""\
analyst = "{ANALYST}"
coordinator = "{plan.address}"
dictionary = "shared/dictionary"
roster = "shared/roster.toml"
root_key = "shared/root.pub"
signing_key = "analyst/signing.key"
tls_ca = "shared/tls-ca.pem"
tls_certificate = "analyst/tls.pem"
tls_key = "analyst/tls.key"
"""
    write_text(places.root / "analyst.toml", profile)
