"""The commands `dictionary draft` and `dictionary check`, and what a draft is refused."""

import re
import stat
from pathlib import Path

import pytest

from node.drafting.draft import draft
from node.errors import DraftRefused
from protocols.dictionary_text import read_dictionary
from tests.node.custodian_desk import open_desk


def _written(folder: Path, text: str | bytes, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


WRONG: dict[str, tuple[bytes | None, str]] = {
    "no file": (None, "there is no such file"),
    "an empty file": (b"", "is empty"),
    "blank lines": (b"\n\n", "single column"),
    "a header only": (b"a,b,c\n", "no rows"),
    "a single column": (b"age\n1\n2\n", "single column"),
    "bytes": (bytes(range(256)) * 20, "not text"),
    "a workbook": (b"PK\x03\x04" + bytes(200), "Excel workbook"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(100), "not text"),
    "two columns of one name": (b"age,sex,Age\n1,f,2\n", "columns 1 and 3"),
    "10,000 columns": (
        (",".join(f"c{i}" for i in range(10_000)) + "\n" + "x," * 9_999 + "x\n").encode(),
        "10,000",
    ),
    "no names": (b"a.b,c.d\nx,y\n", "no column that a dictionary can name"),
    "a ragged row": (b"a,b\nx,1\ny\n", "row 2 below the header"),
    "an open quote": (b'a,b\nx,"1\n', "quoted value is not closed"),
    "a long value": (b"a,b\nx," + b"y" * 200_000 + b"\n", "longer than"),
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong_inputs_are_one_sentence_and_leave_nothing(
    what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content, says = WRONG[what]
    desk, out = open_desk(tmp_path, capsys), tmp_path / "out.yaml"
    path = tmp_path / "t.csv" if content is None else _written(tmp_path, content)
    for more in ((), ("--json",)):
        said = desk.run("dictionary", "draft", path, "--out", out, *more)
        assert said.exit_code == 2
        assert says in said.stderr
        assert said.stderr.count("\n") == 2
        assert not out.exists()


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DraftRefused, match="is a folder"):
        draft(tmp_path)


def test_the_command_writes_a_private_file_and_never_over_another(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    desk, out = open_desk(tmp_path, capsys), tmp_path / "out.yaml"
    path = _written(tmp_path, "patient,age,bad.name\na,30,1\nb,40,2\nc,55,3\n")
    said = desk.run("dictionary", "draft", path, "--out", out)
    assert said.exit_code == 0
    assert "3 fields" not in said.stdout
    assert "column 3" in said.stdout
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    before = out.read_bytes()

    again = desk.run("dictionary", "draft", path, "--out", out, "--json")
    assert (again.exit_code, again.json["code"]) == (2, "exists")
    assert out.read_bytes() == before

    dangling = tmp_path / "link.yaml"
    dangling.symlink_to(tmp_path / "elsewhere.yaml")
    assert desk.run("dictionary", "draft", path, "--out", dangling).exit_code == 2
    assert desk.run("dictionary", "draft", path, "--out", tmp_path / "no" / "x.yaml").exit_code == 2
    assert not (tmp_path / "elsewhere.yaml").exists()


def test_the_object_says_what_was_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    desk, out = open_desk(tmp_path, capsys), tmp_path / "out.yaml"
    path = _written(tmp_path, "patient;age;note\na;30;x y\nb;40;?\nc;55;z\n")
    tree = desk.run("dictionary", "draft", path, "--out", out, "--json").json
    assert (tree["format"], tree["dictionary"], tree["delimiter"]) == ("skerry.draft/1", str(out), ";")
    assert tree["missing_values"] == ["", "?"]
    assert [(one["field"], one["role"], one["drafted"]) for one in tree["fields"]] == [
        ("patient", "key", ["key"]),
        ("age", "queryable", ["range"]),
        ("note", "local", []),
    ]
    assert tree["to_confirm"] == len(read_dictionary(out.read_bytes()).unconfirmed) == 2


def test_a_draft_is_refused_by_check_import_and_run_until_it_is_confirmed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = open_desk(tmp_path, capsys)
    path = _written(tmp_path, "patient,age\na,30\nb,40\nc,55\n", "people.csv")
    used = desk.folder / ".." / ".." / "shared" / "dictionary"
    used.unlink()
    assert desk.run("dictionary", "draft", path, "--out", used).exit_code == 0

    checked = desk.run("dictionary", "check", used, "--json")
    assert checked.exit_code == 2
    assert (checked.json["is_usable"], checked.json["unconfirmed"]) == (
        False,
        ["people.patient (key)", "people.age (range)"],
    )
    assert "cannot be used yet" in desk.run("dictionary", "check", used).stdout
    for words in (("import", path), ("import", path, "--dry-run"), ("run",), ("budget",)):
        said = desk.run(*words)
        assert said.exit_code == 2
        assert "people.patient (key), people.age (range)" in said.stderr
    assert not (desk.data / "snapshots").exists()
    assert "people.age (range)" in desk.run("status", "--json").json["problems"][0]

    text = re.sub(r", drafted: \[\w+\]|drafted: \[\w+\]", "", used.read_text(encoding="utf-8"))
    used.write_text(text, encoding="utf-8")
    assert desk.run("dictionary", "check", used, "--json").json["is_usable"] is True
    assert desk.run("import", path).exit_code == 0


def test_a_dictionary_with_problems_lists_each_of_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = open_desk(tmp_path, capsys)
    wrong = _written(tmp_path, "name: x\nresurces: []\nfoo: 1\n", "wrong.yaml")
    said = desk.run("dictionary", "check", wrong, "--json")
    assert said.exit_code == 2
    assert "\n" not in said.json["message"]
    assert [(one["line"], one["where"]) for one in said.json["problems"]] == [
        (1, "resources"),
        (2, "the data package"),
        (3, "the data package"),
    ]
    assert all(f"line {line}: " in said.stderr for line in (1, 2, 3))

    absent = desk.run("dictionary", "check", tmp_path / "absent.yaml", "--json")
    assert "problems" not in absent.json
    assert "existing" in absent.json["next_step"]
