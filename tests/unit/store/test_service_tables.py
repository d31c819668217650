"""Runs of jobs, the outbox, the history of drift, events that are done, and the fence."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gatekeeper.errors import LeaseHeld, LeaseLost
from gatekeeper.store import Account, Notice, Store, open_store
from gatekeeper.store.jobs import LOST

AT = datetime(2026, 11, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def notice(number: int, *, due: datetime = AT, route: str = "ops") -> Notice:
    return Notice(f"{route}|{number}", route, {"number": number}, due)


# jobs


def test_a_run_of_a_job_is_kept_from_start_to_end(store: Store) -> None:
    run = store.start_job("audit", instance="a", token=1, at=AT)
    under_way = store.last_job_runs()["audit"]
    assert (under_way.finished_at, under_way.result) == (None, None)
    store.finish_job(run, result="ok", status=3, at=AT + MINUTE, detail={"findings": 2})
    done = store.last_job_runs()["audit"]
    assert (done.result, done.status, done.finished_at) == ("ok", 3, AT + MINUTE)
    assert done.detail == {"findings": 2}


def test_a_run_without_an_end_is_lost_when_the_next_begins(store: Store) -> None:
    first = store.start_job("audit", instance="a", token=1, at=AT)
    other = store.start_job("collect", instance="a", token=2, at=AT)
    second = store.start_job("audit", instance="b", token=3, at=AT + MINUTE)
    store.finish_job(first, result="ok", status=0, at=AT + 2 * MINUTE)  # it comes back too late
    runs = {run.run_id: run.result for run in store.job_runs()}
    assert runs == {first: LOST, other: None, second: None}
    assert [run.run_id for run in store.job_runs("audit")] == [second, first]


def test_old_runs_are_dropped_but_never_the_newest(store: Store) -> None:
    for minute in range(3):
        run = store.start_job("audit", instance="a", token=1, at=AT + minute * MINUTE)
        store.finish_job(run, result="ok", status=0, at=AT + minute * MINUTE)
    assert store.forget_job_runs(before=AT + 9 * MINUTE) == 2
    assert [one.run_id for one in store.job_runs()] == [run]


def test_a_job_is_held_by_one_instance(store: Store) -> None:
    with store.acquire_lease("job:audit"):
        with pytest.raises(LeaseHeld, match="job audit is being run by"):
            store.acquire_lease("job:audit")
        store.acquire_lease("job:collect").release()


# the fence


def test_who_lost_the_lease_writes_nothing(store: Store, url: str) -> None:
    lease = store.acquire_lease("job:audit")
    with store.fenced(lease):
        store.queue_notices([notice(1)], at=AT)
    lease.release()
    with open_store(url) as other, other.acquire_lease("job:audit"):
        with store.fenced(lease), pytest.raises(LeaseLost):
            store.queue_notices([notice(2)], at=AT)
        with store.fenced(lease), pytest.raises(LeaseLost):
            store.put_accounts([Account(account_id="111122223333")], actor="x", at=AT)
    assert store.accounts() == ()
    assert [one.key for one in store.due_notices(at=AT)] == ["ops|1"]
    store.queue_notices([notice(3)], at=AT)  # outside the fence nobody asks


# the outbox


def test_a_notice_is_queued_once_whatever_became_of_it(store: Store) -> None:
    assert store.queue_notices([notice(1), notice(2), notice(1)], at=AT) == 2
    first, second = store.due_notices(at=AT)
    assert (first.key, first.data, first.attempts) == ("ops|1", {"number": 1}, 0)
    store.notice_sent([first.notice_id], at=AT)
    store.notice_failed([second.notice_id], error="no", retry_at=None, at=AT)
    assert store.queue_notices([notice(1), notice(2)], at=AT) == 0
    assert store.outbox_counts() == {"sent": 1, "dead": 1}


def test_a_notice_waits_until_it_is_due_and_after_a_failure(store: Store) -> None:
    store.queue_notices([notice(1, due=AT + MINUTE)], at=AT)
    assert store.due_notices(at=AT) == ()
    (one,) = store.due_notices(at=AT + MINUTE)
    store.notice_failed([one.notice_id], error="x" * 9999, retry_at=AT + 3 * MINUTE, at=AT)
    assert store.due_notices(at=AT + 2 * MINUTE) == ()
    (again,) = store.due_notices(at=AT + 3 * MINUTE)
    assert (again.attempts, len(again.error)) == (1, 500)
    store.notice_sent([again.notice_id], at=AT)
    store.notice_failed([again.notice_id], error="late", retry_at=None, at=AT)
    assert store.outbox_counts() == {"sent": 1}
    assert store.sent_since("ops", AT) == 1
    assert store.sent_since("ops", AT + MINUTE) == 0
    assert store.forget_notices(before=AT + MINUTE) == 1


def test_the_backlog_of_each_route_says_what_is_due_and_what_rests(store: Store) -> None:
    store.queue_notices([notice(1), notice(2, due=AT + MINUTE), notice(1, route="mail")], at=AT)
    (first,) = store.due_notices(at=AT, route="ops")
    store.notice_failed([first.notice_id], error="x", retry_at=AT + 3 * MINUTE, at=AT)
    found = store.backlog(at=AT + MINUTE)
    assert found["ops"] == (2, 1, AT + 3 * MINUTE)
    assert found["mail"] == (1, 1, None)
    assert store.backlog(at=AT + 3 * MINUTE)["ops"] == (2, 2, None)
    assert [one.key for one in store.due_notices(at=AT, route="mail")] == ["mail|1"]


def test_notices_of_one_message_count_once(store: Store) -> None:
    store.queue_notices([notice(number) for number in range(4)], at=AT)
    ids = [one.notice_id for one in store.due_notices(at=AT)]
    store.notice_sent(ids[:2], at=AT + MINUTE)
    store.notice_sent(ids[2:3], at=AT + 2 * MINUTE)
    assert store.messages_since("ops", AT) == 2
    assert store.messages_since("ops", AT + MINUTE) == 1
    assert [one.state for one in store.notices()] == ["sent", "sent", "sent", "waiting"]
    assert [one.notice_id for one in store.notices("sent", limit=2)] == ids[1:3]


def test_findings_their_notices_and_the_drift_are_one_transaction(store: Store) -> None:
    finding = {"key": "k", "account_id": "111122223333", "code": "c"}
    drift = {"kind": "rules-changed", "account_id": "111122223333", "group_id": "sg-1"}

    def fail():
        yield notice(1)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        store.remember_findings([finding], accounts=[], at=AT, notices=fail(), drift=[drift])
    assert store.findings_memory() == {}
    assert store.drifts() == ()
    store.remember_findings(
        [finding],
        accounts=[],
        at=AT,
        notices=[notice(1)],
        drift=[drift],
        states={"111122223333": {"endpoints": {}, "groups": {}}},
    )
    assert set(store.findings_memory()) == {"k"}
    assert store.drifts() == ({**drift, "seen_at": AT},)
    assert len(store.due_notices(at=AT)) == 1
    assert store.snapshot("111122223333") == {"endpoints": {}, "groups": {}}


# drift and events


def test_the_history_of_drift_is_told_by_time_and_account(store: Store) -> None:
    one = {"kind": "endpoint-new", "account_id": "111122223333", "endpoint": "eni-1"}
    two = {"kind": "endpoint-gone", "account_id": "444455556666", "endpoint": "eni-2"}
    store.remember_drifts([one], at=AT)
    store.remember_drifts([two], at=AT + MINUTE)
    assert [entry["endpoint"] for entry in store.drifts()] == ["eni-1", "eni-2"]
    assert [entry["endpoint"] for entry in store.drifts(since=AT + MINUTE)] == ["eni-2"]
    (mine,) = store.drifts(account_ids=["111122223333"])
    assert mine["seen_at"] == AT
    assert store.forget_drifts(before=AT + MINUTE) == 1


def test_an_event_whose_effect_is_stored_is_known(store: Store) -> None:
    store.remember_events({"e1": {"name": "X"}, "e2": {}}, at=AT)
    store.remember_events({"e2": {}, "e3": {}}, at=AT + MINUTE)
    assert store.known_events(["e1", "e3", "e4"]) == {"e1", "e3"}
    assert store.forget_events(before=AT + MINUTE) == 2
    assert store.known_events(["e1", "e2", "e3"]) == {"e3"}
