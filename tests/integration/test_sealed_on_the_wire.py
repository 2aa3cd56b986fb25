"""The real coordinator relays answers and has none: what it keeps opens for the analyst alone.

Counts that occur nowhere else, asked with so little noise that each answer is the truth: as bytes of a
release, as bytes of its numbers, and as text they are looked for in all that the coordinator wrote.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from coordinator.analyst.link import Desk
from coordinator.analyst.profile import Profile, load_profile
from coordinator.analyst.registry import Registry
from coordinator.analyst.result import Result
from coordinator.errors import SettingsError
from protocols.answers import context_of, received
from protocols.codec.answers import decode_relayed, encode_release, encode_signed_answer
from protocols.envelope import Purpose
from protocols.ids import CentreId, QueryId
from protocols.keys import SealingSecret
from protocols.link import Ask, Progress
from protocols.releases import Release, SignedAnswer
from tests.integration.federation import ALL_BUT_EXACT, Federation, eventually, federation, question

DICTIONARY = """\
name: sealed
resources:
  - name: people
    schema:
      primaryKey: pid
      fields:
        - {name: pid, skerry: {role: key}}
        - {name: arm, constraints: {enum: [a, b, c, d, e, f], required: true}}
        - name: dose
          type: number
          constraints: {minimum: 0, maximum: 1000000, required: true}
          skerry: {precision: 0.25}
