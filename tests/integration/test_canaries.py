"""Canaries in every column of every centre: none leaves a node, and none lies in plain at one.

Besides what the analyst and the coordinator got, each node writes down, before sealing by TLS, every
byte that it hands to its stream.
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.integration.canaries import DICTIONARY, NUMBER, cage, found, found_below
from tests.integration.federation import (
    Federation,
    Outcome,
    eventually,
    federation,
    program,
    question,
    up_words,
)

# Runs the real node, and writes down what its stream is given.
SPY = """
import sys
from pathlib import Path
import node.link
from node.cli import main
from protocols.codec.link import encode_frame
from protocols.frames import cut

sent, send = Path(sys.argv.pop(1)), node.link.Stream.send

async def spy(self, message):
    with sent.open("ab") as file:
        file.writelines(encode_frame(frame) for frame in cut(message))
    await send(self, message)

node.link.Stream.send = spy
main()
"""
CENTRES = ("east", "west")
QUESTIONS: list[dict[str, Any]] = [
    {"kind": "count", "by": ["sex"]},
    {"kind": "mean", "variable": "dose", "by": ["sex"]},
    {"kind": "sum", "variable": "dose"},
    {"kind": "variance", "variable": "dose"},
    {"kind": "histogram", "variable": "dose", "edges": [0, 100, 10000000]},
    {"kind": "proportion", "variable": "sex", "in": ["M"]},
]
REFUSED: list[dict[str, Any]] = [
    question({"kind": "count", "by": ["surname"]}, rho="1"),
    question({"kind": "count"}, rho="1", cohort={"field": "comment", "missing": True}),
    question({"kind": "mean", "variable": "reading"}, rho="1"),
    {**question({"kind": "count"}, rho="1"), "study": "unknown"},
    question({"kind": "count"}, rho="0.000000001"),
]


@dataclass(frozen=True, slots=True)
class Watched:
    """A federation that has been through everything, and all that its programs said."""

    made: Federation
    said: list[Outcome]
    canaries: tuple[str, ...]
    sources: Path
    sent: Path


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("canaries")
    sources, sent = folder / "sources", folder / "sent"
    sources.mkdir()
    cages = {name: cage(name) for name in CENTRES}
    cages["wrong"] = cage("east", bad_code="codecanary00ff")
    cages["torn"] = cage("east")
    for name, one in cages.items():
        # A row that ends in the middle: the reader stops at a place full of canaries.
        text = one.text[:-9] + '"' if name == "torn" else one.text
        (sources / f"{name}.csv").write_text(text, encoding="utf-8")
    (folder / "dict.yaml").write_text(DICTIONARY, encoding="utf-8")
    files = {name: sources / f"{name}.csv" for name in CENTRES}
    with federation(folder / "box", folder / "dict.yaml", files) as made:
        said = [_restarted_with_a_spy(made, centre, sent) for centre in CENTRES]
        eventually("both nodes are back", lambda: made.online() == set(CENTRES))
        for statistic in QUESTIONS:
            said += [_answered(made, statistic, rho) for rho in ("0.1", "1000000000")]
        said += [made.run(query) for query in REFUSED]
        for name in ("wrong", "torn", "nowhere"):
            said += [
                made.node("east", "import", sources / f"{name}.csv", *more) for more in ((), ("--json",))
            ]
        up = up_words(folder / "failed", folder / "dict.yaml", {"wrong": sources / "wrong.csv"}, "--json")
        said.append(program("skerry-sandbox", *up))
        said += [made.node("east", word, "--json") for word in ("budget", "audit")]
        said += [program("skerry-sandbox", "logs", made.root), made.run(question(QUESTIONS[0], rho="0.1"))]
        canaries = {canary for one in cages.values() for canary in one.canaries}
        yield Watched(made, said, tuple(canaries), sources, sent)


def _answered(made: Federation, statistic: dict[str, Any], rho: str) -> Outcome:
    """Ask through the library: what it hands out stands for what the program would have printed."""
    result = made.ask(statistic, rho=rho)
    text = json.dumps(result.to_json())
    return Outcome(exit_code=0, stdout=text, stderr=f"{result!r} {result.table} {result.by_centre}")


def _restarted_with_a_spy(made: Federation, centre: str, sent: Path) -> Outcome:
    made.kill(f"centre-{centre}")
    config = ["--config", str(made.node_toml(centre)), "run"]
    made.start(f"centre-{centre}", [sys.executable, "-c", SPY, str(sent), *config])
    return made.node(centre, "budget")


def test_the_search_finds_every_canary_where_they_are(watched: Watched) -> None:
    """The control: in the sources each is found; and so it is in bytes made of its other forms."""
    hits = found_below(watched.canaries, watched.sources)
    assert set().union(*hits.values()) == set(watched.canaries)
    assert set(hits) == {"east.csv", "west.csv", "wrong.csv", "torn.csv"}
    some = next(canary for canary in watched.canaries if canary.startswith("pid"))
    assert found([some], b"x" + some.encode().hex().encode()) == {some}
    assert found([some], b"xy" + some.encode("utf-16-le")) == {some}


def test_what_was_asked_was_answered_or_refused_as_meant(watched: Watched) -> None:
    """Without this, silence would pass for secrecy."""
    answers = watched.said[2 : 2 + 2 * len(QUESTIONS)]
    exact = next(one.json for one in answers if one.json["release"]["rho"] == "1000000000")
    assert [row["estimate"] for row in exact["table"]] == [24, 24]
    after = watched.said[2 + len(answers) :]
    assert [one.exit_code for one in after[: len(REFUSED)]] == [2, 2, 2, 3, 0]
    imports = after[len(REFUSED) : len(REFUSED) + 6]
    assert [one.exit_code for one in imports] == [2] * 6
    assert watched.sent.stat().st_size > 10_000


def test_no_canary_is_in_a_byte_that_a_node_sent(watched: Watched) -> None:
    assert found(watched.canaries, watched.sent.read_bytes()) == set()


def test_no_canary_is_in_what_any_program_said(watched: Watched) -> None:
    for outcome in watched.said:
        assert found(watched.canaries, (outcome.stdout + outcome.stderr).encode()) == set()


def test_no_canary_lies_in_plain_anywhere_in_the_sandbox(watched: Watched) -> None:
    """Coordinator, logs, and the nodes' own folders: snapshots, ledgers, reports, keys."""
    assert any(watched.made.root.rglob("*.duckdb"))
    assert found_below(watched.canaries, watched.made.root) == {}
    assert found_below(watched.canaries, watched.made.root.parent / "failed") == {}


def test_the_odd_number_is_in_the_data_and_counted(watched: Watched) -> None:
    """The node did read the canaries: the sum of doses is theirs."""
    sums = next(one.json for one in watched.said if _is_exact_sum(one))
    assert sums["by_centre"]["east"][0]["estimate"] >= 4 * float(NUMBER) - 1000


def _is_exact_sum(outcome: Outcome) -> bool:
    if not outcome.stdout.startswith('{"format": "skerry.result/1"'):
        return False
    tree = outcome.json
    return bool(tree["statistic"]["kind"] == "sum" and tree["release"]["rho"] == "1000000000")
