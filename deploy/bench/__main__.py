"""`make bench`: measures, prints a table, and writes deploy/evidence/bench.json."""

import sys

from rich.console import Console
from rich.table import Table

from deploy.bench import engine, latency, ledger, plan, suppression
from deploy.bench.figures import Figure, as_json, write

_SEED = 20261122


def _say(line: str) -> None:
    print(line, file=sys.stderr)


def main() -> int:
    """Measure everything; the exit code says whether every figure was reached."""
    _say(f"seed {_SEED}")
    _say("asking four nodes")
    figures = [latency.measure(200), *engine.measure(1_000_000, _SEED, _say)]
    _say("filling a ledger with a hundred thousand events")
    figures += ledger.measure(60, 100_000)
    _say("planning a question, suppressing a table")
    figures += [plan.measure(_SEED), suppression.measure(_SEED)]
    _say("importing ten million rows in a process of its own")
    figures.append(engine.peak_memory(10_000_000, _SEED))
    Console().print(_table(figures))
    path = write("bench", _SEED, {"figures": as_json(figures)})
    _say(f"written to {path.name} in deploy/evidence")
    return 0 if all(one.is_reached for one in figures) else 1


def _table(figures: list[Figure]) -> Table:
    table = Table()
    for heading in ("what", "measured", "against", "ratio", "wanted"):
        table.add_column(heading)
    for one in figures:
        mark = "[green]" if one.is_reached else "[red]"
        table.add_row(
            one.name,
            f"{mark}{one.value:.3g} {one.unit}[/]",
            f"{one.peer}: {one.peer_value:.3g} {one.unit}",
            f"{one.ratio:.2f}",
            one.wanted,
        )
    return table


if __name__ == "__main__":
    raise SystemExit(main())
