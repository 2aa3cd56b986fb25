"""Drafts a dictionary from one CSV file: the order of things. spec/dictionary.md 8.

The same bytes give the same draft. Nothing is written here, and no text of a cell enters a message.
"""

from dataclasses import dataclass
from pathlib import Path

from node.drafting.bounds import round_cap
from node.drafting.columns import Column
from node.drafting.form import Form, LeftOut, encoding_of, form_of, is_marked_16
from node.drafting.names import rank_as_key
from node.drafting.proposals import Proposal, key_among, proposed
from node.errors import DraftRefused, FileRefused
from node.importing.records import read_batches
from node.importing.sources import Source, digest, find_sources
from protocols.dictionary import Dialect, Dictionary, Field, FieldType, Role, Table
from protocols.ids import Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A drafted dictionary of one table. `cap` is None where a patient has one row."""

    registry: str
    path: str
    form: Form
    missing_words: tuple[str, ...]
    proposals: tuple[Proposal, ...]
    cap: int | None

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """The columns that no dictionary can name."""
        return self.form.left_out

    @property
    def to_confirm(self) -> int:
        """The number of marks in the draft."""
        return sum(len(one.drafted) for one in self.proposals) + (self.cap is not None)

    def to_json(self, out: Path) -> dict[str, object]:
        """Give the `skerry.draft/1` object; `out` is where the dictionary was written."""
        fields = [
            {
                "field": one.name,
                "type": one.type.value,
                "role": one.role.value,
                "drafted": [mark.value for mark in one.drafted],
                "why": one.why,
            }
            for one in self.proposals
        ]
        return {
            "format": "skerry.draft/1",
            "dictionary": str(out),
            "registry": self.registry,
            "encoding": self.form.encoding,
            "delimiter": self.form.delimiter,
            "has_header": self.form.has_header,
            "missing_values": list(self.missing_words),
            "rows_per_patient": self.cap,
            "to_confirm": self.to_confirm,
            "fields": fields,
            "left_out": [{"column": one.column, "why": one.why} for one in self.left_out],
        }


def draft(path: Path, *, no_header: bool = False) -> Draft:
    """Draft a dictionary from a CSV file. Raises DraftRefused, and then nothing is left.

    `no_header` is the custodian's word that the first line is a patient.
    """
    try:
        encoding = _encoding(path)
        form = form_of(path, encoding, no_header=no_header)
        columns = read_columns(path, form)
    except FileRefused as refusal:
        raise DraftRefused(refusal.what, refusal.next_step) from None
    except OSError as error:
        raise DraftRefused(f"{path} cannot be read ({error.strerror})", "name an existing CSV file") from None
    key = key_among(columns)
    most = max(key.counts.values()) if key is not None else 1
    marks = {mark for column in columns for mark in column.missing_words}
    return Draft(
        registry=_registry(path.stem),
        path=path.name,
        form=form,
        missing_words=("", *sorted(marks)),
        proposals=tuple(proposed(column, is_key=column is key) for column in columns),
        cap=round_cap(most) if most > 1 else None,
    )


def _encoding(path: Path) -> str:
    """Find the encoding of what an import would take: an ordinary file, no workbook and no archive."""
    if path.is_dir():
        raise DraftRefused(f"{path} is a folder", "name one CSV file; each table is drafted by itself")
    encoding = "utf-16" if path.is_file() and is_marked_16(path) else "utf-8"
    find_sources(path, _package(_table(path, Dialect(encoding=encoding), ())))
    return encoding_of(path)


def read_columns(path: Path, form: Form) -> list[Column]:
    """Read the whole file by the rules of an import. Raises DraftRefused, and an import's FileRefused."""
    if not form.names:
        what = f"{path.name} has no column that a dictionary can name"
        raise DraftRefused(what, "give its columns names, without '.', in the first line")
    dialect = Dialect(
        delimiter=form.delimiter, has_header=form.has_header, encoding=form.encoding, missing_values=()
    )
    source = Source(table=_table(path, dialect, form.names), path=path, shown=path.name)
    columns = [Column(name=name, is_candidate=rank_as_key(name) is not None) for name in form.names]
    for batch in read_batches(source, digest(source)):
        for column, values in zip(columns, batch.columns, strict=True):
            column.take(values.tolist())
    return columns


def _table(path: Path, dialect: Dialect, names: tuple[str, ...]) -> Table:
    fields = tuple(Field(name=name, type=FieldType.STRING, role=Role.LOCAL) for name in names)
    return Table(name="draft", path=path.name, dialect=dialect, fields=fields, key=None, cap=1)


def _package(table: Table) -> Dictionary:
    return Dictionary(
        name="draft",
        title="",
        version="",
        description="",
        tables=(table,),
        patient_table=table.name,
        digest=Digest(bytes(32)),
    )


def _registry(stem: str) -> str:
    """Make a name of the registry and of its table from that of the file, as data packages want it."""
    kept = "".join(one if one.isascii() and (one.isalnum() or one in "_-") else "-" for one in stem.lower())
    return kept.strip("-")[:64] or "registry"
