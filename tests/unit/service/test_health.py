"""Does the process live, and does it do its work?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gatekeeper.errors import StoreError
from gatekeeper.service.config import parse_config
from gatekeeper.service.health import Pulse, readiness
from gatekeeper.store import open_store

AT = datetime(2026, 5, 4, 8, 0, tzinfo=UTC)
SOON = AT + timedelta(minutes=3)


@pytest.fixture
def store():
    with open_store("sqlite://") as opened:
        yield opened


def ran(store, job, at, *, ended=True):
    run_id = store.start_job(job, instance="a", token=1, at=at)
    if ended:
        store.finish_job(run_id, result="ok", status=0, at=at)


def test_the_loop_must_turn():
    now = 100.0
    pulse = Pulse(lambda: now)
    now = 160.0
    assert pulse.health() == (True, ())
    now = 161.0
    assert pulse.health() == (False, ("the scheduler has not turned for 61 s",))
    pulse.beat()
    assert pulse.health().ok


def test_a_young_service_is_ready(store):
    assert readiness(store, parse_config(""), now=SOON, started_at=AT) == (True, ())


def test_a_job_that_is_overdue_is_named(store):
    at = AT + timedelta(hours=1)
    for job in ("audit", "reconcile", "close", "open", "verify-trail", "due"):
        ran(store, job, at)
    found = readiness(store, parse_config(""), now=at, started_at=AT)
    assert found == (False, ("job collect has not run for 60 min; it should every 5 min",))


def test_a_run_before_the_start_does_not_count_and_one_under_way_does(store):
    ran(store, "collect", AT - timedelta(days=9))
    config = parse_config("jobs: {close: {enabled: false}, open: {enabled: false}}")
    assert readiness(store, config, now=AT + timedelta(minutes=15), started_at=AT).ok
    at = AT + timedelta(minutes=50)
    ran(store, "collect", at, ended=False)
    ran(store, "audit", at)
    ran(store, "due", at)
    assert readiness(store, config, now=at, started_at=AT).ok
    late = readiness(store, config, now=at + timedelta(minutes=17), started_at=AT)
    assert [reason.split()[1] for reason in late.reasons] == ["collect", "audit"]


def test_a_store_that_does_not_answer_says_why(store, monkeypatch):
    def gone():
        raise StoreError("db: cannot reach the server")

    monkeypatch.setattr(store, "last_job_runs", gone)
    found = readiness(store, parse_config(""), now=SOON, started_at=AT)
    assert found == (False, ("db: cannot reach the server",))


def test_another_schema_is_not_ready(store):
    with store._db.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    found = readiness(store, parse_config(""), now=SOON, started_at=AT)
    assert found.reasons == (f"the store has schema 0001, not {store.schema().newest}",)
    with store._db.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    assert "upgrade gatekeeper" in readiness(store, parse_config(""), now=SOON, started_at=AT)[1][0]
