"""What a running node obeys when the roster or a paper changes: whole, at once, and never looser.

The papers are those of a sandbox, and Berlin's node is looked at.
"""

import asyncio
import dataclasses
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import cast

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import node.belief
import node.settings
from deploy.sandbox.authority import signing_key
from deploy.sandbox.papers import ROOT, Plan, policy_text, write_papers
from deploy.sandbox.places import Places
from node.agent import Agent, Introduction
from node.answering import Answering
from node.errors import RulesError
from node.in_force import InForce, take_up
from node.ledger.ledger import Ledger
from node.link import Transport
from node.rules import NoRules, Rules, load_rules
from node.snapshots import Snapshots
from protocols.belief import Shown
from protocols.codec.link import decode_hello, encode_welcome
from protocols.dictionary_text import read_dictionary
from protocols.frames import Message
from protocols.ids import AnalystId, CentreId, Digest, ExchangeId, StudyId
from protocols.keys import PublicKeys
from protocols.link import PROTOCOL, FrameKind, Welcome
from protocols.refusals import Refusal, RefusalCode
from protocols.roster import roster_text
from protocols.signed_text import SignedText
from tests.members import keys_of
from tests.node.gate_desk import CENTRE, COUNT, FEW, GateDesk, imported
from tests.node.worlds import _TEXT, NOW

BERLIN, OSLO = CentreId("berlin"), CentreId("oslo")


@dataclass
class Hospital:
    """Berlin's papers in a sandbox, and the consortium that changes the roster."""

    places: Places
    now: datetime

    def __post_init__(self) -> None:
        self.settings = node.settings.load_settings(self.folder / "node.toml")
        self.full = load_rules(self.settings).roster
        ledger = Ledger(self.settings.data / "ledger.db", lambda: self.now)
        self.in_force = take_up(self.settings, load_rules(self.settings), ledger, lambda: self.now)

    @property
    def folder(self) -> Path:
        return self.places.centre("berlin")

    @property
    def rules(self) -> Rules:
        rules = self.in_force.rules()
        assert isinstance(rules, Rules)
        return rules

    def signed(self, version: int, **changes: object) -> bytes:
        roster = dataclasses.replace(self.full, version=version, **changes)  # type: ignore[arg-type]
        text = SignedText(body=roster_text(roster).encode(), signatures=())
        return text.signed_by(ROOT, signing_key(self.places.consortium / "root.key"), "roster").to_bytes()

    def with_officer(self, version: int, keys: PublicKeys) -> bytes:
        (name,) = (one.id for one in self.full.officers_of(BERLIN))
        changed = dataclasses.replace(self.full.officers[name], keys=keys)
        return self.signed(version, officers=self.full.officers | {name: changed})

    def without_berlin(self, version: int) -> bytes:
        return self.signed(
            version,
            centres={one: entry for one, entry in self.full.centres.items() if one != BERLIN},
            officers={one: entry for one, entry in self.full.officers.items() if entry.centre != BERLIN},
        )

    def sign_papers(self, key: Ed25519PrivateKey, old: str = "", new: str = "") -> None:
        """Sign policy and study with a key; the policy is changed first."""
        for name, kind in (("policy", "policy"), ("studies/sandbox", "study")):
            path = self.folder / f"{name}.toml"
            body = SignedText.parse(path.read_bytes()).body
            assert kind == "study" or old.encode() in body
            text = SignedText(body=body.replace(old.encode(), new.encode()), signatures=())
            path.write_bytes(text.signed_by("officer-berlin", key, kind).to_bytes())


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    text = _TEXT.replace("CAP", "2").encode()
    plan = Plan(
        dictionary=read_dictionary(text),
        dictionary_text=text,
        centres={BERLIN: Path("a"), OSLO: Path("b")},
        policy=policy_text("strict", None),
        port=1,
    )
    root = tmp_path_factory.mktemp("sandbox")
    write_papers(Places(root), plan)
    return root


@pytest.fixture
def hospital(written: Path, tmp_path: Path) -> Hospital:
    shutil.copytree(written, tmp_path / "sandbox")
    return Hospital(Places(tmp_path / "sandbox"), NOW)


def test_a_newer_roster_is_obeyed_at_once_and_whole(hospital: Hospital) -> None:
    """Rules that were taken before stay as they were: nobody sees half of each."""
    before = hospital.rules
    assert hospital.in_force.show(hospital.signed(2, analysts={}), "link") is Shown.NEWER
    assert (hospital.rules.roster.version, hospital.rules.roster.analysts) == (2, {})
    assert (before.roster.version, set(before.roster.analysts)) == (1, {AnalystId("analyst")})
    assert hospital.rules.policy == before.policy
    assert hospital.in_force.show(hospital.signed(1), "link") is Shown.OLDER
    assert hospital.in_force.show(hospital.signed(2), "link") is None
    assert hospital.in_force.roster_octets == hospital.signed(2, analysts={})


