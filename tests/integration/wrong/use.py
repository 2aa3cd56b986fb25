"""What a wrong use is, and how the tables of them are put together.

Words are split as a shell splits them. Places in braces are filled in by the bench: `{box}` is the
folder of a sandbox, `{files}` that of the files which stand on command lines.
"""

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

PROFILE = "skerry --profile {box}/analyst.toml"
CONFIG = "skerry-node --config {box}/centres/alone/node.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongUse:
    """One wrong use, and what must come of it.

    `says` and `then` are regular expressions: the sentence's essential words, and those of the next step.
    """

    command: str
    name: str
    words: str
    says: str
    then: str
    exit_code: int = 2
    takes_json: bool = True

    @property
    def id(self) -> str:
        """Name it in a report of tests."""
        return f"{self.command}: {self.name}"

    def argv(self, places: Mapping[str, object]) -> list[str]:
        """Give the words as a shell would, with the places filled in."""
        return [
            word.format(**{name: str(place) for name, place in places.items()})
            for word in shlex.split(self.words)
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command and a right use of it: `start` names program, settings and command, `rest` what follows."""

    name: str
    start: str
    rest: str = ""
    takes_json: bool = True

    @property
    def right(self) -> str:
        """A right use, but for what a table does to it."""
        return f"{self.start} {self.rest}".strip()

    def wrong(self, name: str, words: str, says: str, then: str, exit_code: int = 2) -> WrongUse:
        """Make a wrong use of this command."""
        return WrongUse(
            command=self.name,
            name=name,
            words=words,
            says=says,
            then=then,
            exit_code=exit_code,
            takes_json=self.takes_json,
        )

    def with_rest(self, rows: Iterable[tuple[str, str, str, str]], exit_code: int = 2) -> list[WrongUse]:
        """Make a wrong use of each row: its name, what follows the command, the sentence, the next step."""
        return [
            self.wrong(name, f"{self.start} {rest}", says, then, exit_code)
            for name, rest, says, then in rows
        ]
