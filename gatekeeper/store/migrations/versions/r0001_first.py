"""The first schema: the register, the trail, what is remembered, runs and leases.

The trail's triggers refuse UPDATE and DELETE.  SQLite needs one for INSERT too: its INSERT OR
REPLACE would remove an entry without telling the other two.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
COUNTER = sa.BigInteger().with_variant(sa.Integer, "sqlite")

_SQLITE = (
    """
    CREATE TRIGGER trail_no_update BEFORE UPDATE ON trail
    BEGIN SELECT RAISE(ABORT, 'the trail is append-only'); END
    """,
    """
    CREATE TRIGGER trail_no_delete BEFORE DELETE ON trail
    BEGIN SELECT RAISE(ABORT, 'the trail is append-only'); END
    """,
    """
    CREATE TRIGGER trail_no_replace BEFORE INSERT ON trail
    WHEN EXISTS (SELECT 1 FROM trail WHERE seq = NEW.seq)
    BEGIN SELECT RAISE(ABORT, 'the trail is append-only'); END
    """,
)
_POSTGRESQL = (
    """
    CREATE FUNCTION trail_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'the trail is append-only'; END $$
    """,
    """
    CREATE TRIGGER trail_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON trail
    FOR EACH STATEMENT EXECUTE FUNCTION trail_is_append_only()
    """,
)


def upgrade() -> None:
    op.create_table(
        "trail",
        sa.Column("seq", COUNTER, primary_key=True, autoincrement=False),
        sa.Column("at", KEY, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("kind", KEY, nullable=False),
        sa.Column("subject", KEY, nullable=False),
        sa.Column("account_id", KEY),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("prev_hash", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
    )
    op.create_index("trail_subject", "trail", ["subject"])
    op.create_index("trail_kind", "trail", ["kind", "seq"])
    op.create_index("trail_account", "trail", ["account_id"])
    op.create_table(
        "applications",
        sa.Column("application_id", KEY, primary_key=True),
        sa.Column("filing_id", KEY, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("status_at", KEY, nullable=False),
        sa.Column("seen_at", KEY, nullable=False),
        sa.Column("entity_name", sa.Text(), nullable=False),
        sa.Column("account_id", KEY, nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
    )
    op.create_index("applications_filing", "applications", ["filing_id"])
    op.create_table(
        "orders",
        sa.Column("filing_id", KEY, primary_key=True),
        sa.Column("kind", KEY, primary_key=True),
        sa.Column("at", KEY, nullable=False),
        sa.Column("placed_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
    )
    op.create_table(
        "accounts",
        sa.Column("account_id", KEY, primary_key=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role_arn", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
    )
    op.create_table(
        "sightings",
        sa.Column("account_id", KEY, primary_key=True),
        sa.Column("topic", KEY, primary_key=True),
        sa.Column("at", KEY, nullable=False),
    )
    op.create_table(
        "addresses",
        sa.Column("account_id", KEY, primary_key=True),
        sa.Column("ip", KEY, primary_key=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("allocation_id", sa.Text()),
        sa.Column("first_seen", KEY, nullable=False),
        sa.Column("last_seen", KEY, nullable=False),
        sa.Column("present", sa.Integer(), nullable=False),
    )
    op.create_table(
        "endpoints",
        sa.Column("account_id", KEY, primary_key=True),
        sa.Column("endpoint", KEY, primary_key=True),
        sa.Column("family", KEY, primary_key=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("ips", sa.Text(), nullable=False),
        sa.Column("opened_ips", sa.Text()),
        sa.Column("opened_at", KEY),
        sa.Column("changed_at", KEY),
        sa.Column("last_seen", KEY, nullable=False),
        sa.Column("present", sa.Integer(), nullable=False),
    )
    op.create_table(
        "findings",
        sa.Column("key", KEY, primary_key=True),
        sa.Column("account_id", KEY, nullable=False),
        sa.Column("first_seen", KEY, nullable=False),
        sa.Column("last_seen", KEY, nullable=False),
        sa.Column("resolved_at", KEY),
        sa.Column("data", sa.Text(), nullable=False),
    )
    op.create_table(
        "snapshots",
        sa.Column("account_id", KEY, primary_key=True),
        sa.Column("at", KEY, nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
    )
    op.create_table(
        "plans",
        sa.Column("plan_id", KEY, primary_key=True),
        sa.Column("at", KEY, nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
    )
    op.create_table(
        "runs",
        sa.Column("run_id", KEY, primary_key=True),
        sa.Column("plan_id", KEY, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("started_at", KEY, nullable=False),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text()),
        sa.Column("finished_at", KEY),
    )
    op.create_table(
        "run_accounts",
        sa.Column("run_id", KEY, primary_key=True),
        sa.Column("account_id", KEY, primary_key=True),
    )
    op.create_table(
        "settings",
        sa.Column("name", KEY, primary_key=True),
        sa.Column("value", sa.Text(), nullable=False),
    )
    op.create_table(
        "leases",
        sa.Column("account_id", KEY, primary_key=True),
        sa.Column("token", COUNTER, nullable=False),
        sa.Column("held", sa.Integer(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("started", sa.Text(), nullable=False),
        sa.Column("boot", sa.Text(), nullable=False),
        sa.Column("acquired_at", KEY, nullable=False),
        sa.Column("beat_at", KEY, nullable=False),
        sa.Column("beat_clock", sa.Float(53), nullable=False),
    )
    for statement in _SQLITE if op.get_bind().dialect.name == "sqlite" else _POSTGRESQL:
        op.execute(statement)
