"""The files of this checkout, as the architecture tests see them."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("coordinator", "deploy", "node", "privacy", "protocols")


def files() -> list[Path]:
    """Every file that is committed or would be: ignored files are left out."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    paths = [ROOT / name for name in names.split("\0") if name]
    # A file removed and not yet committed is still listed.
    return sorted(path for path in paths if path.is_file())


def room_files(suffix: str = "") -> list[Path]:
    """Every file of the five packages whose name ends with `suffix`."""
    return [
        path for path in files() if path.relative_to(ROOT).parts[0] in ROOMS and path.name.endswith(suffix)
    ]


def is_generated(path: Path) -> bool:
    """Whether `protoc` wrote this file."""
    return path.name.endswith(("_pb2.py", "_pb2.pyi"))


def written_modules() -> list[Path]:
    """Every Python file of the five packages that a person wrote."""
    return [path for path in room_files(".py") if not is_generated(path)]
