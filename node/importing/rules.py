"""One field's text, judged and turned into a value, as SQL (spec/importing.md 4).

No name and no text of a dictionary or a file becomes part of a statement: columns are ordinals
(`f3` the text, `c3` the value, `e3` the verdict), everything else is a bound parameter or, for code
lists, the content of an ENUM type that is filled from parameters.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from node.importing.report import Reason
from protocols.dictionary import NUMERIC, Field, FieldType, Outside, Role, Table, code_text

FINE = 0
MISSING = 254
OUTSIDE = 255
"""Verdicts that are no error: a value; missing; outside the bounds and declared missing."""

VERDICTS = dict(enumerate(Reason, start=1))
_NUMBER_OF = {reason: number for number, reason in VERDICTS.items()}

Parameter = str | int | float


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldSql:
    """The statement parts of one field.

    `form` says whether the text has the form of the type, `value` what it means as a number or
    word, `stored` what the snapshot keeps of it. `words` fill the ENUM type named `enum`.
    """

    index: int
    is_kept: bool
    column_type: str
    missing: str
    form: str
    value: str
    verdict: str
    stored: str
    enum: str
    words: tuple[str, ...]
    parameters: dict[str, Parameter]


def missing_parameters(table: Table) -> dict[str, Parameter]:
    """Give the declared missing values as parameters m0, m1, ..."""
    return {f"m{i}": word for i, word in enumerate(table.dialect.missing_values)}


def field_sql(table: Table, number: int, index: int) -> FieldSql:
    """Make the statement parts of field `index` of table `number`; not for the patient key."""
    field = table.fields[index]
    text = f"f{index}"
    missing = ", ".join(f"$m{i}" for i in range(len(table.dialect.missing_values)))
    enum = f"w{number}_{index}" if field.codes else ""
    form, value = _form(field, text)
    parameters: dict[str, Parameter] = {}
    if field.range is not None:
        parameters = {
            f"lo{index}": _bound(field, field.range.minimum),
            f"hi{index}": _bound(field, field.range.maximum),
        }
    return FieldSql(
        index=index,
        is_kept=field.role not in (Role.IDENTIFIER, Role.KEY),
        column_type="USMALLINT" if field.codes else "DOUBLE" if field.range else "VARCHAR",
        missing=f"{text} IN ({missing})" if missing else "FALSE",
        form=form,
        value=_code_index(field, index, value, enum) if field.codes else value,
        verdict=_verdict(field, index),
        stored=_stored(field, index),
        enum=enum,
        words=tuple(_words(field)),
        parameters=parameters,
    )


def key_sql(index: int, table: Table) -> str:
    """Make the verdict on a patient key's text: it is there, or it is missing."""
    missing = ["''", *(f"$m{i}" for i in range(len(table.dialect.missing_values)))]
    return (
        f"CASE WHEN f{index} IN ({', '.join(missing)}) THEN {_NUMBER_OF[Reason.KEY_MISSING]} ELSE {FINE} END"
    )


def sentence(reason: Reason, field: Field | None) -> str:
    """Say what is wrong, in terms of the dictionary alone."""
    return _SENTENCES[reason] if field is None else _field_sentence(reason, field)


def _form(field: Field, text: str) -> tuple[str, str]:
    """Give the test of the form, and the value of a text that has it."""
    if field.type is FieldType.INTEGER:
        return f"regexp_full_match({text}, '[+-]?[0-9]+')", f"try_cast({text} AS HUGEINT)"
    if field.type is FieldType.NUMBER:
        sign = "," if field.decimal_char == "," else "."
        form = _number_form(text, sign)
        plain = f"replace({text}, ',', '.')" if sign == "," else text
        return form, f"(try_cast({plain} AS DOUBLE) + 0.0::DOUBLE)"  # + 0 makes minus zero zero
    return "TRUE", text


def _number_form(text: str, sign: str) -> str:
    return f"regexp_full_match({text}, '[+-]?([0-9]+([{sign}][0-9]*)?|[{sign}][0-9]+)([eE][+-]?[0-9]+)?')"


def _code_index(field: Field, index: int, value: str, enum: str) -> str:
    """Look a value up among the codes: its place in the list, NULL where it is none of them."""
    place = f"enum_code(try_cast(CAST({value} AS VARCHAR) AS {enum}))"
    if field.type is FieldType.BOOLEAN:
        # The words of false come first; the codes of a boolean are (false, true).
        return f"CASE WHEN {place} < {len(field.false_values)} THEN 0 WHEN {place} IS NOT NULL THEN 1 END"
    if field.range is None:
        return place
    inside = f"{value} BETWEEN $lo{index} AND $hi{index}"
    return f"CASE WHEN {inside} THEN {place} END"


