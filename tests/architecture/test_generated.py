"""The check of the generated protobuf modules notices what it is for."""

from pathlib import Path

import pytest

from deploy.checks.protobuf import SOURCES, GenerationError, differences, write

PROTO = 'syntax = "proto3";\npackage sample;\nmessage Sample { int64 value = 1; }\n'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / SOURCES).mkdir(parents=True)
    (tmp_path / SOURCES / "sample.proto").write_text(PROTO, encoding="utf-8")
    write(tmp_path)
    return tmp_path


def test_a_fresh_generation_has_no_differences(root: Path) -> None:
    assert differences(root) == []


def test_generation_gives_the_same_bytes_twice(root: Path) -> None:
    before = (root / SOURCES / "sample_pb2.py").read_bytes()

    write(root)

    assert (root / SOURCES / "sample_pb2.py").read_bytes() == before


def test_an_edited_source_is_a_difference(root: Path) -> None:
    source = root / SOURCES / "sample.proto"
    source.write_text(PROTO.replace("int64 value", "int64 other"), encoding="utf-8")

    assert differences(root) == [
        f"{SOURCES}/sample_pb2.py: differs",
        f"{SOURCES}/sample_pb2.pyi: differs",
    ]


def test_an_edited_module_is_a_difference(root: Path) -> None:
    with (root / SOURCES / "sample_pb2.py").open("a", encoding="utf-8") as module:
        module.write("# edited\n")

    assert differences(root) == [f"{SOURCES}/sample_pb2.py: differs"]


def test_a_missing_module_is_a_difference(root: Path) -> None:
    (root / SOURCES / "sample_pb2.pyi").unlink()

    assert differences(root) == [f"{SOURCES}/sample_pb2.pyi: missing"]


def test_a_module_without_source_is_a_difference_and_goes(root: Path) -> None:
    (root / SOURCES / "old_pb2.py").touch()

    assert differences(root) == [f"{SOURCES}/old_pb2.py: no .proto file makes it"]
    write(root)
    assert differences(root) == []


def test_a_source_that_protoc_refuses_is_reported(root: Path) -> None:
    (root / SOURCES / "sample.proto").write_text("message {", encoding="utf-8")

    with pytest.raises(GenerationError, match=r"sample\.proto"):
        differences(root)
