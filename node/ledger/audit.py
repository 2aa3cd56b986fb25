"""The audit: recounts everything from the events, and says what does not fit. spec/ledger.md 5.

It trusts the events only as far as their hashes agree with the tree, takes each charge's loss again
from its noise, rebuilds every index, and compares. It reads one moment of the file, once, in order,
and changes nothing. Of each event it keeps one byte, and each query id.
"""

import sqlite3
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from node.errors import LedgerError
from node.ledger.charge_check import Row
from node.ledger.recount import Recount
from node.ledger.schema import connect
from node.ledger.tree_check import TreeCheck
from privacy.loss import Loss

Progress: TypeAlias = Callable[[int, int], None]
"""Told how many events have been read, of how many."""

_STEP = 2_048
MOST_FAULTS = 1_000
"""So many faults are named; a file that has more is not read with care by anybody."""

_EVERYTHING = """
SELECT event.seq, leaf, nodes, key, snapshot, family, question, mode, state, release
FROM event LEFT JOIN charge USING (seq) ORDER BY event.seq
"""


@dataclass(slots=True, kw_only=True)
class Findings:
    """What the audit counted, and what does not fit.

    `spent` and `questions` are by scope and name; `noise` counts the releases and open charges by their
    noise multiplier; `charged` is the loss of all charges, `recounted` what their noise costs.
    """

    size: int
    root: str
    counts: Counter[str]
    spent: dict[tuple[str, str], Loss]
    questions: dict[tuple[str, str], int]
    charged: Loss
    recounted: Loss
    noise: Counter[float]
    faults: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether everything fits."""
        return not self.faults

    def to_json(self) -> dict[str, Any]:
        """Give the `skerry.audit/1` object, as far as the ledger alone can tell."""
        return {
            "format": "skerry.audit/1",
            "is_clean": self.is_clean,
            "events": dict(self.counts),
            "size": self.size,
            "root": self.root,
            "spent": [
                {"scope": scope, "name": name, "rho": str(loss), "questions": self.questions[scope, name]}
                for (scope, name), loss in self.spent.items()
            ],
            "charged_rho": str(self.charged),
            "recounted_rho": str(self.recounted),
            "faults": self.faults,
        }


def _silent(done: int, total: int) -> None:
    """Tell nobody."""


def audit(path: Path, progress: Progress = _silent) -> Findings:
    """Audit a ledger file. Raises LedgerError only when it is not there or cannot be read."""
    if not path.exists():
        # Opening would make an empty one, in which everything fits.
        raise LedgerError(f"there is no ledger at {path}")
    db = connect(path)
    try:
        # One read transaction: a running node may go on charging, and this sees one moment.
        db.execute("BEGIN")
        return _audited(db, progress)
    except sqlite3.Error as error:
        raise LedgerError(f"the ledger cannot be read ({error})") from None
    finally:
        db.close()


def _audited(db: sqlite3.Connection, progress: Progress) -> Findings:
    faults = _damage(db)
    tree, recount = TreeCheck(), Recount(db)
    total = db.execute("SELECT count(*) FROM event").fetchone()[0]
    for expected, (seq, leaf, nodes, *row) in enumerate(db.execute(_EVERYTHING)):
        if seq != expected:
            faults.append(f"event {expected} is missing")
            break
        tree.take(leaf, nodes)
        recount.take(seq, leaf, Row(*row))
        if seq % _STEP == 0:
            progress(seq, total)
    progress(total, total)
    faults += _cut_off(db, tree.size)
    faults += [*tree.faults(), *recount.faults()]
    more = [f"and {len(faults) - MOST_FAULTS} more"] if len(faults) > MOST_FAULTS else []
    return Findings(
        size=tree.size,
        root=tree.root.hex(),
        counts=recount.counts,
        spent={scope: one.loss for scope, one in recount.spent.items() if scope[0] != "day"},
        questions={scope: one.questions for scope, one in recount.spent.items() if scope[0] != "day"},
        charged=recount.charged,
        recounted=recount.recounted,
        noise=recount.noise,
        faults=faults[:MOST_FAULTS] + more,
    )


def _cut_off(db: sqlite3.Connection, size: int) -> list[str]:
    heads = [one for (one,) in db.execute("SELECT size FROM head")]
    return [] if heads == [size] else [f"{size} events are there, and {heads} were written"]


def _damage(db: sqlite3.Connection) -> list[str]:
    verdict = db.execute("PRAGMA integrity_check").fetchone()[0]
    return [] if verdict == "ok" else [f"the file is damaged ({verdict})"]
