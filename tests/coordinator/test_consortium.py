"""The consortium's life: a root, cards, drafts, signatures, a removal; offline. spec/roster.md 6."""

import json
import os
import pty
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from coordinator.consortium.papers import DRAFT, ROOT, ROSTER
from protocols.errors import RosterError, SignatureError
from protocols.ids import AnalystId, CentreId, OfficerId
from protocols.keys import SealingSecret
from protocols.program import run
from protocols.root import read_root
from protocols.roster import open_roster
from protocols.trust import believe
from tests.integration.wrong import consortium_files as paper
from tests.integration.wrong.bench import APPS

_BIN = Path(sys.executable).parent
NOW = datetime.now(UTC)


def _done(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    """Run a program to a good end; give what it wrote to standard output."""
    name, *rest = map(str, words)
    capsys.readouterr()
    code = run(APPS[name], name, rest)
    out, err = capsys.readouterr()
    assert code == 0, err
    return out


def _json(capsys: pytest.CaptureFixture[str], *words: object) -> dict[str, Any]:
    tree = json.loads(_done(capsys, *words, "--json"))
    assert isinstance(tree, dict)
    return tree


def _fails(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    name, *rest = map(str, words)
    capsys.readouterr()
    assert run(APPS[name], name, rest) == 2
    out, err = capsys.readouterr()
    assert out == ""
    return err


def _state(folder: Path) -> dict[str, bytes]:
    return {str(one.relative_to(folder)): one.read_bytes() for one in folder.rglob("*") if one.is_file()}


# A whole life, through the programs.


class _Life:
    """A consortium of three keepers in a folder, and everybody's cards beside it."""

    def __init__(self, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.place, self.capsys, self.folder = place, capsys, place / "ketamine"
        self.words: dict[str, str] = {}
        self.root = self._made("root", "skerry", "consortium", "init", self.folder, "--name", "ketamine",
                               "--keys", "anna,ben,carla", "--threshold", 2)  # fmt: skip
        self.media = place / "media"
        self.media.mkdir()
        for one in self.folder.glob("*.key"):
            one.rename(self.media / one.name)

    def _made(self, name: str, *words: object) -> dict[str, Any]:
        tree = _json(self.capsys, *words)
        self.words[name] = tree["fingerprint"]
        return tree

    def centre(self, name: str, institution: str) -> None:
        words = ("--centre", name, "--institution", institution)
        self._made(name, "skerry-node", "init", self.place / name, *words)

    def officer(self, name: str, centre: str) -> None:
        words = ("--sort", "officer", "--id", name, "--centre", centre)
        self._made(name, "skerry", "keys", "init", self.place / name, *words)

    def analyst(self, name: str, institution: str) -> None:
        words = ("--sort", "analyst", "--id", name, "--institution", institution)
        self._made(name, "skerry", "keys", "init", self.place / name, *words)

    def add(self, sort: str, name: str) -> dict[str, Any]:
        words = (self.place / name / "card.toml", "--fingerprint", self.words[name])
        return self.do(f"add-{sort}", *words)

    def do(self, *words: object) -> dict[str, Any]:
        return _json(self.capsys, "skerry", "consortium", *words, "--folder", self.folder)

    def sign(self, keeper: str) -> dict[str, Any]:
        return self.do("sign", "--key", self.media / f"root-{keeper}.key")


@pytest.fixture
def life(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> _Life:
    made = _Life(tmp_path, capsys)
    made.centre("berlin", "Charité")
    made.centre("paris", "Necker")
    made.officer("olga", "berlin")
    made.officer("pierre", "paris")
    made.analyst("ada", "University of Bergen")
    for sort, name in (
        ("centre", "berlin"),
        ("centre", "paris"),
        ("officer", "olga"),
        ("officer", "pierre"),
        ("analyst", "ada"),
    ):
        made.add(sort, name)
    return made


def test_a_life(life: _Life) -> None:
    root = read_root((life.folder / ROOT).read_bytes())
    assert (root.consortium, root.threshold, sorted(root.keys)) == ("ketamine", 2, ["anna", "ben", "carla"])

    once = life.sign("anna")
    assert not (life.folder / ROSTER).exists()
    assert (once["roster"], once["draft"]["signers"]) == (None, ["anna"])
    with pytest.raises(SignatureError):
        open_roster((life.folder / DRAFT).read_bytes(), root)

    twice = life.sign("carla")
    assert (twice["draft"], twice["roster"]["signers"]) == (None, ["anna", "carla"])
    assert not (life.folder / DRAFT).exists()
    first = believe((life.folder / ROSTER).read_bytes(), root, None, NOW)
    assert (first.roster.version, sorted(map(str, first.roster.centres))) == (1, ["berlin", "paris"])
    assert [str(one.id) for one in first.roster.officers_of(CentreId("paris"))] == ["pierre"]
    assert first.roster.analysts[AnalystId("ada")].institution == "University of Bergen"
    assert first.roster.expires - NOW < timedelta(days=91)

    gone = life.do("remove", "centre", "paris")
    assert [(one["change"], one["sort"], one["id"]) for one in gone["draft"]["changes"]] == [
        ("-", "centre", "paris"),
        ("-", "officer", "pierre"),
    ]
    life.sign("ben")
    life.sign("anna")
    second = believe((life.folder / ROSTER).read_bytes(), root, first, NOW)
    assert (second.roster.version, sorted(map(str, second.roster.centres))) == (2, ["berlin"])
    assert list(second.roster.officers) == [OfficerId("olga")]
    with pytest.raises(RosterError, match="version 1, and version 2 is believed already"):
        believe(first.octets, root, second, NOW)


def test_what_people_see(
    life: _Life, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    folder = ("--folder", life.folder)
    life.sign("anna")
    life.sign("ben")
    life.do("remove", "officer", "olga")
    shown = _done(capsys, "skerry", "consortium", "show", *folder)
    for words in ("Consortium ketamine", life.words["root"], life.words["berlin"], "University of Bergen"):
        assert words in shown
    assert "version 1" in shown
    assert "2 of 2 signatures (anna, ben)" in shown
    assert "0 of 2 signatures" in shown
    assert "officer olga (berlin)" in shown
    key = ("--key", life.media / "root-ben.key")
    assert "ben has signed: 1 of 2" in _done(capsys, "skerry", "consortium", "sign", *key, *folder)


def test_no_command_shows_a_private_key(life: _Life, capsys: pytest.CaptureFixture[str]) -> None:
    life.sign("anna")
    secrets = [one.read_bytes() for one in life.place.rglob("*.key")]
    assert len(secrets) == 3 + 2 * 4 + 2 * 2 + 3
    assert len(set(secrets)) == len(secrets)
    shown = _done(capsys, "skerry", "consortium", "show", "--folder", life.folder)
    written = "".join(one.read_text(encoding="utf-8") for one in life.place.rglob("*.toml")) + shown
    for secret in secrets:
        for form in (secret.hex(), repr(secret)):
            assert form not in written
    assert all(stat.S_IMODE(one.stat().st_mode) == 0o600 for one in life.place.rglob("*.key"))


def test_a_changed_draft_loses_its_signatures_and_says_so(
    life: _Life, capsys: pytest.CaptureFixture[str]
) -> None:
    life.sign("anna")
    folder = ("--folder", str(life.folder))
    assert run(APPS["skerry"], "skerry", ["consortium", "remove", "analyst", "ada", *folder]) == 0
    assert "dropped the signatures of anna" in capsys.readouterr().err
    after = life.do("show")
    assert after["draft"]["signers"] == []
    assert life.sign("ben")["draft"]["signers"] == ["ben"], "anna's was for another draft"
    assert not (life.folder / ROSTER).exists()


def test_a_renewal_changes_the_expiry_and_nobody(life: _Life) -> None:
    life.sign("anna")
    life.sign("ben")
    before = life.do("show")["roster"]
    draft = life.do("expire", "--days", 7)["draft"]
    assert draft["changes"] == []
    assert (draft["version"], draft["entries"]) == (2, before["entries"])
    assert draft["expires"] < before["expires"]


def test_somebody_with_new_keys_is_shown_as_changed(life: _Life) -> None:
    life.sign("anna")
    life.sign("ben")
    life.do("remove", "analyst", "ada")
    (life.place / "ada").rename(life.place / "ada-before")
    life.analyst("ada", "University of Bergen")
    (change,) = life.add("analyst", "ada")["draft"]["changes"]
    assert (change["change"], change["id"], change["fingerprint"]) == ("~", "ada", life.words["ada"])


def test_the_one_key_of_a_small_consortium(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "small"
    told = _done(capsys, "skerry", "consortium", "init", folder, "--name", "small")
    assert "1 of 1 keys" in told
    assert "offline" in told
    _done(capsys, "skerry", "consortium", "expire", "--days", 3, "--folder", folder)
    key = folder / "root-consortium.key"
    _done(capsys, "skerry", "consortium", "sign", "--key", key, "--folder", folder)
    roster = open_roster((folder / ROSTER).read_bytes(), read_root((folder / ROOT).read_bytes()))
    assert (roster.version, roster.centres) == (1, {})


def test_the_keys_of_people_can_be_used(life: _Life) -> None:
    for name in ("ada", "olga"):
        assert len((life.place / name / "signing.key").read_bytes()) == 32
        SealingSecret.from_octets((life.place / name / "sealing.key").read_bytes())
    assert (life.place / "ada" / "tls.key").read_bytes().startswith(b"-----BEGIN PRIVATE KEY-----")
    assert not (life.place / "olga" / "tls.key").exists()


# The fingerprint, compared by a person at a terminal.


def _at_a_terminal(answer: str, *words: object) -> tuple[int, str]:
    """Run the real program with a terminal for its standard input, and type one line."""
    ours, theirs = pty.openpty()
    try:
        program = subprocess.Popen(
            [_BIN / "skerry", *map(str, words)],
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        os.write(ours, f"{answer}\n".encode())
        out, _ = program.communicate(timeout=60)
    finally:
        os.close(ours)
        os.close(theirs)
    return program.returncode, out


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("n", 2), ("", 2)])
def test_a_person_compares_the_words(tmp_path: Path, answer: str, code: int) -> None:
    folder = paper.write_folder(tmp_path / "good")
    card = tmp_path / "oslo.toml"
    card.write_bytes(paper.CARDS["oslo"])
    before = _state(folder)
    got, told = _at_a_terminal(answer, "consortium", "add-centre", card, "--folder", folder)
    assert got == code, told
    assert paper.words_of(paper.OSLO) in told
    assert "centre oslo (Ulleval)" in told
    assert (_state(folder) == before) == (code != 0)


def test_a_machine_is_not_asked(tmp_path: Path) -> None:
    """With a terminal and --json there is nobody to read the words: no question, no entry."""
    folder = paper.write_folder(tmp_path / "good")
    card = tmp_path / "oslo.toml"
    card.write_bytes(paper.CARDS["oslo"])
    code, told = _at_a_terminal("y", "consortium", "add-centre", card, "--folder", folder, "--json")
    assert code == 2
    assert "nobody has compared the fingerprint" in told


def test_the_commands_need_no_network() -> None:
    """They load no transport, so that they work on a machine that has none."""
    code = (
        "import sys; import coordinator.consortium.roster_commands, coordinator.consortium.key_commands;"
        "sys.exit(any(one == 'grpc' or one.startswith('grpc.') for one in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
