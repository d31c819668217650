"""A clock that is set an hour forward or back: nobody waits for it, and nothing comes twice.

Turns of jobs are in ``test_runner.py``, leases in ``tests/unit/store/test_lease.py``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest

from gatekeeper.errors import StoreError
from gatekeeper.service.health import readiness
from gatekeeper.service.sender import FIRST_PAUSE, SendReport, send_due
from gatekeeper.store import Store, overtaken
from tests.unit.service.receiver import Receiver, receiver
from tests.unit.service.test_sender import many, queue
from tests.unit.service.told import AT, FINDING, Clock, high, route
from tests.unit.service.told import settings as told_settings
from tests.unit.store import conftest as stores

sqlite_file, store, url = stores.sqlite_file, stores.store, stores.url
HOUR = timedelta(hours=1)


@pytest.fixture
def told() -> Iterator[Receiver]:
    with receiver() as opened:
        yield opened


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.mark.parametrize("jump", [HOUR, -HOUR], ids=["forward", "back"])
def test_what_waits_goes_out_at_once_whatever_the_clock_says(
    store: Store, told: Receiver, clock: Clock, jump: timedelta
) -> None:
    config = told_settings(route(url=told.url))
    queue(store, config.notices, FINDING, *many(2))
    clock.at += jump
    assert send_due(store, config, clock=clock) == SendReport(sent=3)
    clock.at -= jump
    assert send_due(store, config, clock=clock) == SendReport()


def test_a_clock_set_back_makes_a_failed_route_rest_no_longer(
    store: Store, told: Receiver, clock: Clock
) -> None:
    config = told_settings(route(url=told.url))
    queue(store, config.notices, *many(2))
    told.answers = [500, 500]
    assert send_due(store, config, clock=clock).failed == 1
    clock.at -= HOUR
    assert send_due(store, config, clock=clock).failed == 1, "it is tried again once"
    assert send_due(store, config, clock=clock) == SendReport(waiting=2), "and then rests"
    clock.at += 2 * FIRST_PAUSE
    assert send_due(store, config, clock=clock) == SendReport(sent=2)


def test_a_digest_waits_for_its_hour_by_the_new_clock(
    store: Store, told: Receiver, clock: Clock
) -> None:
    config = told_settings(route(url=told.url, digest="1h"))
    queue(store, config.notices, *many(2))
    clock.at -= HOUR
    assert send_due(store, config, clock=clock) == SendReport(waiting=2)
    clock.at += 3 * HOUR
    assert send_due(store, config, clock=clock) == SendReport(sent=2)


def test_messages_of_a_future_that_was_taken_back_do_not_fill_the_rate(
    store: Store, told: Receiver, clock: Clock
) -> None:
    config = told_settings(route(url=told.url, rate={"count": 2, "per": "1h"}))
    queue(store, config.notices, *many(2))
    assert send_due(store, config, clock=clock) == SendReport(sent=2)
    queue(store, config.notices, high(7))
    assert send_due(store, config, clock=clock) == SendReport(waiting=1)
    clock.at -= HOUR
    assert send_due(store, config, clock=clock) == SendReport(sent=1)


@pytest.mark.parametrize("jump", [HOUR, -HOUR], ids=["forward", "back"])
def test_a_look_after_the_clock_was_set_is_never_overtaken(jump: timedelta) -> None:
    assert not overtaken(AT + jump, before=AT)
    assert overtaken(AT - timedelta(minutes=1), before=AT)


def test_a_clock_set_back_leaves_the_service_ready(store: Store) -> None:
    config = told_settings()
    with store.acquire_lease("job:close") as lease:
        run = store.start_job("close", instance="i", token=lease.token, at=AT)
        store.finish_job(run, result="ok", status=0, at=AT)
    assert readiness(store, config, now=AT - HOUR, started_at=AT).ok
    late = readiness(store, config, now=AT + HOUR, started_at=AT)
    assert not late.ok
    assert "close has not run for" in " ".join(late.reasons)


# what arrived while the store was away


def test_what_arrived_and_could_not_be_written_is_not_sent_again(
    store: Store, told: Receiver, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = told_settings(route(url=told.url))
    queue(store, config.notices, *many(3))
    arrived: dict[int, object] = {}
    monkeypatch.setattr("gatekeeper.service.sender._REWRITES", (0.0, 0.0))

    def away(*_: object, **__: object) -> None:
        raise StoreError("the store is away")

    with monkeypatch.context() as patch:
        patch.setattr(Store, "notice_sent", away)
        with pytest.raises(StoreError):
            send_due(store, config, clock=clock, arrived=arrived)  # type: ignore[arg-type]
        with pytest.raises(StoreError):
            send_due(store, config, clock=clock, arrived=arrived)  # type: ignore[arg-type]
    assert len(arrived) == 1
    assert send_due(store, config, clock=clock, arrived=arrived) == SendReport(sent=2)  # type: ignore[arg-type]
    assert arrived == {}
    assert set(Counter(one.json["id"] for one in told.got).values()) == {1}
    assert len(told.got) == 3
