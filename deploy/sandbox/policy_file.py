"""The rules of a sandbox, before anything is made: a wrong policy would only show when a node starts.

The sandbox imports none of the programs, so the node itself is asked what is wrong: `skerry-node policy
check`. What it cannot know without a centre's settings, the registry's fields, is looked at here.
"""

import json
import subprocess
import tempfile
import tomllib
from pathlib import Path

from deploy.sandbox.errors import SandboxError
from deploy.sandbox.processes import program
from protocols.dictionary import Dictionary, FieldName
from protocols.documents import nearest
from protocols.errors import Problem

_ADVICE = "every key is in protocols/spec/policy.md"


def check_policy(choice: str, text: str, dictionary: Dictionary) -> None:
    """Refuse a policy that no node would obey. Raises SandboxError with every problem."""
    problems = _problems(text) or _forbidden(text, dictionary)
    if problems:
        raise SandboxError(f"the policy {choice} is wrong: {problems[0]}", _ADVICE, problems=problems)


def _problems(text: str) -> list[Problem]:
    with tempfile.TemporaryDirectory(prefix="skerry-sandbox-") as folder:
        file = Path(folder) / "policy.toml"
        file.write_text(text, encoding="utf-8")
        # No settings: nothing is in force yet that it could be held against.
        settings = ["--config", str(Path(folder) / "none.toml")]
        command = [program("skerry-node"), *settings, "policy", "check", str(file), "--json"]
        done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, check=False)
    if not done.returncode:
        return []
    try:
        found = json.loads(done.stdout)["problems"]
    except (ValueError, KeyError):
        raise SandboxError("the policy could not be checked", "run: skerry-node policy check FILE") from None
    return [Problem(**(one | {"line": one["line"] or 0})) for one in found]


def _forbidden(text: str, dictionary: Dictionary) -> list[Problem]:
    """Say which forbidden fields are none: the node refuses them, because they would forbid nothing."""
    names = [str(FieldName(table.name, one.name)) for table in dictionary.tables for one in table.fields]
    return [
        Problem(
            line=0,
            where="forbidden_fields",
            what=f"{name!r} is no field of the registry",
            next_step=nearest(name, names),
        )
        for name in tomllib.loads(text)["forbidden_fields"]
        if name not in names
    ]
