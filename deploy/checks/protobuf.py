"""Compare the committed protobuf modules with what `protoc` makes of the `.proto` files.

* Without arguments: generate into a temporary folder, print every difference, exit with 1 if there
  is one. A module without a `.proto` file is a difference too.
* With `--write`: put the generated modules in place and remove those without a source.

Run from the root of the checkout: imports inside a `.proto` file are written from there.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCES = Path("protocols/wire")
SUFFIXES = ("_pb2.py", "_pb2.pyi")


class GenerationError(Exception):
    """`protoc` refused a `.proto` file; the text is its own."""


def generate(root: Path) -> dict[Path, bytes]:
    """Return every generated module by its path below `root`; write nothing there.

    Raises GenerationError when `protoc` does not accept a file.
    """
    sources = sorted(str(path.relative_to(root)) for path in (root / SOURCES).rglob("*.proto"))
    if not sources:
        return {}
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "grpc_tools.protoc", "-I", "."]
        command += [f"--python_out={folder}", f"--pyi_out={folder}", *sources]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise GenerationError(done.stderr.strip())
        return _modules(Path(folder))


def committed(root: Path) -> dict[Path, bytes]:
    """Return every generated module that lies in the checkout, by its path below `root`."""
    modules = _modules(root / SOURCES)
    return {SOURCES / path: content for path, content in modules.items()}


def differences(root: Path) -> list[str]:
    """Say, one line a module, what a new generation would change."""
    wanted, present = generate(root), committed(root)
    lines = [f"{path}: missing" for path in wanted.keys() - present.keys()]
    lines += [f"{path}: no .proto file makes it" for path in present.keys() - wanted.keys()]
    both = wanted.keys() & present.keys()
    lines += [f"{path}: differs" for path in both if wanted[path] != present[path]]
    return sorted(lines)


def write(root: Path) -> None:
    """Bring the checkout in line with its `.proto` files."""
    wanted = generate(root)
    for path in committed(root).keys() - wanted.keys():
        (root / path).unlink()
    for path, content in wanted.items():
        (root / path).write_bytes(content)


def main() -> int:
    """Run the check, or the writing; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m deploy.checks.protobuf")
    parser.add_argument("--write", action="store_true", help="replace the committed modules")
    root = Path.cwd()
    try:
        if parser.parse_args().write:
            write(root)
        lines = differences(root)
    except GenerationError as error:
        lines = [str(error)]
    for line in lines:
        print(line)
    if lines:
        print("run: python -m deploy.checks.protobuf --write")
    return 1 if lines else 0


def _modules(folder: Path) -> dict[Path, bytes]:
    return {
        path.relative_to(folder): path.read_bytes()
        for path in folder.rglob("*")
        if path.name.endswith(SUFFIXES)
    }


if __name__ == "__main__":
    sys.exit(main())
