"""A coordinator that lies about what was asked before: every lie about terms and answers is noticed.

The centre is a real gate; the coordinator is a desk that says what a test wants it to say.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest

from coordinator.analyst.asked import Asked, Unverified
from coordinator.analyst.link import Desk
from coordinator.analyst.profile import Profile
from coordinator.analyst.registry import Registry
from coordinator.errors import SettingsError, UnverifiableError
from protocols.answers import context_of, sealed_to, sign_answer
from protocols.envelope import Purpose, seal
from protocols.errors import WireError
from protocols.ids import AnalystId, CentreId, QueryId
from protocols.link import CentreState, KeptQuestion, Listing, Progress, Standing
from protocols.queries import SignedTerms
from tests.members import keys_of, sealing_of
from tests.node.gate_desk import (
    ADA,
    BOB,
    CENTRE,
    DICTIONARY,
    EVE,
    FEW,
    KEYS,
    MEAN_AGE,
    OTHER,
    OTHER_DIGEST,
    GateDesk,
    imported,
)

AUDIENCE = (CENTRE, OTHER)


@dataclass
class Lying(Desk):
    """A coordinator that keeps what it is told to keep."""

    kept: list[KeptQuestion] = field(default_factory=list)
    steps: list[Progress] = field(default_factory=list)

    def status(self, query_id: QueryId) -> KeptQuestion:
        del query_id
        return self.kept[0]

    def result(self, query_id: QueryId) -> Iterator[Progress]:
        del query_id
        yield from self.steps

    def questions(self, listing: Listing) -> Iterator[KeptQuestion]:
        del listing
        yield from self.kept


class World:
    """One question of Ada's, truly kept, and the true answer of one centre."""

    def __init__(self, centre: GateDesk) -> None:
        self.centre = centre
        self.terms = replace(centre.terms(MEAN_AGE), audience=AUDIENCE)
        self.desk = Lying(kept=[self.keeps()], steps=[self.answers(self.terms)])
        self.registry = Registry(self._profile(), lambda: centre.now, self.desk)

    def _profile(self) -> Profile:
        return Profile(
            analyst=ADA,
            target="",
            dictionary=DICTIONARY,
            roster=self.centre.roster,
            signing_key=KEYS[ADA],
            sealing_key=sealing_of(KEYS[ADA]),
            tls_ca_pem=b"",
            tls_certificate_pem=b"",
            tls_key_pem=b"",
            centres=AUDIENCE,
            deadline_s=1,
            valid_hours=1,
        )

    def keeps(
        self, terms: SignedTerms | None = None, signer: AnalystId = ADA, purpose: Purpose = Purpose.QUERY
    ) -> KeptQuestion:
        """What a coordinator says that it keeps."""
        said = terms or self.terms
        return KeptQuestion(
            query_id=said.query_id,
            envelope=seal(said, KEYS[signer], purpose),
            asked_at=self.centre.now,
            deadline_at=self.centre.now + timedelta(seconds=1),
            standings=tuple(
                Standing(centre=one, state=CentreState.OFFLINE, received_at=None) for one in said.audience
            ),
        )

    def answers(self, terms: SignedTerms, centre: CentreId = CENTRE) -> Progress:
        """The true answer of the gate to some terms, in the name of a centre."""
        answer = self.centre.gate.answer(seal(terms, KEYS[ADA]))
        context = context_of(Purpose.QUERY, CENTRE, ADA, terms.query_id)
        body = sealed_to(sign_answer(answer, KEYS[ADA]), keys_of(KEYS[ADA]).sealing, context)
        return Progress(centre=centre, state=CentreState.ANSWERED, answer=body)

    def result(self) -> tuple[list[str], dict[str, str]]:
        """Who answered by the library's word, and why the others do not count."""
        result = self.registry.result(self.terms.query_id)
        return [str(one) for one in result.answered], {str(k): v for k, v in result.unverifiable.items()}


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GateDesk]:
    root: Path = tmp_path_factory.mktemp("centre")
    desk = GateDesk(root, imported(root, FEW))
    yield desk
    desk.engine.close()


@pytest.fixture
def world(centre: GateDesk) -> World:
    return World(centre)


def test_the_truth_is_believed(world: World) -> None:
    asked = world.registry.status(str(world.terms.query_id))
    assert (asked.terms, asked.query_id) == (world.terms, world.terms.query_id)
    assert world.result() == ([CENTRE.text], {})
    assert world.registry.result(world.terms.query_id).missing == (OTHER,)


