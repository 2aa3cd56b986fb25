"""The monthly report as a page: the same content as the JSON, and nothing else."""

from datetime import datetime
from typing import Any

from protocols.pages import render


def monthly_page(report: dict[str, Any], *, made_at: datetime, version: str) -> str:
    """Make the page of a `skerry.report/1` object; `version` is that of the software."""
    questions = [line["questions"] for line in report["budgets"] if line["questions"]]
    return render(
        "node",
        "report.html",
        report=report,
        has_questions=any(one["limit"] or one["asked"] for one in questions),
        at=datetime.fromisoformat,
        lasts=_lasts,
        made_at=made_at,
        version=version,
    )


def _lasts(forecast: list[dict[str, Any]]) -> str:
    """Say until when a budget lasts at the rate of ninety days."""
    long = next((one for one in forecast if one["days"] == 90), None)
    if long is None:
        return "too early to say"
    return str(long["until"]) if long["until"] else "no end in sight"
