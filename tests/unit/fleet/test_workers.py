"""Who does the work, and what happens to accounts whose worker dies."""

from __future__ import annotations

import pickle
from concurrent.futures import BrokenExecutor, Future
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from gatekeeper import __version__
from gatekeeper.account import ReadStatus
from gatekeeper.aws.session import AccountTarget
from gatekeeper.errors import FleetError, UsageError
from gatekeeper.fleet import Setup, Task, Workers, parse_workers, read_fleet, stream
from gatekeeper.fleet.task import run_task, unread
from gatekeeper.gate import AccountFilings, Sighting
from gatekeeper.policy import default_policy
from gatekeeper.reconcile import Memory
from gatekeeper.survey import Case

NOW = datetime(2026, 6, 1, tzinfo=UTC)
SETUP = Setup(look="x", policy=default_policy(), region="cn-northwest-1", at=NOW)


def task(number):
    name = f"{number:012}"
    return Task(AccountTarget(account_id=name), Case(name, AccountFilings(name), Memory()))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("8", Workers("threads", 8)),
        ("threads:3", Workers("threads", 3)),
        ("processes:4", Workers("processes", 4)),
        ("tcp://scheduler:8786", Workers("cluster", address="tcp://scheduler:8786")),
        ("tls://[::1]:8786", Workers("cluster", address="tls://[::1]:8786")),
    ],
)
def test_workers_by_their_text(text, expected):
    assert parse_workers(text) == expected


@pytest.mark.parametrize("text", ["", "0", "-1", "fibres:3", "processes:", "tcp://", "9999", "8 "])
def test_other_texts_are_wrong_usage(text):
    with pytest.raises(UsageError, match=r"threads:8.*tcp://SCHEDULER") as caught:
        parse_workers(text)
    assert "无效" in caught.value.text("zh")


class Crew:
    """Workers that die as a test says: ``fate(account, attempt)`` is what comes of a task."""

    def __init__(self, fate, capacity=2):
        self.fate = fate
        self.attempts = {}
        self.most = 0
        self.waiting = []
        self.replaced = 0
        self._capacity = capacity

    def submit(self, function, setup, one):
        assert function is run_task
        name = one.case.account_id
        self.attempts[name] = self.attempts.get(name, 0) + 1
        future = Future()
        outcome = self.fate(name, self.attempts[name])
        if outcome == "cancel":
            future.cancel()
            future.set_running_or_notify_cancel()
        elif isinstance(outcome, BaseException):
            future.set_exception(outcome)
        else:
            future.set_result(Sighting(account_id=name, status=ReadStatus.COMPLETE))
        return future

    def capacity(self):
        return self._capacity

    def replace(self):
        self.replaced += 1


def read(monkeypatch, crew, count):
    @contextmanager
    def hired(_workers):
        yield crew

    monkeypatch.setattr(stream, "hired", hired)
    given = []

    def tasks():
        for number in range(count):
            given.append(number)
            yield task(number)

    return given, read_fleet(tasks(), SETUP)


def test_no_more_is_given_out_than_there_is_work_for(monkeypatch):
    given, found = read(monkeypatch, Crew(lambda *_: None, capacity=3), 50)
    next(found)
    assert len(given) == 6
    rest = [one.account_id for one in found]
    assert len(set(rest)) == 49


def test_an_account_whose_worker_died_is_read_by_another(monkeypatch):
    crew = Crew(lambda name, attempt: RuntimeError("gone") if attempt == 1 else None)
    _, found = read(monkeypatch, crew, 5)
    assert {one.status for one in found} == {ReadStatus.COMPLETE}
    assert set(crew.attempts.values()) == {2}


def test_an_account_that_kills_three_workers_is_unreadable_and_hurts_no_other(monkeypatch):
    poison = f"{3:012}"
    crew = Crew(lambda name, _: BrokenExecutor("killed") if name == poison else None)
    _, found = read(monkeypatch, crew, 8)
    found = {one.account_id: one for one in found}
    assert len(found) == 8
    assert {one.status for name, one in found.items() if name != poison} == {ReadStatus.COMPLETE}
    lost = found[poison]
    assert lost.status is ReadStatus.UNREADABLE
    assert [(f.code, f.operation) for f in lost.failures] == [("WorkerLost", "*")]
    assert "3 workers were lost with it (BrokenExecutor: killed)" in lost.failures[0].message
    assert [f.code for f in lost.findings] == ["account-unreadable"]
    assert crew.attempts[poison] == 3
    assert crew.replaced == 3


