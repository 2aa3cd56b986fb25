"""The files that a command is to write beside what it prints: pictures and pages.

They are checked before anything is asked. What still goes wrong when they are written is said after
the result has been printed: an answer that was paid for is never lost for a file.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from coordinator.analyst.registry import Registry
from coordinator.analyst.result import Result
from coordinator.errors import DrawingError
from protocols.program import Exit, ProgramError

PlotFile = Annotated[
    Path | None, typer.Option("--plot", metavar="FILE", help="Also draw the table: FILE.svg or FILE.png.")
]
PageFile = Annotated[
    Path | None, typer.Option("--page", metavar="FILE", help="Also write a page: FILE.html.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outputs:
    """Files that can be written, as far as one can know beforehand."""

    plot: Path | None
    page: Path | None

    @classmethod
    def checked(cls, plot: Path | None, page: Path | None) -> "Outputs":
        """Check names and folders. Raises ProgramError."""
        if plot is None and page is None:
            return cls(plot=None, page=None)
        from coordinator.analyst import drawing  # noqa: PLC0415 -- a third of a second, for those who draw

        try:
            if plot is not None:
                drawing.check_writable(plot, drawing.PICTURES)
            if page is not None:
                drawing.check_writable(page, drawing.PAGES)
        except DrawingError as error:
            advice = "name a file in an existing folder, such as out.svg, or out.html for a page"
            raise ProgramError(Exit.WRONG_USE, "no_output", str(error), advice) from None
        return cls(plot=plot, page=page)

    def check_question(self, registry: Registry, text: bytes) -> None:
        """Refuse a picture of what nobody could read. Raises ProgramError, and TextError."""
        if self.plot is None:
            return
        from coordinator.analyst.marks import check_drawable  # noqa: PLC0415 -- as above

        try:
            check_drawable(registry.read(text).query, registry.dictionary)
        except DrawingError as error:
            advice = "leave --plot out, or group by fewer fields; nothing was asked"
            raise ProgramError(Exit.WRONG_USE, "no_picture", str(error), advice) from None

    def write(self, result: Result) -> None:
        """Write the files. What fails is said on standard error, and ends the command with 2."""
        try:
            if self.plot is not None:
                result.plot(self.plot)
            if self.page is not None:
                result.page(self.page)
        except DrawingError as error:
            # Not a ProgramError: with --json the result is already the one object on standard output.
            sys.stderr.write(f"skerry: {error}\n  the result is above; asked again, it costs nothing\n")
            raise typer.Exit(int(Exit.WRONG_USE)) from None
