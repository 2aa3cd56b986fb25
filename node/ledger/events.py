"""The ledger's events as canonical bytes: the leaves of the log. spec/ledger.md 3.

An event holds what an auditor must recount: who asked what in which study, what it cost and by which
noise. It holds no result and nothing of a patient, so the whole log could be shown to anybody.
Integers are texts, because readers of JSON lose digits; a sigma is written exactly, as a hexadecimal
float.
"""

import json
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from node.errors import LedgerError
from node.ledger.families import finer_names
from privacy.errors import PrivacyError
from privacy.events import GaussianEvent
from privacy.loss import Loss
from protocols.codec.queries import digest_of_encoded, encode_query
from protocols.ids import AnalystId, Digest, QueryId, SnapshotId, StudyId
from protocols.layout import TEMPLATE_VERSION
from protocols.queries import Mode, Query
from protocols.releases import repeat_key

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True)


@dataclass(frozen=True, kw_only=True)
class Spend:
    """All that a charge says about itself. `institution` is the analyst's, as the roster writes it."""

    registry: str
    study: StudyId
    analyst: AnalystId
    institution: str
    query_id: QueryId
    content: Digest
    query: Query
    dictionary: Digest
    snapshot: SnapshotId
    noise: tuple[GaussianEvent, ...]

    def __post_init__(self) -> None:
        # Named here, once: not while others wait for the ledger's lock.
        _ = self.key, self.families, self.account

    @property
    def loss(self) -> Loss:
        """What it costs."""
        return self.query.release.loss

    @property
    def mode(self) -> Mode:
        """What kind of guarantee it asks for."""
        return self.query.release.mode

    @property
    def questions(self) -> int:
        """How many questions of mode `suppressed` this is."""
        return int(self.mode is Mode.SUPPRESSED)

    @cached_property
    def account(self) -> str:
        """The institution's name under which its analysts' losses add up."""
        return account_of(self.institution)

    @cached_property
    def encoded(self) -> bytes:
        """The question's bytes."""
        return encode_query(self.query)

    @cached_property
    def question(self) -> Digest:
        """The name of the question."""
        return digest_of_encoded(self.encoded)

    @cached_property
    def families(self) -> tuple[Digest, ...]:
        """The names under which a paid question may be filed that contains this one; its own first."""
        return finer_names(self.query)

    @cached_property
    def key(self) -> Digest:
        """The name of the answer."""
        return repeat_key(self.question, self.dictionary, self.snapshot, TEMPLATE_VERSION)


def account_of(institution: str) -> str:
    """Give an institution's name without what readers overlook: case, width, composition, double spaces.

    Two accounts of one institution would be two caps, so names that look alike are one.
    """
    folded = unicodedata.normalize("NFKC", institution).casefold()
    return " ".join(unicodedata.normalize("NFKC", folded).split())


def charged_leaf(spend: Spend, total: Loss, questions: int, at: datetime) -> bytes:
    """Write the event of a charge. `total` and `questions` are the registry's, with this charge."""
    return _leaf(
        "charged",
        at,
        registry=spend.registry,
        study=spend.study.text,
        analyst=spend.analyst.text,
        institution=spend.account,
        query=str(spend.query_id),
        content=str(spend.content),
        key=str(spend.key),
        question=str(spend.question),
        dictionary=str(spend.dictionary),
        template=str(TEMPLATE_VERSION),
        snapshot=str(spend.snapshot),
        mode=spend.mode.value,
        nano_rho=str(spend.loss.nano_rho),
        total_nano_rho=str(total.nano_rho),
        total_questions=str(questions),
        noise=[{"l2_squared": str(one.l2_squared), "sigma": one.sigma.hex()} for one in spend.noise],
    )


def released_leaf(charge: int, release: Digest, at: datetime) -> bytes:
    """Write the event of a release, by its digest."""
    return _leaf("released", at, charge=str(charge), release=str(release))


def ended_leaf(kind: str, charge: int, at: datetime) -> bytes:
    """Write the event of a charge that ended without a release: it `failed`, or was `withheld`."""
    return _leaf(kind, at, charge=str(charge))


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


def policy_leaf(policy: str, signers: Iterable[str], at: datetime) -> bytes:
    """Write the event of a policy that comes into force: the SHA-256 of its file, and who signed it."""
    return _leaf("policy", at, policy=policy, signers=sorted(signers))


def _leaf(kind: str, at: datetime, **fields: Any) -> bytes:  # noqa: ANN401 -- texts and lists of texts
    tree = {"kind": kind, "at": at.isoformat(timespec="milliseconds"), **fields}
    return _ENCODER.encode(tree).encode()


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
