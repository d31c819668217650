"""The filing desk: answers to the questions of a review, and how far each source was read."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "answers",
        sa.Column("application_id", KEY, primary_key=True),
        sa.Column("rule", KEY, primary_key=True),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("answered_by", sa.Text(), nullable=False),
        sa.Column("at", KEY, nullable=False),
    )
    op.create_table(
        "sources",
        sa.Column("name", KEY, primary_key=True),
        sa.Column("at", KEY, nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
    )
