"""What kills must never do: a ledger is held against the releases that were seen outside."""

import hashlib
import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from node.ledger.audit import audit
from privacy.loss import ZERO, Loss

Seen = tuple[str, str]
"""A release that somebody outside got: the query id, and the SHA-256 of its bytes, both hexadecimal."""


def digest(release: bytes) -> str:
    """The digest of a release's bytes."""
    return hashlib.sha256(release).hexdigest()


def _recorded(path: Path) -> dict[str, tuple[str, str]]:
    """State and release digest of the charge behind each query id."""
    db = sqlite3.connect(path)
    try:
        rows = db.execute("SELECT query, state, release FROM asked JOIN charge ON charge = seq").fetchall()
        return {query.hex(): (state, digest(release or b"")) for query, state, release in rows}
    finally:
        db.close()


def verdict(path: Path, seen: Iterable[Seen]) -> dict[str, object]:
    """Count charges and releases, and what must be zero: uncharged, doubled, wrong sums, faults.

    A release is charged when its query id leads to a charge in the ledger that holds these bytes.
    """
    seen = set(seen)
    findings, recorded = audit(path), _recorded(path)
    by_query: defaultdict[str, set[str]] = defaultdict(set)
    for query, release in seen:
        by_query[query].add(release)
    registry = [loss for (scope, _), loss in findings.spent.items() if scope == "registry"]
    db = sqlite3.connect(path)
    noted = db.execute("SELECT nano_rho FROM spent WHERE scope = 'registry'").fetchall()
    db.close()
    total = sum(registry, start=ZERO)
    return {
        "charges": findings.counts["charged"],
        "recorded": findings.counts["released"],
        "releases": len(seen),
        "uncharged": sum(recorded.get(query) != ("released", release) for query, release in seen),
        "doubled": sum(len(releases) > 1 for releases in by_query.values()),
        "unspent": abs(total.nano_rho - sum(Loss(int(one[0])).nano_rho for one in noted)),
        "faults": findings.faults,
    }


def is_clean(figures: dict[str, object]) -> bool:
    """Whether everything that must be zero is."""
    return not any(figures[name] for name in ("uncharged", "doubled", "unspent", "faults"))
