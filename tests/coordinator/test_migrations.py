"""From any version of the store's tables to the newest, with what was in them; a newer one is refused."""

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Column, Engine, Text, text

from coordinator import schema
from coordinator.errors import StoreError
from coordinator.store import Store, open_store
from tests.coordinator.relay_desk import ADA, asked


def _revisions() -> list[str]:
    config = Config()
    config.set_main_option("script_location", "coordinator:migrations")
    return [one.revision for one in ScriptDirectory.from_config(config).walk_revisions()]


REVISIONS = _revisions()


def differences(engine: Engine) -> list[object]:
    """What the tables lack of the program's, or have beyond them."""
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, schema.metadata))


def test_there_is_one_line_of_versions() -> None:
    assert sorted(REVISIONS, reverse=True) == REVISIONS


@pytest.mark.parametrize("first", [None, *REVISIONS])
def test_from_every_version_to_the_newest(engine: Engine, first: str | None) -> None:
    if first is not None:
        schema.migrate(engine, first)
    schema.migrate(engine)
    assert differences(engine) == []


def test_the_comparison_notices_a_difference(engine: Engine) -> None:
    schema.migrate(engine)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE question ADD COLUMN note TEXT"))
        connection.execute(text("DROP INDEX due_by_analyst"))
    found = differences(engine)
    assert len(found) == 2
    assert any(
        one[0] == "remove_column" and isinstance(one[3], Column) for one in found if isinstance(one, tuple)
    )
    assert isinstance(schema.metadata.tables["question"].c.analyst.type, Text)


def test_what_was_in_the_first_version_is_there_in_the_newest(engine: Engine) -> None:
    schema.migrate(engine, REVISIONS[-1])
    question = asked()
    Store(engine).open_question(question)
    schema.migrate(engine)
    assert Store(engine).kept(question.query_id, ADA).question == question


def test_a_store_of_a_newer_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "coordinator.db"
    open_store(path).close()
    engine = schema.sqlite_engine(path)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match="newer version; update this coordinator"):
        open_store(path)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == "9999"
    engine.dispose()
