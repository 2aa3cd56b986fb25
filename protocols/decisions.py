"""An officer's decision on a study, signed, so that it can be sent back. spec/study.md 6.

It names the study by the hash of its body: what was decided of one text says nothing of another.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocols.documents import nearest, shown
from protocols.errors import SignatureError, WireError
from protocols.ids import CentreId, Digest, OfficerId, StudyId
from protocols.roster import Roster, when
from protocols.signed_text import Fields, SignedText, quoted, read_toml

KIND = "decision"
MAX_REASON = 500


class Verdict(Enum):
    """What an officer decided."""

    APPROVED = "approved"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One officer's word on one body of a study; `reason` may be empty where it was approved."""

    study: StudyId
    body: Digest
    centre: CentreId
    officer: OfficerId
    verdict: Verdict
    reason: str
    at: datetime


def is_reason(reason: str, verdict: Verdict) -> bool:
    """Whether a text can be the reason: one line, and no empty one where the study was rejected."""
    is_there = bool(reason.strip()) or (verdict is Verdict.APPROVED and not reason)
    return is_there and reason.isprintable() and len(reason) <= MAX_REASON


def decision_text(decision: Decision, key: Ed25519PrivateKey) -> bytes:
    """Write a decision, and sign it with its officer's key."""
    pairs = {
        "format": "skerry.decision/1",
        "study": decision.study.text,
        "body": str(decision.body),
        "centre": decision.centre.text,
        "officer": decision.officer.text,
        "decision": decision.verdict.value,
        "reason": decision.reason,
    }
    body = "".join(f"{name} = {quoted(value)}\n" for name, value in pairs.items())
    body += f"at = {decision.at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}\n"
    text = SignedText(body=body.encode(), signatures=())
    return text.signed_by(decision.officer.text, key, KIND).to_bytes()


def open_decision(octets: bytes, roster: Roster) -> Decision:
    """Verify a decision against the roster, and read it. Raises SignatureError or TextError.

    It counts only if the officer whom it names signed it, and for no other centre than that officer's.
    """
    text = SignedText.parse(octets)
    signers = text.signers({one.id.text: one.keys.signing for one in roster.officers.values()}, KIND)
    if not signers:
        raise SignatureError("the decision bears no right signature of an officer of the roster")
    decision = _decision(Fields(read_toml(text.body, KIND), KIND))
    if decision.officer.text not in signers:
        raise SignatureError(f"the decision bears no right signature of {str(decision.officer)!r}")
    if roster.officers[decision.officer].centre != decision.centre:
        raise SignatureError(
            f"{str(decision.officer)!r} is no officer of the centre {str(decision.centre)!r}, and cannot"
            " decide for it"
        )
    return decision


def _decision(fields: Fields) -> Decision:
    fields.take("format", str)
    word, words = fields.take("decision", str), [one.value for one in Verdict]
    if word not in words:
        raise fields.wrong(f"'decision' does not know {shown(word)}", nearest(word, words))
    try:
        decision = Decision(
            study=StudyId(fields.take("study", str)),
            body=Digest.parse(fields.take("body", str)),
            centre=CentreId(fields.take("centre", str)),
            officer=OfficerId(fields.take("officer", str)),
            verdict=Verdict(word),
            reason=fields.take("reason", str),
            at=when(fields, "at"),
        )
    except WireError as error:
        raise fields.wrong(str(error)) from None
    fields.done()
    if not is_reason(decision.reason, decision.verdict):
        raise fields.wrong(f"'reason' is a line of 1 to {MAX_REASON} characters; empty only for an approval")
    return decision


def latest(decisions: Iterable[Decision], body: Digest) -> dict[CentreId, Decision]:
    """Give each centre's last word on one body; of two at one moment, the rejection."""
    words: dict[CentreId, Decision] = {}
    order = sorted(
        (one for one in decisions if one.body == body),
        key=lambda one: (one.at, one.verdict is Verdict.REJECTED),
    )
    for one in order:
        words[one.centre] = one
    return words
