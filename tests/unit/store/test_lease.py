"""One process changes an account at a time, and one that no longer may is told so."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from gatekeeper.errors import LeaseHeld, LeaseLost, StoreError, UnknownRecord
from gatekeeper.store import Lease, Store, SystemClock, holder, lease, open_store
from gatekeeper.store.holder import Holder, start_of, this_host, this_process
from tests.servers import unmeasured
from tests.unit.store.conftest import Intruder
from tests.unit.store.given import NOW

ACCOUNT = "111122223333"


@dataclass
class HandClock:
    """A clock that moves when it is told to, or when somebody sleeps."""

    at: datetime = NOW
    seconds: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def now(self) -> datetime:
        return self.at

    def elapsed(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.move(seconds)

    def move(self, seconds: float) -> None:
        self.seconds += seconds
        self.at += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def store(url: str, clock: HandClock) -> Iterator[Store]:
    with open_store(url, clock=clock) as opened:
        yield opened


def journal(store: Store, held: Lease) -> None:
    store.journal("R1", "a1", "Detach", "intent", {}, NOW, held.token)


@pytest.fixture
def running(store: Store) -> Store:
    store.start_run("R1", "P1", "apply", "li", NOW, {"actions": []}, accounts=[ACCOUNT])
    return store


def test_a_second_taker_is_told_who_has_it(store: Store, clock: HandClock) -> None:
    store.acquire_lease(ACCOUNT)
    clock.move(5)
    with pytest.raises(LeaseHeld) as held:
        store.acquire_lease(ACCOUNT)
    host = this_host()[0]
    assert held.value.message.startswith(
        f"account {ACCOUNT} is being changed by process {os.getpid()} on {host} "
        "since 2026-03-02 09:30:00Z"
    )
    assert str(os.getpid()) in held.value.zh
    assert clock.slept == []


def test_other_accounts_are_free(store: Store) -> None:
    store.acquire_lease(ACCOUNT)
    assert store.acquire_lease("999988887777").account_id == "999988887777"


def test_tokens_grow(store: Store) -> None:
    tokens = []
    for account in (ACCOUNT, "999988887777", ACCOUNT, ACCOUNT):
        taken = store.acquire_lease(account)
        tokens.append(taken.token)
        taken.release()
    assert tokens == sorted(set(tokens))


def test_waiting_takes_it_when_it_is_given_back(store: Store, clock: HandClock) -> None:
    first = store.acquire_lease(ACCOUNT)
    sleep = clock.sleep

    def give_back(seconds: float) -> None:
        sleep(seconds)
        if len(clock.slept) == 3:
            first.release()

    clock.sleep = give_back  # type: ignore[method-assign]
    assert store.acquire_lease(ACCOUNT, wait=60).token > first.token
    assert len(clock.slept) == 3


def test_waiting_ends(store: Store, clock: HandClock) -> None:
    first = store.acquire_lease(ACCOUNT)
    with pytest.raises(LeaseHeld, match="waited 7 s"):
        store.acquire_lease(ACCOUNT, wait=7)
    assert sum(clock.slept) == pytest.approx(7)
    first.check()


def test_a_lease_without_a_beat_runs_out_after_a_minute(running: Store, clock: HandClock) -> None:
    first = running.acquire_lease(ACCOUNT)
    clock.move(60)
    first.check()
    clock.move(0.5)
    with pytest.raises(LeaseLost):
        first.check()
    with pytest.raises(LeaseLost):
        journal(running, first)
    second = running.acquire_lease(ACCOUNT)
    journal(running, second)
    with pytest.raises(LeaseLost, match=ACCOUNT):
        first.heartbeat()


def test_a_beat_keeps_it(running: Store, clock: HandClock) -> None:
    held = running.acquire_lease(ACCOUNT)
    for _ in range(10):
        clock.move(50)
        held.heartbeat()
    held.check()
    journal(running, held)
    with pytest.raises(LeaseHeld):
        running.acquire_lease(ACCOUNT)


def test_what_ran_out_is_not_revived(running: Store, clock: HandClock) -> None:
    held = running.acquire_lease(ACCOUNT)
    clock.move(61)
    with pytest.raises(LeaseLost):
        held.heartbeat()
    clock.move(-61)
    with pytest.raises(LeaseLost):
        held.check()


def test_a_lease_taken_by_another_is_lost_at_once(running: Store, intruder: Intruder) -> None:
    held = running.acquire_lease(ACCOUNT)
    intruder.run("UPDATE leases SET token = token + 1")
    for ask in (held.check, held.heartbeat, lambda: journal(running, held)):
        with pytest.raises(LeaseLost):
            ask()
    held.release()
    assert intruder.run("SELECT held FROM leases") == [(1,)]


def test_a_lease_given_back_is_lost(running: Store) -> None:
    held = running.acquire_lease(ACCOUNT)
    held.release()
    with pytest.raises(LeaseLost):
        held.check()
    with pytest.raises(LeaseLost):
        journal(running, held)
    assert running.journal_entries("R1") == ()


def test_the_journal_asks_for_its_run(running: Store) -> None:
    held = running.acquire_lease(ACCOUNT)
    with pytest.raises(UnknownRecord, match="R2"):
        running.journal("R2", "a1", "Detach", "intent", {}, NOW, held.token)


def test_setting_the_clock_neither_ends_nor_keeps_a_lease(store: Store, clock: HandClock) -> None:
    held = store.acquire_lease(ACCOUNT)
    clock.at += timedelta(days=1)
    held.check()
    with pytest.raises(LeaseHeld):
        store.acquire_lease(ACCOUNT)
    clock.at -= timedelta(days=2)
    clock.seconds += 61
    assert store.acquire_lease(ACCOUNT).token > held.token


def test_between_hosts_the_time_of_day_counts(
    store: Store, clock: HandClock, intruder: Intruder
) -> None:
    store.acquire_lease(ACCOUNT)
    intruder.run("UPDATE leases SET host = 'elsewhere', beat_clock = 5")
    with pytest.raises(LeaseHeld, match="on elsewhere"):
        store.acquire_lease(ACCOUNT)
    clock.move(61)
    assert store.acquire_lease(ACCOUNT)


def test_a_waiter_believes_his_own_seconds(
    store: Store, clock: HandClock, intruder: Intruder
) -> None:
    store.acquire_lease(ACCOUNT)
    intruder.run("UPDATE leases SET host = 'elsewhere', beat_at = '2029-01-01T00:00:00.000000Z'")
    with pytest.raises(LeaseHeld):
        store.acquire_lease(ACCOUNT, wait=59)
    assert store.acquire_lease(ACCOUNT, wait=90)
    assert sum(clock.slept) < 59 + 62


def test_a_dead_process_of_this_host_is_replaced_at_once(store: Store, intruder: Intruder) -> None:
    store.acquire_lease(ACCOUNT)
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    intruder.run("UPDATE leases SET pid = ?, started = ?", child.pid, start_of(child.pid))
    with pytest.raises(LeaseHeld):
        store.acquire_lease(ACCOUNT)
    child.kill()
    wait_for(lambda: start_of(child.pid) is None)  # a zombie still: nobody waited for it
    store.acquire_lease(ACCOUNT)
    child.communicate()


def test_a_number_used_again_is_another_process(store: Store, intruder: Intruder) -> None:
    store.acquire_lease(ACCOUNT)
    intruder.run("UPDATE leases SET started = '1'")
    store.acquire_lease(ACCOUNT)


def test_another_boot_or_container_is_not_judged_by_its_number(
    store: Store, intruder: Intruder
) -> None:
    store.acquire_lease(ACCOUNT)
    intruder.run("UPDATE leases SET boot = 'another', pid = 4194304, started = '1'")
    with pytest.raises(LeaseHeld):
        store.acquire_lease(ACCOUNT)


def test_a_process_is_known_by_its_start() -> None:
    me = this_process()
    assert (me.pid, me.host) == (os.getpid(), this_host()[0])
    assert not me.dead()
    assert me._replace(pid=4194304).dead()
    assert start_of(4194304) is None
    assert start_of(os.getpid()) == me.started != ""


def test_without_proc_a_signal_tells(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(holder, "_PROC", tmp_path / "none")
    this_host.cache_clear()
    try:
        me = this_process()
        assert (me.boot, me.started) == ("", "")
        assert not me.dead()
        assert Holder(me.host, "", 4194304, "").dead()
    finally:
        this_host.cache_clear()


def test_the_system_clock_does_not_stand_still() -> None:
    clock = SystemClock()
    before = clock.elapsed()
    clock.sleep(0.01)
    assert 0.01 <= clock.elapsed() - before < 5
    assert clock.now().utcoffset() == timedelta(0)


def wait_for(condition: object, seconds: float = 20) -> None:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_context_beats_by_itself_and_gives_back(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "BEAT_SECONDS", 0.02)
    with open_store(url) as store:
        beats = []
        beat = Lease.heartbeat
        monkeypatch.setattr(Lease, "heartbeat", lambda self: (beats.append(1), beat(self))[1])
        with store.acquire_lease(ACCOUNT) as held:
            assert [thread.daemon for thread in keepers()] == [True]
            wait_for(lambda: len(beats) >= 3)
            held.check()
        assert keepers() == []
        with store.acquire_lease(ACCOUNT) as again:
            assert again.token > held.token


def keepers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("lease-")]


def test_the_beat_stops_when_the_lease_is_lost(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "BEAT_SECONDS", 0.02)
    with open_store(url) as store, store.acquire_lease(ACCOUNT) as held:
        other = Intruder(url)
        other.run("UPDATE leases SET token = token + 1")
        other.close()
        wait_for(lambda: not keepers())
        with pytest.raises(LeaseLost):
            held.check()


def test_the_beat_outlives_a_busy_database(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "BEAT_SECONDS", 0.02)
    monkeypatch.setattr(lease, "_RETRY_SECONDS", 0.02)
    busy, beats = [], []
    beat = Lease.heartbeat

    def hindered(self: Lease) -> None:
        if len(busy) < 3:
            busy.append(1)
            raise StoreError("busy")
        beat(self)
        beats.append(1)

    monkeypatch.setattr(Lease, "heartbeat", hindered)
    with open_store(url) as store, store.acquire_lease(ACCOUNT) as held:
        wait_for(lambda: beats)
        held.check()


def test_a_lease_that_cannot_be_given_back_runs_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("gatekeeper.store.engine.BUSY_SECONDS", 0.05)
    path = tmp_path / "g.db"
    with open_store(f"sqlite:///{path}") as store:
        held = store.acquire_lease(ACCOUNT)
        other = sqlite3.connect(path, isolation_level=None)
        with held:
            other.execute("BEGIN IMMEDIATE")
        other.execute("ROLLBACK")
        other.close()
        assert "not released" in caplog.text
        with pytest.raises(LeaseLost):
            held.check()
        with pytest.raises(LeaseHeld):
            store.acquire_lease(ACCOUNT)


_HOLDER = """
import sys, time
from gatekeeper.store import open_store
with open_store(sys.argv[1]) as store, store.acquire_lease(sys.argv[2]) as lease:
    print(lease.token, flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("end", ["killed", "done"])
def test_between_processes(url: str, root: Path, end: str) -> None:
    with open_store(url) as store:
        child = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", _HOLDER, url, ACCOUNT],
            cwd=root,
            env=unmeasured(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert child.stdout is not None
        token = int(child.stdout.readline())
        with pytest.raises(LeaseHeld, match=f"process {child.pid} on"):
            store.acquire_lease(ACCOUNT, wait=0.3)
        if end == "killed":
            child.send_signal(signal.SIGKILL)
            child.wait(20)
        else:
            child.communicate("", timeout=20)
            assert child.returncode == 0
        began = time.monotonic()
        assert store.acquire_lease(ACCOUNT, wait=20).token > token
        assert time.monotonic() - began < 5
        child.communicate()


_TAKER = """
import sys
from gatekeeper.store import open_store
with open_store(sys.argv[1]) as store:
    for _ in range(4):
        with store.acquire_lease(sys.argv[2], wait=60) as lease:
            print(lease.token, flush=True)
            lease.check()
"""


def test_takers_take_turns(url: str, root: Path) -> None:
    with open_store(url):
        command = [sys.executable, "-W", "error", "-c", _TAKER, url, ACCOUNT]
        takers = [
            subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) for _ in range(2)
        ]
        said = [taker.communicate(timeout=60)[0] for taker in takers]
    assert [taker.returncode for taker in takers] == [0, 0]
    tokens = [int(word) for words in said for word in words.split()]
    assert sorted(tokens) == list(range(1, 9))
