"""The budget on a terminal: tables, with bars where there is a terminal to show them."""

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from privacy.accountant import shown_epsilon
from protocols.pages import percent

_BAR = 10
_LOW = 0.9
"""A budget of which so much is gone is shown in red."""


def show_budget(report: dict[str, Any], console: Console) -> None:
    """Print the report: losses, then questions where there are any, then months where they were asked for."""
    has_bars = console.is_terminal
    console.print(_losses(report, has_bars=has_bars))
    if any(
        line["questions"] and (line["questions"]["limit"] or line["questions"]["asked"])
        for line in report["budgets"]
    ):
        console.print(_questions(report, has_bars=has_bars))
    if report["months"]:
        console.print(_months(report))


def _losses(report: dict[str, Any], *, has_bars: bool) -> Table:
    title = f"budgets at {report['centre']} (rho, zCDP; epsilon at delta {report['delta']:g})"
    table = _table(title, report, ("limit", "spent", "left", "used", "epsilon spent"))
    for line in report["budgets"]:
        table.add_row(
            escape(f"{line['scope']} {line['name']}"),
            line["limit_rho"] or "no limit",
            line["spent_rho"],
            line["left_rho"] or "no limit",
            _used(line["share_spent"], has_bars=has_bars),
            shown_epsilon(line["spent_epsilon"]),
            *([line["period_rho"]] if _has_period(report) else []),
            *_reaches(line["forecast"]),
        )
    return table


def _questions(report: dict[str, Any], *, has_bars: bool) -> Table:
    table = _table("questions of mode suppressed", report, ("limit", "asked", "left", "used"))
    for line in report["budgets"]:
        if (one := line["questions"]) is not None:
            table.add_row(
                escape(f"{line['scope']} {line['name']}"),
                *(str(one[name]) for name in ("limit", "asked", "left")),
                _used(one["share_asked"], has_bars=has_bars),
                *([str(one["period"])] if _has_period(report) else []),
                *_reaches(one["forecast"]),
            )
    return table


def _months(report: dict[str, Any]) -> Table:
    table = Table(title="spent by the month", title_justify="left")
    for heading in ("month", "budget"):
        table.add_column(heading)
    for heading in ("rho", "questions"):
        table.add_column(heading, justify="right")
    for line in report["months"]:
        name = escape(f"{line['scope']} {line['name']}")
        table.add_row(line["month"], name, line["rho"], str(line["questions"]))
    return table


def _table(title: str, report: dict[str, Any], headings: tuple[str, ...]) -> Table:
    table = Table(title=title, title_justify="left", caption=_caption(report), caption_justify="left")
    # Folded where a terminal is narrow: a figure that ends in dots is none.
    table.add_column("budget", overflow="fold")
    for heading in headings:
        table.add_column(heading, justify="left" if heading == "used" else "right", overflow="fold")
    if _has_period(report):
        table.add_column("in the period", justify="right", overflow="fold")
    for days in (30, 90):
        table.add_column(f"lasts until, at the rate of {days} days")
    return table


def _caption(report: dict[str, Any]) -> str:
    period = f"the period: {report['since'] or 'the beginning'} to {report['until'] or 'today'}; "
    return (
        period if _has_period(report) else ""
    ) + "read from the ledger's sums; recount with: skerry-node audit"


def _has_period(report: dict[str, Any]) -> bool:
    return bool(report["since"] or report["until"])


def _used(share: float | None, *, has_bars: bool) -> str:
    if share is None:
        return "–"
    if not has_bars:
        return percent(share)
    filled = min(_BAR, max(round(share * _BAR), 1 if share else 0))
    colour = "red" if share >= _LOW else "cyan"
    return f"[{colour}]{'█' * filled}[/][dim]{'░' * (_BAR - filled)}[/] {percent(share)}"


def _reaches(forecast: list[dict[str, Any]]) -> tuple[str, str]:
    """Say until when a budget lasts at either rate."""
    by_days = {one["days"]: one for one in forecast}
    first, second = (
        "too early to say" if days not in by_days else by_days[days]["until"] or "no end in sight"
        for days in (30, 90)
    )
    return first, second
