"""Answers from finer answers, end to end: served for nothing, verified by the analyst, lies found out."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from coordinator.analyst.verify import Verified, verified
from coordinator.errors import UnverifiableError
from coordinator.estimators.rolled import rolled
from coordinator.estimators.table import estimate_table
from node.ledger.audit import audit
from node.plan import compile_plan
from privacy.events import GaussianEvent
from privacy.loss import ZERO, Loss
from protocols.answers import Received, sign_answer
from protocols.codec.answers import decode_release, encode_release
from protocols.codec.queries import question_digest
from protocols.envelope import content_of, seal
from protocols.ids import CentreId, Digest, SnapshotId
from protocols.queries import All, Kind, Missing, Mode, Query, SignedTerms, Statistic
from protocols.releases import Answer, Granted, Release, ReleasedBlock
from protocols.roll_up import roll_up
from protocols.transparency import leaf_hash
from tests.node.gate_desk import (
    ADA,
    BOB,
    CENTRE,
    COUNT,
    DICTIONARY,
    FEW,
    KEYS,
    MANY,
    OTHER,
    OTHER_DIGEST,
    GateDesk,
    imported,
    with_rho,
)
from tests.node.questions import AGE, ARM, DOSE, SCORE, SEX, SITE, numbers
from tests.node.seeds import fresh_seed
from tests.node.worlds import NOW, question
from tests.protocols.questions import questions

COARSE = question(Statistic(kind=Kind.COUNT, table="visits", by=(SITE,)), rho="0.1")
CENTRES = {CENTRE: MANY, OTHER: FEW}


@pytest.fixture(scope="module")
def desks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[CentreId, GateDesk]]:
    """Two centres. The first has answered the finer question before."""
    made = {}
    for centre, files in CENTRES.items():
        root: Path = tmp_path_factory.mktemp(str(centre))
        made[centre] = GateDesk(root / "node", imported(root, files), centre=centre)
    made[CENTRE].granted(COUNT)
    yield made
    for desk in made.values():
        desk.engine.close()


def _asked(desks: dict[CentreId, GateDesk], query: Query) -> tuple[SignedTerms, dict[CentreId, Answer]]:
    terms = replace(desks[CENTRE].terms(query), audience=(CENTRE, OTHER))
    return terms, {name: desk.gate.answer(seal(terms, KEYS[ADA])) for name, desk in desks.items()}


def _opened(answer: Answer, terms: SignedTerms, desk: GateDesk) -> Verified:
    came = Received(signed=sign_answer(answer, KEYS[ADA]), was_sealed=True)
    outcome = verified(came, answer.centre, terms, desk.roster, DICTIONARY)
    assert isinstance(outcome, Verified)
    return outcome


def test_a_coarser_question_costs_nothing_and_reads_nothing(tmp_path: Path) -> None:
    desk = GateDesk(tmp_path / "node", imported(tmp_path, MANY))
    fine = desk.granted(COUNT)
    spent, reads = desk.spent, desk.engine.reads
    for who in (ADA, BOB):
        coarse = desk.granted(COARSE, who)
        assert (coarse.release, coarse.finer) == (fine.release, COUNT)
        assert (coarse.receipt.charged, coarse.receipt.is_repeat) == (ZERO, True)
    assert (desk.spent, desk.engine.reads) == (spent, reads)
    assert audit(desk.ledger_path).is_clean
    paid = desk.granted(with_rho(COARSE, "0.4"))
    assert (paid.finer, paid.receipt.charged) == (None, Loss.parse("0.4")), "too noisy for that"


def test_a_new_snapshot_has_no_finer_answer_yet(tmp_path: Path) -> None:
    desk = GateDesk(tmp_path / "node", imported(tmp_path, MANY))
    desk.granted(COUNT)
    imported(tmp_path, FEW)
    again = desk.granted(COARSE)
    assert (again.finer, again.receipt.charged) == (None, Loss.parse("0.1"))


def test_one_centre_answers_itself_and_the_other_from_a_finer_answer(desks: dict[CentreId, GateDesk]) -> None:
    terms, answers = _asked(desks, COARSE)
    opened = {name: _opened(answer, terms, desks[name]) for name, answer in answers.items()}
    assert opened[CENTRE].finer == COUNT
    assert opened[OTHER].finer is None
    assert opened[CENTRE].paid.loss == Loss.parse("0.5")
    rows = estimate_table(COARSE, DICTIONARY, [one.release for one in opened.values()])
    fine = opened[CENTRE].paid.blocks[0].values.reshape(3, 3).sum(axis=1)
    own = opened[OTHER].paid.blocks[0].values
    assert [row.estimate for row in rows] == (fine + own).tolist()
    # Three cells of one centre, one of the other: the variances add up.
    sigmas = [opened[name].paid.blocks[0].event.sigma for name in (CENTRE, OTHER)]
    assert [row.noise_sd for row in rows] == pytest.approx([(3 * sigmas[0] ** 2 + sigmas[1] ** 2) ** 0.5] * 3)


Lie = Callable[[Answer], Answer]


def _finer(query: Query) -> Lie:
    """Says that another question was paid for, and signs the release accordingly."""

    def lie(answer: Answer) -> Answer:
        granted = answer.outcome
        assert isinstance(granted, Granted)
        release = replace(decode_release(granted.release), question=question_digest(query))
        return replace(answer, outcome=replace(granted, release=encode_release(release), finer=query))

    return lie


def _claimed(query: Query | None) -> Lie:
    """Says that another question was paid for, and leaves the release as it is."""

    def lie(answer: Answer) -> Answer:
        assert isinstance(answer.outcome, Granted)
        return replace(answer, outcome=replace(answer.outcome, finer=query))

    return lie


def _released(**changes: object) -> Lie:
    def lie(answer: Answer) -> Answer:
        assert isinstance(answer.outcome, Granted)
        release = replace(decode_release(answer.outcome.release), **changes)  # type: ignore[arg-type]
        return replace(answer, outcome=replace(answer.outcome, release=encode_release(release)))

    return lie


def _visits(**parts: object) -> Query:
    return question(Statistic(kind=Kind.COUNT, table="visits", **parts), rho="0.5")  # type: ignore[arg-type]


_UNSORTED = question(
    COUNT.statistic, All(parts=(Missing(field=DOSE), Missing(field=AGE), Missing(field=SCORE))), "0.5"
)
_BIG = Statistic(
    kind=Kind.HISTOGRAM,
    table="visits",
    variable=DOSE,
    by=(SITE, SEX, ARM),
    edges=numbers(*map(str, range(1000))),
)
LIES: dict[str, Lie] = {
    "no finer question": _claimed(None),
    "the asked question itself": _claimed(COARSE),
    "another question's release": _claimed(with_rho(COUNT, "0.6")),
    "a question that does not contain it": _finer(_visits(by=(SEX, ARM))),
    "a coarser question": _finer(_visits()),
    "a question of a cohort": _finer(question(COUNT.statistic, Missing(field=AGE), "0.5")),
    "a question of another kind": _finer(
        question(Statistic(kind=Kind.SUM, table="visits", variable=DOSE, by=(SITE, ARM)), rho="0.5")
    ),
    "too small a loss": _finer(with_rho(COUNT, "0.1")),
    "no canonical form": _finer(_UNSORTED),
    "an unknown field": _finer(_visits(by=(SITE, replace(ARM, name="harm")))),
    "an unknown table": _finer(question(Statistic(kind=Kind.COUNT, table="vists", by=(SITE,)), rho="0.5")),
    "too many cells": _finer(question(_BIG, rho="0.5")),
    "mode suppressed": _finer(
        replace(COUNT, release=replace(COUNT.release, mode=Mode.SUPPRESSED, loss=ZERO))
    ),
    "another question's digest": _released(question=OTHER_DIGEST),
    "another version": _released(template_version=2),
    "no blocks": _released(blocks=()),
    "another snapshot": _released(snapshot=SnapshotId(bytes(16))),
}


@pytest.mark.parametrize("name", LIES)
def test_a_centre_that_lies_about_a_finer_answer_is_unverifiable(
    desks: dict[CentreId, GateDesk], name: str
) -> None:
    terms, answers = _asked(desks, COARSE)
    assert _opened(answers[CENTRE], terms, desks[CENTRE]).finer == COUNT
    with pytest.raises(UnverifiableError):
        _opened(LIES[name](answers[CENTRE]), terms, desks[CENTRE])


def test_a_receipt_that_charges_for_a_finer_answer_is_unverifiable(desks: dict[CentreId, GateDesk]) -> None:
    terms, answers = _asked(desks, COARSE)
    granted = answers[CENTRE].outcome
    assert isinstance(granted, Granted)
    assert json.loads(granted.receipt.event)["query"] != str(terms.query_id)
    for changes in ({"charged": Loss.parse("0.5")}, {"is_repeat": False}):
        receipt = replace(granted.receipt, **changes)
        with pytest.raises(UnverifiableError):
            _opened(replace(answers[CENTRE], outcome=replace(granted, receipt=receipt)), terms, desks[CENTRE])


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(query=questions())
def test_no_finer_question_makes_the_analyst_fall_over(desks: dict[CentreId, GateDesk], query: Query) -> None:
    terms, answers = _asked(desks, COARSE)
    with pytest.raises(UnverifiableError):
        _opened(_finer(query)(answers[CENTRE]), terms, desks[CENTRE])


def _simulated(sigma: float, rng: np.random.Generator) -> tuple[Release, int]:
    counts = rng.integers(0, 40, 9)
    plan = compile_plan(COUNT, DICTIONARY)
    noisy = counts + np.rint(rng.normal(0, sigma, 9)).astype(np.int64)
    (block,) = plan.layout.blocks
    event = GaussianEvent(l2_squared=block.l2_squared, sigma=sigma)
    release = Release(
        centre=CENTRE,
        question=plan.question,
        dictionary=DICTIONARY.digest,
        snapshot=SnapshotId(bytes(16)),
        snapshot_at=NOW,
        released_at=NOW,
        template_version=1,
        loss=plan.loss,
        cap=plan.layout.cap,
        blocks=(ReleasedBlock(name=block.name, event=event, values=noisy),),
    )
    return release, int(counts.sum())


@pytest.mark.parametrize(("claim", "is_right"), [(1.0, True), (0.7, False)])
def test_intervals_of_rolled_up_counts_hold_the_truth(claim: float, is_right: bool) -> None:
    """2,000 totals of nine noisy cells; said to be 30 percent less noisy, they must not hold it."""
    rng = np.random.default_rng(fresh_seed())
    asked = question(Statistic(kind=Kind.COUNT, table="visits"), rho="0.01")
    roll, layout = roll_up(COUNT, asked, DICTIONARY), compile_plan(COUNT, DICTIONARY).layout
    assert roll is not None
    held = 0
    for _ in range(2_000):
        release, truth = _simulated(6.0, rng)
        (block,) = release.blocks
        stated = replace(block, event=replace(block.event, sigma=6.0 * claim))
        answer = rolled(replace(release, blocks=(stated,)), roll, layout, Digest(bytes(32)))
        (row,) = estimate_table(asked, DICTIONARY, [answer])
        assert row.ci_low is not None
        assert row.ci_high is not None
        held += row.ci_low <= truth <= row.ci_high
    # Four standard errors of a share of 0.95 among 2,000 are 0.0195.
    assert (held / 2_000 > 0.9305) is is_right


def test_a_leaf_that_charges_the_finer_question_to_this_query_is_unverifiable(
    desks: dict[CentreId, GateDesk],
) -> None:
    terms, answers = _asked(desks, COARSE)
    granted = answers[CENTRE].outcome
    assert isinstance(granted, Granted)
    tree = {
        **json.loads(granted.receipt.event),
        "query": str(terms.query_id),
        "content": str(content_of(terms)),
    }
    leaf = json.dumps(tree, sort_keys=True, separators=(",", ":")).encode()
    receipt = replace(
        granted.receipt,
        charged=COUNT.release.loss,
        is_repeat=False,
        event=leaf,
        index=0,
        tree_size=1,
        tree_root=Digest(leaf_hash(leaf)),
        proof=(),
    )
    with pytest.raises(UnverifiableError, match="charges a finer question"):
        _opened(replace(answers[CENTRE], outcome=replace(granted, receipt=receipt)), terms, desks[CENTRE])
