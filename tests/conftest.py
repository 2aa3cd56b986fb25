"""How tests are dealt to the workers: a module that starts a federation stays on one of them.

Its fixture starts real processes, so a second worker would start them a second time. xdist's own
`xdist_group` is without effect here: xdist 3.8 writes the group into an attribute that pytest 9.2 no
longer reads.
"""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

_FEDERATIONS = "tests/integration/"


class _ByFederation(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    def _split_scope(self, nodeid: str) -> str:
        return nodeid.partition("::")[0] if nodeid.startswith(_FEDERATIONS) else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Deal whole modules of federations, and every other test by itself; the largest modules first."""
    return _ByFederation(config, log)
