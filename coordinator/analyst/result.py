"""A result: the combined table, each centre's own, the label and the receipts. spec/results.md.

Combining and estimating happen here, in the analyst's process, from releases that were verified.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coordinator.analyst.labels import grid_of, label_of
from coordinator.analyst.verify import Verified
from coordinator.errors import UnverifiableError
from coordinator.estimators.table import Row, estimate_margins, estimate_table
from privacy.accountant import epsilon_of
from privacy.loss import Loss
from protocols.clock import Clock, system_clock
from protocols.dictionary import Dictionary, code_text
from protocols.ids import CentreId, QueryId, StudyId
from protocols.queries import Mode, Query, SignedTerms
from protocols.refusals import Refusal

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

UNVERIFIABLE_STEP = "ask again; if it stays, tell the centre: its version or its key differs from the roster"


@dataclass(frozen=True, kw_only=True)
class Result:
    """What the federation answered. `missing` are centres that were offline or late."""

    query_id: QueryId
    study: StudyId
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
    def margins(self) -> tuple[Row, ...]:
        """The margins of a table of mode `suppressed`; none in mode `dp`, whose cells add up."""
        return estimate_margins(self.query, self.dictionary, [one.release for one in self.answered.values()])

    @cached_property
    def centre_rows(self) -> dict[CentreId, tuple[Row, ...]]:
        """Each centre's own table."""
        return {
            centre: estimate_table(self.query, self.dictionary, [one.release])
            for centre, one in self.answered.items()
        }

    def rows_at(self, confidence: float) -> tuple[Row, ...]:
        """Give the combined table with intervals of another confidence than 0.95. Raises EstimateError."""
        releases = [one.release for one in self.answered.values()]
        return estimate_table(self.query, self.dictionary, releases, confidence=confidence)

    @property
    def table(self) -> "pd.DataFrame":
        """The combined table as a data frame."""
        return _frame(self.rows)

    @property
    def by_centre(self) -> "dict[str, pd.DataFrame]":
        """Each centre's own table as a data frame, by its name."""
        return {str(centre): _frame(rows) for centre, rows in self.centre_rows.items()}

    def plot(self, path: str | Path | None = None) -> "alt.TopLevelMixin":
        """Draw the combined table, and write it as SVG or PNG where a path is given. Raises DrawingError."""
        from coordinator.analyst import drawing  # noqa: PLC0415 -- half a second that few commands need

        return drawing.shown(drawing.picture_of(self), path)

    def plot_by_centre(self, path: str | Path | None = None) -> "alt.TopLevelMixin":
        """Draw each centre's own table beside the combined one; otherwise as `plot`."""
        from coordinator.analyst import drawing  # noqa: PLC0415 -- as above

        return drawing.shown(drawing.centres_picture_of(self), path)

    def page(self, path: str | Path | None = None, clock: Clock = system_clock) -> str:
        """Make the result's page, and write it where a path is given. Raises DrawingError."""
        from coordinator.analyst import result_page  # noqa: PLC0415 -- as above

        return result_page.result_page(self, path, clock())

    @cached_property
    def label(self) -> dict[str, Any]:
        """What is promised about this result."""
        return label_of(self.query, self.dictionary, next(iter(self.answered.values())).paid)

    @property
    def receipts(self) -> list[dict[str, Any]]:
        """What the question cost at each centre, what is left, and where its ledger says so."""
        return [_receipt(centre, one) for centre, one in self.answered.items()]

    @property
    def centres(self) -> dict[str, Any]:
        """Who answered, who is missing, who refused and why."""
        refused = {str(centre): refusal_tree(one) for centre, one in self.refused.items()}
        refused |= {str(centre): unverifiable_tree(why) for centre, why in self.unverifiable.items()}
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
            "statistic": statistic_tree(self.query, self.dictionary),
            "release": release_tree(self.query),
            "centres": self.centres,
            "table": [row.to_json() for row in self.rows],
            "margins": [row.to_json() for row in self.margins],
            "by_centre": {
                str(centre): [row.to_json() for row in rows] for centre, rows in self.centre_rows.items()
            },
            "label": self.label,
            "receipts": self.receipts,
        }


def result_of(
    terms: SignedTerms,
    dictionary: Dictionary,
    outcomes: dict[CentreId, Verified | Refusal | UnverifiableError],
) -> Result:
    """Put outcomes together, in the order of the audience, whatever the order of arrival."""
    ordered = {centre: outcomes[centre] for centre in terms.audience if centre in outcomes}
    return Result(
        query_id=terms.query_id,
        study=terms.study,
        query=terms.query,
        dictionary=dictionary,
        answered={centre: one for centre, one in ordered.items() if isinstance(one, Verified)},
        missing=tuple(centre for centre in terms.audience if centre not in outcomes),
        refused={centre: one for centre, one in ordered.items() if isinstance(one, Refusal)},
        unverifiable={c: str(one) for c, one in ordered.items() if isinstance(one, UnverifiableError)},
    )


def refusal_tree(refusal: Refusal) -> dict[str, str]:
    """Write why a centre refused, and what the analyst can do about it."""
    code = refusal.code
    return {"code": code.word, "message": refusal.detail or code.sentence, "next_step": code.next_step}


def unverifiable_tree(why: str) -> dict[str, str]:
    """Write why what came in a centre's name is not counted."""
    return {"code": "unverifiable", "message": why, "next_step": UNVERIFIABLE_STEP}


def _frame(rows: tuple[Row, ...]) -> "pd.DataFrame":
    import pandas as pd  # noqa: PLC0415 -- a third of a second that scripts with --json need not pay

    return pd.DataFrame([row.to_json() for row in rows])


def statistic_tree(query: Query, dictionary: Dictionary) -> dict[str, Any]:
    """Write what is asked, as results and plans show it."""
    statistic = query.statistic
    tree: dict[str, Any] = {"kind": statistic.kind.value, "table": statistic.table}
    if statistic.variable is not None:
        tree["variable"] = dictionary.shown(statistic.variable)
    tree["by"] = [dictionary.shown(name) for name in statistic.by]
    if statistic.edges:
        tree["edges"] = [float(edge) for edge in statistic.edges]
    if statistic.codes:
        tree["in"] = [code_text(code) for code in statistic.codes]
    if statistic.probabilities:
        tree["probabilities"] = [float(one) for one in statistic.probabilities]
        tree["grid"] = grid_of(query, dictionary)
    return tree


def release_tree(query: Query) -> dict[str, Any]:
    """Write the guarantee that is asked for, as results and plans show it."""
    terms = query.release
    if terms.mode is Mode.SUPPRESSED:
        return {
            "mode": terms.mode.value,
            "scope": terms.scope.value,
            "rho": "0",
            "epsilon": None,
            "delta": None,
        }
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
    receipt, release = one.receipt, one.paid
    return {
        "centre": str(centre),
        "charged_rho": str(receipt.charged),
        "is_repeat": receipt.is_repeat,
        "registry_left_rho": _left(receipt.registry_left),
        "study_left_rho": _left(receipt.study_left),
        "analyst_left_rho": _left(receipt.analyst_left),
        "questions_left": receipt.questions_left,
        "from_finer": one.finer is not None,
        "released_at": release.released_at.isoformat(timespec="milliseconds"),
        "snapshot": str(release.snapshot),
        "snapshot_at": release.snapshot_at.isoformat(timespec="milliseconds"),
        "ledger": {"index": receipt.index, "size": receipt.tree_size, "root": str(receipt.tree_root)},
    }
