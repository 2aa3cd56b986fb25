"""The papers of a sandbox: roster, study, policies, settings, profile, written and signed.

In a real consortium people sign these; the sandbox plays the consortium and every officer.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path

from deploy.sandbox.authority import Authority, random_key, sealing_key, signing_key
from deploy.sandbox.errors import SandboxError
from deploy.sandbox.places import Places, write_text
from privacy.accountant import loss_of_epsilon
from privacy.errors import PrivacyError
from protocols.dictionary import Dictionary
from protocols.errors import ProtocolError
from protocols.ids import COORDINATOR_URI, AnalystId, CentreId, OfficerId
from protocols.keys import PublicKeys
from protocols.queries import Kind, Mode, Scope
from protocols.root import Root, root_text
from protocols.roster import Analyst, Centre, Officer, Roster, open_roster, roster_text
from protocols.signed_text import SignedText

STUDY = "sandbox"
ANALYST = "analyst"
CONSORTIUM = "sandbox"
ROOT = "sandbox-root"
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
    keys = Root(consortium=CONSORTIUM, threshold=1, keys={ROOT: root.public_key()})
    write_text(places.shared / "root.toml", root_text(keys))
    (places.shared / "tls-ca.pem").write_bytes(authority.certificate)
    (places.shared / "dictionary").write_bytes(plan.dictionary_text)
    roster = SignedText(body=roster_text(_roster(places, plan, keys)).encode(), signatures=())
    _roster_file(places).write_bytes(roster.signed_by(ROOT, root, "roster").to_bytes())
    for centre in plan.centres:
        _centre_papers(places, plan, centre, authority)
    _coordinator_papers(places, plan, authority)
    _analyst_papers(places, plan, authority)


def _expires() -> datetime:
    return (datetime.now(UTC) + _VALID_FOR).replace(microsecond=0)


def _quoted(words: list[str]) -> str:
    return "[" + ", ".join(f'"{word}"' for word in words) + "]"


def _officer(centre: CentreId) -> OfficerId:
    return OfficerId(f"officer-{centre}"[:63])


def _officer_folder(places: Places, centre: CentreId) -> Path:
    return places.centre(centre.text) / "officer"


def _public(folder: Path, signing: str) -> PublicKeys:
    """Make whoever keeps keys in a folder two of them, unless they are there; give the public ones."""
    return PublicKeys(
        signing=signing_key(folder / signing).public_key(), sealing=sealing_key(folder / "sealing.key").public
    )


def _roster_file(places: Places) -> Path:
    return places.shared / "roster.toml"


def _next_version(places: Places, root: Root) -> int:
    """Give the version after that of the roster which is there: programs believe no other of the same one."""
    file = _roster_file(places)
    try:
        return open_roster(file.read_bytes(), root).version + 1 if file.exists() else 1
    except ProtocolError as error:
        raise SandboxError(f"{file} is not this sandbox's: {error}", "use an empty folder") from None


def _roster(places: Places, plan: Plan, root: Root) -> Roster:
    centres = [
        Centre(id=one, institution=one.text, keys=_public(places.centre(one.text) / "keys", "identity.key"))
        for one in plan.centres
    ]
    officers = [
        Officer(id=_officer(one), centre=one, keys=_public(_officer_folder(places, one), "officer.key"))
        for one in plan.centres
    ]
    analyst = AnalystId(ANALYST)
    keys = _public(places.analyst, "signing.key")
    return Roster(
        consortium=CONSORTIUM,
        version=_next_version(places, root),
        expires=_expires(),
        centres={one.id: one for one in centres},
        officers={one.id: one for one in officers},
        analysts={analyst: Analyst(id=analyst, institution=CONSORTIUM, keys=keys)},
    )


def _study(plan: Plan) -> str:
    return "\n".join(
        [
            'format = "skerry.study/1"',
            f'id = "{STUDY}"',
            'title = "The sandbox study"',
            'purpose = "To try Skerry out: every statistic and mode is allowed."',
            'legal_basis = "none: there are no patients in a sandbox"',
            'permit = "none"',
            'readers = "whoever runs the sandbox"',
            f'registry = "{plan.dictionary.name}"',
            f'dictionary = "{plan.dictionary.digest}"',
            f"statistics = {_quoted([kind.value for kind in Kind])}",
            f"modes = {_quoted([mode.value for mode in Mode])}",
            f"scopes = {_quoted([scope.value for scope in Scope])}",
            'fields = ["*"]',
            f"analysts = {_quoted([ANALYST])}",
            f"centres = {_quoted([str(centre) for centre in plan.centres])}",
            # One centre may be asked alone: whoever tries Skerry out has perhaps one file.
            "quorum = 1",
            "min_centres = 1",
            "colluders = 0",
            "centres_per_person = 1",
            'review = "none"',
            f"expires = {_expires():%Y-%m-%dT%H:%M:%SZ}",
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
    key, officer = signing_key(_officer_folder(places, centre) / "officer.key"), _officer(centre)
    for name, kind, body in (("policy", "policy", plan.policy), (f"studies/{STUDY}", "study", _study(plan))):
        signed = SignedText(body=body.encode(), signatures=()).signed_by(officer.text, key, kind)
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
root = "../../shared/root.toml"
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
root = "../shared/root.toml"
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
root = "shared/root.toml"
signing_key = "analyst/signing.key"
sealing_key = "analyst/sealing.key"
tls_ca = "shared/tls-ca.pem"
tls_certificate = "analyst/tls.pem"
tls_key = "analyst/tls.key"
"""
    write_text(places.root / "analyst.toml", profile)
