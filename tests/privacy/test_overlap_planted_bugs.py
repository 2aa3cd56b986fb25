"""The attacks find a bug of the guard when there is one: each bug here is planted, and found."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TypeAlias

import pytest

import privacy.overlap
from privacy.overlap import Shown, is_withheld
from tests.node.seeds import draws, fresh_seed
from tests.privacy.attackers import EXACT, FIVE, OPENSAFELY, ROUNDED, Attack, Ward
from tests.privacy.table_oracle import shown

Guard: TypeAlias = Callable[[Shown, Sequence[Shown]], bool]
Sees: TypeAlias = Callable[[int, int], bool]
"""Whether a table of one snapshot is compared with one of another."""


def _all(one: int, other: int) -> bool:
    return True


def succeeding(guard: Guard, sees: Sees = _all) -> set[str]:
    """The attacks of which every question gets past a guard; `boundary` and `rest` are plain differences."""
    draw = draws(fresh_seed())
    attacks = {name: make(Ward(draw, FIVE)) for name, make in EXACT.items()}
    attacks |= {name: make(Ward(draw, OPENSAFELY)) for name, make in ROUNDED.items()}
    found = {name for name, attack in attacks.items() if _gets_past(attack, guard, sees)}
    first, second = (shown((1,), {(0,): range(size)}, FIVE) for size in (60, 60 - FIVE.minimum + 1))
    if not guard(second, [first]):
        found.add("boundary")
    table = shown((3,), {(0,): range(27), (1,): range(27, 60), (2,): range(60, 93)}, OPENSAFELY)
    if not guard(shown((1,), {(0,): range(28, 93)}, OPENSAFELY), [table]):
        found.add("rest")
    return found


def _gets_past(attack: Attack, guard: Guard, sees: Sees) -> bool:
    snapshots = attack.snapshots or [1] * len(attack.questions)
    asked = list(zip(attack.questions, snapshots, strict=True))
    return not any(
        guard(one, [other for other, older in asked[:at] if sees(newer, older)])
        for at, (one, newer) in enumerate(asked)
    )


@dataclass(frozen=True)
class Bug:
    """Edits of the guard's text, or of what it is compared with; and the attacks that then succeed."""

    edits: tuple[tuple[str, str], ...]
    expected: frozenset[str]
    sees: Sees = _all


_SMALLER = (
    (
        "limit = max(new.rule.minimum, old.rule.minimum)",
        "limit = max(new.rule.minimum, old.rule.minimum) - 1",
    ),
    (
        "limit = max(one.rule.minimum for one in tables)",
        "limit = max(one.rule.minimum for one in tables) - 1",
    ),
)
BUGS = {
    "the complement forgotten": Bug(
        (("(apart, from_rest_of_old, from_rest_of_new)", "(apart,)"),), frozenset(["rest"])
    ),
    "only the last table compared": Bug(
        (
            ("for one in earlier) or", "for one in earlier[-1:]) or"),
            ("_is_derivable((*earlier, new))", "_is_derivable((*earlier[-1:], new))"),
        ),
        frozenset(["partition"]),
    ),
    "snapshots compared separately": Bug(
        (), frozenset(["admission", "discharge", "recovery"]), lambda one, other: one == other
    ),
    "one less than the minimum": Bug(_SMALLER, frozenset(["boundary"])),
    "no derivation": Bug(
        (("_is_derivable((*earlier, new))", "False"),),
        frozenset(["partition", "two_complements", "linked_tables"]),
    ),
    "nobody looked for in the programs": Bug(
        (
            ("vstack([known.matrix[known.suppressed], small])", "vstack([small[:0], small[:0]])"),
            (
                "np.concatenate([known.minimum[known.suppressed], np.full(small.shape[0], limit)])",
                "np.ones(0)",
            ),
        ),
        frozenset(["partition", "two_complements", "linked_tables"]),
    ),
}


def _edited(folder: Path, edits: tuple[tuple[str, str], ...]) -> Guard:
    text = Path(privacy.overlap.__file__).read_text(encoding="utf-8")
    for old, new in edits:
        assert old in text, f"the guard has changed: {old!r} is not in it"
        text = text.replace(old, new)
    path = folder / "edited_overlap.py"
    path.write_text(text, encoding="utf-8")
    spec = spec_from_file_location("edited_overlap", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    guard: Guard = module.is_withheld
    return guard


def test_no_attack_gets_past_the_guard() -> None:
    assert succeeding(is_withheld) == set()


@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_found(tmp_path: Path, name: str) -> None:
    bug = BUGS[name]
    assert succeeding(_edited(tmp_path, bug.edits), bug.sees) >= bug.expected
