"""What is published is checked by whoever reads it: one changed byte anywhere, and nothing is shown."""

import base64
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from coordinator.errors import PublicationError, SettingsError, UnverifiableError
from protocols.ids import CentreId, Digest
from protocols.publication import KIND, open_publication, publication_text
from protocols.signed_text import SignedText
from tests.coordinator.test_asked import World
from tests.node.gate_desk import ADA, BOB, CENTRE, FEW, KEYS, GateDesk, imported
from tests.node.seeds import draws, fresh_seed

TITLE = "Mean age, by nobody in particular"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    root: Path = tmp_path_factory.mktemp("published")
    return World(GateDesk(root, imported(root, FEW)))


@pytest.fixture(scope="module")
def octets(world: World) -> bytes:
    return world.registry.publish(world.terms.query_id, TITLE)


def test_who_reads_it_computes_the_same_result(world: World, octets: bytes) -> None:
    title, result = world.registry.read_publication(octets)
    assert title == TITLE
    assert result.to_json() == world.registry.result(world.terms.query_id).to_json()
    assert [str(one) for one in result.missing] == ["oslo"]


def test_another_analyst_of_the_roster_can_check_it_without_any_key_of_the_first(
    world: World, octets: bytes
) -> None:
    publication = open_publication(octets, world.centre.roster.analysts)
    assert publication.terms == world.terms
    assert list(publication.answers) == [CENTRE]


def test_any_changed_byte_is_refused(world: World, octets: bytes) -> None:
    draw = draws(fresh_seed())
    for _ in range(400):
        place = draw.randrange(len(octets))
        changed = octets[:place] + bytes([octets[place] ^ (1 << draw.randrange(8))]) + octets[place + 1 :]
        with pytest.raises((PublicationError, SettingsError)):
            world.registry.read_publication(changed)


def _signed(body: str, signer: str = "ada") -> bytes:
    key = KEYS[{"ada": ADA, "bob": BOB}[signer]]
    return SignedText(body=body.encode(), signatures=()).signed_by(signer, key, KIND).to_bytes()


def _body(octets: bytes) -> str:
    return SignedText.parse(octets).body.decode()


def _with_answer(body: str, change: Callable[[bytes], bytes]) -> str:
    """The body with another text of its one answer."""
    return re.sub(
        r'signed = "([^"]+)"',
        lambda found: f'signed = "{base64.b64encode(change(base64.b64decode(found[1]))).decode()}"',
        body,
    )


WRONG: dict[str, tuple[Callable[[str], bytes], str]] = {
    "not signed": (str.encode, "one signature"),
    "signed by another analyst": (lambda body: _signed(body, "bob"), "another analyst"),
    "signed twice": (
        lambda body: _signed(body) + _signed(body).splitlines(keepends=True)[-1],
        "one signature",
    ),
    "by nobody of the roster": (
        lambda body: _signed(body).replace(b"skerry-signature: ada", b"skerry-signature: eve"),
        "'eve'",
    ),
    "without an answer": (lambda body: _signed(body.partition("[[answer]]")[0]), "no answer"),
    "an answer twice": (
        lambda body: _signed(body + "\n[[answer]]" + body.partition("[[answer]]")[2]),
        "two answers",
    ),
    "an answer in the name of another centre": (
        lambda body: _signed(body.replace('"berlin"', '"oslo"')),
        "cannot be believed",
    ),
    "of a centre that was not asked": (lambda body: _signed(body.replace('"berlin"', '"rome"')), "not asked"),
    "an answer that was changed": (
        lambda body: _signed(_with_answer(body, lambda one: one[:40] + bytes([one[40] ^ 1]) + one[41:])),
        "cannot be believed",
    ),
    "an answer that is none": (lambda body: _signed(_with_answer(body, lambda _: b"five")), "cannot be"),
    "a question that is not base64": (
        lambda body: _signed(re.sub(r'question = "[^"]+"', 'question = "?"', body)),
        "base64",
    ),
    "an unknown key": (lambda body: _signed(body.replace("title =", "colour = 1\ntitle =", 1)), "colour"),
    "a title of two lines": (lambda body: _signed(body.replace(TITLE, r"a\nb")), "'title'"),
    "no title": (lambda body: _signed(body.replace(TITLE, "")), "'title'"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_cannot_stand_is_refused_with_a_sentence(world: World, octets: bytes, what: str) -> None:
    make, says = WRONG[what]
    with pytest.raises(PublicationError, match=re.escape(says)):
        world.registry.read_publication(make(_body(octets)))


def test_nothing_is_published_where_nobody_answered(world: World) -> None:
    steps, world.desk.steps = world.desk.steps, []
    with pytest.raises(PublicationError, match="nothing to publish"):
        world.registry.publish(world.terms.query_id, TITLE)
    world.desk.steps = steps


@pytest.mark.parametrize("title", ["", "  ", "a\nb", "x" * 201])
def test_a_title_is_a_line(world: World, title: str) -> None:
    with pytest.raises(PublicationError, match="title"):
        world.registry.publish(world.terms.query_id, title)


def test_a_coordinator_that_gives_another_question_is_noticed(world: World) -> None:
    kept, world.desk.kept = (
        world.desk.kept,
        [world.keeps(replace(world.terms, query_id=world.terms.query_id))],
    )
    world.desk.kept[0] = replace(world.desk.kept[0], query_id=type(world.terms.query_id).new())
    with pytest.raises(UnverifiableError):
        world.registry.publish(world.terms.query_id, TITLE)
    world.desk.kept = kept


def test_a_question_of_another_dictionary_is_not_published(world: World) -> None:
    terms = replace(world.terms, dictionary=Digest(bytes(32)))
    kept, world.desk.kept = world.desk.kept, [world.keeps(terms)]
    with pytest.raises(SettingsError, match="another dictionary"):
        world.registry.publish(terms.query_id, TITLE)
    world.desk.kept = kept


def test_another_dictionary_says_so(world: World, octets: bytes) -> None:
    publication = open_publication(octets, world.centre.roster.analysts)
    terms = replace(publication.terms, dictionary=Digest(bytes(32)))
    envelope = world.keeps(terms).envelope
    with pytest.raises(SettingsError, match="another dictionary"):
        world.registry.read_publication(
            _signed(publication_text(replace(publication, envelope=envelope, terms=terms)))
        )


def test_the_text_comes_back_as_it_went(world: World, octets: bytes) -> None:
    publication = open_publication(octets, world.centre.roster.analysts)
    assert publication_text(publication) == _body(octets)
    assert CentreId("oslo") not in publication.answers
