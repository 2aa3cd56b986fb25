"""Reads a data dictionary from a Frictionless data package, and says line by line what is wrong.

What this room decides is spec/dictionary.md; the rules that differ from "read what is there":
* An unknown key is refused, with the nearest valid one: a mistyped `constraint` would silently make
  a field local. Constraints that an import does not enforce are refused too, not ignored.
* All problems are found in one reading, each with its line.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import TypeVar

from protocols.canonical import json_bytes, sha256
from protocols.dictionary import (
    MAX_STEPS,
    NUMERIC,
    RESERVED_NAMES,
    Code,
    Dialect,
    Dictionary,
    Field,
    FieldType,
    Outside,
    Range,
    Role,
    Table,
)
from protocols.documents import Item, nearest, parse
from protocols.errors import Problem, TextError

_PACKAGE_KEYS = [
    "name",
    "title",
    "description",
    "version",
    "id",
    "homepage",
    "keywords",
    "licenses",
    "sources",
    "contributors",
    "created",
    "$schema",
    "profile",
    "resources",
    "skerry",
]
_RESOURCE_KEYS = [
    "name",
    "title",
    "description",
    "path",
    "type",
    "format",
    "mediatype",
    "encoding",
    "dialect",
    "schema",
    "profile",
    "$schema",
    "sources",
    "licenses",
    "skerry",
]
_DIALECT_KEYS = ["delimiter", "quoteChar", "header"]
_SCHEMA_KEYS = ["fields", "primaryKey", "foreignKeys", "missingValues", "$schema"]
_FIELD_KEYS = [
    "name",
    "title",
    "description",
    "type",
    "format",
    "constraints",
    "trueValues",
    "falseValues",
    "decimalChar",
    "rdfType",
    "example",
    "skerry",
]
_CONSTRAINT_KEYS = ["required", "minimum", "maximum", "enum"]
_FIELD_SKERRY_KEYS = ["role", "unit", "precision", "labels", "outside"]
_ENCODINGS = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "utf-16": "utf-16",
    "latin-1": "latin-1",
    "iso-8859-1": "latin-1",
}
_BOOLEANS = (("true", "True", "TRUE", "1"), ("false", "False", "FALSE", "0"))
_T = TypeVar("_T")
MAX_CAP = 10_000
MAX_CODES = 10_000
_EXACT_INTEGERS = 2**53


@dataclass(slots=True)
class _Reader:
    """Collects problems while values are taken out of the tree."""

    problems: list[Problem] = field(default_factory=list)

    def wrong(self, line: int, where: str, what: str, next_step: str = "") -> None:
        self.problems.append(Problem(line=line, where=where, what=what, next_step=next_step))

    def mapping(self, item: Item | None, where: str, keys: list[str]) -> dict[str, Item]:
        if item is None or item.value is None:
            return {}
        if not isinstance(item.value, dict):
            self.wrong(item.line, where, "must be a mapping of keys to values")
            return {}
        for key, value in item.value.items():
            if key not in keys:
                self.wrong(value.line, where, f"has an unknown key {key!r}", nearest(key, keys))
        return item.value

    def sequence(self, item: Item | None, where: str) -> list[Item]:
        if item is None:
            return []
        if not isinstance(item.value, list):
            self.wrong(item.line, where, "must be a list")
            return []
        return item.value

    def text(self, item: Item | None, where: str, default: str = "") -> str:
        if item is None or item.value is None:
            return default
        if not isinstance(item.value, str):
            self.wrong(item.line, where, "must be text (write it in quotes)")
            return default
        return item.value

    def texts(self, item: Item | None, where: str) -> tuple[str, ...]:
        return tuple(self.text(entry, where) for entry in self.sequence(item, where))

    def truth(self, item: Item | None, where: str, *, default: bool) -> bool:
        if item is None:
            return default
        if not isinstance(item.value, bool):
            self.wrong(item.line, where, "must be true or false")
            return default
        return item.value

    def number(self, item: Item | None, where: str) -> Decimal | None:
        if item is None:
            return None
        if not isinstance(item.value, Decimal):
            self.wrong(item.line, where, "must be a number")
            return None
        return item.value

    def choice(self, item: Item | None, where: str, find: Callable[[str], _T], valid: list[str]) -> _T | None:
        if item is None:
            return None
        word = item.value if isinstance(item.value, str) else str(item.tree)
        if word not in valid:
            self.wrong(item.line, where, f"{word!r} is not known here", nearest(word, valid))
            return None
        return find(word)


def read_dictionary(octets: bytes) -> Dictionary:
    """Read and check a dictionary. Raises TextError with every problem found, and nothing else."""
    document = parse(octets)
    reader = _Reader()
    package = reader.mapping(document, "the data package", _PACKAGE_KEYS)
    extension = reader.mapping(package.get("skerry"), "skerry", ["patient"])
    patient = reader.mapping(extension.get("patient"), "skerry.patient", ["table", "key"])
    name = reader.text(package.get("name"), "name")
    if not name:
        reader.wrong(document.line, "name", "the registry needs a name")
    resources = reader.sequence(package.get("resources"), "resources")
    if not resources:
        reader.wrong(document.line, "resources", "the data package has no resources")
    drafts = [_draft(reader, item, index) for index, item in enumerate(resources, start=1)]
    tables, patient_table = _tables(reader, drafts, patient)
    if reader.problems:
        raise TextError(sorted(reader.problems, key=lambda problem: problem.line))
    return Dictionary(
        name=name,
        title=reader.text(package.get("title"), "title", name),
        version=reader.text(package.get("version"), "version"),
        description=reader.text(package.get("description"), "description"),
        tables=tables,
        patient_table=patient_table,
        digest=sha256("skerry/1 dictionary", json_bytes(document.tree)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    """A resource as it stands, before the patient key of the package is known."""

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


def _draft(reader: _Reader, item: Item, index: int) -> _Draft:
    resource = reader.mapping(item, f"resource {index}", _RESOURCE_KEYS)
    name = reader.text(resource.get("name"), f"resource {index}: name")
    where = f"table {name!r}" if name else f"resource {index}"
    _check_name(reader, item.line, where, name)
    schema_item = resource.get("schema")
    schema = reader.mapping(schema_item, f"{where}: schema", _SCHEMA_KEYS)
    entries = reader.sequence(schema.get("fields"), f"{where}: fields")
    if not entries:
        reader.wrong(item.line, where, "has no fields", "list them under schema: fields:")
    fields = tuple(_field(reader, entry, where, i) for i, entry in enumerate(entries, start=1))
    _check_twice(reader, entries, fields, where)
    extension = reader.mapping(resource.get("skerry"), f"{where}: skerry", ["rows_per_patient"])
    primary_item = schema.get("primaryKey")
    primary: tuple[str, ...] = ()
    if primary_item is not None:
        one = isinstance(primary_item.value, str)
        primary = (str(primary_item.value),) if one else reader.texts(primary_item, f"{where}: primaryKey")
        for key in primary:
            if all(key != entry.name for entry in fields):
                names = [entry.name for entry in fields]
                reader.wrong(
                    primary_item.line,
                    where,
                    f"primaryKey names no field {key!r}",
                    nearest(key, names),
                )
    return _Draft(
        line=item.line,
        name=name,
        path=reader.text(resource.get("path"), f"{where}: path", f"{name}.csv"),
        title=reader.text(resource.get("title"), f"{where}: title", name),
        description=reader.text(resource.get("description"), f"{where}: description"),
        dialect=_dialect(reader, resource, schema, where),
        fields=fields,
        primary_key=primary,
        foreign_keys=_foreign_keys(reader, schema.get("foreignKeys"), where),
        cap=_cap(reader, extension.get("rows_per_patient"), where),
    )


def _check_name(reader: _Reader, line: int, where: str, name: str) -> None:
    if not name:
        reader.wrong(line, where, "needs a name")
    elif len(name) > 64 or not name.isprintable() or name != name.strip() or "." in name:
        reader.wrong(
            line,
            where,
            "a name is 1 to 64 printable characters without '.', not padded with spaces",
        )


def _check_twice(reader: _Reader, entries: list[Item], fields: tuple[Field, ...], where: str) -> None:
    seen: set[str] = set()
    for entry, one in zip(entries, fields, strict=True):
        if one.name.casefold() in seen:
            reader.wrong(
                entry.line,
                where,
                f"the field {one.name!r} stands twice (case does not tell names apart)",
            )
        seen.add(one.name.casefold())


def _cap(reader: _Reader, item: Item | None, where: str) -> int | None:
    number = reader.number(item, f"{where}: rows_per_patient")
    if number is None or item is None:
        return None
    if number != number.to_integral_value() or not 1 <= number <= MAX_CAP:
        reader.wrong(item.line, f"{where}: rows_per_patient", f"must be a whole number from 1 to {MAX_CAP}")
        return None
    return int(number)


def _dialect(reader: _Reader, resource: dict[str, Item], schema: dict[str, Item], where: str) -> Dialect:
    item = resource.get("dialect")
    dialect = reader.mapping(item, f"{where}: dialect", _DIALECT_KEYS)
    delimiter = reader.text(dialect.get("delimiter"), f"{where}: delimiter", ",")
    quote = reader.text(dialect.get("quoteChar"), f"{where}: quoteChar", '"')
    if item is not None and (len(delimiter) != 1 or len(quote) != 1 or delimiter == quote):
        reader.wrong(
            item.line,
            f"{where}: dialect",
            "delimiter and quoteChar are one character each, and differ",
        )
    encoding_item = resource.get("encoding")
    encoding = reader.text(encoding_item, f"{where}: encoding", "utf-8").lower()
    if encoding not in _ENCODINGS and encoding_item is not None:
        reader.wrong(
            encoding_item.line,
            f"{where}: encoding",
            f"{encoding!r} is not read",
            "save the file as UTF-8, or declare utf-16 or latin-1",
        )
    missing = schema.get("missingValues")
    return Dialect(
        delimiter=delimiter,
        quote=quote,
        has_header=reader.truth(dialect.get("header"), f"{where}: header", default=True),
        encoding=_ENCODINGS.get(encoding, "utf-8"),
        missing_values=reader.texts(missing, f"{where}: missingValues") if missing else ("",),
    )


def _foreign_keys(reader: _Reader, item: Item | None, where: str) -> tuple[tuple[str, str, str], ...]:
    """Read foreign keys of one field as (field, table, field there); longer ones say nothing about the patient."""
    keys = []
    for entry in reader.sequence(item, f"{where}: foreignKeys"):
        pair = reader.mapping(entry, f"{where}: foreignKeys", ["fields", "reference"])
        reference = reader.mapping(pair.get("reference"), f"{where}: reference", ["resource", "fields"])
        own, there = (_one(part.get("fields")) for part in (pair, reference))
        if own and there:
            keys.append((own, reader.text(reference.get("resource"), f"{where}: resource"), there))
    return tuple(keys)


def _one(item: Item | None) -> str:
    value = item.value if item else None
    if isinstance(value, list) and len(value) == 1:
        value = value[0].value
    return value if isinstance(value, str) else ""


def _field(reader: _Reader, item: Item, table: str, index: int) -> Field:
    entry = reader.mapping(item, f"{table}: field {index}", _FIELD_KEYS)
    name = reader.text(entry.get("name"), f"{table}: field {index}: name")
    where = f"field {name!r}" if name else f"{table}: field {index}"
    _check_name(reader, item.line, where, name)
    if name in RESERVED_NAMES:
        reader.wrong(
            item.line,
            where,
            "results use this name for a column of their own",
            f"rename it, say {name}_value",
        )
    kind = (
        reader.choice(entry.get("type"), f"{where}: type", FieldType, [t.value for t in FieldType])
        or FieldType.STRING
    )
    limits = reader.mapping(entry.get("constraints"), f"{where}: constraints", _CONSTRAINT_KEYS)
    extension = reader.mapping(entry.get("skerry"), f"{where}: skerry", _FIELD_SKERRY_KEYS)
    codes = _codes(reader, limits.get("enum"), kind, where)
    bounds = _range(reader, limits, extension.get("precision"), kind, where)
    role = reader.choice(extension.get("role"), f"{where}: role", Role, [r.value for r in Role])
    if role is Role.QUERYABLE and not codes and bounds is None:
        reader.wrong(
            item.line,
            where,
            "is queryable, and has neither a code list nor a range",
            "add constraints: enum, or minimum and maximum",
        )
    if role is None:
        role = Role.QUERYABLE if codes or bounds else Role.LOCAL
    decimal_char = reader.text(entry.get("decimalChar"), f"{where}: decimalChar", ".")
    if decimal_char not in (".", ","):
        reader.wrong(item.line, where, "decimalChar is '.' or ','")
    true_values = reader.texts(entry.get("trueValues"), f"{where}: trueValues") or _BOOLEANS[0]
    false_values = reader.texts(entry.get("falseValues"), f"{where}: falseValues") or _BOOLEANS[1]
    if set(true_values) & set(false_values):
        reader.wrong(item.line, where, "trueValues and falseValues overlap")
    outside = reader.choice(
        extension.get("outside"), f"{where}: outside", Outside, [o.value for o in Outside]
    )
    return Field(
        name=name,
        type=kind,
        role=role,
        codes=codes,
        range=bounds,
        required=reader.truth(limits.get("required"), f"{where}: required", default=False),
        outside=outside or Outside.ERROR,
        unit=reader.text(extension.get("unit"), f"{where}: unit"),
        title=reader.text(entry.get("title"), f"{where}: title", name),
        description=reader.text(entry.get("description"), f"{where}: description"),
        labels=_labels(reader, extension.get("labels"), codes, where),
        decimal_char=decimal_char,
        true_values=true_values,
        false_values=false_values,
    )


def _codes(reader: _Reader, item: Item | None, kind: FieldType, where: str) -> tuple[Code, ...]:
    if kind is FieldType.BOOLEAN:
        if item is not None:
            reader.wrong(item.line, where, "a boolean has its two codes already", "take enum out")
        return (False, True)
    if item is None:
        return ()
    codes: list[Code] = []
    for entry in reader.sequence(item, f"{where}: enum"):
        wanted = Decimal if kind in NUMERIC else str
        if not isinstance(entry.value, wanted):
            form = "numbers" if kind in NUMERIC else "text (write it in quotes)"
            reader.wrong(entry.line, f"{where}: enum", f"the codes of type {kind.value} are {form}")
        elif entry.value in codes:
            reader.wrong(entry.line, f"{where}: enum", "has a code twice")
        elif kind is FieldType.INTEGER and entry.value != Decimal(entry.value).to_integral_value():
            reader.wrong(entry.line, f"{where}: enum", "the codes of an integer are whole numbers")
        else:
            codes.append(entry.value)
    if not codes:
        reader.wrong(item.line, f"{where}: enum", "the code list is empty")
    if len(codes) > MAX_CODES:
        reader.wrong(item.line, f"{where}: enum", f"the code list has more than {MAX_CODES} codes")
    return tuple(codes)


def _range(
    reader: _Reader, limits: dict[str, Item], precision: Item | None, kind: FieldType, where: str
) -> Range | None:
    low_item, high_item = limits.get("minimum"), limits.get("maximum")
    if low_item is None and high_item is None:
        if precision is not None:
            reader.wrong(precision.line, where, "precision belongs to a number with minimum and maximum")
        return None
    some = low_item or high_item
    line = some.line if some else 0
    if kind not in NUMERIC:
        reader.wrong(
            line,
            where,
            f"a range is for integer and number, not {kind.value}",
            "use enum, or leave the range out",
        )
        return None
    low, high = (
        reader.number(low_item, f"{where}: minimum"),
        reader.number(high_item, f"{where}: maximum"),
    )
    if low is None or high is None:
        if low_item is None or high_item is None:
            reader.wrong(
                line,
                where,
                "has half a range",
                "give both minimum and maximum: they are the public bounds",
            )
        return None
    if low >= high:
        reader.wrong(line, where, "minimum must be below maximum")
        return None
    if max(abs(low), abs(high)) > _EXACT_INTEGERS:
        reader.wrong(line, where, "the range goes beyond 2^53, where numbers are no longer exact")
        return None
    step = Fraction(1) if kind is FieldType.INTEGER else Fraction(high - low) / 2**20
    if precision is not None:
        number = reader.number(precision, f"{where}: precision")
        if number is None:
            return None
        if number <= 0:
            reader.wrong(precision.line, f"{where}: precision", "must be above zero")
            return None
        step = Fraction(number)
    if not 1 <= Fraction(high - low) / step <= MAX_STEPS:
        place = precision.line if precision else line
        reader.wrong(
            place,
            where,
            f"the range must hold 1 to {MAX_STEPS} steps of precision",
            "set skerry: precision",
        )
        return None
    return Range(minimum=low, maximum=high, step=step)


def _labels(
    reader: _Reader, item: Item | None, codes: tuple[Code, ...], where: str
) -> tuple[tuple[Code, str], ...]:
    if item is None:
        return ()
    shown = {code_text(code): code for code in codes}
    labels = reader.mapping(item, f"{where}: labels", list(shown))
    return tuple(
        (shown[key], reader.text(value, f"{where}: labels")) for key, value in labels.items() if key in shown
    )


def code_text(code: Code | None) -> str:
    """Write a code as a person would: `1`, `yes`, `true`; nothing for a missing one."""
    if code is None:
        return ""
    if isinstance(code, bool):
        return "true" if code else "false"
    return format(code.normalize(), "f") if isinstance(code, Decimal) else code


def _tables(reader: _Reader, drafts: list[_Draft], patient: dict[str, Item]) -> tuple[tuple[Table, ...], str]:
    """Settle the patient key and the cap of every table (spec/dictionary.md 4)."""
    names = [draft.name for draft in drafts]
    for draft in drafts:
        if names.count(draft.name) > 1:
            reader.wrong(draft.line, f"table {draft.name!r}", "the name stands twice")
    table_item, key_item = patient.get("table"), patient.get("key")
    patient_table = reader.text(table_item, "skerry.patient.table", names[0] if len(names) == 1 else "")
    patient_key = reader.text(key_item, "skerry.patient.key")
    if patient_table not in names:
        line = table_item.line if table_item else (drafts[0].line if drafts else 1)
        what = (
            "names no table"
            if table_item
            else "with more than one table, the package must say which one lists the patients"
        )
        reader.wrong(
            line,
            "skerry.patient.table",
            what,
            nearest(patient_table, names) if table_item else "add skerry: {patient: {table, key}}",
        )
        return (), ""
    tables = [_table(reader, draft, patient_table, patient_key, alone=len(drafts) == 1) for draft in drafts]
    return tuple(tables), patient_table


def _table(reader: _Reader, draft: _Draft, patient_table: str, patient_key: str, *, alone: bool) -> Table:
    where = f"table {draft.name!r}"
    marked = [entry.name for entry in draft.fields if entry.role is Role.KEY]
    is_patients = draft.name == patient_table
    linked = [
        own for own, table, there in draft.foreign_keys if table == patient_table and there == patient_key
    ]
    single = [key for key in draft.primary_key if len(draft.primary_key) == 1]
    has_many = draft.cap is not None and draft.cap > 1
    candidates = ([patient_key] if is_patients and patient_key else marked or linked) or (
        [] if has_many or not alone else single
    )
    if len(set(marked) | set(candidates)) > 1:
        reader.wrong(
            draft.line,
            where,
            "has more than one patient key: "
            + ", ".join(repr(k) for k in sorted(set(marked) | set(candidates))),
        )
    key = candidates[0] if candidates else None
    if key is not None and all(key != entry.name for entry in draft.fields):
        reader.wrong(
            draft.line,
            where,
            f"the patient key {key!r} is no field",
            nearest(key, [entry.name for entry in draft.fields]),
        )
    if not alone and key is None:
        reader.wrong(
            draft.line,
            where,
            "does not say whose rows these are",
            "mark the patient key with skerry: {role: key}",
        )
    if not alone and not is_patients and draft.cap is None:
        reader.wrong(
            draft.line,
            where,
            "has no public cap on rows per patient",
            "add skerry: {rows_per_patient: N}",
        )
    if is_patients and not alone and has_many:
        reader.wrong(draft.line, where, "lists the patients, so rows_per_patient must be 1")
    if has_many and key is None:
        reader.wrong(
            draft.line,
            where,
            "has a cap on rows per patient and no patient key",
            "mark it with skerry: {role: key}",
        )
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
    )


def _with_key_role(reader: _Reader, draft: _Draft, entry: Field, key: str | None) -> Field:
    if entry.name != key or entry.role is Role.KEY:
        return entry
    if entry.role is Role.IDENTIFIER:
        reader.wrong(
            draft.line,
            f"field {entry.name!r}",
            "is the patient key, so its role is key: only a keyed hash of it is stored",
        )
    return Field(
        name=entry.name,
        type=entry.type,
        role=Role.KEY,
        title=entry.title,
        description=entry.description,
        required=entry.required,
    )
