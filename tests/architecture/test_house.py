"""The house rules that a machine can hold. CONTRIBUTING.md says them in words."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.architecture import scanners
from tests.architecture.checkout import ROOMS, ROOT, files, is_generated, written_modules

MOST_LINES = 500
ODDS_AND_ENDS = frozenset({"base", "common", "handler", "helper", "manager", "util"})


def _found(paths: list[Path], scan: Callable[[str], object]) -> dict[str, object]:
    """What a scanner finds, by file; files that are not text are left out."""
    results = {path.relative_to(ROOT).as_posix(): scan(_text(path)) for path in paths}
    return {name: result for name, result in results.items() if result}


def _text(path: Path) -> str:
    content = path.read_bytes()
    return "" if b"\0" in content else content.decode("utf-8")


def _is_odds_and_ends(path: Path) -> bool:
    """Whether a file or a folder on the way to it is named for no subject."""
    parts = [part.partition(".")[0].strip("_").lower() for part in path.parts]
    return any(part in ODDS_AND_ENDS or part.removesuffix("s") in ODDS_AND_ENDS for part in parts)


def _rooms() -> set[Path]:
    """Every package that holds a written module beside `__init__.py`."""
    return {path.parent for path in written_modules() if path.name != "__init__.py"} | {
        ROOT / room for room in ROOMS
    }


def test_no_file_is_named_for_odds_and_ends() -> None:
    assert [p for p in files() if _is_odds_and_ends(p.relative_to(ROOT))] == []


def test_no_written_module_is_too_long() -> None:
    lengths = {path: _text(path).count("\n") for path in written_modules()}

    assert {path: length for path, length in lengths.items() if length > MOST_LINES} == {}


def test_an_init_file_holds_only_a_docstring() -> None:
    # deploy/decisions/0007: what analysts import is handed on by this one package.
    door = ROOT / "coordinator" / "analyst" / "__init__.py"
    inits = [path for path in files() if path.name == "__init__.py" and path != door]

    assert [p for p in inits if not scanners.holds_one_docstring(_text(p))] == []


def test_every_room_has_a_readme() -> None:
    assert [room for room in sorted(_rooms()) if not (room / "README.md").is_file()] == []


def test_nothing_received_becomes_an_object_or_code() -> None:
    assert _found(written_modules(), scanners.unsafe_code) == {}


def test_names_use_the_glossary() -> None:
    assert _found(written_modules(), scanners.unused_words) == {}


def test_no_file_knows_a_machine_or_a_package_index() -> None:
    assert _found(files(), scanners.machine_addresses) == {}


# From here on: each scanner finds what it is for, and lets pass what it should.


@pytest.mark.parametrize(
    "name", ["node/utils.py", "protocols/common/ids.py", "tests/_helpers.py", "node/base.py"]
)
def test_odds_and_ends_are_noticed(name: str) -> None:
    assert _is_odds_and_ends(Path(name))


@pytest.mark.parametrize("name", ["node/gate.py", "privacy/database.md", "node/commons_rights.py"])
def test_subjects_are_not_odds_and_ends(name: str) -> None:
    assert not _is_odds_and_ends(Path(name))


@pytest.mark.parametrize("text", ["", "import os\n", '"""Doc."""\nimport os\n', "# Comment\n"])
def test_an_init_file_with_anything_else_is_noticed(text: str) -> None:
    assert not scanners.holds_one_docstring(text)


@pytest.mark.parametrize(
    "text",
    [
        "import pickle",
        "import os, pickle as p",
        "from marshal import loads",
        "def f(x):\n    return eval(x)",
        "run = exec",
        "__import__('os')",
        "import yaml\nyaml.load(x)",
        "import yaml as y\ny.unsafe_load(x)",
        "import yaml\nyaml.load(x, Loader=yaml.UnsafeLoader)",
        "from yaml import load",
        "frame = pandas.read_pickle(path)",
        "numpy.load(path, allow_pickle=True)",
        "numpy.load(path, allow_pickle=flag)",
    ],
)
def test_unsafe_code_is_noticed(text: str) -> None:
    assert scanners.unsafe_code(text)


@pytest.mark.parametrize(
    "text",
    [
        "import yaml\nyaml.safe_load(x)",
        "import json\njson.load(x)",
        "import re\nre.compile(x)",
        "numpy.load(path, allow_pickle=False)",
        "def compile(query): ...",
        "'eval(x)'",
    ],
)
def test_safe_code_passes(text: str) -> None:
    assert scanners.unsafe_code(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "class SiteManager: ...",
        "def client_count(): ...",
        "def f(parties): ...",
        "third_party = 1",
        "self.handler = 1",
        "import gate as helper",
        "for site in sites: ...",
        "privacy_budget_consumed = 1",
        "class HTTPClient: ...",
    ],
)
def test_words_outside_the_glossary_are_noticed(text: str) -> None:
    assert scanners.unused_words(text)


@pytest.mark.parametrize(
    "text",
    [
        "class Website: ...",
        "composite = 1",
        "from flwr.client import ClientApp",
        "grpc.method_handlers_generic_handler(name, methods)",
        "budget = 1\nconsumed = 2",
        "'the client'",
    ],
)
def test_words_of_the_glossary_and_of_libraries_pass(text: str) -> None:
    assert scanners.unused_words(text) == []


@pytest.mark.parametrize("folder", scanners.MACHINE_FOLDERS)
@pytest.mark.parametrize("frame", ["{}/data", "path = '{}'", "see {}/x.", "file://{}/x", "a:{}/b"])
def test_a_path_of_a_machine_is_noticed(folder: str, frame: str) -> None:
    assert scanners.machine_addresses(frame.format("/" + folder))


@pytest.mark.parametrize("address", scanners.INDEX_ADDRESSES)
def test_a_package_index_is_noticed(address: str) -> None:
    assert scanners.machine_addresses(f"see https://{address}x")


@pytest.mark.parametrize("text", ["node/work/x", "/workers", "https://work.example", "../tmp/x"])
def test_other_paths_pass(text: str) -> None:
    assert scanners.machine_addresses(text) == []


def test_generated_modules_are_not_held_to_the_rules() -> None:
    assert is_generated(Path("protocols/wire/v1/query_pb2.py"))
    assert not is_generated(Path("protocols/codec.py"))
