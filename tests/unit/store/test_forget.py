"""Forgetting a person: gone from the rows and the files, told in the trail, verifiable."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from gatekeeper.errors import StoreSealed
from gatekeeper.filing import (
    Application,
    Entity,
    Person,
    Row,
    Status,
    Where,
    content_digest,
    merge,
)
from gatekeeper.store import EntryKind, Outcome, Store, open_store, restore_backup, write_backup
from tests.unit.store.conftest import Intruder
from tests.unit.store.given import NOW, application, bring, minutes
from tests.unit.store.test_seal import KEYS

NUMBER = "11010519491231002X"
PHONE = "13812345678"
REVIEW = json.dumps(
    {
        "entity": {"head": {"id_number": NUMBER, "name": "王某", "phone": PHONE}},
        "portal": {"mobile": PHONE},
    },
    ensure_ascii=False,
    sort_keys=True,
    separators=(",", ":"),
)
WHOM = Person(id_number=NUMBER)


def approved(number: int = 1, **changes: object) -> Application:
    return application(number, status=Status.APPROVED, review=REVIEW, **changes)


def test_an_approved_application_forgets_and_the_trail_verifies(store: Store) -> None:
    bring(store, [approved(1), replace(approved(2), review="{}"), approved(3)])
    before = store.register_version()
    mark = store.register_mark()
    done = store.forget(WHOM, actor="wang", at=minutes(5), reason="request 7")
    assert [(one.application_id, one.filing_id, one.result) for one in done] == [
        ("A000001", "F000001", Outcome.FORGOTTEN),
        ("A000003", "F000003", Outcome.FORGOTTEN),
    ]
    assert done[0].roles == ("entity.head", "portal.mobile")
    after = store.application("A000001")
    assert after is not None
    marker = {"forgotten": "2026-03-02T09:35:00.000000Z"}
    assert json.loads(after.review) == {"entity": {"head": marker}, "portal": {"mobile": marker}}
    assert replace(after, review=REVIEW) == approved(1)
    assert store.application("A000002") == replace(approved(2), review="{}")
    assert store.register_version() != before
    assert store.register_mark() > mark
    event = store.events("A000001")[-1]
    assert (event.kind, event.actor, event.note, event.source, event.status) == (
        EntryKind.APPLICATION_FORGOTTEN,
        "wang",
        "request 7",
        "forget",
        "approved",
    )
    assert event.data["before"] == content_digest(approved(1))
    assert event.data["after"] == content_digest(after)
    told = repr(store.history())
    assert NUMBER not in told
    assert PHONE not in told
    assert "王某" not in told
    assert store.verify_trail().ok


def test_again_finds_nobody_and_writes_nothing(store: Store) -> None:
    bring(store, [approved(1)])
    store.forget(WHOM, actor="wang", at=minutes(5))
    head = store.trail_head()
    assert store.forget(WHOM, actor="wang", at=minutes(6)) == ()
    assert store.trail_head() == head


def test_a_dry_run_says_the_same_and_writes_nothing(store: Store) -> None:
    bring(store, [approved(1)])
    head = store.trail_head()
    dry = store.forget(WHOM, actor="wang", at=minutes(5), dry_run=True)
    assert store.trail_head() == head
    assert store.application("A000001") == approved(1)
    assert store.forget(WHOM, actor="wang", at=minutes(5)) == dry


def test_what_is_under_way_is_left_alone_unless_forced(store: Store) -> None:
    pending = application(1, review=REVIEW)
    bring(store, [pending, approved(2)])
    done = store.forget(WHOM, actor="wang", at=minutes(5))
    assert [one.result for one in done] == [Outcome.REFUSED, Outcome.FORGOTTEN]
    assert store.application("A000001") == pending
    (forced,) = store.forget(WHOM, actor="wang", at=minutes(6), force=True)
    assert (forced.application_id, forced.status, forced.result) == (
        "A000001",
        Status.SUBMITTED,
        Outcome.FORGOTTEN,
    )
    after = store.application("A000001")
    assert after is not None
    assert NUMBER not in after.review
    assert store.verify_trail().ok


def test_an_entity_that_is_the_person_stays(store: Store) -> None:
    own = Entity(name="王某", certificate_number=NUMBER)
    bring(store, [approved(1, entity=own), replace(approved(2, entity=own), review="")])
    done = store.forget(WHOM, actor="wang", at=minutes(5))
    assert [(one.result, one.roles[-1]) for one in done] == [(Outcome.ENTITY, "entity")] * 2
    after = store.application("A000001")
    assert after is not None
    assert after.entity == own
    assert NUMBER not in after.review
    assert store.verify_trail().ok


def test_later_imports_and_moves_do_not_bring_them_back(store: Store) -> None:
    bring(store, [approved(1)])
    store.forget(WHOM, actor="wang", at=minutes(5))
    head = store.trail_head()
    bring(store, [approved(1)])
    assert store.trail_head() == head
    later = replace(approved(1), status_at=minutes(9))
    row = Row(application=later, where=Where(file="f.json", line=3))
    outcome = merge(store.stored(["A000001"]), [row], now=minutes(9))
    assert not outcome.problems
    assert outcome.forgotten == (row,)
    store.commit_merge(outcome, actor="li", source="f.json", at=minutes(9))
    after = store.application("A000001")
    assert after is not None
    assert NUMBER not in after.review
    assert store.verify_trail().ok


def test_sealed_records_are_searched_with_their_key_and_refused_without(
    url: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEKEEPER_KEY", KEYS[0])
    with open_store(url) as sealed:
        bring(sealed, [approved(1)])
        head = sealed.trail_head()
        with pytest.raises(StoreSealed):
            store.forget(WHOM, actor="wang", at=minutes(5))
        assert sealed.trail_head() == head
        (done,) = sealed.forget(WHOM, actor="wang", at=minutes(5))
        assert done.result is Outcome.FORGOTTEN
        assert sealed.verify_trail().ok
        assert sealed.seal_counts() == (0, 1, 0)


def raw(path: Path) -> bytes:
    return b"".join(file.read_bytes() for file in path.parent.glob(f"{path.name}*"))


def test_nothing_is_left_in_the_files_of_sqlite(tmp_path: Path) -> None:
    path = tmp_path / "gatekeeper.db"
    with open_store(f"sqlite:///{path}") as store:
        bring(store, [approved(number) for number in range(1, 60)])
        # A correction leaves a copy in a page that becomes free.
        bring(store, [replace(application(90), review=REVIEW)])
        bring(store, [replace(application(90), review=REVIEW, entity=Entity(name="改名公司"))])
        assert NUMBER.encode() in raw(path)
        store.forget(WHOM, actor="wang", at=minutes(5), force=True)
        assert store.purge()
        assert NUMBER.encode() not in raw(path)
        assert PHONE.encode() not in raw(path)
        assert store.verify_trail().ok
    assert NUMBER.encode() not in raw(path)


def test_a_file_that_others_read_is_said_not_to_be_cleared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gatekeeper.store.forget._WAIT", 0.1)
    path = tmp_path / "gatekeeper.db"
    with open_store(f"sqlite:///{path}") as store:
        bring(store, [approved(1)])
        with closing(sqlite3.connect(path, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM applications").fetchone()
            store.forget(WHOM, actor="wang", at=minutes(5))
            assert not store.purge()
        assert store.purge()
    assert NUMBER.encode() not in raw(path)


@pytest.mark.postgres
def test_postgresql_is_written_anew_unless_others_hold_the_table(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gatekeeper.store.forget._WAIT", 0.1)
    with open_store(postgresql_url) as store:
        bring(store, [approved(1)])
        other = Intruder(postgresql_url)
        place = "SELECT pg_relation_filenode('applications')"
        before = other.run(place)
        store.forget(WHOM, actor="wang", at=minutes(5))
        other.run("BEGIN")
        other.run("SELECT count(*) FROM applications")
        assert not store.purge()
        other.run("COMMIT")
        assert store.purge()
        assert other.run(place) != before
        other.close()
        assert store.verify_trail().ok


def test_a_backup_is_as_sealed_as_the_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEKEEPER_KEY", KEYS[0])
    url = f"sqlite:///{tmp_path / 'a.db'}"
    with open_store(url) as store:
        bring(store, [approved(1)])
    made = write_backup(url, tmp_path / "backup", at=NOW, force=False)
    assert not re.search(NUMBER.encode(), made.path.read_bytes())
    monkeypatch.delenv("GATEKEEPER_KEY")
    restored = f"sqlite:///{tmp_path / 'b.db'}"
    restore_backup(restored, made.path, actor="li", at=NOW)
    monkeypatch.setenv("GATEKEEPER_KEY", KEYS[0])
    with open_store(restored) as store:
        assert store.application("A000001") == approved(1)
