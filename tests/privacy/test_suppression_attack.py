"""Suppressed tables against an attacker of their own; mutants that he finds; what the choice itself tells."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse import csr_array

from privacy.disclosure import RULES, SUPPRESSED, Rule
from privacy.linear_program import Floats
from privacy.margins import equations, lines
from privacy.secondary import hidden_cells
from privacy.suppression import suppressed
from tests.node.seeds import told
from tests.privacy.attacker import Attacker, Table, attack_many, extended, invert, naive, random_tables

SEED = 20_261_124
PAIRS = {name: (rule.minimum, rule.rounding) for name, rule in RULES.items()}
_TABLES = 75


def ours(inner: Table, minimum: int, rounding: int) -> Table:
    return suppressed(inner, Rule(name="under attack", minimum=minimum, rounding=rounding))


@pytest.mark.parametrize("name", RULES)
def test_no_cell_is_derivable(name: str) -> None:
    """`make evidence` does it over 2,000 tables."""
    report = attack_many(ours, {name: PAIRS[name]}, _TABLES, SEED + len(name))
    told(report)
    assert report["tables with a small count"] > _TABLES // 2
    assert report["derivable cells"] == 0


@pytest.mark.parametrize("name", RULES)
def test_control_hiding_small_counts_alone_fails(name: str) -> None:
    report = attack_many(naive, {name: PAIRS[name]}, 40, SEED)
    told(report)
    assert report["broken tables"] > 0.3 * report["tables with a small count"]


@pytest.mark.parametrize("name", RULES)
def test_nor_with_whole_numbers(name: str) -> None:
    """An attacker who solves for whole numbers bounds more narrowly; the certificates are of his kind."""
    told("seed", SEED)
    hidden = 0
    for inner in random_tables(12, SEED, most_cells=48):
        published = ours(inner, *PAIRS[name])
        hidden += int(np.sum(published == SUPPRESSED))
        assert Attacker(published, *PAIRS[name]).derivable(whole=True) == []
    assert hidden > 20


def test_control_whole_numbers_tell_more_than_real_ones() -> None:
    """With three dimensions some of his programs have corners that are no whole tables."""
    attacker = _with_a_broken_corner(np.random.default_rng(5))
    gaps = [
        attacker.extreme(int(place), -1, whole=False) - attacker.extreme(int(place), -1, whole=True)
        for place in np.flatnonzero(attacker.published == SUPPRESSED)
    ]
    assert max(gaps) > 0.1


def _with_a_broken_corner(draw: np.random.Generator) -> Attacker:
    for _ in range(500):
        published = extended(draw.poisson(4, (4, 4, 4)))
        published[(draw.random(published.shape) < 0.5) & (published > 0)] = SUPPRESSED
        attacker = Attacker(published, 1, 1)
        corner = attacker.look(draw.normal(size=published.size) * (published == SUPPRESSED).ravel())
        if np.abs(corner - np.rint(corner)).max() > 0.1:
            return attacker
    raise AssertionError("no such corner")


def test_few_cells_are_hidden_besides_the_small_ones() -> None:
    """Against the obvious method: as long as a cell is derivable, hide the smallest count on its lines."""
    told("seed", SEED)
    own = obvious = small = 0
    for inner in random_tables(24, SEED, most_cells=60):
        whole = extended(inner)
        small += int(np.sum((whole > 0) & (whole < 5)))
        own += int(np.sum(ours(inner, 5, 1) == SUPPRESSED))
        obvious += int(np.sum(_obvious(inner, 5) == SUPPRESSED))
    told("small", small, "ours", own, "obvious", obvious)
    assert own - small < 0.5 * (obvious - small)


def _obvious(inner: Table, minimum: int) -> Table:
    published, whole = naive(inner, minimum, 1), extended(inner)
    while found := Attacker(published, minimum, 1).derivable():
        for index, _low, _high in found:
            near = np.zeros(whole.shape, dtype=np.bool_)
            for axis in range(whole.ndim):
                near[tuple(slice(None) if at == axis else i for at, i in enumerate(index))] = True
            shown = near & (published > 0)
            shown = shown if shown.any() else published > 0
            if not shown.any():
                break
            published[np.unravel_index(np.argmin(np.where(shown, whole, 2**50)), whole.shape)] = SUPPRESSED
    return published


def _no_secondary(monkeypatch: pytest.MonkeyPatch) -> None:
    def primary(exact: Table, low: Floats, high: Floats, minimum: int) -> NDArray[np.bool_]:
        return np.asarray((exact > 0) & (exact < minimum))

    monkeypatch.setattr("privacy.suppression.hidden_cells", primary)


def _two_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rule of thumb: a cell is safe when no line hides it alone."""

    def is_safe(search: Any) -> NDArray[np.bool_]:  # noqa: ANN401 -- its class is private
        system = abs(search.system)
        crowd = system @ search.hidden.astype(float)
        return np.asarray((system.T @ (crowd == 1).astype(float)) == 0)

    monkeypatch.setattr("privacy.secondary._Search.is_wide", is_safe)


