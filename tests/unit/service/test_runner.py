"""Turns of jobs: never two of one at once, missed ones made up once, no job in another's way."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from gatekeeper.errors import LeaseHeld, LeaseLost, StoreError
from gatekeeper.policy import default_policy
from gatekeeper.service import Context, parse_config
from gatekeeper.service.jobs import Done, Job
from gatekeeper.service.runner import Runner, run_job
from gatekeeper.store import Store, open_store

AT = datetime(2026, 11, 1, tzinfo=UTC)
OFTEN = "jobs: {collect: {every: 1s}, audit: {every: 1s}, reconcile: {every: 1h}}"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(f"sqlite:///{tmp_path}/gatekeeper.db") as opened:
        yield opened


def context_of(store: Store, text: str = OFTEN, clock: Callable[[], datetime] | None = None):
    return Context(
        store=store,
        region="cn-northwest-1",
        policy=default_policy(),
        config=parse_config(text),
        clock=clock or (lambda: datetime.now(UTC)),
        instance="test:1",
        actor="gatekeeper@test",
    )


def job(name: str, run: Callable[[Context], Done] | None = None) -> Job:
    return Job(name, name, name, run or (lambda _: Done(0, {})))


def running(runner: Runner) -> threading.Thread:
    thread = threading.Thread(target=runner.run, daemon=True)
    thread.start()
    return thread


def until(condition: Callable[[], bool], seconds: float = 8.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.02)


# one run


def test_a_run_is_written_down_from_start_to_end(store: Store) -> None:
    done = run_job(context_of(store), job("audit", lambda _: Done(3, {"new": 2})))
    assert done == (3, {"new": 2})
    kept = store.last_job_runs()["audit"]
    assert (kept.result, kept.status, kept.detail) == ("ok", 3, {"new": 2})
    assert kept.instance == "test:1"
    assert kept.finished_at is not None


@pytest.mark.parametrize(
    ("error", "detail"),
    [(StoreError("no room"), "no room"), (RuntimeError("secret text"), "RuntimeError")],
)
def test_a_run_that_fails_is_written_down_and_raised(
    store: Store, error: Exception, detail: str
) -> None:
    def fail(_: Context) -> Done:
        raise error

    with pytest.raises(type(error)):
        run_job(context_of(store), job("audit", fail))
    kept = store.last_job_runs()["audit"]
    assert (kept.result, kept.status, kept.detail) == ("failed", 1, {"error": detail})


def test_a_job_that_another_instance_runs_is_left_to_it(store: Store) -> None:
    with store.acquire_lease("job:audit"):
        assert run_job(context_of(store), job("audit"), due=True) is None
        with pytest.raises(LeaseHeld):
            run_job(context_of(store), job("audit"))
    assert store.last_job_runs() == {}


def test_a_turn_that_another_instance_has_taken_is_not_run_again(store: Store) -> None:
    now = [AT]
    context = context_of(store, "jobs: {audit: {every: 60s}}", lambda: now[0])
    assert run_job(context, job("audit"), due=True) is not None
    now[0] += timedelta(seconds=30)
    assert run_job(context, job("audit"), due=True) is None
    assert run_job(context, job("audit")) is not None, "asked for by name it runs"
    now[0] += timedelta(seconds=58)
    assert run_job(context, job("audit"), due=True) is not None
    now[0] -= timedelta(hours=1)
    assert run_job(context, job("audit"), due=True) is not None, "the clock was set back"


def test_a_run_whose_process_died_is_due_at_once(store: Store) -> None:
    context = context_of(store, "jobs: {audit: {every: 1h}}", lambda: AT)
    store.start_job("audit", instance="gone", token=1, at=AT)
    assert run_job(context, job("audit"), due=True) is not None
    assert [run.result for run in store.job_runs("audit")] == ["ok", "lost"]


def test_a_job_that_lost_its_lease_writes_nothing_more(store: Store) -> None:
    def paused(context: Context) -> Done:
        with store._db._writing.begin() as connection:  # another instance takes the lease
            connection.exec_driver_sql("UPDATE leases SET token = token + 1")
        context.store.bind_region("cn-north-1")
        return Done(0, {})

    with pytest.raises(LeaseLost):
        run_job(context_of(store), job("audit", paused))
    store.bind_region("cn-northwest-1")  # it was not bound by the paused one
    assert store.last_job_runs()["audit"].finished_at is None


# the loop


def test_jobs_run_by_themselves_and_end_when_asked(store: Store) -> None:
    context = context_of(store)
    runner = Runner(context, [job("collect"), job("audit")])
    thread = running(runner)
    until(lambda: len(store.job_runs("collect")) >= 2 and len(store.job_runs("audit")) >= 2)
    context.stop.set()
    thread.join(10)
    assert not thread.is_alive()
    assert all(run.result == "ok" for run in store.job_runs())
    with store.acquire_lease("job:collect"):
        pass


def test_one_that_fails_or_hangs_does_not_delay_the_others(store: Store) -> None:
    free = threading.Event()

    def fail(_: Context) -> Done:
        raise RuntimeError

    def hang(_: Context) -> Done:
        free.wait(20)
        return Done(0, {})

    context = context_of(store)
    runner = Runner(context, [job("collect", hang), job("audit", fail), job("reconcile")])
    thread = running(runner)
    until(lambda: len(store.job_runs("audit")) >= 3)
    assert len(store.job_runs("collect")) == 1, "it never overlaps itself"
    free.set()
    context.stop.set()
    thread.join(10)
    assert {run.result for run in store.job_runs("audit")} == {"failed"}
    assert len(store.job_runs("reconcile")) == 1


def test_missed_turns_are_made_up_once(store: Store) -> None:
    ran = []
    free = threading.Event()

    def slow(_: Context, *, due: bool) -> Done:
        ran.append(due)
        free.wait(10)
        return Done(0, {})

    runner = Runner(context_of(store), [job("audit")], run=lambda c, j, due: slow(c, due=due))
    line = runner._lines["audit"]
    line.start()
    for _ in range(5):
        line.turn()
        time.sleep(0.05)
    free.set()
    until(lambda: len(ran) == 2)
    time.sleep(0.2)
    assert len(ran) == 2
    assert runner.end(5)


def test_a_store_out_of_reach_gets_another_turn_soon(store: Store) -> None:
    def refuse(*_: object, due: bool) -> Done:
        raise StoreError("no answer")

    runner = Runner(context_of(store, "jobs: {audit: {every: 1h}}"), [job("audit")], run=refuse)
    runner.plan()
    thread = runner._lines["audit"]
    thread.start()
    runner.tick()
    until(lambda: runner.next_runs()["audit"] < datetime.now() + timedelta(seconds=15))  # noqa: DTZ005
    assert runner.end(5)


class Clocks:
    def __init__(self) -> None:
        self.elapsed, self.wall = 0.0, datetime(2026, 11, 1)  # noqa: DTZ001 - as schedule's are

    def pass_(self, seconds: float) -> None:
        self.elapsed += seconds
        self.wall += timedelta(seconds=seconds)


@pytest.mark.parametrize("hours", [-1, 1])
def test_setting_the_clock_neither_loses_nor_adds_a_turn(
    store: Store, hours: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    clocks, turns = Clocks(), []
    runner = Runner(
        context_of(store, "jobs: {audit: {every: 10m}}"),
        [job("audit")],
        elapsed=lambda: clocks.elapsed,
        wall=lambda: clocks.wall,
    )
    runner._lines["audit"].turn = lambda: turns.append(clocks.elapsed)  # type: ignore[method-assign]
    runner.plan()

    class Now(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:
            return clocks.wall

    import datetime as dt

    monkeypatch.setattr(dt, "datetime", Now)
    for second in range(60 * 60):
        if second == 1000:
            clocks.wall += timedelta(hours=hours)
        clocks.pass_(1)
        runner.tick()
    assert len(turns) == 6
    gaps = [round(b - a) for a, b in pairwise(turns)]
    assert all(595 <= gap <= 605 for gap in gaps)


def test_what_was_missed_while_nobody_ran_is_made_up_once_at_the_start(store: Store) -> None:
    now = datetime.now(UTC)
    for name, age in (("audit", timedelta(hours=2)), ("collect", timedelta(minutes=10))):
        run = store.start_job(name, instance="a", token=1, at=now - age)
        store.finish_job(run, result="ok", status=0, at=now - age)
    text = "jobs: {audit: {every: 1h}, collect: {every: 1h}, reconcile: {enabled: false}}"
    runner = Runner(context_of(store, text), [job("audit"), job("collect"), job("reconcile")])
    runner.plan()
    wait = {
        name: (at - datetime.now()).total_seconds()  # noqa: DTZ005
        for name, at in runner.next_runs().items()
    }
    assert wait["audit"] <= 1
    assert 2900 <= wait["collect"] <= 3001
    assert "reconcile" not in wait
