"""The privacy officer's command about a policy file: `policy check`."""

import sys
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from node.commands.opening import Json
from node.errors import RulesError
from node.policy import Policy, read_policy
from node.policy_check import forbidden_problems, problems_of
from node.rules import Rules, load_rules
from node.settings import load_settings
from protocols.errors import Problem
from protocols.program import Exit, ProgramError, print_json
from protocols.signed_text import SignedText

if TYPE_CHECKING:
    from node.policy_words import Difference

app = typer.Typer(help="The custodian's rules over every study.", no_args_is_help=True)


@app.command("check")
def check(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A policy, signed or not yet.")],
    json: Json = False,
) -> None:
    """Say everything that is wrong with a policy, or in plain language what it allows.

    It is held against the shipped policy `strict`; where the settings file is there, also against the
    policy in force, and its forbidden fields against the dictionary. Signatures are not verified.
    """
    from node.policy_words import differences, policy_words

    octets = _read(file)
    # A file, not code: nothing of that room is imported.
    strict = (files("deploy.policies") / "strict.toml").read_bytes()
    rules, why_not = _rules(context)
    problems = problems_of(octets, strict)
    if not problems and rules is not None:
        problems = forbidden_problems(octets, rules.dictionary)
    if problems:
        raise _wrong(file, problems)
    policy = read_policy(octets)
    beside: dict[str, Policy] = {"strict": read_policy(strict)}
    if rules is not None:
        beside["in force"] = rules.policy
    compared = {name: differences(policy, other) for name, other in beside.items()}
    signers = [who for who, _ in SignedText.parse(octets).signatures]
    if json:
        print_json(_tree(policy_words(policy), compared, signers, why_not))
    else:
        sys.stdout.write(_text(file, policy_words(policy), compared, signers, why_not))


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        what = f"the policy {file} cannot be read ({error.strerror})"
        raise ProgramError(Exit.WRONG_USE, "policy", what, "name the file that you want to check") from None


def _rules(context: typer.Context) -> tuple[Rules | None, str]:
    """Read what is in force; where that cannot be, say why. A check needs none of it."""
    try:
        return load_rules(load_settings(context.find_root().obj)), ""
    except RulesError as error:
        return None, str(error).splitlines()[0]


def _wrong(file: Path, problems: tuple[Problem, ...]) -> ProgramError:
    return ProgramError(
        Exit.WRONG_USE,
        "policy",
        f"the policy {file} is wrong: {problems[0]}",
        "every key is in protocols/spec/policy.md",
        problems=problems,
    )


def _tree(
    allows: list[str], compared: "dict[str, tuple[Difference, ...]]", signers: list[str], why_not: str
) -> dict[str, Any]:
    return {
        "format": "skerry.policy-check/1",
        "is_valid": True,
        "signed_by": signers,
        "allows": allows,
        "compared": {
            name: [
                {"key": one.key, "here": one.here, "there": one.there, "direction": one.direction.value}
                for one in those
            ]
            for name, those in compared.items()
        },
        "not_compared": why_not,
    }


def _text(
    file: Path,
    allows: list[str],
    compared: "dict[str, tuple[Difference, ...]]",
    signers: list[str],
    why_not: str,
) -> str:
    signed = f"bears a signature of {', '.join(signers)}" if signers else "is not signed yet"
    lines = [f"{file} is a valid policy; it {signed}.", ""]
    lines += [f"* {sentence}" for sentence in allows]
    for name, those in compared.items():
        lines += ["", f"Beside the policy {name}: {'the same' if not those else ''}".rstrip()]
        lines += [f"* {one.key}: {one.direction.value}: {one.here}; there {one.there}" for one in those]
    if why_not:
        lines += ["", f"Not held against a policy in force: {why_not}"]
    return "\n".join(lines) + "\n"
