"""Writes a draft as the YAML that a person corrects: comments say what to do, marks say what is not done.

Every text is written so that any reader of YAML takes it for text. The result is a valid dictionary.
"""

import json
import re
from collections.abc import Iterator
from decimal import Decimal

from node.drafting.draft import Draft
from node.drafting.proposals import Proposal
from protocols.canonical import decimal_text
from protocols.dictionary import Code, Drafted, FieldType, Role

_HEAD = """\
# A draft that skerry-node made of one file. No person has confirmed it, and no node uses it as it is.
#
# What stands under `drafted` was read from patients. Such a bound protects nobody: it says something of
# the patients it came from, and it moves when one of them leaves. For each mark:
#   range             write the least and the greatest value that the measurement can have,
#   codes             write every code that can occur, whether a patient has it or not,
#   key               make sure that the field numbers patients, not visits or samples,
#   rows_per_patient  write how many rows of one patient the analysis may use,
# and then take the word out of `drafted`. Values that few rows have are not quoted here: where a code list
# is missing for that reason, write it. skerry-node dictionary check FILE lists what is left to confirm.
#
# Roles: key and identifier are never asked about, and identifiers are not stored; local fields are stored
# and never asked about; a field with a range or a code list may be asked about.
"""
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_NOT_TEXT = frozenset(["y", "n", "yes", "no", "on", "off", "true", "false", "null"])
"""Words that some readers of YAML take for something else."""


def dictionary_text(draft: Draft) -> str:
    """Write the dictionary."""
    return _HEAD + "\n".join(_lines(draft)) + "\n"


def _lines(draft: Draft) -> Iterator[str]:
    form = draft.form
    yield f"name: {_text(draft.registry)}"
    yield "resources:"
    yield f"  - name: {_text(draft.registry)}"
    yield f"    path: {_text(draft.path)}"
    if form.encoding != "utf-8":
        yield "    # Found by looking: make sure that letters with accents are right."
        yield f"    encoding: {form.encoding}"
    dialect = [f"delimiter: {json.dumps(form.delimiter)}"] if form.delimiter != "," else []
    dialect += [] if form.has_header else ["header: false"]
    if dialect:
        yield f"    dialect: {{{', '.join(dialect)}}}"
    if draft.cap is not None:
        mark = Drafted.CAP.value
        yield f"    skerry: {{rows_per_patient: {draft.cap}, drafted: [{mark}]}}"
    if not any(one.role is Role.KEY for one in draft.proposals):
        yield "    # No column numbers the patients. Mark the one that does with skerry: {role: key}, or"
        yield "    # confirm in the node's settings that each row is a patient (rows_are_patients)."
    yield "    schema:"
    yield f"      missingValues: [{', '.join(_quoted(word) for word in draft.missing_words)}]"
    for one in draft.left_out:
        yield f"      # Column {one.column} of the file is left out: {one.why}."
    yield "      fields:"
    for proposal in draft.proposals:
        yield from _field(proposal)


def _field(proposal: Proposal) -> Iterator[str]:
    yield f"        - name: {_text(proposal.name)}"
    yield f"          # {proposal.why[0].upper()}{proposal.why[1:]}."
    yield f"          type: {proposal.type.value}"
    if proposal.decimal_char != ".":
        yield f'          decimalChar: "{proposal.decimal_char}"'
    if proposal.range is not None:
        low, high = (decimal_text(bound) for bound in proposal.range)
        yield f"          constraints: {{minimum: {low}, maximum: {high}}}"
    elif proposal.codes and proposal.type is not FieldType.BOOLEAN:
        yield f"          constraints: {{enum: [{', '.join(_code(code) for code in proposal.codes)}]}}"
    extension = [] if proposal.role is Role.QUERYABLE else [f"role: {proposal.role.value}"]
    extension += [f"precision: {proposal.precision}"] if proposal.precision else []
    extension += (
        [f"drafted: [{', '.join(one.value for one in proposal.drafted)}]"] if proposal.drafted else []
    )
    yield f"          skerry: {{{', '.join(extension)}}}"


def _code(code: Code) -> str:
    return decimal_text(code) if isinstance(code, Decimal) else _quoted(str(code))


def _text(text: str) -> str:
    return text if _PLAIN.fullmatch(text) and text.casefold() not in _NOT_TEXT else _quoted(text)


def _quoted(text: str) -> str:
    """Quote as JSON does, which YAML reads; what does not print is escaped."""
    return json.dumps(text, ensure_ascii=not text.isprintable())
