"""Reads one field of a data dictionary: type, role, code list, range, labels. spec/dictionary.md 2 and 3."""

from decimal import Decimal
from fractions import Fraction

from protocols.dictionary import (
    EXACT_INTEGERS,
    MAX_STEPS,
    NUMERIC,
    RESERVED_NAMES,
    Code,
    Drafted,
    Field,
    FieldType,
    Outside,
    Range,
    Role,
    code_text,
)
from protocols.documents import Item
from protocols.text_reader import Reader

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
_SKERRY_KEYS = ["role", "unit", "precision", "labels", "outside", "drafted"]
_BOOLEANS = (("true", "True", "TRUE", "1"), ("false", "False", "FALSE", "0"))
MAX_CODES = 10_000


def check_name(reader: Reader, line: int, where: str, name: str) -> None:
    """Note what is wrong with the name of a table or a field."""
    if not name:
        reader.wrong(line, where, "needs a name", "add name: ...")
    elif len(name) > 64 or not name.isprintable() or name != name.strip() or "." in name:
        reader.wrong(
            line,
            where,
            "a name is 1 to 64 printable characters without '.', not padded with spaces",
        )


def read_field(reader: Reader, item: Item, table: str, index: int) -> Field:
    """Read the field that stands at `index` (from 1) of a table."""
    entry = reader.mapping(item, f"{table}: field {index}", _FIELD_KEYS)
    name = reader.text(entry.get("name"), f"{table}: field {index}: name")
    where = f"field {name!r}" if 0 < len(name) <= 64 else f"{table}: field {index}"
    check_name(reader, item.line, where, name)
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
    extension = reader.mapping(entry.get("skerry"), f"{where}: skerry", _SKERRY_KEYS)
    codes = _codes(reader, limits.get("enum"), kind, where)
    bounds = _range(reader, limits, extension.get("precision"), kind, where)
    _check_codes_in_range(reader, limits.get("enum"), bounds, where)
    words = _boolean_words(reader, item.line, entry, where)
    role = _role(reader, item.line, extension.get("role"), where, is_bounded=bool(codes or bounds))
    there = {Drafted.RANGE: bounds is not None, Drafted.CODES: bool(codes), Drafted.KEY: role is Role.KEY}
    return Field(
        name=name,
        type=kind,
        role=role,
        codes=codes,
        range=bounds,
        required=reader.truth(limits.get("required"), f"{where}: required", default=False),
        outside=reader.choice(
            extension.get("outside"), f"{where}: outside", Outside, [o.value for o in Outside]
        )
        or Outside.ERROR,
        unit=reader.text(extension.get("unit"), f"{where}: unit"),
        title=reader.text(entry.get("title"), f"{where}: title", name),
        description=reader.text(entry.get("description"), f"{where}: description"),
        labels=_labels(reader, extension.get("labels"), codes, where),
        decimal_char=_decimal_char(reader, entry.get("decimalChar"), where),
        true_values=words[0],
        false_values=words[1],
        drafted=read_drafted(reader, extension.get("drafted"), where, there),
    )


def read_drafted(
    reader: Reader, item: Item | None, where: str, there: dict[Drafted, bool]
) -> tuple[Drafted, ...]:
    """Take the marks of what nobody has confirmed; `there` says of each mark that may stand here
    whether its bound does. A mark without its bound is refused: one that means nothing hides one that does.
    """
    words = [mark.value for mark in there]
    marks: dict[Drafted, None] = {}
    for entry in reader.sequence(item, f"{where}: drafted"):
        mark = reader.choice(entry, f"{where}: drafted", Drafted, words)
        if mark is not None and not there[mark]:
            what = f"marks its {mark.value} as drafted, and has none"
            reader.wrong(entry.line, where, what, "take the mark out, or put back what it is about")
        elif mark is not None:
            marks[mark] = None
    return tuple(marks)


def _role(reader: Reader, line: int, item: Item | None, where: str, *, is_bounded: bool) -> Role:
    """Take the role; without one, public bounds make a field queryable (spec/dictionary.md 3)."""
    role = reader.choice(item, f"{where}: role", Role, [r.value for r in Role])
    if role is Role.QUERYABLE and not is_bounded:
        reader.wrong(
            line,
            where,
            "is queryable, and has neither a code list nor a range",
            "add constraints: enum, or minimum and maximum",
        )
    return role or (Role.QUERYABLE if is_bounded else Role.LOCAL)


def _decimal_char(reader: Reader, item: Item | None, where: str) -> str:
    char = reader.text(item, f"{where}: decimalChar", ".")
    if item is not None and char not in (".", ","):
        reader.wrong(item.line, where, "decimalChar is '.' or ','")
    return char


