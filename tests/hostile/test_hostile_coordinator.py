"""10,000 messages of a breached coordinator: nothing is answered, read or charged that nobody signed.

What must never happen at a node:
1. An outcome other than a refusal for bytes that no analyst signed for this centre.
2. A read of patients, or a charge, on account of such bytes.
3. Two different releases for one question; a second charge for it.
What may happen: refusals, and charges for what analysts did sign.

Each check is switched off in turn; the same messages then succeed.
"""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

import protocols.envelope
from node.errors import EngineError
from node.gate import Gate
from privacy.loss import ZERO, Loss
from protocols.envelope import Opened, Purpose, open_envelope, seal
from protocols.errors import SignatureError
from protocols.ids import QueryId
from protocols.queries import Between, SignedTerms
from protocols.query_rules import canonical
from protocols.refusals import Refusal
from protocols.releases import Granted
from tests.hostile.moves import HOSTILE, Seen, stream
from tests.node.gate_desk import (
    ADA,
    BOB,
    COUNT,
    DICTIONARY,
    KEYS,
    MANY,
    MEAN_AGE,
    OTHER,
    GateDesk,
    imported,
    with_rho,
)
from tests.node.questions import AGE
from tests.node.seeds import draws, fresh_seed, told

MESSAGES = 10_000
QUESTIONS = 24
_Off = Callable[[pytest.MonkeyPatch], None]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("many")
    imported(root, MANY)
    return root


def _desk(files: Path, folder: Path) -> GateDesk:
    """A centre whose budgets never refuse: whatever is refused here, is for what it is."""
    desk = GateDesk(folder=folder, snapshots=imported(files, MANY))
    desk.policy = replace(desk.policy, registry_cap=None, study_cap=None, analyst_cap=None)
    return desk


def _seen(desk: GateDesk) -> Seen:
    """What analysts sign within a day."""
    questions = []
    for number in range(QUESTIONS):
        # Cohorts of their own: none of the answers contains another.
        cohort = Between(field=AGE, low=Decimal(number), high=Decimal(90))
        query = canonical(replace((COUNT, MEAN_AGE)[number % 2], cohort=cohort), DICTIONARY)
        terms = desk.terms(query, (ADA, BOB)[number % 3 % 2])
        questions.append((terms, seal(terms, KEYS[terms.analyst])))
    elsewhere = [
        seal(replace(terms, audience=(OTHER,), query_id=QueryId.new()), KEYS[terms.analyst])
        for terms, _ in questions
    ]
    plans = [
        seal(replace(terms, query_id=QueryId.new()), KEYS[terms.analyst], Purpose.PLAN)
        for terms, _ in questions
    ]
    return Seen(questions=tuple(questions), elsewhere=tuple(elsewhere), plans=tuple(plans))


def _registry(desk: GateDesk) -> Loss:
    return next((loss for (scope, _), loss in desk.spent.items() if scope == "registry"), ZERO)


class Watch:
    """Judges each message by what it did; `violations` are counted by what was done and by which move."""

    def __init__(self, desk: GateDesk, seen: Seen) -> None:
        self.desk = desk
        self.signed = {octets: terms for terms, octets in seen.questions}
        self.released: dict[bytes, bytes] = {}
        self.violations: Counter[str] = Counter()
        self.outcomes: Counter[str] = Counter()

    def send(self, name: str, octets: bytes) -> None:
        reads, spent = self.desk.engine.reads, _registry(self.desk)
        outcome = self.desk.gate.answer(octets).outcome
        self.outcomes["granted" if isinstance(outcome, Granted) else outcome.code.word] += 1
        terms = self.signed.get(octets)
        if terms is None:
            self._note(name, "answered", isinstance(outcome, Granted))
            self._note(name, "read", self.desk.engine.reads != reads)
            self._note(name, "charged", _registry(self.desk) != spent)
        else:
            self._judge_signed(name, octets, terms, outcome, spent)

    def _judge_signed(
        self, name: str, octets: bytes, terms: SignedTerms, outcome: Granted | Refusal, spent: Loss
    ) -> None:
        if isinstance(outcome, Refusal):
            self._note(name, "refused what was signed", True)
            return
        is_first = octets not in self.released
        first = self.released.setdefault(octets, outcome.release)
        due = spent + terms.query.release.loss if is_first else spent
        self._note(name, "another release", outcome.release != first)
        self._note(name, "another charge", _registry(self.desk) != due)

    def _note(self, name: str, what: str, is_wrong: bool) -> None:
        if is_wrong:
            self.violations[f"{what} by {name}"] += 1