def _flipped(kept: KeptQuestion, place: int) -> KeptQuestion:
    octets = bytearray(kept.envelope)
    octets[place] ^= 1
    return replace(kept, envelope=bytes(octets))


LIES = {
    "another question of mine": lambda w: w.keeps(replace(w.terms, query_id=QueryId.new())),
    "another question of mine under this id": lambda w: replace(
        w.keeps(replace(w.terms, query_id=QueryId.new())), query_id=w.terms.query_id
    ),
    "another analyst's": lambda w: w.keeps(replace(w.terms, analyst=BOB), signer=BOB),
    "another content in my name": lambda w: w.keeps(signer=BOB),
    "a stranger's": lambda w: w.keeps(replace(w.terms, analyst=EVE), signer=EVE),
    "a plan of mine": lambda w: w.keeps(purpose=Purpose.PLAN),
    "nothing": lambda w: replace(w.keeps(), envelope=b""),
    "a centre less": lambda w: replace(w.keeps(), standings=w.keeps().standings[:1]),
    "a centre twice": lambda w: replace(w.keeps(), standings=w.keeps().standings * 2),
    "another centre": lambda w: replace(
        w.keeps(),
        standings=(replace(w.keeps().standings[0], centre=CentreId("rome")), w.keeps().standings[1]),
    ),
}


@pytest.mark.parametrize("name", LIES)
def test_a_lie_about_what_was_asked_is_noticed(world: World, name: str) -> None:
    world.desk.kept = [LIES[name](world)]
    for ask in (world.registry.status, world.registry.result):
        with pytest.raises(UnverifiableError):
            ask(world.terms.query_id)


def test_no_flipped_bit_of_the_envelope_passes(world: World) -> None:
    true = world.keeps()
    for place in range(0, len(true.envelope), 5):
        world.desk.kept = [_flipped(true, place)]
        with pytest.raises(UnverifiableError):
            world.registry.status(world.terms.query_id)


def test_a_question_of_another_dictionary_is_not_read_with_this_one(world: World) -> None:
    world.desk.kept = [world.keeps(replace(world.terms, dictionary=OTHER_DIGEST))]
    assert world.registry.status(world.terms.query_id).terms.dictionary == OTHER_DIGEST
    with pytest.raises(SettingsError, match="another dictionary"):
        world.registry.result(world.terms.query_id)


def test_an_answer_of_another_question_swapped_in_is_not_counted(world: World) -> None:
    """A replay: the same question, asked and answered under another id of mine."""
    earlier = replace(world.terms, query_id=QueryId.new())
    world.desk.steps = [world.answers(earlier)]
    answered, why = world.result()
    assert answered == []
    assert "cannot be opened" in why[CENTRE.text]


def test_an_answer_shown_as_another_centres_is_not_counted(world: World) -> None:
    world.desk.steps = [world.answers(world.terms), world.answers(world.terms, OTHER)]
    answered, why = world.result()
    assert answered == [CENTRE.text]
    assert "cannot be opened" in why[OTHER.text]


def test_a_stranger_to_the_audience_is_not_heard(world: World) -> None:
    world.desk.steps = [world.answers(world.terms, CentreId("rome")), world.answers(world.terms)]
    assert world.result() == ([CENTRE.text], {})


def test_a_second_answer_of_a_centre_does_not_take_the_place_of_the_first(world: World) -> None:
    forged = Progress(centre=CENTRE, state=CentreState.ANSWERED, answer=b"forged")
    world.desk.steps = [world.answers(world.terms), forged]
    assert world.result() == ([CENTRE.text], {})
    world.desk.steps.reverse()
    assert list(world.result()[1]) == [CENTRE.text]


def test_a_question_that_cannot_be_verified_does_not_hide_the_others(world: World) -> None:
    """As after a new key: the old questions bear the old signature."""
    world.desk.kept = [world.keeps(signer=BOB), world.keeps()]
    old, own = world.registry.questions()
    assert isinstance(old, Unverified)
    assert isinstance(own, Asked)
    assert "signature" in old.entry()["unverifiable"]
    assert old.entry()["query_id"] == own.entry()["query_id"] == str(world.terms.query_id)


@pytest.mark.parametrize("text", ["", "x", "00", "0" * 31, "0" * 33, "A" * 32, " " + "0" * 31])
def test_a_text_that_is_no_id_is_refused_before_anybody_is_asked(world: World, text: str) -> None:
    world.desk.kept = []
    for ask in (world.registry.status, world.registry.result):
        with pytest.raises(WireError, match="32 hexadecimal"):
            ask(text)
