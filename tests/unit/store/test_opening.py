"""Opening a store: made where it is missing, brought up to date, refused in one line."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from gatekeeper.errors import SchemaOutdated, StoreError
from gatekeeper.store import Entry, Store, open_store
from gatekeeper.store.address import parse_address
from tests.servers import unmeasured
from tests.unit.store.conftest import Intruder
from tests.unit.store.given import NOW

PASSWORD = "s3cr%2Ft"


def only_line(error: pytest.ExceptionInfo[StoreError]) -> str:
    for text in (error.value.message, error.value.zh):
        assert "\n" not in text
    return error.value.message


def python(code: str, *words: str, root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *words],
        cwd=root,
        env=unmeasured(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_missing_file_is_none_and_nothing_is_loaded_for_it(tmp_path: Path, root: Path) -> None:
    code = """
import sys
from gatekeeper.store import open_store
print(open_store(sys.argv[1], create=False))
print([name for name in ("sqlalchemy", "alembic", "psycopg") if name in sys.modules])
"""
    done = python(code, f"sqlite:///{tmp_path}/g.db", root=root)
    assert (done.stdout.split("\n"), done.stderr) == (["None", "[]", ""], "")
    assert list(tmp_path.iterdir()) == []


def test_alembic_is_loaded_only_where_something_must_be_done(tmp_path: Path, root: Path) -> None:
    code = """
import sys
from gatekeeper.store import open_store
open_store(sys.argv[1]).close()
print("alembic" in sys.modules)
"""
    url = f"sqlite:///{tmp_path}/g.db"
    assert [python(code, url, root=root).stdout for _ in range(2)] == ["True\n", "False\n"]


def test_an_empty_database_without_create_is_none(url: str) -> None:
    assert open_store(url, create=False) is None
    open_store(url).close()
    opened = open_store(url, create=False)
    assert opened is not None
    opened.close()


def test_an_empty_file_counts_as_missing(tmp_path: Path) -> None:
    path = tmp_path / "g.db"
    path.touch()
    assert open_store(f"sqlite:///{path}", create=False) is None
    assert path.stat().st_size == 0
    open_store(f"sqlite:///{path}").close()


def test_a_new_file_is_private_and_durable(tmp_path: Path) -> None:
    path = tmp_path / "g.db"
    before = os.umask(0)
    try:
        with open_store(f"sqlite:///{path}") as store:
            store.append(Entry(at=NOW, actor="li", kind="note", subject="x"))
            files = sorted(tmp_path.iterdir())
            modes = {stat.S_IMODE(file.stat().st_mode) for file in files}
            with store._db.write() as connection:
                asked = {
                    name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
                    for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
                }
    finally:
        os.umask(before)
    assert {file.name for file in files} == {"g.db", "g.db-shm", "g.db-wal"}
    assert modes == {0o600}
    assert asked == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": 30000,
    }


def test_an_existing_file_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "g.db"
    path.touch()
    path.chmod(0o640)
    open_store(f"sqlite:///{path}").close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_write_holds_the_lock_from_its_begin(tmp_path: Path) -> None:
    path = tmp_path / "g.db"
    with open_store(f"sqlite:///{path}") as store:
        other = sqlite3.connect(path, timeout=0, isolation_level=None)
        with store._db.read():
            other.execute("BEGIN IMMEDIATE")
            other.execute("ROLLBACK")
        with store._db.write(), pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        other.close()


def test_a_read_sees_one_moment(store: Store) -> None:
    with store._db.read() as connection:
        count = "SELECT count(*) FROM trail"
        assert connection.exec_driver_sql(count).scalar() == 0
        worker = threading.Thread(
            target=store.append, args=[Entry(at=NOW, actor="li", kind="note", subject="x")]
        )
        worker.start()
        worker.join()
        assert connection.exec_driver_sql(count).scalar() == 0
    assert len(store.history()) == 1


def test_threads_share_a_store_in_memory() -> None:
    with open_store("sqlite://") as store:

        def write() -> None:
            for number in range(20):
                store.append(Entry(at=NOW, actor="li", kind="note", subject=str(number)))

        workers = [threading.Thread(target=write) for _ in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert store.verify_trail().entries == 80


def test_several_processes_may_make_it_at_once(url: str, root: Path) -> None:
    code = "import sys; from gatekeeper.store import open_store; open_store(sys.argv[1]).close()"
    command = [sys.executable, "-W", "error", "-c", code, url]
    makers = [subprocess.Popen(command, cwd=root, stderr=subprocess.PIPE) for _ in range(3)]
    said = [maker.communicate(timeout=60)[1] for maker in makers]
    assert said == [b"", b"", b""]
    with open_store(url) as store:
        assert store.verify_trail().ok


def test_a_newer_schema_is_refused(store: Store, url: str, intruder: Intruder) -> None:
    intruder.run("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SchemaOutdated, match=r"schema 9999.*upgrade gatekeeper") as error:
        open_store(url)
    only_line(error)


def test_another_program_keeps_its_database(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE songs (name TEXT)")
    connection.close()
    with pytest.raises(StoreError, match="another program") as error:
        open_store(f"sqlite:///{path}")
    assert str(path) in only_line(error)


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database, only some notes" * 100)
    with pytest.raises(StoreError, match="not an SQLite database") as error:
        open_store(f"sqlite:///{path}")
    assert str(path) in only_line(error)
    assert path.read_text().startswith("not a database")


@pytest.mark.parametrize("name", ["missing/g.db", ""])
def test_a_place_that_cannot_hold_a_database(tmp_path: Path, name: str) -> None:
    with pytest.raises(StoreError, match="cannot be opened") as error:
        open_store(f"sqlite:///{tmp_path / name}")
    only_line(error)


def test_a_locked_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gatekeeper.store.engine.BUSY_SECONDS", 0.05)
    path = tmp_path / "g.db"
    with open_store(f"sqlite:///{path}") as store:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="another process held") as error:
            store.append(Entry(at=NOW, actor="li", kind="note", subject="x"))
        only_line(error)
        assert store.history() == ()
        other.execute("ROLLBACK")
        other.close()
        store.append(Entry(at=NOW, actor="li", kind="note", subject="x"))


def test_a_file_that_may_not_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "g.db"
    url = f"sqlite:///{path}"
    open_store(url).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    connection.close()

    def read_only(*_words: object, **_names: object) -> sqlite3.Connection:
        # Whoever runs the tests may write any file, so the driver must refuse.
        return sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)

    with open_store(url) as store:
        engine = store._db._engine
        engine.dispose()
        monkeypatch.setattr(engine.dialect.loaded_dbapi, "connect", read_only)
        with pytest.raises(StoreError, match="may not be written") as error:
            store.append(Entry(at=NOW, actor="li", kind="note", subject="x"))
    only_line(error)


@pytest.mark.postgres
@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://li:{PASSWORD}@127.0.0.1:1/gatekeeper",
        f"postgres://li@127.0.0.1:1/gatekeeper?password={PASSWORD}",
        f"postgresql+psycopg://li:{PASSWORD}@/gatekeeper?host=/nowhere/at/all",
    ],
)
def test_a_server_that_is_not_there(url: str) -> None:
    with pytest.raises(StoreError, match="cannot reach the server") as error:
        open_store(url)
    shown = only_line(error) + error.value.zh + repr(error.value.__cause__)
    assert "s3cr" not in shown
    assert "gatekeeper" in shown


@pytest.mark.postgres
def test_a_server_that_does_not_know_us(postgresql_server: str) -> None:
    url = postgresql_server.replace("postgres:@", f"nobody:{PASSWORD}@")
    with pytest.raises(StoreError) as error:
        open_store(url)
    assert "nobody" in only_line(error)
    assert "s3cr" not in error.value.message


@pytest.mark.postgres
def test_a_connection_that_the_server_ended_is_made_again(
    postgresql_url: str, postgresql_server: str
) -> None:
    with open_store(postgresql_url) as store:
        store.trail_head()
        other = Intruder(postgresql_server)
        other.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'gatekeeper'"
        )
        other.close()
        store.append(Entry(at=NOW, actor="li", kind="note", subject="x"))
        assert len(store.history()) == 1


@pytest.mark.postgres
def test_commits_are_durable_whatever_the_server_says(postgresql_url: str) -> None:
    lax = postgresql_url.replace("search_path", "synchronous_commit%3Doff%20-csearch_path")
    with open_store(lax) as store, store._db.write() as connection:
        assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"


def test_a_missing_driver_says_what_to_install(root: Path) -> None:
    code = """
