"""A refusal shows what to do about it wherever it is shown, and each reason once."""

import io
from dataclasses import replace

from rich.console import Console

from coordinator.analyst.reasons import next_steps, reason_lines
from coordinator.analyst.tables import show_result
from protocols.ids import CentreId
from protocols.refusals import RefusalCode
from tests.coordinator import results

RESULT = results.result(results.question({"kind": "count", "by": "sex"}), refused=("hungary", "long-beach"))
STEP = RefusalCode.REGISTRY_BUDGET.next_step


def test_a_result_says_why_and_what_to_do_once() -> None:
    console = Console(file=io.StringIO(), width=300)
    show_result(RESULT, console)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert f"hungary, long-beach: {RefusalCode.REGISTRY_BUDGET.sentence}\n  {STEP}\n" in text
    assert text.count(STEP) == 1


def test_a_result_as_json_has_the_next_step_of_each_centre() -> None:
    assert {one["next_step"] for one in RESULT.to_json()["centres"]["refused"].values()} == {STEP}


def test_different_reasons_have_lines_of_their_own() -> None:
    mixed = replace(RESULT, unverifiable={CentreId("switzerland"): "the answer is another centre's"})
    refused = mixed.centres["refused"]
    assert len(reason_lines(refused)) == 4
    steps = next_steps(refused)
    assert steps.startswith(f"{STEP}; ")
    assert steps.count(STEP) == 1