"""
ARMS: dict[str, tuple[int, ...]] = {
    "east": (211, 307, 401, 503, 607, 709),
    "west": (223, 311, 409, 509, 613, 719),
}
COUNT = question({"kind": "count", "by": ["arm"]})
SUM = question({"kind": "sum", "variable": "dose"})
TABLE = {**COUNT, "release": {"mode": "suppressed", "scope": "centre"}}
QUESTIONS = {"count": COUNT, "sum": SUM, "table": TABLE}


def _rows(centre: str) -> str:
    arms = "".join(arm * count for arm, count in zip("abcdef", ARMS[centre], strict=True))
    doses = (f"p{number},{arm},{number * 3 + 0.25}" for number, arm in enumerate(arms))
    return "\n".join(["pid,arm,dose", *doses]) + "\n"


class Overheard(Desk):
    """The desk; every body that is relayed over it is kept, as whoever relays could keep it."""

    def __init__(self, profile: Profile) -> None:
        super().__init__(profile)
        self.bodies: list[bytes] = []

    def ask(self, ask: Ask) -> Iterator[Progress]:
        return self._kept(super().ask(ask))

    def plan(self, ask: Ask) -> Iterator[Progress]:
        return self._kept(super().plan(ask))

    def _kept(self, steps: Iterable[Progress]) -> Iterator[Progress]:
        for step in steps:
            self.bodies.append(step.answer)
            yield step


@dataclass(frozen=True, slots=True)
class Asked:
    """A federation that was asked each question, the answers, and every body that was relayed."""

    made: Federation
    profile: Profile
    results: dict[str, Result]
    overheard: list[bytes]
    seen: dict[str, bytes]
    """All that the coordinator had written while it ran, by file."""

    @property
    def store(self) -> Path:
        (found,) = self.made.places.coordinator.rglob("coordinator.db")
        return found

    def bodies(self) -> dict[tuple[QueryId, CentreId], bytes]:
        """What the coordinator keeps of answers."""
        with closing(sqlite3.connect(self.store)) as store:
            rows = store.execute("SELECT query_id, centre, body FROM answer").fetchall()
        return {(QueryId(query_id), CentreId(centre)): body for query_id, centre, body in rows}

    def signed(self, query_id: QueryId, centre: CentreId) -> SignedAnswer:
        """What a centre signed: the analyst can tell."""
        context = context_of(Purpose.QUERY, centre, self.profile.analyst, query_id)
        body = self.bodies()[query_id, centre]
        return received(body, self.profile.sealing_key, context).signed

    def needles(self) -> dict[str, bytes]:
        """What must be nowhere at the coordinator."""
        found: dict[str, bytes] = {}
        for name, result in self.results.items():
            for centre, one in result.answered.items():
                signed, where = self.signed(result.query_id, centre), f"{name} of {centre}"
                found[f"release, {where}"] = encode_release(one.paid)
                found[f"numbers, {where}"] = _numbers(one.paid)
                found[f"receipt, {where}"] = one.receipt.event
                found[f"payload, {where}"] = signed.payload
                found[f"signature, {where}"] = signed.signature
        for row in self.results["sum"].to_json()["by_centre"].values():
            found[f"text of {row}"] = str(row[0]["estimate"]).removesuffix(".0").encode()
        return found


def _numbers(release: Release) -> bytes:
    """The numbers as they stand in a release: zigzag, then seven bits a byte."""
    cells = release.blocks[0].values if release.table is None else release.table.cells
    return b"".join(_varint((number << 1) ^ (number >> 63)) for number in cells.tolist())


def _varint(number: int) -> bytes:
    low, rest = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + _varint(rest) if rest else bytes([low])


def _written(folders: Iterable[Path]) -> dict[str, bytes]:
    files = [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path): path.read_bytes() for path in files}


def _found(needles: Mapping[str, bytes], haystacks: Iterable[bytes]) -> set[str]:
    octets = list(haystacks)
    return {name for name, needle in needles.items() if any(needle in one for one in octets)}


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    folder = tmp_path_factory.mktemp("sealed")
    (folder / "dict.yaml").write_text(DICTIONARY, encoding="utf-8")
    files = {}
    for centre in ARMS:
        files[centre] = folder / f"{centre}.csv"
        files[centre].write_text(_rows(centre), encoding="utf-8")
    with federation(folder / "box", folder / "dict.yaml", files) as made:
        profile = load_profile(made.profile)
        desk = Overheard(profile)
        with Registry(profile, desk=desk) as registry:
            results = {name: registry.ask(one) for name, one in QUESTIONS.items()}
            assert registry.plan(COUNT).is_quorum_reached
        # While it runs: its log of what was written last is a file of its own, mapped into memory.
        seen = _written([made.places.coordinator, made.places.logs])
        yield Asked(made, profile, results, [one for one in desk.bodies if one], seen)


def test_the_answers_are_the_truth_and_can_be_told_from_anything(asked: Asked) -> None:
    """Without this, nothing would be found anywhere."""
    for name in ("count", "table"):
        for centre, one in asked.results[name].answered.items():
            cells = one.release.blocks[0].values if name == "count" else one.release.table.cells  # type: ignore[union-attr]
            assert tuple(cells.tolist()[:6]) == ARMS[str(centre)]
    needles = asked.needles()
    assert len(needles) == 5 * 2 * len(QUESTIONS) + 2
    assert min(map(len, needles.values())) >= 4
    assert asked.results["count"].to_json()["release"]["rho"] == ALL_BUT_EXACT


def test_each_is_found_where_it_may_be(asked: Asked) -> None:
    """The control: the same search, in the centres' ledgers and in what the analyst opened."""
    needles = asked.needles()
    ledgers = _written(asked.made.places.centre(centre) for centre in ARMS)
    there = _found(needles, ledgers.values())
    assert {name for name in needles if name.startswith(("numbers", "receipt", "release"))} <= there
    opened = [encode_signed_answer(asked.signed(*key)) for key in asked.bodies()]
    told = {name for name in needles if not name.startswith("text")}
    assert _found(needles, opened) >= told


def test_nothing_of_an_answer_is_at_the_coordinator(asked: Asked) -> None:
    assert any(path.endswith("coordinator.db-wal") for path in asked.seen)
    assert any(path.endswith("coordinator.log") for path in asked.seen)
    assert _found(asked.needles(), asked.seen.values()) == set()


