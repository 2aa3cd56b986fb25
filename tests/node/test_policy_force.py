"""A policy comes into force: one officer may tighten, loosening needs two, and the ledger remembers."""

import sqlite3
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deploy.sandbox.authority import signing_key
from node.errors import LedgerError, RulesError
from node.in_force import take_up
from node.ledger.audit import audit
from node.ledger.events import read_leaf
from node.ledger.ledger import Ledger
from node.ledger.policies import sha256_of
from node.policy import read_policy
from node.policy_force import bring_into_force
from node.rules import Rules, load_rules
from node.settings import load_settings
from protocols.clock import system_clock
from protocols.ids import CentreId, OfficerId
from protocols.roster import Officer
from protocols.signed_text import SignedText
from tests.members import keys_of
from tests.node.custodian_desk import open_desk
from tests.node.gate_desk import CENTRE, DICTIONARY, OTHER, the_roster
from tests.node.ledger_desk import NOW, released, spend
from tests.node.test_policy import PERMISSIVE, STRICT

KEYS = {
    name: Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32)) for name in ("anna", "bert", "carl")
}
PLACES = {"anna": CENTRE, "bert": CENTRE, "carl": OTHER}
"""Carl is an officer, of another centre."""
MIDDLE = STRICT.replace('query_rho = "0.05"', 'query_rho = "0.06"')


def _officer(name: str, centre: CentreId) -> Officer:
    return Officer(id=OfficerId(name), centre=centre, keys=keys_of(KEYS[name]))


def signed(body: str, *names: str, key_of: dict[str, str] | None = None) -> bytes:
    """A policy file, signed by officers; `key_of` says who uses another's key."""
    text = SignedText(body=body.encode(), signatures=())
    for name in names:
        text = text.signed_by(name, KEYS[(key_of or {}).get(name, name)], "policy")
    return text.to_bytes()


@dataclass
class Desk:
    """One centre whose rules are loaded as the node loads them: with the first officer's signature."""

    folder: Path

    def __post_init__(self) -> None:
        self.path = self.folder / "ledger.db"
        self.ledger = Ledger(self.path, lambda: NOW)

    def start(self, octets: bytes) -> None:
        """Bring a policy into force, as a node that starts."""
        officers = {OfficerId(name): _officer(name, centre) for name, centre in PLACES.items()}
        bring_into_force(
            Rules(
                centre=CENTRE,
                roster=replace(the_roster(), officers=officers),
                studies={},
                tables={},
                policy=read_policy(octets),
                policy_text=octets,
                dictionary=DICTIONARY,
                dictionary_text=b"",
            ),
            self.ledger,
        )

    @property
    def in_force(self) -> bytes | None:
        policy = self.ledger.policy()
        return policy.octets if policy else None

    @property
    def events(self) -> list[dict[str, object]]:
        db = sqlite3.connect(self.path)
        leaves = [read_leaf(leaf) for (leaf,) in db.execute("SELECT leaf FROM event ORDER BY seq")]
        db.close()
        return [{key: one[key] for key in ("policy", "signers")} for one in leaves if one["kind"] == "policy"]

    def edit(self, statement: str, *values: object) -> None:
        """Change the file behind the ledger's back."""
        db = sqlite3.connect(self.path, isolation_level=None)
        for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            db.execute(f"DROP TRIGGER {name}")
        assert db.execute(statement, values).rowcount > 0
        db.close()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_the_first_policy_needs_one_officer_and_is_an_event(desk: Desk) -> None:
    assert desk.ledger.policy() is None
    first = signed(STRICT, "anna")
    desk.start(first)
    assert desk.in_force == first
    assert desk.events == [{"policy": sha256_of(first), "signers": ["anna"]}]
    assert audit(desk.path).is_clean


def test_the_same_policy_again_is_no_event(desk: Desk) -> None:
    for _ in range(3):
        desk.start(signed(STRICT, "anna"))
    assert len(desk.events) == 1


def test_one_officer_may_tighten_and_not_loosen_again(desk: Desk) -> None:
    desk.start(signed(MIDDLE, "anna"))
    tight = signed(STRICT, "anna")
    desk.start(tight)
    with pytest.raises(
        RulesError, match=r"query_rho: rho 0\.06 .* instead of rho 0\.05 .*anna has"
    ) as caught:
        desk.start(signed(MIDDLE, "anna"))
    assert "second privacy officer" in caught.value.next_step
    assert desk.in_force == tight
    assert len(desk.events) == 2


def test_two_officers_may_loosen_and_the_ledger_names_both(desk: Desk) -> None:
    desk.start(signed(STRICT, "anna"))
    loose = signed(PERMISSIVE, "bert", "anna")
    desk.start(loose)
    assert desk.in_force == loose
    assert desk.events[-1] == {"policy": sha256_of(loose), "signers": ["anna", "bert"]}
    assert audit(desk.path).is_clean
    assert audit(desk.path).counts["policy"] == 2


