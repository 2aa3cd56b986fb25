"""A result: the combined table, each centre's own, the label and the receipts. spec/results.md.

Combining and estimating happen here, in the analyst's process, from releases that were verified.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from coordinator.analyst.labels import label_of
from coordinator.analyst.verify import Verified
from coordinator.estimators.table import Row, estimate_table
from privacy.accountant import epsilon_of
from privacy.loss import Loss
from protocols.dictionary import Dictionary, code_text
from protocols.ids import CentreId, QueryId
from protocols.queries import Query
from protocols.refusals import Refusal

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class Result:
    """What the federation answered. `missing` are centres that were offline or late."""

    query_id: QueryId
    query: Query
    dictionary: Dictionary
    answered: dict[CentreId, Verified]
    missing: tuple[CentreId, ...]
    refused: dict[CentreId, Refusal]
    unverifiable: dict[CentreId, str]

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """The combined table, one row a cell, in dictionary order."""
        return estimate_table(self.query, self.dictionary, [one.release for one in self.answered.values()])

    @cached_property
    def centre_rows(self) -> dict[CentreId, tuple[Row, ...]]:
        """Each centre's own table."""
        return {
            centre: estimate_table(self.query, self.dictionary, [one.release])
            for centre, one in self.answered.items()
        }

    @property
    def table(self) -> "pd.DataFrame":
        """The combined table as a data frame."""
        return _frame(self.rows)

    @property
    def by_centre(self) -> "dict[str, pd.DataFrame]":
        """Each centre's own table as a data frame, by its name."""
        return {str(centre): _frame(rows) for centre, rows in self.centre_rows.items()}

    @cached_property
    def label(self) -> dict[str, Any]:
        """What is promised about this result."""
        return label_of(self.query, self.dictionary, next(iter(self.answered.values())).release)

    @property
    def receipts(self) -> list[dict[str, Any]]:
        """What the question cost at each centre, what is left, and where its ledger says so."""
        return [_receipt(centre, one) for centre, one in self.answered.items()]

    @property
    def centres(self) -> dict[str, Any]:
        """Who answered, who is missing, who refused and why."""
        refused = {
            str(centre): {"code": one.code.word, "message": one.detail or one.code.sentence}
            for centre, one in self.refused.items()
        }
        refused |= {
            str(centre): {"code": "unverifiable", "message": why} for centre, why in self.unverifiable.items()
        }
        return {
            "answered": [str(centre) for centre in self.answered],
            "missing": [str(centre) for centre in self.missing],
            "refused": refused,
        }

    def to_json(self) -> dict[str, Any]:
        """Give the `skerry.result/1` object."""
        return {
            "format": "skerry.result/1",
            "query_id": str(self.query_id),
            "statistic": _statistic(self.query, self.dictionary),
            "release": _release(self.query),
            "centres": self.centres,
            "table": [row.to_json() for row in self.rows],
            "by_centre": {
                str(centre): [row.to_json() for row in rows] for centre, rows in self.centre_rows.items()
            },
            "label": self.label,
            "receipts": self.receipts,
        }


def _frame(rows: tuple[Row, ...]) -> "pd.DataFrame":
    import pandas as pd  # noqa: PLC0415 -- a third of a second that scripts with --json need not pay

    return pd.DataFrame([row.to_json() for row in rows])


def _statistic(query: Query, dictionary: Dictionary) -> dict[str, Any]:
    statistic = query.statistic
    tree: dict[str, Any] = {"kind": statistic.kind.value, "table": statistic.table}
    if statistic.variable is not None:
        tree["variable"] = dictionary.shown(statistic.variable)
    tree["by"] = [dictionary.shown(name) for name in statistic.by]
    if statistic.edges:
        tree["edges"] = [float(edge) for edge in statistic.edges]
    if statistic.codes:
        tree["in"] = [code_text(code) for code in statistic.codes]
    return tree


def _release(query: Query) -> dict[str, Any]:
    terms = query.release
    delta = float(terms.delta)
    return {
        "mode": terms.mode.value,
        "scope": terms.scope.value,
        "rho": str(terms.loss),
        "epsilon": epsilon_of(terms.loss, delta),
        "delta": delta,
    }


def _left(loss: Loss | None) -> str | None:
    return None if loss is None else str(loss)


def _receipt(centre: CentreId, one: Verified) -> dict[str, Any]:
    receipt, release = one.receipt, one.release
    return {
        "centre": str(centre),
        "charged_rho": str(receipt.charged),
        "is_repeat": receipt.is_repeat,
        "registry_left_rho": _left(receipt.registry_left),
        "study_left_rho": _left(receipt.study_left),
        "analyst_left_rho": _left(receipt.analyst_left),
        "released_at": release.released_at.isoformat(timespec="milliseconds"),
        "snapshot": str(release.snapshot),
        "snapshot_at": release.snapshot_at.isoformat(timespec="milliseconds"),
        "ledger": {"index": receipt.index, "size": receipt.tree_size, "root": str(receipt.tree_root)},
    }
