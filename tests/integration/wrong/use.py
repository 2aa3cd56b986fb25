"""What a wrong use is, and how the tables of them are put together.

Words are split as a shell splits them. Places in braces are filled in by the bench: `{box}` is the
folder of a sandbox, `{files}` that of the files which stand on command lines.
"""

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

PROFILE = "skerry --profile {box}/analyst.toml"
CONFIG = "skerry-node --config {box}/centres/alone/node.toml"

Row = tuple[str, str, str, str]
"""A name, words, and two regular expressions: of the sentence, and of the next step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongUse:
    """One wrong use, and what must come of it.

    `says` and `then` are regular expressions: the sentence's essential words, and those of the next step.
    `forms` are the words with which it is tried at its end: none, and `--json`.
    """

    command: str
    name: str
    words: str
    says: str
    then: str
    exit_code: int = 2
    forms: tuple[str, ...] = ("", "--json")

    @property
    def id(self) -> str:
        """Name it in a report of tests."""
        return f"{self.command}: {self.name}"

    @property
    def program(self) -> str:
        """The program's name."""
        return self.command.split()[0]

    def argv(self, places: Mapping[str, object]) -> list[str]:
        """Give the words as a shell would, with the places filled in."""
        texts = {name: str(place) for name, place in places.items()}
        return [word.format(**texts) for word in shlex.split(self.words)]


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

    def wrong(self, row: Row, exit_code: int = 2) -> WrongUse:
        """Make a wrong use of this command, whose words are the whole line."""
        name, words, says, then = row
        forms = ("", "--json") if self.takes_json else ("",)
        return WrongUse(
            command=self.name,
            name=name,
            words=words,
            says=says,
            then=then,
            exit_code=exit_code,
            forms=forms,
        )

    def with_rest(self, rows: Iterable[Row], exit_code: int = 2) -> list[WrongUse]:
        """Make a wrong use of each row, whose words follow the command."""
        return [
            self.wrong((name, f"{self.start} {rest}", says, then), exit_code)
            for name, rest, says, then in rows
        ]