@pytest.mark.parametrize("what", ["another officer", "centre gone"])
def test_papers_that_do_not_verify_under_a_newer_roster_are_over(hospital: Hospital, what: str) -> None:
    key = Ed25519PrivateKey.generate()
    is_officer = what == "another officer"
    newer = hospital.with_officer(2, keys_of(key)) if is_officer else hospital.without_berlin(2)
    assert hospital.in_force.show(newer, "link") is Shown.NEWER
    assert isinstance(hospital.in_force.rules(), NoRules)
    # To read them again does not bring them back; nor does a restart.
    assert not hospital.in_force.reload()
    assert isinstance(hospital.in_force.rules(), NoRules)
    with pytest.raises(RulesError):
        load_rules(hospital.settings)
    if is_officer:
        hospital.sign_papers(key)
        hospital.in_force.reload()
    else:
        hospital.in_force.show(hospital.signed(3), "link")
    assert hospital.rules.centre == BERLIN


def test_all_papers_are_read_again_when_the_custodian_asks(hospital: Hospital) -> None:
    key = signing_key(hospital.folder / "officer" / "officer.key")
    assert hospital.rules.policy.forbidden_fields == frozenset()
    hospital.sign_papers(key, "forbidden_fields = []", 'forbidden_fields = ["people.age"]')
    assert not hospital.in_force.reload()
    assert hospital.rules.policy.forbidden_fields == {"people.age"}
    (hospital.folder / "studies" / "sandbox.toml").unlink()
    assert not hospital.in_force.reload()
    assert hospital.rules.studies == {}
    hospital.settings.roster.write_bytes(hospital.signed(2))
    assert hospital.in_force.reload()
    assert hospital.rules.roster.version == 2


SPOILT: dict[str, Callable[[Hospital], object]] = {
    "a policy that is gone": lambda one: (one.folder / "policy.toml").unlink(),
    "a policy of somebody else": lambda one: one.sign_papers(Ed25519PrivateKey.generate()),
    "a study that is none": lambda one: (one.folder / "studies" / "more.toml").write_bytes(b"\xff"),
    "a roster that is gone": lambda one: one.settings.roster.unlink(),
    "a roster of another root": lambda one: one.settings.roster.write_bytes(b"# none"),
}


