"""One charge: its event, its row of the index and its stored release, held against each other. Pure.

Everything follows from the event and the question's bytes: those bytes from their hash, the key from
question, dictionary, snapshot and template, the family, the mode and the loss from the question. A
stored release must be the answer that was charged, by the noise that was charged.
"""

from dataclasses import dataclass
from typing import Any

from node.ledger import events
from node.ledger.families import family_name
from privacy.events import GaussianEvent
from protocols.codec.answers import decode_release
from protocols.codec.queries import decode_query, digest_of_encoded
from protocols.errors import WireError
from protocols.ids import Digest, SnapshotId
from protocols.queries import Mode, Query
from protocols.releases import Release, repeat_key

Noise = tuple[GaussianEvent, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """What the index says of one charge; all None where it has no such charge."""

    key: bytes | None
    snapshot: bytes | None
    family: bytes | None
    question: bytes | None
    mode: str | None
    state: str | None
    release: bytes | None


def held_against_charge(event: dict[str, Any], row: Row) -> tuple[Noise, list[str]]:
    """Give the noise that was drawn, as far as is known, and what does not fit.

    It is the release's where there is one, and else the charge's. Raises LedgerError, ProtocolError,
    KeyError or ValueError when the event is none.
    """
    charged = events.noise_of(event)
    if row.question is None:
        return charged, ["is in the events and not in the index"]
    try:
        query = decode_query(row.question)
    except WireError:
        return charged, ["its question cannot be read"]
    faults = [*_unlike_row(event, row, row.question, query), *_unlike_question(event, query, charged)]
    if row.release is None:
        return charged, faults
    try:
        release = decode_release(row.release)
    except WireError:
        return charged, [*faults, "the stored release cannot be read"]
    drawn = tuple(block.event for block in release.blocks)
    return drawn, faults + _unlike_release(event, release, is_other_noise=drawn != charged)


def _unlike_row(event: dict[str, Any], row: Row, question: bytes, query: Query) -> list[str]:
    wanted = {
        "key": (row.key, bytes.fromhex(event["key"])),
        "snapshot": (row.snapshot, bytes.fromhex(event["snapshot"])),
        "question": (digest_of_encoded(question).octets, bytes.fromhex(event["question"])),
        "family": (row.family, family_name(query).octets),
        "mode": (row.mode, event["mode"]),
    }
    return [
        f"its {name} in the index is not what the events say"
        for name, (stored, said) in wanted.items()
        if stored != said
    ]


def _unlike_question(event: dict[str, Any], query: Query, noise: tuple[GaussianEvent, ...]) -> list[str]:
    """Say what of a charge does not follow from its question."""
    key = repeat_key(
        Digest.parse(event["question"]),
        Digest.parse(event["dictionary"]),
        SnapshotId.parse(event["snapshot"]),
        int(event["template"]),
    )
    release = query.release
    checks = {
        "its key is not that of its question": str(key) != event["key"],
        "its loss is not that of its question": str(release.loss.nano_rho) != event["nano_rho"],
        "its mode is not that of its question": release.mode.value != event["mode"],
        "it names no noise": release.mode is Mode.DP and not noise,
    }
    return [what for what, is_so in checks.items() if is_so]


def _unlike_release(event: dict[str, Any], release: Release, *, is_other_noise: bool) -> list[str]:
    is_table = release.table is not None
    checks = {
        "question": str(release.question) != event["question"],
        "dictionary": str(release.dictionary) != event["dictionary"],
        "snapshot": str(release.snapshot) != event["snapshot"],
        "loss": str(release.loss.nano_rho) != event["nano_rho"],
        "template": str(release.template_version) != event["template"],
        "mode": is_table != (event["mode"] == Mode.SUPPRESSED.value),
        "noise": is_other_noise,
    }
    return [
        f"the {name} of the release is not that of the charge"
        for name, is_other in checks.items()
        if is_other
    ]
