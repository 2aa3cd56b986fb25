"""Settles who the patient is: the key and the cap of every table. spec/dictionary.md 4."""

from dataclasses import dataclass

from protocols.dictionary import Dialect, Drafted, Field, Role, Table
from protocols.documents import Item, nearest, shown
from protocols.text_reader import Reader


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A resource as it stands, before the patient key of the package is known.

    `foreign_keys` are (own field, table, field there).
    """

    line: int
    name: str
    path: str
    title: str
    description: str
    dialect: Dialect
    fields: tuple[Field, ...]
    primary_key: tuple[str, ...]
    foreign_keys: tuple[tuple[str, str, str], ...]
    cap: int | None
    drafted: tuple[Drafted, ...] = ()

    @property
    def where(self) -> str:
        """How problems name the table."""
        return f"table {self.name!r}"

    @property
    def marked(self) -> list[str]:
        """The fields with the role `key`."""
        return [entry.name for entry in self.fields if entry.role is Role.KEY]

    @property
    def single_key(self) -> list[str]:
        """The primary key, if it is of one field."""
        return list(self.primary_key) if len(self.primary_key) == 1 else []

    @property
    def has_many(self) -> bool:
        """Whether a patient may have more than one row."""
        return self.cap is not None and self.cap > 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Patients:
    """The table that lists the patients, and the field of it that says who they are, if one does."""

    table: str
    key: str
    is_alone: bool


def settle(reader: Reader, drafts: list[Draft], patient: dict[str, Item]) -> tuple[tuple[Table, ...], str]:
    """Make tables of drafts; give them with the name of the patients' table."""
    seen: set[str] = set()
    for draft in drafts:
        if draft.name.casefold() in seen:
            reader.wrong(draft.line, draft.where, "the name stands twice (case does not tell names apart)")
        seen.add(draft.name.casefold())
    patients = _patients(reader, drafts, patient)
    if patients is None:
        return (), ""
    return tuple(_table(reader, draft, patients) for draft in drafts), patients.table


def _patients(reader: Reader, drafts: list[Draft], patient: dict[str, Item]) -> _Patients | None:
    names = [draft.name for draft in drafts]
    table_item = patient.get("table")
    table = reader.text(table_item, "skerry.patient.table", names[0] if len(names) == 1 else "")
    if not drafts:
        return None
    if table not in names:
        line = table_item.line if table_item else drafts[0].line
        what = (
            f"names no table of this package: {shown(table)}"
            if table_item
            else "with more than one table, the package must say which one lists the patients"
        )
        advice = nearest(table, names) if table_item else "add skerry: {patient: {table: ..., key: ...}}"
        reader.wrong(line, "skerry.patient.table", what, advice)
        return None
    key = reader.text(patient.get("key"), "skerry.patient.key")
    is_alone = len(drafts) == 1
    draft = drafts[names.index(table)]
    if not key and not is_alone:
        key = next(iter(draft.marked or draft.single_key), "")
    return _Patients(table=table, key=key, is_alone=is_alone)


def _candidates(draft: Draft, patients: _Patients) -> list[str]:
    """Give the fields that may be the patient key: as the package says, as marked, as linked."""
    if draft.name == patients.table and patients.key:
        return [patients.key]
    linked = [
        own for own, table, there in draft.foreign_keys if (table, there) == (patients.table, patients.key)
    ]
    if draft.marked or linked:
        return draft.marked or linked
    return draft.single_key if patients.is_alone and not draft.has_many else []


def _table(reader: Reader, draft: Draft, patients: _Patients) -> Table:
    candidates = _candidates(draft, patients)
    rivals = sorted(set(draft.marked) | set(candidates))
    if len(rivals) > 1:
        shown_rivals = ", ".join(shown(key) for key in rivals)
        what = f"has more than one patient key: {shown_rivals}"
        reader.wrong(draft.line, draft.where, what, "leave one: skerry: {role: key} on one field of a table")
    key = candidates[0] if candidates else None
    names = [entry.name for entry in draft.fields]
    if key is not None and key not in names:
        what = f"the patient key {shown(key)} is no field of it"
        reader.wrong(draft.line, draft.where, what, nearest(key, names))
    _check_cap(reader, draft, patients, key)
    return Table(
        name=draft.name,
        path=draft.path,
        dialect=draft.dialect,
        fields=tuple(_with_key_role(reader, draft, entry, key) for entry in draft.fields),
        key=key,
        cap=draft.cap or 1,
        unique=draft.primary_key,
        title=draft.title,
        description=draft.description,
        drafted=draft.drafted,
    )


def _check_cap(reader: Reader, draft: Draft, patients: _Patients, key: str | None) -> None:
    def wrong(what: str, next_step: str) -> None:
        reader.wrong(draft.line, draft.where, what, next_step)

    mark = "mark the patient key with skerry: {role: key}"
    if not patients.is_alone and key is None:
        wrong("does not say whose rows these are", mark)
    elif draft.has_many and key is None:
        wrong("has a cap on rows per patient and no patient key", mark)
    if patients.is_alone:
        return
    if draft.name == patients.table and draft.has_many:
        wrong("lists the patients, so rows_per_patient must be 1", "take rows_per_patient out")
    if draft.name != patients.table and draft.cap is None:
        wrong("has no public cap on rows per patient", "add skerry: {rows_per_patient: N} to the table")


def _with_key_role(reader: Reader, draft: Draft, entry: Field, key: str | None) -> Field:
    """Give the patient key its role: of it, only a keyed hash is stored, so it has no codes and no range."""
    if entry.name != key or entry.role is Role.KEY:
        return entry
    if entry.role is Role.IDENTIFIER:
        reader.wrong(
            draft.line,
            f"field {entry.name!r}",
            "is the patient key, so its role is key: only a keyed hash of it is stored",
            "take the role identifier out",
        )
    return Field(
        name=entry.name,
        type=entry.type,
        role=Role.KEY,
        title=entry.title,
        description=entry.description,
        required=entry.required,
        drafted=tuple(mark for mark in entry.drafted if mark is Drafted.KEY),
    )
