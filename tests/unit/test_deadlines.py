"""The clocks of a real store, and what an expired one means, carried out once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gatekeeper.account import SeenEndpoint
from gatekeeper.deadlines import Result, clocks, settle
from gatekeeper.errors import StoreError
from gatekeeper.filing import (
    Access,
    Application,
    Clock,
    ClockId,
    Entity,
    Kind,
    ReviewDays,
    Row,
    Service,
    Status,
    Where,
    advance,
    merge,
)
from gatekeeper.policy import default_policy
from gatekeeper.sources import known_holidays
from gatekeeper.store import Store, open_store

START = datetime(2026, 3, 2, 1, 30, 17, tzinfo=UTC)
OVER = START + timedelta(hours=24)
POLICY = default_policy()
DAYS = {"nwcd": ReviewDays(1, 1)}


def application(
    number: int, status: Status, at: datetime = START, ip: str = "52.83.1.2"
) -> Application:
    return Application(
        application_id=f"A{number}",
        filing_id=f"F{number}",
        kind=Kind.NEW,
        status=status,
        status_at=at,
        entity=Entity(name="示例公司"),
        service=Service(licence=f"宁ICP备2026000001号-{number}"),
        access=Access(account_id="111122223333", ips=(ip,)),
    )


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'gatekeeper.db'}"


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with open_store(url) as opened:
        yield opened


def bring(store: Store, *applications: Application) -> None:
    rows = [Row(application=one, where=Where(file="f.csv", line=2)) for one in applications]
    merged = merge({}, rows, now=OVER + timedelta(days=400))
    assert not merged.problems
    store.commit_merge(merged, actor="li", source="f.csv", at=START)


def running(store: Store, at: datetime) -> list[Clock]:
    return list(clocks(store, POLICY, known_holidays(), DAYS, at=at).clocks)


def moves(store: Store, name: str = "A1") -> list[tuple[str | None, str, str, datetime | None]]:
    return [(one.status, one.actor, one.source, one.status_at) for one in store.events(name)]


def test_no_store_has_no_clocks() -> None:
    assert clocks(None, POLICY, known_holidays(), DAYS, at=START) == ((), ())


def test_an_expired_sms_clock_sends_the_application_back(store: Store) -> None:
    bring(store, application(1, Status.SMS_PENDING), application(2, Status.SUBMITTED))
    late = OVER + timedelta(days=9)
    [done] = settle(store, running(store, late), actor="王", now=late)
    assert (done.result, done.status) == (Result.SETTLED, Status.RETURNED)
    after = store.application("A1")
    assert after is not None
    assert (after.status, after.status_at) == (Status.RETURNED, OVER), "since the time was up"
    assert moves(store)[1:] == [("returned", "王", "due", OVER)]
    [event] = store.events("A1")[1:]
    assert event.at == late
    assert "24 hours" in event.note
    assert moves(store, "A2") == [("submitted", "li", "f.csv", START)], "no other clock moves"
    assert store.verify_trail().ok


def test_it_is_expired_to_the_second(store: Store) -> None:
    bring(store, application(1, Status.SMS_PENDING))
    early = OVER - timedelta(seconds=1)
    assert settle(store, running(store, early), actor="li", now=early) == ()
    assert len(moves(store)) == 1
    assert len(settle(store, running(store, OVER), actor="li", now=OVER)) == 1


def test_twice_is_once(store: Store) -> None:
    bring(store, application(1, Status.SMS_PENDING))
    expired = running(store, OVER)
    settle(store, expired, actor="li", now=OVER)
    head = store.trail_head()
    assert settle(store, running(store, OVER), actor="li", now=OVER) == ()
    [again] = settle(store, expired, actor="li", now=OVER)
    assert (again.result, again.status) == (Result.MOVED, Status.RETURNED)
    assert store.trail_head() == head


def test_who_verified_meanwhile_is_not_sent_back(store: Store) -> None:
    bring(store, application(1, Status.SMS_PENDING))
    expired = running(store, OVER)
    before = store.application("A1")
    assert before is not None
    at = OVER - timedelta(minutes=1)
    passed = advance(before, Status.BUREAU_REVIEW, at=at, now=OVER)
    store.advance(passed, before=before, actor="li", source="cli", at=OVER)
    [done] = settle(store, expired, actor="job", now=OVER)
    assert (done.result, done.status) == (Result.MOVED, Status.BUREAU_REVIEW)
    assert store.application("A1") == passed


def test_a_second_verification_has_a_clock_of_its_own(store: Store) -> None:
    bring(store, application(1, Status.SMS_PENDING))
    expired = running(store, OVER)
    known = store.application("A1")
    for minute, status in enumerate(
        (Status.RETURNED, Status.SUBMITTED, Status.REPORTED, Status.SMS_PENDING)
    ):
        assert known is not None
        moved = advance(known, status, at=OVER + timedelta(minutes=minute), now=OVER)
        store.advance(moved, before=known, actor="li", source="cli", at=OVER)
        known = moved
    late = OVER + timedelta(hours=1)
    [done] = settle(store, expired, actor="job", now=late)
    assert (done.result, done.status) == (Result.MOVED, Status.SMS_PENDING)
    assert store.application("A1") == known


class Between:
    """A store on which something happens right after an application was read."""

    def __init__(self, store: Store, happens: Callable[[Application], None]) -> None:
        self._store = store
        self._happens: Callable[[Application], None] | None = happens

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def application(self, name: str) -> Application | None:
        found = self._store.application(name)
        happens, self._happens = self._happens, None
        if happens is not None and found is not None:
            happens(found)
        return found


def test_a_move_between_look_and_write_stands(store: Store) -> None:
    bring(store, application(1, Status.SMS_PENDING))
    expired = running(store, OVER)

    def verify(before: Application) -> None:
        after = advance(before, Status.BUREAU_REVIEW, at=OVER, now=OVER)
        store.advance(after, before=before, actor="li", source="cli", at=OVER)

    [done] = settle(Between(store, verify), expired, actor="job", now=OVER)  # type: ignore[arg-type]
    assert (done.result, done.status) == (Result.MOVED, Status.BUREAU_REVIEW)
    assert [status for status, *_ in moves(store)] == ["sms_pending", "bureau_review"]


def test_a_store_that_cannot_be_written_is_no_move(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring(store, application(1, Status.SMS_PENDING))
    expired = running(store, OVER)

    def refuse(*_: Any, **__: Any) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(store, "advance", refuse)
    with pytest.raises(StoreError, match="disk is full"):
        settle(store, expired, actor="job", now=OVER)


def test_two_who_settle_at_once_settle_once(url: str, store: Store) -> None:
    bring(store, *(application(n, Status.SMS_PENDING) for n in range(1, 9)))
    start = threading.Barrier(2)
    results: list[Result] = []

    def work() -> None:
        with open_store(url) as mine:
            expired = running(mine, OVER)
            start.wait(timeout=30)
            results.extend(one.result for one in settle(mine, expired, actor="job", now=OVER))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(results) == [Result.MOVED] * 8 + [Result.SETTLED] * 8
    for n in range(1, 9):
        assert [status for status, *_ in moves(store, f"A{n}")] == ["sms_pending", "returned"]


def test_police_counts_from_the_first_verified_opening(store: Store) -> None:
    bring(
        store,
        application(1, Status.APPROVED),
        application(2, Status.APPROVED, ip="52.83.1.9"),
        application(3, Status.APPROVED, ip="52.83.1.3"),
    )
    opened = START + timedelta(days=3)
    for endpoint, ip, at in (
        ("eni-1", "52.83.1.2", opened + timedelta(days=2)),
        ("eni-2", "52.83.1.2", opened),
        ("eni-3", "52.83.1.3", START - timedelta(days=50)),
    ):
        seen = SeenEndpoint(endpoint, "interface", "ipv4", (ip,))
        store.remember_endpoints("111122223333", [seen], at=at)
        store.mark_opened("111122223333", endpoint, "ipv4", (ip,), at=at)
    store.remember_endpoints("444455556666", [], at=opened)
    store.mark_opened("444455556666", "eni-9", "ipv4", ("52.83.1.9",), at=opened)
    found = {one.filing_id: one for one in running(store, START + timedelta(days=9))}
    assert {one.clock for one in found.values()} == {ClockId.POLICE}
    assert found["F1"].started_at == opened, "the first of both, though it is gone by now"
    assert found["F2"].started_at == START, "another account's address is not this filing's"
    assert found["F3"].started_at == START, "open before its approval"
    assert found["F1"].deadline == datetime(2026, 4, 4, 16, tzinfo=UTC)
