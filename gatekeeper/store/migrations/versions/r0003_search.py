"""Searching the register in the database: words of entities in one case, and indexes.

The words are made by Python: no engine folds case as it does.
"""

from __future__ import annotations

import hashlib
import json

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_AT_ONCE = 5000


def upgrade() -> None:
    op.create_table(
        "entities",
        sa.Column("entity", KEY, primary_key=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("certificate", sa.Text(), nullable=False),
        sa.Column("licence", sa.Text(), nullable=False),
    )
    op.add_column("applications", sa.Column("entity", KEY, nullable=False, server_default=""))
    _fill(op.get_bind())
    op.create_index("applications_account", "applications", ["account_id"])
    op.create_index("applications_entity", "applications", ["entity"])
    op.create_index("applications_status", "applications", ["status", "kind"])


def _fill(connection: sa.Connection) -> None:
    table = sa.table(
        "applications",
        sa.column("application_id"),
        sa.column("body"),
        sa.column("entity"),
    )
    entities = sa.table("entities", *map(sa.column, ("entity", "name", "certificate", "licence")))
    update = (
        sa.update(table)
        .where(table.c.application_id == sa.bindparam("id"))
        .values(entity=sa.bindparam("of"))
    )
    known: set[str] = set()
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
        named = []
        fresh = []
        for name, body in rows:
            said = json.loads(body)["entity"]
            words = tuple(said[key].casefold() for key in ("name", "certificate_number", "licence"))
            entity = hashlib.sha256("\0".join(words).encode()).hexdigest()[:32]
            named.append({"id": name, "of": entity})
            if entity not in known:
                known.add(entity)
                fresh.append(
                    dict(
                        zip(
                            ("entity", "name", "certificate", "licence"),
                            (entity, *words),
                            strict=True,
                        )
                    )
                )
        if fresh:
            connection.execute(sa.insert(entities), fresh)
        connection.execute(update, named)
        last = rows[-1][0]
