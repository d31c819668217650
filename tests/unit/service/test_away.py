"""What the service does while its store is away, or AWS does not answer its end."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest

from gatekeeper.aws.queue import Message
from gatekeeper.errors import LeaseHeld, StoreError
from gatekeeper.service.jobs import JOBS
from gatekeeper.service.runner import Runner
from gatekeeper.service.watch import Watcher
from gatekeeper.store import Store
from gatekeeper.store.engine import Database
from tests.unit.service.test_runner import context_of
from tests.unit.store import conftest as stores

sqlite_file, store, url = stores.sqlite_file, stores.store, stores.url
EVENT = (
    '{"detail": {"eventID": "00000000-0000-4000-8000-000000000001",'
    ' "eventName": "AuthorizeSecurityGroupIngress", "eventSource":'
    ' "ec2.amazonaws.com", "awsRegion": "cn-northwest-1", "eventTime": "2026-11-01T00:00:00Z",'
    ' "recipientAccountId": "111122223333", "userIdentity": {"accountId": "111122223333"},'
    ' "requestParameters": {"groupId": "sg-0123456789abcdef0"}}}'
)


def gone(*_: object, **__: object) -> None:
    raise StoreError("the store is away")


def test_a_lease_that_could_not_be_given_back_is_free_for_its_own_process(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch, store.acquire_lease("111122223333") as first:
        with pytest.raises(LeaseHeld):
            store.acquire_lease("111122223333")
        patch.setattr(Database, "write", gone)
    second = store.acquire_lease("111122223333")
    assert second.token > first.token
    with pytest.raises(LeaseHeld):
        store.acquire_lease("111122223333")
    second.release()
    store.acquire_lease("111122223333").release()


def test_a_lease_whose_taking_failed_is_nobodys(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("gatekeeper.store.lease.Lease.__init__", gone)
        with pytest.raises(StoreError):
            store.acquire_lease("111122223333")
    store.acquire_lease("111122223333").release()


def test_turns_stay_where_the_store_cannot_say_what_ran(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = Runner(context_of(store), [JOBS["audit"]])
    runner.plan()
    before = runner.next_runs()
    assert before.keys() == {"audit"}
    monkeypatch.setattr(Store, "last_job_runs", gone)
    with pytest.raises(StoreError):
        runner.plan()
    assert runner.next_runs() == before


class OneMessage:
    """A queue with one message, which it hands out again and again."""

    def __init__(self) -> None:
        self.received = 0
        self.hidden: list[float] = []

    def receive(self, *, wait: float = 0) -> tuple[Message, ...]:
        self.received += 1
        return (Message("m-1", "r-1", EVENT, 1),)

    def delete(self, messages: object) -> tuple[Message, ...]:
        raise AssertionError("its effect is not stored")

    def hide(self, message: Message, seconds: float) -> None:
        self.hidden.append(seconds)

    def bury(self, *_: object) -> None:
        raise AssertionError("it makes sense")


def test_while_the_store_is_away_no_message_is_taken(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue, context = OneMessage(), context_of(store)
    asked: list[float] = []

    def away(*_: object) -> None:
        asked.append(time.monotonic())
        if len(asked) == 4:
            context.stop.set()
        raise StoreError("the store is away")

    monkeypatch.setattr(Store, "known_events", away)
    monkeypatch.setattr("gatekeeper.service.watch._LONGEST_PAUSE", 0.02)
    Watcher(context, queue).run(context.stop)
    assert queue.received == 1
    assert queue.hidden == [2.0], "what was in hand comes again soon"
    assert len(asked) == 4


SILENT = """
import sys, threading, time
from concurrent.futures import ThreadPoolExecutor
from gatekeeper.service.ending import LastResort

stop = threading.Event()
last = LastResort(stop, 0.5)
ThreadPoolExecutor(1).submit(time.sleep, float(sys.argv[1]))
stop.set()
if sys.argv[2] == "off":
    last.call_off()
"""


@pytest.mark.parametrize(("silence", "off", "status"), [("30", "on", 0), ("0.1", "off", 0)])
def test_a_process_ends_though_a_call_is_not_answered(silence: str, off: str, status: int) -> None:
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", SILENT, silence, off], timeout=20, capture_output=True, check=False
    )
    assert done.returncode == status
    assert time.monotonic() - began < 15
    assert (b"not answered" in done.stderr) == (off == "on")


def test_what_ended_by_itself_is_left_alone() -> None:
    from gatekeeper.service.ending import LastResort

    stop = threading.Event()
    with LastResort(stop, 0.1):
        pass
    stop.set()
    time.sleep(0.4)
    assert not any(one.name == "last-resort" for one in threading.enumerate())
