"""The compiler: what an answer needs is fixed from public things, before any data."""

import ast
import inspect
import re
from dataclasses import replace
from fractions import Fraction

import pytest

from node import plan as plan_module
from node import policy as policy_module
from node.engines import templates
from node.engines.templates import statement_of
from node.plan import compile_plan
from privacy.errors import PrivacyError
from privacy.loss import Loss
from protocols.errors import QueryError
from protocols.ids import SnapshotId
from protocols.layout import TEMPLATE_VERSION
from protocols.queries import Cohort, Kind, OneOf, Query, Statistic
from tests.node.questions import AGE, AGE_EDGES, ARM, QUESTIONS, SEX, SITE
from tests.node.worlds import dictionary, planned, question

ONE, OTHER = SnapshotId(bytes(16)), SnapshotId(bytes([1] * 16))
MEAN = question(Statistic(kind=Kind.MEAN, table="people", variable=AGE, by=(SEX,)))


def _with_loss(query: Query, loss: Loss) -> Query:
    return replace(query, release=replace(query.release, loss=loss))


def test_the_same_query_has_the_same_bounds_events_and_statement_every_time() -> None:
    for query in QUESTIONS[::7]:
        once = planned(query, 3)
        again = compile_plan(once.query, dictionary(3))
        assert [m.event for m in once.mechanisms] == [m.event for m in again.mechanisms]
        assert once.layout == again.layout
        assert statement_of(once) == statement_of(again)


def test_the_events_of_a_plan_never_cost_more_than_its_query() -> None:
    for query in QUESTIONS[::5]:
        for nano_rho in (10**4, 10**6, 10**9, 10**18):
            plan = planned(_with_loss(query, Loss(nano_rho)), 2)
            assert sum((m.event.rho for m in plan.mechanisms), start=Fraction(0)) <= plan.loss.rho
            for block, mechanism in zip(plan.layout.blocks, plan.mechanisms, strict=True):
                assert mechanism.event.l2_squared == block.l2_squared


def test_a_loss_too_small_to_share_is_refused_here() -> None:
    with pytest.raises(PrivacyError):
        compile_plan(_with_loss(planned(MEAN, 1).query, Loss(2)), dictionary(1))


def test_a_table_with_too_many_cells_is_refused_here() -> None:
    edges = tuple(AGE_EDGES[0] + i for i in range(1001))
    query = question(
        Statistic(kind=Kind.HISTOGRAM, table="visits", variable=AGE, by=(SEX, SITE, ARM), edges=edges)
    )
    with pytest.raises(QueryError, match="cells"):
        planned(query, 1)


def test_the_repeat_key_names_question_dictionary_snapshot_and_template(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plan = planned(MEAN, 1)
    key = plan.repeat_key(ONE)
    assert compile_plan(plan.query, dictionary(1)).repeat_key(ONE) == key
    others = [
        plan.repeat_key(OTHER),
        planned(MEAN, 2).repeat_key(ONE),
        planned(_with_loss(MEAN, Loss(7)), 1).repeat_key(ONE),
        planned(replace(MEAN, cohort=OneOf(field=SEX, codes=("F",))), 1).repeat_key(ONE),
    ]
    monkeypatch.setattr("node.plan.TEMPLATE_VERSION", TEMPLATE_VERSION + 1)
    others.append(plan.repeat_key(ONE))
    assert len({key, *others}) == 1 + len(others)


@pytest.mark.parametrize("module", [plan_module, policy_module, templates])
def test_what_decides_imports_nothing_that_acts(module: object) -> None:
    tree = ast.parse(inspect.getsource(module))  # type: ignore[arg-type]
    imported = {
        name.split(".")[0] + ("." + name.split(".")[1] if "." in name else "")
        for one in ast.walk(tree)
        for name in _imports(one)
    }
    acts = {"duckdb", "sqlite3", "os", "time", "socket", "random", "node.ledger", "node.snapshots", "logging"}
    assert not imported & acts


def _imports(one: ast.AST) -> list[str]:
    if isinstance(one, ast.ImportFrom):
        return [one.module or ""]
    return [alias.name for alias in one.names] if isinstance(one, ast.Import) else []


def test_no_word_of_a_query_or_a_dictionary_is_in_a_statement() -> None:
    words = {"people", "visits", "sex", "arm", "age", "site", "dose", "score", "grade", "worlds", "person"}
    for query in QUESTIONS:
        statement = statement_of(planned(query, 2))
        found = set(re.findall(r"[a-z_]+", statement.text))
        assert not found & words
        assert "'" not in statement.text
        assert '"' not in statement.text
        assert statement.text.count("?") == len(statement.parameters)


def test_every_value_of_a_query_is_a_parameter() -> None:
    cohort: Cohort = OneOf(field=AGE, codes=AGE_EDGES)
    query = question(Statistic(kind=Kind.HISTOGRAM, table="people", variable=AGE, edges=AGE_EDGES), cohort)
    statement = statement_of(planned(query, 1))
    assert statement.parameters == (0.0, 120.0, 60.0, 119.5, 1, [0.0, 60.0, 119.5, 120.0])
    assert "119" not in statement.text


@pytest.mark.parametrize("number", [0.1, 1.0, 1e-7, 123456.789, 0.0009537696838378906, 2**53 - 1.0, 1e17])
def test_a_number_in_a_statement_is_the_double_that_was_meant(number: float) -> None:
    """0.0009537696838378906 without an exponent is a DECIMAL, and another double after conversion."""
    import duckdb  # noqa: PLC0415 -- only this test asks the engine how it reads

    db = duckdb.connect()
    kind, read = db.execute(
        f"SELECT typeof({templates._double(number)}), {templates._double(number)}"  # noqa: SLF001
    ).fetchall()[0]
    db.close()
    assert (kind, read) == ("DOUBLE", number)