def test_a_task_that_the_cluster_gave_up_is_tried_again(monkeypatch):
    crew = Crew(lambda name, attempt: "cancel" if attempt < 3 else None)
    _, found = read(monkeypatch, crew, 2)
    assert [one.status for one in found] == [ReadStatus.COMPLETE] * 2


def test_workers_that_never_live_end_the_look(monkeypatch):
    crew = Crew(lambda *_: BrokenExecutor("cannot start"))
    _, found = read(monkeypatch, crew, 500)
    with pytest.raises(FleetError, match="workers died 12 times with nothing done") as caught:
        list(found)
    assert "cannot start" in str(caught.value)
    assert "工作进程" in caught.value.text("zh")
    assert len(crew.attempts) < 20


def test_a_broken_pool_refuses_what_is_submitted(monkeypatch):
    crew = Crew(lambda *_: None)
    plain, broken = crew.submit, []

    def submit(*arguments):
        if not broken:
            broken.append(1)
            raise BrokenExecutor
        return plain(*arguments)

    crew.submit = submit
    _, found = read(monkeypatch, crew, 3)
    assert [one.status for one in found] == [ReadStatus.COMPLETE] * 3


def test_a_worker_of_another_version_judges_nothing():
    other = Setup(look="x", policy=SETUP.policy, region=SETUP.region, at=NOW, version="0.0.1")
    sighting = run_task(other, task(1))
    assert sighting.status is ReadStatus.UNREADABLE
    [failure] = sighting.failures
    assert failure.code == "WorkerVersion"
    assert f"gatekeeper {__version__}, not 0.0.1" in failure.message


def test_a_defect_met_in_one_account_is_said_and_stays_there(monkeypatch, caplog):
    from gatekeeper.aws import collect
    from gatekeeper.fleet import task as tasks

    monkeypatch.setattr(collect, "read_account", lambda *_: unread(SETUP, task(1), "X", "x"))
    plain = tasks.look_at

    def broken(state, *rest, **more):
        if getattr(state, "region", None) is None:  # what read_account gave
            raise KeyError("oops")
        return plain(state, *rest, **more)

    monkeypatch.setattr(tasks, "look_at", broken)
    sighting = run_task(SETUP, task(1))
    assert [f.code for f in sighting.failures] == ["Internal"]
    assert "KeyError: see the log" in sighting.failures[0].message
    assert "could not be judged" in caplog.text


def test_without_the_library_a_cluster_is_refused_in_one_line(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(FleetError, match=r"install gatekeeper\[fleet\]") as caught:
        list(read_fleet([], SETUP, parse_workers("tcp://127.0.0.1:1")))
    assert "请安装" in caught.value.text("zh")


def test_a_task_brings_the_refreshed_ranges_with_it(monkeypatch):
    """A worker in another process knows the packaged ones alone, until a task comes."""
    from dataclasses import replace

    from gatekeeper.account import Failure, outside_region, packaged_ranges, unreadable, use_ranges
    from gatekeeper.aws import collect

    packaged = packaged_ranges()
    families = {"ipv4": ("52.99.0.0/16",), "ipv6": ()}
    newer = replace(
        packaged, sync_token=packaged.sync_token + 1, regions={"cn-northwest-1": families}
    )
    state = unreadable("000000000001", SETUP.region, Failure("*", "X", "x"))
    monkeypatch.setattr(collect, "read_account", lambda *_: state)
    assert outside_region("52.99.0.1", "cn-northwest-1") is True
    try:
        run_task(pickle.loads(pickle.dumps(replace(SETUP, ranges=newer))), task(1))
        assert outside_region("52.99.0.1", "cn-northwest-1") is False
    finally:
        use_ranges(None)
