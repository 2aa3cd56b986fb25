"""An import's report as a page for people: the same content as the JSON, and nothing else.

The report holds no patient's value (`report`), so neither does the page; it has no script and loads nothing.
"""

from datetime import datetime

from node.importing.report import ImportReport
from protocols.pages import render


def report_page(report: ImportReport, *, made_at: datetime, version: str) -> str:
    """Make the page of a report; `made_at` has a time zone, `version` is that of the software."""
    return render("node", "import.html", report=report, made_at=made_at, version=version)
