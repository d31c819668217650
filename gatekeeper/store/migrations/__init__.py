"""Alembic's home: how a store of one version becomes a store of the next."""
