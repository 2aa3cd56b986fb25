"""The ledger's events as canonical bytes: the leaves of the log. spec/ledger.md 3.

An event holds what an auditor must recount: who asked what in which study, what it cost and by which
noise. It holds no result and nothing of a patient, so the whole log could be shown to anybody.
Integers are texts, because readers of JSON lose digits; a sigma is written exactly, as a hexadecimal
float.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from node.errors import LedgerError
from privacy.errors import PrivacyError
from privacy.events import GaussianEvent
from privacy.loss import Loss
from protocols.ids import AnalystId, Digest, QueryId, SnapshotId, StudyId


@dataclass(frozen=True, slots=True, kw_only=True)
class Spend:
    """All that a charge says about itself."""

    registry: str
    study: StudyId
    analyst: AnalystId
    query_id: QueryId
    content: Digest
    key: Digest
    snapshot: SnapshotId
    loss: Loss
    noise: tuple[GaussianEvent, ...]


def charged_leaf(spend: Spend, at: datetime) -> bytes:
    """Write the event of a charge."""
    return _leaf(
        "charged",
        at,
        registry=spend.registry,
        study=spend.study.text,
        analyst=spend.analyst.text,
        query=str(spend.query_id),
        content=str(spend.content),
        key=str(spend.key),
        snapshot=str(spend.snapshot),
        nano_rho=str(spend.loss.nano_rho),
        noise=[{"l2_squared": str(one.l2_squared), "sigma": one.sigma.hex()} for one in spend.noise],
    )


def released_leaf(charge: int, release: Digest, at: datetime) -> bytes:
    """Write the event of a release, by its digest."""
    return _leaf("released", at, charge=str(charge), release=str(release))


def failed_leaf(charge: int, at: datetime) -> bytes:
    """Write the event of an answer that failed after its charge."""
    return _leaf("failed", at, charge=str(charge))


def repeated_leaf(spend: Spend, charge: int, at: datetime) -> bytes:
    """Write the event of a question that an earlier charge answers."""
    return _leaf(
        "repeated",
        at,
        study=spend.study.text,
        analyst=spend.analyst.text,
        query=str(spend.query_id),
        content=str(spend.content),
        charge=str(charge),
    )


def refused_leaf(analyst: AnalystId, study: StudyId, query_id: QueryId, code: str, at: datetime) -> bytes:
    """Write the event of a refusal to a known analyst."""
    return _leaf("refused", at, analyst=analyst.text, study=study.text, query=str(query_id), code=code)


def _leaf(kind: str, at: datetime, **fields: Any) -> bytes:  # noqa: ANN401 -- texts and lists of texts
    tree = {"kind": kind, "at": at.isoformat(timespec="milliseconds"), **fields}
    return json.dumps(tree, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def read_leaf(leaf: bytes) -> dict[str, Any]:
    """Read an event. Raises LedgerError when it is not one."""
    try:
        tree = json.loads(leaf)
    except (ValueError, RecursionError):
        raise LedgerError("an event is not JSON") from None
    if not isinstance(tree, dict) or not isinstance(tree.get("kind"), str):
        raise LedgerError("an event has no kind")
    return tree


def noise_of(event: dict[str, Any]) -> tuple[GaussianEvent, ...]:
    """Read the mechanism events of a charge. Raises LedgerError."""
    try:
        return tuple(
            GaussianEvent(l2_squared=int(one["l2_squared"]), sigma=float.fromhex(one["sigma"]))
            for one in event["noise"]
        )
    except (KeyError, TypeError, ValueError, OverflowError, PrivacyError):
        raise LedgerError("a charge's noise cannot be read") from None
