"""A coordinator that turns evil between the centres and the analyst. spec/sealing.md 5.

It has every body that it ever relayed, the public keys of the roster, and nothing else. It may swap, replay,
forge and take the seal off: nothing of that counts as an answer, or shows it one.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from coordinator.analyst import unsealing
from coordinator.analyst.quotes import verified_quote
from coordinator.analyst.unsealing import unsealed_answer, unsealed_quote
from coordinator.analyst.verify import Verified, verified
from coordinator.errors import UnverifiableError
from node.answering import Answering
from protocols.answers import context_of, in_the_open, sealed_to, sign_answer, sign_planned
from protocols.codec.answers import decode_relayed, encode_relayed, encode_signed_answer
from protocols.envelope import Purpose, seal
from protocols.ids import UNREAD, CentreId, QueryId
from protocols.keys import SealingSecret
from protocols.queries import SignedTerms
from protocols.refusals import Refusal, RefusalCode
from protocols.releases import Answer, Planned, Quote, RelayedAnswer
from protocols.sealing import seal_to
from tests.architecture.checkout import ROOT
from tests.members import keys_of, sealing_of
from tests.node.gate_desk import (
    ADA,
    BOB,
    CENTRE,
    COUNT,
    DICTIONARY,
    FEW,
    KEYS,
    MANY,
    MEAN_AGE,
    OTHER,
    GateDesk,
    imported,
)

IDENTITY = KEYS[ADA]
"""Both centres of the desk's roster sign with it, so that no signature tells them apart."""


@dataclass(frozen=True, slots=True)
class World:
    """One question of Ada's to two centres, and all that the coordinator could keep around it."""

    desks: dict[CentreId, GateDesk]
    terms: SignedTerms

    def answer(self, centre: CentreId = CENTRE, **changes: object) -> bytes:
        """The true body of a centre, to these terms or to others."""
        terms = replace(self.terms, **changes)  # type: ignore[arg-type]
        return self._answering(centre).answer(seal(terms, KEYS[terms.analyst]))

    def quote(self, centre: CentreId = CENTRE, **changes: object) -> bytes:
        """The true body of a centre to a plan."""
        terms = replace(self.terms, **changes)  # type: ignore[arg-type]
        return self._answering(centre).plan(seal(terms, KEYS[terms.analyst], Purpose.PLAN))

    def says(self, outcome: Refusal, query_id: QueryId | None = None) -> bytes:
        """A refusal as a centre would sign it, in the open."""
        named = query_id or self.terms.query_id
        return in_the_open(sign_answer(Answer(centre=CENTRE, query_id=named, outcome=outcome), IDENTITY))

    def plain(self) -> bytes:
        """The true answer, as it would be without a seal."""
        asked = self.desks[CENTRE].gate.answer(seal(self.terms, KEYS[ADA]))
        return encode_signed_answer(sign_answer(asked, IDENTITY))

    def _answering(self, centre: CentreId) -> Answering:
        return Answering(self.desks[centre].gate.gate, centre, IDENTITY)

    def taken(self, body: bytes, secret: SealingSecret | None = None) -> Verified | Refusal:
        """What Ada takes a body for, that came in the name of the first centre."""
        came = unsealed_answer(body, CENTRE, self.terms, secret or sealing_of(KEYS[ADA]))
        return verified(came, CENTRE, self.terms, self.desks[CENTRE].roster, DICTIONARY)

    def quoted(self, body: bytes) -> Quote | Refusal:
        """What Ada takes a body for, as the first centre's answer to her plan."""
        came = unsealed_quote(body, CENTRE, self.terms, sealing_of(KEYS[ADA]))
        return verified_quote(came, CENTRE, self.terms, self.desks[CENTRE].roster, DICTIONARY)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    desks = {}
    for centre, files in ((CENTRE, MANY), (OTHER, FEW)):
        root: Path = tmp_path_factory.mktemp(str(centre))
        desks[centre] = GateDesk(root / "node", imported(root, files), centre=centre)
    terms = replace(desks[CENTRE].terms(COUNT), audience=(CENTRE, OTHER))
    yield World(desks, terms)
    for desk in desks.values():
        desk.engine.close()


def test_what_the_centre_said_is_taken(world: World) -> None:
    assert isinstance(world.taken(world.answer()), Verified)
    assert isinstance(world.quoted(world.quote(query_id=world.terms.query_id)), Quote)


_CLOSED = "cannot be opened"
_OPEN = "came unsealed"
_NONE = "no sealed answer"
_EVIL: dict[str, tuple[str, Callable[[World], bytes]]] = {
    "another centre's body": (_CLOSED, lambda w: w.answer(OTHER)),
    "my answer to the same question, asked before": (_CLOSED, lambda w: w.answer(query_id=QueryId.new())),
    "my answer to another question": (_CLOSED, lambda w: w.answer(query_id=QueryId.new(), query=MEAN_AGE)),
    "another analyst's answer to the same question": (
        _CLOSED,
        lambda w: w.answer(query_id=QueryId.new(), analyst=BOB),
    ),
    "my plan's answer": (_CLOSED, lambda w: w.quote()),
    "the answer in plain": (_NONE, lambda w: w.plain()),
    "the answer in the open": (
        _OPEN,
        lambda w: encode_relayed(RelayedAnswer(octets=w.plain(), is_sealed=False)),
    ),
    "a refusal in the open, of a query that was read": (
        _OPEN,
        lambda w: w.says(Refusal(code=RefusalCode.REGISTRY_BUDGET)),
    ),
    "a refusal in the open, that names no query": (
        _OPEN,
        lambda w: w.says(Refusal(code=RefusalCode.REGISTRY_BUDGET), UNREAD),
    ),
    "a failure in the open": (_OPEN, lambda w: w.says(Refusal(code=RefusalCode.FAILED), UNREAD)),
    "withheld, in the open": (_OPEN, lambda w: w.says(Refusal(code=RefusalCode.WITHHELD), UNREAD)),
    "unreadable in the open, but of this query": (
        _OPEN,
        lambda w: w.says(Refusal(code=RefusalCode.UNREADABLE)),
    ),
    "nothing": (_NONE, lambda w: b""),
    "an empty seal": (_CLOSED, lambda w: encode_relayed(RelayedAnswer(octets=b"x", is_sealed=True))),
    "half of it": (_NONE, lambda w: w.answer()[:2000]),
    "a sealed text of its own": (_NONE, lambda w: _sealed_up(w, b"a text")),
    "an answer of its own": ("signature", lambda w: _sealed_up(w, _forged(w))),
    "a seal within a seal": (_NONE, lambda w: _sealed_up(w, decode_relayed(w.answer()).octets)),
}