def test_nothing_of_an_answer_or_a_quote_was_relayed_in_the_open(asked: Asked) -> None:
    kept = asked.bodies()
    assert len(kept) == len(ARMS) * len(QUESTIONS)
    assert set(kept.values()) < set(asked.overheard), "plans are relayed and not kept"
    assert all(decode_relayed(body).is_sealed for body in asked.overheard)
    assert _found(asked.needles(), asked.overheard) == set()


def test_all_are_of_one_length(asked: Asked) -> None:
    """So that a refusal, or what was asked, cannot be told from the length."""
    assert len({len(body) for body in asked.overheard}) == 1


def test_a_key_that_opens_nothing_is_noticed_before_anything_is_paid(asked: Asked) -> None:
    other = SealingSecret.generate()
    path = asked.made.root / "other.key"
    path.write_bytes(other.to_octets())
    path.chmod(0o600)
    with pytest.raises(SettingsError, match="not the sealing key that the roster holds"):
        load_profile(asked.made.profile_with(sealing_key="other.key"))
    # The control: with that key, no answer opens.
    with Registry(replace(asked.profile, sealing_key=other)) as registry:
        result = registry.result(asked.results["count"].query_id)
    assert not result.answered
    assert all("another key than your profile's" in one for one in _sentences(result))


# The coordinator is broken into, and what it keeps is put elsewhere.


def _swapped(asked: Asked, one: QueryId) -> dict[tuple[QueryId, CentreId], bytes]:
    kept, (east, west) = asked.bodies(), map(CentreId, ARMS)
    return {(one, east): kept[one, west], (one, west): kept[one, east]}


def _replayed(asked: Asked, one: QueryId, other: QueryId) -> dict[tuple[QueryId, CentreId], bytes]:
    kept = asked.bodies()
    return {(one, centre): kept[other, centre] for centre in map(CentreId, ARMS)}


def _plain(asked: Asked, one: QueryId) -> dict[tuple[QueryId, CentreId], bytes]:
    return {(one, centre): encode_signed_answer(asked.signed(one, centre)) for centre in map(CentreId, ARMS)}


def test_a_coordinator_that_was_broken_into_passes_nothing_off(asked: Asked) -> None:
    count, total, table = (asked.results[name].query_id for name in QUESTIONS)
    evil = _swapped(asked, count) | _replayed(asked, total, count) | _plain(asked, table)
    asked.made.kill("coordinator")
    with closing(sqlite3.connect(asked.store)) as store, store:
        for (query_id, centre), body in evil.items():
            place = (body, query_id.octets, centre.text)
            done = store.execute("UPDATE answer SET body = ? WHERE query_id = ? AND centre = ?", place)
            assert done.rowcount == 1
    asked.made.start("coordinator")
    eventually("both centres are back", lambda: asked.made.online() == set(ARMS))
    with Registry(asked.profile) as registry:
        results = [registry.result(query_id) for query_id in (count, total, table)]
        again = registry.ask(COUNT)
    assert [dict(one.answered) for one in results] == [{}, {}, {}]
    sentences = [_sentences(one) for one in results]
    assert all("cannot be opened" in one for one in (*sentences[0], *sentences[1]))
    assert all("no sealed answer" in one for one in sentences[2])
    # And who asks again gets the truth, for nothing.
    assert set(again.answered) == set(map(CentreId, ARMS))
    assert all(one.receipt.is_repeat for one in again.answered.values())


def _sentences(result: Result) -> list[str]:
    said: list[str] = [one["message"] for one in _refused(result).values()]
    assert len(said) == len(ARMS)
    assert all("\n" not in one for one in said)
    return said


def _refused(result: Result) -> dict[str, dict[str, Any]]:
    refused = result.centres["refused"]
    assert {one["code"] for one in refused.values()} == {"unverifiable"}
    return dict(refused)


def test_the_numbers_of_this_test_are_its_own() -> None:
    counts = sorted(count for arms in ARMS.values() for count in arms)
    assert all(one != other for one, other in pairwise(counts))
