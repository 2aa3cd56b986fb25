"""Pictures and pages of real answers, through the program."""

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import yaml

from tests.integration.federation import (
    HEART_DICTIONARY,
    Federation,
    federation,
    heart_centres,
    program,
    question,
)
from tests.protocols.page_reader import read_page

COUNT = question({"kind": "count", "by": "sex"}, rho="0.05")


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    root = tmp_path_factory.mktemp("one") / "box"
    with federation(root, HEART_DICTIONARY, heart_centres("cleveland")) as made:
        yield made


def test_an_answer_is_printed_drawn_and_written_as_a_page(one: Federation, tmp_path: Path) -> None:
    words = ("--plot", str(tmp_path / "out.svg"), "--page", str(tmp_path / "out.html"))
    outcome = one.run(COUNT, *words)
    assert outcome.exit_code == 0, outcome.stderr
    result = outcome.json
    svg = "".join(ET.parse(tmp_path / "out.svg").getroot().itertext())  # noqa: S314 -- our own SVG
    assert "Number of patients by Sex" in svg
    page = read_page((tmp_path / "out.html").read_text(encoding="utf-8")).text
    assert result["query_id"] in page
    assert result["receipts"][0]["ledger"]["root"] in page
    assert all(str(row["estimate"]) in page for row in result["table"])
    # Fetched again by its id, it is drawn again and costs nothing.
    fetch = ("query", "result", result["query_id"], "--plot", tmp_path / "again.png")
    assert program("skerry", "--profile", one.profile, *fetch).exit_code == 0
    assert (tmp_path / "again.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a file that is always full (Linux)")
@pytest.mark.parametrize("json", [True, False])
def test_a_full_disk_does_not_cost_the_answer(one: Federation, tmp_path: Path, json: bool) -> None:
    (tmp_path / "full.svg").symlink_to("/dev/full")
    file = tmp_path / "question.yaml"
    file.write_text(yaml.safe_dump(COUNT), encoding="utf-8")
    words = ["query", "run", file, "--plot", tmp_path / "full.svg", *(["--json"] if json else [])]
    outcome = program("skerry", "--profile", one.profile, *words)
    assert outcome.exit_code == 2
    assert "cannot be written (No space left on device)" in outcome.stderr
    if json:
        assert outcome.json["format"] == "skerry.result/1"
    else:
        assert "estimate" in outcome.stdout


def test_too_much_for_a_picture_is_refused_and_costs_nothing(one: Federation, tmp_path: Path) -> None:
    by = ["exang", "cp", "num"]
    edges = {"kind": "histogram", "variable": "age", "edges": [20, 50, 80], "by": by}
    before = one.node("cleveland", "budget", "--json").json
    outcome = one.run(question(edges, rho="0.05"), "--plot", str(tmp_path / "out.svg"))
    assert outcome.exit_code == 2
    assert "cannot be read" in outcome.json["message"]
    assert one.node("cleveland", "budget", "--json").json == before
    assert list(tmp_path.iterdir()) == []


def test_the_registry_is_described_as_a_page(one: Federation, tmp_path: Path) -> None:
    words = ("registry", "describe", "--page", tmp_path / "registry.html")
    outcome = program("skerry", "--profile", one.profile, *words)
    assert outcome.exit_code == 0, outcome.stderr
    assert "on the link, snapshot of 20" in outcome.stdout
    page = read_page((tmp_path / "registry.html").read_text(encoding="utf-8")).text
    for text in (
        "UCI Heart Disease",
        "thalach",
        "Greatest heart rate reached",
        "1 of 1",
        "statistic: {kind: mean",
    ):
        assert text in page
