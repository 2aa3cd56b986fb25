"""The commands of `skerry-sandbox`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from deploy.sandbox import federation
from deploy.sandbox.errors import SandboxError
from deploy.sandbox.papers import SHIPPED, STUDY, Plan, policy_text
from deploy.sandbox.places import Places
from deploy.sandbox.policy_file import check_policy
from protocols.dictionary import Dictionary
from protocols.dictionary_text import read_dictionary
from protocols.documents import some
from protocols.errors import TextError, WireError
from protocols.ids import CentreId
from protocols.program import Exit, ProgramError, print_json
from protocols.program import run as run_program

app = typer.Typer(
    help="A whole federation on this machine, from files: a coordinator, a node for each centre, an analyst.",
    no_args_is_help=True,
    add_completion=False,
)

Directory = Annotated[
    Path, typer.Argument(metavar="DIR", help="The folder that holds everything of the sandbox.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]


def _wrong(error: SandboxError) -> ProgramError:
    return ProgramError(
        Exit.WRONG_USE,
        "sandbox",
        error.what,
        error.next_step,
        problems=error.problems,
        centres=error.centres,
    )


def _centres(pairs: list[str]) -> dict[CentreId, Path]:
    centres: dict[CentreId, Path] = {}
    for pair in pairs:
        name, separator, source = pair.partition("=")
        if not separator or not source:
            raise SandboxError(
                f"--centre {pair!r} is not NAME=FILE_OR_FOLDER", "write --centre berlin=data.csv"
            )
        try:
            centre = CentreId(name)
        except WireError as error:
            raise SandboxError(f"--centre: {error}", "write --centre berlin=data.csv") from None
        if str(centre).casefold() in {str(one).casefold() for one in centres}:
            what = f"the centre {name!r} stands twice (case does not tell names apart)"
            raise SandboxError(what, "give each centre a name of its own")
        if not Path(source).exists():
            raise SandboxError(
                f"the data of {name!r}, {source}, are not there", "name an existing file or folder"
            )
        centres[centre] = Path(source).resolve()
    return centres


def _dictionary(path: Path) -> tuple[bytes, Dictionary]:
    """Read the dictionary. Raises SandboxError, also where nobody has confirmed what was drafted."""
    text = path.read_bytes()
    try:
        dictionary = read_dictionary(text)
    except TextError as error:
        what = f"the dictionary {path} is wrong: {error.problems[0]}"
        advice = "the format is in protocols/spec/dictionary.md"
        raise SandboxError(what, advice, problems=error.problems) from None
    if dictionary.unconfirmed:
        what = f"the dictionary {path} is a draft: nobody has confirmed {some(dictionary.unconfirmed)}"
        advice = f"correct it; skerry-node dictionary check {path} lists what is to be confirmed"
        raise SandboxError(what, advice)
    return text, dictionary


def _resolved(directory: Path) -> Path:
    try:
        return directory.resolve()
    except RuntimeError:  # what Python 3.11 makes of a link to itself
        raise SandboxError(f"{directory} is a link to itself", "name another folder") from None


def _made(directory: Path) -> Places:
    """Give the places of a sandbox that `up` has made. Raises ProgramError: a mistyped name is no sandbox."""
    try:
        places = Places(_resolved(directory))
        if places.is_begun():
            return places
    except SandboxError as error:
        raise _wrong(error) from None
    except OSError as error:  # of a name that no folder can have
        why = f" ({error.strerror})"
    else:
        why = ""
    advice = f"name the folder of a sandbox, or make one: skerry-sandbox up {directory} ..."
    raise ProgramError(Exit.WRONG_USE, "no_sandbox", f"there is no sandbox in {directory}{why}", advice)


@app.command()
def up(  # noqa: PLR0917 -- the contract of the command
    directory: Directory,
    dictionary: Annotated[Path, typer.Option("--dictionary", help="The data dictionary, YAML or JSON.")],
    centre: Annotated[
        list[str], typer.Option("--centre", metavar="NAME=FILE_OR_FOLDER", help="A centre; repeat.")
    ],
    policy: Annotated[
        str, typer.Option("--policy", metavar="permissive|strict|FILE.toml", help="The rules.")
    ] = "permissive",
    budget_epsilon: Annotated[
        float | None, typer.Option("--budget-epsilon", help="The budget of each centre, at delta 1e-6.")
    ] = None,
    json: Json = False,
) -> None:
    """Start a federation; returns when every node is ready.

    \b
    For example:
      skerry-sandbox up my-federation --dictionary dict.yaml \\
          --centre berlin=berlin.csv --centre oslo=oslo.csv --budget-epsilon 4
    """
    try:
        places = Places(_resolved(directory))
        text, parsed = _dictionary(dictionary)
        rules = policy_text(policy, budget_epsilon)
        plan = Plan(
            dictionary=parsed,
            dictionary_text=text,
            centres=_centres(centre),
            policy=rules,
            port=federation.free_port(),
        )
        if policy not in SHIPPED:
            check_policy(policy, rules, parsed)
        federation.up(places, plan, lambda line: print(line, file=sys.stderr))
    except OSError as error:
        message = f"{error.filename} cannot be read or written ({error.strerror})"
        raise ProgramError(Exit.WRONG_USE, "no_file", message, "check the path and its permissions") from None
    except SandboxError as error:
        raise _wrong(error) from None
    if json:
        print_json(federation.status(places))
    else:
        skerry = f"skerry --profile {places.root / 'analyst.toml'}"
        sys.stdout.write(
            f"{len(plan.centres)} centres are ready; the study is called {STUDY}. Look, and ask:\n"
            f"  {skerry} registry describe\n  {skerry} query run QUESTION.yaml\n"
        )


@app.command()
def down(directory: Directory, json: Json = False) -> None:
    """End the sandbox's own processes; may be repeated."""
    count = federation.down(_made(directory))
    if json:
        print_json({"format": "skerry.sandbox/1", "ended": count})
    else:
        sys.stdout.write(f"ended {count} processes\n")


@app.command()
def status(directory: Directory, json: Json = False) -> None:
    """Show what runs, and which centres are on the link."""
    tree = federation.status(_made(directory))
    if json:
        print_json(tree)
        return
    sys.stdout.write(f"coordinator: {'running' if tree['is_up'] else 'not running'}\n")
    centres = tree["centres"]
    for name, one in centres.items() if isinstance(centres, dict) else ():
        word = "on the link" if one["is_online"] else "running" if one["is_running"] else "not running"
        sys.stdout.write(f"{name}: {word}\n")


@app.command()
def logs(
    directory: Directory,
    lines: Annotated[int, typer.Option("--lines", min=1, help="How many lines of each.")] = 20,
    json: Json = False,
) -> None:
    """Print the ends of all logs."""
    places = _made(directory)
    texts = federation.log_texts(places, lines)
    if json:
        logs = {name: text.splitlines() for name, text in texts.items()}
        print_json({"format": "skerry.logs/1", "directory": str(places.root), "logs": logs})
        return
    for name, text in texts.items():
        sys.stdout.write(f"== {name}\n{text}\n")


def main() -> None:
    """Run the program."""
    raise SystemExit(run_program(app, "skerry-sandbox"))
