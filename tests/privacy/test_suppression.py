"""What a suppressed table shows: zeros, rounding, presets, refusals; and that the truth stays possible."""

import inspect

import numpy as np
import pytest
from numpy.typing import NDArray

from privacy.disclosure import RULES, SUPPRESSED, Rule, bounds_of
from privacy.errors import PrivacyError
from privacy.margins import equations, lines, narrowed, with_margins
from privacy.suppression import feasible, suppressed
from tests.node.seeds import told
from tests.privacy.attacker import Attacker, extended, random_tables

FIVE, CMS, OPENSAFELY, STRICT10 = (RULES[name] for name in ("five", "cms", "opensafely", "strict10"))
SEED = 20_261_123


def table(*cells: object) -> NDArray[np.int64]:
    return np.array(cells, dtype=np.int64)


@pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
def test_what_is_shown_is_right_and_the_truth_stays_possible(rule: Rule) -> None:
    told("seed", SEED)
    for inner in random_tables(25, SEED):
        exact, published = extended(inner), suppressed(inner, rule)
        assert published.shape == exact.shape
        is_hidden = published == SUPPRESSED
        assert np.all(is_hidden[(exact > 0) & (exact < rule.minimum)])
        assert not np.any(is_hidden[exact == 0]), "a zero is shown"
        shown, true = published[~is_hidden], exact[~is_hidden]
        assert np.all(shown % rule.rounding == 0)
        assert np.all(np.abs(shown - true) * 2 <= rule.rounding)
        assert np.array_equal(shown == 0, true == 0), "a shown zero means nobody"
        low, high = feasible(published, rule)
        assert np.all((low <= exact) & (exact <= high))
        assert np.all((high - low)[is_hidden] >= rule.minimum)
        assert np.array_equal(published, suppressed(inner.copy(), rule)), "the same each time"


@pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
def test_a_finished_table_is_bounded_as_another_attacker_bounds_it(rule: Rule) -> None:
    """The two share no code; ours gives whole numbers."""
    told("seed", SEED)
    compared = 0
    for inner in random_tables(16, SEED + 1, most_cells=60):
        published = suppressed(inner, rule)
        low, high = feasible(published, rule)
        other = Attacker(published, rule.minimum, rule.rounding)
        for place in np.flatnonzero(published == SUPPRESSED):
            least, most = (other.extreme(int(place), sign, whole=False) for sign in (1, -1))
            assert low.ravel()[place] == np.ceil(least - 1e-5)
            if np.isfinite(high.ravel()[place]):
                assert high.ravel()[place] == np.floor(most + 1e-5)
            else:
                assert most > 10 * published.max()
            compared += 1
    assert compared > 50


@pytest.mark.parametrize(
    ("inner", "rule", "published"),
    [
        pytest.param(table(0, 0, 0), FIVE, table(0, 0, 0, 0), id="all zero"),
        pytest.param(table(0), CMS, table(0, 0), id="one empty cell"),
        pytest.param(table(3), FIVE, table(-1, -1), id="one small cell"),
        pytest.param(table(5), FIVE, table(5, 5), id="one cell at the minimum"),
        pytest.param(table(1, 0, 2), FIVE, table(-1, 0, -1, -1), id="all small, a zero between"),
        pytest.param(table(3, 100), FIVE, table(-1, -1, 103), id="a small cell alone needs company"),
        pytest.param(table(3, 4, 20), FIVE, table(-1, -1, 20, 27), id="two of sum 7: each 1 to 6"),
        pytest.param(table(3, 3, 20), FIVE, table(-1, -1, -1, 26), id="two of sum 6 would be 1 to 5"),
        pytest.param(table(3, 40, 50), OPENSAFELY, table(-1, 40, 50, 95), id="rounding is company enough"),
        pytest.param(table([3], [50]), FIVE, table([-1, -1], [-1, -1], [53, 53]), id="one level"),
        pytest.param(
            table([0, 5], [5, 0]), FIVE, table([0, 5, 5], [5, 0, 5], [5, 5, 10]), id="nothing small"
        ),
        pytest.param(table([[[2]]]), CMS, np.full((2, 2, 2, 2), -1), id="four dimensions"),
    ],
)
def test_small_tables(inner: NDArray[np.int64], rule: Rule, published: NDArray[np.int64]) -> None:
    assert suppressed(inner, rule).tolist() == published.tolist()


def test_zero_and_suppressed_are_different_to_an_attacker() -> None:
    low, high = feasible(table(0, SUPPRESSED, SUPPRESSED), FIVE)
    assert (low.tolist(), high.tolist()) == ([0, 1, 1], [0, np.inf, np.inf])


@pytest.mark.parametrize(
    ("rule", "count", "shown"),
    [
        (OPENSAFELY, 7, SUPPRESSED),
        (OPENSAFELY, 8, 10),
        (OPENSAFELY, 12, 10),
        (OPENSAFELY, 13, 15),
        (STRICT10, 10, SUPPRESSED),
        (STRICT10, 11, 10),
        (CMS, 10, SUPPRESSED),
        (CMS, 11, 11),
        (FIVE, 4, SUPPRESSED),
        (FIVE, 5, 5),
        (Rule(name="tens", minimum=11, rounding=10), 15, 20),
        (Rule(name="tens", minimum=11, rounding=10), 14, 10),
    ],
)
def test_presets_and_rounding(rule: Rule, count: int, shown: int) -> None:
    assert suppressed(table(count), rule).tolist() == [shown, shown]


@pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
def test_a_single_cell_is_bounded_as_the_rule_says(rule: Rule) -> None:
    """`bounds_of` is the rule's own word, for one cell at a time."""
    for count in range(60):
        shown = int(suppressed(table(count), rule)[0])
        low, high = feasible(table(shown, shown), rule)
        least, most = bounds_of(shown, rule)
        assert (low[0], high[0]) == (least, np.inf if most is None else most)


def test_the_halves_of_even_rounding_go_up_and_the_attacker_knows() -> None:
    tens = Rule(name="tens", minimum=11, rounding=10)
    low, high = feasible(table(20, 20), tens)
    assert (low.tolist(), high.tolist()) == ([15, 15], [24, 24])
    assert [int(suppressed(table(count), tens)[0]) for count in (15, 24, 25)] == [20, 20, 30]


@pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
def test_huge_counts(rule: Rule) -> None:
    inner = table([2**40, 3, 0], [7, 2**40 + 1, 2**41], [2, 9, 12])
    exact, published = extended(inner), suppressed(inner, rule)
    low, high = feasible(published, rule)
    assert np.all((low <= exact) & (exact <= high))
    assert np.all((high - low)[published == SUPPRESSED] >= rule.minimum)


def test_where_rows_are_split_cannot_be_read_from_the_choice() -> None:
    """The second cell keeps the small one company wherever in 1 to 4 that lies.

    A choice of the smallest other count would hide 20 beside 4, and 24 in all would then say 4: with
    1 to 3 patients the smaller 20 of the other place would have been hidden.
    """
    published = {suppressed(table(small, 24 - small, 20, 30), FIVE).tobytes() for small in range(1, 5)}
    assert len(published) == 1


@pytest.mark.parametrize(
    ("published", "rule"),
    [
        pytest.param(table(10, 10, 30), FIVE, id="does not add up"),
        pytest.param(table(0, 0, SUPPRESSED), FIVE, id="a hidden total of nobody"),
        pytest.param(table(SUPPRESSED, 8, 8), FIVE, id="no room for a hidden cell"),
        pytest.param(table(4, 6, 10), FIVE, id="a count below the minimum"),
        pytest.param(table(11, 11), OPENSAFELY, id="not rounded"),
        pytest.param(table(5, 5), OPENSAFELY, id="rounded from below the minimum"),
        pytest.param(table(50, 50, 115), STRICT10, id="further apart than rounding allows"),
        pytest.param(
            table([-1, -1, 20], [-1, -1, 20], [30, 9, 39]), FIVE, id="rows and columns differ in sum"
        ),
    ],
)
def test_a_table_that_contradicts_itself_is_refused(published: NDArray[np.int64], rule: Rule) -> None:
    with pytest.raises(PrivacyError, match=r"^(no table of counts|the table shows)"):
        feasible(published, rule)


def test_a_contradiction_that_no_single_line_shows_is_found() -> None:
    """Each line alone could add up; cells of 2 x 2 x 2 with a hidden checkerboard cannot."""
    inner = table([[9, 9], [9, 9]], [[9, 9], [9, 9]])
    published = extended(inner)
    published[:2, :2, :2] = SUPPRESSED
    low, high = feasible(published, FIVE)
    assert np.all((low <= extended(inner)) & (extended(inner) <= high))
    published[0, 0, 2], published[2, 0, 2] = 5, 32
    with pytest.raises(PrivacyError, match="no table of counts"):
        feasible(published, FIVE)


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(np.array([1.0, 2.0]), id="floats"),
        pytest.param(np.array([1, 2], dtype=np.int32), id="narrow integers"),
        pytest.param(table(3, -2), id="negative"),
        pytest.param(np.array(3, dtype=np.int64), id="no dimension"),
        pytest.param(np.zeros((1, 1, 1, 1, 1), dtype=np.int64), id="five dimensions"),
        pytest.param(np.zeros((2, 0), dtype=np.int64), id="an empty dimension"),
        pytest.param(table(2**60, 1), id="more patients than there are"),
    ],
)
def test_a_wrong_call_is_refused(wrong: NDArray[np.int64]) -> None:
    for action in (suppressed, feasible):
        with pytest.raises(RuntimeError, match="a table of counts"):
            action(wrong, FIVE)
    with pytest.raises(RuntimeError, match="negative"):
        suppressed(table(3, SUPPRESSED), FIVE)


def test_margins_and_their_equations() -> None:
    told("seed", SEED)
    for inner in random_tables(20, SEED):
        whole = with_margins(inner)
        assert np.array_equal(whole, extended(inner))
        flat = whole.ravel()
        assert not np.any(equations(whole.shape) @ flat)
        assert all(
            np.array_equal(flat[along[:, :-1]].sum(axis=1), flat[along[:, -1]])
            for along in lines(whole.shape)
        )
        matrix = equations(whole.shape).toarray()
        assert np.linalg.matrix_rank(matrix) == len(matrix) == whole.size - inner.size


def test_lines_narrow_exactly() -> None:
    low, high = np.array([1.0, 1.0, 40.0, 60.0]), np.array([np.inf, 10.0, 40.0, 60.0])
    narrow_low, narrow_high = narrowed(low, high, (4,))
    assert (narrow_low.tolist(), narrow_high.tolist()) == ([10, 1, 40, 60], [19, 10, 40, 60])


def test_the_attackers_side_sees_published_numbers_only() -> None:
    assert list(inspect.signature(feasible).parameters) == ["published", "rule"]
