"""The distribution works away from the checkout.

The five packages have generic names. A foreign package of the same name would break the programs
while tests in the checkout stay green, since the checkout comes first on their path. So the
questions here are put to an isolated interpreter (`-I`, cwd `/`).
"""

import json
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path, PurePosixPath

import pytest

from tests.architecture.checkout import ROOMS, ROOT, room_files

PROGRAMS = {"skerry", "skerry-coordinator", "skerry-node", "skerry-sandbox"}

pytestmark = pytest.mark.xdist_group("packaging")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the checkout with what is installed: no network is needed."""
    folder = tmp_path_factory.mktemp("wheel")
    _run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder), cwd=ROOT)
    (built,) = folder.glob("skerry-*.whl")
    return built


@pytest.fixture(scope="module")
def unpacked(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def test_installed_packages_are_those_of_this_checkout() -> None:
    # Exactly these files: a foreign package in .venv would lie below the checkout as well.
    expected = {room: str(ROOT / room / "__init__.py") for room in ROOMS}

    assert _import_isolated() == expected


def test_wheel_holds_the_files_of_the_five_packages_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}

    assert names == {path.relative_to(ROOT).as_posix() for path in room_files()}


@pytest.mark.parametrize(
    "pattern",
    [
        *(f"{room}/py.typed" for room in ROOMS),
        *(f"{room}/README.md" for room in ROOMS),
        "protocols/wire/v1/*.proto",
        "protocols/dictionaries/*",
        "protocols/spec/*.md",
        "coordinator/analyst/templates/*.html",
        "coordinator/migrations/env.py",
        "coordinator/migrations/versions/v0001_*.py",
        "deploy/notebooks/*.ipynb",
        "protocols/templates/*.html",
        "protocols/templates/*.css",
        "privacy/proofs/*.md",
    ],
)
def test_wheel_holds(wheel: Path, pattern: str) -> None:
    with zipfile.ZipFile(wheel) as archive:
        assert any(PurePosixPath(name).match(pattern) for name in archive.namelist())


def test_wheel_carries_the_licence_and_the_notice(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        licences = {PurePosixPath(name).name for name in archive.namelist() if "/licenses/" in name}

    assert licences == {"LICENSE", "NOTICE"}


def test_unpacked_wheel_is_complete(unpacked: Path) -> None:
    expected = {room: str(unpacked / room / "__init__.py") for room in ROOMS}

    assert _import_isolated(first_on_path=unpacked) == expected


def test_the_four_programs_are_declared() -> None:
    assert set(_programs()) == PROGRAMS


@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_program_imports_from_the_unpacked_wheel(unpacked: Path, name: str) -> None:
    module, _, function = _programs()[name].partition(":")
    code = f"import sys; sys.path.insert(0, {str(unpacked)!r}); from {module} import {function}"

    _run(sys.executable, "-I", "-c", f"{code}; assert callable({function})", cwd=Path("/"))


def test_a_store_is_made_by_the_unpacked_wheel(unpacked: Path, tmp_path: Path) -> None:
    """Alembic finds the steps by their files, not by an import."""
    code = [
        "import sys, pathlib",
        f"sys.path.insert(0, {str(unpacked)!r})",
        "from coordinator import store",
        f"assert store.__file__.startswith({str(unpacked)!r})",
        f"store.open_store(pathlib.Path({str(tmp_path / 'coordinator.db')!r})).close()",
    ]
    _run(sys.executable, "-I", "-c", "\n".join(code), cwd=Path("/"))


def test_a_foreign_package_of_the_same_name_is_noticed(tmp_path: Path) -> None:
    foreign = tmp_path / "node"
    foreign.mkdir()
    (foreign / "__init__.py").touch()

    assert _import_isolated(first_on_path=tmp_path)["node"] != str(ROOT / "node" / "__init__.py")


def _programs() -> dict[str, str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    scripts: dict[str, str] = project["scripts"]
    return scripts


def _import_isolated(first_on_path: Path | None = None) -> dict[str, str]:
    """Import the five packages away from the checkout; return where each came from."""
    code = [
        "import importlib, json, sys",
        f"sys.path[:0] = {[str(first_on_path)] if first_on_path else []!r}",
        f"print(json.dumps({{r: importlib.import_module(r).__file__ for r in {ROOMS!r}}}))",
    ]
    found: dict[str, str] = json.loads(_run(sys.executable, "-I", "-c", "\n".join(code), cwd=Path("/")))
    return found


def _run(*command: str, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_lock_has_hashes_and_no_address() -> None:
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    pins = [place for place, line in enumerate(lines) if not line.startswith(" ")]

    assert all("==" in lines[place] for place in pins)
    assert all(lines[place + 1].strip().startswith("--hash=sha256:") for place in pins)
    assert [line for line in lines if ":" + "//" in line or "index" in line.split("==")[0]] == []
