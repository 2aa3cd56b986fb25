"""`skerry-node init`: a centre's keys and its card, all or none. spec/roster.md 6."""

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from node.cli import app
from node.commands import keys as keys_command
from node.keys import load_keys
from protocols.card import open_card
from protocols.fingerprint import fingerprint_of
from protocols.ids import CentreId
from protocols.keys import SealingSecret
from protocols.program import Exit, run
from protocols.roster import Centre
from tests.node.seeds import told

_WORDS = ["--centre", "berlin", "--institution", "Charité, Berlin"]
FILES = [
    "card.toml",
    "keys/identity.key",
    "keys/sealing.key",
    "keys/snapshots.key",
    "keys/tls.key",
]


def _init(folder: Path, *more: str) -> int:
    return run(app, "skerry-node", ["init", str(folder), *_WORDS, *more])


def _made(folder: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    capsys.readouterr()
    assert _init(folder, "--json") == Exit.DONE
    tree = json.loads(capsys.readouterr().out)
    assert isinstance(tree, dict)
    return tree


def _state(folder: Path) -> dict[str, bytes]:
    return {str(one.relative_to(folder)): one.read_bytes() for one in folder.rglob("*") if one.is_file()}


def test_the_keys_are_those_of_the_card(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "berlin"
    tree = _made(folder, capsys)
    assert sorted(_state(folder)) == FILES
    entry = open_card((folder / "card.toml").read_bytes())
    assert isinstance(entry, Centre)
    assert (entry.id, entry.institution) == (CentreId("berlin"), "Charité, Berlin")
    loaded = load_keys(folder / "keys")
    assert loaded.identity.public_key() == entry.keys.signing
    sealing = SealingSecret.from_octets((folder / "keys" / "sealing.key").read_bytes())
    assert sealing.public == entry.keys.sealing
    assert tree == {
        "format": "skerry.keys/1",
        "sort": "centre",
        "id": "berlin",
        "fingerprint": fingerprint_of("centre", "berlin", entry.keys),
        "card": str(folder / "card.toml"),
        "secrets": [str(folder / name) for name in FILES[1:]],
    }


def test_the_transport_key_is_one_that_grpc_takes(tmp_path: Path) -> None:
    assert _init(tmp_path) == Exit.DONE
    key = load_pem_private_key((tmp_path / "keys" / "tls.key").read_bytes(), password=None)
    assert isinstance(key, EllipticCurvePrivateKey)
    assert isinstance(key.curve, SECP256R1)


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_keys_are_for_their_owner_only_whatever_the_mask(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        assert _init(tmp_path / "berlin") == Exit.DONE
    finally:
        os.umask(before)
    folder = tmp_path / "berlin"
    assert all(stat.S_IMODE((folder / name).stat().st_mode) == 0o600 for name in FILES[1:])
    assert stat.S_IMODE((folder / "keys").stat().st_mode) == 0o700


def test_two_centres_have_no_key_in_common(tmp_path: Path) -> None:
    for name in ("a", "b"):
        assert _init(tmp_path / name) == Exit.DONE
    secrets = [(tmp_path / folder / name).read_bytes() for folder in ("a", "b") for name in FILES[1:]]
    assert len(set(secrets)) == len(secrets)


def test_people_are_told_what_comes_next(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _init(tmp_path) == Exit.DONE
    out, err = capsys.readouterr()
    card = open_card((tmp_path / "card.toml").read_bytes())
    assert fingerprint_of("centre", "berlin", card.keys) in out
    assert f"send {tmp_path / 'card.toml'} to the consortium" in out
    assert "by telephone" in out
    assert err == ""


def test_no_private_key_is_shown_or_in_the_card(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _init(tmp_path) == Exit.DONE
    shown = capsys.readouterr().out + (tmp_path / "card.toml").read_text(encoding="utf-8")
    for name in FILES[1:]:
        secret = (tmp_path / name).read_bytes()
        assert secret.hex() not in shown
        assert secret.decode("latin-1") not in shown


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("is_link", [False, True])
def test_a_file_that_is_there_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, is_link: bool
) -> None:
    place, elsewhere = tmp_path / "berlin" / name, tmp_path / "elsewhere"
    place.parent.mkdir(parents=True)
    if is_link:
        place.symlink_to(elsewhere)
    else:
        place.write_bytes(b"mine")
    before = _state(tmp_path)
    assert _init(tmp_path / "berlin") == Exit.WRONG_USE
    assert f"{name} is there already, and is kept" in capsys.readouterr().err
    assert _state(tmp_path) == before
    assert not elsewhere.exists()


def test_a_second_init_changes_nothing(tmp_path: Path) -> None:
    assert _init(tmp_path) == Exit.DONE
    before = _state(tmp_path)
    assert _init(tmp_path) == Exit.WRONG_USE
    assert _state(tmp_path) == before


def test_other_files_of_a_folder_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "node.toml").write_bytes(b"mine")
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "notes").write_bytes(b"mine")
    assert _init(tmp_path) == Exit.DONE
    assert sorted(_state(tmp_path)) == sorted([*FILES, "node.toml", "keys/notes"])


# Midway: five files and two folders are made durable, and any of these steps may fail.

STEPS = len(FILES) + 2


def _stop_at(patch: pytest.MonkeyPatch, step: int, error: BaseException) -> None:
    real, calls = os.fsync, iter(range(1000))

    def failing(descriptor: int) -> None:
        if next(calls) == step:
            raise error
        real(descriptor)

    patch.setattr(os, "fsync", failing)


@pytest.mark.parametrize("step", range(STEPS))
@pytest.mark.parametrize("is_there", [False, True])
@pytest.mark.parametrize(
    "failure",
    [
        (OSError(28, "No space left on device"), Exit.WRONG_USE),
        (KeyboardInterrupt(), Exit.INTERNAL),
        (RuntimeError("crash"), Exit.INTERNAL),
    ],
    ids=["disk full", "ctrl-c", "a fault"],
)
def test_what_was_made_before_a_failure_is_taken_away(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    step: int,
    is_there: bool,
    failure: tuple[BaseException, Exit],
) -> None:
    folder, (error, code) = tmp_path / "new" / "berlin", failure
    if is_there:
        folder.mkdir(parents=True)
        (folder / "node.toml").write_bytes(b"mine")
    before = _state(tmp_path)
    with monkeypatch.context() as patch:
        _stop_at(patch, step, error)
        assert _init(folder) == code
    assert _state(tmp_path) == before
    assert (tmp_path / "new").exists() == is_there
    assert not (folder / "keys").exists()
    assert _init(folder) == Exit.DONE


def test_the_steps_that_are_failed_are_all_there_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: a failure behind the last step finds everything made."""
    _stop_at(monkeypatch, STEPS, OSError(28, "No space left on device"))
    assert _init(tmp_path) == Exit.DONE
    told("steps", STEPS)


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_appears_meanwhile_is_kept_and_ours_are_taken_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Somebody makes one between the look and the writing."""
    monkeypatch.setattr(keys_command, "_check_free", lambda *_: None)
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(b"mine")
    assert _init(tmp_path) == Exit.WRONG_USE
    assert _state(tmp_path) == {name: b"mine"}


def test_it_needs_no_settings(tmp_path: Path) -> None:
    words = ["--config", str(tmp_path / "absent.toml"), "init", str(tmp_path / "berlin"), *_WORDS]
    assert run(app, "skerry-node", words) == Exit.DONE