def _sealed_up(world: World, octets: bytes) -> bytes:
    """Rightly sealed by the coordinator: it has Ada's public key."""
    context = context_of(Purpose.QUERY, CENTRE, ADA, world.terms.query_id)
    sealed = seal_to(octets, keys_of(KEYS[ADA]).sealing, context)
    return encode_relayed(RelayedAnswer(octets=sealed, is_sealed=True))


def _forged(world: World) -> bytes:
    refusal = Refusal(code=RefusalCode.REGISTRY_BUDGET)
    answer = Answer(centre=CENTRE, query_id=world.terms.query_id, outcome=refusal)
    return encode_signed_answer(sign_answer(answer, KEYS[BOB]))


@pytest.mark.parametrize("name", _EVIL)
def test_nothing_else_is_taken(world: World, name: str) -> None:
    sentence, body = _EVIL[name]
    with pytest.raises(UnverifiableError, match=sentence) as caught:
        world.taken(body(world))
    assert "\n" not in str(caught.value)


def test_a_plan_is_held_to_the_same(world: World) -> None:
    refusal = Planned(centre=CENTRE, query_id=world.terms.query_id, outcome=Refusal(code=RefusalCode.PAUSED))
    signed = sign_planned(refusal, IDENTITY)
    context = context_of(Purpose.PLAN, CENTRE, ADA, world.terms.query_id)
    ada = keys_of(KEYS[ADA]).sealing
    assert world.quoted(sealed_to(signed, ada, context)) == refusal.outcome
    evil = {
        in_the_open(signed): _OPEN,
        encode_signed_answer(signed): _NONE,
        sealed_to(signed, keys_of(KEYS[BOB]).sealing, context): _CLOSED,
        world.quote(OTHER): _CLOSED,
        world.quote(query_id=QueryId.new()): _CLOSED,
        world.answer(): _CLOSED,
    }
    for body, sentence in evil.items():
        with pytest.raises(UnverifiableError, match=sentence):
            world.quoted(body)


@pytest.mark.parametrize(
    "code", [RefusalCode.UNREADABLE, RefusalCode.UNKNOWN_ANALYST, RefusalCode.BAD_SIGNATURE]
)
def test_a_centre_that_cannot_know_who_asked_may_say_so_in_the_open(world: World, code: RefusalCode) -> None:
    assert world.taken(world.says(Refusal(code=code), UNREAD)) == Refusal(code=code)
    planned = Planned(centre=CENTRE, query_id=UNREAD, outcome=Refusal(code=code))
    assert world.quoted(in_the_open(sign_planned(planned, IDENTITY))) == planned.outcome


def test_after_a_change_of_keys_the_analyst_is_told_to_ask_again(world: World) -> None:
    with pytest.raises(UnverifiableError, match=r"another key than your profile's.*ask again"):
        world.taken(world.answer(), SealingSecret.generate())


# Controls: with a check off, the attack succeeds.


def test_without_the_rule_of_the_open_the_seal_could_be_taken_off(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = encode_relayed(RelayedAnswer(octets=world.plain(), is_sealed=False))
    monkeypatch.setattr(unsealing, "may_be_open", lambda _: True)
    assert isinstance(world.taken(body), Verified)


def test_without_the_context_a_body_could_be_moved(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a signature does not say is then open again: whose question it was."""
    same = context_of(Purpose.QUERY, CENTRE, ADA, world.terms.query_id)
    for module in ("node.answering", "coordinator.analyst.unsealing"):
        monkeypatch.setattr(f"{module}.context_of", lambda *_: same)
    body = world.answer(query_id=QueryId.new())
    came = unsealed_answer(body, CENTRE, world.terms, sealing_of(KEYS[ADA]))
    assert came.was_sealed


# The process that relays.

_UNREADABLE = ("protocols.answers", "protocols.codec.answers", "protocols.releases", "protocols.sealing")
_LOADED = "import sys, importlib; [importlib.import_module(m) for m in sys.argv[1:]]; print(*sys.modules)"


def _loaded_by(*modules: str) -> set[str]:
    command = [sys.executable, "-c", _LOADED, *modules]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    return set(done.stdout.split())


def test_the_coordinators_process_does_not_load_what_reads_an_answer() -> None:
    """Each of its modules, also one that a contract does not name yet."""
    own = [f"coordinator.{path.stem}" for path in (ROOT / "coordinator").glob("*.py")]
    loaded = _loaded_by(*own)
    assert {"coordinator.link", "coordinator.store"} <= loaded
    assert loaded.isdisjoint(_UNREADABLE)
    assert not [name for name in loaded if name.startswith("coordinator.analyst")]


def test_the_analysts_process_does() -> None:
    """The control."""
    assert set(_UNREADABLE) <= _loaded_by("coordinator.analyst.registry")
