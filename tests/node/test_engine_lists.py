"""Lists of values in a cohort: the engine makes a hash table of each, and compares no row with each value.

Sixty lists of a thousand over 200,000 rows took a minute of the node's one worker; one analyst could
have held a node for an hour, at the least loss there is.
"""

from decimal import Decimal
from typing import Any

import duckdb
import pytest

from node.engines.templates import Statement, statement_of
from node.plan import compile_plan
from protocols.dictionary_text import read_dictionary
from protocols.query_text import request_from_tree

_CODES = ["-1", "0.5", "0", "1", "7"]
_DICTIONARY = read_dictionary(
    f"""
name: lists
resources:
  - name: patients
    schema:
      fields:
        - {{name: score, type: number, constraints: {{enum: [{", ".join(_CODES)}], minimum: -1, maximum: 7}}}}
        - {{name: dose, type: number, constraints: {{minimum: 0, maximum: 60}}}}
""".encode()
)
_ROWS = [(place, place, dose) for place, dose in enumerate([0.0, 0.25, 1.0, None, 60.0])] + [(9, None, 0.25)]


def _statement(cohort: dict[str, Any], statistic: dict[str, Any] | None = None) -> Statement:
    question = {
        "study": "s",
        "statistic": statistic or {"kind": "count"},
        "cohort": cohort,
        "release": {"mode": "dp", "scope": "centre", "rho": "1"},
    }
    return statement_of(compile_plan(request_from_tree(question, _DICTIONARY).query, _DICTIONARY))


def _connection() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("ATTACH ':memory:' AS s")
    connection.execute("CREATE TABLE s.t0 (patient BIGINT, rk INTEGER, c0 USMALLINT, c1 DOUBLE)")
    connection.executemany("INSERT INTO s.t0 VALUES (?, 1, ?, ?)", _ROWS)
    return connection


def _numbers(*texts: str) -> list[Decimal]:
    return [Decimal(text) for text in texts]


@pytest.mark.parametrize(
    ("cohort", "rows"),
    [
        ({"field": "score", "in": _numbers("-1", "7")}, 2),
        ({"not": {"field": "score", "in": _numbers("-1", "7")}}, 4),
        ({"field": "score", "between": _numbers("-1", "0.5")}, 3),
        ({"field": "score", "between": _numbers("1.5", "6")}, 0),
        ({"not": {"field": "score", "between": _numbers("1.5", "6")}}, 6),
        ({"field": "dose", "in": _numbers("0.25", "60")}, 3),
        ({"not": {"field": "dose", "in": _numbers("0.25", "60")}}, 3),
        ({"field": "dose", "between": _numbers("0.25", "60")}, 4),
    ],
)
def test_a_list_and_a_span_take_the_rows_that_they_name(cohort: dict[str, Any], rows: int) -> None:
    statement = _statement(cohort)
    counted = _connection().execute(statement.text, statement.parameters).fetchall()
    assert counted == ([(0, rows)] if rows else [])


def test_long_lists_are_hashed_and_bound_as_one_parameter_each() -> None:
    lists = [[Decimal(place * 1000 + i) / 1000 for i in range(1000)] for place in range(60)]
    statement = _statement({"or": [{"field": "dose", "in": one} for one in lists]})
    assert len(statement.parameters) == 61
    rows = _connection().execute("EXPLAIN " + statement.text, statement.parameters).fetchall()
    assert rows[0][1].count("MARK") == 60
