"""What the service remembers: runs of jobs, the history of drift, notices to send, events done.

The digest of an application becomes that of its row's text.  The trail keeps the old ones: it is
append-only, and a verification knows both.
"""

from __future__ import annotations

import hashlib

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
COUNTER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_AT_ONCE = 1000


def upgrade() -> None:
    op.create_table(
        "job_runs",
        sa.Column("run_id", COUNTER, primary_key=True),
        sa.Column("job", KEY, nullable=False),
        sa.Column("instance", sa.Text(), nullable=False),
        sa.Column("token", COUNTER, nullable=False),
        sa.Column("started_at", KEY, nullable=False),
        sa.Column("finished_at", KEY),
        sa.Column("result", sa.Text()),
        sa.Column("status", sa.Integer()),
        sa.Column("detail", sa.Text(), nullable=False),
    )
    op.create_index("job_runs_job", "job_runs", ["job", "run_id"])
    op.create_table(
        "drifts",
        sa.Column("drift_id", COUNTER, primary_key=True),
        sa.Column("at", KEY, nullable=False),
        sa.Column("account_id", KEY, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", KEY, nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
    )
    op.create_index("drifts_at", "drifts", ["at"])
    op.create_table(
        "outbox",
        sa.Column("notice_id", COUNTER, primary_key=True),
        sa.Column("key", KEY, nullable=False),
        sa.Column("route", KEY, nullable=False),
        sa.Column("created_at", KEY, nullable=False),
        sa.Column("due_at", KEY, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("done_at", KEY),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
    )
    op.create_index("outbox_key", "outbox", ["key"], unique=True)
    op.create_index("outbox_due", "outbox", ["state", "due_at"])
    op.create_table(
        "events",
        sa.Column("event_id", KEY, primary_key=True),
        sa.Column("at", KEY, nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
    )
    op.create_index("events_at", "events", ["at"])
    _digests(op.get_bind())


def _digests(connection: sa.Connection) -> None:
    table = sa.table(
        "applications",
        sa.column("application_id"),
        sa.column("digest"),
        sa.column("body"),
    )
    update = (
        sa.update(table)
        .where(table.c.application_id == sa.bindparam("id"))
        .values(digest=sa.bindparam("new"))
    )
    last = ""
    while True:
        rows = connection.execute(
            sa.select(table.c.application_id, table.c.body)
            .where(table.c.application_id > last)
            .order_by(table.c.application_id)
            .limit(_AT_ONCE)
        ).all()
        if not rows:
            return
        connection.execute(
            update,
            [{"id": name, "new": hashlib.sha256(body.encode()).hexdigest()} for name, body in rows],
        )
        last = rows[-1][0]
