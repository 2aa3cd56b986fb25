"""What a study demands of the audience, the time and of people, at the gate: refused, uncharged, unread."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from node.snapshots import Snapshots
from protocols.refusals import Refusal, RefusalCode
from protocols.studies import NO_REVIEW, Review, Study
from tests.node.gate_desk import FEW, GateDesk, imported
from tests.node.worlds import NOW


@pytest.fixture(scope="module")
def snapshots(tmp_path_factory: pytest.TempPathFactory) -> Snapshots:
    return imported(tmp_path_factory.mktemp("few"), FEW)


@pytest.fixture
def desk(tmp_path: Path, snapshots: Snapshots) -> GateDesk:
    return GateDesk(tmp_path / "gate", snapshots)


def _changed(study: Study, name: str) -> Study:
    match name:
        case "min_centres" | "quorum":
            return replace(study, **{name: 2})  # type: ignore[arg-type]
        case "colluders":
            return replace(study, colluders=1)
        case "begins":
            return replace(study, begins=NOW + timedelta(seconds=1))
        case _:
            return replace(study, review=Review(name))


@pytest.mark.parametrize(
    "name", ["min_centres", "quorum", "colluders", "begins", "one_person", "two_persons"]
)
def test_what_a_study_demands_is_refused_without_a_charge(desk: GateDesk, name: str) -> None:
    right = desk.study
    desk.study = _changed(right, name)
    for outcome in (desk.ask().outcome, desk.planned().outcome):
        assert isinstance(outcome, Refusal)
        assert outcome.code is RefusalCode.OUTSIDE_STUDY
        if name.endswith(("person", "persons")):
            assert outcome.detail == NO_REVIEW
    assert desk.spent == {}
    assert desk.engine.reads == 0
    # The control: the same question, the same data, without the demand.
    desk.study = right
    desk.granted()
    assert desk.engine.reads == 1
