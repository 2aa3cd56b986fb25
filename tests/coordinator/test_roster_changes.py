"""A roster that changes under a running coordinator: who left is told to go and not listened to any more."""

import asyncio
import dataclasses
import os
import threading
from collections.abc import Callable
from contextlib import aclosing, suppress
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from coordinator.errors import AskError
from coordinator.hub import Hub, Session
from coordinator.membership import Membership
from protocols.belief import Belief, Shown
from protocols.ids import CentreId, QueryId
from protocols.link import CentreState, FrameKind
from protocols.roster import Roster, roster_text
from protocols.trust import Trusted, remembered
from tests.coordinator.relay_desk import (
    ADA,
    BERLIN,
    BOB,
    CENTRES,
    HELLO,
    KEYS,
    OSLO,
    PARIS,
    ROSTER,
    Machine,
    order,
    terms,
)
from tests.members import keys_of, root_of, signed_roster
from tests.protocols.examples import NOW

ROOT = root_of("test")


def _own_keys(roster: Roster) -> Roster:
    """The desk's roster, as one that can be signed: each key stands once."""
    fresh = {one: Ed25519PrivateKey.from_private_bytes(one.text.encode().ljust(32)) for one in roster.centres}
    centres = {
        one: dataclasses.replace(entry, keys=keys_of(fresh[one])) for one, entry in roster.centres.items()
    }
    return dataclasses.replace(roster, centres=centres)


FULL = _own_keys(ROSTER)


def signed(version: int, *gone: object, **changes: object) -> bytes:
    """A roster of everybody but those who are gone."""
    roster = dataclasses.replace(
        FULL,
        version=version,
        centres={one: entry for one, entry in FULL.centres.items() if one not in gone},
        analysts={one: entry for one, entry in FULL.analysts.items() if one not in gone},
        **changes,  # type: ignore[arg-type]
    )
    return signed_roster(roster_text(roster))


def nothing(_octets: bytes) -> None:
    """A disk that takes everything."""


def membership(keep: Callable[[bytes], None] = nothing) -> Membership:
    """Everybody belongs, by version 5."""
    return Membership(Belief(ROOT, remembered(signed(5), ROOT), keep), lambda: NOW)


def test_who_left_is_told_to_go_and_nobody_else() -> None:
    async def scene() -> None:
        members = membership()
        heard: list[tuple[int, frozenset[CentreId]]] = []
        members.listen(lambda held, gone: heard.append((held.roster.version, gone)))
        with (
            members.here(BERLIN) as berlin,
            members.here(OSLO) as oslo,
            members.here(OSLO) as oslo_again,
            members.here(ADA) as ada,
            members.here(BOB) as bob,
        ):
            assert await members.show(signed(6, OSLO, ADA), "file") is Shown.NEWER
            assert [one.is_set() for one in (berlin, oslo, oslo_again, ada, bob)] == [
                False,
                True,
                True,
                True,
                False,
            ]
        assert heard == [(6, frozenset({OSLO}))]
        assert await members.show(signed(7), "file") is Shown.NEWER
        assert heard[1:] == [(7, frozenset())]

    asyncio.run(scene())


def test_the_doors_know_who_belongs_at_this_moment() -> None:
    async def scene() -> None:
        members = membership()
        assert (members.centre(OSLO.uri), members.analyst(ADA.uri)) == (OSLO, ADA)
        await members.show(signed(6, OSLO, ADA), "file")
        assert (members.centre(OSLO.uri), members.analyst(ADA.uri)) == (None, None)
        assert (members.centre(BERLIN.uri), members.analyst(BOB.uri)) == (BERLIN, BOB)
        await members.show(signed(7), "file")
        assert (members.centre(OSLO.uri), members.analyst(ADA.uri)) == (OSLO, ADA)

    asyncio.run(scene())


@pytest.mark.parametrize("uri", [None, "", "skerry://centre/", BERLIN.uri + "x", BERLIN.uri[:-1], ADA.uri])
def test_only_a_centres_one_exact_uri_is_a_centre(uri: str | None) -> None:
    assert membership().centre(uri) is None
    assert membership().analyst(BERLIN.uri if uri == ADA.uri else uri) is None