def _attacked(desk: GateDesk, draw: random.Random, messages: int) -> Watch:
    seen = _seen(desk)
    watch = Watch(desk, seen)
    for move, octets in stream(seen, draw, messages):
        watch.send(move.__name__, octets)
    return watch


def test_a_breached_coordinator_gets_nothing_that_was_not_signed(files: Path, tmp_path: Path) -> None:
    desk = _desk(files, tmp_path)
    watch = _attacked(desk, draws(fresh_seed()), MESSAGES)
    told(dict(watch.outcomes))
    assert watch.violations == Counter()
    asked = [terms.query.release.loss for terms in watch.signed.values()]
    assert _registry(desk) == sum(asked, start=ZERO)
    assert desk.engine.reads == QUESTIONS


def _no_signatures(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(protocols.envelope, "verify", lambda *_: None)


def _no_audience(patch: pytest.MonkeyPatch) -> None:
    checked = Gate._allowed  # noqa: SLF001 -- the check that is switched off

    def unchecked(gate: Gate, terms: SignedTerms, *more: object) -> object:
        centre = GateDesk.__dataclass_fields__["centre"].default
        return checked(gate, replace(terms, audience=(centre,)), *more)  # type: ignore[arg-type]

    patch.setattr(Gate, "_allowed", unchecked)


def _no_purpose(patch: pytest.MonkeyPatch) -> None:
    def opened(octets: bytes, analysts: object, purpose: Purpose = Purpose.QUERY) -> Opened:
        try:
            return open_envelope(octets, analysts, purpose)  # type: ignore[arg-type]
        except SignatureError:
            return open_envelope(octets, analysts, Purpose.PLAN)  # type: ignore[arg-type]

    patch.setattr("node.gate.open_envelope", opened)


OFF: dict[str, tuple[_Off, set[str]]] = {
    "signatures": (_no_signatures, {"rewrites", "forges", "splices"}),
    "the audience": (_no_audience, {"retargets"}),
    "what a signature is for": (_no_purpose, {"turns_a_plan_into_a_question"}),
}


@pytest.mark.parametrize("check", OFF)
def test_without_a_check_the_same_messages_succeed(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, check: str
) -> None:
    switch_off, moves = OFF[check]
    switch_off(monkeypatch)
    watch = _attacked(_desk(files, tmp_path), draws(fresh_seed()), 600)
    told(dict(watch.violations))
    successful = {name for name in watch.violations if watch.violations[name]}
    for move in moves:
        assert f"answered by {move}" in successful
    assert successful & {f"charged by {move}" for move in moves}


def test_a_ledger_that_forgets_answers_a_replay_with_fresh_noise(files: Path, tmp_path: Path) -> None:
    """The control of replays: what one ledger answers once, two ledgers answer twice."""
    one, other = _desk(files, tmp_path / "one"), _desk(files, tmp_path / "other")
    envelope = one.envelope(with_rho(MEAN_AGE, "0.001"))
    first, again, forgotten = (desk.gate.answer(envelope).outcome for desk in (one, one, other))
    assert isinstance(first, Granted)
    assert isinstance(again, Granted)
    assert isinstance(forgotten, Granted)
    assert first.release == again.release != forgotten.release


def test_aborted_questions_waste_at_most_the_charged_rounds(files: Path, tmp_path: Path) -> None:
    """The worst that a coordinator can bring about: every answer fails, and analysts ask again and again."""
    desk = _desk(files, tmp_path)

    def fails(*_: object) -> None:
        raise EngineError("gone")

    desk.engine.on_read = fails
    for number in range(50):
        assert isinstance(desk.ask(COUNT, (ADA, BOB)[number % 2]).outcome, Refusal)
    rounds = desk.policy.charged_rounds_per_question
    assert _registry(desk) == sum([COUNT.release.loss] * rounds, start=ZERO)


def test_every_move_is_made(files: Path, tmp_path: Path) -> None:
    """A move whose messages were all relays would prove nothing."""
    desk, draw = _desk(files, tmp_path), draws(fresh_seed())
    seen = _seen(desk)
    signed = {octets for _, octets in seen.questions}
    for move in HOSTILE:
        made = {move(seen, draw) for _ in range(40)}
        assert made - signed, move.__name__
