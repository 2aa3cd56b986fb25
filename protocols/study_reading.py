"""A study's text, read: everything that is wrong with it by itself, each with its line. spec/study.md 1, 2.

What only shows beside a dictionary and a roster is looked for in study_check.py.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from protocols.documents import nearest, shown
from protocols.errors import Problem, TextError, WireError
from protocols.ids import AnalystId, CentreId, Digest, OfficerId, StudyId
from protocols.queries import Kind, Mode, Scope
from protocols.roster import when
from protocols.signed_text import Fields, SignedText, read_toml
from protocols.studies import EVERY, Review, Study, SuppressedStudy, limit, rule_named

FILL_IN = "FILL IN"
"""Begins a text that the author of a study has still to write; no study with one is read."""

MAX_TEXT = 2000
"""Characters of a text for people."""

_N = TypeVar("_N", AnalystId, CentreId)
_Keys = dict[str, Callable[[Fields, str], object]]


def open_study(octets: bytes, officer: OfficerId, key: Ed25519PublicKey) -> Study:
    """Verify an officer's signature under a study file, and read it. Raises SignatureError or TextError."""
    text = SignedText.parse(octets)
    text.opened(officer.text, key, "study")
    return study_of(text.body)


def study_of(body: bytes) -> Study:
    """Read a study's body, which perhaps nobody has signed. Raises TextError with every problem."""
    tree = read_toml(body, "study")
    reading = _Reading(body)
    values = reading.values("study", tree, _KEYS)
    reading.note_unknown("study", tree, ("format", "budget", "suppressed", *_KEYS))
    values |= reading.table("budget", tree, _BUDGET)
    modes = values.get("modes")
    if modes is not None and Mode.SUPPRESSED in modes:
        values["suppressed"] = reading.table("suppressed", tree, _SUPPRESSED)
    elif modes is not None and "suppressed" in tree:
        what = "has an unknown key 'suppressed', because 'modes' does not name that mode"
        reading.note("suppressed", "study", what)
    _note_numbers(reading, values)
    if reading.problems:
        raise TextError(sorted(reading.problems, key=lambda one: one.line))
    listed = values.pop("suppressed", None)
    return Study(
        study_budget=values.pop("study_rho"),
        analyst_budget=values.pop("analyst_rho"),
        suppressed=None if listed is None else SuppressedStudy(**listed),
        **values,
    )


class _Reading:
    """Reads key after key, and notes what is wrong with each instead of stopping."""

    def __init__(self, body: bytes) -> None:
        self.problems: list[Problem] = []
        self._body = body

    def note(self, key: str, where: str, what: str, next_step: str = "") -> None:
        """Note a problem at the line of a key."""
        line = line_of(self._body, key)
        self.problems.append(Problem(line=line, where=where, what=what, next_step=next_step))

    def values(self, where: str, tree: dict[str, Any], keys: _Keys) -> dict[str, Any]:
        """Take keys of a table; one that is wrong is noted, and not in what is given back."""
        found: dict[str, Any] = {}
        for key, read in keys.items():
            if key in _OPTIONAL and key not in tree:
                continue
            if _is_open(tree.get(key)):
                self.note(key, where, f"{key!r} is not filled in yet", "the comment above it says with what")
                continue
            try:
                found[key] = read(Fields({key: tree[key]} if key in tree else {}, where), key)
            except TextError as error:
                line = line_of(self._body, key)
                self.problems += [replace(one, line=line) for one in error.problems]
            except WireError as error:
                self.note(key, where, f"{key!r}: {error}")
        return found

    def table(self, name: str, tree: dict[str, Any], keys: _Keys) -> dict[str, Any]:
        """Take every key of a sub-table; an absent one lacks them all."""
        table, where = tree.get(name, {}), f"study: {name}"
        if not isinstance(table, dict):
            self.note(name, "study", f"{name!r} must be a table")
            return {}
        self.note_unknown(where, table, tuple(keys))
        return self.values(where, table, keys)

    def note_unknown(self, where: str, tree: dict[str, Any], known: tuple[str, ...]) -> None:
        """Note keys that nobody takes: an unknown key is a mistyped one."""
        for key in tree:
            if key not in known:
                self.note(key, where, f"has an unknown key {shown(key)}", nearest(key, list(known)))


def line_of(body: bytes, key: str) -> int:
    """Find the line on which a key or a table stands, counted from 1; 0 where it does not stand."""
    pattern = re.compile(rf"""[ \t]*["']?{re.escape(key)}["']?[ \t]*=|[ \t]*\[{re.escape(key)}\]""")
    lines = body.decode("utf-8", "replace").split("\n")
    return next((number for number, line in enumerate(lines, start=1) if pattern.match(line)), 0)


