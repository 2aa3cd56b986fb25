"""The hours at which a centre answers: the clock on its wall, summer and winter, and past midnight."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.hours import MINUTES, Hours
from protocols.refusals import Refusal, RefusalCode
from protocols.releases import Granted
from tests.node.gate_desk import FEW, GateDesk, imported

BERLIN = "08:00-18:00 Europe/Berlin"
minutes = st.integers(0, MINUTES - 1)


@given(opens=minutes, closes=st.integers(1, MINUTES))
def test_hours_are_written_as_they_are_read(opens: int, closes: int) -> None:
    if opens == closes:
        with pytest.raises(ValueError, match="two different times"):
            Hours(opens=opens, closes=closes, zone="UTC")
        return
    hours = Hours(opens=opens, closes=closes, zone="Europe/Berlin")
    assert Hours.parse(str(hours)) == hours


@given(opens=minutes, closes=minutes, at=minutes)
def test_the_hours_turned_round_are_the_rest_of_the_day(opens: int, closes: int, at: int) -> None:
    if opens and closes and opens != closes:
        hours, rest = (
            Hours(opens=one, closes=other, zone="UTC") for one, other in ((opens, closes), (closes, opens))
        )
        moment = datetime(2026, 5, 5, tzinfo=UTC) + timedelta(minutes=at)
        assert hours.hold(moment) is not rest.hold(moment)


@pytest.mark.parametrize(
    ("text", "at", "is_open"),
    [
        (BERLIN, "2026-01-15T07:00:00Z", True),  # winter: 08:00
        (BERLIN, "2026-01-15T06:59:59Z", False),
        (BERLIN, "2026-07-15T06:00:00Z", True),  # summer: 08:00
        (BERLIN, "2026-07-15T05:59:59Z", False),
        (BERLIN, "2026-07-15T15:59:59Z", True),
        (BERLIN, "2026-07-15T16:00:00Z", False),  # the end is not in them
        (BERLIN, "2026-07-15T09:00:00+03:00", True),  # another zone's clock, the same moment
        ("22:00-06:00 UTC", "2026-07-15T23:30:00Z", True),
        ("22:00-06:00 UTC", "2026-07-15T05:59:00Z", True),
        ("22:00-06:00 UTC", "2026-07-15T06:00:00Z", False),
        ("00:00-24:00 UTC", "2026-07-15T00:00:00Z", True),
        ("00:00-24:00 UTC", "2026-07-15T23:59:59Z", True),
    ],
)
def test_a_moment_is_in_them_or_not(text: str, at: str, is_open: bool) -> None:
    assert Hours.parse(text).hold(datetime.fromisoformat(at)) is is_open


@pytest.mark.parametrize(("hour", "is_open"), [(8, True), (17, True), (7, False), (18, False)])
def test_the_gate_answers_within_the_hours_and_charges_nothing_outside(
    tmp_path: Path, hour: int, is_open: bool
) -> None:
    desk = GateDesk(tmp_path / "node", imported(tmp_path, FEW))
    desk.policy = replace(desk.policy, hours=Hours.parse("08:00-18:00 UTC"))
    desk.now = desk.now.replace(hour=hour)
    said, planned = desk.ask().outcome, desk.planned().outcome
    if is_open:
        assert isinstance(said, Granted)
    else:
        assert isinstance(said, Refusal)
        assert said.code is RefusalCode.OUTSIDE_POLICY
        assert said.detail == "the policy allows queries from 08:00-18:00 UTC only"
        assert planned == said
        assert desk.spent == {}
    desk.engine.close()
