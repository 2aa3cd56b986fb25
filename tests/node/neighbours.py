"""The property that matters: remove any patient, and only what the layout states may change."""

from collections.abc import Iterable

from node.errors import EngineError
from node.plan import Plan
from tests.node.by_hand import by_hand
from tests.node.worlds import Bench, Vectors, World

DISTANCE, SHAPE, ERROR, VALUES = "distance", "shape", "error", "values"
Reading = Vectors | str


def _read(bench: Bench, plan: Plan) -> Reading:
    try:
        return bench.read(plan)
    except (EngineError, IndexError, ValueError, RuntimeError, KeyError) as error:
        return type(error).__name__


def findings(bench: Bench, world: World, plans: Iterable[Plan]) -> set[str]:
    """What is wrong with the answers about a world and all its neighbours; empty when nothing is.

    * distance: two neighbours differ by more than the block's bound, in exact integers;
    * shape: a block has not its public size;
    * error: a reading failed (for one neighbour or for both);
    * values: an answer is not what `by_hand` computes.
    """
    plans = list(plans)
    found: set[str] = set()
    whole = _answers(bench, world, plans, found)
    for patient in world.patients:
        rest = _answers(bench, world.without(patient), plans, found)
        for plan, one, other in zip(plans, whole, rest, strict=True):
            if not isinstance(one, str) and not isinstance(other, str):
                found |= _compared(plan, one, other)
    return found


def _answers(bench: Bench, world: World, plans: list[Plan], found: set[str]) -> list[Reading]:
    bench.put(world)
    answers = [_read(bench, plan) for plan in plans]
    for plan, answer in zip(plans, answers, strict=True):
        if isinstance(answer, str):
            found.add(ERROR)
        elif [len(vector) for vector in answer] != [block.size for block in plan.layout.blocks]:
            found.add(SHAPE)
        elif answer != by_hand(plan, world):
            found.add(VALUES)
    return answers


def _compared(plan: Plan, one: Vectors, other: Vectors) -> set[str]:
    if [len(vector) for vector in one] != [len(vector) for vector in other]:
        return {SHAPE}
    distances = [
        sum((a - b) ** 2 for a, b in zip(mine, theirs, strict=True))
        for mine, theirs in zip(one, other, strict=True)
    ]
    bounds = [block.l2_squared for block in plan.layout.blocks]
    return {DISTANCE} if any(d > b for d, b in zip(distances, bounds, strict=True)) else set()
