"""What a plan expects and assumes: from words, from an earlier count, and for whom it has nothing to say."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from coordinator.analyst.expectations import Expectation, expectation
from coordinator.analyst.result import Result
from protocols.errors import TextError
from protocols.ids import CentreId, Digest
from protocols.query_text import Request
from protocols.refusals import RefusalCode
from tests.coordinator import results
from tests.coordinator.plan_desk import CENTRES, planned, refuses, request
from tests.coordinator.results import heart

MEAN: Mapping[str, object] = {"kind": "mean", "variable": "chol", "by": "sex"}
HAS_CHOL = {"field": "chol", "missing": False}


def expected(
    asked: Request, count: Result | None = None, centres: tuple[CentreId, ...] = CENTRES
) -> Expectation:
    return expectation(asked, heart(), centres, len(CENTRES), count)


def counted(
    by: list[str], cohort: Mapping[str, object] | None = None, rho: str = "1000", **more: tuple[str, ...]
) -> Result:
    query = results.question({"kind": "count", "by": by}, cohort=cohort, rho=rho)
    return results.result(query, **more)  # type: ignore[arg-type]


def test_the_rows_of_those_who_would_answer_are_a_like_share() -> None:
    asked = request(MEAN, rho="0.5", expected_n=800)
    (all_four,), (three,) = expected(asked).rows, expected(asked, centres=CENTRES[1:]).rows
    assert (all_four.n, three.n) == (800, 600)
    assert all_four.half_width is not None
    assert three.half_width is not None
    assert three.half_width > all_four.half_width
    assert (
        "3 of 4 centres would answer, with a like share of the rows"
        in expected(asked, centres=CENTRES[1:]).assumptions
    )


def test_it_is_the_centres_that_would_answer_who_count() -> None:
    asked = request({"kind": "count"}, rho="0.05")
    whole = planned(asked).expected.rows[0].half_width
    less = planned(asked, hungary=refuses(RefusalCode.PAUSED)).expected.rows[0].half_width
    assert whole is not None
    assert less is not None
    assert less < whole


def test_without_the_number_of_rows_it_says_what_is_needed() -> None:
    found = expected(request(MEAN, rho="0.5"))
    assert found.rows == ()
    assert "expected_n" in found.assumptions[0]
    assert "earlier count" in found.assumptions[0]


SAYS_NOTHING: dict[str, tuple[Request, tuple[CentreId, ...], str]] = {
    "nobody": (request({"kind": "count"}, rho="1"), (), "no centre would answer"),
    "quantiles": (
        request({"kind": "quantiles", "variable": "age", "probabilities": [0.5]}, rho="1"),
        CENTRES,
        "shape of the values",
    ),
    "suppressed": (request({"kind": "count"}, mode="suppressed"), CENTRES, "adds no noise"),
    "hardly any loss": (request(MEAN, rho="0.000000001", expected_n=9), CENTRES, "too small"),
}


@pytest.mark.parametrize("name", SAYS_NOTHING)
def test_where_nothing_can_be_expected_a_sentence_says_why(name: str) -> None:
    asked, centres, says = SAYS_NOTHING[name]
    found = expected(asked, centres=centres)
    assert found.rows == ()
    assert says in found.assumptions[0]


def test_what_is_assumed_is_said() -> None:
    bare = expected(request(MEAN, rho="0.5", expected_n=800)).assumptions
    assert any("middle of the range" in one and "even spread" in one for one in bare)
    told = expected(request(MEAN, rho="0.5", expected_n=800, expected_mean=220, expected_sd=50)).assumptions
    assert any("a mean of 220" in one and "standard deviation of 50" in one for one in told)
    share = {"kind": "proportion", "variable": "exang", "in": [1]}
    assert any("0.5 (where" in one for one in expected(request(share, rho="1", expected_n=9)).assumptions)


def test_the_rows_come_from_a_count_by_the_same_fields() -> None:
    count = counted(["sex"])
    found = expected(request(MEAN, rho="0.5"), count)
    assert [row.groups for row in found.rows] == [row.groups for row in count.rows]
    assert [row.n for row in found.rows] == [row.estimate for row in count.rows]
    assert any(str(count.query_id) in one for one in found.assumptions)
    assert any("has a value of chol" in one for one in found.assumptions)


def test_only_the_rows_of_those_who_would_answer_are_taken() -> None:
    count = counted(["sex"])
    found = expected(request(MEAN, rho="0.5"), count, CENTRES[:2])
    own = [count.centre_rows[centre] for centre in CENTRES[:2]]
    assert [row.n for row in found.rows] == [
        sum(round(one.estimate or 0) for one in cells) for cells in zip(*own, strict=True)
    ]


def test_a_finer_count_is_summed_and_a_coarser_one_shared_out() -> None:
    by_sex = counted(["sex"])
    finer = expected(request(MEAN, rho="0.5"), counted(["cp", "sex"]))
    truth = [row.estimate for row in by_sex.rows]
    assert [row.n for row in finer.rows] == pytest.approx(truth, abs=3)
    whole = round(sum(one or 0 for one in truth))
    coarser = expected(request({**MEAN, "by": "exang"}, rho="0.5"), counted([]))
    # Angina is 0, 1 or missing: nobody says how many are missing.
    assert [row.n for row in coarser.rows] == [*[pytest.approx(whole / 2, abs=2)] * 2, None]
    assert coarser.rows[-1].half_width is None
    assert any("not by exang" in one for one in coarser.assumptions)


def test_a_count_of_the_rows_with_a_value_fits_better() -> None:
    found = expected(request(MEAN, rho="0.5"), counted(["sex"], HAS_CHOL))
    assert not any("has a value of chol" in one for one in found.assumptions)
    assert len(found.rows) == 2


def test_a_centre_that_the_count_lacks_is_named() -> None:
    found = expected(request(MEAN, rho="0.5"), counted(["sex"], missing=("hungary",)))
    assert any("no rows of hungary" in one for one in found.assumptions)


def test_rows_below_the_noise_are_none_and_say_nothing() -> None:
    found = expected(request(MEAN, rho="0.5"), counted(["sex", "cp", "num"], rho="0.00001"))
    assert all(row.n is not None and row.n >= 0 for row in found.rows)
    small = expected(request({**MEAN, "by": ["sex", "num"]}, rho="0.001"), counted(["sex", "num"]))
    assert any(row.half_width is None for row in small.rows)


MISMATCHES: dict[str, tuple[Result, str]] = {
    "not a count": (
        results.result(results.question({"kind": "mean", "variable": "age"}, rho="10")),
        "a mean, not a count",
    ),
    "another cohort": (counted(["sex"], {"field": "age", "between": [50, 60]}), "another cohort"),
    "rows with another value": (counted(["sex"], {"field": "thal", "missing": False}), "another cohort"),
    "another dictionary": (
        replace(counted(["sex"]), dictionary=replace(heart(), digest=Digest(bytes(32)))),
        "another dictionary",
    ),
}


@pytest.mark.parametrize("name", MISMATCHES)
def test_a_count_that_does_not_match_is_refused_in_one_sentence(name: str) -> None:
    count, says = MISMATCHES[name]
    with pytest.raises(TextError) as caught:
        expected(request(MEAN, rho="0.5"), count)
    (problem,) = caught.value.problems
    assert problem.where == "the earlier count"
    assert says in problem.what
    assert problem.next_step


def test_a_paid_count_foretells_the_width_of_a_mean_of_real_patients() -> None:
    # Ages of 920 patients, of whom none is missing; rows of the count and of the mean have their own noise.
    asked = request(
        {"kind": "mean", "variable": "age", "by": "sex"}, rho="0.1", expected_mean=53, expected_sd=9.4
    )
    found = expected(asked, counted(["sex"], rho="0.05"))
    answer = results.result(asked.query)
    for row, told in zip(answer.rows, found.rows, strict=True):
        if row.estimate is None or row.ci_low is None or row.ci_high is None:
            assert told.half_width is None
        else:
            assert told.half_width == pytest.approx((row.ci_high - row.ci_low) / 2, rel=0.1)
