"""The embedded engine: runs a plan's statement on a read-only, encrypted snapshot.

`aggregate` cannot be called without a `Charge`. No text of the library leaves this file: it may
quote values.
"""

import threading
from typing import TypeAlias

import duckdb
import numpy as np

from node.engines.templates import Statement, membership_of, statement_of
from node.errors import EngineError, SnapshotError
from node.ledger.charge import Charge
from node.plan import Plan
from node.snapshots import Snapshot, Snapshots
from privacy.opendp_core import Vector
from privacy.overlap import Membership
from protocols.ids import SnapshotId
from protocols.queries import Mode

Column: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.int64]]


class DuckDBEngine:
    """Keeps the current snapshot open; one statement at a time."""

    def __init__(self, snapshots: Snapshots) -> None:
        self._snapshots = snapshots
        self._lock = threading.Lock()
        self._open: tuple[SnapshotId, duckdb.DuckDBPyConnection] | None = None

    def aggregate(self, plan: Plan, snapshot: Snapshot, charge: Charge) -> tuple[Vector, ...]:
        """Sum the patients' bounded contributions: one int64 vector for each block of the layout.

        Raises EngineError, without a reason, when the engine fails.
        """
        columns = self._columns(statement_of(plan), plan, snapshot, charge)
        return _vectors(plan, columns[0], columns[1:])

    def membership(self, plan: Plan, snapshot: Snapshot, charge: Charge) -> Membership:
        """Say which patients are in which cell, for mode `suppressed`; it stays at the node.

        Raises EngineError, without a reason, when the engine fails.
        """
        if plan.query.release.mode is not Mode.SUPPRESSED:
            raise RuntimeError("only mode suppressed looks at who is in a cell")
        patients, cells = self._columns(membership_of(plan), plan, snapshot, charge)
        return Membership(patients=patients.astype(np.int64), cells=cells.astype(np.int64))

    def _columns(self, statement: Statement, plan: Plan, snapshot: Snapshot, charge: Charge) -> list[Column]:
        if not isinstance(charge, Charge) or charge.key != plan.repeat_key(snapshot.id):
            raise RuntimeError("a read needs the charge that was made for it")
        with self._lock:
            try:
                result = self._connection(snapshot).execute(statement.text, statement.parameters).fetchnumpy()
            except (duckdb.Error, SnapshotError):
                # After a fatal error a connection answers nothing any more: the next read opens its own.
                self._forget()
                raise EngineError("the engine failed") from None
        return [np.ma.filled(column, 0) for column in result.values()]

    def let_go(self, current: Snapshot | None) -> None:
        """Close the open snapshot unless it is the current one: what is erased must not stay in memory."""
        with self._lock:
            if self._open is not None and (current is None or self._open[0] != current.id):
                self._forget()

    def close(self) -> None:
        """Close the open snapshot."""
        with self._lock:
            self._forget()

    def _forget(self) -> None:
        if self._open is not None:
            self._open[1].close()
            self._open = None

    def _connection(self, snapshot: Snapshot) -> duckdb.DuckDBPyConnection:
        if self._open is not None and self._open[0] != snapshot.id:
            self._forget()
        if self._open is None:
            self._open = (snapshot.id, self._snapshots.open_read_only(snapshot))
        return self._open[1]


def _vectors(plan: Plan, cells: Column, sums: list[Column]) -> tuple[Vector, ...]:
    """Spread the sums over the layout's cells; a cell without rows is zero, so the shape is public."""
    layout = plan.layout
    if layout.bins is not None:
        tree = layout.bins.tree
        leaves = _spread(cells, sums[0], layout.groups * tree.leaves)
        # Sums of whole numbers: exact, and no larger than the number of rows.
        return (tree.counted(leaves.reshape(layout.groups, tree.leaves)).ravel(),)
    if layout.moments is None:
        # One block, whose size counts bins or in/out as cells.
        return (_spread(cells, sums[0], layout.blocks[0].size),)
    return tuple(_spread(cells, one, layout.groups) for one in sums)


def _spread(cells: Column, sums: Column, size: int) -> Vector:
    vector = np.zeros(size, dtype=np.int64)
    vector[cells] = sums
    return vector
