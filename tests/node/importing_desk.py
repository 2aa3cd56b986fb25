"""A desk for import tests: real files, a real folder of snapshots, dictionaries from text."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from node.errors import ImportRefused
from node.importing.importer import import_snapshot
from node.importing.report import ImportReport
from node.snapshots import Snapshots
from protocols.dictionary import Dictionary
from protocols.dictionary_text import read_dictionary

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
KEY = bytes(range(32))
KEPT = {"snapshots.sqlite", "snapshots.sqlite-wal", "snapshots.sqlite-shm", "import.lock", "spill"}
"""What may stand in the folder beside committed snapshots."""

Cell = str | int | float | None


@dataclass(slots=True)
class Desk:
    """Files in `files`, snapshots in `folder`; `told` collects the lines of progress."""

    root: Path
    told: list[str] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        return self.root / "snapshots"

    @property
    def files(self) -> Path:
        place = self.root / "files"
        place.mkdir(exist_ok=True)
        return place

    @property
    def snapshots(self) -> Snapshots:
        return Snapshots(self.folder, KEY)

    def file(self, name: str, content: str | bytes) -> Path:
        path = self.files / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def load(
        self, source: Path, dictionary: Dictionary, *, confirmed: bool = False, dry: bool = False
    ) -> ImportReport:
        return import_snapshot(
            source,
            dictionary=dictionary,
            snapshots=self.snapshots,
            rows_are_patients=confirmed,
            dry_run=dry,
            progress=self.told.append,
            now=NOW,
        )

    def refusal(self, source: Path, dictionary: Dictionary, *, confirmed: bool = False) -> ImportRefused:
        """The refusal of an import that must be refused."""
        try:
            self.load(source, dictionary, confirmed=confirmed)
        except ImportRefused as refused:
            return refused
        raise AssertionError("the import was accepted")

    def rows(self, table: int = 0, columns: str = "*") -> list[tuple[Cell, ...]]:
        """The rows of the current snapshot."""
        snapshot = self.snapshots.current()
        assert snapshot is not None
        con = self.snapshots.open_read_only(snapshot)
        try:
            return con.execute(f"SELECT {columns} FROM s.t{table} ORDER BY patient, rk").fetchall()  # noqa: S608
        finally:
            con.close()

    def is_clean(self) -> bool:
        """Whether nothing but committed snapshots and the list is in the folder."""
        known = {snapshot.path.name for snapshot in self.snapshots.all()}
        return {path.name for path in self.folder.iterdir()} <= known | KEPT


def one_table(fields: Sequence[str], *, resource: str = "", schema: str = "") -> Dictionary:
    """A dictionary of one table `visits` with these fields, each in YAML's flow style."""
    lines = "\n".join(f"          - {{{line}}}" for line in fields)
    text = f"""
name: registry
resources:
  - name: visits
    path: visits.csv
    {resource}
    schema:
        {schema}
        fields:
{lines}
"""
    return read_dictionary(text.encode())


PATIENT = "name: id, type: string, skerry: {role: key}"
AGE = "name: age, type: integer, constraints: {minimum: 0, maximum: 120}"
SEX = 'name: sex, type: string, constraints: {enum: ["F", "M"]}'
SCORE = "name: score, type: number, constraints: {minimum: 0, maximum: 60}"
NOTE = "name: note, type: string"

SIMPLE = one_table([PATIENT, AGE, SEX, SCORE, NOTE])

TWO_TABLES = read_dictionary(b"""
name: registry
skerry: {patient: {table: people, key: id}}
resources:
  - name: people
    path: people.csv
    schema:
      fields:
        - {name: id, type: string}
        - {name: age, type: integer, constraints: {minimum: 0, maximum: 120}}
  - name: visits
    path: sub/visits.csv
    skerry: {rows_per_patient: 3}
    schema:
      primaryKey: [person, day]
      fields:
        - {name: person, type: string, skerry: {role: key}}
        - {name: day, type: integer, constraints: {minimum: 0, maximum: 1000}}
""")
