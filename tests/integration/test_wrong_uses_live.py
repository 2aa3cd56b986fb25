"""Wrong uses that only a running federation tells, and a sample of all others as real processes."""

import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration import small
from tests.integration.federation import Federation, Outcome, federation, program
from tests.integration.wrong import coordinator, sandbox
from tests.integration.wrong.analyst import ALL, online_uses
from tests.integration.wrong.bench import APPS, Bench, check_told
from tests.integration.wrong.every import USES
from tests.integration.wrong.layout import laid_out, write_analyst, write_named_files
from tests.integration.wrong.node import RUN
from tests.integration.wrong.papers import Paper, write_wrong
from tests.integration.wrong.questions import question as question_text
from tests.integration.wrong.use import PROFILE, WrongUse

SEED = 20261103
SAMPLE = 10
LIVE = [
    *online_uses(),
    *sandbox.UP.with_rest(
        [
            (
                "a sandbox that is up",
                "{box} --dictionary {files}/small.yaml --centre alone={files}/alone.csv",
                "the sandbox in .*box is up",
                "^run: skerry-sandbox down ",
            )
        ]
    ),
    RUN.wrong(("a second node of a sandbox", RUN.start, "is running already", "leave it")),
    coordinator.RUN.wrong(
        ("a second coordinator of a sandbox", coordinator.RUN.right, "is running already", "leave it")
    ),
]


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("live")
    dictionary, sources = small.written(folder / "files", alone=12)
    write_named_files(folder / "files")
    (folder / "files" / "means.yaml").write_text(
        question_text("kind: mean, variable: age, by: sex"), encoding="utf-8"
    )
    (folder / "here").mkdir()
    with federation(folder / "box", dictionary, sources) as made:
        write_analyst(made.root)
        nobody = Paper(key="signing_key", make=lambda _: bytes(range(32)), is_secret=True)
        write_wrong(made.root, "skerry", {"signing-key-of-nobody": nobody})
        count, table = (
            _asked(made, kind) for kind in ({"kind": "count"}, {"kind": "mean", "variable": "age"})
        )
        places = {"box": made.root, "files": folder / "files", "count": count, "table": table}
        yield Bench(
            places=places,
            here=folder / "here",
            watched=(made.root, folder / "files"),
            unwatched=("-shm",),
        )


def _asked(made: Federation, statistic: dict[str, str]) -> str:
    """Ask a question; give its id."""
    return str(made.ask(statistic, rho="0.1").query_id)


@pytest.mark.parametrize("use", LIVE, ids=lambda use: use.id)
def test_a_wrong_use_of_a_running_federation_is_told_and_changes_nothing(
    live: Bench, use: WrongUse, capsys: pytest.CaptureFixture[str]
) -> None:
    before = live.state()
    for form in use.forms:
        check_told(use, live.run(use, form, capsys), in_json=bool(form))
        assert live.state() == before


def test_the_federation_still_answers(live: Bench) -> None:
    """The control, run behind them: the words around the wrong ones are right."""
    outcome = _process(live, f"{PROFILE} query run {{files}}/valid.yaml --json")
    assert (outcome.exit_code, outcome.stderr) == (0, "")


@pytest.fixture(scope="module")
def laid(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with laid_out(tmp_path_factory.mktemp("wrong")) as made:
        yield made


def _sample() -> list[WrongUse]:
    draw = random.Random(SEED)  # noqa: S311 -- which cases are tried as processes
    return [use for name in APPS for use in draw.sample([one for one in USES if one.program == name], SAMPLE)]


@pytest.mark.parametrize("use", _sample(), ids=lambda use: use.id)
def test_a_process_says_and_does_the_same(laid: Bench, use: WrongUse) -> None:
    before = laid.state()
    form = use.forms[-1]
    outcome = _process(laid, f"{use.words} {form}")
    check_told(use, outcome, in_json="--json" in (form, *use.words.split()))
    assert laid.state() == before


def _process(bench: Bench, words: str) -> Outcome:
    """Run a program as a process, in the bench's empty folder."""
    use = ALL[0].wrong(("", words, "", ""))
    name, *rest = use.argv(bench.places)
    done = subprocess.run(
        [str(Path(sys.executable).parent / name), *rest],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=bench.here,
        stdin=subprocess.DEVNULL,
    )
    return Outcome(exit_code=done.returncode, stdout=done.stdout, stderr=done.stderr)


def test_a_name_that_is_no_text_is_told(laid: Bench) -> None:
    """A file's name is bytes: one that is not UTF-8 is escaped, on both outputs."""
    name = (str(laid.here) + "/z").encode() + b"\xfc.yaml"
    node = str(Path(sys.executable).parent / "skerry-node")
    command: list[str | bytes] = [node, "dictionary", "check", name, "--json"]
    done = subprocess.run(command, capture_output=True, timeout=120, check=False)
    outcome = Outcome(exit_code=done.returncode, stdout=done.stdout.decode(), stderr=done.stderr.decode())
    assert (outcome.exit_code, outcome.stderr.count("Traceback")) == (2, 0)
    assert r"z\udcfc.yaml cannot be read" in outcome.json["message"]


@pytest.mark.parametrize("name", APPS)
def test_a_program_by_itself_shows_its_help(name: str) -> None:
    outcome = program(name)
    assert outcome.exit_code == 2
    assert "Usage" in outcome.stderr + outcome.stdout
    assert program(name, "--help").exit_code == 0
