"""Run migrations inside the transaction that ``gatekeeper.store.schema`` holds, and only there."""

from __future__ import annotations

from alembic import context

connection = context.config.attributes["connection"]
context.configure(connection=connection)
with context.begin_transaction():
    context.run_migrations()
