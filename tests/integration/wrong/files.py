"""Files that are wrong in themselves, whatever they should hold, and what is said of each."""

from pathlib import Path

HUGE = 5 * 2**20


def write_files(folder: Path) -> None:
    """Write the files that many commands are tried with."""
    for name in ("loop", "loop.html"):
        (folder / name).symlink_to(folder / name)
    (folder / "dangling").symlink_to(folder / "gone")
    for name in ("folder", "folder.html", "folder.svg"):
        (folder / name).mkdir()
    (folder / "empty").write_bytes(b"")
    (folder / "blank").write_text("\n\n", encoding="utf-8")
    (folder / "picture").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\xff\xfe" * 100)
    (folder / "latin").write_bytes("name: Zürich\n".encode("latin-1"))
    (folder / "utf-16").write_bytes("name: small\n".encode("utf-16"))
    (folder / "huge").write_bytes(b"# " + b"x" * HUGE)


NOWHERE = [
    ("a file that is not there", "{files}/absent", "absent.*cannot be read .No such file"),
    ("a file in a folder that is not there", "{files}/gone/a.yaml", "cannot be read .No such file"),
    ("a file below a file", "{files}/small.yaml/a.yaml", "cannot be read .Not a directory"),
    ("a folder", "{files}/folder", "cannot be read .Is a directory"),
    ("a name that is empty", "''", "cannot be read .Is a directory"),
    ("a link to itself", "{files}/loop", "cannot be read .Too many levels"),
    ("a link to nothing", "{files}/dangling", "cannot be read .No such file"),
    ("a name that is too long", "{files}/" + "x" * 300, "cannot be read .File name too long"),
    ("a name with a control character", "'{files}/a\x1b[2Jb'", r"a\\x1b\[2Jb cannot be read"),
    ("a name in Greek", "{files}/ερώτηση.yaml", "ερώτηση.yaml cannot be read"),
    (
        "a name with a space that is not quoted away",
        "'{files}/my question.yaml'",
        "my question.yaml cannot be read",
    ),
    ("standard input", "-", "- cannot be read"),
]
"""What cannot be opened: the name, the word on the command line, and the sentence."""