def _without_margins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the lines of the first dimension, without those of totals, are thought to add up."""

    def some(shape: tuple[int, ...]) -> csr_array:
        inside = lines(shape)[0].shape[0] // max(shape[-1], 1) * (shape[-1] - 1) if len(shape) > 1 else 0
        return csr_array(equations(shape)[:inside])

    monkeypatch.setattr("privacy.secondary.equations", some)


def _hidden_may_be_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("privacy.secondary.LEAST_HIDDEN", 0)


def _one_too_narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    def is_wide(search: Any) -> NDArray[np.bool_]:  # noqa: ANN401 -- its class is private
        return np.asarray(search.most - search.least >= search.minimum - 1)

    monkeypatch.setattr("privacy.secondary._Search.is_wide", is_wide)


def _coarser_rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shown counts are thought to say less than they do."""
    choose = hidden_cells

    def wider(exact: Table, low: Floats, high: Floats, minimum: int) -> NDArray[np.bool_]:
        more = (exact > 0) * 5.0
        return choose(exact, low - more, high + more, minimum)

    monkeypatch.setattr("privacy.suppression.hidden_cells", wider)


@pytest.mark.parametrize(
    ("plant", "name"),
    [
        (_no_secondary, "five"),
        (_two_a_line, "five"),
        (_without_margins, "five"),
        (_hidden_may_be_nobody, "five"),
        (_one_too_narrow, "five"),
        (_coarser_rounding, "strict10"),
        (_no_secondary, "cms"),
        (_no_secondary, "strict10"),
    ],
)
def test_the_attacker_finds_each_planted_bug(
    plant: Callable[[pytest.MonkeyPatch], None], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told("seed", SEED)
    plant(monkeypatch)
    assert any(
        Attacker(ours(inner, *PAIRS[name]), *PAIRS[name]).derivable()
        for inner in random_tables(60, SEED, most_cells=60)
    )


def test_who_knows_the_algorithm_learns_no_count_of_a_single_line() -> None:
    """The minimality attack on every table of three cells up to 7: nobody's count is left with one value."""
    report = invert(ours, (3,), 7, 3)
    told(report)
    assert report["tables"] > 100
    assert report["exact"] == 0


def test_control_choosing_by_size_tells_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same attack, when the smallest count keeps a small one company."""

    def by_size(inner: Table, minimum: int, rounding: int) -> Table:
        published = naive(inner, minimum, rounding)
        whole = extended(inner)
        while Attacker(published, minimum, rounding).derivable():
            shown = published > 0
            shown[-1] = False
            shown = shown if shown.any() else published > 0
            published[np.argmin(np.where(shown, whole, 2**50))] = SUPPRESSED
        return published

    report = invert(by_size, (3,), 7, 3)
    told(report)
    assert report["exact"] > 0
