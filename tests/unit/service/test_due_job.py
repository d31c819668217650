"""The job ``due``: settles what expired, and leaves in its record what it found."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gatekeeper.errors import PolicyError
from gatekeeper.filing import Access, Application, Entity, Kind, Row, Status, Where, merge
from gatekeeper.policy import default_policy
from gatekeeper.service import Context, default_config, parse_config
from gatekeeper.service.jobs import JOBS
from gatekeeper.service.runner import run_job
from gatekeeper.store import Store, open_store

START = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
LATE = START + timedelta(days=2)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(f"sqlite:///{tmp_path}/gatekeeper.db") as opened:
        rows = [
            Row(
                application=Application(
                    application_id=name,
                    filing_id=f"F-{name}",
                    kind=Kind.NEW,
                    status=status,
                    status_at=START + after,
                    entity=Entity(name="示例公司"),
                    access=Access(account_id="111122223333", ips=("52.83.1.2",)),
                ),
                where=Where(file="f.csv", line=2),
            )
            for name, status, after in (
                ("A1", Status.SMS_PENDING, timedelta(0)),
                ("A2", Status.SMS_PENDING, timedelta(days=1, seconds=1)),
                ("A3", Status.SUBMITTED, timedelta(0)),
                ("A4", Status.BUREAU_REVIEW, timedelta(0)),
            )
        ]
        merged = merge({}, rows, now=LATE)
        opened.commit_merge(merged, actor="li", source="f.csv", at=LATE)
        yield opened


def context_of(store: Store, text: str = "", at: datetime = LATE) -> Context:
    return Context(
        store=store,
        region="cn-northwest-1",
        policy=default_policy(),
        config=parse_config(text),
        clock=lambda: at,
        instance="test:1",
        actor="gatekeeper@test",
    )


def test_it_settles_and_says_so_in_its_record(store: Store) -> None:
    done = run_job(context_of(store), JOBS["due"])
    assert done is not None
    assert done.status == 3, "a review is overdue"
    assert done.detail == {
        "mode": "apply",
        "settled": 1,
        "applications": ["A1"],
        "notices": 0,
        "running": 2,
        "overdue": {"clock-provider": 1},
        "unread": 0,
    }
    assert store.last_job_runs()["due"].detail == done.detail
    [event] = store.events("A1")[1:]
    assert (event.status, event.actor, event.source) == ("returned", "gatekeeper@test", "due")
    assert event.status_at == START + timedelta(days=1)
    for name in ("A2", "A3", "A4"):
        assert len(store.events(name)) == 1
    head = store.trail_head()
    again = run_job(context_of(store), JOBS["due"])
    assert again is not None
    assert (again.detail["settled"], again.detail["applications"]) == (0, [])
    assert store.trail_head() == head


def test_mode_plan_only_counts(store: Store) -> None:
    done = run_job(context_of(store, "jobs: {due: {mode: plan}}"), JOBS["due"])
    assert done is not None
    assert done.detail == {
        "mode": "plan",
        "notices": 0,
        "running": 2,
        "overdue": {"clock-provider": 1, "clock-sms": 1},
        "unread": 0,
    }
    assert len(store.events("A1")) == 1


def test_nothing_overdue_is_clean(store: Store) -> None:
    done = run_job(context_of(store, at=START + timedelta(hours=1)), JOBS["due"])
    assert done is not None
    assert (done.status, done.detail["settled"], done.detail["overdue"]) == (0, 0, {})


def test_a_calendar_of_the_settings_counts(store: Store, tmp_path: Path) -> None:
    year = tmp_path / "2026.yaml"
    year.write_text("year: 2026\nholidays: [2026-03-03]\n", encoding="utf-8")
    done = run_job(context_of(store, f"calendar: ['{year}']"), JOBS["due"])
    assert done is not None
    assert done.detail["overdue"] == {}, "3 March is free there, so 4 March counts"
    year.write_text("year: 2026\nholidays: [soon]\n", encoding="utf-8")
    with pytest.raises(PolicyError, match=r"holidays\.0"):
        parse_config(f"calendar: ['{year}']")
    with pytest.raises(PolicyError, match="key calendar"):
        parse_config("calendar: 2026.yaml")


def test_its_settings() -> None:
    job = default_config().job("due")
    assert job is not None
    assert (job.every, job.mode, job.enabled) == (timedelta(minutes=10), "apply", True)
    assert default_config().calendar == ()


def test_a_deadline_is_told_by_notice_once(store: Store) -> None:
    routes = "notices: [{name: desk, url: 'json://127.0.0.1:9', severity: low}]"
    first = run_job(context_of(store, routes), JOBS["due"])
    assert first is not None
    told = {notice.data["code"]: notice.data for notice in store.notices()}
    assert set(told) == {"clock-provider", "clock-sms"}, "one is over, one ends within 6 hours"
    assert first.detail["notices"] == 2
    assert "A3" in told["clock-provider"]["message"]
    assert told["clock-sms"]["state"] == "new"
    again = run_job(context_of(store, routes, at=LATE + timedelta(minutes=5)), JOBS["due"])
    assert again is not None
    assert again.detail["notices"] == 0
