"""The privacy officer's commands about a policy file: `policy check`, `policy preview`."""

import sys
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from node.commands.officer import AUDIT_ADVICE, existing_ledger
from node.commands.opening import Json, rules_of, settings_of
from node.commands.periods import Since, period_of
from node.errors import LedgerBusyError, LedgerError, RulesError
from node.policy import Policy, read_policy
from node.policy_check import forbidden_problems, problems_of
from node.rules import Rules, load_rules
from node.settings import load_settings
from protocols.clock import system_clock
from protocols.errors import Problem, TextError
from protocols.program import Exit, ProgramError, print_json
from protocols.signed_text import SignedText

if TYPE_CHECKING:
    from node.policy_change import Change
    from node.policy_preview import Judged, Question
    from node.policy_words import Difference
    from protocols.dictionary import Dictionary

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
    change = _change(context, octets)
    if json:
        loosens = {"officers_needed": change.officers_needed, "loosens": list(change.looser)}
        print_json(_tree(policy_words(policy), compared, signers, why_not) | loosens)
    else:
        text = _text(file, policy_words(policy), compared, signers, why_not)
        sys.stdout.write(text + _change_words(change))


def _change(context: typer.Context, octets: bytes) -> "Change":
    """Hold a policy against the one that came into force last; without a ledger there is none."""
    from node.ledger.ledger import Ledger
    from node.policy_change import change_of

    try:
        path = existing_ledger(load_settings(context.find_root().obj))
        in_force = Ledger(path, system_clock).policy() if path else None
    except RulesError:
        in_force = None  # no settings: a policy may be checked anywhere
    except (LedgerError, LedgerBusyError) as error:
        raise ProgramError(Exit.INTERNAL, "ledger", str(error), AUDIT_ADVICE) from None
    return change_of(in_force.octets if in_force else None, octets, {})


def _change_words(change: "Change") -> str:
    if not change.looser:
        return "\nTo come into force it needs the signature of this node's officer.\n"
    lines = [f"* {one}" for one in change.looser]
    needed = (
        f"To come into force it needs {change.officers_needed} officers of this centre, because it loosens:"
    )
    return "\n".join(["", needed, *lines]) + "\n"


@app.command("preview")
def preview_command(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A policy, signed or not yet.")],
    *,
    since: Since = None,
    query: Annotated[
        list[Path] | None, typer.Option("--query", metavar="QUERY", help="Also judge this query, as of now.")
    ] = None,
    json: Json = False,
) -> None:
    """Replay every question that was ever charged, and show what this policy would have said to it.

    What it would have refused spends nothing, so that later questions find what it would have left. Nothing
    is written, and no row is read. Studies may refuse more; repeats are free, and not shown.
    """
    from node.ledger.charged import charged
    from node.policy_preview import Replay, preview

    settings = settings_of(context)
    rules, period = rules_of(settings), period_of(since, None)
    policy = _right_policy(file, rules.dictionary)
    made_up = [_made_up(path, rules) for path in query or ()]
    try:
        path = existing_ledger(settings)
        past = charged(path) if path else ()
    except (LedgerError, LedgerBusyError) as error:
        raise ProgramError(Exit.INTERNAL, "ledger", str(error), AUDIT_ADVICE) from None
    judged = preview(Replay(policy, rules.studies, rules.centre), past, made_up)
    shown = [one for one in judged if period.holds(one.question.at.date())]
    if json:
        questions = [one.to_json() for one in shown]
        print_json(
            {"format": "skerry.policy-preview/1", "centre": str(rules.centre), "since": since}
            | {"allowed": sum(one["is_allowed"] for one in questions), "questions": questions}
        )
    else:
        Console().print(_preview_table(shown, str(rules.centre), file))


def _right_policy(file: Path, dictionary: "Dictionary") -> Policy:
    octets = _read(file)
    problems = problems_of(octets, (files("deploy.policies") / "strict.toml").read_bytes())
    problems = problems or forbidden_problems(octets, dictionary)
    if problems:
        raise _wrong(file, problems)
    return read_policy(octets)


def _made_up(path: Path, rules: Rules) -> "Question":
    from node.policy_preview import Question
    from protocols.query_text import read_request

    try:
        request = read_request(path.read_bytes(), rules.dictionary)
    except OSError as error:
        what, advice = f"the query {path} cannot be read ({error.strerror})", "name an existing query file"
        raise ProgramError(Exit.WRONG_USE, "query", what, advice) from None
    except TextError as error:
        what = f"the query {path} is wrong: {error.problems[0]}"
        advice = "the format is in protocols/spec/queries.md"
        raise ProgramError(Exit.WRONG_USE, "query", what, advice, problems=error.problems) from None
    return Question(at=datetime.now(UTC), study=request.study, query=request.query)


def _preview_table(judged: "list[Judged]", centre: str, file: Path) -> Table:
    allowed = sum(one.refusal is None for one in judged)
    table = Table(
        title=f"what {escape(str(file))} would have said at {centre} (rho, zCDP; times in UTC)",
        title_justify="left",
        caption=f"{allowed} allowed, {len(judged) - allowed} refused; nothing was changed",
        caption_justify="left",
    )
    table.add_column("event", justify="right")
    for heading in ("asked at", "by", "study"):
        table.add_column(heading, overflow="fold")
    table.add_column("rho", justify="right", overflow="fold")
    table.add_column("question", ratio=2, overflow="fold")
    table.add_column("this policy", ratio=2, overflow="fold")
    table.add_column("registry left", justify="right", overflow="fold")
    for one in judged:
        tree, left = one.to_json(), one.left["registry"]
        table.add_row(
            "" if tree["event"] is None else str(tree["event"]),
            f"{one.question.at:%Y-%m-%d %H:%M}",
            tree["analyst"] or "made up",
            tree["study"],
            tree["rho"],
            escape(tree["question"]),
            "allowed" if one.refusal is None else escape(f"{tree['code']}: {tree['why']}"),
            "no limit" if left is None else str(left),
        )
    return table


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
