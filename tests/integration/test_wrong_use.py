"""Every wrong use: its exit code, one clear sentence, a next step, and nothing changed."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration import small
from tests.integration.federation import Federation, Outcome, federation, program
from tests.integration.wrong_uses import (
    WRONG_USES,
    WrongUse,
    write_broken_settings,
    write_files,
)

_EXCEPTION = re.compile(r"Traceback|\b[A-Za-z]+(?:Error|Exception)\b|\bat 0x|<class ")


@dataclass(frozen=True, slots=True)
class Bench:
    """A running sandbox and the files of the wrong uses."""

    made: Federation
    files: Path

    def state(self) -> dict[str, str]:
        """Give every file with its content's hash.

        What may change: import reports and logs are added to, and `up` may have begun a new sandbox.
        """
        folders = (self.made.root, self.files)
        return {
            str(path): hashlib.sha256(path.read_bytes()).hexdigest()
            for folder in folders
            for path in folder.rglob("*")
            if path.is_file() and not {"imports", "logs", "new"} & set(path.relative_to(folder).parts)
            if path.suffix != ".db-shm"
        }


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("wrong")
    dictionary, files = small.written(folder / "files", alone=12)
    write_files(folder / "files", small.DICTIONARY)
    with federation(folder / "box", dictionary, files) as made:
        write_broken_settings(made.root)
        yield Bench(made, folder / "files")


def run(use: WrongUse, bench: Bench, *more: str) -> Outcome:
    name, *words = use.words.format(box=bench.made.root, files=bench.files).split()
    return program(name, *words, *more)


@pytest.mark.parametrize("name", WRONG_USES)
def test_a_wrong_use_is_told_and_changes_nothing(bench: Bench, name: str) -> None:
    use = WRONG_USES[name]
    before = bench.state()
    outcome = run(use, bench, *(["--json"] if use.takes_json else []))
    assert outcome.exit_code == use.exit_code, outcome.stderr
    assert not _EXCEPTION.search(outcome.stderr + outcome.stdout)
    lines = outcome.stderr.splitlines()
    sentences = [place for place, line in enumerate(lines) if line.startswith(f"{use.words.split()[0]}: ")]
    assert len(sentences) == 1, outcome.stderr
    assert use.says in "\n".join(lines[sentences[0] :])
    assert lines[-1].startswith("  "), "no next step"
    assert len(lines) > sentences[0] + 1
    if use.takes_json:
        tree = outcome.json
        assert tree["format"] == "skerry.error/1"
        assert use.says in tree["message"] + tree["next_step"]
        assert tree["next_step"]
    else:
        assert outcome.stdout == ""
    assert bench.state() == before


@pytest.mark.parametrize(
    "name",
    [
        "a field that does not exist",
        "importing another table",
        "settings that are not there",
        "a sandbox that is up",
    ],
)
def test_without_json_standard_output_stays_empty(bench: Bench, name: str) -> None:
    use = WRONG_USES[name]
    outcome = run(use, bench)
    assert (outcome.exit_code, outcome.stdout) == (use.exit_code, "")
    assert use.says in outcome.stderr


@pytest.mark.parametrize("name", ["skerry", "skerry-node", "skerry-coordinator", "skerry-sandbox"])
def test_a_program_by_itself_shows_its_help(name: str) -> None:
    outcome = program(name)
    assert outcome.exit_code == 2
    assert "Usage" in outcome.stderr + outcome.stdout
    assert program(name, "--help").exit_code == 0


def test_a_folder_that_cannot_be_written_is_told(bench: Bench) -> None:
    use = "skerry-sandbox up /proc/nothing --dictionary {files}/small.yaml --centre a={files}/alone.csv"
    outcome = run(WrongUse(words=use, says=""), bench, "--json")
    assert (outcome.exit_code, outcome.json["format"]) == (2, "skerry.error/1")
    assert not _EXCEPTION.search(outcome.stderr)


def test_the_sandbox_still_answers(bench: Bench) -> None:
    """The control, run last: the words around the wrong ones are right."""
    valid = WrongUse(words="skerry --profile {box}/analyst.toml query run {files}/valid.yaml", says="")
    outcome = run(valid, bench, "--json")
    assert (outcome.exit_code, outcome.stderr) == (0, "")
