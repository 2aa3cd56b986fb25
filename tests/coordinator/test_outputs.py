"""Files beside a result: refused before anything is asked, and never the end of an answer."""

from pathlib import Path

import pytest
import typer

from coordinator.analyst.cli import app
from coordinator.analyst.outputs import Outputs
from protocols.program import Exit, ProgramError, run
from tests.coordinator import results

RESULT = results.result(results.question({"kind": "count"}))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["query", "run", "{q}", "--plot", "{folder}/out.pdf"], "must end with .svg or .png"),
        (["query", "run", "{q}", "--plot", "{folder}/none/out.svg"], "there is no folder"),
        (["query", "run", "{q}", "--page", "{folder}/out.svg"], "must end with .html"),
        (["query", "run", "{q}", "--page", "{folder}"], "must end with .html"),
        (["query", "result", "0" * 32, "--plot", "{folder}/out"], "must end with .svg or .png"),
        (["registry", "describe", "--page", "{folder}/out.txt"], "must end with .html"),
    ],
)
def test_a_file_that_cannot_be_is_refused_before_the_profile_is_even_read(
    words: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "q.yaml").write_text("study: sandbox", encoding="utf-8")
    arguments = [word.format(q=tmp_path / "q.yaml", folder=tmp_path) for word in words]
    assert run(app, "skerry", ["--profile", str(tmp_path / "none.toml"), *arguments]) == Exit.WRONG_USE
    written = capsys.readouterr()
    assert says in written.err
    assert "profile" not in written.err
    assert written.out == ""


def test_without_files_nothing_is_checked_and_nothing_is_written(tmp_path: Path) -> None:
    Outputs.checked(None, None).write(RESULT)
    assert list(tmp_path.iterdir()) == []


def test_both_files_are_written(tmp_path: Path) -> None:
    Outputs.checked(tmp_path / "one.png", tmp_path / "one.html").write(RESULT)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.html", "one.png"]


def test_what_goes_wrong_later_is_said_and_is_no_fault_of_the_program(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    outputs = Outputs.checked(folder / "one.svg", None)
    folder.rmdir()
    with pytest.raises(typer.Exit) as ended:
        outputs.write(RESULT)
    assert ended.value.exit_code == Exit.WRONG_USE
    assert "the result is above" in capsys.readouterr().err


def test_a_refusal_names_the_next_step(tmp_path: Path) -> None:
    with pytest.raises(ProgramError) as refused:
        Outputs.checked(tmp_path / "one.gif", None)
    assert "such as out.svg" in refused.value.next_step
