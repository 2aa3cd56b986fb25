"""A federation on disk in which a study is written, proposed and decided on; commands run in this process."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from coordinator.analyst.cli import app as analyst_app
from deploy.sandbox.authority import signing_key
from deploy.sandbox.papers import Plan, policy_text, write_papers
from deploy.sandbox.places import Places
from node.cli import app as node_app
from node.rules import Rules, load_rules
from node.settings import load_settings
from protocols.dictionary_text import read_dictionary
from protocols.ids import CentreId
from protocols.program import run
from protocols.signed_text import SignedText
from tests.node.custodian_desk import Said

HOSTILE = 'Age <b>"at"</b> entry\npermit = "forged"'
"""The title of a field: it must end neither a comment of the template nor a tag of the page."""
DICTIONARY = f"""\
name: small
resources:
  - name: people
    path: people.csv
    schema:
      fields:
        - {{name: id, skerry: {{role: key}}}}
        - name: age
          type: integer
          title: {HOSTILE!r}
          constraints: {{minimum: 0, maximum: 120}}
          skerry: {{unit: years}}
        - {{name: sex, title: Sex at birth, constraints: {{enum: [f, m]}}}}
        - {{name: surname, skerry: {{role: identifier}}}}
""".replace(repr(HOSTILE), '"' + HOSTILE.replace('"', '\\"').replace("\n", "\\n") + '"')
FILLED = {
    "id": '"mine"',
    "title": '"Mine"',
    "purpose": '"To learn what helps."',
    "legal_basis": '"Consent"',
    "permit": '"EK 12/2026"',
    "readers": '"The study group"',
    "statistics": '["count", "mean"]',
    "fields": '["people.age", "people.sex"]',
    "colluders": "1",
    "centres_per_person": "2",
    "expires": f"{datetime.now(UTC) + timedelta(days=90):%Y-%m-%dT%H:%M:%SZ}",
    "study_rho": '"0.5"',
    "analyst_rho": '"0.25"',
}
CENTRES = ("berlin", "oslo", "paris")


def write_box(root: Path, policy: str = "strict") -> Path:
    """Write the papers of three centres and an analyst."""
    text = DICTIONARY.encode()
    plan = Plan(
        dictionary=read_dictionary(text),
        dictionary_text=text,
        centres={CentreId(name): Path(name) for name in CENTRES},
        policy=policy_text(policy, None),
        port=1,
    )
    write_papers(Places(root), plan)
    return root


@dataclass(frozen=True, slots=True)
class StudyDesk:
    """The folder of the federation, and the commands of its people."""

    root: Path
    output: pytest.CaptureFixture[str]

    def centre(self, name: str = "berlin") -> Path:
        return self.root / "centres" / name

    def officer_key(self, centre: str = "berlin") -> Path:
        return self.centre(centre) / "officer" / "officer.key"

    def analyst(self, *words: object) -> Said:
        """Run a command of `skerry` with the analyst's profile."""
        return self._run(analyst_app, "skerry", "--profile", self.root / "analyst.toml", *words)

    def node(self, *words: object, centre: str = "berlin") -> Said:
        """Run a command of `skerry-node` with a centre's settings."""
        return self._run(node_app, "skerry-node", "--config", self.centre(centre) / "node.toml", *words)

    def _run(self, app: object, name: str, *words: object) -> Said:
        self.output.readouterr()
        exit_code = run(app, name, list(map(str, words)))  # type: ignore[arg-type]
        out, err = self.output.readouterr()
        return Said(exit_code, out, err)

    def rules(self, centre: str = "berlin") -> Rules:
        return load_rules(load_settings(self.centre(centre) / "node.toml"))

    def filled(self, name: str = "mine.toml", **changes: str) -> Path:
        """Have a study written, and fill it in; `changes` are lines of other keys, or other values."""
        path = self.root / name
        said = self.analyst("study", "new", path)
        assert said.exit_code == 0, said.stderr
        text = path.read_text(encoding="utf-8")
        for key, value in (FILLED | changes).items():
            text, count = re.subn(rf"(?m)^{key} = .*$", f"{key} = {value}".replace("\\", r"\\"), text)
            assert count == 1, key
        path.write_text(text, encoding="utf-8")
        return path

    def proposed(self, name: str = "mine.toml", **changes: str) -> Path:
        """A study that the analyst has signed."""
        path = self.filled(name, **changes)
        said = self.analyst("study", "sign", path)
        assert said.exit_code == 0, said.stderr
        return path

    def forced(self, path: Path, kind: str, old: str, new: str) -> Path:
        """Edit a study and sign it as the analyst, whatever its commands would say to it."""
        body = SignedText.parse(path.read_bytes()).body
        assert old.encode() in body, old
        text = SignedText(body=body.replace(old.encode(), new.encode()), signatures=())
        key = signing_key(self.root / "analyst" / "signing.key")
        path.write_bytes(text.signed_by("analyst", key, kind).to_bytes())
        return path

    def decisions(self, centre: str = "berlin") -> list[Path]:
        return sorted((self.centre(centre) / "data" / "decisions").glob("*"))

    def files(self) -> dict[Path, bytes]:
        """Everything on the disk, to see that nothing changed."""
        return {path: path.read_bytes() for path in self.root.rglob("*") if path.is_file()}
