"""Every test runs on SQLite and on a real PostgreSQL server, each in a store of its own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gatekeeper.store import Store, open_store
from tests.servers import Schemas


@pytest.fixture(scope="session")
def sqlite_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store without content."""
    path = tmp_path_factory.mktemp("empty") / "gatekeeper.db"
    open_store(f"sqlite:///{path}").close()
    return path


@pytest.fixture(
    params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)],
)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a store: an empty one for ``store``, else one that is not there yet."""
    made = "store" in request.fixturenames
    if request.param == "sqlite":
        path = tmp_path / "gatekeeper.db"
        if made:
            shutil.copy(request.getfixturevalue("sqlite_file"), path)
        yield f"sqlite:///{path}"
    elif not made:
        yield request.getfixturevalue("postgresql_url")
    else:
        schemas: Schemas = request.getfixturevalue("schemas")
        name = schemas.whole()
        yield schemas.url(name)
        touched = "intruder" in request.fixturenames
        (schemas.drop if touched else schemas.give_back)(name)


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
