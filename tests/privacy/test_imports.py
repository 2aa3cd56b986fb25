"""Privacy computes: what it must never import, and the randomness it must never draw itself."""

import ast

import pytest

from tests.architecture.checkout import ROOT

FORBIDDEN = (
    frozenset({"asyncio", "cryptography", "datetime", "duckdb", "grpc", "io", "logging", "multiprocessing"})
    | frozenset({"pandas", "pathlib", "pickle", "polars", "random", "secrets", "socket", "sqlite3"})
    | frozenset({"subprocess", "tempfile", "threading", "time", "urllib"})
)
FLOORS_ABOVE = frozenset({"coordinator", "deploy", "node", "protocols", "tests"})


def violations(text: str) -> set[str]:
    """The forbidden modules that this text imports, and its uses of NumPy's random numbers."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Import(names=names):
                modules = [name.name for name in names]
            case ast.ImportFrom(module=str(module), names=names):
                modules = [module, *(f"{module}.{name.name}" for name in names)]
            case ast.Attribute(value=ast.Name(id="np" | "numpy"), attr="random"):
                modules = ["random"]
            case ast.Name(id="open" | "print" | "input"):
                modules = ["io"]
            case _:
                continue
        for module in modules:
            forbidden = {module.split(".")[0]} & (FORBIDDEN | FLOORS_ABOVE)
            planner = {module} & {"opendp.prelude", "opendp.polars", "opendp.extras"}
            numpys = {module} & {"numpy.random"}
            found |= forbidden | planner | numpys
    return found


def test_privacy_imports_nothing_that_reads_writes_waits_or_draws() -> None:
    files = sorted((ROOT / "privacy").rglob("*.py"))
    assert files
    assert {file.name: violations(file.read_text(encoding="utf-8")) for file in files} == {
        file.name: set() for file in files
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import polars as pl", {"polars"}),
        ("def f():\n    import time", {"time"}),
        ("from logging import getLogger", {"logging"}),
        ("import os, socket", {"socket"}),
        ("import duckdb.typing", {"duckdb"}),
        ("from sqlite3 import connect", {"sqlite3"}),
        ("import grpc.aio", {"grpc"}),
        ("from numpy import random", {"numpy.random"}),
        ("from numpy.random import default_rng", {"numpy.random"}),
        ("import numpy as np\nnp.random.default_rng(1)", {"random"}),
        ("from random import gauss", {"random"}),
        ("import opendp.prelude as dp", {"opendp.prelude"}),
        ("from protocols.layout import Layout", {"protocols"}),
        ("open('noise')", {"io"}),
        ("import math\nfrom opendp.mod import Measurement", set()),
    ],
)
def test_control_the_rule_finds_what_it_is_for(text: str, expected: set[str]) -> None:
    assert violations(text) == expected
