"""Stores to run a contract on: an empty SQLite file, an empty PostgreSQL database."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from coordinator.schema import sqlite_engine
from tests.coordinator import postgres


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Callable[[], Engine]]:
    if (why_not := postgres.why_not()) is not None:
        pytest.skip(why_not)
    with postgres.server() as emptied:
        yield emptied


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An engine of an empty database."""
    if request.param == "sqlite":
        made = sqlite_engine(tmp_path / "coordinator.db")
    else:
        made = request.getfixturevalue("postgres_server")()
    yield made
    made.dispose()
