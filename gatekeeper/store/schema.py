"""Bring a database to the schema that this version of gatekeeper writes.

One query tells whether anything must be done; Alembic is imported only then.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from sqlalchemy import Connection

from gatekeeper.errors import SchemaOutdated, StoreError
from gatekeeper.store.engine import Database

REVISIONS: Final = ("0001", "0002", "0003", "0004")
"""Every schema there ever was, oldest first."""


class Schema(NamedTuple):
    """Which schema a store has, and which one this version writes."""

    found: str | None
    """``None`` where there is no store yet."""
    newest: str = REVISIONS[-1]

    @property
    def current(self) -> bool:
        return self.found == self.newest


def read_schema(database: Database) -> Schema:
    """What schema the database has; nothing is changed.

    Raises:
        SchemaOutdated: a newer gatekeeper wrote it.
        StoreError: it is another program's database.
    """
    with database.read() as connection:
        return Schema(_revision(connection, database))


def ensure(database: Database, *, create: bool) -> bool:
    """Create or upgrade the schema where needed; ``False`` if there is none and none is wanted.

    Raises:
        SchemaOutdated: a newer gatekeeper wrote it.
        StoreError: it is another program's database, or cannot be changed.
    """
    with database.read() as connection:
        found = _revision(connection, database)
    if found == REVISIONS[-1]:
        return True
    if found is None and not create:
        return False
    with database.write(trail=True) as connection:
        # Another process may have been first while we waited for the lock.
        if _revision(connection, database) != REVISIONS[-1]:
            _upgrade(connection)
    return True


def _revision(connection: Connection, database: Database) -> str | None:
    label = database.address.label
    if database.sqlite:
        names = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'")
        tables = set(names.scalars())
        known = "alembic_version" in tables
        if tables and not known:
            raise StoreError(
                f"{label}: the database belongs to another program; name another file with --store",
                zh=f"{label}：该数据库属于其他程序，请用 --store 指定其他文件",
            )
    else:
        known = bool(
            connection.exec_driver_sql(
                "SELECT 1 FROM pg_catalog.pg_tables "
                "WHERE schemaname = current_schema() AND tablename = 'alembic_version'"
            ).scalar()
        )
    if not known:
        return None
    found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    if found is not None and found not in REVISIONS:
        raise SchemaOutdated(
            f"{label}: the database has schema {found}, this gatekeeper knows up to "
            f"{REVISIONS[-1]}; upgrade gatekeeper, or name another store",
            zh=f"{label}：数据库结构版本为 {found}，本程序最高支持 {REVISIONS[-1]}，"
            "请升级 gatekeeper 或使用其他存储",
        )
    return None if found is None else str(found)


def make(database: Database, revision: str) -> None:
    """Make the tables as an earlier version had them, in an empty database."""
    with database.write(trail=True) as connection:
        _upgrade(connection, revision)


def _upgrade(connection: Connection, revision: str = "head") -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "gatekeeper.store:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
