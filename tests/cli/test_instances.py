"""Two instances of the service on one PostgreSQL: shared work, and one that dies in the middle."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from itertools import pairwise

import pytest

from gatekeeper.store import open_store
from tests.cli.test_run import reachable, until
from tests.cli.world import SHOP

pytestmark = [pytest.mark.postgres, pytest.mark.no_cover]
SETTINGS = """
jobs:
  collect: {every: 1s}
  audit: {every: 1h}
  reconcile: {every: 1h}
  close: {every: 1s}
  open: {every: 1h}
http: {listen: null}
"""


@pytest.fixture
def instances(tmp_path, postgresql_url, monkeypatch):
    """Start instances on one store; all are killed at the end."""
    monkeypatch.setenv("GATEKEEPER_STORE", postgresql_url)
    (tmp_path / "service.yaml").write_text(SETTINGS)
    with ExitStack() as stack:

        def start(name):
            log = stack.enter_context((tmp_path / f"{name}.log").open("wb"))
            process = subprocess.Popen(
                [sys.executable, "-m", "gatekeeper", "run", "--config", "service.yaml"],
                cwd=tmp_path,
                env={**os.environ, "PYTHONWARNINGS": "error"},
                stdin=subprocess.DEVNULL,
                stderr=log,
            )
            stack.callback(process.wait, 10)
            stack.callback(process.kill)
            return process

        yield start


def ran(store, *, since=0):
    return {
        run.instance.rpartition(":")[2]
        for run in store.job_runs(limit=1000)
        if run.run_id > since and run.result == "ok"
    }


def newest(store):
    return max((run.run_id for run in store.job_runs(limit=1)), default=0)


def test_two_share_the_work_and_one_takes_over_from_a_dead_one(
    box, instances, gatekeeper, postgresql_url
):
    first, second = instances("first"), instances("second")
    gatekeeper("filings", "import", "filings.csv", status=0)
    with open_store(postgresql_url) as store:
        both = {str(first.pid), str(second.pid)}
        until(lambda: ran(store) == both, 60)
        until(lambda: reachable(box) == {SHOP})
        first.send_signal(signal.SIGKILL)
        first.wait(10)
        mark = newest(store)
        web = box.describe_security_groups(Filters=[{"Name": "group-name", "Values": ["web-wide"]}])
        box.authorize_security_group_ingress(
            GroupId=web["SecurityGroups"][0]["GroupId"],
            IpProtocol="tcp",
            FromPort=80,
            ToPort=443,
            CidrIp="0.0.0.0/0",
        )
        until(lambda: reachable(box) == {SHOP}, 60)
        # What closed it may not have been written down yet.
        assert until(lambda: ran(store, since=mark)) == {str(second.pid)}
        second.send_signal(signal.SIGTERM)
        assert second.wait(30) == 0
        assert store.verify_trail().ok
        assert store.unfinished_runs() == ()
        overlaps(store)


def overlaps(store):
    """No two runs of one job overlap, whoever ran them; a killed one ends when it is found."""
    spans = {}
    for run in store.job_runs(limit=10_000):
        if run.finished_at is not None:
            spans.setdefault(run.job, []).append((run.started_at, run.finished_at))
    for found in spans.values():
        found.sort()
        for (_, end), (start, _) in pairwise(found):
            assert start >= end


@pytest.mark.soak  # tests/unit/service/test_runner.py has a job that loses its lease
def test_a_paused_instance_that_wakes_up_writes_nothing(box, instances, gatekeeper, postgresql_url):
    gatekeeper("filings", "import", "filings.csv", status=0)
    first = instances("first")
    with open_store(postgresql_url) as store:
        until(lambda: ran(store) == {str(first.pid)}, 60)
        until(lambda: any(run.finished_at is None for run in store.job_runs(limit=6)))
        first.send_signal(signal.SIGSTOP)
        held = [run for run in store.job_runs(limit=6) if run.finished_at is None]
        if not held:  # it was stopped between two runs: nothing to find out this time
            first.send_signal(signal.SIGCONT)
            pytest.skip("it was paused between two runs")
        with store._db.write() as connection:  # as if a minute had passed
            connection.exec_driver_sql(
                "UPDATE leases SET beat_at = '2020-01-01T00:00:00.000000Z', beat_clock = -1e9"
            )
        second = instances("second")
        job = held[0].job
        until(
            lambda: any(
                run.job == job and run.instance.endswith(f":{second.pid}")
                for run in store.job_runs(limit=100)
            ),
            90,
        )
        first.send_signal(signal.SIGCONT)
        time.sleep(2)
        lost = next(run for run in store.job_runs(limit=1000) if run.run_id == held[0].run_id)
        assert lost.result == "lost"
        second.send_signal(signal.SIGTERM)
        assert second.wait(30) == 0
        assert store.verify_trail().ok
