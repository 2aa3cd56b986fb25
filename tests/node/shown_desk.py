"""A desk for mode `suppressed`: small lists of people, what they come to, and the memory's file."""

from collections.abc import Sequence
from pathlib import Path

from node.engines.duckdb_engine import DuckDBEngine
from node.ledger.audit import audit
from node.snapshots import Snapshots
from privacy.loss import ZERO
from protocols.codec.answers import decode_release
from protocols.queries import Cohort, Kind, Not, OneOf, Query, Statistic
from protocols.releases import Granted
from tests.node.gate_desk import GateDesk, imported, suppressed
from tests.node.questions import AGE, ARM, SEX, numbers

Person = tuple[str, str, str, int | None]
"""Id, sex, arm, age."""

BY_SEX = suppressed(Statistic(kind=Kind.COUNT, table="people", by=(SEX,)))
BY_ARM = suppressed(Statistic(kind=Kind.COUNT, table="people", by=(ARM,)))
EVERYBODY = suppressed(Statistic(kind=Kind.COUNT, table="people"))


def without(age: int) -> Query:
    """Everybody but those of one age."""
    return counted(Not(part=OneOf(field=AGE, codes=numbers(str(age)))))


def counted(cohort: Cohort) -> Query:
    return suppressed(Statistic(kind=Kind.COUNT, table="people"), cohort)


def people(women: int = 24, men: int = 30) -> list[Person]:
    """Women and men in arms a, b and c in turn; all of age 50 but the first, who is 77."""
    sexes = "F" * women + "M" * men
    return [(f"p{i}", sex, "abc"[i % 3], 77 if i == 0 else 50) for i, sex in enumerate(sexes)]


def files_of(rows: Sequence[Person]) -> tuple[str, str]:
    """The two files of an import: the people, and one visit."""
    lines = [f"{one},{sex},{arm},{'' if age is None else age}" for one, sex, arm, age in rows]
    return "id,sex,arm,age\n" + "\n".join(
        lines
    ) + "\n", f"person,site,dose,score,grade\n{rows[0][0]},n,1,2,0\n"


def desk_of(root: Path, rows: Sequence[Person]) -> GateDesk:
    return GateDesk(root / "node", imported(root, files_of(rows)))


def cells(granted: Granted) -> list[int]:
    """The published numbers of a table."""
    table = decode_release(granted.release).table
    assert table is not None
    numbers: list[int] = table.cells.tolist()
    return numbers


def asked_of(desk: GateDesk) -> int:
    """The questions that the ledger counts for the registry, recounted from its log."""
    return audit(desk.ledger_path).questions.get(("registry", "worlds"), 0)


def spent_nothing(desk: GateDesk) -> bool:
    return all(loss == ZERO for loss in desk.spent.values())


class Untouchable(DuckDBEngine):
    """Fails the test at any access."""

    def __init__(self, snapshots: Snapshots) -> None:
        super().__init__(snapshots)

    def __getattribute__(self, name: str) -> object:
        raise AssertionError(f"the engine was touched: {name}")
