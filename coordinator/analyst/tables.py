"""Results on a terminal: tables with intervals, costs and what is left."""

from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from coordinator.analyst.labels import grid_of
from coordinator.analyst.reasons import reason_lines
from coordinator.analyst.result import Result
from coordinator.estimators.table import Row, Status
from privacy.accountant import epsilon_of, shown_epsilon
from privacy.loss import Loss
from protocols.dictionary import Code, Field, Role, code_text
from protocols.queries import Kind, Mode

_PER_CENT = 0.95
_OF_ROWS = (Kind.MEAN, Kind.VARIANCE, Kind.PROPORTION, Kind.QUANTILES)
"""The statistics whose tables say of how many rows, by the noisy count."""


def show_result(result: Result, console: Console) -> None:
    """Print the combined table, who answered, and what it cost."""
    console.print(_table(result))
    if result.query.release.mode is Mode.SUPPRESSED:
        show_suppressed(result, console)
        return
    if any(row.estimate is None for row in result.rows):
        console.print("-: too few rows for this noise; the answer says nothing here.")
    _show_centres(result, console)
    console.print(_rows_of(result))
    if (grid := grid_of(result.query, result.dictionary)) is not None:
        console.print(_grid_words(grid))
    terms = result.query.release
    shown = shown_epsilon(epsilon_of(terms.loss, float(terms.delta)))
    console.print(
        f"Each answer is rho {terms.loss} zCDP for a patient at one centre"
        f" (epsilon {shown} at delta {float(terms.delta):g}); intervals cover {_PER_CENT:.0%}."
    )


def show_suppressed(result: Result, console: Console) -> None:
    """Print what belongs to a suppressed table: its rule, the centres, and what is not promised."""
    label = result.label
    _show_centres(result, console)
    console.print(_rows_of(result))
    rounded = f", others rounded to {label['rounding']}" if label["rounding"] > 1 else ""
    console.print(
        f"Rule {label['rule']}: counts of 1 to {label['minimum'] - 1} are suppressed, and what they would"
        f" follow from{rounded}; from and to hold what the margins still say. No differential privacy."
    )


def _rows_of(result: Result) -> str:
    table = escape(result.query.statistic.table)
    cap = result.dictionary.table(result.query.statistic.table).cap
    each = "one a patient" if cap == 1 else f"at most {cap} of a patient count"
    centres = len(result.answered) + len(result.missing) + len(result.refused) + len(result.unverifiable)
    return f"Over the rows of table {table} ({each}) at {len(result.answered)} of {centres} centres."


def _grid_words(grid: dict[str, Any]) -> str:
    width = f"{grid['bin_width']:.4g}"
    return f"Read from {grid['bins']} bins of {width}; an estimate is the end of its bin, to within one bin."


def _table(result: Result) -> Table:
    kind = result.query.statistic.kind
    variable = result.query.statistic.variable
    title = kind.value + (f" of {result.dictionary.shown(variable)}" if variable else "")
    if variable and (codes := result.query.statistic.codes):
        title += f" in {', '.join(_level(result.dictionary.field(variable), code) for code in codes)}"
    elif variable and (unit := result.dictionary.field(variable).unit):
        title += f", ({unit})²" if kind is Kind.VARIANCE else f", {unit}"
    table = Table(title=escape(title), title_justify="left")
    fields = [result.dictionary.field(name) for name in result.query.statistic.by]
    for name in result.query.statistic.by:
        table.add_column(escape(result.dictionary.shown(name)))
    if kind is Kind.HISTOGRAM:
        table.add_column("bin")
    if kind is Kind.QUANTILES:
        table.add_column("probability", justify="right")
    has_noise = result.query.release.mode is Mode.DP
    noise = ("noise sd",) if has_noise and kind is not Kind.QUANTILES else ()
    for heading in ("estimate", "from", "to", *noise):
        table.add_column(heading, justify="right")
    if kind in _OF_ROWS:
        table.add_column("noisy n" if has_noise else "n", justify="right")
    last = result.query.statistic.edges[-1] if result.query.statistic.edges else None
    for row in (*result.rows, *result.margins):
        table.add_row(*_cells(row, fields, result, last), end_section=row is result.rows[-1])
    return table


