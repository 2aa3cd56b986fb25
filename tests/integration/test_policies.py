"""The strict policy as it is shipped, in a running centre: what it refuses, and when."""

from collections.abc import Iterator

import pytest

from tests.integration import small
from tests.integration.federation import Federation, Outcome, federation, question


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    folder = tmp_path_factory.mktemp("strict")
    dictionary, files = small.written(folder, alone=50)
    with federation(folder / "sandbox", dictionary, files, "--policy", "strict") as made:
        yield made


def reason(outcome: Outcome) -> str:
    assert outcome.exit_code == 3
    word: str = outcome.json["centres"]["refused"]["alone"]["code"]
    return word


def test_one_query_may_not_lose_too_much(strict: Federation) -> None:
    assert reason(strict.run(question({"kind": "count"}, rho="0.0501"))) == "outside_policy"
    assert strict.run(question({"kind": "count"}, rho="0.05")).exit_code == 0


def test_an_analyst_stops_at_the_analysts_budget_to_the_last_unit(strict: Federation) -> None:
    """Five times 0.05 is the analyst's 0.25; then not even the smallest loss is granted."""
    last = strict.ask({"kind": "count"}, rho="0.05")
    for low in range(4):
        last = strict.ask({"kind": "count"}, rho="0.05", cohort={"field": "age", "between": [low, 120]})
    assert last.receipts[0]["analyst_left_rho"] == "0"
    assert reason(strict.run(question({"kind": "count", "by": ["sex"]}, rho="0.001"))) == "analyst_budget"
    budgets = {one["scope"]: one for one in strict.node("alone", "budget", "--json").json["budgets"]}
    assert [budgets[scope]["spent_rho"] for scope in ("registry", "study", "institution")] == ["0.25"] * 3
    assert budgets["registry"]["left_rho"] == "0.75"
