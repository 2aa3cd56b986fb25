"""What a result of quantiles says of itself: its grid and its tolerance, on a terminal and as JSON."""

import io

import pytest
from rich.console import Console

from coordinator.analyst.result import Result
from coordinator.analyst.tables import show_result
from protocols.dictionary import FieldName
from tests.coordinator import results

QUARTILES = results.result(
    results.question(
        {"kind": "quantiles", "variable": "age", "by": "sex", "probabilities": [0.75, 0.5, 0.25]}, rho="0.5"
    )
)
FINE = results.result(
    results.question({"kind": "quantiles", "variable": "oldpeak", "probabilities": [0.975]}, rho="0.5")
)
COUNT = results.result(results.question({"kind": "count"}))


def shown(result: Result) -> str:
    console = Console(file=io.StringIO(), width=200)
    show_result(result, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_grid_and_its_tolerance_stand_in_the_statistic_and_in_the_label() -> None:
    tree = QUARTILES.to_json()

    assert tree["statistic"]["probabilities"] == [0.25, 0.5, 0.75]
    assert tree["statistic"]["grid"] == tree["label"]["grid"]
    age = QUARTILES.dictionary.field(FieldName("patients", "age"))
    assert age.range is not None
    assert tree["label"]["grid"] == {
        "bins": age.range.grid.width + 1,
        "bin_width": 1.0,
        "lowest": float(age.range.minimum),
        "highest": float(age.range.maximum),
        "estimate": "the greatest value of its bin, in whole steps",
        "tolerance": "one bin",
    }
    assert "grid" not in COUNT.to_json()["label"]
    assert "grid" not in COUNT.to_json()["statistic"]


def test_every_row_says_which_quantile_it_is() -> None:
    tree = QUARTILES.to_json()

    assert [row["probability"] for row in tree["table"]][:3] == [0.25, 0.5, 0.75]
    assert all(row["noise_sd"] is None and row["std_error"] is None for row in tree["table"])


def test_a_terminal_shows_probabilities_the_grid_and_no_column_of_noise() -> None:
    text = shown(QUARTILES)

    heading = next(line for line in text.splitlines() if "probability" in line)
    assert [word.strip() for word in heading.split("┃")[1:-1]] == [
        *("sex", "probability", "estimate", "from", "to", "noisy n"),
    ]
    assert "0.25" in text
    assert "to within one bin" in text
    assert "to within one bin" not in shown(COUNT)


@pytest.mark.parametrize("result", [QUARTILES, FINE], ids=["one value a bin", "several"])
def test_the_words_give_number_and_width_of_the_bins(result: Result) -> None:
    grid = result.label["grid"]

    assert f"Read from {grid['bins']} bins of {grid['bin_width']:.4g};" in shown(result)
    assert grid["bins"] <= 256
