"""A plan on a terminal: what each centre would do, what it would cost and leave, how wide the answer."""

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from coordinator.analyst.expectations import ExpectedRow
from coordinator.analyst.plan import PlanReport
from coordinator.analyst.reasons import reason_lines
from coordinator.analyst.words import level_names, question_words
from privacy.accountant import epsilon_of, shown_epsilon
from privacy.loss import Loss
from protocols.canonical import decimal_text
from protocols.ids import CentreId
from protocols.queries import Kind, Mode
from protocols.releases import Quote


def show_plan(report: PlanReport, console: Console) -> None:
    """Print the plan."""
    console.print(escape(question_words(report.request.query, report.dictionary)) + ":")
    console.print(_centres(report))
    for line in reason_lines(report.refusals):
        console.print(escape(line), soft_wrap=True)
    console.print(escape(_quorum(report)), soft_wrap=True)
    console.print(escape(_loss(report)), soft_wrap=True)
    _show_expected(report, console)


def _centres(report: PlanReport) -> Table:
    table = Table(title="centres", title_justify="left")
    table.add_column("centre")
    table.add_column("would", overflow="fold")
    table.add_column("cost in rho", justify="right")
    for budget in ("registry", "study", "analyst"):
        table.add_column(f"{budget} left", justify="right")
    is_counted = _is_suppressed(report)
    if is_counted:
        table.add_column("questions left", justify="right")
    for centre in report.audience:
        cells = _cells(report, centre)
        if is_counted:
            quote = report.quotes.get(centre)
            left = "no limit" if quote and quote.questions_left is None else "-"
            cells.append(str(quote.questions_left) if quote and quote.questions_left is not None else left)
        table.add_row(str(centre), *cells)
    return table


def _cells(report: PlanReport, centre: CentreId) -> list[str]:
    if centre in report.quotes:
        quote = report.quotes[centre]
        left = (quote.registry_left, quote.study_left, quote.analyst_left)
        return [_would(quote), str(quote.cost), *(_budget(one) for one in left)]
    if str(centre) in report.refusals:
        word = f"[red]refuse: {report.refusals[str(centre)]['code']}[/]"
    else:
        word = "[yellow]not answer: offline[/]" if centre in report.offline else "[yellow]not answer: late[/]"
    return [word, "-", "-", "-", "-"]


def _would(quote: Quote) -> str:
    if quote.finer is not None:
        return "add up a finer answer"
    return "repeat its answer" if quote.is_repeat else "answer"


def _budget(left: Loss | None) -> str:
    return "no limit" if left is None else str(left)


def _quorum(report: PlanReport) -> str:
    answering, asked = len(report.quotes), len(report.audience)
    verdict = "is reached" if report.is_quorum_reached else "would not be reached"
    return f"{answering} of {asked} centres would answer; the quorum of {report.quorum} {verdict}."


def _loss(report: PlanReport) -> str:
    terms = report.request.query.release
    if _is_suppressed(report):
        return "Nothing was asked and nothing was counted. It would cost no rho, and one question."
    shown = shown_epsilon(epsilon_of(terms.loss, float(terms.delta)))
    said = f"rho {terms.loss} (epsilon {shown} at delta {float(terms.delta):g})"
    return f"Nothing was asked and nothing was spent. A new answer is {said} for a patient at one centre."


def _is_suppressed(report: PlanReport) -> bool:
    return report.request.query.release.mode is Mode.SUPPRESSED


def _show_expected(report: PlanReport, console: Console) -> None:
    rows, wanted = report.expected.rows, report.request.precision.wanted
    per_cent = f"{100 * report.request.precision.confidence:.6g} %"
    if wanted is not None:
        console.print(f"Wanted half-width: {decimal_text(wanted.value)}{_unit(report)} at {per_cent}.")
    if len(rows) == 1 and not rows[0].groups:
        console.print(escape(_expected_words(report, rows[0], per_cent)), soft_wrap=True)
    elif rows:
        console.print(_table(report, per_cent))
    console.print("Expected from this:" if rows else "Expected: nothing can be said.")
    for sentence in report.expected.assumptions:
        console.print(f"- {escape(sentence)}", soft_wrap=True)


def _expected_words(report: PlanReport, row: ExpectedRow, per_cent: str) -> str:
    if row.half_width is None:
        return "Expected: the answer would say nothing; too few rows for this noise."
    said = f"Expected half-width: {row.half_width:.4g}{_unit(report)} at {per_cent}"
    if row.n is None or row.without_noise is None:
        return f"{said}, in every cell."
    return f"{said}; {row.without_noise:.4g} without noise, however large the loss."


def _unit(report: PlanReport) -> str:
    statistic = report.request.query.statistic
    if statistic.variable is None or statistic.kind not in (Kind.SUM, Kind.MEAN, Kind.VARIANCE):
        return ""
    unit = report.dictionary.field(statistic.variable).unit
    if not unit:
        return ""
    return f" ({unit})²" if statistic.kind is Kind.VARIANCE else f" {unit}"


def _table(report: PlanReport, per_cent: str) -> Table:
    table = Table(title=f"expected half-widths at {per_cent}{_unit(report)}", title_justify="left")
    by = report.request.query.statistic.by
    for name in by:
        table.add_column(escape(report.dictionary.shown(name)))
    for heading in ("rows", "half-width", "without noise"):
        table.add_column(heading, justify="right")
    names = [level_names(report.dictionary.field(name)) for name in by]
    for row in report.expected.rows:
        levels = [escape(one[code]) for one, (_, code) in zip(names, row.groups, strict=True)]
        rows = "-" if row.n is None else f"{row.n:,}"
        table.add_row(*levels, rows, _width(row.half_width), _width(row.without_noise))
    return table


def _width(width: float | None) -> str:
    return "-" if width is None else f"{width:.4g}"
