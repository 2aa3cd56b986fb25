"""The budget as people look at it: limit, spent and left, for the registry, studies and analysts."""

from typing import Any

from rich.console import Console
from rich.table import Table

from node.policy import caps_of, stricter
from node.rules import Rules
from privacy.accountant import DEFAULT_DELTA, epsilon_of, shown_epsilon
from privacy.filters import Filter
from privacy.loss import ZERO, Loss


def budget_report(rules: Rules, spent: dict[tuple[str, str], Loss]) -> dict[str, Any]:
    """Give the `skerry.budget/1` object: one line for each budget that exists or was spent from."""
    registry = ("registry", rules.dictionary.name)
    caps: dict[tuple[str, str], Loss | None] = {registry: rules.policy.registry_cap}
    for study in rules.studies.values():
        _, study_cap, analyst_cap = caps_of(rules.policy, study)
        caps["study", study.id.text] = study_cap
        caps |= {("analyst", f"{study.id}/{one}"): analyst_cap for one in sorted(study.analysts)}
    for scope in spent:
        # Spent under a study or analyst that is gone: the policy's own cap still stands.
        fallback = rules.policy.study_cap if scope[0] == "study" else rules.policy.analyst_cap
        caps.setdefault(scope, stricter(None, fallback))
    return {
        "format": "skerry.budget/1",
        "centre": str(rules.centre),
        "delta": DEFAULT_DELTA,
        "budgets": [_line(scope, cap, spent.get(scope, ZERO)) for scope, cap in caps.items()],
    }


def _line(scope: tuple[str, str], cap: Loss | None, spent: Loss) -> dict[str, Any]:
    left = Filter(limit=cap, spent=spent).remaining_rounded_down()
    return {
        "scope": scope[0],
        "name": scope[1],
        "limit_rho": None if cap is None else str(cap),
        "spent_rho": str(spent),
        "left_rho": None if left is None else str(left),
        "spent_epsilon": epsilon_of(spent),
        "limit_epsilon": None if cap is None else epsilon_of(cap),
    }


def show_budget(report: dict[str, Any], console: Console) -> None:
    """Print the report as a table."""
    title = f"budgets at {report['centre']} (rho, zCDP; epsilon at delta {report['delta']:g})"
    table = Table(title=title, title_justify="left")
    table.add_column("budget")
    for heading in ("limit", "spent", "left", "epsilon spent"):
        table.add_column(heading, justify="right")
    for line in report["budgets"]:
        table.add_row(
            f"{line['scope']} {line['name']}",
            line["limit_rho"] or "no limit",
            line["spent_rho"],
            line["left_rho"] or "no limit",
            shown_epsilon(line["spent_epsilon"]),
        )
    console.print(table)
