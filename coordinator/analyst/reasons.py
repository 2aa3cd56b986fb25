"""Why centres refuse and what the analyst can do about it, in lines: each reason once, with who gave it."""

from collections.abc import Mapping

Refused = Mapping[str, Mapping[str, str]]
"""Name of a centre → `code`, `message`, `next_step`. spec/results.md 1."""


def reason_lines(refused: Refused) -> list[str]:
    """Write each reason with the centres that gave it, and on its own line what to do."""
    said: dict[tuple[str, str], list[str]] = {}
    for name, one in refused.items():
        said.setdefault((one["message"], one["next_step"]), []).append(name)
    return [line for (why, step), who in said.items() for line in (f"{', '.join(who)}: {why}", f"  {step}")]


def next_steps(refused: Refused) -> str:
    """Write what can be done about all of them as one line, each step once."""
    return "; ".join(dict.fromkeys(one["next_step"] for one in refused.values()))
