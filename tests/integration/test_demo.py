"""`make demo` as a newcomer runs it: it ends well, shows what it promises, and leaves nothing running."""

import subprocess
import sys

import psutil
import pytest

_WITHIN_S = 300


@pytest.fixture(scope="module")
def shown() -> str:
    command = [sys.executable, "-m", "deploy.demo"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_WITHIN_S, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "part",
    [
        "Expected half-width",
        "cross-tab",
        "from a finer answer",
        "quantiles of thalach",
        "proportion of exang",
        "suppressed",
        "Rule five",
        "ages.svg",
        "mean of thalach",
        "histogram of age",
        "cost in rho",
        "left in the registry",
        "missing",
        "stored",
        "everything fits",
        "nothing is left running",
    ],
)
def test_it_shows_what_it_promises(shown: str, part: str) -> None:
    assert part in shown


def test_the_repeat_costs_nothing(shown: str) -> None:
    again = shown.split("8. The first question again", 1)[1].split("9. ", 1)[0]
    costs = [line.split("│")[3].strip() for line in again.splitlines() if "stored" in line and "│" in line]

    assert costs == ["0", "0", "0"]


def test_nothing_is_left_running(shown: str) -> None:
    assert "skerry-demo-" in shown
    left = [p.info["cmdline"] for p in psutil.process_iter(["cmdline"]) if p.info["cmdline"]]

    assert [words for words in left if any("skerry-demo-" in word for word in words)] == []
