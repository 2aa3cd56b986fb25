"""A study as a page for the officer who decides on it: the same as `skerry-node study show` says."""

from datetime import datetime

from node.study_here import StudyHere
from protocols.pages import render


def study_page(here: StudyHere, *, made_at: datetime, version: str) -> str:
    """Make the page; `version` is that of the software."""
    return render("node", "study.html", here=here, made_at=made_at, version=version)
