"""Mode `suppressed` at the node: count, suppress, guard, remember. spec/suppressed.md.

All of it comes after the charge, and has one outcome beside the table: withheld. What is shown is
remembered first, so that nothing leaves that the guard will not know of.
"""

import numpy as np

from node.cohorts import Cohorts, Remembered
from node.engines.duckdb_engine import DuckDBEngine
from node.errors import CohortsError
from node.ledger.charge import Charge
from node.plan import Plan
from node.snapshots import Snapshot
from privacy.disclosure import Rule
from privacy.overlap import Shown, is_withheld
from privacy.suppression import suppressed
from protocols.refusals import Refusal, RefusalCode
from protocols.releases import SuppressedTable


class Tables:
    """Makes suppressed tables, and keeps the memory of those that were shown."""

    def __init__(self, engine: DuckDBEngine, cohorts: Cohorts) -> None:
        self._engine = engine
        self._cohorts = cohorts

    def refusal(self, plan: Plan, snapshot: Snapshot, released: frozenset[int]) -> Refusal | None:
        """Refuse, before the charge, where the guard could not work; by the ledger and the dictionary.

        `released` are the charges whose tables the ledger has released.
        """
        try:
            # All of it, and not only the charges: what was edited must be found before it is paid for.
            remembered = {one.charge: one.snapshot for one in self._cohorts.all()}
        except CohortsError:
            return Refusal(code=RefusalCode.UNAVAILABLE)
        if not released <= remembered.keys():
            return Refusal(code=RefusalCode.UNAVAILABLE)
        has_key = plan.dictionary.table(plan.dictionary.patient_table).key is not None
        if not has_key and not set(remembered.values()) <= {snapshot.id}:
            # Rows have no names by which the guard would know a patient again.
            what = "patients have no key here, so mode suppressed answers from one snapshot only"
            return Refusal(code=RefusalCode.OUTSIDE_POLICY, detail=what)
        return None

    def shown(
        self, plan: Plan, snapshot: Snapshot, charge: Charge, rule: Rule | None
    ) -> SuppressedTable | None:
        """Give the table as it may be shown under a rule; None when it must be withheld.

        Raises EngineError and CohortsError, without a reason.
        """
        if rule is None:
            raise RuntimeError("mode suppressed is off")
        members = self._engine.membership(plan, snapshot, charge)
        dims = plan.layout.dims
        counts = np.bincount(members.cells, minlength=int(np.prod(dims))).astype(np.int64)
        published = suppressed(counts.reshape(dims), rule).ravel()
        table = Shown(members=members, dims=dims, published=published, rule=rule)
        # Its own charge may stand in the memory, when the node was killed before it recorded.
        earlier = [one.table for one in self._cohorts.all() if one.charge != charge.seq]
        if is_withheld(table, earlier):
            return None
        self._cohorts.remember(Remembered(charge=charge.seq, snapshot=snapshot.id, table=table))
        return SuppressedTable(rule=rule, cells=published)