def _cells(row: Row, fields: list[Field], result: Result, last: Decimal | None) -> list[str]:
    kind = result.query.statistic.kind
    codes = dict(row.groups)
    names = [result.dictionary.shown(name) for name in result.query.statistic.by]
    # A margin has no column for what it is summed over.
    cells = [
        _level(one, codes[name]) if name in codes else "all" for one, name in zip(fields, names, strict=True)
    ]
    if kind is Kind.HISTOGRAM and row.bin_low is not None:
        cells.append(f"[{row.bin_low:g}, {row.bin_high:g}" + ("]" if row.bin_high == last else ")"))
    elif kind is Kind.HISTOGRAM:
        cells.append("all")
    if kind is Kind.QUANTILES:
        cells.append(f"{row.probability:g}")
    estimate = "suppressed" if row.status is Status.SUPPRESSED else _number(row.estimate)
    cells += [estimate, _number(row.ci_low), _number(row.ci_high)]
    if kind is not Kind.QUANTILES and result.query.release.mode is Mode.DP:
        cells.append(_number(row.noise_sd))
    if kind in _OF_ROWS:
        cells.append(_number(row.n))
    return [cell.replace("[", "\\[") for cell in cells]


def _level(one: Field, code: Code | None) -> str:
    if code is None:
        return "(missing)"
    return dict(one.labels).get(code, code_text(code))


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    is_whole = isinstance(value, int) or 1e4 <= abs(value) < 1e15
    return f"{value:,.0f}" if is_whole else f"{value:,.4g}"


def _show_centres(result: Result, console: Console) -> None:
    console.print(_centres(result))
    for line in reason_lines(result.centres["refused"]):
        console.print(escape(line), soft_wrap=True)


def _centres(result: Result) -> Table:
    table = Table(title="centres", title_justify="left")
    table.add_column("centre")
    table.add_column("answer")
    is_dp = result.query.release.mode is Mode.DP
    for heading in ("cost in rho", "left in the registry") if is_dp else ("questions left",):
        table.add_column(heading, justify="right")
    for centre, one in result.answered.items():
        receipt = one.receipt
        word = f"stored {one.release.released_at:%Y-%m-%d %H:%M}" if receipt.is_repeat else "new release"
        word += ", from a finer answer" if one.finer is not None else ""
        left = (
            (str(receipt.charged), _budget(receipt.registry_left))
            if is_dp
            else (_number(receipt.questions_left),)
        )
        table.add_row(str(centre), word, *left)
    for centre in result.missing:
        table.add_row(str(centre), "[yellow]missing[/]", *("-" * (len(table.columns) - 2)))
    for name, refusal in result.centres["refused"].items():
        table.add_row(name, f"[red]refused: {refusal['code']}[/]", *("-" * (len(table.columns) - 2)))
    return table


def _budget(left: Loss | None) -> str:
    return "no limit" if left is None else str(left)


def show_registry(description: dict[str, Any], console: Console) -> None:
    """Print what can be asked, and who holds it; fields that stay at the centres are only named."""
    askable = [one for one in description["fields"] if one["role"] == Role.QUERYABLE.value]
    for name in dict.fromkeys(one["table"] for one in askable):
        console.print(_fields_of(name, [one for one in askable if one["table"] == name]))
    others = [f"{one['table']}.{one['field']}" for one in description["fields"] if one not in askable]
    if others:
        console.print(f"Not to be asked about: {escape(', '.join(others))}")
    for one in description["centres"]:
        if not one["is_online"]:
            word = "[yellow]offline[/]"
        else:
            word = "on the link" if one["has_this_dictionary"] else "[yellow]uses another dictionary[/]"
            word += f", snapshot of {one['snapshot_at'][:10]}" if one["snapshot_at"] else ", no snapshot"
        console.print(f"{one['centre']}: {word}", soft_wrap=True)
    for one in description["tables"][:1]:
        console.print("A question to begin with; put your study's name into it:")
        console.print(one["example"].rstrip(), markup=False, highlight=False, soft_wrap=True)


def _fields_of(name: str, fields: list[dict[str, Any]]) -> Table:
    cap = fields[0]["rows_per_patient"]
    rows = "one row a patient" if cap == 1 else f"at most {cap} rows a patient"
    table = Table(title=f"table {name}, {rows}", title_justify="left")
    table.add_column("field", no_wrap=True)
    for heading in ("meaning", "values", "unit"):
        table.add_column(heading)
    for one in fields:
        values = ", ".join(f"{code} {one['labels'].get(code, '')}".strip() for code in one["codes"][:12])
        if len(one["codes"]) > 12:
            values += f" ... ({len(one['codes'])} codes)"
        if not values:
            values = f"{one['minimum']:g} to {one['maximum']:g}, step {one['step']:.3g}"
        cells = (one["field"], one["title"], values, one["unit"])
        table.add_row(*(str(cell).replace("[", "\\[") for cell in cells))
    return table
