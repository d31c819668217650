"""The migrations and the tables say the same, and an older schema is brought up to date."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from gatekeeper.errors import StoreError
from gatekeeper.store import Store, open_store, schema
from gatekeeper.store.tables import metadata
from tests.unit.store.conftest import Intruder


def test_the_migrations_make_the_tables(store: Store) -> None:
    with store._db.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_every_revision_is_known(root: Path) -> None:
    scripts = ScriptDirectory(str(root / "gatekeeper" / "store" / "migrations"))
    found = [script.revision for script in scripts.walk_revisions()]
    assert tuple(reversed(found)) == schema.REVISIONS


def test_an_older_schema_is_upgraded_once(
    store: Store, url: str, intruder: Intruder, monkeypatch: pytest.MonkeyPatch
) -> None:
    del store, intruder
    ran = []
    monkeypatch.setattr(schema, "REVISIONS", (*schema.REVISIONS, "9999"))

    def upgrade(connection: object) -> None:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")  # type: ignore[attr-defined]
        ran.append(1)

    monkeypatch.setattr(schema, "_upgrade", upgrade)
    for _ in range(2):
        open_store(url, create=False).close()  # type: ignore[union-attr]
    assert ran == [1]


def test_an_upgrade_that_fails_leaves_everything_as_it_was(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = schema._upgrade

    def broken(connection: object) -> None:
        real(connection)  # type: ignore[arg-type]
        raise StoreError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(schema, "_upgrade", broken)
        with pytest.raises(StoreError):
            open_store(url)
    assert open_store(url, create=False) is None
    open_store(url).close()


@pytest.mark.postgres
def test_tables_of_others_are_in_the_way(postgresql_url: str) -> None:
    other = Intruder(postgresql_url)
    other.run("CREATE TABLE accounts (name TEXT)")
    with pytest.raises(StoreError, match="already exists"):
        open_store(postgresql_url)
    assert other.run("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()") == [
        ("accounts",)
    ]
    other.close()