def _is_open(value: object) -> bool:
    values = value if isinstance(value, list) else [value]
    return any(isinstance(one, str) and one.startswith(FILL_IN) for one in values)


def _note_numbers(reading: _Reading, values: dict[str, Any]) -> None:
    """Note numbers that do not fit the centres, and times in the wrong order."""
    centres = values.get("centres", frozenset())
    for key in ("quorum", "min_centres") if centres else ():
        if key in values and not 1 <= values[key] <= len(centres):
            reading.note(key, "study", f"{key!r} is 1 to {len(centres)}, the number of its centres")
    if centres and "colluders" in values and not 0 <= values["colluders"] < len(centres):
        what = f"'colluders' is 0 to {len(centres) - 1}: fewer than its centres, which are {len(centres)}"
        reading.note("colluders", "study", what)
    per_person = values.get("centres_per_person", 1)
    if per_person < 1:
        reading.note("centres_per_person", "study", "'centres_per_person' must be at least 1")
    elif centres and per_person > len(centres):
        what = f"'centres_per_person' is {len(centres)} at most, the number of its centres"
        reading.note("centres_per_person", "study", what)
    begins, expires = values.get("begins"), values.get("expires")
    if begins is not None and expires is not None and begins >= expires:
        reading.note("begins", "study", "'begins' is not before 'expires'")


def _text(fields: Fields, key: str) -> str:
    text = fields.take(key, str)
    if not text.strip() or not text.isprintable() or len(text) > MAX_TEXT:
        raise fields.wrong(f"{key!r} is a line of 1 to {MAX_TEXT} characters, without control characters")
    return text


def _permit(fields: Fields, key: str) -> str:
    if fields.has(key, ""):
        raise fields.wrong(f"{key!r} is empty", 'where there is no permit, say so: permit = "none"')
    return _text(fields, key)


def _people(sort: type[_N]) -> Callable[[Fields, str], frozenset[_N]]:
    def read(fields: Fields, key: str) -> frozenset[_N]:
        names = fields.names(key)
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise fields.wrong(f"{key!r} names {shown(twice)} twice")
        return frozenset(sort(name) for name in names)

    return read


def _centres(fields: Fields, key: str) -> frozenset[CentreId]:
    centres = _people(CentreId)(fields, key)
    if not centres:
        raise fields.wrong(f"{key!r} names no centre")
    return centres


def _fields(fields: Fields, key: str) -> frozenset[str]:
    """Take the fields that may be read: every queryable one, or names."""
    if fields.has(key, [EVERY]):
        return frozenset(fields.names(key))
    return fields.field_names(key)


def _review(fields: Fields, key: str) -> Review:
    word, words = fields.take(key, str), [one.value for one in Review]
    if word not in words:
        raise fields.wrong(f"{key!r} does not know {shown(word)}", nearest(word, words))
    return Review(word)


def _questions(fields: Fields, key: str) -> int:
    number = fields.take(key, int)
    if number < 0:
        raise fields.wrong("a number of questions is 0 or more")
    return number


def _tables(fields: Fields, key: str) -> tuple[str, ...] | None:
    return None if fields.has(key, [EVERY]) else tuple(fields.names(key))


_KEYS: Final[_Keys] = {
    "id": lambda fields, key: StudyId(fields.take(key, str)),
    "title": _text,
    "purpose": _text,
    "legal_basis": _text,
    "permit": _permit,
    "readers": _text,
    "registry": _text,
    "dictionary": lambda fields, key: Digest.parse(fields.take(key, str)),
    "statistics": lambda fields, key: fields.choices(key, Kind),
    "modes": lambda fields, key: fields.choices(key, Mode),
    "scopes": lambda fields, key: fields.choices(key, Scope),
    "fields": _fields,
    "analysts": _people(AnalystId),
    "centres": _centres,
    "quorum": lambda fields, key: fields.take(key, int),
    "min_centres": lambda fields, key: fields.take(key, int),
    "colluders": lambda fields, key: fields.take(key, int),
    "centres_per_person": lambda fields, key: fields.take(key, int),
    "review": _review,
    "begins": when,
    "expires": when,
}
_OPTIONAL: Final = ("begins",)
_BUDGET: Final[_Keys] = {"study_rho": limit, "analyst_rho": limit}
_SUPPRESSED: Final[_Keys] = {
    "rule": rule_named,
    "questions": _questions,
    "tables": _tables,
}