def _boolean_words(
    reader: Reader, line: int, entry: dict[str, Item], where: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Take the words for true and for false."""
    true = reader.texts(entry.get("trueValues"), f"{where}: trueValues") or _BOOLEANS[0]
    false = reader.texts(entry.get("falseValues"), f"{where}: falseValues") or _BOOLEANS[1]
    if set(true) & set(false):
        reader.wrong(line, where, "trueValues and falseValues have a word in common", "give both lists")
    return true, false


def _codes(reader: Reader, item: Item | None, kind: FieldType, where: str) -> tuple[Code, ...]:
    if kind is FieldType.BOOLEAN:
        if item is not None:
            reader.wrong(item.line, where, "a boolean has its two codes already", "take enum out")
        return (False, True)
    if item is None:
        return ()
    entries = reader.sequence(item, f"{where}: enum")
    if not entries and isinstance(item.value, list):
        reader.wrong(
            item.line, f"{where}: enum", "the code list is empty", "name the codes, or take enum out"
        )
    if len(entries) > MAX_CODES:
        reader.wrong(item.line, f"{where}: enum", f"the code list has more than {MAX_CODES} codes")
        return ()
    codes: dict[Code, None] = {}
    for entry in entries:
        code = _code(reader, entry, kind, f"{where}: enum")
        if code in codes:
            what = f"the code {code_text(code)!r} stands twice"
            reader.wrong(
                entry.line, f"{where}: enum", what, "numbers that are equal, as 1 and 1.0, are one code"
            )
        elif code is not None:
            codes[code] = None
    return tuple(codes)


def _code(reader: Reader, entry: Item, kind: FieldType, where: str) -> Code | None:
    """Take one code of the field's type; None when it is wrong."""
    code = entry.value
    if kind not in NUMERIC:
        if isinstance(code, str):
            return code
        reader.wrong(entry.line, where, f"the codes of type {kind.value} are text (write them in quotes)")
    elif not isinstance(code, Decimal):
        reader.wrong(entry.line, where, f"the codes of type {kind.value} are numbers (without quotes)")
    elif kind is FieldType.INTEGER and code != code.to_integral_value():
        reader.wrong(entry.line, where, "the codes of an integer are whole numbers")
    else:
        return code
    return None


def _check_codes_in_range(reader: Reader, item: Item | None, bounds: Range | None, where: str) -> None:
    entries = item.value if item is not None and isinstance(item.value, list) else []
    for entry in entries:
        code = entry.value
        if bounds and isinstance(code, Decimal) and not bounds.minimum <= code <= bounds.maximum:
            what = f"the code {code_text(code)!r} lies outside minimum and maximum"
            reader.wrong(entry.line, f"{where}: enum", what, "no row could have it: widen the range")


def _range(
    reader: Reader, limits: dict[str, Item], precision: Item | None, kind: FieldType, where: str
) -> Range | None:
    """Take the public bounds of a number; None when there are none, or something is wrong with them."""
    given = [limits[key] for key in ("minimum", "maximum") if key in limits]
    if not given:
        if precision is not None:
            reader.wrong(precision.line, where, "precision belongs to a number with minimum and maximum")
        return None
    line = given[0].line
    if kind not in NUMERIC:
        what = f"a range is for integer and number, not {kind.value}"
        reader.wrong(line, where, what, "use enum, or leave the range out")
        return None
    if len(given) == 1:
        advice = "give both minimum and maximum: they are the public bounds"
        reader.wrong(line, where, "has half a range", advice)
        return None
    low = reader.number(limits["minimum"], f"{where}: minimum")
    high = reader.number(limits["maximum"], f"{where}: maximum")
    if low is None or high is None:
        return None
    if low >= high:
        reader.wrong(line, where, "minimum must be below maximum")
        return None
    if not -EXACT_INTEGERS <= low < high <= EXACT_INTEGERS:
        reader.wrong(line, where, "the range goes beyond 2^53, where numbers are no longer exact")
        return None
    return _with_step(reader, low, high, precision, kind, f"{where}: precision", line)


def _with_step(  # noqa: PLR0913, PLR0917 -- the parts of one rule
    reader: Reader,
    low: Decimal,
    high: Decimal,
    precision: Item | None,
    kind: FieldType,
    where: str,
    line: int,
) -> Range | None:
    # Fractions, because the difference of two decimals is rounded to the context's 28 digits.
    width = Fraction(high) - Fraction(low)
    step = Fraction(1) if kind is FieldType.INTEGER else width / 2**20
    if precision is not None:
        number = reader.number(precision, where)
        if number is None:
            return None
        if number <= 0:
            reader.wrong(precision.line, where, "must be above zero")
            return None
        step = Fraction(number)
    if not 1 <= width / step <= MAX_STEPS:
        what = f"the range must hold 1 to {MAX_STEPS} steps of precision"
        advice = "set skerry: {precision: ...}, the smallest step that matters"
        reader.wrong(precision.line if precision else line, where, what, advice)
        return None
    # The engine counts steps from zero in binary64: far from it, the clamp would miss its bound.
    if max(abs(Fraction(low)), abs(Fraction(high))) / step > EXACT_INTEGERS:
        what = "the range lies more than 2^53 steps of precision from zero, where they are not exact"
        reader.wrong(precision.line if precision else line, where, what, "state a coarser precision")
        return None
    return Range(minimum=low, maximum=high, step=step)


def _labels(
    reader: Reader, item: Item | None, codes: tuple[Code, ...], where: str
) -> tuple[tuple[Code, str], ...]:
    if item is None:
        return ()
    if not codes:
        reader.wrong(
            item.line, f"{where}: labels", "labels belong to the codes of a field with constraints: enum"
        )
        return ()
    words = {code_text(code): code for code in codes}
    labels = reader.mapping(item, f"{where}: labels", list(words))
    return tuple(
        (words[key], reader.text(value, f"{where}: labels")) for key, value in labels.items() if key in words
    )