import sys
sys.modules["psycopg"] = None
from gatekeeper.errors import StoreError
from gatekeeper.store import open_store
try:
    open_store("postgresql://li:s3cr@db/gatekeeper")
except StoreError as error:
    print(error.message)
"""
    done = python(code, root=root)
    assert done.stdout == (
        "postgresql://db/gatekeeper: the PostgreSQL driver is not installed; "
        "pip install 'gatekeeper[postgres]'\n"
    )


@pytest.mark.parametrize(
    ("url", "label"),
    [
        ("sqlite:///a.db", "a.db"),
        ("sqlite:////var/lib/g.db", "/var/lib/g.db"),
        ("sqlite:///b%20c.db", "b%20c.db"),
        ("sqlite://", "the store in memory"),
        ("sqlite:///:memory:", "the store in memory"),
        ("postgresql://li:pw@db:5433/gk?sslmode=require", "postgresql://db:5433/gk"),
        ("postgres://db/gk", "postgresql://db/gk"),
        ("postgresql:///gk?host=/run/pg", "postgresql:///run/pg/gk"),
    ],
)
def test_addresses(url: str, label: str) -> None:
    assert parse_address(url).label == label


@pytest.mark.parametrize(
    "url",
    [
        "gatekeeper.db",
        "mysql://li:s3cr@db/gk",
        "sqlite://s3cr.db",
        "sqlite:///g.db?mode=s3cr",
        "postgresql://li:s3cr@db:s3cr/gk",
        "",
    ],
)
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(StoreError) as error:
        open_store(url)
    assert "s3cr" not in only_line(error) + error.value.zh


def test_a_store_says_where_it_is(tmp_path: Path) -> None:
    with open_store(f"sqlite:///{tmp_path / 'g.db'}") as store:
        assert store.label == str(tmp_path / "g.db")


@pytest.fixture
def kept_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_relative_file_lies_in_the_present_folder(kept_folder: Path) -> None:
    open_store("sqlite:///gatekeeper.db").close()
    assert (kept_folder / "gatekeeper.db").is_file()


def test_names_that_need_the_library_are_found_late() -> None:
    import gatekeeper.store

    assert gatekeeper.store.Store is Store
    for name in gatekeeper.store.__all__:
        assert getattr(gatekeeper.store, name) is not None
    with pytest.raises(AttributeError, match="Stone"):
        _ = gatekeeper.store.Stone