def _words(field: Field) -> Iterator[str]:
    if field.type is FieldType.BOOLEAN:
        yield from field.false_values
        yield from field.true_values
        return
    for code in field.codes:
        yield str(int(code)) if field.type is FieldType.INTEGER else code_text(code)


def _verdict(field: Field, index: int) -> str:
    missing = _NUMBER_OF[Reason.REQUIRED] if field.required else MISSING
    outside = _NUMBER_OF[_outside_reason(field)]
    if field.outside is Outside.MISSING:
        outside = _NUMBER_OF[Reason.REQUIRED] if field.required else OUTSIDE
    return (
        f"CASE WHEN m{index} THEN {missing} WHEN NOT g{index} THEN {_form_verdict(field, index)}"
        f" WHEN {_is_outside(field, index)} THEN {outside} ELSE {FINE} END"
    )


def _form_verdict(field: Field, index: int) -> str:
    if field.type is FieldType.INTEGER:
        return str(_NUMBER_OF[Reason.NOT_AN_INTEGER])
    other = _number_form(f"f{index}", "." if field.decimal_char == "," else ",")
    numbers = _NUMBER_OF[Reason.DECIMAL_SIGN], _NUMBER_OF[Reason.NOT_A_NUMBER]
    return f"(CASE WHEN {other} THEN {numbers[0]} ELSE {numbers[1]} END)"


def _is_outside(field: Field, index: int) -> str:
    if field.codes:
        return f"v{index} IS NULL"
    if field.range is not None:
        # NULL here: digits beyond what the cast can hold, so beyond every range.
        return f"coalesce(v{index} NOT BETWEEN $lo{index} AND $hi{index}, TRUE)"
    return "FALSE"


def _outside_reason(field: Field) -> Reason:
    if field.type is FieldType.BOOLEAN:
        return Reason.NOT_A_BOOLEAN
    return Reason.UNKNOWN_CODE if field.codes else Reason.OUTSIDE_RANGE


def _stored(field: Field, index: int) -> str:
    value = f"v{index}" if field.codes or field.range is not None else f"f{index}"
    kind = "USMALLINT" if field.codes else "DOUBLE" if field.range is not None else "VARCHAR"
    return f"CASE WHEN e{index} = {FINE} THEN CAST({value} AS {kind}) END"


def _bound(field: Field, bound: Decimal) -> Parameter:
    """Give a bound as the type that is compared with it. A whole number's bounds are made whole."""
    if field.type is not FieldType.INTEGER:
        return float(bound)
    return float(bound) if bound != bound.to_integral_value() else int(bound)


_SENTENCES = {
    Reason.KEY_MISSING: "the patient key is missing",
    Reason.KEY_REPEATED: "the patient key stands on more than one row",
    Reason.KEY_COLLISION: "the patient key cannot be told from another one after hashing",
    Reason.UNKNOWN_PATIENT: "the patient key is not in the patient table",
    Reason.PRIMARY_KEY_MISSING: "a part of the primary key is missing",
    Reason.PRIMARY_KEY_REPEATED: "the primary key stands on more than one row",
}


def _field_sentence(reason: Reason, field: Field) -> str:
    match reason:
        case Reason.REQUIRED:
            return "a required value is missing"
        case Reason.NOT_A_NUMBER:
            return f"the value is not a number written with the decimal sign {field.decimal_char!r}"
        case Reason.DECIMAL_SIGN:
            return (
                f"the value is not written with the declared decimal sign {field.decimal_char!r};"
                " declare decimalChar as the file has it"
            )
        case Reason.NOT_AN_INTEGER:
            return (
                "the value is not a whole number in digits;"
                " where numbers are written like 1.0, declare type number"
            )
        case Reason.NOT_A_BOOLEAN:
            return "the value is none of the declared trueValues and falseValues"
        case Reason.UNKNOWN_CODE:
            return f"the value is none of the {len(field.codes)} declared codes"
        case Reason.OUTSIDE_RANGE if field.range is not None:
            return f"the value is outside {field.range.minimum} to {field.range.maximum}"
        case _:
            return _SENTENCES[reason]


def cannot_tell_codes_apart(field: Field) -> bool:
    """Whether two codes of a number are one value in the arithmetic that compares them."""
    return field.type in NUMERIC and len(
        {float(code) for code in field.codes if isinstance(code, Decimal)}
    ) < len(field.codes)