REFUSED: dict[str, tuple[bytes, Shown | None]] = {
    "older": (signed(4, OSLO), Shown.OLDER),
    "the same": (signed(5), Shown.SAME),
    "another of its version": (signed(5, OSLO), None),
    "expired": (signed(6, OSLO, expires=NOW), None),
    "another root's": (signed_roster(roster_text(FULL), KEYS[ADA]), None),
    "unsigned": (roster_text(dataclasses.replace(FULL, version=6)).encode(), None),
    "nothing": (b"", None),
    "garbage": (bytes(range(256)), None),
    "too large": (signed(6, OSLO).ljust(5 * 2**20), None),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_must_not_be_believed_cuts_nobody(name: str, caplog: pytest.LogCaptureFixture) -> None:
    octets, shown = REFUSED[name]

    async def scene() -> None:
        members = membership()
        members.listen(lambda *_: pytest.fail("nobody should hear of it"))
        with members.here(OSLO) as oslo:
            assert await members.show(octets, "centre:oslo") is shown
            assert not oslo.is_set()
        assert members.held == remembered(signed(5), ROOT)

    asyncio.run(scene())
    assert ("event=roster_refused source=centre:oslo" in caplog.text) == (shown is None)


def test_a_roster_that_cannot_be_stored_cuts_nobody(caplog: pytest.LogCaptureFixture) -> None:
    def fail(_octets: bytes) -> None:
        raise OSError(28, "No space left on device")

    async def scene() -> None:
        members = membership(fail)
        with members.here(OSLO) as oslo:
            assert await members.show(signed(6, OSLO), "file") is None
            assert not oslo.is_set()

    asyncio.run(scene())
    assert "event=roster_not_stored" in caplog.text


def test_whoever_brings_a_roster_and_goes_cannot_keep_it_from_being_obeyed() -> None:
    """The centre that brought it leaves while the disk is busy: the removed one must go all the same."""
    is_writing, may_write = threading.Event(), threading.Event()

    def keep(_octets: bytes) -> None:
        is_writing.set()
        assert may_write.wait(20)

    async def scene() -> None:
        members = membership(keep)
        with members.here(OSLO) as oslo:
            bringing = asyncio.create_task(members.show(signed(6, OSLO), "centre:berlin"))
            await asyncio.to_thread(is_writing.wait, 20)
            bringing.cancel()
            with suppress(asyncio.CancelledError):
                await bringing
            may_write.set()
            async with asyncio.timeout(20):
                await oslo.wait()

    asyncio.run(scene())


def test_a_changed_file_is_read_and_a_missing_one_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "roster.toml"

    async def scene() -> None:
        members, is_asked, heard = membership(), asyncio.Event(), asyncio.Event()
        members.listen(lambda *_: heard.set())
        following = asyncio.create_task(members.follow(path, is_asked))
        for version in (6, 7):
            path.with_suffix(".new").write_bytes(signed(version))
            os.replace(path.with_suffix(".new"), path)  # noqa: PTH105
            if version == 7:
                is_asked.set()  # otherwise it looks by itself
            async with asyncio.timeout(20):
                await heard.wait()
            heard.clear()
            assert members.roster().version == version
            path.unlink()
        following.cancel()

    asyncio.run(scene())


def test_every_centre_on_the_link_is_shown_a_newer_roster_if_it_is_in_it() -> None:
    hub, newer = Hub(), remembered(signed(6, PARIS), ROOT)
    sessions = [Session(centre=centre, hello=HELLO) for centre in CENTRES]
    for session in sessions:
        hub.join(session)
    hub.leave(sessions[0])
    hub.spread(newer)
    sent = [session.outgoing.get_nowait() if not session.outgoing.empty() else None for session in sessions]
    assert [one and (one.kind, one.body) for one in sent] == [None, (FrameKind.ROSTER, newer.octets), None]


@pytest.mark.parametrize("is_gone", [True, False], ids=["gone", "control"])
def test_an_answer_of_a_centre_that_left_is_not_taken(tmp_path: Path, is_gone: bool) -> None:
    """It was asked while it belonged; the control shows that its answer is taken where it still does."""

    async def scene() -> None:
        machine = Machine(tmp_path)
        async with machine.up() as relay:
            await relay.join(OSLO)
            signed_terms = terms(audience=(OSLO,))
            async with aclosing(relay.service.ask(ADA, order(signed_terms))) as steps:
                assert (await anext(steps)).state is CentreState.ASKED
            if is_gone:
                machine.roster = _without(OSLO)
            await relay.answer(OSLO, signed_terms.query_id, b"late")
            kept = await relay.memory.kept(signed_terms.query_id, ADA)
            assert set(kept.received) == (set() if is_gone else {OSLO})
            body = await relay.memory.body(signed_terms.query_id, OSLO)
            assert body == (None if is_gone else b"late")

    asyncio.run(scene())


def _without(*gone: object) -> Roster:
    return dataclasses.replace(
        ROSTER,
        centres={one: entry for one, entry in ROSTER.centres.items() if one not in gone},
        analysts={one: entry for one, entry in ROSTER.analysts.items() if one not in gone},
    )


def test_whoever_watches_does_not_wait_for_a_centre_that_left(tmp_path: Path) -> None:
    """The deadline is an hour away; nothing but the removal ends the watching."""

    async def scene() -> None:
        machine = Machine(tmp_path)
        async with machine.up() as relay, asyncio.timeout(20):
            await relay.join(OSLO)
            await relay.join(PARIS)
            signed_terms = terms(audience=(OSLO, PARIS))
            seen: list[tuple[CentreId, CentreState]] = []
            async for step in relay.service.ask(ADA, order(signed_terms, deadline_ms=600_000)):
                seen.append((step.centre, step.state))
                if len(seen) == 2:
                    await relay.answer(PARIS, signed_terms.query_id, b"here")
                    machine.roster = _without(OSLO)
                    relay.rounds.removed({OSLO})
            assert seen[2:] == [(PARIS, CentreState.ANSWERED), (OSLO, CentreState.EXPIRED)]

    asyncio.run(scene())


def test_an_analyst_who_left_asks_nothing_more_and_nobody_is_described_who_left(tmp_path: Path) -> None:
    async def scene() -> None:
        machine = Machine(tmp_path)
        async with machine.up() as relay:
            await relay.join(OSLO)
            machine.roster = _without(OSLO, ADA)
            assert [one.centre for one in relay.service.describe().centres] == [BERLIN, PARIS]
            with pytest.raises(AskError, match="cannot be opened"):
                await anext(relay.service.ask(ADA, order(terms(audience=(BERLIN,)))))
            machine.roster = ROSTER
            steps = relay.service.ask(ADA, order(terms(audience=(BERLIN,), query_id=QueryId.new())))
            assert (await anext(steps)).centre == BERLIN
            await steps.aclose()

    asyncio.run(scene())


def test_a_belief_says_what_it_holds() -> None:
    held: Trusted = membership().held
    assert (held.roster.version, held.octets) == (5, signed(5))
    assert held.roster.expires == NOW + timedelta(days=60)