@pytest.mark.parametrize("name", SPOILT)
def test_wrong_papers_leave_the_old_ones_in_force(
    hospital: Hospital, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    before = hospital.rules
    SPOILT[name](hospital)
    assert not hospital.in_force.reload()
    after = hospital.rules
    assert (after.policy, after.studies, after.roster) == (before.policy, before.studies, before.roster)
    assert set(after.studies) == {StudyId("sandbox")}
    assert any("_refused" in record.getMessage() for record in caplog.records)


def test_a_roster_that_the_disk_does_not_take_is_not_obeyed(
    hospital: Hospital, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.rmtree(hospital.settings.data)
    assert hospital.in_force.show(hospital.signed(2, analysts={}), "link") is None
    assert hospital.rules.roster.version == 1
    assert "event=roster_not_stored" in caplog.text


def test_whatever_fails_under_a_newer_roster_the_old_papers_are_over(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("node.in_force.rules_under", fail)
    with pytest.raises(MemoryError):
        hospital.in_force.show(hospital.signed(2), "link")
    assert isinstance(hospital.in_force.rules(), NoRules)


def test_without_papers_in_force_everything_is_refused_and_nothing_is_charged(tmp_path: Path) -> None:
    desk = GateDesk(tmp_path / "gate", imported(tmp_path, FEW))
    gate = desk.gate_under(lambda: NoRules(centre=CENTRE, roster=desk.roster))
    envelope = desk.envelope(COUNT)
    answer = gate.answer(envelope)
    assert isinstance(answer.outcome, Refusal)
    assert answer.outcome.code is RefusalCode.UNAVAILABLE
    assert "no papers in force" in answer.outcome.detail
    assert (desk.engine.reads, desk.spent) == (0, {})
    # The control: with its papers, the same envelope is answered.
    assert not isinstance(desk.gate.answer(envelope).outcome, Refusal)


def test_each_question_goes_by_the_rules_of_its_moment(tmp_path: Path) -> None:
    """An analyst who is removed is unknown at the next question, without a new gate."""
    desk = GateDesk(tmp_path / "gate", imported(tmp_path, FEW))
    now: list[Rules | NoRules] = [desk.rules]
    gate = desk.gate_under(lambda: now[-1])
    assert not isinstance(gate.answer(desk.envelope(COUNT)).outcome, Refusal)
    now.append(dataclasses.replace(desk.rules, roster=dataclasses.replace(desk.roster, analysts={})))
    assert gate.answer(desk.envelope(COUNT)).outcome == Refusal(code=RefusalCode.UNKNOWN_ANALYST)


def test_the_rules_are_given_without_waiting_for_a_change(hospital: Hospital) -> None:
    """The gate must never stand behind a disk: what is obeyed is one reference."""
    in_force: InForce = hospital.in_force
    with in_force._changing:  # noqa: SLF001 -- stands for a change under way
        assert in_force.rules() is hospital.rules


class Line:
    """A stream of the link in memory: the coordinator's side is the test's."""

    def __init__(self) -> None:
        self.incoming: asyncio.Queue[Message] = asyncio.Queue()
        self.outgoing: asyncio.Queue[Message] = asyncio.Queue()

    async def send(self, message: Message) -> None:
        self.outgoing.put_nowait(message)

    async def receive(self) -> Message:
        return await self.incoming.get()

    def say(self, kind: FrameKind, body: bytes) -> None:
        self.incoming.put_nowait(Message(kind=kind, exchange=ExchangeId.new(), body=body))

    async def heard(self) -> tuple[FrameKind, bytes]:
        async with asyncio.timeout(20):
            message = await self.outgoing.get()
        return message.kind, message.body

    async def greeted(self) -> int:
        """Take the hello and welcome the node; give the version of its roster."""
        kind, body = await self.heard()
        assert kind is FrameKind.HELLO
        self.say(FrameKind.WELCOME, encode_welcome(Welcome(protocol=PROTOCOL, heartbeat_ms=60_000)))
        return decode_hello(body).roster_version


class _Snapshots:
    """A node without data: the link does not need any."""

    def current(self) -> None:
        return None


class _Plans:
    """Answers plans with a word, so that a test sees that a message was read."""

    def plan(self, _envelope: bytes) -> bytes:
        return b"planned"


@asynccontextmanager
async def _on_the_line(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Line, Agent]]:
    """Run a node's loop on a line in memory."""
    line = Line()

    @asynccontextmanager
    async def stream_to(_transport: object) -> AsyncIterator[Line]:
        yield line

    monkeypatch.setattr("node.agent.stream_to", stream_to)
    who = Introduction(centre=BERLIN, software="", dictionary=Digest(bytes(32)), dictionary_text=b"")
    answering, snapshots = cast("Answering", _Plans()), cast("Snapshots", _Snapshots())
    agent = Agent(who, answering, hospital.in_force, snapshots, lambda _: None)
    transport = Transport(target="", ca_pem=b"", certificate_pem=b"", key_pem=b"")
    running = asyncio.create_task(agent.run(transport))
    try:
        yield line, agent
    finally:
        running.cancel()
        await asyncio.wait([running])


def test_a_lying_coordinator_changes_nothing_and_the_link_stays(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each lie is followed by a plan on the same stream: it is answered, and the roster is the old one."""
    lies = {
        "garbage": b"\xff\x00",
        "unsigned": SignedText.parse(hospital.signed(9)).body,
        "another of the same version": hospital.signed(2),
        "expired": hospital.signed(9, expires=NOW),
        "nothing": b"",
    }
    hospital.in_force.show(hospital.signed(2, analysts={}), "file")

    async def scene() -> None:
        async with _on_the_line(hospital, monkeypatch) as (line, _):
            assert await line.greeted() == 2
            for lie in lies.values():
                line.say(FrameKind.ROSTER, lie)
                line.say(FrameKind.PLAN, b"")
                assert await line.heard() == (FrameKind.PLANNED, b"planned")
                assert hospital.in_force.roster_octets == hospital.signed(2, analysts={})

    asyncio.run(scene())


def test_a_node_takes_a_newer_roster_before_the_next_message_and_answers_an_older_one_with_its_own(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene() -> None:
        async with _on_the_line(hospital, monkeypatch) as (line, agent):
            assert await line.greeted() == 1
            line.say(FrameKind.ROSTER, hospital.signed(3, analysts={}))
            line.say(FrameKind.PLAN, b"")
            assert await line.heard() == (FrameKind.PLANNED, b"planned")
            assert hospital.rules.roster.version == 3
            line.say(FrameKind.ROSTER, hospital.signed(2))
            assert await line.heard() == (FrameKind.ROSTER, hospital.signed(3, analysts={}))
            await agent.spread()
            assert await line.heard() == (FrameKind.ROSTER, hospital.signed(3, analysts={}))

    asyncio.run(scene())
