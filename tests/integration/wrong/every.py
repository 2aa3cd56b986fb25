"""All wrong uses for which no server is needed."""

from collections import Counter
from dataclasses import replace
from zlib import crc32

from tests.integration.wrong.analyst import analyst_uses
from tests.integration.wrong.coordinator import coordinator_uses
from tests.integration.wrong.dictionaries import dictionary_uses
from tests.integration.wrong.enrolment import enrolment_uses
from tests.integration.wrong.node import custodian_uses
from tests.integration.wrong.officer import officer_uses
from tests.integration.wrong.publications import publication_uses
from tests.integration.wrong.sandbox import sandbox_uses
from tests.integration.wrong.studies import study_uses
from tests.integration.wrong.use import WrongUse

_SHARED_BY = 8
"""A mistake that so many commands have is tried with each of them, in one form of output by turns."""


def _by_turns(uses: list[WrongUse]) -> list[WrongUse]:
    """Try what is common to many commands with and without `--json`, but not with each of them in both."""
    often = {name for name, number in Counter(use.name for use in uses).items() if number >= _SHARED_BY}
    return [
        replace(use, forms=(use.forms[crc32(use.id.encode()) % len(use.forms)],))
        if use.name in often
        else use
        for use in uses
    ]


USES = _by_turns(
    [
        *analyst_uses(),
        *custodian_uses(),
        *dictionary_uses(),
        *officer_uses(),
        *coordinator_uses(),
        *sandbox_uses(),
        *enrolment_uses(),
        *study_uses(),
        *publication_uses(),
    ]
)
