"""All wrong uses for which no server is needed."""

from tests.integration.wrong.analyst import analyst_uses
from tests.integration.wrong.coordinator import coordinator_uses
from tests.integration.wrong.dictionaries import dictionary_uses
from tests.integration.wrong.enrolment import enrolment_uses
from tests.integration.wrong.node import custodian_uses
from tests.integration.wrong.officer import officer_uses
from tests.integration.wrong.publications import publication_uses
from tests.integration.wrong.sandbox import sandbox_uses
from tests.integration.wrong.studies import study_uses

USES = [
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
