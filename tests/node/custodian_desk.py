"""A custodian's desk: the papers and keys of one centre, and the commands run in this process."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deploy.sandbox.papers import Plan, policy_text, write_papers
from deploy.sandbox.places import Places
from node.cli import app
from node.snapshots import Snapshots
from protocols.dictionary_text import read_dictionary
from protocols.ids import CentreId
from protocols.program import run

DICTIONARY = """\
name: small
resources:
  - name: people
    path: people.csv
    schema:
      fields:
        - {name: id, skerry: {role: key}}
        - {name: age, type: integer, constraints: {minimum: 0, maximum: 120}}
        - {name: sex, constraints: {enum: [f, m]}}
        - {name: surname, skerry: {role: identifier}}
"""
ROWS = "id,age,sex,surname\np1,30,f,Zqxweber\np2,40,m,Zqxmaier\np3,50,f,Zqxschulz\n"


@dataclass(frozen=True, slots=True)
class Said:
    """What a command did."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:  # noqa: ANN401 -- one object of results.md
        assert self.stdout.count("\n") == 1
        return json.loads(self.stdout)


@dataclass(frozen=True, slots=True)
class CustodianDesk:
    """The folder of the centre `berlin`, and its commands."""

    folder: Path
    output: pytest.CaptureFixture[str]

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def snapshots(self) -> Snapshots:
        return Snapshots(self.data / "snapshots", (self.folder / "keys" / "snapshots.key").read_bytes())

    def run(self, *words: object) -> Said:
        """Run a command of `skerry-node` with this centre's settings."""
        self.output.readouterr()
        config = ["--config", str(self.folder / "node.toml")]
        exit_code = run(app, "skerry-node", [*config, *map(str, words)])
        out, err = self.output.readouterr()
        return Said(exit_code, out, err)

    def load(self, rows: str = ROWS) -> str:
        """Import rows; give the id of the snapshot."""
        path = self.folder / "people.csv"
        path.write_text(rows, encoding="utf-8")
        said = self.run("import", path, "--json")
        assert said.exit_code == 0, said.stderr
        return str(said.json["snapshot"])


def open_desk(root: Path, output: pytest.CaptureFixture[str], dictionary: str = DICTIONARY) -> CustodianDesk:
    """Write the papers of a centre under a folder, and open its desk."""
    text = dictionary.encode()
    plan = Plan(
        dictionary=read_dictionary(text),
        dictionary_text=text,
        centres={CentreId("berlin"): root / "unused"},
        policy=policy_text("permissive", None),
        port=1,
    )
    places = Places(root / "box")
    write_papers(places, plan)
    return CustodianDesk(places.centre("berlin"), output)
