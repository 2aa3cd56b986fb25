"""What the guard costs people who mean no harm: tables of real patients, one after the other.

The figures are printed. What is asserted is that honest use is possible, and that what is lost is lost
to what the guard is for: few patients between two tables.
"""

from collections.abc import Sequence
from random import Random

import numpy as np
import pandas as pd
import pytest

from privacy.disclosure import RULES, Rule
from privacy.overlap import Membership, Shown, is_withheld
from privacy.suppression import suppressed
from tests.node.seeds import draws, fresh_seed, told
from tests.shared_data import shared

FIELDS = ["age", "sex", "cp", "trestbps", "chol", "fbs", "restecg"]
FIELDS += ["thalach", "exang", "oldpeak", "slope", "ca", "thal", "num"]
SEQUENCES, LENGTH = 8, 5


def _heart() -> pd.DataFrame:
    """Cleveland's patients as levels of code lists; the missing level is the last."""
    path = shared("uci-heart") / "processed.cleveland.data"
    frame = pd.read_csv(path, names=FIELDS, na_values="?")
    frame["band"] = pd.cut(frame["age"], [0, 45, 55, 65, 120], labels=False)
    return _levels(frame, ["sex", "cp", "fbs", "restecg", "exang", "slope", "num", "band", "thal"])


def _nhanes() -> pd.DataFrame:
    """Participants of one survey cycle: sex, descent, age and two answers of the questionnaire."""
    frame = pd.read_csv(shared("nhanes-phq9") / "nhanes_phq9_cycles_DEF.csv")
    frame = frame[frame["site"] == "D"].copy()
    frame["band"] = pd.cut(frame["RIDAGEYR"], [0, 29, 44, 59, 74, 120], labels=False)
    return _levels(frame, ["RIAGENDR", "RIDRETH1", "band", "DPQ010", "DPQ020", "DPQ090"])


def _levels(frame: pd.DataFrame, fields: Sequence[str]) -> pd.DataFrame:
    codes = {name: pd.factorize(frame[name], sort=True, use_na_sentinel=False)[0] for name in fields}
    return pd.DataFrame(codes)


def _by(levels: pd.DataFrame, fields: Sequence[str], rule: Rule) -> Shown:
    dims = tuple(int(levels[name].max()) + 1 for name in fields)
    cells = np.ravel_multi_index(tuple(levels[name].to_numpy() for name in fields), dims)
    counts = np.bincount(cells, minlength=int(np.prod(dims))).astype(np.int64).reshape(dims)
    members = Membership(patients=np.arange(len(levels)), cells=cells.astype(np.int64))
    return Shown(members=members, dims=dims, published=suppressed(counts, rule).ravel(), rule=rule)


def _withheld(levels: pd.DataFrame, rule: Rule, draw: Random) -> list[bool]:
    """What happens to a random sequence of tables by one or two fields."""
    out: list[Shown] = []
    fates = []
    for _ in range(LENGTH):
        table = _by(levels, draw.sample(sorted(levels.columns), draw.choice((1, 1, 2))), rule)
        fates.append(is_withheld(table, out))
        if not fates[-1]:
            out.append(table)
    return fates


@pytest.mark.parametrize("rule", ["five", "opensafely"])
@pytest.mark.parametrize("data", ["heart", "nhanes"])
def test_honest_tables_of_real_patients_are_mostly_shown(data: str, rule: str) -> None:
    levels = _heart() if data == "heart" else _nhanes()
    draw = draws(fresh_seed())
    fates = np.array([_withheld(levels, RULES[rule], draw) for _ in range(SEQUENCES)])
    told(f"{data}, {rule}: of {SEQUENCES} sequences, withheld by place", fates.sum(axis=0).tolist())
    assert not np.any(fates[:, 0])
    assert np.mean(fates) < 0.5


def test_a_table_asked_again_after_a_few_admissions_is_withheld_and_after_many_is_not() -> None:
    """What a registry that grows must know: each cell that changes must change by the minimum."""
    rng = np.random.default_rng(fresh_seed())
    sex = rng.integers(0, 2, 400)
    rule = RULES["five"]

    def first(size: int) -> Shown:
        return _by(pd.DataFrame({"sex": sex[:size]}), ["sex"], rule)

    few, many = first(303), first(360)
    assert is_withheld(few, [first(300)])
    assert not is_withheld(many, [first(300)])
