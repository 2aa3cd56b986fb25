"""A node starts only with papers that are all there, all signed, and all about the same registry."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.sandbox.papers import Plan, policy_text, write_papers
from deploy.sandbox.places import Places
from node.errors import RulesError
from node.rules import Rules, load_rules
from node.settings import load_settings
from protocols.dictionary_text import read_dictionary
from protocols.ids import CentreId, StudyId
from protocols.signed_text import SignedText
from tests.node.worlds import _TEXT

BERLIN, OSLO = CentreId("berlin"), CentreId("oslo")


@dataclass(frozen=True)
class Papers:
    """The papers of a sandbox of two centres; the tests look at Berlin's."""

    places: Places

    @property
    def folder(self) -> Path:
        return self.places.centre("berlin")

    def load(self) -> Rules:
        return load_rules(load_settings(self.folder / "node.toml"))

    def edit(self, path: Path, old: str, new: str) -> None:
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    def sign_again(self, path: Path, kind: str, old: str, new: str) -> None:
        """Edit a paper and sign it anew with the officer's own key."""
        from deploy.sandbox.authority import signing_key  # noqa: PLC0415 -- the officer's part

        body = SignedText.parse(path.read_bytes()).body
        assert old.encode() in body
        text = SignedText(body=body.replace(old.encode(), new.encode()), signatures=())
        key = signing_key(self.folder / "officer" / "officer.key")
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
def papers(written: Path, tmp_path: Path) -> Papers:
    shutil.copytree(written, tmp_path / "sandbox")
    return Papers(Places(tmp_path / "sandbox"))


def test_papers_that_are_in_order_are_read(papers: Papers) -> None:
    rules = papers.load()
    assert rules.centre == BERLIN
    assert set(rules.studies) == {StudyId("sandbox")}
    assert rules.studies[StudyId("sandbox")].dictionary == rules.dictionary.digest


def _no(name: str) -> Callable[[Papers], None]:
    return lambda papers: (papers.folder / name).unlink()


def _roster_of_another_root(papers: Papers) -> None:
    key = (papers.places.centre("oslo") / "keys" / "identity.key").read_bytes()
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415

    path = papers.places.shared / "roster.toml"
    text = SignedText(body=SignedText.parse(path.read_bytes()).body, signatures=())
    signed = text.signed_by("sandbox-root", Ed25519PrivateKey.from_private_bytes(key), "roster")
    path.write_bytes(signed.to_bytes())


def _of_oslo(name: str) -> Callable[[Papers], None]:
    def spoil(papers: Papers) -> None:
        shutil.copyfile(papers.places.centre("oslo") / name, papers.folder / name)

    return spoil


def _edited(name: str, old: str, new: str) -> Callable[[Papers], None]:
    return lambda papers: papers.edit(papers.folder / name, old, new)


def _study_twice(papers: Papers) -> None:
    studies = papers.folder / "studies"
    shutil.copyfile(studies / "sandbox.toml", studies / "again.toml")


def _forbidding(names: str) -> Callable[[Papers], None]:
    return lambda papers: papers.sign_again(
        papers.folder / "policy.toml", "policy", "forbidden_fields = []", f"forbidden_fields = [{names}]"
    )


def _garbage(path: str) -> Callable[[Papers], None]:
    def spoil(papers: Papers) -> None:
        (papers.places.root / path).write_bytes(b"\xff\xfe\x00")

    return spoil


WRONG: dict[str, tuple[Callable[[Papers], None], str]] = {
    "no policy": (_no("policy.toml"), "policy.toml cannot be read"),
    "a policy of another centre's officer": (_of_oslo("policy.toml"), "no signature of"),
    "a policy that was changed after signing": (
        _edited("policy.toml", 'registry_rho = "1"', 'registry_rho = "9"'),
        "signature",
    ),
    "a study of another centre's officer": (_of_oslo("studies/sandbox.toml"), "no signature of"),
    "a study that was changed after signing": (
        _edited("studies/sandbox.toml", '"analyst"', '"eve"'),
        "signature",
    ),
    "a study twice": (_study_twice, "twice"),
    "a roster of another root": (_roster_of_another_root, "signature"),
    "no roster": (lambda papers: (papers.places.shared / "roster.toml").unlink(), "cannot be read"),
    "a root key that is none": (_garbage("shared/root.toml"), "root.toml"),
    "a dictionary that is none": (_garbage("shared/dictionary"), "dictionary"),
    "a centre that is not in the roster": (
        _edited("node.toml", 'centre = "berlin"', 'centre = "bergen"'),
        "bergen",
    ),
    "another centre's officer": (_edited("node.toml", '"officer-berlin"', '"officer-oslo"'), "officer-oslo"),
    "an officer whom nobody knows": (_edited("node.toml", '"officer-berlin"', '"me"'), "'me'"),
    "a forbidden field without its table": (_forbidding('"age"'), "table.field"),
    "a mistyped forbidden field": (_forbidding('"people.agge", "people.sex"'), "did you mean 'people.age'?"),
}


@pytest.mark.parametrize("name", list(WRONG))
def test_with_a_paper_that_is_wrong_the_node_does_not_start(papers: Papers, name: str) -> None:
    spoil, sentence = WRONG[name]
    spoil(papers)
    with pytest.raises(RulesError, match=sentence.replace("?", r"\?")):
        papers.load()


def test_a_forbidden_field_that_the_registry_has_is_taken(papers: Papers) -> None:
    _forbidding('"people.age", "visits.person"')(papers)
    assert papers.load().policy.forbidden_fields == {"people.age", "visits.person"}
