"""The job ``sync``: portals into the register, one failing alone, a stop between two pages."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import pytest

from gatekeeper.errors import PolicyError, StoreError
from gatekeeper.policy import default_policy
from gatekeeper.service import Context, default_config, parse_config
from gatekeeper.service.jobs import JOBS
from gatekeeper.service.runner import run_job
from gatekeeper.store import open_store
from tests.portals import TOKEN, VARIABLE, portal, row

NOW = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)


@pytest.fixture
def there(monkeypatch):
    monkeypatch.setenv(VARIABLE, TOKEN)
    with portal() as running:
        running.rows = [row(n) for n in range(1, 5)]
        yield running


@pytest.fixture
def context(tmp_path, there):
    """The service's, with two portals; the second asks for a token that is not there."""
    text = there.settings(("retries: 2", "retries: 0"))
    first = text.partition("portals:\n")[2]
    second = first.replace("made-up", "other").replace(VARIABLE, "NO_SUCH_TOKEN")
    (tmp_path / "portals.yaml").write_text(text + second, encoding="utf-8")
    with open_store(f"sqlite:///{tmp_path}/gatekeeper.db") as store:
        yield Context(
            store=store,
            region="cn-northwest-1",
            policy=default_policy(),
            config=parse_config(f"portals: '{tmp_path}/portals.yaml'"),
            clock=lambda: NOW,
            instance="test:1",
            actor="gatekeeper@test",
        )


def test_one_portal_fails_alone(context, caplog):
    with caplog.at_level(logging.ERROR):
        done = run_job(context, JOBS["sync"])
    assert done.status == 1
    counts = {"moved": 0, "corrected": 0, "observed": 0, "unchanged": 0, "stale": 0}
    assert done.detail["portals"] == 2
    assert done.detail["made-up"] == {"result": "stored", "rows": 4, "new": 4, **counts}
    assert "the environment has no NO_SUCH_TOKEN" in done.detail["failed"]["other"]
    assert "portal other: portal other: the environment has no" in caplog.text
    assert len(context.store.applications()) == 4
    run = context.store.last_job_runs()["sync"]
    assert (run.result, run.status, run.detail) == ("ok", 1, done.detail)
    assert {event.actor for event in context.store.events("A001")} == {"gatekeeper@test"}


def test_bad_rows_are_in_the_log(context, there, caplog, monkeypatch):
    monkeypatch.setenv("NO_SUCH_TOKEN", TOKEN)
    there.rows[1]["state"] = 77
    with caplog.at_level(logging.ERROR):
        done = run_job(context, JOBS["sync"])
    assert sorted(done.detail["failed"]) == ["made-up", "other"]
    assert 'line 2, column state, value "77": is none of the words' in caplog.text
    assert context.store.applications() == ()
    assert TOKEN not in caplog.text


def test_a_stop_leaves_the_pages_for_the_next_turn(context, there, monkeypatch):
    monkeypatch.setenv("NO_SUCH_TOKEN", TOKEN)

    def stops(handler, request, n):
        context.stop.set()
        return False

    there.first = stops
    done = run_job(context, JOBS["sync"])
    assert "page 2: stopped before it was read whole" in done.detail["failed"]["made-up"]
    assert context.store.applications() == ()
    there.first = None
    there.asked.clear()
    context.stop.clear()
    done = run_job(context, JOBS["sync"])
    assert done.status == 0
    assert there.pages[0] == "2"
    assert done.detail["other"]["unchanged"] == 4


def test_a_store_that_fails_fails_the_job(context, there):
    """So that the runner gives it another turn as soon as the store is back."""

    def meanwhile(handler, request, n):
        if n == 1:
            context.store.keep_source("made-up", {}, before=None, at=NOW)
        return False

    there.first = meanwhile
    with pytest.raises(StoreError, match="another process"):
        run_job(context, JOBS["sync"])
    assert context.store.last_job_runs()["sync"].result == "failed"
    assert context.store.applications() == ()


def test_without_portals_it_is_off():
    job = default_config().job("sync")
    assert (job.every, job.enabled) == (timedelta(minutes=15), False)
    assert default_config().portals is None


def test_with_portals_it_is_on_unless_switched_off(context, tmp_path):
    assert context.config.job("sync").enabled
    off = f"portals: '{tmp_path}/portals.yaml'\njobs: {{sync: {{enabled: false}}}}"
    assert not parse_config(off).job("sync").enabled


def test_run_by_hand_without_portals_it_does_nothing(context):
    context.config = default_config()
    assert run_job(context, JOBS["sync"]) == (0, {"portals": 0})


def test_a_wrong_file_of_portals_is_refused_with_the_settings(tmp_path):
    with pytest.raises(PolicyError, match="cannot read the portals"):
        parse_config(f"portals: '{tmp_path}/none.yaml'")
    (tmp_path / "portals.yaml").write_text("portals: []", encoding="utf-8")
    with pytest.raises(PolicyError, match="key portals: must not be empty"):
        parse_config(f"portals: '{tmp_path}/portals.yaml'")
    with pytest.raises(PolicyError, match=r"key jobs\.sync\.mode"):
        parse_config("jobs: {sync: {mode: plan}}")
