"""The first tables: questions, who has still to be asked, and answers."""

from alembic import op
from sqlalchemy import BigInteger, Column, ForeignKey, LargeBinary, Text

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "question",
        Column("query_id", LargeBinary, primary_key=True),
        Column("analyst", Text, nullable=False),
        Column("envelope", LargeBinary, nullable=False),
        Column("audience", Text, nullable=False),
        Column("asked_at_ms", BigInteger, nullable=False),
        Column("deadline_at_ms", BigInteger, nullable=False),
        Column("open_until_ms", BigInteger, nullable=False),
    )
    op.create_index(
        op.f("question_by_analyst_asked_at_ms_query_id"), "question", ["analyst", "asked_at_ms", "query_id"]
    )
    op.create_table(
        "due",
        Column("centre", Text, primary_key=True),
        Column("query_id", LargeBinary, ForeignKey("question.query_id"), primary_key=True),
        Column("analyst", Text, nullable=False),
        Column("open_until_ms", BigInteger, nullable=False),
    )
    op.create_index(op.f("due_by_analyst"), "due", ["analyst"])
    op.create_index(op.f("due_by_open_until_ms"), "due", ["open_until_ms"])
    op.create_table(
        "answer",
        Column("query_id", LargeBinary, ForeignKey("question.query_id"), primary_key=True),
        Column("centre", Text, primary_key=True),
        Column("received_at_ms", BigInteger, nullable=False),
        Column("body", LargeBinary, nullable=False),
    )
