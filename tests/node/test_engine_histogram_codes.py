"""A histogram over a code list: the bin of each code is looked up, not compared in the engine."""

from decimal import Decimal

import duckdb

from node.engines.templates import statement_of
from node.plan import compile_plan
from protocols.dictionary_text import read_dictionary
from protocols.query_text import request_from_tree

_CODES = ["-1", "0", "0.5", "1", "2", "3", "7"]
_EDGES = ["0", "1", "2", "3"]
_DICTIONARY = f"""
name: codes
resources:
  - name: patients
    schema:
      fields:
        - name: score
          type: number
          constraints: {{enum: [{", ".join(_CODES)}], minimum: -1, maximum: 7}}
          skerry: {{precision: 0.5}}
""".encode()


def _bins() -> dict[int, int]:
    """The bins that the engine fills from one row of each code, and one without a value."""
    dictionary = read_dictionary(_DICTIONARY)
    question = {
        "study": "s",
        "statistic": {"kind": "histogram", "variable": "score", "edges": [Decimal(e) for e in _EDGES]},
        "release": {"mode": "dp", "scope": "centre", "rho": "1"},
    }
    statement = statement_of(compile_plan(request_from_tree(question, dictionary).query, dictionary))
    connection = duckdb.connect()
    connection.execute("ATTACH ':memory:' AS s")
    connection.execute("CREATE TABLE s.t0 (patient BIGINT, rk INTEGER, c0 USMALLINT)")
    rows = [(place, 1, place) for place in range(len(_CODES))] + [(99, 1, None), (100, 1, 65535)]
    connection.executemany("INSERT INTO s.t0 VALUES (?, ?, ?)", rows)
    return dict(connection.execute(statement.text, statement.parameters).fetchall())


def test_each_code_falls_into_its_bin_and_the_last_bin_is_closed() -> None:
    # 0 and 0.5; 1; 2 and 3. Outside: -1, 7, no value, and an index that no code has.
    assert _bins() == {0: 2, 1: 1, 2: 2}


def test_the_statement_stays_small_with_many_codes_and_edges() -> None:
    codes = ", ".join(map(str, range(5_000)))
    dictionary = read_dictionary(
        f"name: x\nresources: [{{name: p, schema: {{fields: [{{name: c, type: integer, "
        f"constraints: {{enum: [{codes}]}}}}]}}}}]".encode()
    )
    question = {
        "study": "s",
        "statistic": {"kind": "histogram", "variable": "c", "edges": list(range(0, 5_000, 5))},
        "release": {"mode": "dp", "scope": "centre", "rho": "1"},
    }
    plan = compile_plan(request_from_tree(question, dictionary).query, dictionary)
    assert len(statement_of(plan).text) < 100_000
