"""The label of a result: what is promised, in the order of NIST SP 800-226, for people and machines."""

from typing import Any

from privacy.accountant import epsilon_of
from privacy.units import NEIGHBOURS, UNIT
from protocols.canonical import decimal_text
from protocols.dictionary import Dictionary
from protocols.layout import layout_of
from protocols.queries import Mode, Query
from protocols.releases import Release, SuppressedTable


def label_of(query: Query, dictionary: Dictionary, release: Release) -> dict[str, Any]:
    """Write the label that every centre's release of a question carries.

    All centres answer the same canonical question by the same template, so one release stands for
    all: their noise scales and bounds are equal.
    """
    if release.table is not None:
        return _suppressed_label(release, release.table)
    delta = float(query.release.delta)
    return {
        "unit": UNIT,
        "neighbours": NEIGHBOURS,
        "mode": query.release.mode.value,
        "scope": query.release.scope.value,
        "rho": str(release.loss),
        "epsilon": epsilon_of(release.loss, delta),
        "delta": delta,
        "mechanism": "discrete Gaussian noise on an integer vector, at each centre by itself",
        "blocks": [
            {"name": one.name, "l2_squared": str(one.event.l2_squared), "sigma": one.event.sigma}
            for one in release.blocks
        ],
        "bounds": _bounds(query, dictionary),
        **({"grid": grid} if (grid := grid_of(query, dictionary)) else {}),
        "rows_per_patient": release.cap,
        "template_version": release.template_version,
        "per_person": "a person treated at r centres loses r times this",
        "trusted": "each centre with its own patients' data; the coordinator with nothing but delivery",
        "not_hidden": "a centre's totals up to its noise; that the question was asked; when it was answered",
    }


def _suppressed_label(release: Release, table: SuppressedTable) -> dict[str, Any]:
    return {
        "unit": UNIT,
        "mode": Mode.SUPPRESSED.value,
        "scope": "centre",
        "mechanism": "small counts are not shown, nor what they would follow from; no noise is added",
        "rule": table.rule.name,
        "minimum": table.rule.minimum,
        "rounding": table.rule.rounding,
        "rows_per_patient": release.cap,
        "template_version": release.template_version,
        "promise": "a small-number rule and a guard against differences; no differential privacy",
        "trusted": "each centre with its own patients' data; the coordinator with nothing but delivery",
        "not_hidden": "every count that is shown, to its rounding; that a question was asked; when it was"
        " answered; that a centre withheld it, which depends on its data",
    }


def grid_of(query: Query, dictionary: Dictionary) -> dict[str, Any] | None:
    """Give the public grid that quantiles are read from; None for other statistics.

    Bin i, from 0, holds the values from `lowest` + i * `bin_width` to just below the next one's.
    """
    bins = layout_of(query, dictionary).bins
    if bins is None:
        return None
    step = bins.grid.step
    return {
        "bins": bins.tree.leaves,
        "bin_width": float(bins.steps * step),
        "lowest": float(bins.grid.low * step),
        "highest": float(bins.grid.high * step),
        "estimate": "the greatest value of its bin, in whole steps",
        "tolerance": "one bin",
    }


def _bounds(query: Query, dictionary: Dictionary) -> dict[str, str]:
    """Give the public range that the variable was clamped to, and its step."""
    variable = query.statistic.variable
    bounds = dictionary.field(variable).numeric_range if variable else None
    if variable is None or bounds is None:
        return {}
    low, high = decimal_text(bounds.minimum), decimal_text(bounds.maximum)
    return {"field": dictionary.shown(variable), "minimum": low, "maximum": high, "step": str(bounds.step)}
