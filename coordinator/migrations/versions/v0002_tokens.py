"""One-time tokens for enrolment, and how many wrong ones came for whom."""

from alembic import op
from sqlalchemy import BigInteger, Column, LargeBinary, Text

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "token",
        Column("hash", LargeBinary, primary_key=True),
        Column("sort", Text, nullable=False),
        Column("name", Text, nullable=False),
        Column("made_at_ms", BigInteger, nullable=False),
        Column("expires_at_ms", BigInteger, nullable=False),
        Column("ended_at_ms", BigInteger),
        Column("ended_how", Text),
    )
    op.create_index(op.f("token_by_sort_name"), "token", ["sort", "name"])
    op.create_table(
        "wrong_tokens",
        Column("sort", Text, primary_key=True),
        Column("name", Text, primary_key=True),
        Column("began_at_ms", BigInteger, nullable=False),
        Column("tries", BigInteger, nullable=False),
    )
