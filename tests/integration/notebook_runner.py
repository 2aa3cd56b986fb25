"""Runs a notebook in a folder and writes it with its outputs: `notebook_runner IN OUT FOLDER`.

A process of its own, because the library for it leaves sockets behind. The kernel is a third process,
of this same interpreter: the last cell, which is added here, says which one it was.
"""

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient


def main(source: str, target: str, folder: str) -> None:
    """Run it; a cell that fails ends with its error."""
    notebook = nbformat.reads(Path(source).read_text(encoding="utf-8"), as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell("import sys\n\nprint(sys.executable)"))
    runner = NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": folder}}
    )
    runner.execute()
    Path(target).write_text(nbformat.writes(notebook), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