def test_another_text_of_the_same_rules_needs_one_officer_and_is_an_event(desk: Desk) -> None:
    desk.start(signed(STRICT, "anna"))
    desk.start(signed("# A remark.\n" + STRICT, "anna"))
    assert len(desk.events) == 2


NOT_TWO = {
    "one": signed(PERMISSIVE, "anna"),
    "one, twice": signed(PERMISSIVE, "anna", "anna"),
    "an officer of another centre": signed(PERMISSIVE, "anna", "carl"),
    "somebody with another's name": signed(PERMISSIVE, "anna", "bert", key_of={"bert": "anna"}),
    "somebody with another centre's key": signed(PERMISSIVE, "anna", "bert", key_of={"bert": "carl"}),
    "a signature under another text": signed(PERMISSIVE, "anna")
    + signed(STRICT, "bert").splitlines(keepends=True)[-1],
    "a signature under another kind of paper": SignedText.parse(signed(PERMISSIVE, "anna"))
    .signed_by("bert", KEYS["bert"], "study")
    .to_bytes(),
}


@pytest.mark.parametrize("name", list(NOT_TWO))
def test_what_is_no_second_officer_does_not_loosen(desk: Desk, name: str) -> None:
    desk.start(signed(STRICT, "anna"))
    before = audit(desk.path)
    with pytest.raises(RulesError, match="2 officers must sign it, and anna has"):
        desk.start(NOT_TWO[name])
    assert (audit(desk.path).size, desk.in_force) == (before.size, signed(STRICT, "anna"))


def test_without_the_memory_the_same_policies_would_be_taken(desk: Desk, tmp_path: Path) -> None:
    """The control: on a first start nothing is looser, so one officer is enough."""
    for number, octets in enumerate(NOT_TWO.values()):
        folder = tmp_path / str(number)
        folder.mkdir()
        Desk(folder).start(octets)


FORGOTTEN = {
    "the bytes are gone": ("DELETE FROM policy", ()),
    "the bytes are others": ("UPDATE policy SET octets = ?", (signed(PERMISSIVE, "anna"),)),
    "the bytes belong to no event": ("UPDATE policy SET seq = 0", ()),
    "the event is gone too": ("DELETE FROM event WHERE seq = 2", ()),
}


@pytest.mark.parametrize("name", list(FORGOTTEN))
def test_a_first_start_cannot_be_faked(desk: Desk, name: str) -> None:
    """Not even by two officers: this ledger is no memory of anything any more."""
    released(desk.ledger, spend("q"))
    desk.start(signed(STRICT, "anna"))
    statement, values = FORGOTTEN[name]
    if statement.startswith("DELETE FROM event"):
        desk.edit("DELETE FROM policy")
    desk.edit(statement, *values)
    assert not audit(desk.path).is_clean, "the node audits its ledger before it starts"
    for names in (("anna",), ("anna", "bert")):
        with pytest.raises(LedgerError):
            desk.start(signed(PERMISSIVE, *names))


def test_a_policy_that_this_version_cannot_read_is_followed_by_two_officers_only(desk: Desk) -> None:
    desk.ledger.put_in_force(b'format = "skerry.policy/0"\n', frozenset(["anna"]))
    with pytest.raises(RulesError, match="cannot be read by this version"):
        desk.start(signed(STRICT, "anna"))
    desk.start(signed(STRICT, "anna", "bert"))


def test_a_running_node_keeps_its_policy_when_a_looser_one_is_signed_by_one_officer(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """And takes a tighter one: the control."""
    desk = open_desk(tmp_path, capfd)
    settings = load_settings(desk.folder / "node.toml")
    desk.data.mkdir(parents=True, exist_ok=True)
    ledger = Ledger(desk.data / "ledger.db", system_clock)
    key = signing_key(desk.folder / "officer" / "officer.key")

    def sign(body: str) -> bytes:
        text = SignedText(body=body.encode(), signatures=()).signed_by("officer-berlin", key, "policy")
        settings.policy.write_bytes(text.to_bytes())
        return text.to_bytes()

    middle = sign(MIDDLE)
    in_force = take_up(settings, load_rules(settings), ledger, system_clock)
    sign(PERMISSIVE)
    in_force.reload()
    rules = in_force.rules()
    assert isinstance(rules, Rules)
    assert rules.policy_text == middle
    strict = sign(STRICT)
    in_force.reload()
    rules = in_force.rules()
    assert isinstance(rules, Rules)
    assert rules.policy_text == strict
    assert audit(desk.data / "ledger.db").counts["policy"] == 2
    sign(MIDDLE)
    with pytest.raises(RulesError, match="looser"):
        take_up(settings, load_rules(settings), ledger, system_clock)


def test_a_policy_of_nobody_is_never_in_force(desk: Desk) -> None:
    """The node's loader asks for its own officer's signature; this asks again."""
    with pytest.raises(RulesError, match="no officer of this centre has signed"):
        desk.start(STRICT.encode())
