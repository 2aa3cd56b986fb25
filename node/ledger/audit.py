"""The audit: recounts everything from the events, and says what does not fit. spec/ledger.md 5.

It trusts the events only as far as their hashes agree with the tree, takes each charge's loss again
from its noise, rebuilds every index, and compares. It changes nothing.
"""

import sqlite3
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from node.errors import LedgerError
from node.ledger import events
from node.ledger.schema import connect
from privacy.accountant import loss_rounded_up
from privacy.loss import ZERO, Loss
from protocols import transparency
from protocols.canonical import sha256


@dataclass(slots=True, kw_only=True)
class Findings:
    """What the audit counted, and what does not fit."""

    size: int = 0
    root: str = ""
    counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    spent: dict[tuple[str, str], Loss] = field(default_factory=dict)
    recounted: Loss = ZERO
    faults: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether everything fits."""
        return not self.faults

    def to_json(self) -> dict[str, Any]:
        """Give the `skerry.audit/1` object."""
        return {
            "format": "skerry.audit/1",
            "is_clean": self.is_clean,
            "events": dict(self.counts),
            "size": self.size,
            "root": self.root,
            "spent": [
                {"scope": scope, "name": name, "rho": str(loss)} for (scope, name), loss in self.spent.items()
            ],
            "recounted_rho": str(self.recounted),
            "faults": self.faults,
        }


@dataclass(slots=True, kw_only=True)
class _Rebuilt:
    """The indexes as the events imply them."""

    keys: dict[int, bytes] = field(default_factory=dict)
    charged: dict[bytes, int] = field(default_factory=dict)
    states: dict[int, str] = field(default_factory=dict)
    releases: dict[int, str] = field(default_factory=dict)
    asked: dict[bytes, tuple[bytes, int]] = field(default_factory=dict)


def audit(path: Path) -> Findings:
    """Audit a ledger file. Raises LedgerError only when it is not there or cannot be read."""
    if not path.exists():
        # Opening would make an empty one, in which everything fits.
        raise LedgerError(f"there is no ledger at {path}")
    db = connect(path)
    findings, rebuilt = Findings(), _Rebuilt()
    try:
        # One read transaction: a running node may go on charging, and this sees one moment.
        db.execute("BEGIN")
        _check_integrity(db, findings)
        leaves = _read_events(db, findings, rebuilt)
        _check_tree(db, leaves, findings)
        _check_spent(db, findings)
        _check_charges(db, rebuilt, findings)
        _check_asked(db, rebuilt, findings)
    except sqlite3.Error as error:
        raise LedgerError(f"the ledger cannot be read ({error})") from None
    finally:
        db.close()
    return findings


def _check_integrity(db: sqlite3.Connection, findings: Findings) -> None:
    verdict = db.execute("PRAGMA integrity_check").fetchone()[0]
    if verdict != "ok":
        findings.faults.append(f"the file is damaged ({verdict})")


def _read_events(db: sqlite3.Connection, findings: Findings, rebuilt: _Rebuilt) -> list[bytes]:
    leaves = []
    for expected, (seq, leaf) in enumerate(db.execute("SELECT seq, leaf FROM event ORDER BY seq")):
        if seq != expected:
            findings.faults.append(f"event {expected} is missing")
            break
        leaves.append(transparency.leaf_hash(leaf))
        try:
            _take(seq, events.read_leaf(leaf), findings, rebuilt)
        except (LedgerError, KeyError, ValueError, TypeError):
            findings.faults.append(f"event {seq} cannot be read")
    findings.size = len(leaves)
    return leaves


def _take(seq: int, event: dict[str, str], findings: Findings, rebuilt: _Rebuilt) -> None:
    kind = event["kind"]
    findings.counts[kind] += 1
    match kind:
        case "charged":
            _take_charge(seq, event, findings, rebuilt)
        case "released" | "failed":
            charge = int(event["charge"])
            if rebuilt.states.get(charge) != "charged":
                findings.faults.append(f"event {seq}: {kind} without an open charge")
                return
            rebuilt.states[charge] = kind
            if kind == "released":
                rebuilt.releases[charge] = event["release"]
        case "repeated":
            charge = int(event["charge"])
            if charge not in rebuilt.states:
                findings.faults.append(f"event {seq}: repeats a charge that is not there")
            _take_query(seq, event, charge, findings, rebuilt)
        case "refused":
            pass
        case _:
            findings.faults.append(f"event {seq}: unknown kind {kind!r}")


def _take_charge(seq: int, event: dict[str, str], findings: Findings, rebuilt: _Rebuilt) -> None:
    charged = Loss(int(event["nano_rho"]))
    recounted = loss_rounded_up(events.noise_of(event))
    findings.recounted += recounted
    if recounted > charged:
        findings.faults.append(f"event {seq}: its noise costs rho {recounted}, and rho {charged} was charged")
    analyst = f"{event['study']}/{event['analyst']}"
    for scope in (("registry", event["registry"]), ("study", event["study"]), ("analyst", analyst)):
        findings.spent[scope] = findings.spent.get(scope, ZERO) + charged
    _take_query(seq, event, seq, findings, rebuilt)
    key = bytes.fromhex(event["key"])
    earlier = rebuilt.charged.get(key)
    if earlier is not None and rebuilt.states[earlier] != "failed":
        # Two releases of one answer would be two draws of noise for it.
        findings.faults.append(f"event {seq}: charges again for the answer of event {earlier}")
    rebuilt.charged[key] = seq
    rebuilt.keys[seq] = key
    rebuilt.states[seq] = "charged"


def _take_query(seq: int, event: dict[str, str], charge: int, findings: Findings, rebuilt: _Rebuilt) -> None:
    query = bytes.fromhex(event["query"])
    if query in rebuilt.asked:
        findings.faults.append(f"event {seq}: takes a query id a second time")
    rebuilt.asked[query] = (bytes.fromhex(event["content"]), charge)


def _check_tree(db: sqlite3.Connection, leaves: list[bytes], findings: Findings) -> None:
    root, fetch = transparency.tree_of(leaves)
    findings.root = root.hex()
    nodes = {(level, index): value for level, index, value in db.execute("SELECT level, idx, hash FROM node")}
    wrong = 0
    for (level, index), value in nodes.items():
        # Not by shifting left: a level that somebody edited may be negative, or any size.
        is_inside = 0 <= level < len(leaves).bit_length() and 0 <= index < len(leaves) >> level
        wrong += not is_inside or fetch(level, index) != value
    missing = sum(len(leaves) >> level for level in range(len(leaves).bit_length())) - len(nodes)
    if wrong or missing:
        findings.faults.append(
            f"the tree does not belong to the events ({wrong} wrong, {missing} missing nodes)"
        )


def _check_spent(db: sqlite3.Connection, findings: Findings) -> None:
    stored = {}
    for scope, name, nano_rho in db.execute("SELECT scope, name, nano_rho FROM spent"):
        try:
            stored[scope, name] = Loss(int(nano_rho))
        except ValueError:
            findings.faults.append(f"{scope} {name!r}: what is noted as spent cannot be read")
    for scope in sorted(stored.keys() | findings.spent.keys()):
        there, counted = stored.get(scope, ZERO), findings.spent.get(scope, ZERO)
        if there != counted:
            findings.faults.append(
                f"{scope[0]} {scope[1]!r}: rho {there} is noted as spent, the events say {counted}"
            )


def _check_charges(db: sqlite3.Connection, rebuilt: _Rebuilt, findings: Findings) -> None:
    seen = set()
    for seq, key, state, release in db.execute("SELECT seq, key, state, release FROM charge"):
        seen.add(seq)
        if rebuilt.keys.get(seq) != key or rebuilt.states.get(seq) != state:
            findings.faults.append(f"charge {seq}: its state {state!r} is not what the events say")
        digest = None if release is None else str(sha256("skerry/1 release", release))
        if digest != rebuilt.releases.get(seq):
            findings.faults.append(f"charge {seq}: the stored release is not the one that was recorded")
    for seq in sorted(rebuilt.keys.keys() - seen):
        findings.faults.append(f"charge {seq}: is in the events and not in the index")


def _check_asked(db: sqlite3.Connection, rebuilt: _Rebuilt, findings: Findings) -> None:
    stored = {
        query: (content, seq)
        for query, content, seq in db.execute("SELECT query, content, charge FROM asked")
    }
    if stored != rebuilt.asked:
        findings.faults.append("the index of query ids is not what the events say")
