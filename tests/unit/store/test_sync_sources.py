"""How far a portal was read, on SQLite and on PostgreSQL: with the register, or not at all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gatekeeper.errors import StoreError
from gatekeeper.filing import Access, Application, Entity, Kind, Row, Status, Where, merge
from gatekeeper.store import Source

NOW = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)


def one_application():
    application = Application(
        application_id="A1",
        filing_id="F1",
        kind=Kind.NEW,
        status=Status.SUBMITTED,
        status_at=NOW,
        entity=Entity(name="示例公司"),
        access=Access(account_id="111122223333", ips=("52.83.1.2",)),
    )
    row = Row(application=application, where=Where(file="portal made-up, page 1", line=1))
    return merge({}, [row], now=NOW)


def both(store, before):
    with store.together():
        store.commit_merge(one_application(), actor="li", source="", at=NOW)
        store.keep_source("made-up", {}, before=before, at=NOW)


def test_it_is_kept_and_replaced(store):
    assert store.source("made-up") is None
    store.keep_source("made-up", {"until": "x", "tags": [[None, '"a"']]}, before=None, at=NOW)
    kept = store.source("made-up")
    assert kept == Source("made-up", NOW, {"until": "x", "tags": [[None, '"a"']]})
    store.keep_source("made-up", {}, before=kept, at=NOW + timedelta(hours=1))
    assert store.source("made-up") == Source("made-up", NOW + timedelta(hours=1), {})
    assert store.source("another") is None


def test_rows_and_place_are_stored_together(store):
    both(store, None)
    assert len(store.applications()) == 1
    assert store.verify_trail().ok


def test_who_comes_late_stores_nothing(store):
    store.keep_source("made-up", {"first": True}, before=None, at=NOW)
    late = Source("made-up", NOW - timedelta(hours=1), {})
    for before in (None, late):
        with pytest.raises(StoreError, match="made-up was read by another process"):
            both(store, before)
    assert store.applications() == ()
    assert store.verify_trail().entries == 0
    assert store.source("made-up").data == {"first": True}


def test_where_the_file_is(store, url):
    assert (str(store.path) if store.path else None) == (
        url.removeprefix("sqlite:///") if url.startswith("sqlite") else None
    )
