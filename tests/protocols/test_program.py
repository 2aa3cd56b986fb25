"""How every command ends: one exit code, one sentence, with --json one object. spec/commands.md 1."""

import json

import pytest
import typer

from protocols.program import Exit, ProgramError, print_json, run

SECRET = "a patient's value"


def _app() -> typer.Typer:
    app = typer.Typer(add_completion=False)

    @app.command()
    def fine(json: bool = False) -> None:
        print_json({"answer": 1})

    @app.command()
    def refused(json: bool = False) -> None:
        raise ProgramError(Exit.REFUSED, "refused", "no", "ask less", centres={"a": {}}, report=1)

    @app.command()
    def broken(json: bool = False) -> None:
        raise ValueError(SECRET)

    @app.command()
    def found(json: bool = False) -> None:
        raise typer.Exit(Exit.INTERNAL)

    @app.command()
    def stopped(json: bool = False) -> None:
        raise KeyboardInterrupt

    return app


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        (["fine"], Exit.DONE, None),
        (["refused"], Exit.REFUSED, "refused"),
        (["broken"], Exit.INTERNAL, "internal"),
        (["found"], Exit.INTERNAL, None),
        (["stopped"], Exit.INTERNAL, "interrupted"),
        (["no-such-command"], Exit.WRONG_USE, "wrong_use"),
        (["fine", "--no-such-option"], Exit.WRONG_USE, "wrong_use"),
    ],
)
def test_every_end_has_its_code_and_its_object(
    words: list[str], code: Exit, error: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(_app(), "program", [*words, "--json"]) == code
    output, errors = capsys.readouterr()
    assert output.count("\n") == (0 if words == ["found"] else 1)
    if error is not None:
        tree = json.loads(output)
        assert (tree["format"], tree["code"]) == ("skerry.error/1", error)
        assert tree["message"] in errors
        assert tree["next_step"] in errors


def test_a_fault_names_its_type_and_place_and_never_its_text(capsys: pytest.CaptureFixture[str]) -> None:
    run(_app(), "program", ["broken", "--json"])
    output, errors = capsys.readouterr()
    assert SECRET not in output + errors
    assert "ValueError in test_program.py:" in errors


def test_without_json_an_error_is_two_lines_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(_app(), "program", ["refused"]) == Exit.REFUSED
    assert capsys.readouterr() == ("", "program: no\n  ask less\n")


def test_not_a_number_is_a_fault_and_no_value() -> None:
    with pytest.raises(ValueError, match="Out of range"):
        print_json({"x": float("nan")})
