"""Reads a data dictionary from a Frictionless data package, and says line by line what is wrong.

What this room decides is spec/dictionary.md; the rules that differ from "read what is there":
* An unknown key is refused, with the nearest valid one: a mistyped `constraint` would silently make
  a field local. Constraints that an import does not enforce are refused too, not ignored.
* All problems are found in one reading, each with its line.
"""

from protocols.canonical import json_bytes, sha256
from protocols.dictionary import Dialect, Dictionary, Drafted, Field
from protocols.dictionary_fields import check_name, read_drafted, read_field
from protocols.dictionary_keys import Draft, settle
from protocols.documents import Item, nearest, parse, shown
from protocols.errors import TextError
from protocols.text_reader import Reader

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
_ENCODINGS = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "utf-16": "utf-16",
    "latin-1": "latin-1",
    "iso-8859-1": "latin-1",
}
MAX_CAP = 10_000


def read_dictionary(octets: bytes) -> Dictionary:
    """Read and check a dictionary. Raises TextError with every problem found, and nothing else."""
    document = parse(octets)
    reader = Reader()
    package = reader.mapping(document, "the data package", _PACKAGE_KEYS)
    extension = reader.mapping(package.get("skerry"), "skerry", ["patient"])
    patient = reader.mapping(extension.get("patient"), "skerry.patient", ["table", "key"])
    name = reader.text(package.get("name"), "name")
    _check_registry_name(reader, package.get("name", document), name)
    resources = reader.sequence(package.get("resources"), "resources")
    if "resources" not in package or package["resources"].value == []:
        reader.wrong(document.line, "resources", "the data package has no resources", "list a table there")
    drafts = [_draft(reader, item, index) for index, item in enumerate(resources, start=1)]
    tables, patient_table = settle(reader, drafts, patient)
    title, version, description = (
        reader.text(package.get(key), key, default)
        for key, default in (("title", name), ("version", ""), ("description", ""))
    )
    if reader.problems:
        raise TextError(sorted(reader.problems, key=lambda problem: problem.line))
    return Dictionary(
        name=name,
        title=title,
        version=version,
        description=description,
        tables=tables,
        patient_table=patient_table,
        digest=sha256("skerry/1 dictionary", json_bytes(document.tree)),
    )


def _check_registry_name(reader: Reader, item: Item, name: str) -> None:
    if not name:
        reader.wrong(item.line, "name", "the registry needs a name", "add name: ...")
    elif len(name) > 64 or not name.isprintable() or name != name.strip() or '"' in name or "\\" in name:
        what = "a registry's name is 1 to 64 printable characters, not padded, without quotes and backslash"
        reader.wrong(item.line, "name", what, "a short word is best, such as heart-registry")


def _draft(reader: Reader, item: Item, index: int) -> Draft:
    resource = reader.mapping(item, f"resource {index}", _RESOURCE_KEYS)
    name = reader.text(resource.get("name"), f"resource {index}: name")
    where = f"table {name!r}" if 0 < len(name) <= 64 else f"resource {index}"
    check_name(reader, item.line, where, name)
    schema = reader.mapping(resource.get("schema"), f"{where}: schema", _SCHEMA_KEYS)
    entries = reader.sequence(schema.get("fields"), f"{where}: fields")
    if not entries:
        reader.wrong(item.line, where, "has no fields", "list them under schema: fields:")
    fields = tuple(read_field(reader, entry, where, i) for i, entry in enumerate(entries, start=1))
    _check_twice(reader, entries, fields, where)
    extension = reader.mapping(resource.get("skerry"), f"{where}: skerry", ["rows_per_patient", "drafted"])
    cap = _cap(reader, extension.get("rows_per_patient"), where)
    return Draft(
        line=item.line,
        name=name,
        path=reader.text(resource.get("path"), f"{where}: path", f"{name}.csv"),
        title=reader.text(resource.get("title"), f"{where}: title", name),
        description=reader.text(resource.get("description"), f"{where}: description"),
        dialect=_dialect(reader, resource, schema, where),
        fields=fields,
        primary_key=_primary_key(reader, schema.get("primaryKey"), [one.name for one in fields], where),
        foreign_keys=_foreign_keys(reader, schema.get("foreignKeys"), where),
        cap=cap,
        drafted=read_drafted(reader, extension.get("drafted"), where, {Drafted.CAP: cap is not None}),
    )


def _check_twice(reader: Reader, entries: list[Item], fields: tuple[Field, ...], where: str) -> None:
    seen: set[str] = set()
    for entry, one in zip(entries, fields, strict=True):
        if one.name and one.name.casefold() in seen:
            reader.wrong(
                entry.line,
                where,
                f"the field {shown(one.name)} stands twice (case does not tell names apart)",
            )
        seen.add(one.name.casefold())


def _primary_key(reader: Reader, item: Item | None, names: list[str], where: str) -> tuple[str, ...]:
    """Take the primary key, one name or a list of names."""
    if item is None:
        return ()
    keys = (item.value,) if isinstance(item.value, str) else reader.texts(item, f"{where}: primaryKey")
    for key in keys:
        if key and key not in names:
            reader.wrong(item.line, where, f"primaryKey names no field {shown(key)}", nearest(key, names))
    return tuple(key for key in keys if key in names)


def _cap(reader: Reader, item: Item | None, where: str) -> int | None:
    number = reader.number(item, f"{where}: rows_per_patient")
    if number is None or item is None:
        return None
    if number != number.to_integral_value() or not 1 <= number <= MAX_CAP:
        reader.wrong(item.line, f"{where}: rows_per_patient", f"must be a whole number from 1 to {MAX_CAP}")
        return None
    return int(number)


def _dialect(reader: Reader, resource: dict[str, Item], schema: dict[str, Item], where: str) -> Dialect:
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
    missing = schema.get("missingValues")
    return Dialect(
        delimiter=delimiter,
        quote=quote,
        has_header=reader.truth(dialect.get("header"), f"{where}: header", default=True),
        encoding=_encoding(reader, resource.get("encoding"), where),
        missing_values=reader.texts(missing, f"{where}: missingValues") if missing else ("",),
    )


def _encoding(reader: Reader, item: Item | None, where: str) -> str:
    encoding = reader.text(item, f"{where}: encoding", "utf-8")
    if item is not None and encoding.lower() not in _ENCODINGS:
        reader.wrong(
            item.line,
            f"{where}: encoding",
            f"{shown(encoding)} is not read",
            "save the file as UTF-8, or declare utf-16 or latin-1",
        )
    return _ENCODINGS.get(encoding.lower(), "utf-8")


def _foreign_keys(reader: Reader, item: Item | None, where: str) -> tuple[tuple[str, str, str], ...]:
    """Read foreign keys of one field as (field, table, field there).

    Longer ones say nothing about the patient.
    """
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
